"""Rest counts at the rest place's own WBGT; a rest place that is not measured is never taken to be cooler."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from assess.evaluate import verdicts_of
from assess.minutes import read_series
from assess.outcome import ZoneShift
from assess.plan import span_of
from domain.registry import ALWAYS_US, AgentSpec, ChannelSpec, Registry, ZoneSpec, entries_of
from storage.records.verdicts import VerdictRepository

REST = "rest_min_per_hour_required"


def rest(house, canteen_c, *, fill=True, other_zone="z2"):
    """Verdict of the rest required in z1, worked at 31 °C WBGT, with the canteen at another."""
    house.zone["rest_zone"] = other_zone
    work = house.channel("wbgt")
    house.fill(work, 31.0)
    channel = ChannelSpec(placement="c1", quantity="wbgt", zone="z2", interval_s=10.0, instrument=house.channels[0].instrument, agreed_by=["worker side", "management"])
    file = house.file
    file = msgspec.structs.replace(file, zones=[*file.zones, ZoneSpec(id="z2", name="Canteen")], agents=[*file.agents, AgentSpec(id="a2", channels=[channel])])
    if fill:
        house.fill("a2.c1.wbgt", canteen_c)
    registry = Registry(entries_of(file, valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason=""))

    def of(zone, **more):
        span = span_of(registry, zone, house.plan, house.plan.start_us, 480)
        series = read_series(house.store, sorted(span.channels), house.plan.start_us, 480)
        return ZoneShift(span=span, series=series, calibrations={}, final=True, **more)

    (found,) = [one for one in verdicts_of(of("f1.z1", rest=lambda zone: of(f"f1.{zone}"))) if one.metric == REST]
    return found


def test_a_cooler_rest_place_asks_for_less_rest_than_a_hot_one(make_house):
    cool, same, hot = (rest(make_house(), wbgt).value for wbgt in (24.0, 31.0, 33.5))
    assert cool < same <= hot


@pytest.mark.parametrize("canteen", [22.0, 26.0, 29.5])
def test_the_truth_lies_in_the_bounds_and_the_place_is_named(make_house, canteen):
    found = rest(make_house(), canteen)
    assert found.low <= found.value <= found.high
    assert any("Rest is taken in z2" in reason and f"{canteen:.1f}" in reason for reason in found.reasons)


def test_a_rest_place_without_a_sensor_is_not_taken_to_be_cool(make_house):
    unmeasured, same = rest(make_house(), 0.0, fill=False), rest(make_house(), 31.0)
    assert unmeasured.value == pytest.approx(same.value)
    assert unmeasured.high == 60
    assert any("not known" in reason for reason in unmeasured.reasons)


def test_a_rest_place_with_too_few_minutes_is_not_known_either(make_house):
    house = make_house()
    house.zone["rest_zone"] = "z2"
    values = np.where(np.arange(480) % 2 == 0, 20.0, np.nan)
    found = rest(house, [None if np.isnan(value) else float(value) for value in values])
    assert found.high == 60


def test_rest_in_the_place_of_work_stays_as_it_was(make_house):
    found = rest(make_house(), 20.0, other_zone="")
    assert any("at the place of work" in reason for reason in found.reasons)


def test_the_running_assessor_reads_the_rest_place(floor):
    house = floor.house
    house.zone["rest_zone"] = "z2"
    house.fill(house.channel("wbgt"), 31.0)
    channel = ChannelSpec(placement="c1", quantity="wbgt", zone="z2", interval_s=10.0)
    file = msgspec.structs.replace(house.file, zones=[*house.file.zones, ZoneSpec(id="z2", name="Canteen")], agents=[*house.file.agents, AgentSpec(id="a2", channels=[channel])])
    house.fill("a2.c1.wbgt", 22.0)
    floor.registry.import_file(file, valid_from_us=None, author="t", reason="", now_us=floor.at(-60))
    assessor = floor.start()
    floor.at(200)
    assessor.tick()
    found = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == REST]
    assert found
    assert all(any(reason.startswith("Rest is taken in z2") and "22.0" in reason for reason in one.reasons) for one in found)
