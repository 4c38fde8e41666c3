"""The table of what each alert is now: healed where a writer left it stale, and never ahead of the journal."""

from __future__ import annotations

from sqlalchemy import Engine

from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import fold
from alerts.states import AlertStates
from domain.hazards import Severity
from oshwatch.testing import FakeClock
from storage.records.journal import Change, JournalRepository, Step, StepKind


def finding(zone: str, clock: FakeClock) -> Finding:
    return Finding(site="f1", zone=zone, hazard="heat", type="heat", severity=Severity.ACTION, event_us=clock.now_us(), value=31.0, unit="Cel")


def test_steps_of_a_writer_that_says_no_state_are_folded_by_the_next_reader(engine: Engine, clock: FakeClock) -> None:
    recorder, journal = Recorder(engine, clock, load_policy()), JournalRepository(engine)
    alert = recorder.seen(finding("f1.ironing-1", clock))
    assert alert is not None
    step = Step(alert=alert.id, site="f1", zone=alert.zone, hazard="heat", type="heat", kind=StepKind.COMMENTED, event_us=1, recorded_us=clock.now_us(), by="thu", role="officer")
    journal.change(alert.id, lambda steps: Change([step], True))
    (found,) = AlertStates(engine).open()
    assert found == fold(journal.steps(alert.id))
    assert found.revision == 2


def test_the_latest_come_first_and_stop_at_the_limit(engine: Engine, clock: FakeClock) -> None:
    recorder = Recorder(engine, clock, load_policy())
    zones = ["f1.ironing-1", "f1.gluing-1"]
    for zone in zones:
        clock.sleep(60)
        recorder.seen(finding(zone, clock))
    states = AlertStates(engine)
    assert [alert.zone for _, alert in states.page(["f1"], limit=1, latest=True)] == ["f1.gluing-1"]
    assert [alert.zone for _, alert in states.page(["f1"], since_us=clock.now_us())] == ["f1.gluing-1"]
    assert [alert.zone for _, alert in states.page(None)] == zones
    assert states.page(["k1"]) == []
