"""From work to what is written: re-time, enter into the minute book, close minutes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from domain.clock import Clock
from domain.reading import Minute, Reading
from domain.times import minute_of
from ingest.intake import FUTURE_US, Intake
from ingest.minutebook import Merged, MinuteBook
from ingest.patience import Patience
from ingest.retime import AheadOfTime, Unsynchronised
from ingest.work import Work
from storage.records.quarantine import QuarantineRepository
from storage.records.unsynchronised import UnsynchronisedRepository
from storage.timeseries.port import Batch, RefusedReading, TimeSeries

CLOSE_EVERY_S = 1.0
"""Real seconds, also under a scenario's clock: what is on its way needs real time."""


@dataclass(slots=True)
class Prepared:
    """One commit, on its way through store and ledger."""

    work: Work
    merged: Merged
    refused: list[RefusedReading] = field(default_factory=list)
    recorded: bool = False  # in the ledger, and acknowledged

    @property
    def writes(self) -> bool:
        return bool(self.merged.fresh or self.merged.rewritten or self.merged.minutes)

    @property
    def empty(self) -> bool:
        return self.work.empty and not self.writes and not self.merged.touched

    def batch(self, *, readings: bool = True, minutes: bool = True) -> Batch:
        """Both, or one of them where the store takes them apart."""
        merged = self.merged
        return Batch(
            fresh=merged.fresh if readings else [],
            rewritten=list(merged.rewritten.values()) if readings else [],
            minutes=list(merged.minutes.values()) if minutes else [],
            first=merged.first if minutes else (),
        )


def _write_again(work: Work, merged: Merged) -> None:
    """What the store once refused is known to the minute book and in no store: tried again it is written, unless another value stands there."""
    other = {(stands.channel, stands.time_us) for stands, _ in merged.conflicts}
    for _, reading in work.again:
        if (reading.channel, reading.time_us) not in other:
            merged.rewritten[(reading.channel, reading.time_us)] = reading
            merged.touch(reading.channel, minute_of(reading.time_us))


class SettledReader:
    """Reads the store once everything handed over to it is written, and waits until it answers."""

    def __init__(self, store: TimeSeries, patience: Patience, settle: Callable[[], None]) -> None:
        self._store, self._patience, self._settle = store, patience, settle

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        self._settle()
        return self._patience(lambda: self._store.read(channels, start_us, stop_us))

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        self._settle()
        return self._patience(lambda: self._store.read_minutes(channels, start_us, stop_us))

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        self._settle()
        return self._patience(lambda: self._store.last(channels))

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        self._settle()
        return self._patience(lambda: self._store.last_minutes(channels))


class Merger:
    """Used by one thread. After an exception `open` it again and prepare the same work again."""

    def __init__(self, *, reader: SettledReader, engine: Engine, clock: Clock, intake: Intake, records_patience: Patience) -> None:
        self._reader, self._clock, self._intake, self._records_patience = reader, clock, intake, records_patience
        self._book = MinuteBook(reader)
        clocks = UnsynchronisedRepository(engine)
        self._unsynchronised = Unsynchronised(reader, clocks, records_patience)
        self._ahead_of_time = AheadOfTime(QuarantineRepository(engine), clocks, intake, records_patience)
        self._refused: deque[RefusedReading] = deque()
        self._closed_s = 0.0

    def open(self, channels: Iterable[str], mine: Callable[[str], bool]) -> Prepared:
        """The minute book, rebuilt from the store, and the minutes that a crash left unwritten."""
        self._book = MinuteBook(self._reader)
        self._unsynchronised.open(mine)
        self._ahead_of_time.open()
        return Prepared(Work(), self._book.open(channels))

    def prepare(self, work: Work) -> Prepared:
        self._unsynchronised.mark(work)
        self._retime(work)
        merged = self._merged([*work.readings, *work.superseded] if work.superseded else work.readings)
        _write_again(work, merged)
        self._close_due(merged)
        return Prepared(work, merged)

    def refused(self, readings: Sequence[RefusedReading]) -> None:
        """The store did not take these; called by the writer's thread. The next merge takes them out of the minute book."""
        self._refused.extend(readings)

    def due(self) -> Prepared:
        """Minutes that the clock closes, and originals of what was re-timed."""
        work = Work()
        self._unsynchronised.mark(work)
        merged = self._merged(work.superseded) if work.superseded or self._refused else Merged()
        self._close_due(merged)
        return Prepared(work, merged)

    def _merged(self, readings: Sequence[Reading]) -> Merged:
        refused = list(self._refused)
        merged = self._book.merge(readings, refused=[one.reading for one in refused])
        for _ in refused:
            self._refused.popleft()
        return merged

    @property
    def channels(self) -> int:
        return self._book.channels

    def _close_due(self, merged: Merged) -> None:
        now_s = time.monotonic()
        if now_s - self._closed_s >= CLOSE_EVERY_S:
            self._closed_s = now_s
            self._book.close_due(self._clock.now_us(), merged)

    def _retime(self, work: Work) -> None:
        horizon_us = self._clock.now_us() + FUTURE_US
        while work.retimings:
            retiming = work.retimings[0]
            self._unsynchronised.retime(retiming, work, horizon_us)
            self._ahead_of_time.retime(retiming, work, horizon_us)
            work.retimings.pop(0)
        self._ahead_of_time.note(work, horizon_us)
        self._ahead_of_time.again(work, horizon_us)
        self._unsynchronised.note(work, horizon_us)
