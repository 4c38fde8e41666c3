"""Records that change a verdict: each is dated, has an author, and what makes a result less strict needs both sides."""

from __future__ import annotations

import msgspec
import pytest

from domain.agreements import MonitoringPlan, PlanRow, Signature, ZoneRecord
from domain.registry import ALWAYS_US, CalibrationSpec, Entry
from storage.records.verdicts import VerdictRepository

REL = "wbgt_effective_60min_worst"
MILD = {"air_temperature": 28.0, "relative_humidity": 60.0, "globe_temperature": 29.0, "air_speed": 0.3}


def entry(floor, kind, body, *, minute=0.0, from_us=None):
    recorded = floor.clock.now_us()
    return Entry(
        site="f1",
        kind=kind,
        id=body.id,
        valid_from_us=floor.house.plan.start_us + round(minute * 60e6) if from_us is None else from_us,
        recorded_us=recorded,
        author="linh",
        reason="as seen",
        body=msgspec.json.encode(body),
    )


def calibration(floor, **fields):
    spec = CalibrationSpec(channel="a1.p1.air_temperature", **{"type": "field_check", "by": "linh", **fields})
    return entry(floor, "calibration", spec, from_us=ALWAYS_US)


def latest(floor, metric=REL):
    return {row.verdict.limit.id: row for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == metric}


def finished(floor, **heat):
    """An ended shift, assessed."""
    floor.house.heat(**heat)
    return floor.ended()


def again(floor, assessor, *entries, minute=500):
    floor.at(minute)
    floor.registry.add(list(entries))
    floor.at(minute + 1)
    assessor.tick()


def signed(*sides):
    return [Signature(side=side, agree=True, by=side, at="2026-11-23T01:00:00Z") for side in sides]


def test_a_calibration_that_runs_out_lowers_the_grade_by_itself(floor, make_house):
    floor.house.heat()
    grades = []
    for due in ("2027-06-01", "2026-11-01"):
        floor.house.calibrations = [msgspec.structs.replace(record, next_due=due) for record in floor.house.calibrations]
        found = floor.house.verdicts()[f"{REL}/niosh-rel"]
        grades.append((found.calibration, found.grade))
    assert grades == [("in_date", "screening"), ("overdue", "screening")]
    (name,) = floor.house.heat(placement="p2", values={"wbgt": 29.0})
    assert floor.house.verdicts()[f"p2/{REL}/niosh-rel"].grade == "compliance"
    floor.house.calibrations = [msgspec.structs.replace(record, next_due="2026-11-01") for record in floor.house.calibrations if record.channel == name]
    found = floor.house.verdicts()[f"p2/{REL}/niosh-rel"]
    assert (found.calibration, found.grade) == ("overdue", "screening")


def test_a_failed_check_puts_in_doubt_what_was_found_since_the_last_good_one(floor):
    assessor = finished(floor)
    assert latest(floor)["niosh-rel"].verdict.calibration == "in_date"
    again(floor, assessor, calibration(floor, id="check-1", performed_at="2026-11-23T10:00:00Z", passed=False), minute=600)
    row = latest(floor)["niosh-rel"]
    assert (row.verdict.calibration, row.verdict.grade, row.verdict.revision) == ("failed", "trend", 2)
    assert row.why == "registry changed: calibration check-1 by linh (as seen)"


def test_a_lower_work_rate_of_one_side_leaves_the_verdict_and_contests_it(floor):
    assessor = finished(floor)
    before = latest(floor)["niosh-rel"].verdict
    record = ZoneRecord(id="w1", zone="f1.z1", metabolic_rate_w=150.0, less_strict=True, signatures=signed("management"))
    again(floor, assessor, entry(floor, "work", record))
    contested = latest(floor)["niosh-rel"].verdict
    assert (contested.contested, contested.state, contested.limit.value, contested.revision) == (True, before.state, before.limit.value, 2)
    assert "Contested: metabolic_rate_w 150 instead of 300, proposed by the management side and not agreed by the other; what held before decides." in contested.notes
    by_proposal = next(note for note in contested.notes if note.startswith("By the proposal"))
    assert "limit 30." in by_proposal or "limit 31." in by_proposal
    agreed = msgspec.structs.replace(record, signatures=signed("management", "worker"))
    floor.at(502)
    again(floor, assessor, entry(floor, "work", agreed), minute=502)
    row = latest(floor)["niosh-rel"]
    assert (row.verdict.contested, row.verdict.assumptions.metabolic_rate_w, row.verdict.revision) == (False, 150.0, 3)
    assert row.verdict.limit.value > before.limit.value


def test_a_stricter_work_rate_needs_nobodys_agreement(floor):
    assessor = finished(floor)
    again(floor, assessor, entry(floor, "work", ZoneRecord(id="w1", zone="f1.z1", metabolic_rate_w=350.0, signatures=signed("management"))))
    found = latest(floor)["niosh-rel"].verdict
    assert (found.contested, found.assumptions.metabolic_rate_w) == (False, 350.0)


def test_acclimatisation_that_one_side_declares_leaves_both_limits_side_by_side(floor):
    floor.house.zone["acclimatised"] = "unknown"
    assessor = finished(floor)
    record = ZoneRecord(id="w1", zone="f1.z1", acclimatised="yes", less_strict=True, signatures=signed("management"))
    again(floor, assessor, entry(floor, "work", record))
    found = latest(floor)
    assert set(found) == {"niosh-ral", "niosh-rel"}
    assert all(row.verdict.contested for row in found.values())
    assert "By the proposal this limit would not apply." in found["niosh-ral"].verdict.notes


def test_a_headcount_of_a_shift_stands_in_its_verdicts_and_small_cells_stay_suppressed(floor):
    assessor = finished(floor)
    again(floor, assessor, entry(floor, "headcount", ZoneRecord(id="h1", zone="f1.z1", women=60, men=12, shift="A")))
    workers = latest(floor)["niosh-rel"].verdict.workers
    assert (workers.women, workers.men) == (60, 12)
    fewer = ZoneRecord(id="h2", zone="f1.z1", women=30, men=2, less_strict=True, signatures=signed("management"))
    floor.at(502)
    again(floor, assessor, entry(floor, "headcount", fewer), minute=502)
    found = latest(floor)["niosh-rel"].verdict
    assert found.workers == workers
    floor.at(504)
    again(floor, assessor, entry(floor, "headcount", ZoneRecord(id="h3", zone="f1.z1", shift="B", women=1, men=1)), minute=504)
    assert latest(floor)["niosh-rel"].verdict.workers == workers


@pytest.mark.parametrize(("sides", "unknown"), [(("management",), set()), (("management", "worker"), {"noise"})])
def test_what_a_plan_leaves_out_counts_once_both_sides_have_signed_it(floor, sides, unknown):
    floor.house.heat()
    floor.enrol()
    rows = [PlanRow(zone="z1", hazard="heat", how="sensor"), PlanRow(zone="f1.z1", hazard="noise", how="not_monitored", why="no meter yet")]
    floor.registry.add([entry(floor, "monitoring_plan", MonitoringPlan(id="plan-1", rows=rows, signatures=signed(*sides)), from_us=0)])
    floor.at(100)
    floor.start().tick()
    found = VerdictRepository(floor.engine).latest(site="f1")
    assert {row.verdict.hazard for row in found if row.verdict.state == "not_assessable" and row.verdict.hazard != "heat"} == unknown
