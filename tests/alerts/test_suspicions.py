"""Alerts of models: notices until they have proved right at that site, and never a reason to silence anything."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine

from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.suspicions import ENOUGH, TYPE, SuspectedFaults, judge, severity_of
from domain.errors import BadInput
from domain.hazards import Severity
from domain.scope import Role, Scope
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository, Key
from storage.records.registry import RegistryRepository
from storage.records.suspects import Suspect

POLICY = load_policy()
ROW = POLICY.rows[TYPE]
OFFICER = Scope(user="linh", role=Role.OFFICER, grant="f1")
CO = Suspect(channel="agent-7.ironing-1.co", kind="fault", fault_type="stuck", since_us=0, score=9.0, text="stands still")
DUST = Suspect(channel="agent-7.ironing-1.pm2_5", kind="fault", fault_type="drift", since_us=0, score=9.0, text="drifts")
EVENT = Suspect(channel="agent-7.ironing-1.pm2_5", kind="event", fault_type="", since_us=0, score=9.0, text="something happens")


@dataclass
class Floor:
    engine: Engine
    clock: FakeClock
    alerts: dict[Key, Alert] = field(default_factory=dict)

    def look(self, *suspects: Suspect) -> list[Alert]:
        self.clock.sleep(61)
        faults = SuspectedFaults(Recorder(self.engine, self.clock, POLICY), POLICY, self.engine)
        held = RegistryRepository(self.engine).load().at(self.clock.now_us())
        for alert in faults.follow(self.clock.now_us(), suspects, held, dict(self.alerts)):
            if alert is not None and alert.open:
                self.alerts[alert.key] = alert
            elif alert is not None:
                self.alerts.pop(alert.key, None)
        return list(self.alerts.values())


@pytest.fixture
def floor(engine: Engine, clock: FakeClock) -> Floor:
    return Floor(engine, clock)


def test_a_suspected_sensor_is_a_notice_of_its_zone_and_goes_by_itself(floor: Floor) -> None:
    (alert,) = floor.look(CO)
    assert (alert.severity, alert.zone, alert.evidence["channels"]) == (Severity.NOTICE, "f1.ironing-1", [CO.channel])
    steps = JournalRepository(floor.engine).last_id()
    floor.look(CO)
    assert JournalRepository(floor.engine).last_id() == steps
    (alert,) = floor.look(CO, DUST)
    assert alert.evidence["channels"] == [CO.channel, DUST.channel]
    assert floor.look() == []


def test_an_event_is_no_fault(floor: Floor) -> None:
    assert floor.look(EVENT) == []


def test_it_is_promoted_where_nine_in_ten_were_right_and_nowhere_else(floor: Floor) -> None:
    (alert,) = floor.look(CO)
    for number in range(ENOUGH):
        judged = Recorder(floor.engine, floor.clock, POLICY, lambda number=number: f"s{number}")  # type: ignore[misc]
        one = judged.seen(Finding(site="f1", zone=f"f1.z{number}", hazard="sensor", type=TYPE, severity=Severity.NOTICE, event_us=floor.clock.now_us()))
        assert one is not None
        judge(floor.engine, floor.clock, OFFICER, one, POLICY, is_true=number >= 2)
    (alert,) = floor.look(CO)
    assert alert.severity is Severity.ACTION
    judge(floor.engine, floor.clock, OFFICER, alert, POLICY, is_true=False)
    assert floor.look() != []  # an action waits for an acknowledgement
    assert severity_of(ROW, 18, 21) is Severity.NOTICE


@pytest.mark.parametrize(("right", "looked_at", "severity"), [(0, 0, "notice"), (19, 19, "notice"), (18, 20, "action"), (17, 20, "notice"), (1000, 1000, "action")])
def test_enough_and_right_enough(right: int, looked_at: int, severity: str) -> None:
    assert severity_of(ROW, right, looked_at).value == severity


def test_only_the_alert_of_a_model_is_judged(floor: Floor) -> None:
    recorder = Recorder(floor.engine, floor.clock, POLICY)
    alert = recorder.seen(Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.ACTION, event_us=floor.clock.now_us(), value=31.0, unit="Cel"))
    assert alert is not None
    with pytest.raises(BadInput):
        judge(floor.engine, floor.clock, OFFICER, alert, POLICY, is_true=True)
