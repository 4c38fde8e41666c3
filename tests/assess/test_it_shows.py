"""What a zone's verdict does when a plug is pulled, when hours of data come late, and when a calibration expires: from stored minutes to stored revisions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.hazards import ZoneStatus
from domain.registry import CalibrationSpec
from domain.times import DAY_US, HOUR_US, MINUTE_US
from storage.records.ledger import TouchedRow
from storage.records.touched import TouchedRepository
from storage.records.verdicts import VerdictRepository

REL = "wbgt_effective_60min_worst"
PULLED, BACK = 100, 280
COOL_C = 24.0


def revisions(floor):
    return [row for row in VerdictRepository(floor.engine).revisions(site="f1") if row.verdict.metric == REL]


def only(zones):
    (zone,) = zones
    return zone


@pytest.fixture
def meter(floor):
    """A WBGT meter in good order over work that is well within its limit."""
    floor.house.zone.update(metabolic_rate_w=200.0, metabolic_rate_measured=True)
    name = floor.house.channel("wbgt")
    floor.enrol()
    return name


def run_until(floor, assessor, meter, minutes, *, pulled=()):
    """Minutes and readings as they come; what the floor showed at each of them."""
    shown = []
    for minute in minutes:
        if minute not in pulled:
            floor.house.fill(meter, [COOL_C] * 5, first=minute - 5)
            floor.house.now(meter, COOL_C, floor.at(minute))
        floor.at(minute + 0.5)
        shown.append((minute, only(assessor.tick()).status, revisions(floor)[-1].verdict.state))
    return shown


def test_a_pulled_plug_is_never_green_and_ends_not_assessable_with_its_reason(floor, meter):
    assessor = floor.start()
    before = run_until(floor, assessor, meter, range(5, PULLED + 1, 5))
    assert {(status, state) for minute, status, state in before if minute > 60} == {(ZoneStatus.WITHIN, "within")}
    after = run_until(floor, assessor, meter, range(PULLED + 5, 480, 5), pulled=range(PULLED + 5, 480))
    assert {status for _, status, _ in after} == {ZoneStatus.UNKNOWN}
    assert "within" not in {state for minute, _, state in after if minute >= PULLED + 20}
    assert after[-1][2] == "not_assessable"
    floor.at(483)
    assessor.tick()
    last = revisions(floor)[-1]
    assert (last.final, last.verdict.state, last.verdict.max_gap_min) == (True, "not_assessable", 480 - PULLED)
    assert "Fewer than 75 % of the minutes are valid." in last.verdict.reasons
    assert "Longest gap: 380 min from 08:40; nobody knows why." in last.verdict.reasons


def test_three_hours_that_come_late_make_a_new_revision_that_says_so(floor, meter):
    assessor, start = floor.start(), floor.house.plan.start_us
    run_until(floor, assessor, meter, range(5, 481, 5), pulled=range(PULLED + 5, BACK + 1))
    floor.at(483)
    assessor.tick()
    assert revisions(floor)[-1].verdict.state == "not_assessable"
    floor.house.fill(meter, COOL_C, minutes=BACK - PULLED, first=PULLED)
    TouchedRepository(floor.engine).add([TouchedRow(channel=meter, start_us=start + PULLED * MINUTE_US, stop_us=start + BACK * MINUTE_US)], start + 11 * HOUR_US)
    floor.at(11 * 60 + 1)
    assessor.tick()
    first, second = revisions(floor)
    assert (first.verdict.revision, first.verdict.state, first.why) == (1, "not_assessable", "shift ended")
    assert (second.verdict.revision, second.verdict.state, second.verdict.coverage) == (2, "within", 1.0)
    assert second.why == "late data for a1.p1.wbgt 08:40-11:40 arrived 18:00"


def test_when_a_calibration_expires_the_grade_drops_and_within_is_not_said_any_more(floor):
    house = floor.house
    house.zone.update(metabolic_rate_w=200.0, metabolic_rate_measured=True)
    meter = house.channel("wbgt", calibrated=False)
    house.calibrations.append(CalibrationSpec(id="c1", channel=meter, type="factory", performed_at="2025-11-24", by="lab", next_due="2026-11-24"))
    house.fill(meter, COOL_C)
    house.fill(meter, COOL_C, first=24 * 60)
    floor.enrol()
    today = house.plan
    tomorrow = replace(today, date=today.date.fromordinal(today.date.toordinal() + 1), start_us=today.start_us + DAY_US, stop_us=today.stop_us + DAY_US)
    assessor = floor.start()
    for shift in (today, tomorrow):
        assessor.assess_shift("f1.z1", shift, why="test", now_us=shift.stop_us)
    before, after = (row.verdict for row in revisions(floor))
    assert (before.calibration, before.grade, before.state) == ("due", "compliance", "within")
    assert (after.calibration, after.grade, after.state) == ("overdue", "screening", "indeterminate")
    assert after.high > before.high
    assert "Calibration: overdue." in after.reasons
