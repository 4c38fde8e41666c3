"""A synthetic garment factory to measure with: one site, a zone a node, eight channels a zone, one day shift; its minutes drawn at random or of a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from assess.minutes import Series
from domain.quantities import quantity_of
from domain.reading import Minute
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Entry, Instrument, ShiftSpec, SiteFile, SiteSpec, Workers, ZoneSpec, entries_of
from domain.shifts import Shift, shift_on
from domain.times import MINUTE_US

TIMEZONE = "Asia/Ho_Chi_Minh"
FIRST_DAY = date(2025, 1, 6)
SAMPLES = 6
"""A minute, at an interval of 10 s."""
LEVELS: Mapping[str, tuple[float, float]] = {
    "air_temperature": (31.0, 1.5),
    "relative_humidity": (65.0, 5.0),
    "globe_temperature": (33.5, 1.5),
    "air_speed": (0.4, 0.1),
    "sound_level_a_eq": (83.0, 3.0),
    "sound_level_c_peak": (110.0, 6.0),
    "co": (8.0, 3.0),
    "co2": (900.0, 150.0),
}
"""Mean and spread of the minutes of each quantity: a hot line beside a press."""
PLAN = ShiftSpec(name="A", start="07:00", stop="16:00", breaks=[("11:30", "12:15")], days=["mon", "tue", "wed", "thu", "fri", "sat"])


def factory(zones: int, site: str = "f1") -> SiteFile:
    """Node n is agent-n in zone-n; instruments of the best class, placed by agreement, calibrated once."""
    agents = [AgentSpec(id=f"agent-{number}", channels=[_channel(number, quantity) for quantity in LEVELS]) for number in range(zones)]
    return SiteFile(
        site=SiteSpec(id=site, name="Factory", timezone=TIMEZONE, country="VN", profiles=["vn", "us-niosh"]),
        shifts=[PLAN],
        zones=[_zone(number) for number in range(zones)],
        agents=agents,
        calibrations=[calibration(f"{agent.id}.{spec.placement}.{spec.quantity}", FIRST_DAY - timedelta(days=30)) for agent in agents for spec in agent.channels],
    )


def calibration(channel: str, day: date, offset: float = 0.0) -> CalibrationSpec:
    return CalibrationSpec(
        id=f"{channel}-{day}", channel=channel, type="factory", performed_at=day.isoformat(), by="laboratory", next_due=str(day.replace(year=day.year + 2)), offset=offset
    )


def entries(file: SiteFile) -> list[Entry]:
    return entries_of(file, valid_from_us=ALWAYS_US, recorded_us=0, author="bench", reason="")


def shifts(number: int) -> Iterator[Shift]:
    """The first so many working days."""
    day = FIRST_DAY
    while number:
        shift = shift_on(PLAN, day, ZoneInfo(TIMEZONE))
        if shift is not None:
            yield shift
            number -= 1
        day += timedelta(days=1)


def drawn(channel: str, start_us: int, minutes: int, rng: np.random.Generator) -> Series:
    """One shift of a channel, with a gap of five minutes."""
    mean, spread = LEVELS[channel.rpartition(".")[2]]
    value = np.maximum(rng.normal(mean, spread, minutes), 0.0)
    no = np.zeros(minutes, dtype=bool)
    samples = np.full(minutes, SAMPLES, dtype=np.int32)
    gap = slice(first := int(rng.integers(0, minutes - 5)), first + 5)
    value[gap], samples[gap] = np.nan, 0
    return Series(start_us, value, value + 0.5 * spread, samples, no, no.copy(), no.copy(), no.copy())


def as_minutes(channel: str, series: Series) -> list[Minute]:
    """As ingest would have stored them."""
    quantity = quantity_of(channel.rpartition(".")[2])
    energies = quantity is not None and quantity.averaging.value == "energy"
    peak = quantity is not None and quantity.averaging.value == "maximum"
    found = []
    for index, (value, top) in enumerate(zip(series.value.tolist(), series.top.tolist(), strict=True)):
        if value == value:  # noqa: PLR0124 - NaN is no minute
            total = top if peak else SAMPLES * (10.0 ** (value / 10.0) if energies else value)
            found.append(Minute(channel=channel, start_us=series.start_us + index * MINUTE_US, valid=SAMPLES, rejected=0, total=total, low=value, high=top))
    return found


def _zone(number: int) -> ZoneSpec:
    return ZoneSpec(
        id=f"zone-{number}",
        name=f"Line {number}",
        hazards=["heat", "noise", "gas:co", "air_quality"],
        metabolic_rate_w=250.0,
        acclimatised="unknown",
        clothing="work_clothes",
        workers=Workers(women=41, men=9),
    )


def _channel(number: int, quantity: str) -> ChannelSpec:
    instrument = Instrument(model="m", serial=f"{number}-{quantity}", grade="compliance", globe_diameter_mm=50.0 if quantity == "globe_temperature" else None)
    return ChannelSpec(
        placement=f"zone-{number}", quantity=quantity, zone=f"zone-{number}", interval_s=60.0 / SAMPLES, instrument=instrument, agreed_by=["worker side", "management"]
    )
