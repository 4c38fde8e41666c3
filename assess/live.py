"""What a zone looks like now: the running windows of its hazards against what begins `action` and `stop` (protection, contract 4.1)."""

from __future__ import annotations

import msgspec

from domain.hazards import ZoneStatus
from domain.verdict import LimitOf, ShiftOf


class LiveWindow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One running window of one hazard at one placement. `value` None: nothing valid in it."""

    hazard: str
    metric: str  # wbgt_now, wbgt_effective_60min, dose_3db, twa, stel_15min, ceiling, ...
    placement: str
    channels: list[str]
    start_us: int
    stop_us: int
    value: float | None
    low: float | None
    high: float | None
    unit: str
    limit: LimitOf | None  # the strictest adopted
    action_from: float | None  # `action` begins when value is over this
    stop_from: float | None
    status: ZoneStatus
    proven: bool  # low bound over the limit; else "probably over, not proven"
    coverage: float
    reasons: list[str] = []


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Where one running value is heading (advisory: it enters no verdict). Only of what is not over its limit yet."""

    hazard: str
    metric: str
    placement: str
    value: float
    unit: str
    limit: LimitOf
    probability: dict[str, float]  # over the limit within 15, 30, 60 (min), and by `shift_end`
    fan: dict[str, float]  # p10, p50, p90 of the highest value within the hour, or of the value at the end of the shift
    fan_at_us: int
    expected_at_us: int | None  # when it is likelier over than not
    likely: bool
    method: str
    known: int  # past moments, or past shifts, that it rests on; 0: on nothing but the present
    since_us: int  # first moment that it learned from


class LiveZone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A zone's live state; `hazards` maps each hazard the zone has (planned or measured) to its status."""

    site: str
    zone: str
    at_us: int
    shift: ShiftOf | None
    status: ZoneStatus
    hazards: dict[str, ZoneStatus]
    windows: list[LiveWindow]
    silent: list[str] = []  # channels without a fresh value
    simulated: bool = False
    forecasts: list[Forecast] = []
