"""Work that comes round again and again until it is told to stop: what goes wrong is logged, counted and said, and the next round comes."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import NotReady

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class Round:
    """`start` it in a thread of its own, or call `once` from another loop. A name may end in `:kind`; its counters then do too."""

    name: str
    every_s: float
    do: Callable[[], object]
    patience_s: float = math.inf  # a round that takes longer hangs
    done: int = 0
    waits: int = 0  # rounds that a database or a broker was not ready for
    exceptions: int = 0
    last_s: float = 0.0
    failing: str = ""
    _begun: float = math.inf  # by the monotonic clock, while a round runs

    def once(self) -> None:
        """One round; raises nothing."""
        begun = self._begun = time.monotonic()
        try:
            self.do()
            self.failing = ""
            self.done += 1
        except NotReady as error:
            self.failing = str(error)
            self.waits += 1
            log.warning("%s waits: %s", self.name, error)
        except Exception as error:  # top of a task
            self.failing = f"{type(error).__name__} in {self.name}"
            self.exceptions += 1
            log.exception("%s", self.name)
        self.last_s, self._begun = time.monotonic() - begun, math.inf

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.once()
            stop.wait(self.every_s)

    def start(self, stop: threading.Event) -> threading.Thread:
        thread = threading.Thread(target=self.run, args=(stop,), name=self.name, daemon=True)
        thread.start()
        return thread

    @property
    def problem(self) -> str:
        """What is wrong now; "" where nothing is."""
        running_s = time.monotonic() - self._begun
        return f"{self.name} has hung for {running_s:.0f} s" if running_s > self.patience_s else self.failing

    def counters(self) -> dict[str, float]:
        what, colon, kind = self.name.partition(":")
        found = (("done", self.done), ("waits", self.waits), ("exceptions", self.exceptions), ("seconds", self.last_s))
        return {f"{what}_{name}{colon}{kind}": float(number) for name, number in found}
