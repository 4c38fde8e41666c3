"""Laws of the forecasts: they rise with the level, know no zero that was not measured, and are calibrated where the world is as they take it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.crossing import HORIZONS_MIN, crossing
from models.forecast.shift_end import shift_end


def walk(seed: int, lines: int, moments: int) -> np.ndarray:
    """Values that come back to 26 °C, as those of a hall do."""
    random, values = np.random.default_rng(seed), np.empty((lines, moments))
    values[:, 0] = 26.0
    for moment in range(1, moments):
        values[:, moment] = 26.0 + 0.97 * (values[:, moment - 1] - 26.0) + 0.25 * random.standard_normal(lines)
    return values


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 3.0), st.integers(1, 600))
def test_the_same_past_at_a_higher_level_is_never_less_likely_over(seed: int, higher_k: float, moments: int) -> None:
    history = walk(seed, 1, 600)[:, -moments:]
    low = crossing(history, history[:, -1], [29.0], [1.5]).probability
    high = crossing(history + higher_k, history[:, -1] + higher_k, [29.0], [1.5]).probability
    assert (high >= low - 1e-3).all()
    assert (np.diff(low, axis=1) >= 0).all(), "a longer horizon is never less likely"
    assert ((low >= 0) & (low <= 1)).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.9))
def test_gaps_never_become_zero_and_nothing_spreads(seed: int, share: float) -> None:
    history = walk(seed, 2, 600)
    history[0, np.random.default_rng(seed).random(600) < share] = np.nan
    found = crossing(history, [26.0, 26.0], [29.0, 29.0], [1.5, 1.5])
    alone = crossing(history[1:], [26.0], [29.0], [1.5])
    assert np.isfinite(found.probability).all()
    assert (found.fan[0] >= 24.0).all(), "no value near zero was ever there"
    assert np.array_equal(found.probability[1], alone.probability[0]), "a line knows nothing of another's gaps"


def test_what_is_not_known_now_has_no_probability() -> None:
    assert np.isnan(crossing(walk(1, 1, 300), [np.nan], [29.0], [1.5]).probability).all()


def test_probabilities_come_true_as_often_as_they_say() -> None:
    values = walk(3, 120, 1_400)
    said, came = [], []
    for now in range(1_000, 1_380, 60):
        history = values[:, : now + 1]
        level = history[:, -1]
        found = crossing(history, level, np.full(120, 27.5), np.full(120, 1.5)).probability[:, -1]
        ahead = values[:, now + 1 : now + 1 + HORIZONS_MIN[-1] // 5].max(axis=1)
        below = level <= 27.5
        said.append(found[below])
        came.append(ahead[below] > 27.5)
    chances, truth = np.concatenate(said), np.concatenate(came)
    assert chances.mean() == pytest.approx(truth.mean(), abs=0.05)
    base = truth.mean()
    assert ((chances - truth) ** 2).mean() < ((base - truth) ** 2).mean(), "better than the base rate"


@settings(max_examples=50, deadline=None)
@given(st.floats(1.0, 99.0), st.floats(0.05, 0.95), st.floats(0.0, 50.0))
def test_more_dose_so_far_is_never_less_likely_over_at_the_end(dose: float, share: float, more: float) -> None:
    low, high = (shift_end([value], [share], [100.0], [[np.nan]]) for value in (dose, dose + more))
    assert high.probability[0] >= low.probability[0] - 1e-12
    assert (low.fan[0] >= dose - 1e-9).all(), "a dose never falls"


def test_the_end_of_the_shift_is_calibrated_when_rests_vary_as_the_past_did() -> None:
    random = np.random.default_rng(5)
    past = 0.25 * random.standard_normal((4_000, 30))
    so_far = random.uniform(30.0, 70.0, 4_000)
    found = shift_end(so_far, np.full(4_000, 0.5), np.full(4_000, 100.0), past).probability
    came = so_far * (1.0 + np.exp(0.25 * random.standard_normal(4_000))) > 100.0
    for low in (0.0, 0.25, 0.5, 0.75):
        part = (found >= low) & (found <= low + 0.25)
        assert found[part].mean() == pytest.approx(came[part].mean(), abs=0.06)
