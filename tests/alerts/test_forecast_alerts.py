"""What is likely over its limit soon is a notice, an action where that has proved right, and never stops anybody."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine

from alerts.forecasts import TYPE, ForecastsOver
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.suspicions import ENOUGH, judge
from assess.live import Forecast, LiveZone
from domain.hazards import Severity, ZoneStatus
from domain.scope import Role, Scope
from domain.verdict import LimitOf
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository, Key

POLICY = load_policy()
OFFICER = Scope(user="linh", role=Role.OFFICER, grant="f1")
LIMIT = LimitOf(id="x", value=28.0, profile="p", law=True, averaging="running_60min", clause="1", status="verified")


def zone_with(chance: float | None, status: ZoneStatus = ZoneStatus.WITHIN) -> LiveZone:
    forecasts = []
    if chance is not None:
        forecasts = [
            Forecast(
                hazard="heat",
                metric="wbgt_now",
                placement="area",
                value=27.0,
                unit="Cel",
                limit=LIMIT,
                probability={"15": 0.1, "60": chance},
                fan={"p10": 27.0, "p50": 28.4, "p90": 29.0},
                fan_at_us=1,
                expected_at_us=1_800_000_000_000_000,
                likely=chance >= 0.5,
                method="forecast-crossing@1",
                known=500,
                since_us=0,
            )
        ]
    return LiveZone(site="f1", zone="f1.ironing-1", at_us=0, shift=None, status=status, hazards={"heat": status}, windows=[], forecasts=forecasts)


@dataclass
class Floor:
    engine: Engine
    clock: FakeClock
    over: ForecastsOver
    alerts: dict[Key, Alert] = field(default_factory=dict)

    def look(self, zone: LiveZone, after_s: float = 61) -> list[Alert]:
        self.clock.sleep(after_s)
        for alert in self.over.follow(self.clock.now_us(), [zone], dict(self.alerts)):
            if alert is not None and alert.open:
                self.alerts[alert.key] = alert
            elif alert is not None:
                self.alerts.pop(alert.key, None)
        return list(self.alerts.values())


@pytest.fixture
def floor(engine: Engine, clock: FakeClock) -> Floor:
    return Floor(engine, clock, ForecastsOver(Recorder(engine, clock, POLICY), POLICY, engine))


def test_what_is_likely_over_is_a_notice_with_its_reasons_and_goes_when_it_is_unlikely_for_long(floor: Floor) -> None:
    (alert,) = floor.look(zone_with(0.7))
    assert (alert.severity, alert.hazard, alert.evidence["probability_60"]) == (Severity.NOTICE, "heat", 0.7)
    steps = JournalRepository(floor.engine).last_id()
    floor.look(zone_with(0.8))
    floor.look(zone_with(0.3))
    assert JournalRepository(floor.engine).last_id() == steps, "back and forth writes nothing"
    assert floor.look(zone_with(0.3), after_s=1900) == []


@pytest.mark.parametrize("zone", [zone_with(0.4), zone_with(None), zone_with(0.9, ZoneStatus.ACTION)], ids=["unlikely", "nothing known", "over already"])
def test_there_is_no_notice_of_what_is_not_likely_or_has_its_own_alarm(floor: Floor, zone: LiveZone) -> None:
    assert floor.look(zone) == []


def test_it_is_an_action_only_where_nine_in_ten_were_right_at_this_site(floor: Floor) -> None:
    for number in range(ENOUGH):
        recorder = Recorder(floor.engine, floor.clock, POLICY, lambda number=number: f"s{number}")  # type: ignore[misc]
        one = recorder.seen(Finding(site="f1", zone=f"f1.z{number}", hazard="heat", type=TYPE, severity=Severity.NOTICE, event_us=floor.clock.now_us()))
        assert one is not None
        judge(floor.engine, floor.clock, OFFICER, one, POLICY, is_true=number >= 2)
    (alert,) = floor.look(zone_with(0.7))
    assert alert.severity is Severity.ACTION
