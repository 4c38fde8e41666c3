"""The measuring of the models itself, on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from oshwatch.evaluation.faults import KINDS, inject
from oshwatch.evaluation.public import _normalised
from oshwatch.evaluation.report import Row, beside, interval, table
from oshwatch.evaluation.split import first_seed, of_half


def test_the_halves_share_nothing_and_leave_nothing_out() -> None:
    things = ["a", "b", "c", "d", "e"]
    assert sorted([*of_half(things, "tune"), *of_half(things, "held")]) == things
    assert first_seed("held") - first_seed("tune") > 1_000_000


def test_whether_a_target_is_met_is_judged_on_the_held_out_half() -> None:
    (row,) = beside([Row(test="D", what="w", target=">= 1", reached=1.0, is_met=True)], [Row(test="D", what="w", target=">= 1", reached=0.5, is_met=False)])
    assert (row.reached, row.held, row.is_met) == (1.0, 0.5, False)
    (alone,) = beside([Row(test="D", what="w", target=">= 1", reached=1.0, is_met=True)], [])
    assert alone.is_met is None
    assert table([row]).splitlines()[-1] == "| D | w | >= 1 | 1 |  | 0.5 |  | no |  |"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_injected_where_it_should_be_and_nowhere_else(kind: str) -> None:
    values = np.sin(np.arange(200) / 10.0) + 20
    broken = inject(values, kind, 100, 50, np.random.default_rng(1))
    differs = np.flatnonzero((broken != values) | np.isnan(broken))
    assert len(differs)
    assert differs.min() >= 100
    assert differs.max() < 150
    assert np.array_equal(values, np.sin(np.arange(200) / 10.0) + 20)


@pytest.mark.parametrize(("alarms", "score"), [([], 0.0), ([100], 100.0)])
def test_nothing_said_scores_zero_and_the_first_row_of_a_window_a_hundred(alarms: list[int], score: float) -> None:
    said = np.zeros(200)
    said[alarms] = 1.0
    assert _normalised([(said, [(100, 120)])], 0.5, 0.11) == pytest.approx(score)


def test_an_alarm_outside_costs() -> None:
    said = np.zeros(200)
    said[[60, 100]] = 1.0
    assert _normalised([(said, [(100, 120)])], 0.5, 0.11) == pytest.approx(100 - 100 * 0.11 / 2, abs=0.1)


def test_an_interval_draws_whole_parts() -> None:
    assert interval([1.0, 1.0, 1.0], lambda drawn: float(np.mean(drawn))) == (1.0, 1.0)  # type: ignore[arg-type]
    low, high = interval([0.0, 1.0], lambda drawn: float(np.mean(drawn)))  # type: ignore[arg-type]
    assert (low, high) == (0.0, 1.0)
