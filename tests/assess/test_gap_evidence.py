"""What the stores know of gaps: each zone hears of its own agents alone, whoever asked first; the highest on record is of the weeks before."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from assess.gap_evidence import GapEvidence
from assess.plan import span_of
from domain.registry import AgentSpec, ChannelSpec, Registry, ZoneSpec, entries_of
from domain.times import DAY_US, MINUTE_US
from storage.records.tables import gaps


def missing(floor, agent, *, sensor="", minute=10):
    start_us = floor.house.plan.start_us + minute * MINUTE_US
    row = {"agent": agent, "boot": "b1", "seq": 7, "sensor": sensor, "start_us": start_us, "stop_us": start_us + MINUTE_US, "from_seq": 1, "to_seq": 2, "cause": "power"}
    with floor.engine.begin() as connection:
        connection.execute(insert(gaps).values(**row, text="", arrived_us=start_us))


def two_zones(floor):
    """One agent in each."""
    floor.house.channel("sound_level_a_eq")
    floor.house.more = [AgentSpec(id="a2", channels=[ChannelSpec(placement="p1", quantity="sound_level_a_eq", zone="z2", interval_s=10.0)])]
    file, plan = floor.house.file, floor.house.plan
    file.zones.append(ZoneSpec(id="z2", name="Zone 2"))
    registry = Registry(entries_of(file, valid_from_us=0, recorded_us=0, author="t", reason=""))
    return [span_of(registry, zone, plan, plan.start_us, 480) for zone in ("f1.z1", "f1.z2")]


@pytest.mark.parametrize("together", [False, True])
def test_a_zone_hears_of_the_gaps_of_its_own_agents_alone(floor, together):
    spans = two_zones(floor)
    missing(floor, "a1")
    missing(floor, "a2", minute=20)
    missing(floor, "a2", sensor="p1/sound_level_a_eq", minute=30)
    evidence = GapEvidence(floor.house.store, floor.engine)
    declared = evidence.declared_of_some() if together else evidence.declared
    assert [[(gap.agent, gap.cause) for gap in declared(span)] for span in spans] == [[("a1", "power")], [("a2", "power")]]


def test_the_highest_on_record_is_of_the_weeks_before_and_not_of_the_span_itself(floor):
    name, start_us = floor.house.channel("sound_level_a_eq"), floor.house.plan.start_us
    for minute, level in ((-40 * 1440, 99.0), (-60, 91.0), (10, 95.0)):
        floor.house.fill(name, [level], first=minute)
    evidence = GapEvidence(floor.house.store, floor.engine)
    assert evidence.record_high(start_us + 30 * MINUTE_US)(name) == 91.0
    assert evidence.record_high(start_us - DAY_US)("a1.p1.co2") is None
