"""What an import makes less strict is applied, and contested until both sides agree: what held before stands beside it."""

from __future__ import annotations

import msgspec
import pytest

from domain.agreements import SiteChange
from domain.registry import Workers, ZoneSpec
from storage.records.verdicts import VerdictRepository

REL = "wbgt_effective_60min_worst"
ZONE = {"id": "z1", "name": "Zone 1", "metabolic_rate_w": 300.0, "acclimatised": "yes", "workers": Workers(women=41, men=9)}


def latest(floor, metric=REL):
    return {row.verdict.limit.id: row.verdict for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == metric}


def imported(floor, assessor, file, minute=500):
    now_us = floor.at(minute)
    report = floor.registry.import_file(file, valid_from_us=0, author="boss", reason="as seen", now_us=now_us)
    floor.at(minute + 1)
    assessor.tick()
    return report


def sign(floor, assessor, change, *sides, minute=510):
    floor.at(minute)
    floor.sign(change, *sides)
    floor.at(minute + 1)
    assessor.tick()


def with_zone(floor, **fields):
    more = [zone for zone in floor.house.file.zones if zone.id != "z1"]
    return msgspec.structs.replace(floor.house.file, zones=[ZoneSpec(**{**ZONE, **fields}), *more])


def test_a_lower_work_rate_of_an_import_is_applied_and_contested_until_both_sides_sign(floor):
    floor.house.heat()
    assessor = floor.ended()
    before = latest(floor)["niosh-rel"]
    change = imported(floor, assessor, with_zone(floor, metabolic_rate_w=150.0)).contested
    found = latest(floor)["niosh-rel"]
    assert (found.contested, found.assumptions.metabolic_rate_w, found.revision) == (True, 150.0, 2)
    assert "f1.z1: metabolic_rate_w 150 instead of 300" in next(note for note in found.notes if note.startswith("Contested"))
    assert f"limit {before.limit.value:.1f}: {before.state}" in next(note for note in found.notes if note.startswith("By what held before"))
    sign(floor, assessor, change, "management")
    assert latest(floor)["niosh-rel"].contested
    sign(floor, assessor, change, "management", "worker", minute=520)
    agreed = latest(floor)["niosh-rel"]
    assert (agreed.contested, agreed.assumptions.metabolic_rate_w, [note for note in agreed.notes if "held before" in note]) == (False, 150.0, [])


def test_the_first_import_and_a_stricter_one_are_not_contested(floor):
    floor.house.heat()
    first = floor.registry.import_file(floor.house.file, valid_from_us=None, author="boss", reason="", now_us=floor.at(-60))
    assessor = floor.ended()
    assert (first.contested, latest(floor)["niosh-rel"].contested) == (None, False)
    report = imported(floor, assessor, with_zone(floor, metabolic_rate_w=400.0))
    assert (report.contested, latest(floor)["niosh-rel"].contested, latest(floor)["niosh-rel"].assumptions.metabolic_rate_w) == (None, False, 400.0)


def test_a_higher_rate_than_the_open_one_is_still_lower_than_what_was_agreed(floor):
    floor.house.heat()
    assessor = floor.ended()
    imported(floor, assessor, with_zone(floor, metabolic_rate_w=150.0))
    second = imported(floor, assessor, with_zone(floor, metabolic_rate_w=200.0), minute=505)
    assert [(one.was, one.is_now) for one in second.contested.milder] == [("300", "200")]
    back = imported(floor, assessor, with_zone(floor, metabolic_rate_w=300.0), minute=510)
    assert (back.contested, latest(floor)["niosh-rel"].contested) == (None, False)


def test_a_hot_sensor_moved_to_another_zone_leaves_its_result_contested_not_gone(floor):
    floor.house.heat()
    floor.house.heat(placement="p2", values={"wbgt": 36.0})
    assessor = floor.ended()
    zones = [*floor.house.file.zones, ZoneSpec(id="z2", name="Store")]
    moved = [msgspec.structs.replace(channel, zone="z2") if channel.placement == "p2" else channel for channel in floor.house.channels]
    agents = [msgspec.structs.replace(floor.house.file.agents[0], channels=moved)]
    change = imported(floor, assessor, msgspec.structs.replace(floor.house.file, zones=zones, agents=agents)).contested
    assert [(one.kind, one.name, one.was, one.is_now) for one in change.milder] == [("channel", "zone", "z1", "z2")]
    kept = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.zone == "f1.z1" and row.verdict.placement == "p2" and row.verdict.metric == REL]
    assert {(verdict.contested, verdict.state, verdict.value) for verdict in kept} == {(True, "exceeds", 36.0)}
    assert all("left out" in verdict.notes[-1] for verdict in kept)


def test_a_shorter_shift_is_contested_by_the_dose_of_the_whole_one(floor):
    floor.house.profiles = ["us-niosh"]
    floor.house.fill(floor.house.channel("sound_level_a_eq"), 86.0)
    assessor = floor.ended()
    before = latest(floor, "dose_3db")["niosh-noise-rel"] if "niosh-noise-rel" in latest(floor, "dose_3db") else next(iter(latest(floor, "dose_3db").values()))
    shifts = [msgspec.structs.replace(floor.house.file.shifts[0], stop="11:00")]
    imported(floor, assessor, msgspec.structs.replace(floor.house.file, shifts=shifts))
    found = latest(floor, "dose_3db")[before.limit.id]
    assert (found.contested, found.value < before.value) == (True, True)
    assert f"By what held before: {before.value:.1f} %" in found.notes[-1]


def test_a_profile_that_is_dropped_stays_as_a_contested_result(floor):
    floor.house.profiles = ["us-niosh", "vn"]
    floor.house.heat()
    assessor = floor.ended()
    before = {verdict.limit.profile for verdict in latest(floor).values()}
    floor.house.profiles = ["us-niosh"]
    imported(floor, assessor, floor.house.file)
    found = latest(floor).values()
    assert {verdict.limit.profile for verdict in found} == before
    assert {verdict.limit.profile: verdict.contested for verdict in found} == {profile: profile != "us-niosh" for profile in before}


@pytest.mark.parametrize("minute", [60, 200])
def test_a_running_shift_is_contested_too(floor, minute):
    floor.house.heat()
    floor.enrol()
    assessor = floor.start()
    imported(floor, assessor, with_zone(floor, metabolic_rate_w=150.0), minute=minute)
    assert isinstance(floor.registry.load().open_changes[0], SiteChange)
    assert latest(floor)["niosh-rel"].contested


@pytest.mark.parametrize("restarted", [False, True])
def test_a_shift_cut_short_is_compared_again_when_the_whole_of_it_is_over(floor, restarted):
    """Also by a process that was started in between."""
    channel = floor.house.channel("sound_level_a_eq")
    floor.house.fill(channel, 86.0, minutes=240)
    floor.enrol()
    assessor = floor.start()
    shifts = [msgspec.structs.replace(floor.house.file.shifts[0], stop="11:00")]
    imported(floor, assessor, msgspec.structs.replace(floor.house.file, shifts=shifts), minute=60)
    notes = []
    for minutes in ((239.5, 241, 243), (481, 483)):
        for minute in minutes:
            floor.at(minute)
            assessor.tick()
        (found,) = latest(floor, "dose_3db").values()
        assert (found.contested, found.expected) == (True, 240)
        notes.append(found.notes[-1])
        assessor = floor.start() if restarted else assessor
        floor.house.fill(channel, 86.0, first=240, minutes=240)
    assert notes[0] != notes[1]
    assert f"By what held before: {2 * found.value:.1f} %" in notes[1]


def test_a_file_that_says_that_both_sides_agreed_to_a_place_brings_no_grade_before_they_did(floor):
    floor.house.heat(values={"wbgt": 22.0}, agreed_by=["management"])
    assessor = floor.ended()
    before = latest(floor)["niosh-rel"]
    assert before.grade == "screening"
    agents = [msgspec.structs.replace(floor.house.file.agents[0], channels=[msgspec.structs.replace(one, agreed_by=["worker side", "management"]) for one in floor.house.channels])]
    change = imported(floor, assessor, msgspec.structs.replace(floor.house.file, agents=agents)).contested
    assert [(one.name, one.was, one.is_now) for one in change.milder] == [("agreed_by", "management", "worker side")]
    assert latest(floor)["niosh-rel"].contested
    sign(floor, assessor, change, "management", "worker")
    assert (latest(floor)["niosh-rel"].contested, latest(floor)["niosh-rel"].grade) == (False, "compliance")


def test_a_plan_of_a_file_that_leaves_out_what_both_signed_is_contested(floor):
    both = ["worker side", "management"]
    rows = [{"zone": "z1", "hazard": hazard, "how": "sensor", "agreed_by": both} for hazard in ("heat", "noise")]
    floor.house.heat()
    first = msgspec.structs.replace(floor.house.file, monitoring_plan=rows)
    assert floor.registry.import_file(first, valid_from_us=0, author="boss", reason="", now_us=floor.at(-60)).contested is None
    assessor = floor.ended()
    noise = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1", hazard="noise")]
    assert {one.state for one in noise} == {"not_assessable"}
    change = imported(floor, assessor, msgspec.structs.replace(first, monitoring_plan=rows[:1])).contested
    assert [(one.kind, one.name, one.is_now) for one in change.milder] == [("monitoring_plan", "monitoring plan noise", "retired")]
    kept = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1", hazard="noise")]
    assert {(one.contested, one.state) for one in kept} == {(True, "not_assessable")}
    assert len(kept) == len(noise)
    more = msgspec.structs.replace(first, monitoring_plan=[*rows, {"zone": "z1", "hazard": "co2", "how": "sensor", "agreed_by": both}])
    assert imported(floor, assessor, more, minute=520).contested is None
