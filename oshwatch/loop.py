"""Work that is done every few seconds: an exception in one piece is logged and counted, and the others go on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine

from alerts.rounds import Round
from domain.clock import SystemClock
from domain.errors import NotReady
from storage.records.services import ServicesRepository

log = logging.getLogger(__name__)

HEARTBEAT_S = 2.0


class Loop:
    """One thread; its heartbeat says what has gone wrong, also in rounds that have threads of their own."""

    def __init__(self, name: str, engine: Engine) -> None:
        self._name, self._services = name, ServicesRepository(engine)
        self._work: list[Round] = []
        self._due: list[float] = []
        self._beside: list[Round] = []
        self._counts: list[Callable[[], Mapping[str, float]]] = []
        self._next_beat = 0.0

    def add(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        self._work.append(Round(name=name, every_s=every_s, do=do))
        self._due.append(0.0)

    def tell_of(self, rounds: Sequence[Round], counts: Callable[[], Mapping[str, float]]) -> None:
        """What runs in other threads, and what else is counted here."""
        self._beside += rounds
        self._counts.append(counts)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for number, work in enumerate(self._work):
                begun = time.monotonic()
                if begun >= self._due[number]:
                    work.once()
                    self._due[number] = max(begun + work.every_s, time.monotonic())
            self._beat()
            stop.wait(max(0.01, min(min(self._due) - time.monotonic(), HEARTBEAT_S)))

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + HEARTBEAT_S
        rounds = [*self._work, *self._beside]
        problem = "; ".join(round.problem for round in rounds if round.problem)
        counters = {name: number for round in rounds for name, number in round.counters().items()}
        for count in self._counts:
            counters.update(count())
        try:
            self._services.heartbeat(self._name, os.getpid(), SystemClock().now_us(), not problem, problem, counters)
        except NotReady as error:
            log.warning("heartbeat: %s", error)
