"""Reading alerts: the open ones, and pages over all of them, for what the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.actions import sees
from alerts.state import Alert, fold
from alerts.states import AlertStates
from domain.errors import BadInput, NotFound
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Scope
from storage.records.alert_states import OPEN_STATES
from storage.records.journal import JournalRepository, Step

PAGE = 100
_ANY_CONDITION = ("shelved", "suppressed_by_design", "out_of_service")
CONDITIONS = ("active", "returned")
WORDS = {
    "open": OPEN_STATES,
    "closed": ("normal",),
    "active": ("unacknowledged", "acknowledged", *_ANY_CONDITION),
    "returned": ("normal", "returned_unacknowledged", "latched_acknowledged", *_ANY_CONDITION),
}
"""ISA-18.2's words that an alert may have of which this is asked."""
STATES = (
    "open", "closed", "active", "returned",
    "normal", "unacknowledged", "acknowledged", "returned_unacknowledged", "latched_acknowledged", "shelved", "suppressed_by_design", "out_of_service",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Ascending by when they were raised; `next` goes back as `cursor`."""

    alerts: list[Alert]
    next: str | None


class Inbox:
    """The reading side of the journal."""

    def __init__(self, engine: Engine) -> None:
        self._journal, self._states = JournalRepository(engine), AlertStates(engine)

    def open(self, scope: Scope, held: Snapshot) -> list[Alert]:
        """Every open alert: stop before action before notice, unacknowledged first, newest first."""
        found = self._states.open(_sites(scope, held))
        return sorted(found, key=lambda alert: (-alert.severity.rank, bool(alert.acknowledgements), not alert.active, -alert.raised_at_us))

    def one(self, scope: Scope, held: Snapshot, alert_id: str) -> tuple[Alert, list[Step]]:
        """An alert and its history; raises `NotFound` also for one that the caller may not see."""
        steps = self._journal.steps(alert_id)
        if not steps or not sees(scope, held, steps[0].site):
            raise NotFound(f"no alert '{alert_id}'")
        return fold(steps), steps

    def latest(self, scope: Scope, held: Snapshot, *, since_us: int, limit: int = PAGE) -> list[Alert]:
        """The last raised, the latest first."""
        return [alert for _, alert in self._states.page(_sites(scope, held), since_us=since_us, limit=limit, latest=True)]

    def page(
        self,
        scope: Scope,
        held: Snapshot,
        *,
        site: str | None = None,
        state: str | None = None,
        severity: Severity | None = None,
        since_us: int | None = None,
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """Alerts raised from `since_us` on. `state`: open, closed, active, returned, or ISA-18.2's word."""
        if state is not None and state not in STATES:
            raise BadInput(f"no state '{state}'", field="state", remedy="one of " + ", ".join(STATES))
        sites, after = _sites(scope, held, site), _after(cursor)
        words = None if state is None else WORDS.get(state, (state,))
        kept: list[Alert] = []
        while True:
            wanted = limit + 1 - len(kept)
            found = self._states.page(sites, severity=severity, states=words, since_us=since_us, after=after, limit=wanted)
            for id, alert in found:
                if state not in CONDITIONS or alert.condition == state:
                    if len(kept) == limit:
                        return Page(kept, str(after))
                    kept.append(alert)
                after = id
            if len(found) < wanted:
                return Page(kept, None)


def _sites(scope: Scope, held: Snapshot, site: str | None = None) -> Sequence[str] | None:
    """The sites in question; None for all, with alerts of no site among them."""
    if site is None and scope.grant == "*":
        return None
    return [id for id in held.sites if sees(scope, held, id) and site in (None, id)]


def _after(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not cursor.isdigit():
        raise BadInput("is not a cursor of this collection", field="cursor", remedy="use `next` of the page before")
    return int(cursor)
