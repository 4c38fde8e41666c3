"""Stull's and the thermodynamic wet bulb against an independent implementation, Stull's own example, and values of the steam-table balance."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models.heat.wet_bulb import stull_wet_bulb_c, thermodynamic_wet_bulb_c

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "heat" / "thermofeel"
shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared vectors are not here")


def test_the_example_of_stulls_paper():
    assert float(stull_wet_bulb_c(20.0, 50.0)) == pytest.approx(13.7, abs=0.05)


@shared
def test_fifty_rows_of_an_independent_implementation_of_stull():
    with (SHARED / "thermofeel_testcases.csv").open(encoding="utf-8") as file:
        cases = list(csv.DictReader(file))
    ta, td = (np.array([float(case[name]) for case in cases]) - 273.15 for name in ("t2m", "td"))
    rh = 100.0 * 10.0 ** (7.5 * td / (237.3 + td) - 7.5 * ta / (237.3 + ta))
    assert stull_wet_bulb_c(ta, rh) == pytest.approx(np.loadtxt(SHARED / "wbt.csv") - 273.15, abs=0.01)


@pytest.mark.parametrize(("ta", "rh", "expected"), [(33.0, 60.0, 26.43), (25.0, 50.0, 17.89), (40.0, 20.0, 22.03), (30.0, 90.0, 28.59)])
def test_the_thermodynamic_wet_bulb_of_a_psychrometric_library(ta, rh, expected):
    assert float(thermodynamic_wet_bulb_c(ta, rh)) == pytest.approx(expected, abs=0.02)
