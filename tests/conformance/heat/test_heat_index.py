"""The heat index with all branches of the Weather Prediction Center's equation, against hand-worked values and the snapshot of an independent implementation."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from models.heat.heat_index import heat_index_c

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "heat" / "thermofeel"
shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared vectors are not here")


def fahrenheit(ta_f, rh):
    return float(heat_index_c((ta_f - 32.0) / 1.8, rh)) * 1.8 + 32.0


@pytest.mark.parametrize(
    ("ta_f", "rh", "expected"),
    [(90, 50, 94.6), (95, 10, 89.45), (82, 90, 91.99), (80, 40, 79.58), (90, 70, 105.92), (40, 80, 40.0)],
    ids=["regression", "dry air", "humid air", "simple formula", "regression, humid", "cold"],
)
def test_each_branch_by_hand(ta_f, rh, expected):
    assert fahrenheit(ta_f, rh) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("ta_f", "rh", "printed"), [(80, 40, 80), (86, 60, 91), (90, 60, 100), (94, 50, 103), (100, 45, 114), (104, 40, 119), (110, 40, 136)])
def test_the_printed_chart_within_a_degree_and_a_half(ta_f, rh, printed):
    """The chart is Steadman's model; the regression's own error is stated as 1.3 °F."""
    assert fahrenheit(ta_f, rh) == pytest.approx(printed, abs=1.5)


@shared
def test_fifty_rows_of_an_independent_implementation():
    with (SHARED / "thermofeel_testcases.csv").open(encoding="utf-8") as file:
        cases = list(csv.DictReader(file))
    ta, td = (np.array([float(case[name]) for case in cases]) for name in ("t2m", "td"))
    rh = 100.0 * magnus_hpa(td - 273.15) / magnus_hpa(ta - 273.15)
    expected = np.loadtxt(SHARED / "hia.csv") - 273.15
    known = (ta - 273.15 >= -20.0) & (ta - 273.15 <= 50.0) & (rh <= 100.0)
    assert known.sum() > 20
    assert heat_index_c(ta - 273.15, rh)[known] == pytest.approx(expected[known], abs=0.15)


def magnus_hpa(t):
    """A humidity from a dew point carries its formula's difference: hence 0.15 °C."""
    return 6.112 * np.exp(17.67 * t / (t + 243.5))


@shared
def test_the_public_validation_set_where_it_follows_the_whole_equation():
    """At 25 °C and 50 % that set takes the regression out of its range, 25.9; the whole equation takes the simple formula there."""
    cases = json.loads((SHARED.parent / "validation-data-comfort-models" / "ts_heat_index.json").read_text(encoding="utf-8"))["data"]
    found = {(case["inputs"]["tdb"], case["inputs"]["rh"]): case["outputs"]["hi"] for case in cases}
    assert float(heat_index_c(30, 80)) == pytest.approx(found[30, 80], abs=0.1)
    assert float(heat_index_c(25, 50)) == pytest.approx(24.86, abs=0.01)
