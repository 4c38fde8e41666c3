"""The pager's own thread: an alert that any process raises is handed over within a second, however long a look at the floor takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from alerts.notification.pager import Pager
from alerts.rounds import Round
from alerts.states import AlertStates
from domain.clock import Clock
from domain.registry import Snapshot
from storage.records.journal import JournalRepository

LOOK_S = 0.25
ANYWAY_S = 5.0
"""Times to respond run out without a step in the journal."""
PATIENCE_S = 60.0
"""A look takes well under a second, and some where a database has to be waited for."""


class PagerThread:
    """Looks at the journal's end; where it moved, at the open alerts."""

    def __init__(self, engine: Engine, clock: Clock, pager: Pager, held: Callable[[], Snapshot]) -> None:
        self._journal, self._states = JournalRepository(engine), AlertStates(engine)
        self._clock, self._pager, self._held = clock, pager, held
        self._last_id, self._looked = -1, float("-inf")
        self.round = Round(name="pager", every_s=LOOK_S, do=self.look, patience_s=PATIENCE_S)

    def start(self, stop: threading.Event) -> threading.Thread:
        return self.round.start(stop)

    def look(self) -> None:
        last_id = self._journal.last_id()
        if last_id == self._last_id and time.monotonic() - self._looked < ANYWAY_S:
            return
        self._pager.call(self._states.open(), self._held(), self._clock.now_us())
        self._last_id, self._looked = last_id, time.monotonic()
