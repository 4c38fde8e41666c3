"""What must hold of alerts and has no other home; and that every test named in the table beside this file is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts import actions
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from domain.errors import BadInput, Refused
from domain.hazards import Severity
from domain.scope import Role, Scope
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository, StepKind

ROOM = Path(__file__).parent
OFFICER = Scope(user="linh", role=Role.OFFICER, grant="f1")


@pytest.fixture
def alert(engine: Engine, clock: FakeClock) -> Alert:
    found = raised(engine, clock, 31.0)
    assert found is not None
    return found


def raised(engine: Engine, clock: FakeClock, value: float) -> Alert | None:
    finding = Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.STOP, event_us=clock.now_us(), value=value, unit="Cel")
    return Recorder(engine, clock, load_policy()).seen(finding)


@pytest.mark.check
def test_every_test_that_the_table_names_is_there() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOM / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 25
    missing = [f"{file}::{name}" for file, name in named if not re.search(rf"(def {name}\(|^{name} = )", (ROOM / file).read_text(encoding="utf-8"), re.MULTILINE)]
    assert missing == []


def test_a_step_keeps_who_which_role_when_from_where_and_why(engine: Engine, clock: FakeClock, alert: Alert) -> None:
    clock.sleep(90)
    actions.acknowledge(engine, clock, OFFICER, alert.id, "I am on my way", via="page")
    step = JournalRepository(engine).steps(alert.id)[-1]
    assert (step.by, step.role, step.recorded_us, step.detail.via, step.detail.text) == ("linh", "officer", clock.now_us(), "page", "I am on my way")


def test_suppression_by_design_is_at_most_four_hours_and_names_what_protects_meanwhile(engine: Engine, clock: FakeClock, alert: Alert) -> None:
    for text, minutes in (("line closed, nobody inside", 241), (" ", 60), ("line closed", 0)):
        with pytest.raises(BadInput):
            actions.suppress_by_design(engine, clock, OFFICER, alert.id, text, minutes)
    with pytest.raises(Refused):
        actions.suppress_by_design(engine, clock, Scope(user="minh", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f1"), alert.id, "line closed", 60)
    assert actions.suppress_by_design(engine, clock, OFFICER, alert.id, "line closed, door locked", 240).state == "suppressed_by_design"
    assert actions.end_suppression(engine, clock, OFFICER, alert.id).state == "unacknowledged"


def test_nothing_in_the_journal_is_ever_changed_or_taken_away(engine: Engine, clock: FakeClock, alert: Alert) -> None:
    journal, recorder = JournalRepository(engine), Recorder(engine, clock, load_policy())
    before = journal.steps(alert.id)
    actions.acknowledge(engine, clock, OFFICER, alert.id)
    acted = journal.steps(alert.id)
    clock.sleep(120)
    raised(engine, clock, 20.0)  # it was less than thought
    recorder.returned(alert, clock.now_us())
    after = journal.steps(alert.id)
    assert after[: len(before)] == before
    assert after[: len(acted)] == acted
    assert [step.kind for step in after] == [StepKind.RAISED, StepKind.ACKNOWLEDGED, StepKind.RETURNED]
