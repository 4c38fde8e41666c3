"""Tomorrow's hours: never a value on too little, never a way that was worse than persistence, the same in other units of time and temperature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.next_day import ENOUGH, HOURS, LOOKED_BACK, NextDay, Way, next_day

LAG = np.ones(HOURS, dtype=np.int64)


def weather_days(days: int, seed: int, reach: float = 0.7, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Indoors follows the weather, which changes from day to day; the last day is tomorrow."""
    random = np.random.default_rng(seed)
    outdoors = 24.0 + 3.0 * np.sin(np.arange(HOURS) / 24.0 * 2 * np.pi) + random.normal(0.0, 2.5, (days, 1)) + random.normal(0.0, 0.2, (days, HOURS))
    return 28.0 + reach * (outdoors - 24.0) + random.normal(0.0, noise, (days, HOURS)), outdoors


def told(measured: np.ndarray, outdoors: np.ndarray | None = None, lag: np.ndarray = LAG) -> NextDay:
    weather = np.full(measured.shape, np.nan) if outdoors is None else outdoors
    return next_day(measured, weather, np.full(measured.shape, True), lag)


def test_weather_is_taken_where_it_tells_more_and_lies_near_the_truth() -> None:
    errors = []
    for seed in range(12):
        measured, outdoors = weather_days(36, seed)
        found = told(measured, outdoors)
        assert found.way is Way.WEATHER
        assert found.error[Way.WEATHER] < found.error[Way.PERSISTENCE]
        assert found.share == pytest.approx(0.7, abs=0.15)
        errors.append(np.abs(found.value - measured[-1]))
    assert np.mean(errors) < 0.7


def test_weather_that_tells_nothing_is_not_taken() -> None:
    measured, _ = weather_days(36, 1)
    _, other = weather_days(36, 2)
    walk = np.cumsum(np.random.default_rng(3).normal(0.0, 1.0, 36))[:, None] + np.zeros(HOURS)
    assert told(28.0 + walk, other).way is Way.PERSISTENCE
    assert told(measured, None).way in (Way.RECENT, Way.PERSISTENCE)


def test_a_way_that_was_nearer_by_less_than_chance_is_not_taken() -> None:
    """Where a day is the one before and a little more nothing tells more than that; where days are thrown like dice their mean does."""
    walks, dices = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        walk = 28.0 + np.cumsum(random.normal(0.0, 1.0, 36))[:, None] + random.normal(0.0, 0.1, (36, HOURS))
        dice = 28.0 + random.normal(0.0, 1.0, (36, 1)) + random.normal(0.0, 0.1, (36, HOURS))
        walks.append(told(walk).way)
        dices.append(told(dice).way)
    assert walks.count(Way.PERSISTENCE) >= 15
    assert dices.count(Way.RECENT) >= 15
    once = np.full((36, HOURS), 28.0)
    once[20] += 1.0  # one odd day proves nothing
    found = told(once)
    assert found.error[Way.RECENT] < found.error[Way.PERSISTENCE]
    assert found.way is Way.PERSISTENCE


def test_a_forecast_that_is_half_noise_is_taken_part_of_the_way_and_harms_nobody() -> None:
    plan, last = [], []
    for seed in range(40):
        measured, outdoors = weather_days(36, seed)
        wrong = outdoors + np.random.default_rng(seed + 500).normal(0.0, 3.0, (36, 1))
        found = told(measured, wrong)
        plan.append(np.mean(np.abs(found.value - measured[-1])))
        last.append(np.mean(np.abs(measured[-2] - measured[-1])))
    assert np.mean(plan) < np.mean(last)


def test_tomorrow_itself_is_never_looked_at() -> None:
    measured, outdoors = weather_days(30, 4)
    other = measured.copy()
    other[-1] += 9.0
    np.testing.assert_array_equal(told(measured, outdoors).value, told(other, outdoors).value)


def test_with_a_lag_of_two_the_last_day_is_not_looked_at_either() -> None:
    measured, outdoors = weather_days(30, 5)
    other = measured.copy()
    other[-2] += 9.0
    np.testing.assert_array_equal(told(measured, outdoors, 2 * LAG).value, told(other, outdoors, 2 * LAG).value)
    assert not np.array_equal(told(measured, outdoors).value, told(other, outdoors).value)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(0, 99), st.floats(0.0, 0.9))
def test_no_hour_has_a_value_on_too_little_and_none_is_taken_that_was_worse_than_persistence(days: int, seed: int, missing: float) -> None:
    measured, outdoors = weather_days(days, seed)
    random = np.random.default_rng(seed)
    measured[random.random(measured.shape) < missing] = np.nan
    found = told(measured, outdoors)
    known = ~np.isnan(found.value)
    before = (~np.isnan(measured[:-1][-LOOKED_BACK:])).sum(axis=0)
    assert not np.any(known & (before < ENOUGH))
    assert np.all(found.low[known] < found.value[known])
    assert np.all(found.value[known] < found.high[known])
    assert (found.way is None) == (not known.any())
    if found.way is not None and found.error:
        assert found.error[found.way] <= found.error[Way.PERSISTENCE]


@settings(deadline=None, max_examples=25)
@given(st.integers(8, 40), st.integers(0, 99), st.floats(-10.0, 10.0))
def test_a_warmer_place_by_so_much_has_a_plan_that_is_warmer_by_so_much(days: int, seed: int, more: float) -> None:
    measured, outdoors = weather_days(days, seed)
    one, other = told(measured, outdoors), told(measured + more, outdoors)
    np.testing.assert_allclose(other.value, one.value + more, atol=1e-9)
    np.testing.assert_allclose(other.high - other.low, one.high - one.low, atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(8, 40), st.integers(0, 99), st.randoms(use_true_random=False))
def test_hours_of_the_day_do_not_depend_on_their_order(days: int, seed: int, random: np.random.Generator) -> None:
    measured, outdoors = weather_days(days, seed)
    order = list(range(HOURS))
    random.shuffle(order)
    np.testing.assert_allclose(told(measured[:, order], outdoors[:, order]).value, told(measured, outdoors).value[order], atol=1e-9)


def test_the_band_holds_about_four_days_of_five() -> None:
    inside = []
    for seed in range(30):
        measured, outdoors = weather_days(30, seed, noise=1.0)
        found = told(measured, outdoors)
        inside.append(np.mean((found.low <= measured[-1]) & (measured[-1] <= found.high)))
    assert 0.72 < np.mean(inside) < 0.93


def test_a_sensor_that_was_silent_for_two_weeks_says_nothing_of_tomorrow() -> None:
    measured, outdoors = weather_days(36, 6)
    measured[-14:] = np.nan
    found = told(measured, outdoors)
    assert np.isnan(found.value).all()
    assert found.way is None
