"""A dose that the instrument counts itself: what it grew by over the shift."""

from __future__ import annotations

import numpy as np
import pytest

from domain.hazards import ZoneStatus

PEL = "dose_5db_t90/osha-noise-pel"


def counter(house, values, *, level=None):
    house.profiles = ["us-osha"]
    instrument = {"model": "m", "serial": "dosimeter", "grade": "compliance", "uncertainty": 0.0}
    house.fill(house.channel("sound_dose_5db_t90", basis="personal", instrument=instrument), values)
    if level is not None:
        house.fill(house.channel("sound_level_a_eq", basis="personal"), level)
    return house.verdicts()[PEL]


def growing(to, minutes=480):
    return list(np.linspace(to / minutes, to, minutes))


def test_the_dose_is_what_the_counter_shows_at_the_end_and_no_approximation(house):
    found = counter(house, growing(96.0), level=95.0)
    assert (found.value, found.unit, found.state) == (pytest.approx(96.0), "%", "within")
    assert [one.id for one in found.channels] == ["a1.p1.sound_dose_5db_t90"]
    assert not any("approximate" in reason for reason in found.reasons)


def test_what_it_showed_at_first_may_be_from_before_the_shift(house):
    found = counter(house, [60.0 + value for value in growing(60.0)])
    assert (found.low, found.value) == (pytest.approx(60.0, abs=0.2), pytest.approx(120.0))
    assert found.state == "indeterminate"


def test_a_gap_hides_nothing_while_the_counter_runs_on(house):
    values = growing(96.0)
    found = counter(house, [*values[:200], *[None] * 60, *values[260:]])
    assert (found.value, found.high) == (pytest.approx(96.0), pytest.approx(96.0))
    assert found.state == "within"


def test_a_reset_starts_a_new_count_and_one_in_a_gap_leaves_the_dose_open(house, make_house):
    found = counter(house, [*growing(50.0, 240), *growing(40.0, 240)])
    assert (found.value, found.high) == (pytest.approx(90.0), pytest.approx(90.0))
    hidden = counter(make_house(), [*growing(50.0, 240), *[None] * 10, *growing(40.0, 230)])
    assert (hidden.value, hidden.high) == (pytest.approx(90.0), None)


def test_an_end_that_was_not_seen_leaves_the_dose_open(house):
    found = counter(house, growing(50.0, 460) + [None] * 20)
    assert (found.value, found.high, found.state) == (pytest.approx(50.0), None, "indeterminate")


def test_a_break_in_an_empty_zone_does_not_count(house):
    house.shift["breaks"] = [("09:00", "10:00")]
    house.zone["empty_in_breaks"] = True
    assert counter(house, growing(96.0)).value == pytest.approx(96.0 * 420 / 480, rel=1e-3)


def test_the_floor_shows_the_counted_dose(floor):
    floor.house.profiles = ["us-osha"]
    name = floor.house.channel("sound_dose_5db_t90", basis="personal")
    floor.house.fill(name, growing(130.0))
    floor.enrol()
    floor.house.now(name, 120.0, floor.at(460))
    (zone,) = floor.start().tick()
    (window,) = [one for one in zone.windows if one.metric == "dose_5db_t90"]
    assert (window.channels, window.status) == ([name], ZoneStatus.ACTION)
