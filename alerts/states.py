"""Alerts as they are now, without folding their journals: from the table that each step keeps up to date; what is stale there is folded once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Engine

from alerts.joint_calls import calls_of
from alerts.state import Alert, fold
from storage.records.alert_states import AlertStatesRepository, StateRow
from storage.records.journal import JournalRepository, Step, StepKind

_decode = msgspec.json.Decoder(Alert).decode


def state_row(steps: Sequence[Step]) -> StateRow:
    """The row of an alert after these steps, all of them."""
    alert, heard = fold(steps), next((step for step in steps if step.kind is StepKind.ACKNOWLEDGED), None)
    return StateRow(
        alert=alert.id,
        raised_id=steps[0].id,
        site=alert.site,
        zone=alert.zone,
        hazard=alert.hazard,
        type=alert.type,
        severity=alert.severity.value,
        state=alert.state,
        open=alert.open,
        raised_us=alert.raised_at_us,
        returned_us=alert.returned_at_us,
        acknowledged_us=heard.recorded_us if heard else None,
        acknowledged_role=heard.role if heard else "",
        last_id=steps[-1].id,
        excursions=1 + sum(step.kind is StepKind.REACTIVATED for step in steps),
        calls=calls_of(steps),
        body=msgspec.json.encode(alert),
    )


class AlertStates:
    """The reading side."""

    def __init__(self, engine: Engine) -> None:
        self._rows, self._journal = AlertStatesRepository(engine), JournalRepository(engine)

    @property
    def rows(self) -> AlertStatesRepository:
        """Healed first."""
        self.heal()
        return self._rows

    def heal(self) -> None:
        """Fold what a writer left stale: alerts from before the table, or steps of another hand."""
        while stale := self._rows.stale():
            self._rows.heal([state_row(steps) for steps in self._journal.steps_of(stale).values()])

    def open(self, sites: Sequence[str] | None = None) -> list[Alert]:
        """Every open alert of these sites (None: of all)."""
        return [_decode(body) for body in self.rows.open(sites)]

    def page(
        self,
        sites: Sequence[str] | None,
        *,
        severity: str | None = None,
        states: Sequence[str] | None = None,
        since_us: int | None = None,
        after: int = 0,
        limit: int = 100,
        latest: bool = False,
    ) -> list[tuple[int, Alert]]:
        """(cursor, alert), ascending by when they were raised, or the latest first."""
        found = self.rows.page(sites, severity=severity, states=states, since_us=since_us, after=after, limit=limit, latest=latest)
        return [(id, _decode(body)) for id, body in found]
