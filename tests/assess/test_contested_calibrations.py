"""A calibration that makes results milder waits for the other side: until then the stricter of the results with and without it decides, in verdicts and on the floor."""

from __future__ import annotations

import msgspec
import pytest

from assess.contested import is_record_open
from assess.plan import span_of
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Entry, ZoneSpec, entries_of
from domain.strictness import change_by
from storage.records.verdicts import VerdictRepository

SOUND = "a1.p1.sound_level_a_eq"
LOWER = {"id": "cal-low", "type": "acoustic", "performed_at": "2026-11-20", "by": "lab", "offset": 4.0, "next_due": "2027-11-20"}


def latest(floor, metric="dose_3db"):
    return {row.verdict.limit.id: row for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == metric}


def noise(floor):
    return next(row.verdict for row in latest(floor).values() if row.verdict.limit.profile == "us-niosh")


def finished(floor, level=87.0, **fields):
    floor.house.fill(floor.house.channel("sound_level_a_eq", **fields), level)
    return floor.ended()


def entered(floor, minute, *sides, **fields):
    """As the console enters it: the record, and the change with the word of who entered it."""
    now_us = floor.at(minute)
    spec = CalibrationSpec(channel=SOUND, **{**LOWER, **fields})
    record = Entry(site="f1", kind="calibration", id=spec.id, valid_from_us=ALWAYS_US, recorded_us=now_us, author="linh", reason="as read", body=msgspec.json.encode(spec))
    change = change_by(floor.registry.load(), "f1", [record])
    floor.registry.add([record])
    if change is not None:
        floor.sign(change, *sides)
    return change


def look(floor, assessor, minute):
    floor.at(minute)
    return assessor.tick()


def test_what_is_lower_by_a_calibration_of_one_side_stays_as_it_was_until_the_other_agrees(floor):
    assessor = finished(floor)
    before = noise(floor)
    change = entered(floor, 500, "management")
    look(floor, assessor, 501)
    held = noise(floor)
    assert (held.contested, held.state, held.value, held.revision) == (True, before.state, before.value, 2)
    assert held.channels[0].calibration_id == before.channels[0].calibration_id
    assert "calibration a1.p1.sound_level_a_eq acoustic 2026-11-20 (offset 4, gain 1) instead of factory 2026-06-01 (offset 0, gain 1)" in held.notes[-2]
    assert held.notes[-1].startswith("With it: ")
    floor.at(510)
    floor.sign(change, "management", "worker")
    look(floor, assessor, 511)
    agreed = noise(floor)
    assert (agreed.contested, agreed.revision, agreed.channels[0].calibration_id) == (False, 3, "cal-low")
    assert agreed.value == pytest.approx(before.value * 10 ** (-4 / 10), rel=0.02)


def test_a_calibration_that_makes_results_stricter_holds_at_once_and_says_where_it_is_milder(floor):
    assessor = finished(floor, calibrated=False)
    before = noise(floor)
    entered(floor, 500, "management", offset=-4.0)
    look(floor, assessor, 501)
    held = noise(floor)
    assert (held.value > before.value, held.channels[0].calibration_id) == (True, "cal-low")


def test_a_check_that_passes_brings_no_grade_back_before_both_sides_agree(floor):
    assessor = finished(floor, level=79.0)
    floor.at(495)
    floor.registry.add([msgspec.structs.replace(_failed(floor), recorded_us=floor.clock.now_us())])
    look(floor, assessor, 496)
    assert noise(floor).calibration == "failed"
    change = entered(floor, 500, "management", id="again", performed_at="2026-11-22T12:00:00Z", type="field_check", offset=0.0)
    look(floor, assessor, 501)
    assert (noise(floor).calibration, noise(floor).contested) == ("failed", True)
    floor.at(510)
    floor.sign(change, "worker", "management")
    look(floor, assessor, 511)
    assert (noise(floor).calibration, noise(floor).contested) == ("in_date", False)


def _failed(floor):
    spec = CalibrationSpec(id="bad", channel=SOUND, type="field_check", performed_at="2026-11-22T02:00:00Z", by="linh", passed=False)
    return Entry(site="f1", kind="calibration", id="bad", valid_from_us=ALWAYS_US, recorded_us=0, author="linh", reason="", body=msgspec.json.encode(spec))


def test_a_failed_check_needs_nobodys_agreement_and_a_new_channel_has_no_past(floor):
    floor.house.channel("sound_level_a_eq")
    assert change_by(floor.registry.load(), "f1", floor.house.entries) is None
    floor.enrol()
    assert change_by(floor.registry.load(), "f1", [_failed(floor)]) is None


def test_a_failed_record_in_the_place_of_one_that_corrected_is_seen(floor):
    floor.house.channel("sound_level_a_eq", calibrated=False)
    floor.house.calibrations = [CalibrationSpec(channel=SOUND, **{**LOWER, "offset": -4.0})]
    floor.enrol()
    taken_back = msgspec.structs.replace(_failed(floor), id="cal-low", body=msgspec.json.encode(CalibrationSpec(channel=SOUND, **LOWER, passed=False)))
    assert [one.name for one in change_by(floor.registry.load(), "f1", [taken_back]).milder] == [f"calibration {SOUND}"]


def test_an_import_s_calibration_waits_too(floor):
    assessor = finished(floor)
    before = noise(floor)
    file = msgspec.structs.replace(floor.house.file, calibrations=[*floor.house.calibrations, CalibrationSpec(channel=SOUND, **LOWER)])
    report = floor.registry.import_file(file, valid_from_us=None, author="boss", reason="", now_us=floor.at(500))
    assert [one.kind for one in report.contested.milder] == ["calibration"]
    look(floor, assessor, 501)
    assert (noise(floor).contested, noise(floor).value) == (True, before.value)


def test_agreement_to_an_import_s_calibration_reaches_back_to_shifts_before_the_import(floor):
    assessor = finished(floor)
    file = msgspec.structs.replace(floor.house.file, calibrations=[*floor.house.calibrations, CalibrationSpec(channel=SOUND, **LOWER)])
    now_us = floor.at(500)
    report = floor.registry.import_file(file, valid_from_us=now_us, author="boss", reason="", now_us=now_us)
    look(floor, assessor, 501)
    assert noise(floor).contested
    floor.at(510)
    floor.sign(report.contested, "management", "worker")
    look(floor, assessor, 511)
    assert (noise(floor).contested, noise(floor).channels[0].calibration_id) == (False, "cal-low")


@pytest.mark.parametrize(("rest_zone", "is_open"), [("z2", True), ("", False)])
def test_a_calibration_of_the_place_of_rest_waits_for_the_zone_that_rests_there(floor, rest_zone, is_open):
    floor.house.channel("wbgt")
    floor.house.zone["rest_zone"] = rest_zone
    floor.house.more = [AgentSpec(id="a2", channels=[ChannelSpec(placement="c1", quantity="wbgt", zone="z2", interval_s=10.0)])]
    file, plan = floor.house.file, floor.house.plan
    file.zones.append(ZoneSpec(id="z2", name="Canteen"))
    floor.registry.add(entries_of(file, valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason=""))
    record = msgspec.structs.replace(_failed(floor), id="cal-low", body=msgspec.json.encode(CalibrationSpec(channel="a2/c1/wbgt", **LOWER)))
    change = change_by(floor.registry.load(), "f1", [record])
    floor.registry.add([record])
    floor.sign(change, "management")
    registry = floor.registry.load()
    assert is_record_open(span_of(registry, "f1.z1", plan, plan.start_us, 480), registry) is is_open
    assert is_record_open(span_of(registry, "f1.z2", plan, plan.start_us, 480), registry)


def test_the_floor_goes_by_the_stricter_one(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, 91.0, minutes=120)
    floor.enrol()
    assessor = floor.start()

    def levels(minute):
        now_us = floor.at(minute)
        floor.house.now(name, 91.0, now_us)
        (zone,) = assessor.tick()
        return {window.metric: window for window in zone.windows}

    before = levels(119.5)
    change = entered(floor, 119.6, "management", offset=12.0)
    held = levels(120.5)
    assert held["leq_now"].value == before["leq_now"].value
    assert held["leq_now"].status is before["leq_now"].status
    floor.at(120.6)
    floor.sign(change, "management", "worker")
    assert levels(121.5)["leq_now"].value == pytest.approx(79.0)
