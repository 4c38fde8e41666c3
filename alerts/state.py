"""What an alert is: a pure fold of its journal. Three facts (condition, acknowledgements, suppression) are kept apart; ISA-18.2's state word is derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from domain.agreements import SIDES
from domain.errors import BadInput, Conflict, OshwatchError, Refused
from domain.hazards import Severity
from domain.scope import Role
from domain.times import HOUR_US, MINUTE_US
from domain.verdict import LimitOf
from storage.records.journal import Evidence, Key, Step, StepKind

Condition = Literal["active", "returned"]
Suppression = Literal["none", "shelved", "by_design", "out_of_service"]
State = Literal[
    "normal",  # ISA-18.2 NORM (A): over, acknowledged, closed
    "unacknowledged",  # UNACK (B)
    "acknowledged",  # ACKED (C)
    "returned_unacknowledged",  # RTN-UNACK (D)
    "latched_acknowledged",  # returned and acknowledged, waits for a reset
    "shelved",  # SHELVED (E)
    "suppressed_by_design",  # SUPPRESSED-BY-DESIGN (F)
    "out_of_service",  # OUT-OF-SERVICE (G)
]

CALLED_WITH = "called_with"
"""In the evidence of an alert that the call for another one had named: whose call that was."""
DATA_LOST = "data lost while in alert"
DEFAULT_SHIFT_US = 8 * HOUR_US
SUPPRESSION_MAX_US = 4 * HOUR_US
"""Acceptance B: a calibration or a closed line suppresses an alert for at most 4 h."""

RESPONDERS = (Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE)
_OFFICER = (Role.OFFICER,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may take a step, whether at stop level too, and whether it wants a reason."""

    roles: tuple[Role, ...] = RESPONDERS
    at_stop: bool = True
    needs_text: bool = False


TRANSITIONS: Mapping[StepKind, Rule] = {
    StepKind.ACKNOWLEDGED: Rule(),
    StepKind.COMMENTED: Rule(needs_text=True),
    StepKind.CONFIRMED: Rule(needs_text=True),
    StepKind.SHELVED: Rule(at_stop=False, needs_text=True),
    StepKind.UNSHELVED: Rule(),
    StepKind.RESET: Rule(),
    StepKind.SUPPRESSED: Rule(roles=_OFFICER, needs_text=True),
    StepKind.UNSUPPRESSED: Rule(roles=_OFFICER),
    StepKind.OUT_OF_SERVICE: Rule(roles=_OFFICER, at_stop=False, needs_text=True),
    StepKind.RETURNED_TO_SERVICE: Rule(roles=_OFFICER),
}
"""The access table: every step that a person may take. Every other step is the system's own; every other role reads."""
PERSONAL_STEPS = tuple(TRANSITIONS)
_NEVER_AT_STOP = {StepKind.SHELVED: "shelved", StepKind.OUT_OF_SERVICE: "taken out of service"}


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Who acknowledged or confirmed, for which side, when."""

    by: str
    role: str
    side: str
    at_us: int
    text: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """All of contract 4's alert; instants in microseconds, `view.to_json` writes them as people read them."""

    id: str
    site: str
    zone: str
    hazard: str
    channel: str | None
    type: str
    severity: Severity
    condition: Condition
    acknowledgements: list[Mark]
    latched: bool
    confirmed: Mark | None
    raised_at_us: int
    returned_at_us: int | None
    respond_by_us: int | None
    value: float | None
    unit: str
    limit: LimitOf | None
    evidence: Evidence
    simulated: bool
    revision: int
    shelved_until_us: int | None = None
    suppressed_until_us: int | None = None
    out_of_service: bool = False
    data_lost: bool = False
    called_by: int = 0  # journal id of the last step that calls people: raised, escalated, reactivated, data lost
    called_for: StepKind = StepKind.RAISED
    called_at_us: int = 0
    changed_at_us: int = 0
    seen_us: int = 0  # event time of the last step that saw the condition

    @property
    def key(self) -> Key:
        return Key(self.zone, self.hazard, self.type)

    @property
    def active(self) -> bool:
        return self.condition == "active"

    @property
    def acknowledged(self) -> Mark | None:
        """The first acknowledgement since people were last called."""
        return self.acknowledgements[0] if self.acknowledgements else None

    @property
    def suppression(self) -> Suppression:
        if self.out_of_service:
            return "out_of_service"
        if self.suppressed_until_us is not None:
            return "by_design"
        return "none" if self.shelved_until_us is None else "shelved"

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something: a notice closes when it returns, an alarm also needs an acknowledgement, a latched one a reset."""
        if self.active or self.latched or self.suppression != "none":
            return True
        return self.severity is not Severity.NOTICE and not self.acknowledgements

    @property
    def state(self) -> State:
        suppressed: dict[Suppression, State] = {"shelved": "shelved", "by_design": "suppressed_by_design", "out_of_service": "out_of_service"}
        if self.suppression in suppressed:
            return suppressed[self.suppression]
        if self.active:
            return "acknowledged" if self.acknowledgements else "unacknowledged"
        if not self.open:
            return "normal"
        return "latched_acknowledged" if self.acknowledgements else "returned_unacknowledged"

    @property
    def is_one_sided(self) -> bool:
        """At stop level, whether a side has not acknowledged yet: it still may when the alert has closed, and until then a light stays on."""
        return self.severity is Severity.STOP and not all(self.heard_by(side) for side in SIDES)

    def heard_by(self, side: str) -> bool:
        """Whether this side has acknowledged since people were last called. At action level one acknowledgement serves all; at stop level each side hears for itself."""
        since = [mark for mark in self.acknowledgements if mark.at_us >= self.called_at_us]
        return bool(since) if self.severity is not Severity.STOP else any(mark.side == side for mark in since)


_ROLES = {role.value: role for role in Role}


def fold(steps: Iterable[Step]) -> Alert:
    """The alert that these steps, in journal order, add up to; raises ValueError where they do not begin with `raised`."""
    ordered = iter(steps)
    first = next(ordered, None)
    if first is None or first.kind is not StepKind.RAISED:
        raise ValueError("an alert begins with its being raised")
    alert = _raised(first)
    for step in ordered:
        alert = apply(alert, step)
    return alert


def apply(alert: Alert, step: Step) -> Alert:
    """The alert after one more step; a step that cannot change it only counts as a revision."""
    change = _CHANGES.get(step.kind)
    changed = change(alert, step) if change else alert
    return msgspec.structs.replace(changed, revision=alert.revision + 1, changed_at_us=step.recorded_us)


def allowed(alert: Alert, step: Step, role: Role, *, shift_us: int = DEFAULT_SHIFT_US) -> OshwatchError | None:
    """Whether a person of this role may take this step now: None, or `Refused` for a right, `BadInput` for what was sent, `Conflict` for the alert's state."""
    rule = TRANSITIONS.get(step.kind)
    if rule is None:
        return Refused("the system alone takes this step")
    if role not in RESPONDERS:
        return Refused(f"the role {role.value} reads alerts; the officer and both representatives act on them")
    if role not in rule.roles:
        return Refused("only the officer may do this")
    if alert.severity is Severity.STOP and not rule.at_stop:
        return Refused(f"a stop-level alert is never {_NEVER_AT_STOP[step.kind]}")
    if rule.needs_text and not step.detail.text.strip():
        return BadInput("say why in a sentence", field="text")
    return _unfit_span(step, shift_us) or _conflict(alert, step.kind)


def _unfit_span(step: Step, shift_us: int) -> BadInput | None:
    longest = {StepKind.SHELVED: (shift_us, "a shift"), StepKind.SUPPRESSED: (SUPPRESSION_MAX_US, "4 hours")}.get(step.kind)
    if longest is None:
        return None
    span_us = (step.detail.until_us or step.recorded_us) - step.recorded_us
    if span_us <= 0:
        return BadInput("say for how many minutes", field="minutes")
    return BadInput(f"at most {longest[1]}: {longest[0] // MINUTE_US} minutes", field="minutes") if span_us > longest[0] else None


def _conflict(alert: Alert, kind: StepKind) -> Conflict | None:
    closed = (not alert.open, "this alert is closed")
    conflicts: dict[StepKind, list[tuple[bool, str]]] = {
        StepKind.ACKNOWLEDGED: [(not alert.open and not alert.is_one_sided, "this alert is closed")],
        StepKind.SHELVED: [closed],
        StepKind.UNSHELVED: [(alert.shelved_until_us is None, "this alert is not shelved")],
        StepKind.SUPPRESSED: [closed],
        StepKind.UNSUPPRESSED: [(alert.suppressed_until_us is None, "this alert is not suppressed")],
        StepKind.OUT_OF_SERVICE: [closed, (alert.out_of_service, "this alert is out of service already")],
        StepKind.RETURNED_TO_SERVICE: [(not alert.out_of_service, "this alert is in service")],
        StepKind.RESET: [(not alert.latched, "this alert is not latched"), (alert.active, "the condition is still there")],
    }
    return next((Conflict(why) for is_so, why in conflicts.get(kind, []) if is_so), None)


def _raised(step: Step) -> Alert:
    detail = step.detail
    return Alert(
        id=step.alert,
        site=step.site,
        zone=step.zone,
        hazard=step.hazard,
        channel=detail.channel,
        type=step.type,
        severity=detail.severity or Severity.NOTICE,
        condition="active",
        acknowledgements=[],
        latched=detail.latching,
        confirmed=None,
        raised_at_us=step.event_us,
        returned_at_us=None,
        respond_by_us=_respond_by(step),
        value=detail.value,
        unit=detail.unit,
        limit=detail.limit,
        evidence=detail.evidence,
        simulated=detail.simulated,
        revision=1,
        called_by=step.id,
        called_for=step.kind,
        called_at_us=step.recorded_us,
        changed_at_us=step.recorded_us,
        seen_us=step.event_us,
    )


def _respond_by(step: Step) -> int | None:
    minutes = step.detail.respond_within_min
    return None if minutes is None else step.recorded_us + minutes * MINUTE_US


def _called_again(alert: Alert, step: Step) -> Alert:
    """The new facts, and everybody to be called anew: no earlier call holds for it any more."""
    detail, revised = step.detail, _revised(alert, step)
    return msgspec.structs.replace(
        revised,
        evidence={name: value for name, value in revised.evidence.items() if name != CALLED_WITH},
        severity=max(alert.severity, detail.severity or alert.severity, key=lambda severity: severity.rank),
        condition="active",
        returned_at_us=None,
        acknowledgements=[],
        confirmed=None,
        latched=alert.latched or detail.latching,
        respond_by_us=_respond_by(step),
        data_lost=False,
        called_by=step.id,
        called_for=step.kind,
        called_at_us=step.recorded_us,
    )


def _escalated(alert: Alert, step: Step) -> Alert:
    severity = step.detail.severity
    if severity is None or severity.rank <= alert.severity.rank:
        return alert
    called = _called_again(alert, step)
    if severity is Severity.STOP:
        return msgspec.structs.replace(called, shelved_until_us=None, out_of_service=False)
    return called


def _reactivated(alert: Alert, step: Step) -> Alert:
    return _called_again(alert, step) if alert.open else alert


def _revised(alert: Alert, step: Step) -> Alert:
    detail = step.detail
    return msgspec.structs.replace(
        alert,
        channel=detail.channel or alert.channel,
        value=alert.value if detail.value is None else detail.value,
        unit=detail.unit or alert.unit,
        limit=detail.limit or alert.limit,
        evidence={**alert.evidence, **detail.evidence},
        simulated=alert.simulated or detail.simulated,
        seen_us=max(alert.seen_us, step.event_us),
    )


def _data_lost(alert: Alert, step: Step) -> Alert:
    """The condition stays as it is: no data never clears an alert."""
    if not alert.active:
        return alert
    known = alert.evidence.get("notes")
    notes = [note for note in known if note != DATA_LOST] if isinstance(known, list) else []
    changed = _revised(alert, step)
    evidence: Evidence = {**changed.evidence, "notes": [*notes, DATA_LOST]}
    return msgspec.structs.replace(changed, evidence=evidence, data_lost=True, called_by=step.id, called_for=step.kind, called_at_us=step.recorded_us)


def _data_back(alert: Alert, step: Step) -> Alert:
    """Readings come again; that they were lost stays in the notes."""
    return msgspec.structs.replace(alert, data_lost=False)


def _returned(alert: Alert, step: Step) -> Alert:
    """A condition did not return before it was last seen, whatever a clock that was set back says: what comes again from before then is a repeat."""
    if not alert.active:
        return alert
    changed = _revised(alert, step)
    return msgspec.structs.replace(changed, condition="returned", returned_at_us=max(step.event_us, alert.seen_us))


def _mark(step: Step) -> Mark:
    role = _ROLES.get(step.role)
    return Mark(by=step.by, role=step.role, side=role.side if role else "", at_us=step.recorded_us, text=step.detail.text)


def _acknowledged(alert: Alert, step: Step) -> Alert:
    if not alert.open and not alert.is_one_sided:
        return alert
    return msgspec.structs.replace(alert, acknowledgements=[*alert.acknowledgements, _mark(step)])


def _confirmed(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, confirmed=_mark(step))


def _shelved(alert: Alert, step: Step) -> Alert:
    if alert.severity is Severity.STOP or not alert.open:
        return alert
    return msgspec.structs.replace(alert, shelved_until_us=step.detail.until_us)


def _unshelved(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, shelved_until_us=None)


def _suppressed(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, suppressed_until_us=step.detail.until_us) if alert.open else alert


def _unsuppressed(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, suppressed_until_us=None)


def _out_of_service(alert: Alert, step: Step) -> Alert:
    if alert.severity is Severity.STOP or not alert.open:
        return alert
    return msgspec.structs.replace(alert, out_of_service=True)


def _returned_to_service(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, out_of_service=False)


def _reset(alert: Alert, step: Step) -> Alert:
    return alert if alert.active else msgspec.structs.replace(alert, latched=False)


_CHANGES: dict[StepKind, Callable[[Alert, Step], Alert]] = {
    StepKind.ESCALATED: _escalated,
    StepKind.REACTIVATED: _reactivated,
    StepKind.REVISED: _revised,
    StepKind.DATA_LOST: _data_lost,
    StepKind.DATA_BACK: _data_back,
    StepKind.RETURNED: _returned,
    StepKind.ACKNOWLEDGED: _acknowledged,
    StepKind.CONFIRMED: _confirmed,
    StepKind.SHELVED: _shelved,
    StepKind.UNSHELVED: _unshelved,
    StepKind.SUPPRESSED: _suppressed,
    StepKind.UNSUPPRESSED: _unsuppressed,
    StepKind.OUT_OF_SERVICE: _out_of_service,
    StepKind.RETURNED_TO_SERVICE: _returned_to_service,
    StepKind.RESET: _reset,
}
