"""What a verdict says of its longest gap."""

from __future__ import annotations

import pytest

from assess.causes import SENTENCES
from domain.messages import GapCause
from domain.times import MINUTE_US
from storage.records.gaps import GapsRepository
from storage.records.tables import gaps
from storage.records.verdicts import VerdictRepository

TWA = "twa/niosh-co-twa"


def longest(verdict):
    (sentence,) = [reason for reason in verdict.reasons if reason.startswith("Longest gap")]
    return sentence


def declare(floor, first, stop, cause, sensor=""):
    start = floor.house.plan.start_us
    values = {"agent": "a1", "boot": "b", "seq": first, "sensor": sensor, "start_us": start + first * MINUTE_US, "stop_us": start + stop * MINUTE_US}
    with floor.engine.begin() as connection:
        connection.execute(gaps.insert(), {**values, "from_seq": -1, "cause": cause, "text": "", "arrived_us": start})


def verdict(floor):
    floor.enrol()
    floor.start().assess_shift("f1.z1", floor.house.plan, why="test", now_us=floor.at(490))
    (row,) = [row for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == "twa"]
    return row.verdict


@pytest.mark.parametrize("cause", sorted(SENTENCES))
def test_a_declared_gap_names_its_cause_in_local_time(floor, cause):
    floor.house.fill(floor.house.channel("co"), [10.0] * 100 + [None] * 30 + [10.0] * 350)
    declare(floor, 100, 130, cause)
    assert GapsRepository(floor.engine).of_agent("a1", 0, 2**62)[0].cause == cause
    assert longest(verdict(floor)) == SENTENCES[cause].format(minutes=30, start="08:40")


def test_a_declared_gap_elsewhere_or_of_one_sensor_explains_nothing(floor):
    floor.house.fill(floor.house.channel("co"), [10.0] * 100 + [None] * 30 + [10.0] * 350)
    declare(floor, 0, 100, "power")
    declare(floor, 100, 130, "sensor", sensor="dust-1")
    assert longest(verdict(floor)).endswith("nobody knows why.")


def test_records_without_a_usable_value_are_the_sensors(house):
    name = house.channel("co")
    house.fill(name, [10.0] * 100 + [None] * 30 + [10.0] * 350)
    for minute in range(100, 130):
        house.store.minutes[name][house.plan.start_us + minute * MINUTE_US] = house.minute(name, minute, 5.0, q=1)
    assert longest(house.verdicts()[TWA]) == "Longest gap: 30 min from 08:40; the sensor gave no usable value."


def test_a_gap_goes_on_across_a_break_that_does_not_count(house):
    house.shift["breaks"] = [("09:00", "09:30")]
    house.zone["empty_in_breaks"] = True
    house.fill(house.channel("co"), [10.0] * 110 + [None] * 60 + [10.0] * 310)
    found = house.verdicts()[TWA]
    assert found.max_gap_min == 30
    assert longest(found).startswith("Longest gap: 30 min from 08:50;")


def test_a_whole_shift_has_no_such_sentence(house):
    house.fill(house.channel("co"), 10.0)
    assert not any(reason.startswith("Longest gap") for reason in house.verdicts()[TWA].reasons)


def test_every_cause_that_a_device_may_declare_has_its_sentence():
    assert {cause.value for cause in GapCause} == set(SENTENCES)
