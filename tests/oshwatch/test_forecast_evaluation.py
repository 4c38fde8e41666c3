"""The measuring of the forecasts is honest: it sees the past alone, tells only moments below the limit, and is beside persistence and climatology."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from oshwatch.evaluation.crossings import CLIMATOLOGY, PERSISTENCE, STEPS_A_DAY, Line, calibration_error, skill, told
from oshwatch.evaluation.heat_plan import measure as measure_plans
from oshwatch.evaluation.shift_ends import Shift, _skill, _told


def swinging(days: int = 6, seed: int = 1) -> np.ndarray:
    """Every day over 30 in the afternoon."""
    day = 26.0 + 5.0 * np.sin((np.arange(days * STEPS_A_DAY) / STEPS_A_DAY - 0.3) * 2 * np.pi)
    return np.asarray(day + np.random.default_rng(seed).normal(0.0, 0.1, len(day)))


def line(values: np.ndarray) -> Line:
    return Line(values, 30.0, 1.5, 3 * STEPS_A_DAY, len(values))


def test_what_comes_later_changes_nothing_that_was_told_before() -> None:
    values, other = swinging(), swinging()
    other[4 * STEPS_A_DAY :] += 3.0
    one, two = told(line(values)), told(line(other))
    early = one[:, 0] < 3.5
    np.testing.assert_array_equal(one[early][:, 2:], two[: early.sum()][:, 2:])


def test_only_moments_below_the_limit_are_told_and_a_daily_course_is_learned() -> None:
    values = swinging()
    rows = told(line(values))
    below = values[3 * STEPS_A_DAY :: 6] <= 30.0
    assert len(rows) <= below.sum()
    assert 0.0 < rows[:, 1].mean() < 0.3
    assert skill(rows, PERSISTENCE)[0] > 0.3
    assert len(told(line(np.full(6 * STEPS_A_DAY, 31.0)))) == 0


def test_skill_and_calibration_are_those_of_a_count_by_hand() -> None:
    rows = np.array([[0, 1, 1.0, 0.5, 0.5], [0, 0, 0.0, 0.5, 0.5], [1, 1, 0.5, 0.5, 0.0], [1, 0, 0.5, 0.5, 0.0]])
    assert skill(rows, PERSISTENCE)[0] == pytest.approx(0.5)
    assert skill(rows, CLIMATOLOGY)[0] == pytest.approx(1.0 - 0.5 / 1.5)
    assert calibration_error(rows) == pytest.approx(0.0)
    rows[:, 2] = 0.95
    assert calibration_error(rows) == pytest.approx(0.45)


def shift(day: int, level: float, *, rest: float = 1.0) -> Shift:
    hours = np.full(8, level)
    hours[4:] *= rest
    return Shift(date(2004, 6, day), "CO_GT", 6, hours)


def test_the_end_of_a_shift_is_told_from_those_before_it_alone() -> None:
    past = [shift(day, 1.0, rest=3.0) for day in range(1, 20)]
    chance, persistence, over = _told(shift(20, 1.0, rest=3.0), [*past, shift(20, 1.0, rest=3.0), *(shift(day, 9.0) for day in range(21, 30))], 1.5, 4)
    assert chance > 0.6
    assert _told(shift(20, 1.0, rest=3.0), [], 1.5, 4)[0] < 0.4
    assert (persistence, over) == (0.0, 1.0)
    assert _told(shift(20, 1.0, rest=3.0), past, 1.5, 4)[0] == chance


def test_the_skill_of_the_true_answer_is_one_and_of_the_mean_nought() -> None:
    told_rows = [("CO_GT", 1.0, 0.5, 1.0), ("CO_GT", 0.0, 0.5, 0.0)]
    assert _skill(told_rows, 0) == pytest.approx(1.0)
    assert _skill(told_rows, 1) == pytest.approx(0.0)


def test_a_row_of_the_heat_plan_says_its_skill_its_band_and_its_ways() -> None:
    rows = measure_plans(["hot-humid"], 1, 16, "tune", lambda _: None)
    assert [row.test for row in rows] == ["P"] * 4
    for row in rows:
        assert row.is_met == (row.reached >= 0.0)
        assert row.low <= row.high
        assert "in the band" in row.note
        assert "persistence" in row.note
