"""Exposure to heat ends with the shift: what stands at action level returns with it, what is at stop level or cannot be seen stays, and the next shift is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.policy import load_policy
from alerts.policy.table import DEFAULT
from alerts.record import Recorder
from alerts.state import Alert
from alerts.states import AlertStates
from alerts.windows import WindowConditions
from assess.live import LiveWindow, LiveZone
from domain.errors import BadInput
from domain.hazards import Severity, ZoneStatus
from domain.times import HOUR_US, parse_instant
from domain.verdict import LimitOf, ShiftOf
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository, Key, StepKind

POLICY = load_policy()
ZONE = "f1.ironing-1"
KEY = Key(ZONE, "heat", "heat")
DAY = ShiftOf(date="2026-11-23", name="A", start="2026-11-23T00:00:00Z", stop="2026-11-23T09:00:00Z")
NEXT = ShiftOf(date="2026-11-24", name="A", start="2026-11-24T00:00:00Z", stop="2026-11-24T09:00:00Z")
LIMIT = LimitOf(id="rel", value=28.5, profile="us-niosh", law=False, averaging="60 min", clause="8.1", status="verified")
UNDER, OVER, STOP = 24.0, 28.0, 34.0


class Press:
    """One zone whose value and shift the test sets."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        clock.time_us = parse_instant("2026-11-23T08:00:00Z")
        self.engine, self.clock = engine, clock
        self.start()

    def start(self) -> None:
        self.conditions = WindowConditions(Recorder(self.engine, self.clock, POLICY), POLICY)

    def minutes(self, number: int, value: float | None, shift: ShiftOf | None) -> None:
        for _ in range(number):
            self.clock.sleep(60)
            for _ in self.conditions.follow(self._live(value, shift), {alert.key: alert for alert in AlertStates(self.engine).open()}, self.clock.now_us()):
                pass

    def alert(self) -> Alert | None:
        return {alert.key: alert for alert in AlertStates(self.engine).open()}.get(KEY)

    def is_active(self) -> bool:
        alert = self.alert()
        return alert is not None and alert.active

    def steps(self) -> list[StepKind]:
        return [step.kind for step in JournalRepository(self.engine).since(0)]

    def _live(self, value: float | None, shift: ShiftOf | None) -> LiveZone:
        now_us = self.clock.now_us()
        window = LiveWindow(
            hazard="heat", metric="wbgt_now", placement=ZONE, channels=["a.p.t"], start_us=now_us - HOUR_US, stop_us=now_us, value=value, low=value, high=value,
            unit="Cel", limit=LIMIT, action_from=27.5, stop_from=33.0, status=ZoneStatus.WITHIN, proven=False, coverage=1.0,
        )  # fmt: skip
        return LiveZone(site="f1", zone=ZONE, at_us=now_us, shift=shift, status=ZoneStatus.WITHIN, hazards={}, windows=[window])


@pytest.fixture
def press(engine: Engine, clock: FakeClock) -> Press:
    return Press(engine, clock)


def test_a_hot_night_is_no_alarm_that_stands_until_morning(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    assert press.is_active()
    press.minutes(90, OVER, None)
    assert not press.is_active()
    assert press.steps() == [StepKind.RAISED, StepKind.RETURNED]


def test_the_next_shift_is_told_at_once_of_what_is_still_over(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(90, OVER, None)
    press.minutes(3, OVER, NEXT)
    assert press.is_active()
    assert press.steps().count(StepKind.RETURNED) == 1


def test_what_gets_hot_outside_shifts_alarms_and_ends_when_the_shift_begins(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(30, OVER, None)
    press.minutes(5, UNDER, None)
    press.minutes(5, OVER, None)
    assert not press.is_active()  # it has not been under for as long as a return takes
    press.minutes(12, UNDER, None)
    press.minutes(5, OVER, None)
    assert press.is_active()
    press.minutes(1, OVER, NEXT)
    assert not press.is_active()
    press.minutes(2, OVER, NEXT)
    assert press.is_active()


def test_stop_level_stays_until_the_danger_is_over(press: Press) -> None:
    press.minutes(5, STOP, DAY)
    press.minutes(90, STOP, None)
    assert press.is_active()
    press.minutes(15, OVER, None)
    assert not press.is_active()


def test_stop_level_outside_shifts_is_raised_although_the_shift_was_told_of_action(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(5, OVER, None)
    press.minutes(1, STOP, None)
    alert = press.alert()
    assert alert is not None
    assert (alert.active, alert.severity) == (True, Severity.STOP)


def test_stop_level_that_is_reached_as_the_shift_ends_is_called_at_once(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(1, STOP, None)
    alert = press.alert()
    assert alert is not None
    assert (alert.active, alert.severity) == (True, Severity.STOP)
    press.minutes(15, OVER, None)
    assert press.steps() == [StepKind.RAISED, StepKind.ESCALATED, StepKind.RETURNED]


def test_what_nobody_can_see_at_the_shifts_end_stays(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(3, None, DAY)
    press.minutes(60, None, None)
    assert press.is_active()


def test_what_nobody_could_see_for_a_while_was_not_under_for_that(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.minutes(5, OVER, None)
    press.minutes(30, None, None)
    press.minutes(5, OVER, None)
    assert not press.is_active()


def test_after_a_restart_outside_shifts_it_ends_too(press: Press) -> None:
    press.minutes(5, OVER, DAY)
    press.start()
    press.minutes(5, OVER, None)
    assert not press.is_active()


def test_a_site_without_planned_shifts_keeps_its_alarm(press: Press) -> None:
    press.minutes(300, OVER, None)
    assert press.steps() == [StepKind.RAISED]


def test_no_alarm_at_stop_level_may_end_with_a_shift(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(
        DEFAULT.read_text().replace("        set_point: WBGT at which this work leaves no minute in the hour.\n", "        set_point: W\n        ends_with_shift: true\n")
    )
    with pytest.raises(BadInput, match="shift"):
        load_policy(path)
    assert not any(row.levels[Severity.STOP].ends_with_shift for row in POLICY.rows.values() if Severity.STOP in row.levels)
