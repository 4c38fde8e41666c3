"""Which role may take which step: the table in code, against every role, every step, both sides and every severity; and the page that documents it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from alerts.state import PERSONAL_STEPS, TRANSITIONS, Alert, allowed, apply, fold
from domain.errors import BadInput, Refused
from domain.hazards import Severity
from domain.scope import Role
from domain.times import MINUTE_US
from storage.records.journal import Detail, Step, StepKind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alarms.md"
OFFICER, WORKER, MANAGEMENT = Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE
SEEN_BY_ALL = {OFFICER, WORKER, MANAGEMENT}
MAY = {  # written down a second time on purpose: a change of the table in code has to be meant
    StepKind.ACKNOWLEDGED: SEEN_BY_ALL,
    StepKind.COMMENTED: SEEN_BY_ALL,
    StepKind.CONFIRMED: SEEN_BY_ALL,
    StepKind.SHELVED: SEEN_BY_ALL,
    StepKind.UNSHELVED: SEEN_BY_ALL,
    StepKind.RESET: SEEN_BY_ALL,
    StepKind.SUPPRESSED: {OFFICER},
    StepKind.UNSUPPRESSED: {OFFICER},
    StepKind.OUT_OF_SERVICE: {OFFICER},
    StepKind.RETURNED_TO_SERVICE: {OFFICER},
}
NEVER_AT_STOP = {StepKind.SHELVED, StepKind.OUT_OF_SERVICE}


def step(kind: StepKind, *, at_us: int = 10 * MINUTE_US, severity: Severity | None = None, by: str = "", role: str = "", text: str = "because", latching: bool = False) -> Step:
    detail = Detail(severity=severity, text=text, until_us=at_us + 30 * MINUTE_US, latching=latching)
    return Step(alert="a1", site="f1", zone="f1.a", hazard="heat", type="heat", kind=kind, event_us=at_us, recorded_us=at_us, by=by, role=role, detail=detail)


def ready_for(kind: StepKind, severity: Severity) -> Alert:
    """An alert in a state in which this step makes sense."""
    steps = [step(StepKind.RAISED, at_us=MINUTE_US, severity=severity, latching=kind is StepKind.RESET)]
    before = {
        StepKind.UNSHELVED: [StepKind.SHELVED],
        StepKind.UNSUPPRESSED: [StepKind.SUPPRESSED],
        StepKind.RETURNED_TO_SERVICE: [StepKind.OUT_OF_SERVICE],
        StepKind.RESET: [StepKind.RETURNED],
    }
    return fold([*steps, *(step(one, at_us=2 * MINUTE_US, by="linh", role="officer") for one in before.get(kind, []))])


ROLES = list(Role)
CASES = [
    (role, kind, severity)
    for role, kind, severity in itertools.product(ROLES, PERSONAL_STEPS, [Severity.ACTION, Severity.STOP])
    if severity is not Severity.STOP or kind not in (StepKind.UNSHELVED, StepKind.RETURNED_TO_SERVICE)  # nothing is shelved or out of service there
]
SIDES = sorted({role.side for role in Role})


@pytest.mark.parametrize(("role", "kind", "severity"), CASES, ids=str)
def test_a_role_may_take_a_step_exactly_when_the_table_says_so(role: Role, kind: StepKind, severity: Severity) -> None:
    problem = allowed(ready_for(kind, severity), step(kind), role)
    may = role in MAY[kind] and not (severity is Severity.STOP and kind in NEVER_AT_STOP)
    assert (problem is None) == may, problem
    assert may or isinstance(problem, Refused)


@pytest.mark.parametrize(("role", "kind", "side"), [*itertools.product(ROLES, PERSONAL_STEPS, SIDES)], ids=lambda one: str(one) or "no side")
def test_no_step_of_one_side_is_taken_for_the_other(role: Role, kind: StepKind, side: str) -> None:
    """Whoever acts, the mark bears the side of their role, and at stop level hears for no other."""
    alert = ready_for(kind, Severity.STOP)
    after = apply(alert, step(kind, by="x", role=role.value))
    assert all(mark.side == role.side for mark in after.acknowledgements)
    if kind is StepKind.ACKNOWLEDGED:
        assert after.heard_by(side) == (side == role.side)


def test_the_system_alone_takes_every_other_step() -> None:
    for kind in set(StepKind) - set(TRANSITIONS):
        assert isinstance(allowed(ready_for(kind, Severity.ACTION), step(kind), OFFICER), Refused), kind


def test_a_reason_is_asked_for_where_the_table_says_so() -> None:
    for kind, rule in TRANSITIONS.items():
        problem = allowed(ready_for(kind, Severity.ACTION), step(kind, text=" "), OFFICER)
        assert isinstance(problem, BadInput) == rule.needs_text, kind


@pytest.mark.check
def test_the_page_says_what_the_table_in_code_says() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (\w+) \| (\w+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    written = {kind: (roles.strip(), at_stop, reason) for kind, roles, at_stop, reason in rows}
    said = {
        kind.value: (", ".join(role.value for role in rule.roles), "yes" if rule.at_stop else "never", "required" if rule.needs_text else "optional")
        for kind, rule in TRANSITIONS.items()
    }
    assert written == said
