"""What has been published to one destination and is not acknowledged yet. Pure: it is told the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_agent.ranges import Ranges

LIMIT = 500
"""Packs on their way: a centre that answers in 5 s still takes 100 a second. Beyond it the outbox is the queue, not the broker."""
LIVE_RESERVE = 100
RESEND_FIRST_S, RESEND_CAP_S = 60.0, 600.0
"""Contract 3: sent again after 60 s without an acknowledgement, backing off to 10 min."""
DIES_WITH_THE_BROKER_S = 10.0
"""A broker writes its queue to disk now and then: what it took in the last seconds before it was killed, and the centre's answers to that, may be gone with it."""


@dataclass(slots=True)
class Sent:
    """One row on its way."""

    due_s: float
    wait_s: float
    mid: int
    received: bool = False  # by the broker

    @property
    def at_s(self) -> float:
        """When it was sent last."""
        return self.due_s - self.wait_s


class Window:
    """Bounded; live rows have a reserve that a backlog cannot take."""

    def __init__(self, *, limit: int = LIMIT, live_reserve: int = LIVE_RESERVE) -> None:
        self._limit, self._reserve = limit, live_reserve
        self._sent: dict[int, Sent] = {}
        self._mids: dict[int, int] = {}
        self.ids = Ranges()

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def on_the_wire(self) -> int:
        """Publishes that the broker has not answered."""
        return len(self._mids)

    def room(self, *, live: bool) -> int:
        return max(self._limit - (0 if live else self._reserve) - len(self._sent), 0)

    def sent(self, row_id: int, mid: int, now_s: float) -> None:
        """Published, for the first time or again."""
        before = self._sent.get(row_id)
        wait_s = RESEND_FIRST_S if before is None else min(before.wait_s * 2, RESEND_CAP_S)
        if before is not None:
            self._mids.pop(before.mid, None)
        self._sent[row_id] = Sent(now_s + wait_s, wait_s, mid)
        self._mids[mid] = row_id
        self.ids.add(row_id, row_id)

    def received(self, mid: int) -> int | None:
        """The broker has it; returns the row."""
        row_id = self._mids.pop(mid, None)
        if row_id is not None and row_id in self._sent:
            self._sent[row_id].received = True
        return row_id

    def settled(self, ids: Ranges) -> None:
        """The centre has these."""
        for low, high in ids:
            for first, last in self.ids.within(low, high):
                for row_id in range(first, last + 1):
                    self._forget(row_id)

    def overdue(self, now_s: float) -> list[int]:
        return [row_id for row_id, sent in self._sent.items() if sent.due_s <= now_s]

    def reconnected(self, *, session_present: bool, lost_s: float = math.inf) -> None:
        """What the broker may not have is to be sent again at once: all of it, when it has lost our session; else what it never answered, and what was sent just before `lost_s`."""
        for row_id in [row_id for row_id, sent in self._sent.items() if not (session_present and sent.received and sent.at_s < lost_s - DIES_WITH_THE_BROKER_S)]:
            self._forget(row_id)
        self._mids.clear()

    def forget(self, row_id: int) -> None:
        """The row is no longer there."""
        self._forget(row_id)

    def _forget(self, row_id: int) -> None:
        sent = self._sent.pop(row_id, None)
        if sent is not None:
            self._mids.pop(sent.mid, None)
        self.ids.remove(row_id, row_id)
