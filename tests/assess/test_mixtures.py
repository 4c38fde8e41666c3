"""Substances together, where the profile adds their shares up."""

from __future__ import annotations

import pytest

from domain.hazards import ZoneStatus

INDEX = "mixture_index/osha-mixture"


def measured(house, **ppm):
    """Concentrations over an eight-hour shift, by CAS number."""
    house.profiles = ["us-osha"]
    for cas, value in ppm.items():
        house.fill(house.channel(f"concentration:{cas}", unit="ppm", basis="personal", instrument={"model": "m", "serial": cas, "grade": "compliance", "uncertainty": 1.0}), value)
    return house.verdicts()


def test_the_shares_of_the_limits_are_added_up(house):
    found = measured(house, **{"67-64-1": 500.0, "78-93-3": 45.0, "108-88-3": 40.0})[INDEX]  # limits 1000, 200 and 200 ppm
    assert found.value == pytest.approx(0.925)
    assert (found.hazard, found.unit, found.limit.value, found.limit.law) == ("chemical:mixture", "1", 1.0, True)
    assert (found.low, found.high) == (pytest.approx(0.925 - 0.011), pytest.approx(0.925 + 0.011))
    assert sum(part.high for part in found.bounds.parts) == pytest.approx(found.high - found.value)
    assert len(found.channels) == 3
    assert any(reason.startswith("Shares of the limits added up: Concentration of CAS 108-88-3, ") for reason in found.reasons)


def test_each_within_its_limit_and_together_over(house):
    found = measured(house, **{"67-64-1": 600.0, "78-93-3": 60.0, "108-88-3": 60.0})
    assert found[INDEX].state == "exceeds"
    assert not any(one.state == "exceeds" for key, one in found.items() if key != INDEX)


def test_one_substance_is_no_mixture(house):
    assert INDEX not in measured(house, **{"108-88-3": 40.0})


def test_substances_of_different_places_are_not_added_up(house):
    house.profiles = ["us-osha"]
    house.fill(house.channel("concentration:108-88-3", unit="ppm", basis="personal"), 40.0)
    house.fill(house.channel("concentration:78-93-3", unit="ppm", basis="personal", placement="p2"), 40.0)
    assert not any("mixture_index" in key for key in house.verdicts())


def test_a_profile_that_groups_nothing_has_no_index(house):
    measured(house, **{"67-64-1": 600.0, "78-93-3": 60.0})
    house.profiles = ["us-niosh"]
    assert not any("mixture_index" in key for key in house.verdicts())


def test_a_gap_in_one_substance_leaves_the_sum_open_as_far_as_that_one_goes(house):
    house.profiles = ["us-osha"]
    house.fill(house.channel("concentration:67-64-1", unit="ppm", basis="personal"), 100.0)
    house.fill(house.channel("concentration:78-93-3", unit="ppm", basis="personal"), [10.0] * 300 + [None] * 30 + [10.0] * 150)
    found = house.verdicts()[INDEX]
    assert found.valid == 450
    assert any(part.cause == "gap" and part.high > 1.0 for part in found.bounds.parts)


ACETONE, KETONE, TOLUENE = "67-64-1", "78-93-3", "108-88-3"


def live(floor, ppm, minute=120.3, profiles=("us-osha",), **more):
    floor.house.profiles = list(profiles)
    now_us = floor.at(minute)
    for cas, values in {**ppm, **more}.items():
        name = floor.house.channel(f"concentration:{cas}", unit="ppm", basis="personal")
        series = values if isinstance(values, list) else [values] * int(minute)
        floor.house.fill(name, series)
        floor.house.now(name, series[-1], now_us)
    floor.enrol()
    (zone,) = floor.start().tick()
    return zone, [window for window in zone.windows if window.metric == "mixture_index"]


def test_on_the_floor_substances_each_within_are_action_together(floor):
    zone, (index,) = live(floor, {ACETONE: 2400.0, KETONE: 240.0, TOLUENE: 240.0})  # two of eight hours so far: 600, 60 and 60 ppm
    assert (index.hazard, index.unit, index.limit.id, index.value) == ("chemical:mixture", "1", "osha-mixture", pytest.approx(1.2))
    assert (index.status, zone.hazards["chemical:mixture"], len(index.channels)) == (ZoneStatus.ACTION, ZoneStatus.ACTION, 3)
    assert not index.proven  # by its bounds, with the rest of the shift taken as clean
    assert index.low == pytest.approx(sum(one.low / one.limit.value for one in zone.windows if one.metric == "twa"), abs=1e-6)
    shares = [one for one in zone.windows if one.metric == "twa"]
    assert {one.status for one in shares} == {ZoneStatus.WITHIN}
    assert index.value == pytest.approx(sum(one.value / one.limit.value for one in shares))


def test_on_the_floor_a_small_sum_is_within(floor):
    zone, (index,) = live(floor, {KETONE: 20.0, TOLUENE: 20.0})
    assert (index.status, zone.hazards["chemical:mixture"]) == (ZoneStatus.WITHIN, ZoneStatus.WITHIN)
    assert index.coverage == pytest.approx(1.0)


def test_in_the_first_minutes_of_a_shift_a_sum_is_not_blown_up(floor):
    _, (index,) = live(floor, {KETONE: 200.0, TOLUENE: 200.0}, minute=30.3)
    assert index.value == pytest.approx(2 * (30 / 480) * 0.5, rel=0.01)


def test_on_the_floor_a_substance_without_a_value_leaves_the_sum_unknown(floor):
    floor.house.channel("concentration:67-64-1", unit="ppm", basis="personal")
    zone, (index,) = live(floor, {KETONE: 240.0, TOLUENE: 240.0})
    assert (index.value, index.status, zone.hazards["chemical:mixture"]) == (None, ZoneStatus.UNKNOWN, ZoneStatus.UNKNOWN)


def test_on_the_floor_a_profile_that_groups_nothing_and_one_substance_have_no_sum(floor):
    zone, found = live(floor, {TOLUENE: 20.0})
    assert (found, "chemical:mixture" in zone.hazards) == ([], False)


def test_the_live_sum_is_that_of_the_verdict_when_the_shift_is_over(floor):
    _, (index,) = live(floor, {ACETONE: 500.0, KETONE: 45.0, TOLUENE: 40.0}, minute=479.9)
    assert index.value == pytest.approx(0.925, rel=0.005)
