"""Waiting for a database: nothing is acknowledged meanwhile, so nothing can be lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from domain.errors import NotReady
from domain.reading import Minute, Reading
from storage.timeseries.port import TimeSeries

log = logging.getLogger(__name__)

T = TypeVar("T")
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Stopped(Exception):
    """The service stops; what was not acknowledged comes again."""


class Patience:
    """Repeats a call until the database answers, or the service stops."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.problem = ""
        self.retries = 0

    def __call__(self, call: Callable[[], T]) -> T:
        tries = 0
        while True:
            try:
                answer = call()
            except NotReady as error:
                if not self.problem:
                    log.warning("waiting: %s", error)
                self.problem = str(error)
                self.retries += 1
            else:
                self.problem = ""
                return answer
            if self._stopping.wait(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)]):
                raise Stopped
            tries += 1


class PatientReader:
    """The reading half of a store, as the minute book needs it."""

    def __init__(self, store: TimeSeries, patience: Patience) -> None:
        self._store, self._patience = store, patience

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        return self._patience(lambda: self._store.read(channels, start_us, stop_us))

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        return self._patience(lambda: self._store.read_minutes(channels, start_us, stop_us))

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        return self._patience(lambda: self._store.last(channels))

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        return self._patience(lambda: self._store.last_minutes(channels))
