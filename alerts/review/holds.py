"""Legal holds that the system places itself: what an open review, or an alert that stays open, rests on is not deleted until it is closed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.review.facts import started_us
from alerts.review.state import fold
from alerts.state import fold as fold_alert
from domain.times import DAY_US, parse_instant
from storage.records.committee import CommitteeRepository
from storage.records.journal import JournalRepository
from storage.records.registry import RegistryRepository
from storage.records.retention import Hold, HoldKind, RetentionRepository

log = logging.getLogger(__name__)

SYSTEM = ""
"""Who placed a hold that nobody placed by hand; only those are released here."""
AROUND_US = DAY_US
"""The whole shift, and what its gaps are judged by."""
OPEN_ENDED_US = 36_500 * DAY_US
ALERT_OPEN_US = DAY_US
"""An alert open for less is no case: nothing that young is ever deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that is not settled, and what it rests on: everything of a site in [start, stop)."""

    site: str
    kind: HoldKind
    reference: str
    start_us: int
    stop_us: int


def open_cases(engine: Engine, now_us: int) -> Iterator[Case]:
    """Reviews that are not closed, and alerts that have been open for a day."""
    committee = CommitteeRepository(engine)
    subjects = committee.subjects("review", list(RegistryRepository(engine).load().latest().sites))
    entries = committee.entries_of([subject.id for subject in subjects])
    for subject in subjects:
        review = fold(entries[subject.id])
        if not review.closed:
            stop_us = parse_instant(review.facts.ended_at) + AROUND_US if review.facts.ended_at else now_us + OPEN_ENDED_US
            yield Case(site=subject.site, kind="review", reference=f"review {subject.id}", start_us=started_us(review.facts) - AROUND_US, stop_us=stop_us)
    for id, steps in JournalRepository(engine).load_open().items():
        alert = fold_alert(steps)
        if alert.raised_at_us < now_us - ALERT_OPEN_US:
            yield Case(site=alert.site, kind="review", reference=f"alert {id}", start_us=alert.raised_at_us - AROUND_US, stop_us=now_us + OPEN_ENDED_US)


def keep_holds(engine: Engine, now_us: int) -> None:
    """Holds follow what is open now; run before anything is deleted."""
    hold_cases(RetentionRepository(engine), open_cases(engine, now_us), now_us)


def hold_cases(repository: RetentionRepository, cases: Iterable[Case], now_us: int) -> None:
    """First what is to be held is, then what is settled is let go; a hold that covers its case stays as it is."""
    wanted = {case.reference: case for case in cases}
    standing: dict[str, list[Hold]] = defaultdict(list)
    for hold in repository.holds():
        if hold.placed_by == SYSTEM:
            standing[hold.reference].append(hold)
    for reference, case in wanted.items():
        covering = [hold for hold in standing[reference] if _covers(hold, case, now_us)]
        if covering:
            standing[reference].remove(covering[0])
        else:
            repository.place(site=case.site, kind=case.kind, start_us=case.start_us, stop_us=case.stop_us, reference=reference, by=SYSTEM, at_us=now_us)
            log.info("held for %s at %s", reference, case.site)
    for reference, holds in standing.items():
        for hold in holds:
            repository.release(hold.id, by=SYSTEM, reason="another hold covers it" if reference in wanted else "settled", at_us=now_us)


def _covers(hold: Hold, case: Case, now_us: int) -> bool:
    """One without an end was placed with an end that is nobody's lifetime away: it covers as long as that is."""
    return hold.start_us <= case.start_us and (hold.stop_us >= case.stop_us or hold.stop_us >= now_us + OPEN_ENDED_US // 2)
