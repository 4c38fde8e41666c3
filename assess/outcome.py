"""What verdicts are made from and what they are made into on the way: a zone's span with its minutes, and one result with all that stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

from assess.bounds import Air, Result
from assess.gather import Calibrations, Measured, measured
from assess.limits import profiles_of
from assess.live import LiveWindow
from assess.minutes import Series
from assess.once import once
from assess.plan import Placement, Span
from assess.wbgt import Wbgt, wbgt_of
from domain.lab import LabResult
from domain.reading import Reading
from domain.times import to_datetime
from domain.verdict import Grade, LimitOf
from models.airborne.atmosphere import pressure_at
from models.arrays import Mask
from models.limits.profile import Profile

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirWindows:
    """Live windows of one airborne quantity, of means: by minutes, and of the shift so far; each value, low, high with NaN for none and infinity for no bound."""

    last: Mapping[int, tuple[float, float, float]]
    shift: tuple[float, float, float]
    covered: Mapping[int, int]  # valid minutes of exposure in the last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredGap:
    """A span without samples of a whole agent, as the agent or the centre said."""

    agent: str
    start_us: int
    stop_us: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A laboratory result that stands; `root`: the first of the results that it corrects."""

    id: int
    root: int
    result: LabResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SolvedWbgt:
    """The WBGT of one placement and what it was solved from; `kind`: instruments and agreements by which it was."""

    kind: Hashable
    found: Mapping[str, Measured]
    wbgt: Wbgt


@dataclass(frozen=True, slots=True)
class WbgtNow:
    """The WBGT of the freshest readings of one placement, and how far it may be off, K."""

    value: float
    below: float
    above: float
    uncertainty: float  # what `action` begins below the limit
    used: Sequence[Measured]
    reasons: Sequence[str]


@dataclass(kw_only=True)
class ZoneShift:
    """A span with its minutes and all else that its results rest on."""

    span: Span
    series: Mapping[str, Series]
    calibrations: Calibrations
    final: bool
    record_high: Callable[[str], float | None] = lambda _channel: None
    declared_gaps: Callable[[Span], Sequence[DeclaredGap]] = lambda _span: ()
    samples: Callable[[Span], Sequence[Sample]] = lambda _span: ()
    rest: Callable[[str], ZoneShift | None] = lambda _zone: None  # another zone of the site over the same minutes
    before: ZoneShift | None = None  # of the minute before: what has not changed since is not solved again
    live: dict[str, list[LiveWindow]] = field(default_factory=dict)  # by placement: live windows that change with the minute only
    looked: dict[str, tuple[list[Reading | None], list[LiveWindow]]] = field(default_factory=dict)  # by placement: the freshest readings and their windows
    asked: dict[str, tuple[object, list[Reading | None]]] = field(default_factory=dict)  # by placement: the freshest readings of one look
    air: dict[tuple[str, str], AirWindows] = field(default_factory=dict)  # by placement and quantity: filled for all zones at once
    solved: dict[str, SolvedWbgt] = field(default_factory=dict)  # by placement
    wbgt_now: dict[str, tuple[object, WbgtNow | None]] = field(default_factory=dict)  # by placement: of the readings of one look
    _cache: dict[tuple[str, str], Measured | None] = field(default_factory=dict)
    _wbgt: dict[str, Wbgt | None] = field(default_factory=dict)
    _found: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What several results ask for is found once."""
        return once(self._found, key, make)

    def measure(self, placement: Placement, quantity: str) -> Measured | None:
        key = (placement.label, quantity)
        if key not in self._cache:
            found = measured(self.span, placement, quantity, self.series, self.calibrations)
            self._cache[key] = found
            if found is not None:
                others = (self.measure(beside, quantity) for beside in self._beside(placement))
                found.cover = next((other for other in others if other is not None and other.in_date), None)
        return self._cache[key]

    def take(self, key: tuple[str, str], found: Measured) -> None:
        """What was measured for many placements at once, by placement and quantity."""
        self._cache.setdefault(key, found)

    def take_wbgt(self, placement: Placement, found: Wbgt) -> None:
        self._wbgt.setdefault(placement.label, found)

    def stands_beside(self, placement: Placement) -> bool:
        """Whether another agent's instruments stand at the same place."""
        return "@" in placement.label

    def wbgt(self, placement: Placement) -> Wbgt | None:
        if placement.label not in self._wbgt:
            found = wbgt_of(lambda quantity: self.measure(placement, quantity), self.span.worst_case("globe_temperature"), pressure_at(self.span.site.height_m))
            self._wbgt[placement.label] = found
            if found is not None:
                others = (self.wbgt(beside) for beside in self._beside(placement))
                found.cover = next((other for other in others if other is not None and other.in_date), None)
        return self._wbgt[placement.label]

    def _beside(self, placement: Placement) -> list[Placement]:
        """Other agents' instruments at the same place."""
        place = placement.label.partition("@")[0]
        return [other for other in self.span.placements if other.label != placement.label and other.label.partition("@")[0] == place]

    @cached_property
    def gaps(self) -> Sequence[DeclaredGap]:
        """Declared gaps of its agents, asked for once and only where minutes are missing."""
        return self.declared_gaps(self.span)

    @property
    def day(self) -> date:
        return self.span.shift.date if self.span.shift else to_datetime(self.span.start_us).date()

    @cached_property
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
    air: Air | None = None  # by which a mass concentration was taken to the limit's conditions
