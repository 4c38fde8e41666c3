"""The fold of an alert's journal, and who may do what."""

from __future__ import annotations

import pytest

from alerts.state import DATA_LOST, Alert, allowed, apply, fold
from alerts.view import to_json
from domain.errors import BadInput, Conflict, Refused
from domain.hazards import Severity
from domain.scope import Role
from domain.times import HOUR_US, MINUTE_US
from storage.records.journal import Detail, Step, StepKind

T0 = 1_763_800_000_000_000
K = StepKind


def step(kind: StepKind, minute: int = 0, *, by: str = "", role: str = "", **detail: object) -> Step:
    at = T0 + minute * MINUTE_US
    return Step(
        alert="a1", site="f1", zone="f1.ironing-1", hazard="heat", type="heat", kind=kind, event_us=at, recorded_us=at, by=by, role=role, detail=Detail(**detail), id=minute + 1
    )


def raised(severity: Severity = Severity.ACTION, **detail: object) -> Step:
    return step(K.RAISED, severity=severity, respond_within_min=30, value=30.0, unit="Cel", **detail)


def officer(kind: StepKind, minute: int = 1, **detail: object) -> Step:
    return step(kind, minute, by="olga", role="officer", **detail)


def worker(kind: StepKind, minute: int = 1, **detail: object) -> Step:
    return step(kind, minute, by="wei", role="worker_representative", **detail)


RETURNED, ACK = step(K.RETURNED, 5), officer(K.ACKNOWLEDGED, 3)
TABLE = [
    ([], "unacknowledged", True),
    ([ACK], "acknowledged", True),
    ([RETURNED], "returned_unacknowledged", True),
    ([ACK, RETURNED], "normal", False),
    ([RETURNED, officer(K.ACKNOWLEDGED, 6)], "normal", False),
    ([ACK, RETURNED, step(K.REACTIVATED, 7)], "normal", False),
    ([RETURNED, step(K.REACTIVATED, 7)], "unacknowledged", True),
    ([ACK, step(K.ESCALATED, 4, severity=Severity.STOP)], "unacknowledged", True),
    ([ACK, step(K.ESCALATED, 4, severity=Severity.ACTION)], "acknowledged", True),
    ([officer(K.SHELVED, until_us=T0 + HOUR_US, text="steam trap")], "shelved", True),
    ([officer(K.SHELVED, until_us=T0 + HOUR_US, text="x"), step(K.ESCALATED, 4, severity=Severity.STOP)], "unacknowledged", True),
    ([ACK, officer(K.SHELVED, until_us=T0 + HOUR_US, text="x"), RETURNED], "shelved", True),
    ([ACK, officer(K.SHELVED, until_us=T0 + HOUR_US, text="x"), RETURNED, step(K.UNSHELVED, 60)], "normal", False),
    ([officer(K.OUT_OF_SERVICE, text="fan broken")], "out_of_service", True),
    ([officer(K.OUT_OF_SERVICE, text="fan broken"), officer(K.RETURNED_TO_SERVICE)], "unacknowledged", True),
    ([officer(K.SUPPRESSED, text="line closed", until_us=T0 + HOUR_US)], "suppressed_by_design", True),
    ([ACK, step(K.DATA_LOST, 4)], "acknowledged", True),
    ([ACK, RETURNED, officer(K.COMMENTED, 9, text="late word")], "normal", False),
]


@pytest.mark.parametrize(("steps", "state", "is_open"), TABLE)
def test_fold_gives_the_state_word_of_isa_18_2(steps: list[Step], state: str, is_open: bool) -> None:
    alert = fold([raised(), *steps])
    assert (alert.state, alert.open) == (state, is_open)


def test_a_latched_alert_waits_for_a_reset_after_it_returned_and_was_acknowledged() -> None:
    alert = fold([raised(latching=True), ACK, RETURNED])
    assert (alert.state, alert.open) == ("latched_acknowledged", True)
    assert apply(alert, officer(K.RESET, 9)).state == "normal"


def test_a_reset_while_the_condition_is_there_changes_nothing() -> None:
    assert fold([raised(latching=True), ACK, officer(K.RESET, 4)]).latched


def test_a_higher_severity_clears_acknowledgements_and_calls_anew() -> None:
    alert = fold([raised(), ACK, step(K.ESCALATED, 4, severity=Severity.STOP, respond_within_min=5)])
    assert (alert.severity, alert.acknowledgements, alert.called_for) == (Severity.STOP, [], K.ESCALATED)
    assert alert.respond_by_us == T0 + 9 * MINUTE_US


def test_at_stop_level_one_side_does_not_hear_for_the_other() -> None:
    alert = fold([raised(Severity.STOP), ACK])
    assert (alert.heard_by("management"), alert.heard_by("worker")) == (True, False)
    assert apply(alert, worker(K.ACKNOWLEDGED, 4)).heard_by("worker")


def test_at_action_level_one_acknowledgement_serves_all() -> None:
    assert fold([raised(), ACK]).heard_by("worker")


def test_data_lost_keeps_the_alert_active_and_says_so_once() -> None:
    alert = fold([raised(), step(K.DATA_LOST, 3), step(K.DATA_BACK, 4), step(K.DATA_LOST, 5)])
    assert (alert.condition, alert.evidence["notes"], alert.data_lost) == ("active", [DATA_LOST], True)


def test_a_notice_needs_no_acknowledgement() -> None:
    assert not fold([raised(Severity.NOTICE), RETURNED]).open


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.INSPECTOR, Role.PROGRAMME])
@pytest.mark.parametrize("kind", [K.ACKNOWLEDGED, K.COMMENTED, K.CONFIRMED, K.SHELVED, K.RESET])
def test_administrator_inspector_and_programme_only_read(role: Role, kind: StepKind) -> None:
    assert isinstance(allowed(fold([raised()]), officer(kind, text="x", until_us=T0 + HOUR_US), role), Refused)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE])
def test_officer_and_both_representatives_act(role: Role) -> None:
    alert = fold([raised()])
    for kind in (K.ACKNOWLEDGED, K.COMMENTED, K.CONFIRMED, K.SHELVED):
        assert allowed(alert, officer(kind, text="x", until_us=T0 + HOUR_US), role) is None


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", [K.SHELVED, K.OUT_OF_SERVICE])
def test_nobody_shelves_a_stop_level_alert(role: Role, kind: StepKind) -> None:
    assert isinstance(allowed(fold([raised(Severity.STOP)]), officer(kind, text="x", until_us=T0 + HOUR_US), role), Refused)


REFUSED: list[tuple[list[Step], Step]] = [
    ([], officer(K.SHELVED, until_us=T0 + HOUR_US)),  # no reason given
    ([], officer(K.SHELVED, text="x", until_us=T0 + 10 * HOUR_US)),  # longer than a shift
    ([], officer(K.SHELVED, text="x")),  # no minutes
    ([], officer(K.COMMENTED, text="  ")),
    ([], officer(K.UNSHELVED)),
    ([], officer(K.RESET)),
    ([], officer(K.RETURNED_TO_SERVICE)),
    ([], officer(K.SUPPRESSED, text="x", until_us=T0 + 5 * HOUR_US)),
    ([ACK, RETURNED], officer(K.ACKNOWLEDGED, 9)),
    ([ACK, RETURNED], officer(K.SHELVED, 9, text="x", until_us=T0 + HOUR_US)),
]


@pytest.mark.parametrize(("before", "asked"), REFUSED)
def test_what_makes_no_sense_now_is_refused_with_a_reason(before: list[Step], asked: Step) -> None:
    refusal = allowed(fold([raised(), *before]), asked, Role.OFFICER)
    assert isinstance(refusal, (BadInput, Conflict))
    assert str(refusal)


def test_only_the_officer_takes_an_alert_out_of_service() -> None:
    alert = fold([raised()])
    assert allowed(alert, officer(K.OUT_OF_SERVICE, text="x"), Role.OFFICER) is None
    assert isinstance(allowed(alert, officer(K.OUT_OF_SERVICE, text="x"), Role.WORKER_REPRESENTATIVE), Refused)


def test_the_json_has_every_field_of_the_contract() -> None:
    alert: Alert = fold([raised(channel="agent-7.ironing-1.co"), ACK, officer(K.CONFIRMED, 4, text="valve closed"), RETURNED])
    shown = to_json(alert)
    assert list(shown) == [
        "id", "site", "zone", "hazard", "channel", "type", "severity", "condition", "acknowledgements", "acknowledged", "latched", "suppression", "confirmed", "state",
        "raised_at", "returned_at", "respond_by", "value", "unit", "limit", "evidence", "simulated", "revision",
    ]  # fmt: skip
    assert shown["acknowledged"] == {"by": "olga", "role": "officer", "side": "management", "at": "2025-11-22T08:29:40Z", "text": ""}
    assert (shown["confirmed"]["text"], shown["raised_at"], shown["revision"]) == ("valve closed", "2025-11-22T08:26:40Z", 4)


def test_a_clock_that_was_set_back_does_not_let_a_condition_return_before_it_was_last_seen() -> None:
    """Else the same pack, coming once more, would count as a new excursion and call people anew."""
    alert = fold([raised(), step(K.REVISED, 10, value=31.0), step(K.RETURNED, -30)])
    assert alert.condition == "returned"
    assert alert.returned_at_us == T0 + 10 * MINUTE_US
