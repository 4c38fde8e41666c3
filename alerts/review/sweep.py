"""The system's own look at all reviews: data that changed under a signature, actions that are overdue. Safe to run twice and in two processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import msgspec
from sqlalchemy import Engine

from alerts.review.desk import Desk
from alerts.review.model import Body, Kind, Review
from alerts.review.state import fold
from alerts.review.status import is_overdue, to_inspector, today_in
from domain.clock import Clock
from domain.registry import Snapshot
from domain.times import MINUTE_US
from storage.records.committee import CommitteeEntry, CommitteeRepository, Subject

EVERY_US = 10 * MINUTE_US


class ReviewSweep:
    """`tick` looks at most every ten minutes."""

    def __init__(self, engine: Engine, clock: Clock, held: Callable[[], Snapshot]) -> None:
        self._repository, self._desk = CommitteeRepository(engine), Desk(engine, clock, held)
        self._clock, self._held, self._looked_us = clock, held, 0
        self.changed = self.overdue = 0

    def tick(self, now_us: int) -> None:
        if now_us - self._looked_us >= EVERY_US:
            self._looked_us = now_us
            self.look(now_us)

    def look(self, now_us: int) -> None:
        held = self._held()
        for site in held.sites:
            today = today_in(held.timezone(site), now_us)
            for subject in self._repository.subjects("review", [site]):
                before = fold(self._repository.entries(subject.id))
                review = self._desk.refresh(subject.id)
                self.changed += review.facts != before.facts
                if any(is_overdue(action, today) for action in review.actions):
                    self._tell(subject, today, now_us)

    def _tell(self, subject: Subject, today: date, now_us: int) -> None:
        def decide(before: list[CommitteeEntry]) -> Sequence[CommitteeEntry]:
            return [self._entry(subject, kind, action, now_us) for kind, action in due_notices(fold(before), today, now_us)]

        known = len(self._repository.entries(subject.id))
        self.overdue += len(self._repository.change(subject.id, decide)) - known

    def _entry(self, subject: Subject, kind: Kind, action: str, now_us: int) -> CommitteeEntry:
        return CommitteeEntry(subject=subject.id, site=subject.site, entry=kind.value, recorded_us=now_us, body=msgspec.json.encode(Body(action=action)))


def due_notices(review: Review, today: date, now_us: int) -> list[tuple[Kind, str]]:
    """First both sides are told; after the days of grace the inspector is."""
    found = [(Kind.OVERDUE, action.id) for action in review.actions if is_overdue(action, today) and action.overdue_us is None]
    return found + [(Kind.TO_INSPECTOR, action.id) for action in review.actions if to_inspector(action, today, now_us)]
