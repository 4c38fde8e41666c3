"""Where all sensors' points come together: stamped with the agent's time, counted, grouped by the tick, and committed to the outbox as one pack."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from domain.ids import channel_id
from domain.messages import SensorHealth
from domain.quality import Reason
from domain.reading import Reading
from domain.times import SECOND_US
from edge_agent.drivers.base import Point
from edge_agent.outbox import Outbox
from edge_agent.timebase import Timebase

log = logging.getLogger(__name__)

TICK_S = 0.2
"""Readings that come within it share a pack and a disk flush; it is what a kill -9 may cost, and adds this much to the age of live values."""


@dataclass(slots=True)
class SensorFeed:
    """One sensor's way in: implements a driver's `Reporter`. Times of one sensor rise strictly, so that no two of its frames share an identity."""

    sensor: str
    agent: str
    simulated: bool
    timebase: Timebase
    put: Callable[[list[Reading]], None]
    moment: AbstractContextManager[object] = field(default_factory=threading.RLock, repr=False)
    """Held from the stamp until it is with the sampler: a correction of the clock comes before or after."""
    good: int = 0
    bad: int = 0
    last_good_us: int | None = None
    trouble_text: str = ""
    _last_us: int = field(default=0, repr=False)

    def points(self, points: Sequence[Point]) -> None:
        """Points of one moment: now. A frame counts as good when any of its values is."""
        with self.moment:
            self._last_us = time_us = max(self.timebase.now_us(), self._last_us + 1)
            self.put([self._reading(point, time_us) for point in points])
        if any(point.is_good for point in points):
            self.good += 1
            self.last_good_us = self.timebase.monotonic_us()
        else:
            self.bad += 1

    def trouble(self, text: str) -> None:
        """What is wrong, told once per change."""
        if text != self.trouble_text:
            (log.warning if text else log.info)("sensor %s: %s", self.sensor, text or "reads again")
            self.trouble_text = text

    def corrected(self) -> None:
        """The agent's time was set back by a new boot: begin again."""
        self._last_us = 0

    def health(self) -> SensorHealth:
        age_s = None if self.last_good_us is None else (self.timebase.monotonic_us() - self.last_good_us) / SECOND_US
        return SensorHealth(good=self.good, bad=self.bad, last_good_age_s=age_s)

    def _reading(self, point: Point, time_us: int) -> Reading:
        reasons = (*point.r, int(Reason.SIMULATED)) if self.simulated else point.r
        return Reading(channel_id(self.agent, point.placement, point.quantity), time_us, point.value, int(point.q), tuple(int(code) for code in reasons))


class Sampler:
    """Groups readings by the tick."""

    def __init__(self, outbox: Outbox, timebase: Timebase, committed: Callable[[], None]) -> None:
        self._outbox, self._timebase, self._committed = outbox, timebase, committed
        self._waiting: list[Reading] = []
        self._lock, self._flushing, self.moment = threading.Lock(), threading.RLock(), threading.RLock()
        self._something = threading.Event()

    def put(self, readings: list[Reading]) -> None:
        """From any thread."""
        with self._lock:
            self._waiting += readings
        self._something.set()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, and then once more for what is left."""
        while not stop.is_set():
            if self._something.wait(1.0):
                stop.wait(TICK_S)
                self.flush()
        self.flush()

    def wake(self) -> None:
        self._something.set()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is stamped and nothing is committed by others meanwhile."""
        with self._flushing, self.moment:
            yield

    def flush(self) -> None:
        """Commit what has come; what the outbox did not take stays for the next tick."""
        with self._flushing:
            self._flush()

    def _flush(self) -> None:
        self._something.clear()
        with self._lock:
            readings = list(self._waiting)
        if not readings:
            return
        self._outbox.append(readings, sync=self._timebase.synchronised)
        with self._lock:
            del self._waiting[: len(readings)]
        self._committed()
