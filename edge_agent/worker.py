"""A supervised thread: an exception is logged and counted, and the work begins again after a while."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from edge_agent.drivers.base import Backoff

log = logging.getLogger(__name__)

RESTART_FIRST_S, RESTART_CAP_S = 1.0, 60.0


class Work(Protocol):
    """What a worker runs."""

    def run(self, stop: threading.Event) -> None: ...

    def wake(self) -> None: ...


class Worker:
    """Starts at once; `stop` ends it."""

    def __init__(self, name: str, work: Work) -> None:
        self.name, self.work = name, work
        self.crashes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask it to end; `join` waits for it."""
        self._stop.set()
        self.work.wake()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        backoff = Backoff(RESTART_FIRST_S, RESTART_CAP_S)
        while not self._stop.is_set():
            try:
                self.work.run(self._stop)
                return
            except Exception:
                self.crashes += 1
                log.exception("%s failed and is started again", self.name)
                self._stop.wait(backoff.next())
