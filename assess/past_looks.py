"""Looks at past minutes as they would have been live, so that the forecasts know the week before they began and what came late: from stored minutes, a little with each tick."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assess.forecasts import KEPT, STEP_US, Forecaster
from assess.live import LiveZone
from assess.live_window import Now, planned_minutes, silent_after_us
from assess.minutes import Series, read_series
from assess.outcome import ZoneShift
from assess.plan import OUTSIDE_MIN, SETTLE_US, Span, grown, reach, shifts_of, span_of
from assess.protect import live_zone, prepare, prepare_look
from domain.errors import NotReady
from domain.reading import Reading
from domain.registry import Channel, Registry, Zone
from domain.shifts import Shift
from domain.times import HOUR_US, MINUTE_US
from storage.timeseries.port import TimeSeries

BUDGET_S = 0.2
"""Past looks never keep protection waiting for longer than this and one look more."""
TOGETHER = 16
"""Zones of one look."""
SOON_US, AGAIN_US = MINUTE_US, HOUR_US
"""What is still unknown is looked for again, since late data may have come: soon after the start, where agents send what they kept, then ever less often, down to this."""
READ_MIN = 6 * 60
"""Outside a shift minutes are read in pieces of this length."""

WorkOf = Callable[[Span, Mapping[str, Series], Registry, ZoneShift | None], ZoneShift]


@dataclass(slots=True)
class _Stretch:
    """Minutes of one zone as they were read, and the last look at them."""

    start_us: int
    minutes: int
    series: dict[str, Series]
    is_empty: bool
    span: Span | None = None
    work: ZoneShift | None = None

    def holds(self, start_us: int, minutes: int, channels: Sequence[str]) -> bool:
        return self.start_us <= start_us and start_us + minutes * MINUTE_US <= self.start_us + self.minutes * MINUTE_US and all(channel in self.series for channel in channels)


class Backfill:
    """Used by the thread that assesses, after a live look. It reads, and tells the forecaster; it keeps nothing."""

    def __init__(self, timeseries: TimeSeries, forecaster: Forecaster, work_of: WorkOf) -> None:
        self._timeseries, self._forecaster, self._work_of = timeseries, forecaster, work_of
        self._due: deque[tuple[int, list[str]]] = deque()  # instant of a look, and its zones
        self._shifts: dict[str, list[Shift]] = {}
        self._stretches: dict[str, _Stretch] = {}
        self._planned_us: int | None = None
        self._wait_us = SOON_US
        self.looks = 0

    @property
    def is_done(self) -> bool:
        return self._planned_us is not None and not self._due

    def go_on(self, registry: Registry, zones: Sequence[Zone], now_us: int) -> None:
        """As many looks as there is time for. Raises `NotReady` when the store does not answer, and looks again then."""
        if not self._due and (self._planned_us is None or now_us - self._planned_us >= self._wait_us):
            self._wait_us = SOON_US if self._planned_us is None else min(2 * self._wait_us, AGAIN_US)
            self._plan(registry, zones, now_us)
        until = time.monotonic() + BUDGET_S
        while self._due and time.monotonic() < until:
            at_us, names = self._due.popleft()
            try:
                self._look(registry, names, at_us)
            except NotReady:
                self._due.appendleft((at_us, names))
                raise
            finally:  # also where the last look fails: what the others showed is learned
                if not self._due:
                    self._forecaster.relived()
                    self._shifts, self._stretches = {}, {}

    def _plan(self, registry: Registry, zones: Sequence[Zone], now_us: int) -> None:
        """Moments of the kept past that nobody saw, the oldest first, some zones after the others."""
        self._planned_us = now_us
        first_us = (now_us // STEP_US - KEPT) * STEP_US
        for begin in range(0, len(zones), TOGETHER):
            part = zones[begin : begin + TOGETHER]
            unseen = {zone.id: self._forecaster.unseen(zone.id) for zone in part}
            self._shifts.update({zone.id: shifts_of(registry, zone, first_us, now_us) for zone in part if unseen[zone.id].any()})
            for column in np.flatnonzero(np.any(list(unseen.values()), axis=0)).tolist():
                self._due.append((_look_us(now_us, column), [name for name, columns in unseen.items() if columns[column]]))

    def _look(self, registry: Registry, names: Sequence[str], at_us: int) -> None:
        works = [work for name in names if (work := self._work(registry, name, at_us)) is not None]
        if not works:
            return
        self.looks += 1
        prepare(works)
        now = _now_of(works)
        prepare_look(works, now)
        live: list[LiveZone] = [live_zone(work, now) for work in works]
        worked = {work.span.zone: (int(work.span.counted.sum()), planned_minutes(work)) for work in works if work.span.shift is not None}
        self._forecaster.relive(live, worked, at_us)

    def _work(self, registry: Registry, name: str, at_us: int) -> ZoneShift | None:
        """None where the zone did not exist or nothing was measured."""
        shift = next((one for one in self._shifts.get(name, ()) if one.holds(at_us)), None)
        start_us, minutes = reach(shift, at_us)
        held = self._stretches.get(name)
        before = held.span if held is not None and held.span is not None and (held.span.start_us, held.span.shift) == (start_us, shift) else None
        span = (grown(before, registry, minutes) if before is not None else None) or span_of(registry, name, shift, start_us, minutes)
        if span is None or not minutes:
            return None
        if held is None or not held.holds(start_us, minutes, list(span.channels)):
            held = self._stretches[name] = self._read(span, shift)
        held.span = span
        if held.is_empty:
            return None
        work = held.work if held.work is not None and held.work.span.start_us == start_us else None
        held.work = self._work_of(span, {channel: held.series[channel].part(start_us, minutes) for channel in span.channels}, registry, work)
        return held.work

    def _read(self, span: Span, shift: Shift | None) -> _Stretch:
        minutes = max(len(shift.minutes) if shift else OUTSIDE_MIN + READ_MIN, span.minutes)
        series = read_series(self._timeseries, sorted(span.channels), span.start_us, minutes)
        return _Stretch(span.start_us, minutes, series, not any(one.samples.any() for one in series.values()))


def _look_us(now_us: int, column: int) -> int:
    """The last minute of a step is what stays of it."""
    return (now_us // STEP_US - (KEPT - 1 - column) + 1) * STEP_US - MINUTE_US + SETTLE_US


def _now_of(works: Sequence[ZoneShift]) -> Now:
    """The latest minute of each channel in place of its freshest reading, as far as it is no older than a reading may be."""
    at_us = works[0].span.stop_us
    last = {}
    for work in works:
        for channel in work.span.pieces[-1].channels.values():
            reading = _reading_of(channel, work.series[channel.id], at_us)
            if reading is not None:
                last[channel.id] = reading
    return Now(at_us=at_us, last=last, valued=last, counting=last)


def _reading_of(channel: Channel, series: Series, at_us: int) -> Reading | None:
    tail = series.value[-max(1, silent_after_us(channel) // MINUTE_US) :]
    known = np.flatnonzero(~np.isnan(tail))
    if not len(known):
        return None
    back = len(tail) - 1 - int(known[-1])
    return Reading(channel.id, at_us - back * MINUTE_US, float(tail[known[-1]]))
