"""On and off delays in event time: what is raised depends on the points alone, in whatever order they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from domain.times import MINUTE_US, SECOND_US

STEP_US = 90 * SECOND_US
"""Windows move on by a minute; points further apart than a minute and a half leave a hole, and over a hole nothing is continuous."""
HORIZON_US = 15 * MINUTE_US
"""Points older than this, and than the delays, are settled."""


class Reach(Enum):
    """Where a value lies relative to a set-point; `BAND` is the deadband below it, `UNKNOWN` no value."""

    UNKNOWN = 0
    UNDER = 1
    BAND = 2
    OVER = 3


def reach(value: float | None, set_point: float, deadband: float) -> Reach:
    """A value at the set-point is not over it."""
    if value is None:
        return Reach.UNKNOWN
    if value > set_point:
        return Reach.OVER
    return Reach.BAND if value > set_point - deadband else Reach.UNDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    on_us: int = 0
    off_us: int = 0


@dataclass(slots=True)
class Run:
    """A pass over points in time order."""

    delays: Delays
    raised_us: int | None = None
    over_since: int | None = None
    under_since: int | None = None
    last_us: int | None = None
    last_raised_us: int | None = None  # also of an excursion that has returned
    returned_us: int | None = None

    def step(self, time_us: int, where: Reach, step_us: int) -> None:
        if self.last_us is not None and time_us - self.last_us > step_us:
            self.over_since = self.under_since = None
        self.last_us = time_us
        if self.raised_us is None:
            self._wait_to_raise(time_us, where)
        else:
            self._wait_to_return(time_us, where)

    def _wait_to_raise(self, time_us: int, where: Reach) -> None:
        self.over_since = None if where is not Reach.OVER else time_us if self.over_since is None else self.over_since
        if self.over_since is not None and time_us - self.over_since >= self.delays.on_us:
            self.raised_us = self.last_raised_us = time_us
            self.under_since = None

    def _wait_to_return(self, time_us: int, where: Reach) -> None:
        self.under_since = None if where is not Reach.UNDER else time_us if self.under_since is None else self.under_since
        if self.under_since is not None and time_us - self.under_since >= self.delays.off_us:
            self.raised_us, self.over_since, self.returned_us = None, None, time_us


def run_over(points: Iterable[tuple[int, Reach]], delays: Delays, step_us: int = STEP_US) -> Run:
    """The state after these points, whatever their order."""
    run = Run(delays)
    for time_us, where in sorted(points, key=lambda point: point[0]):
        run.step(time_us, where, step_us)
    return run


@dataclass(slots=True)
class Tracker:
    """Follows one condition as its points arrive, late ones too."""

    settled: Run
    points: dict[int, tuple[Reach, int]] = field(default_factory=dict)
    _run: Run | None = None  # after all points
    _newest_us: int = -(2**62)

    def add(self, time_us: int, where: Reach, step_us: int = STEP_US) -> Run:
        """The state with this point; a point older than what is settled changes nothing."""
        if self.settled.last_us is None or time_us > self.settled.last_us:
            self.points[time_us] = (where, step_us)
        if self._run is not None and time_us > self._newest_us:
            self._run.step(time_us, where, step_us)
        else:
            self._run = self._anew()
        self._newest_us = max(self._newest_us, time_us)
        self._settle()
        return self._run

    def _anew(self) -> Run:
        run = replace(self.settled)
        for moment in sorted(self.points):
            run.step(moment, *self.points[moment])
        return run

    def _settle(self) -> None:
        horizon = self._newest_us - HORIZON_US - max(self.settled.delays.on_us, self.settled.delays.off_us)
        if next(iter(self.points), horizon) >= horizon:
            return
        for moment in sorted(self.points):
            if moment >= horizon:
                break
            self.settled.step(moment, *self.points.pop(moment))
