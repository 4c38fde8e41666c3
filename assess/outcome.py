"""What verdicts are made from and what they are made into on the way: a zone's span with its minutes, and one result with all that stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from assess import heat
from assess.bounds import Result
from assess.gather import Calibrations, Measured, measured
from assess.limits import profiles_of
from assess.live import LiveWindow
from assess.minutes import Series
from assess.plan import Placement, Span
from domain.times import to_datetime
from domain.verdict import Grade, LimitOf
from models.arrays import Mask
from models.limits.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class AirWindows:
    """Live windows of one airborne quantity, of means: by minutes, and of the shift so far; each value, low, high with NaN for none and infinity for no bound."""

    last: Mapping[int, tuple[float, float, float]]
    shift: tuple[float, float, float]


@dataclass(slots=True, kw_only=True)
class ZoneShift:
    """A span with its minutes and all else that its results rest on."""

    span: Span
    series: Mapping[str, Series]
    calibrations: Calibrations
    final: bool
    record_high: Callable[[str], float | None] = lambda _channel: None
    live: dict[str, list[LiveWindow]] = field(default_factory=dict)  # by placement: live windows that change with the minute only
    air: dict[tuple[str, str], AirWindows] = field(default_factory=dict)  # by placement and quantity: filled for all zones at once
    _cache: dict[tuple[str, str], Measured | None] = field(default_factory=dict)
    _wbgt: dict[str, heat.Wbgt | None] = field(default_factory=dict)

    def measure(self, placement: Placement, quantity: str) -> Measured | None:
        key = (placement.label, quantity)
        if key not in self._cache:
            self._cache[key] = measured(self.span, placement, quantity, self.series, self.calibrations)
        return self._cache[key]

    def wbgt(self, placement: Placement) -> heat.Wbgt | None:
        if placement.label not in self._wbgt:
            self._wbgt[placement.label] = heat.wbgt_of(lambda quantity: self.measure(placement, quantity), self.span.worst_case("globe_temperature"))
        return self._wbgt[placement.label]

    @property
    def day(self) -> date:
        return self.span.shift.date if self.span.shift else to_datetime(self.span.start_us).date()

    @property
    def profiles(self) -> tuple[list[Profile], list[str]]:
        return profiles_of(self.span.site.profiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One result on its way to a verdict."""

    hazard: str
    placement: str
    limit: LimitOf
    metric: str
    unit: str
    accepts_screening: bool
    action_level: float | None
    result: Result
    used: Sequence[Measured]
    valid: Mask
    method: str
    method_grade: Grade
    notes: Sequence[str] = ()
