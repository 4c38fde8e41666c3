"""A change in the past computes again what it can alter, as far as the minutes reach, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from assess.concerned import Concerned
from domain.registry import AgentSpec, CalibrationSpec, ChannelSpec, Registry, ZoneSpec, entries_of
from storage.records.assessed import AssessedRepository
from storage.records.verdicts import VerdictRepository
from storage.timeseries.port import Expired


@pytest.fixture
def two_zones(floor):
    """Zone 1 with a channel, and zone 2 with one of another agent; people of zone 2 rest in zone 1."""
    house = floor.house
    house.channel("co")
    house.more.append(AgentSpec(id="a2", channels=[ChannelSpec(placement="p2", quantity="co", zone="z2", interval_s=10.0)]))
    file = house.file
    return msgspec.structs.replace(file, zones=[*file.zones, ZoneSpec(id="z2", name="Zone 2", rest_zone="z1"), ZoneSpec(id="z3", name="Zone 3")])


def computed(floor):
    return {one.zone: one.computed_us for one in AssessedRepository(floor.engine).between(["f1.z1", "f1.z2", "f1.z3"], 0, 2**62)}


def recorded(floor, file, kind, at_us):
    return [entry for entry in entries_of(file, valid_from_us=0, recorded_us=at_us, author="t", reason="") if entry.kind == kind]


def test_a_calibration_concerns_the_zone_of_its_channel(floor, two_zones):
    floor.registry.add(entries_of(two_zones, valid_from_us=0, recorded_us=0, author="t", reason=""))
    for name in ("a1.p1.co", "a2.p2.co"):
        floor.house.fill(name, 30.0)
    assessor = floor.start()
    for minute in (470.0, 483.0):
        floor.at(minute)
        assessor.tick()
    before, now = computed(floor), floor.at(600.0)
    record = CalibrationSpec(id="late", channel="a2.p2.co", type="span", performed_at="2026-11-01", by="lab", gain=1.5)
    floor.registry.add(recorded(floor, msgspec.structs.replace(two_zones, calibrations=[record]), "calibration", now))
    floor.at(601.0)
    assessor.tick()
    after = computed(floor)
    assert [zone for zone in after if after[zone] != before[zone]] == ["f1.z2"]


def test_a_zone_concerns_those_who_rest_in_it_and_a_site_all(two_zones):
    entries = entries_of(two_zones, valid_from_us=0, recorded_us=0, author="t", reason="")
    concerned = Concerned(Registry(entries))
    by_thing = {(entry.kind, entry.id): concerned.zones(entry) for entry in entries}
    assert by_thing["zone", "f1.z1"] == {"f1.z1", "f1.z2"}
    assert by_thing["zone", "f1.z2"] == by_thing["channel", "a2.p2.co"] == {"f1.z2"}
    assert by_thing["shifts", "shifts"] == by_thing["site", "f1"] == {"f1.z1", "f1.z2", "f1.z3"}


@pytest.mark.parametrize("says_so", [True, False])
def test_a_shift_whose_minutes_are_past_retention_keeps_its_verdicts(floor, monkeypatch, says_so):
    name = floor.house.channel("co")
    floor.house.fill(name, 30.0)
    floor.enrol()
    assessor = floor.start()
    for minute in (470.0, 483.0):
        floor.at(minute)
        assessor.tick()
    store = type(floor.house.store)
    if says_so:
        gone = Expired(channel=name, what="minutes", start_us=0, stop_us=2**62, number=480, at_us=0, rule="one year")
        monkeypatch.setattr(store, "expired", lambda *_: {name: [gone]})
    else:
        monkeypatch.setattr(store, "read_minutes", lambda *_: {})
    now = floor.at(600.0)
    floor.registry.add([msgspec.structs.replace(entry, recorded_us=now) for entry in floor.house.change(0, metabolic_rate_w=200.0)])
    floor.at(601.0)
    assessor.tick()
    assert assessor.counters.past_retention == 1
    assert {row.verdict.revision for row in VerdictRepository(floor.engine).revisions(site="f1")} == {1}
