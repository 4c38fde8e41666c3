"""Results beside those that a limit is for: two hours of heat and the rest it requires, minutes over a ceiling, the worst hour of air."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.quantities import Averaging
from domain.reading import Reading, minute_from
from models.heat.niosh import rel_c
from storage.timeseries.port import Batch

REST, TWO_HOURS = "rest_min_per_hour_required/niosh-rel", "wbgt_effective_120min_worst/none"
OVER, OSHA_OVER = "minutes_over_ceiling/niosh-co-c", "minutes_over_ceiling/osha-toluene-over-c"


def hot(house, values, **zone):
    """A WBGT meter over the shift, work at 300 W that was measured."""
    house.zone.update({"metabolic_rate_w": 300.0, "metabolic_rate_measured": True, **zone})
    house.fill(house.channel("wbgt"), values)
    return house.verdicts()


def test_two_hours_are_the_hottest_mean_and_no_limit_is_for_them(house):
    found = hot(house, [27.0] * 200 + [31.0] * 60 + [29.0] * 60 + [27.0] * 160)[TWO_HOURS]
    assert found.value == pytest.approx(30.0)
    assert (found.window.start, found.window.stop) == ("2026-11-23T03:20:00Z", "2026-11-23T05:20:00Z")
    assert (found.limit.value, found.state, found.unit) == (None, "indeterminate", "Cel")
    assert "No adopted profile has a limit for this." in found.reasons


def test_no_rest_is_required_where_the_hour_keeps_to_the_limit(house):
    found = hot(house, 27.0)[REST]
    assert (found.value, found.unit, found.limit.id, found.limit.value) == (0.0, "min", "niosh-rel", None)


def test_rest_brings_the_hours_mean_work_down_to_the_limit_at_the_places_own_heat(house):
    found = hot(house, 30.0)[REST]
    share = found.value / 60.0
    assert 0.0 < share < 1.0
    assert float(rel_c(300.0 + share * (115.0 - 300.0))) == pytest.approx(30.0, abs=1e-6)
    assert found.low < found.value < found.high
    assert "Rest is taken at the place of work, in its heat." in found.reasons
    assert any("paid working time" in note for note in found.notes)


def test_where_even_rest_is_over_the_limit_the_whole_hour_is_required_and_said(house):
    found = hot(house, 34.0)[REST]
    assert found.value == 60.0
    assert "Even rest in this place is over the limit: no minute of this work is allowed." in found.reasons


def test_an_estimated_work_rate_moves_the_bounds_of_rest_by_its_own_cause(house):
    found = hot(house, 29.0, metabolic_rate_measured=False)[REST]
    parts = {part.cause: part for part in found.bounds.parts}
    assert parts["metabolic_rate"].high > 1.0
    assert found.value + sum(part.high for part in found.bounds.parts) == pytest.approx(found.high)
    assert found.value + sum(part.low for part in found.bounds.parts) == pytest.approx(found.low)


def test_a_table_by_shares_of_the_hour_gives_rest_by_its_rows(house):
    house.profiles = ["id"]
    found = {key: one for key, one in hot(house, 29.0, acclimatised="unknown").items() if one.metric == "rest_min_per_hour_required"}
    assert [one.value for one in found.values()] == [pytest.approx(15.0)]


def test_without_a_work_rate_no_rest_can_be_computed(house):
    assert not any(one.metric == "rest_min_per_hour_required" for one in hot(house, 30.0, metabolic_rate_w=None).values())


@given(wbgt=st.floats(26.0, 34.0), hotter=st.floats(0.0, 3.0))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it hands out a fresh house each time
def test_rest_grows_with_the_heat_and_stays_within_its_bounds(make_house, wbgt, hotter):
    mild, harsh = hot(make_house(), wbgt)[REST], hot(make_house(), wbgt + hotter)[REST]
    assert mild.value <= harsh.value + 1e-9
    for one in (mild, harsh):
        assert 0.0 <= one.low <= one.value <= one.high <= 60.0


def test_not_a_minute_over_a_ceiling_is_allowed(house):
    house.fill(
        house.channel("co", basis="personal", instrument={"model": "m", "serial": "s", "grade": "compliance", "uncertainty": 5.0}), [20.0] * 400 + [300.0] * 30 + [203.0] * 50
    )
    found = house.verdicts()[OVER]
    assert (found.value, found.low, found.high, found.unit, found.limit.value) == (80.0, 30.0, 80.0, "min", 0.0)
    assert (found.state, house.verdicts()["ceiling_max/niosh-co-c"].state) == ("exceeds", "exceeds")


def test_minutes_and_the_highest_value_say_the_same_of_a_ceiling(house, rng):
    house.fill(house.channel("co", basis="personal"), list(rng.gamma(4.0, 8.0, 480)))
    found = house.verdicts()
    assert found[OVER].state == found["ceiling_max/niosh-co-c"].state


def test_a_gap_may_be_time_over_the_ceiling(house):
    house.fill(house.channel("co", basis="personal"), [10.0] * 400 + [None] * 20 + [10.0] * 60)
    found = house.verdicts()[OVER]
    assert (found.value, found.low, found.high, found.state) == (0.0, 0.0, 20.0, "indeterminate")


def toluene(house, values, **fields):
    house.profiles = ["us-osha"]
    house.fill(
        house.channel("concentration:108-88-3", unit="ppm", basis="personal", instrument={"model": "m", "serial": "s", "grade": "compliance", "uncertainty": 1.0}, **fields), values
    )
    return house.verdicts()[OSHA_OVER]


def test_osha_allows_some_minutes_over_a_ceiling_and_no_more(house, make_house):
    assert toluene(house, [100.0] * 475 + [400.0] * 5).state != "exceeds"
    found = toluene(make_house(), [100.0] * 460 + [400.0] * 20)
    assert (found.value, found.limit.value, found.state) == (20.0, 10.0, "exceeds")


def test_a_short_burst_is_not_a_whole_minute_over_the_ceiling(house):
    house.profiles = ["us-osha"]
    name = house.channel("concentration:108-88-3", unit="ppm", basis="personal", instrument={"model": "m", "serial": "s", "grade": "compliance", "uncertainty": 1.0})
    start = house.plan.start_us
    bursts = [
        minute_from(name, at, [Reading(name, at + second * 10_000_000, 1500.0 if second == 0 else 90.0) for second in range(6)], Averaging.ARITHMETIC)
        for at in range(start, start + 480 * 60_000_000, 60_000_000)
    ]
    house.store.write(Batch(minutes=bursts))
    found = house.verdicts()[OSHA_OVER]
    truth = 480 / 6
    assert found.low <= truth <= found.high
    assert found.low < 0.2 * found.high


def test_the_worst_hour_of_carbon_dioxide_is_told_without_a_limit(house):
    house.fill(house.channel("co2", basis="personal"), [700.0] * 300 + [1900.0] * 60 + [700.0] * 120)
    found = house.verdicts()["mean_1h_max/none"]
    assert (found.hazard, found.value, found.unit, found.limit.value, found.state) == ("air_quality", pytest.approx(1900.0), "ppm", None, "indeterminate")
    assert found.high > found.value > found.low


def test_a_running_shift_shows_none_of_them_before_their_time(house):
    house.fill(house.channel("wbgt"), 28.0, minutes=59)
    house.fill(house.channel("co2"), 700.0, minutes=59)
    metrics = {one.metric for one in house.verdicts(minutes=59, final=False).values()}
    assert metrics.isdisjoint({"wbgt_effective_120min_worst", "rest_min_per_hour_required", "mean_1h_max"})


def test_a_shift_shorter_than_the_window_is_taken_whole(house):
    house.shift.update(stop="08:30")
    found = hot(house, 28.0)[TWO_HOURS]
    assert found.value == pytest.approx(28.0)
    assert "The shift is shorter than 120 min: the whole of it is taken as one window." in found.reasons
    assert np.isclose(sum(part.low for part in found.bounds.parts), found.low - found.value)
