"""Overtime lengthens the exposure that results count; newcomers keep the alert limit beside the exposure limit."""

from __future__ import annotations

import msgspec
import pytest

from domain.agreements import Signature, ZoneRecord
from domain.overtime import Overtime
from domain.registry import ALWAYS_US, Entry, Workers
from domain.times import MINUTE_US, to_rfc3339
from storage.records.verdicts import VerdictRepository

LIMITS = "wbgt_effective_60min_worst"


def overtime(floor, first, minutes, *, date="2026-11-23", signatures=(), recorded=None):
    start_us = floor.house.plan.start_us + first * MINUTE_US
    record = Overtime(id="ot-1", zone="f1.z1", date=date, shift="A", start=to_rfc3339(start_us), stop=to_rfc3339(start_us + minutes * MINUTE_US), withdrawals=list(signatures))
    now_us = floor.clock.now_us() if recorded is None else recorded
    from_us = min(start_us, floor.house.plan.start_us) if date == "2026-11-23" else start_us
    return Entry(site="f1", kind="overtime", id="ot-1", valid_from_us=from_us, recorded_us=now_us, author="hoa", reason="urgent order", body=msgspec.json.encode(record))


def doses(floor, date="2026-11-23"):
    rows = VerdictRepository(floor.engine).latest(site="f1", date=date)
    return {row.verdict.limit.id: row.verdict for row in rows if row.verdict.metric == "dose_3db"}


def ended(floor, minutes=480):
    floor.house.fill(floor.house.channel("sound_level_a_eq"), 85.0, minutes=minutes)
    return floor.ended()


def test_two_hours_more_are_a_quarter_more_dose_in_a_new_revision(floor):
    assessor = ended(floor, minutes=720)
    (before,) = doses(floor).values()
    floor.at(700)
    floor.registry.add([overtime(floor, 480, 120)])
    floor.at(701)
    assessor.tick()
    (found,) = doses(floor).values()
    assert found.value == pytest.approx(before.value * 600 / 480)
    assert (found.assumptions.exposure_min, found.revision > before.revision, found.shift.name, found.shift.date) == (600, True, "A", "2026-11-23")
    both = [Signature(side=side, agree=True, by=side, at="2026-11-23T12:00:00Z") for side in ("worker", "management")]
    floor.at(710)
    floor.registry.add([overtime(floor, 480, 120, signatures=both)])
    floor.at(711)
    assessor.tick()
    assert next(iter(doses(floor).values())).assumptions.exposure_min == 480


def test_overtime_without_data_counts_as_missing_minutes(floor):
    assessor = ended(floor)
    floor.at(700)
    floor.registry.add([overtime(floor, 480, 120)])
    floor.at(701)
    assessor.tick()
    (found,) = doses(floor).values()
    assert (found.expected, found.valid, found.high > found.value) == (600, 480, True)


def test_overtime_on_a_day_without_a_shift_is_assessed(floor):
    floor.house.shift["days"] = ["mon"]
    channel = floor.house.channel("sound_level_a_eq")
    floor.house.fill(channel, 85.0, first=1440, minutes=240)
    floor.enrol()
    assessor = floor.start()
    floor.at(1440 + 250)
    assessor.tick()
    floor.at(1440 + 260)
    floor.registry.add([overtime(floor, 1440, 240, date="2026-11-24")])
    floor.at(1440 + 261)
    assessor.tick()
    (found,) = doses(floor, "2026-11-24").values()
    assert (found.assumptions.exposure_min, found.value) == (240, pytest.approx(50.0, rel=0.01))


def test_a_running_shift_goes_on_through_its_overtime(floor):
    floor.house.fill(floor.house.channel("sound_level_a_eq"), 85.0, minutes=540)
    floor.enrol()
    assessor = floor.start()
    floor.at(400)
    floor.registry.add([overtime(floor, 480, 120)])
    for minute in (470, 500.5):
        floor.at(minute)
        assessor.tick()
    (found,) = doses(floor).values()
    assert found.expected == pytest.approx(500, abs=1)


@pytest.mark.parametrize(("newcomers", "limits"), [(None, {"niosh-rel"}), (0, {"niosh-rel"}), (2, {"niosh-rel", "niosh-ral"})])
def test_where_there_are_newcomers_both_heat_limits_stand(make_house, newcomers, limits):
    house = make_house(zone={"workers": Workers(women=41, men=9, newcomers=newcomers)})
    house.heat()
    assert {key.partition("/")[2] for key in house.verdicts() if key.startswith(LIMITS)} == limits


def test_newcomers_of_one_shift_count_in_that_shift_only(make_house):
    for shift, limits in (("A", 2), ("B", 1)):
        house = make_house()
        house.heat()
        record = ZoneRecord(id="h1", zone="f1.z1", women=41, men=9, newcomers=2, shift=shift)
        entry = Entry(site="f1", kind="headcount", id="h1", valid_from_us=ALWAYS_US, recorded_us=1, author="t", reason="", body=msgspec.json.encode(record))
        assert len([key for key in house.verdicts(extra=[entry]) if key.startswith(LIMITS)]) == limits
