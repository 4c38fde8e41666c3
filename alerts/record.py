"""From a condition that somebody saw to steps in the journal. Deciding is pure; appending decides once more under the journal's lock."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from alerts.policy import AlarmRow, Policy, Source
from alerts.state import Alert, apply, fold
from alerts.states import AlertStates, state_row
from domain.clock import Clock
from domain.hazards import Severity
from domain.times import MINUTE_US, SECOND_US
from domain.verdict import LimitOf
from storage.records.journal import Change, Detail, Evidence, JournalRepository, Key, Step, StepKind

REVISE_US = MINUTE_US
"""A rising value is journaled at most once a minute."""
REVISE_SHARE = 0.02
SAME_FINDING_US = 15 * MINUTE_US
MEMBERS = ("channels", "agents", "zones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition as it was seen: where, how bad, on what evidence."""

    site: str
    zone: str
    hazard: str
    type: str
    severity: Severity
    event_us: int
    channel: str | None = None
    value: float | None = None
    unit: str = ""
    limit: LimitOf | None = None
    evidence: Evidence = field(default_factory=dict)
    simulated: bool = False
    momentary: bool = False  # an event rather than a condition that lasts: it returns when it has not come again for the off-delay

    @property
    def key(self) -> Key:
        return Key(self.zone, self.hazard, self.type)


def new_alert_id() -> str:
    return f"a{secrets.token_hex(8)}"


class Recorder:
    """Writes what was found, and only when it changes something."""

    def __init__(self, engine: Engine, clock: Clock, policy: Policy, new_id: Callable[[], str] = new_alert_id) -> None:
        self.journal, self.states = JournalRepository(engine), AlertStates(engine)
        self._clock, self._policy, self._new_id = clock, policy, new_id

    def seen(self, finding: Finding, known: Alert | None = None) -> Alert | None:
        """The condition is there. `known` is the caller's copy of the open alert: where nothing changes by it, the database is not asked."""
        row = self._policy.for_site(finding.site).rows[finding.type]
        now_us = self._clock.now_us()
        if known is not None and step_for(known, finding, row, now_us) is None:
            return known
        if known is None and self._is_repeat(finding):
            return None
        return self._change_key(finding.key, lambda alert: step_for(alert, finding, row, now_us))

    def returned(self, alert: Alert, event_us: int, *, why: str = "") -> Alert | None:
        """The condition is over."""
        evidence: Evidence = {"returned_by": why} if why else {}
        return self._on_active(alert, StepKind.RETURNED, event_us, Detail(evidence=evidence))

    def data_lost(self, alert: Alert, event_us: int) -> Alert | None:
        """The condition can no longer be seen: the alert stays, with a note, and people are called."""
        return alert if alert.data_lost else self._on_active(alert, StepKind.DATA_LOST, event_us, Detail())

    def data_back(self, alert: Alert, event_us: int) -> Alert | None:
        return self._on_active(alert, StepKind.DATA_BACK, event_us, Detail()) if alert.data_lost else alert

    def by_itself(self, alert: Alert, kind: StepKind, event_us: int) -> Alert | None:
        """A step of the system that holds whatever the condition: a shelf time that is over."""
        return self._change(alert.id, lambda now: _step(now, kind, event_us, self._clock.now_us(), Detail()))

    def _on_active(self, alert: Alert, kind: StepKind, event_us: int, detail: Detail) -> Alert | None:
        now_us = self._clock.now_us()
        return self._change(alert.id, lambda now: _step(now, kind, event_us, now_us, detail) if now.active else None)

    def _is_repeat(self, finding: Finding) -> bool:
        """Packs come more than once: what lies before the return of an alert that people have closed is not news, nor a finding that is on record."""
        if finding.severity is Severity.NOTICE and not finding.momentary:
            return self.journal.raised_between(finding.key, finding.event_us - SAME_FINDING_US, finding.event_us + SAME_FINDING_US)
        last = self.journal.last_of(finding.key)
        returned_us = fold(last).returned_at_us if last else None
        return returned_us is not None and finding.event_us <= returned_us

    def _change_key(self, key: Key, decide: Callable[[Alert | None], Step | None]) -> Alert | None:
        before: list[Step] = []
        appended = self.journal.change_key(key, self._new_id(), lambda steps: _concluded(steps, decide, before))
        return fold([*before, *appended]) if before or appended else None

    def _change(self, alert_id: str, decide: Callable[[Alert], Step | None]) -> Alert | None:
        before: list[Step] = []
        appended = self.journal.change(alert_id, lambda steps: _concluded(steps, lambda alert: decide(alert) if alert else None, before))
        return fold([*before, *appended]) if before or appended else None


def step_for(alert: Alert | None, finding: Finding, row: AlarmRow, now_us: int) -> Step | None:
    """The step, if any, by which this finding changes this alert (None: no alert is open)."""
    kind = _kind(alert, finding, row, now_us)
    if kind is None:
        return None
    level = row.level(finding.severity)
    calls = kind in (StepKind.RAISED, StepKind.ESCALATED, StepKind.REACTIVATED)
    detail = Detail(
        severity=finding.severity,
        channel=finding.channel,
        value=finding.value,
        unit=finding.unit,
        limit=finding.limit,
        evidence=_joined(alert, finding) if finding.momentary else finding.evidence,
        simulated=finding.simulated,
        latching=calls and level.latching,
        respond_within_min=level.respond_within_min if calls else None,
    )
    return Step(
        alert=alert.id if alert else "",
        site=finding.site,
        zone=finding.zone,
        hazard=finding.hazard,
        type=finding.type,
        kind=kind,
        event_us=finding.event_us,
        recorded_us=now_us,
        detail=detail,
    )


def _kind(alert: Alert | None, finding: Finding, row: AlarmRow, now_us: int) -> StepKind | None:
    if alert is None:
        return StepKind.RAISED
    if finding.severity.rank > alert.severity.rank:
        return StepKind.ESCALATED
    if not alert.active:
        return StepKind.REACTIVATED if finding.event_us > (alert.returned_at_us or 0) else None
    if row.source in (Source.SYSTEM, Source.MODEL):
        return _kind_of_system(alert, finding, row)
    return StepKind.REVISED if _proof_changed(alert, finding) or _rose(alert, finding, row, now_us) else None


def _kind_of_system(alert: Alert, finding: Finding, row: AlarmRow) -> StepKind | None:
    """One alert speaks of all silent sensors of a zone: another one is news to whoever has acknowledged."""
    found, known = members(finding.evidence), members(alert.evidence)
    if found - known and alert.acknowledgements:
        return StepKind.REACTIVATED
    if finding.momentary:
        again_us = row.level(alert.severity).off_delay_s * SECOND_US / 3
        return StepKind.REVISED if found - known or finding.event_us - alert.seen_us >= again_us else None
    return StepKind.REVISED if found != known else None


def _joined(alert: Alert | None, finding: Finding) -> Evidence:
    """Events of one kind come from one device at a time."""
    evidence = dict(finding.evidence)
    for name in MEMBERS:
        known = alert.evidence.get(name) if alert else None
        new = evidence.get(name)
        if isinstance(known, list) and isinstance(new, list):
            evidence[name] = sorted({*known, *new})
    return evidence


def members(evidence: Evidence) -> set[str]:
    """The channels, agents or zones that a system alert of a zone speaks of."""
    lists = [evidence.get(name) for name in MEMBERS]
    return {member for found in lists if isinstance(found, list) for member in found}


def _proof_changed(alert: Alert, finding: Finding) -> bool:
    return finding.evidence.get("certainty") == "proven" != alert.evidence.get("certainty")


def _rose(alert: Alert, finding: Finding, row: AlarmRow, now_us: int) -> bool:
    if finding.value is None or alert.value is None or now_us - alert.changed_at_us < REVISE_US:
        return False
    if finding.evidence.get("metric") != alert.evidence.get("metric"):
        return False
    return finding.value > alert.value + max(row.level(finding.severity).deadband, REVISE_SHARE * abs(alert.value))


def _step(alert: Alert, kind: StepKind, event_us: int, recorded_us: int, detail: Detail) -> Step:
    return Step(alert=alert.id, site=alert.site, zone=alert.zone, hazard=alert.hazard, type=alert.type, kind=kind, event_us=event_us, recorded_us=recorded_us, detail=detail)


def _concluded(steps: list[Step], decide: Callable[[Alert | None], Step | None], before: list[Step]) -> Change:
    before[:] = steps
    alert = fold(steps) if steps else None
    step = decide(alert)
    if step is None:
        return Change([], alert is not None and alert.open)
    after = apply(alert, step) if alert else fold([step])
    return Change([step], after.open, lambda appended: state_row([*before, *appended]))
