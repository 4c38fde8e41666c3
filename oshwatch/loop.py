"""Work that is done every few seconds: an exception in one piece is logged and counted, and the others go on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from domain.clock import SystemClock
from domain.errors import NotReady
from storage.records.services import ServicesRepository

log = logging.getLogger(__name__)

HEARTBEAT_S = 2.0


@dataclass(slots=True, kw_only=True)
class _Work:
    name: str
    every_s: float
    do: Callable[[], object]
    due: float = 0.0
    done: int = 0
    exceptions: int = 0
    last_s: float = 0.0
    problem: str = ""


class Loop:
    """One thread; its heartbeat says what has gone wrong."""

    def __init__(self, name: str, engine: Engine) -> None:
        self._name, self._services = name, ServicesRepository(engine)
        self._work: list[_Work] = []
        self._next_beat = 0.0

    def add(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        self._work.append(_Work(name=name, every_s=every_s, do=do))

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for work in self._work:
                if time.monotonic() >= work.due:
                    self._once(work)
            self._beat()
            due = min(work.due for work in self._work)
            stop.wait(max(0.01, min(due - time.monotonic(), HEARTBEAT_S)))

    def _once(self, work: _Work) -> None:
        begun = time.monotonic()
        try:
            work.do()
            work.problem = ""
            work.done += 1
        except NotReady as error:
            work.problem = str(error)
            log.warning("%s waits: %s", work.name, error)
        except Exception as error:  # top of a task
            work.problem = f"{type(error).__name__} in {work.name}"
            work.exceptions += 1
            log.exception("%s", work.name)
        work.last_s = time.monotonic() - begun
        work.due = max(begun + work.every_s, time.monotonic())

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + HEARTBEAT_S
        problem = "; ".join(work.problem for work in self._work if work.problem)
        counters = {
            f"{work.name}_{what}": float(number) for work in self._work for what, number in (("done", work.done), ("exceptions", work.exceptions), ("seconds", work.last_s))
        }
        try:
            self._services.heartbeat(self._name, os.getpid(), SystemClock().now_us(), not problem, problem, counters)
        except NotReady as error:
            log.warning("heartbeat: %s", error)
