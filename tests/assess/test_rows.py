"""Statistics of many rows of minutes are those of each row, to the last digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assess.airborne import highest_sample, highest_samples, sliding, sliding_rows
from assess.bounds import first_highest, first_highest_of_rows
from assess.heat import _Judge
from assess.wbgt import Hours
from models.arrays import Array
from models.limits.heat import HeatLimit

seeds = st.integers(0, 2**32 - 1)


def rows(rng: np.random.Generator, minutes: int) -> Array:
    """With holes, open bounds, values that repeat, and one row of nothing."""
    found = np.round(rng.gamma(2.0, 12.0, (5, minutes)), 1)
    found[rng.random(found.shape) < 0.2] = np.nan
    found[rng.random(found.shape) < 0.02] = np.inf
    found[-1] = np.nan
    return found


def same(one: float, other: float) -> bool:
    return np.array_equal(one, other, equal_nan=True)


@given(seeds, st.integers(1, 60), st.sampled_from([1, 10, 15]))
def test_the_worst_windows_are_those_of_each_row(seed: int, minutes: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    found, counted = rows(rng, minutes), rng.random(minutes) < 0.9
    alone = [sliding(window, counted)(row).value for row in found]
    assert all(map(same, sliding_rows(window, counted)(found), alone))


@given(seeds, st.integers(1, 60))
def test_the_highest_samples_are_those_of_each_row(seed: int, minutes: int) -> None:
    found = rows(np.random.default_rng(seed), minutes)
    assert all(map(same, highest_samples(found), [highest_sample(row).value for row in found]))


@given(seeds, st.integers(1, 60))
def test_the_first_highest_is_that_of_each_row(seed: int, minutes: int) -> None:
    found = np.where(np.isnan(found := rows(np.random.default_rng(seed), minutes)), -np.inf, found)
    assert first_highest_of_rows(found) == [first_highest(row) for row in found]


@given(seeds, st.integers(60, 150), st.booleans())
def test_what_causes_make_of_heat_is_what_each_makes_alone(seed: int, minutes: int, limited: bool) -> None:
    rng = np.random.default_rng(seed)
    counted, rates = rng.random(minutes) < 0.95, (np.full(minutes, 200.0), np.full(minutes, 300.0))
    limit = HeatLimit(formula=lambda rate: 40.0 - np.asarray(rate, dtype=np.float64) / 30.0) if limited else None
    causes = [("sensor", effective, rates[index % 2]) for index, effective in enumerate(rows(rng, minutes))]
    together = _Judge(counted, limit, Hours(counted, 60)).widened(causes)  # type: ignore[arg-type]
    alone = [_Judge(counted, limit, Hours(counted, 60)).worst(effective, rate).value for _, effective, rate in causes]
    assert all(same(one, other) for (_, one), other in zip(together, alone, strict=True))


@given(seeds, st.integers(1, 150), st.sampled_from([60, 120]))
def test_the_means_of_hours_found_together_are_those_of_each(seed: int, minutes: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    found, counted = rows(rng, minutes), rng.random(minutes) < 0.95
    together = Hours(counted, window)
    together.find([*found, found[0]])
    for row in found:
        one, alone = together.means(row), Hours(counted, window).means(row)
        assert (one is None) == (alone is None)
        if one is not None and alone is not None:
            assert [each.tobytes() for each in one] == [each.tobytes() for each in alone]
