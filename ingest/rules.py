"""What ingest calls on every pack before the database write (decision 3); the front door passes the real rules in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from domain.reading import Reading


class NoticeKind(StrEnum):
    """Things that only ingest can see and that must become an alert."""

    IDENTITY_CONFLICT = "identity_conflict"
    CLOCK_WRONG = "clock_wrong"
    UNKNOWN_AGENT = "unknown_agent"
    OUTBOX_FULL = "outbox_full"


class InstantRules(Protocol):
    """Both return quickly, write only on a change, and never raise for what a reading says."""

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        """Run ceilings, peaks and "extreme, or sensor fault" over decoded readings in the order they came.

        A reading with reason 128 or with a time more than 5 minutes from arrival in the future is judged on arrival time;
        one that is old (backfilled) must not page for what is over.
        """
        ...

    def notice(self, agent: str, kind: NoticeKind, text: str, at_us: int) -> None: ...
