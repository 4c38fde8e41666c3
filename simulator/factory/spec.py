"""What a long record of a factory needs beyond a scenario of hours: climate, calendar, power, posts, how often something happens or a sensor fails."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
EventKind = Literal["steam_leak", "ventilation_stops", "solvent_spill", "machine_noise"]
FaultKind = Literal["stuck", "spike", "noise", "bias", "drift", "dropout", "calibration", "saturation", "cross_sensitivity"]


class Work(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The working week; the shift's length and main break are the scenario's."""

    begins: Annotated[str, msgspec.Meta(pattern=r"^\d\d:\d\d$")] = "07:00"
    days_off: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = (7,)  # 1 is Monday
    holidays: list[Annotated[int, msgspec.Meta(ge=0)]] = []  # days since the record's start
    overtime_share: Share = 0.3  # of working days
    overtime_h: Fraction = 2.0
    prayers: list[Annotated[str, msgspec.Meta(pattern=r"^\d\d:\d\d$")]] = []
    prayer_min: Positive = 15.0
    prayer_share: Share = 0.6  # of people who leave their place
    cleaning_min: Fraction = 30.0  # after the shift, with wet floors
    maintenance_weekday: Annotated[int, msgspec.Meta(ge=0, le=7)] = 6  # 0: never; half of the machines stand for the last 90 min


class Power(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grid, and what stands in for it."""

    cuts_per_day: Fraction = 0.4
    cut_min: Positive = 35.0  # mean
    generator_share: Share = 0.6  # of machines and fans; 0: none
    generator_after_s: Fraction = 40.0


class Post(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count` like posts of sensors in a zone, one agent each; more of them than the scenario has lines for."""

    zone: str
    agent: str
    senses: Annotated[list[str], msgspec.Meta(min_length=1)]
    count: Annotated[int, msgspec.Meta(ge=1, le=200)] = 1


class Course(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it; without one the defaults hold."""

    climate: Literal["hot-humid", "monsoon-delta", "hot-dry", "highland"] = "hot-humid"
    work: Work = Work()
    power: Power = Power()
    posts: list[Post] = []
    doors_m3_s: Fraction = 0.4  # exchanged between zones that follow one another
    calibrated_every_days: Annotated[int, msgspec.Meta(ge=0)] = 91  # instruments are compared with a reference on the first day and so often after; 0: never
    events_per_zone_week: dict[EventKind, Fraction] = {}
    faults_per_sensor_week: dict[FaultKind, Fraction] = {}
