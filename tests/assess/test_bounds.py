"""Laws of the bounds: a gap never narrows them, the truth lies inside, the parts add up, and the last digit decides nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.quality import Reason
from domain.verdict import decide

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
gaps = st.sets(st.integers(0, 119), max_size=40)
TWA, STEL, DOSE, LEX = "twa/niosh-nh3-twa", "stel_15min_max/niosh-nh3-st", "dose_3db/niosh-noise-dose", "lex_8h/niosh-noise-rel"
FURTHER = {"minutes_over_ceiling/niosh-co-c", "minutes_over_ceiling/osha-h2s-over-c", "mean_1h_max/none", "dose_5db_t80/osha-noise-action", "dose_5db_t90/osha-noise-pel"}
REL = "wbgt_effective_60min_worst/niosh-rel"


def shift_of(make_house, **zone):
    return make_house(shift={"stop": "09:00"}, zone=zone)


def contains(outer, inner):
    low = outer.low is None or (inner.low is not None and outer.low <= inner.low + 1e-9)
    high = outer.high is None or (inner.high is not None and outer.high >= inner.high - 1e-9)
    return low and high


def with_holes(values, holes):
    return [None if index in holes else value for index, value in enumerate(values)]


@SLOW
@given(seed=st.integers(0, 10_000), few=gaps, more=gaps)
@example(seed=189, few={0, 1, 2, 3, 4, 5, 6, 105, 106, 110, 111}, more={36})
def test_a_gap_never_narrows_the_bounds_of_gas_and_noise(make_house, seed, few, more):
    rng = np.random.default_rng(seed)
    series = {"nh3": rng.gamma(2.0, 12.0, 120), "co": rng.gamma(1.0, 60.0, 120), "co2": rng.gamma(9.0, 100.0, 120), "h2s": rng.gamma(1.0, 15.0, 120)}
    series |= {"sound_level_a_eq": rng.normal(88.0, 6.0, 120), "sound_level_c_peak": rng.normal(125.0, 6.0, 120)}
    found = []
    for holes in (few, few | more):
        house = shift_of(make_house)
        house.profiles = ["us-niosh", "us-osha", "eu"]
        for quantity, values in series.items():
            house.fill(house.channel(quantity), with_holes(values, holes))
        found.append(house.verdicts())
    assert found[0].keys() >= {TWA, STEL, DOSE, LEX, *FURTHER}
    for name in found[1]:
        assert found[1][name].value is None or contains(found[1][name], found[0][name]), name


@SLOW
@given(seed=st.integers(0, 10_000), few=gaps, more=gaps)
def test_a_gap_never_narrows_the_bounds_of_heat(make_house, seed, few, more):
    rng = np.random.default_rng(seed)
    found = []
    for holes in (few, few | more):
        house = shift_of(make_house)
        rng = np.random.default_rng(seed)
        for name, value, width in zip(house.heat(fill=False), (33.0, 60.0, 36.0, 0.3), (1.0, 3.0, 2.0, 0.05), strict=True):
            house.fill(name, with_holes(rng.normal(value, width, 120).clip(0.01), holes))
        found.append(house.verdicts())
    for name in (REL, "rest_min_per_hour_required/niosh-rel", "wbgt_effective_120min_worst/none"):
        assert name not in found[1] or found[1][name].value is None or contains(found[1][name], found[0][name]), name


@SLOW
@given(seed=st.integers(0, 10_000), holes=gaps)
def test_the_truth_lies_inside_where_the_agreed_worst_case_is_true(make_house, seed, holes):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.0, 60.0, 120)
    shown = np.maximum(truth * rng.uniform(1 / 1.3, 1 / 0.7, 120), 0.0)
    house = shift_of(make_house, worst_case={"nh3": 60.0})
    house.fill(house.channel("nh3"), with_holes(shown, holes))
    found = house.verdicts()
    for name, true in ((TWA, truth.mean()), (STEL, max(truth[first : first + 15].mean() for first in range(106)))):
        verdict = found[name]
        if verdict.value is not None:
            assert verdict.low <= true + 1e-9, name
            assert true <= verdict.high + 1e-9, name


@SLOW
@given(seed=st.integers(0, 10_000), holes=gaps)
def test_the_parts_add_up_to_the_bounds(make_house, seed, holes):
    rng = np.random.default_rng(seed)
    house = shift_of(make_house)
    house.fill(house.channel("nh3", calibrated=False), with_holes(rng.gamma(2.0, 12.0, 120), holes))
    house.heat()
    for verdict in house.verdicts().values():
        if verdict.value is not None and verdict.high is not None:
            assert verdict.low == pytest.approx(verdict.value + sum(part.low for part in verdict.bounds.parts))
            assert verdict.high == pytest.approx(verdict.value + sum(part.high for part in verdict.bounds.parts))
            assert all(part.low <= 0 <= part.high for part in verdict.bounds.parts)


def test_a_gap_is_filled_with_the_agreed_worst_case_but_never_below_what_was_seen(make_house):
    for agreed, highest, expected in ((80.0, 30.0, 80.0), (20.0, 30.0, 39.0)):
        house = shift_of(make_house, worst_case={"nh3": agreed})
        house.fill(house.channel("nh3"), [highest] * 60 + [None] * 10 + [highest] * 50)
        verdict = house.verdicts()[STEL]
        assert verdict.high == pytest.approx((10 * expected + 5 * highest * 1.3) / 15)
        assert any(text.startswith("Worst case for gaps agreed") for text in verdict.reasons)


def test_without_an_agreed_worst_case_a_gap_may_hide_the_end_of_the_range(make_house):
    house = shift_of(make_house)
    house.fill(house.channel("nh3"), [1.0] * 60 + [None] * 15 + [1.0] * 45)
    verdict = house.verdicts()[STEL]
    assert verdict.high == pytest.approx(5_000.0)
    assert verdict.state == "indeterminate"
    assert verdict.max_gap_min == 15


def test_a_value_that_stands_at_the_limit_all_day_is_not_over_it(make_house):
    house = shift_of(make_house)
    house.fill(house.channel("no2", instrument={"model": "x", "serial": "1", "grade": "compliance", "uncertainty": 0.0}, basis="personal"), 1.0)
    verdict = house.verdicts()["stel_15min_max/niosh-no2-st"]
    assert (verdict.value, verdict.low, verdict.state) == (1.0, 1.0, "within")


def test_a_saturated_minute_says_at_least(make_house, simulated):
    house = shift_of(make_house)
    name = house.channel("nh3")
    house.fill(name, 10.0)
    house.fill(name, 6_000.0, minutes=20, first=30, r=(int(Reason.SATURATED),))
    verdict = house.verdicts()[STEL]
    assert verdict.high is None
    assert verdict.low == pytest.approx(5_000.0 * 1.0 - 0.3 * 6_000.0)
    assert verdict.state == "exceeds"
    assert "At least this value: 20 min were over the instrument's range." in verdict.reasons


def test_below_the_detection_limit_may_be_nothing(make_house):
    house = shift_of(make_house)
    house.fill(house.channel("nh3"), 2.0, r=(int(Reason.BELOW_DETECTION),))
    verdict = house.verdicts()[TWA]
    assert (verdict.low, verdict.value) == (0.0, 2.0)
    assert verdict.high == pytest.approx(4.0)


def test_a_minute_needs_three_quarters_of_its_samples(make_house):
    for samples, valid in ((4, 0), (5, 120)):
        house = shift_of(make_house)
        name = house.channel("nh3")
        house.store.minutes[name].update({minute.start_us: minute for minute in (house.minute(name, index, 5.0, samples=samples) for index in range(120))})
        assert house.verdicts()[TWA].valid == valid


def test_suspicious_readings_count_and_rejected_ones_do_not(make_house):
    for q, valid in ((3, 120), (2, 0)):
        house = shift_of(make_house)
        name = house.channel("nh3")
        house.store.minutes[name].update({minute.start_us: minute for minute in (house.minute(name, index, 5.0, q=q) for index in range(120))})
        assert house.verdicts()[TWA].valid == valid


def test_a_peak_counts_also_from_a_minute_that_is_not_valid(make_house):
    house = shift_of(make_house)
    name = house.channel("sound_level_c_peak")
    house.fill(name, 110.0)
    house.store.minutes[name][house.plan.start_us] = house.minute(name, 0, 150.0, samples=1)
    verdict = house.verdicts()["lcpeak_max/niosh-noise-ceiling"]
    assert (verdict.value, verdict.state, verdict.valid) == (150.0, "exceeds", 119)


def test_a_slow_channel_stands_for_the_interval_that_its_reading_ends(make_house):
    house = shift_of(make_house)
    house.interval_s = 300.0
    name = house.channel("nh3")
    house.store.minutes[name].update({minute.start_us: minute for minute in (house.minute(name, index, 5.0, samples=1) for index in range(4, 120, 5))})
    verdict = house.verdicts()[TWA]
    assert (verdict.coverage, verdict.value) == (1.0, 5.0)


@pytest.mark.parametrize(
    ("low", "high", "coverage", "grade", "accepts", "verified", "state"),
    [
        (11.0, 12.0, 0.1, "trend", False, True, "exceeds"),
        (9.0, 9.9, 0.74, "compliance", True, True, "not_assessable"),
        (9.0, 10.0, 0.75, "compliance", False, True, "within"),
        (9.0, 10.0, 1.0, "screening", False, True, "indeterminate"),
        (9.0, 10.0, 1.0, "screening", True, True, "within"),
        (9.0, 10.0, 1.0, "trend", True, True, "indeterminate"),
        (9.0, 10.1, 1.0, "compliance", True, True, "indeterminate"),
        (11.0, 12.0, 1.0, "compliance", True, False, "indeterminate"),
        (9.0, None, 1.0, "compliance", True, True, "indeterminate"),
        (None, None, 1.0, "compliance", True, True, "not_assessable"),
        (10.0, 10.0, 1.0, "compliance", True, True, "within"),
    ],
)
def test_the_state_is_decided_in_the_order_of_the_contract(low, high, coverage, grade, accepts, verified, state):
    assert decide(low=low, high=high, limit=10.0, coverage=coverage, grade=grade, accepts_screening=accepts, verified=verified) == state
