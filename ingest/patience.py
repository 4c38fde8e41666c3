"""Waiting for a database: nothing is acknowledged meanwhile, so nothing can be lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from domain.errors import NotReady

log = logging.getLogger(__name__)

T = TypeVar("T")
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Stopped(Exception):
    """The service stops; what was not acknowledged comes again."""


LOOK_S = 0.01


class Patience:
    """Repeats a call until the database answers, or the service stops."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.problem = ""
        self.retries = 0

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for another thread, which waits for its database."""
        while not condition():
            if self._stopping.wait(LOOK_S):
                raise Stopped

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
