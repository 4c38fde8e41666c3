"""The JSON that the REST interface answers with (contract 4). Field names are public and stay."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec

from assess.live import Forecast, LiveWindow
from domain.hazards import ZoneStatus
from domain.registry import Instrument
from domain.times import to_rfc3339
from domain.verdict import LimitOf, ShiftOf, Verdict, WorkersOf

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """One page of a collection; `next` goes back as `?cursor=`."""

    items: list[Item]
    next: str | None = None


class ShiftPlanJson(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    start: str
    stop: str
    days: list[str]
    breaks: list[tuple[str, str]]
    zones: list[str]


class SiteJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    timezone: str
    country: str
    profiles: list[str]
    shifts: list[ShiftPlanJson]
    status: str


class ZoneJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    site: str
    name: str
    status: str
    metabolic_rate_w: float | None
    metabolic_rate_measured: bool
    clothing: str
    acclimatised: str
    workers: WorkersOf | None
    hazards: list[str]
    empty_in_breaks: bool
    plan: list[float]


class ChannelJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    agent: str
    placement: str
    quantity: str
    name: str
    zone: str
    unit: str
    interval_s: float
    use: str
    basis: str
    instrument: Instrument | None
    height_m: float | None
    distance_to_source_m: float | None
    agreed_by: list[str]


class ReadingJson(msgspec.Struct, frozen=True):
    time: str
    value: float | None
    q: int
    r: list[int]


class AggregateJson(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket [start, stop); `n` of `expected` samples count."""

    start: str
    stop: str
    value: float | None
    min: float | None
    max: float | None
    n: int
    expected: int
    coverage: float


class ChannelNow(msgspec.Struct, frozen=True, kw_only=True):
    """The last value of a channel: `age_s` and `fresh` say whether it may be called live; `q` and `r` are those of the newest record, which may have no value."""

    channel: str
    quantity: str
    value: float | None
    unit: str
    time: str | None
    age_s: float | None
    q: int | None
    r: list[int]
    fresh: bool


class HoleJson(msgspec.Struct, frozen=True, kw_only=True):
    """A span without samples; `missing`: how many should be there."""

    from_: str = msgspec.field(name="from")
    to: str
    cause: str
    missing: int


class CompletenessJson(msgspec.Struct, frozen=True, kw_only=True):
    """How many samples should exist, how many do, and why the others do not."""

    start: str
    stop: str
    expected: int
    stored: int
    holes: list[HoleJson]


class SuspectJson(msgspec.Struct, frozen=True, kw_only=True):
    """What a model suspects; it silences nothing and enters no verdict."""

    channel: str
    kind: str
    fault_type: str
    since: str
    score: float
    text: str


class ForecastJson(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running value is heading; it enters no verdict. `probability` of being over the limit within 15, 30 and 60 min and by `shift_end`; `fan` p10, p50, p90 at `fan_at`."""

    hazard: str
    metric: str
    placement: str
    value: float
    unit: str
    limit: LimitOf
    probability: dict[str, float]
    expected_at: str | None
    likely: bool
    fan: dict[str, float]
    fan_at: str
    method: str
    known: int
    since: str


def forecast_json(forecast: Forecast) -> ForecastJson:
    """With its times as the contract writes them."""
    fields = {name: getattr(forecast, name) for name in forecast.__struct_fields__ if not name.endswith("_us")}
    expected = None if forecast.expected_at_us is None else to_rfc3339(forecast.expected_at_us)
    return ForecastJson(**fields, expected_at=expected, fan_at=to_rfc3339(forecast.fan_at_us), since=to_rfc3339(forecast.since_us))


class WindowJson(msgspec.Struct, frozen=True, kw_only=True):
    """A running window [start, stop) of one hazard at one placement, and what begins `action` and `stop` in it."""

    hazard: str
    metric: str
    placement: str
    channels: list[str]
    start: str
    stop: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    limit: LimitOf | None
    action_from: float | None
    stop_from: float | None
    status: ZoneStatus
    proven: bool
    coverage: float
    reasons: list[str]


def window_json(window: LiveWindow) -> WindowJson:
    """With its times as the contract writes them."""
    fields = {name: getattr(window, name) for name in window.__struct_fields__ if name not in ("start_us", "stop_us")}
    return WindowJson(**fields, start=to_rfc3339(window.start_us), stop=to_rfc3339(window.stop_us))


class ZoneNow(msgspec.Struct, frozen=True, kw_only=True):
    """Live state of a zone. `windows` are what `status` rests on."""

    zone: str
    status: Literal["within", "action", "stop", "unknown"]
    since: str | None
    at: str | None
    shift: ShiftOf | None
    hazards: dict[str, str]
    channels: list[ChannelNow]
    windows: list[WindowJson]
    verdicts: list[Verdict]
    suspects: list[SuspectJson]
    forecasts: list[ForecastJson]
    advice: str
    silent: list[str]
    simulated: bool


class AgentJson(msgspec.Struct, frozen=True, kw_only=True):
    """A measuring device as the wire sees it; `enrolled` false: waiting to be enrolled."""

    agent: str
    site: str | None
    enrolled: bool
    state: str
    since: str | None
    last_seen: str | None
    version: str
    config: str
    boot: str
    health: dict[str, Any] | None


class QuarantineJson(msgspec.Struct, frozen=True, kw_only=True):
    """What was refused, and why; it is kept and counted."""

    id: int
    agent: str
    site: str | None
    boot: str
    seq: int
    reason: str
    detail: str
    bytes: int
    whole: bool
    arrived_at: str
    state: str
    times: int


class ActionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes with a step of an alert."""

    text: str = ""
    minutes: int | None = None
