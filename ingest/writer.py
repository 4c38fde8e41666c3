"""Between merger and ledger: the readings of a commit into the store, and their minutes behind them (decision 31)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from ingest.merger import Prepared
from ingest.patience import Patience, Stopped
from ingest.pipe import Pipe, Stage
from ingest.share import Share
from storage.timeseries.port import Batch, RefusedReading, TimeSeries

PIPE_COMMITS = 1
"""Between two threads: enough that neither waits for the other, little to hold in memory."""
IDLE_S = 0.05


class Writer:
    """The merger's thread hands over, `bodies` are the threads in between, the ledger's thread takes from `written`."""

    def __init__(
        self, *, timeseries: TimeSeries, share: Share, stopping: threading.Event, patience: tuple[Patience, Patience], refused: Callable[[Sequence[RefusedReading]], None]
    ) -> None:
        self.written: Pipe[Prepared] = Pipe(PIPE_COMMITS)
        self._timeseries, self._share, self._stopping, self._refused = timeseries, share, stopping, refused
        self._patience, self._patience_minutes = patience
        self._given: Pipe[Prepared] = Pipe(PIPE_COMMITS)
        between: Pipe[Prepared] = Pipe(PIPE_COMMITS)
        self._readings = Stage(self._given, self._store_readings, between, IDLE_S, alone=lambda prepared: bool(prepared.merged.rewritten))
        self._minutes = Stage(between, self._store_minutes, self.written, IDLE_S)
        self._handed = self._stored = 0
        self._settled = threading.Condition()

    def hand(self, prepared: Prepared) -> None:
        """Blocks while the store is behind; raises `Stopped` when nobody will write it any more."""
        self._handed += 1
        self._given.put(prepared)

    def end(self) -> None:
        """Nothing more will be handed over."""
        self._given.end()

    def settle(self) -> None:
        """Wait until the store has all that was handed over, so that reading it back misses nothing."""
        with self._settled:
            while self._stored < self._handed:
                if self._stopping.is_set():
                    raise Stopped
                self._settled.wait(IDLE_S)

    def wake(self) -> None:
        """Who settles looks whether it is time to stop."""
        with self._settled:
            self._settled.notify_all()

    def give_up(self) -> None:
        """What is in hand is left to others."""
        self._readings.give_up()
        self._minutes.give_up()
        self.written.give_up()
        self.written.end()

    def in_hand(self) -> Iterable[Prepared | None]:
        """The oldest commit of each stage, those further on first."""
        return self._minutes.oldest(), self._readings.oldest()

    def bodies(self) -> Iterable[tuple[str, Callable[[], None]]]:
        """Threads and their names."""
        yield "writer", self._readings.run
        if self._timeseries.side_by_side:
            yield "second writer", self._readings.run
        yield "minute writer", self._minutes.run

    def _store_readings(self, prepared: Prepared) -> None:
        if prepared.writes:
            batch = prepared.batch(minutes=not self._timeseries.side_by_side)
            prepared.refused = self._patience(lambda: self._written_by_owner(batch))
            self._refused(prepared.refused)

    def _store_minutes(self, prepared: Prepared) -> None:
        if self._timeseries.side_by_side and prepared.merged.minutes:
            batch = prepared.batch(readings=False)
            self._patience_minutes(lambda: self._written_by_owner(batch))
        with self._settled:
            self._stored += 1
            self._settled.notify_all()

    def _written_by_owner(self, batch: Batch) -> list[RefusedReading]:
        """A worker that was paused and wakes up must not write its minutes over those of the new owner."""
        self._share.check()
        return self._timeseries.write(batch)
