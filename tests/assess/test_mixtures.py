"""Substances together, where the profile adds their shares up."""

from __future__ import annotations

import pytest

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
