"""Drift monitors: quiet while the world is as it was, and each sees its own kind of change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.anomaly.monitor import Day, drifts, psi, rate_p

TODAY = 100


def month(recent_shift: int = 0, recent_rate: float = 0.1, true_share: float = 0.2, days: int = 35) -> dict[int, Day]:
    """Ten channels of a quantity and forecasts that say 0.2; the last week may differ."""
    rng, found = np.random.default_rng(3), {}
    for back in range(days, 0, -1):
        is_recent = back <= 7
        scores = np.bincount(np.clip(rng.poisson(12, 2_000) + (recent_shift if is_recent else 0), 0, 47), minlength=48)
        found[TODAY - back] = Day(
            scores={"co2": scores.tolist()},
            suspicions={"co2": int(rng.poisson(recent_rate if is_recent else 0.1))},
            minutes={"co2": 14_400},
            forecasts={"stel_15min": [288.0, 57.6, 46.1, float(rng.binomial(288, true_share if is_recent else 0.2))]},
        )
    return found


def test_a_world_that_stays_is_not_called_changed() -> None:
    assert drifts(month(), TODAY) == []


@pytest.mark.parametrize(
    ("what", "changed"),
    [("scores", month(recent_shift=4)), ("rate", month(recent_rate=3.0)), ("chances", month(true_share=0.6)), ("chances", month(true_share=0.0))],
)
def test_each_change_is_told_by_its_own_monitor_and_no_other(what: str, changed: dict[int, Day]) -> None:
    assert [drift.what for drift in drifts(changed, TODAY)] == [what]


def test_fewer_suspicions_than_before_are_no_drift() -> None:
    days = month(recent_rate=0.0)
    for number, day in days.items():
        if number < TODAY - 7:
            day.suspicions["co2"] = 5
    assert drifts(days, TODAY) == []


@pytest.mark.parametrize(("over", "told"), [(6_912.0, []), (8_640.0, ["chances"])])
def test_a_chance_that_is_off_by_little_is_no_drift_however_sure_it_is(over: float, told: list[str]) -> None:
    days = month()
    for day in days.values():
        day.forecasts["stel_15min"] = [28_800.0, 5_760.0, 4_608.0, over]
    assert [drift.what for drift in drifts(days, TODAY)] == told


def test_too_little_is_judged_by_nobody() -> None:
    assert drifts(month(recent_shift=20, days=7), TODAY) == [], "nothing to compare with"
    assert drifts({}, TODAY) == []


def test_a_day_that_is_not_over_counts_for_nothing() -> None:
    days = month()
    days[TODAY] = Day(suspicions={"co2": 1_000}, minutes={"co2": 10_000})
    assert drifts(days, TODAY) == []


@given(st.lists(st.integers(0, 500), min_size=2, max_size=48).filter(sum), st.integers(1, 9))
def test_the_index_of_equal_shares_is_nought_and_never_negative(counts: list[int], times: int) -> None:
    assert psi(counts, np.array(counts) * times) == pytest.approx(0.0, abs=1e-9)
    assert psi(counts, counts[::-1]) >= -1e-12


@pytest.mark.parametrize(("before", "now"), [([0, 0], [3, 1]), ([3, 1], [0, 0]), ([0], [3, 1])])
def test_nothing_on_one_side_is_no_shift(before: list[int], now: list[int]) -> None:
    assert psi(before, now) == 0.0


@given(st.integers(0, 50), st.integers(0, 50))
def test_more_now_is_never_likelier(now: int, before: int) -> None:
    assert rate_p(now + 1, 7.0, before, 28.0) <= rate_p(now, 7.0, before, 28.0) + 1e-12
