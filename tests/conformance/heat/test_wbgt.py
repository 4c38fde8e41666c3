"""Natural wet bulb and WBGT against published and independent numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from models.heat.bernard import convection_factor, published_natural_wet_bulb_c, radiation_offset
from models.heat.globe import globe_temperature_c
from models.heat.niosh import ral_c, rel_c
from models.heat.psychrometrics import linear_wet_bulb_c, psychrometric_wet_bulb_c, saturation_vapour_pressure_hpa
from models.heat.wbgt import estimated_wbgt_c, sunlit_wbgt_c, wbgt_c

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "heat"
shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared vectors are not here")
MPH = 0.44704


def rows(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@shared
def test_bernard_factors_at_their_breakpoints():
    for row in rows("bernard_factor_cases.csv"):
        factor = convection_factor if row["factor"] == "C" else radiation_offset
        assert float(factor(float(row["v_m_s"]))) == pytest.approx(float(row["value"]), abs=1e-9), row


@pytest.mark.parametrize(("v", "c"), [(0.02, 0.85), (0.1, 0.891), (0.3, 0.9239), (1.0, 0.96), (3.0, 0.9929), (5.0, 1.0)])
def test_bernard_convection_factor(v, c):
    assert float(convection_factor(v)) == pytest.approx(c, abs=1e-4)


@pytest.mark.parametrize(("v", "e"), [(0.05, 1.1), (0.2, 0.3873), (0.5, 0.01435), (1.0, -0.1), (3.0, -0.1)])
def test_bernard_radiation_offset(v, e):
    assert float(radiation_offset(v)) == pytest.approx(e, abs=1e-4)


@shared
def test_bernard_full_cases_of_another_implementation():
    for row in rows("pywbgt_liljegren_bernard_cases.csv"):
        ta, tg, v = float(row["tair_C"]), float(row["Tg_C"]), float(row["speed_mph_2m"]) * MPH
        if row["method"] == "bernard":
            found = published_natural_wet_bulb_c(ta, float(row["Tpsy_C"]), tg, v)
            assert float(found) == pytest.approx(float(row["Tnwb_C"]), abs=0.002)
            rh = 100 * saturation_vapour_pressure_hpa(float(row["tdew_C"])) / saturation_vapour_pressure_hpa(ta)
            assert float(linear_wet_bulb_c(ta, rh)) == pytest.approx(float(row["Tpsy_C"]), abs=0.06)
            assert float(sunlit_wbgt_c(float(row["Tnwb_C"]), tg, ta)) == pytest.approx(float(row["WBGT_C"]), abs=0.002)


@shared
def test_the_solved_wet_bulb_agrees_with_liljegrens_program():
    """Within 0.1 K: that program lets the heat of evaporation fall with temperature the wrong way round, which raises its wet bulb by 0.03-0.08 K."""
    for row in rows("pywbgt_liljegren_bernard_cases.csv"):
        if row["method"] == "liljegren":
            ta, td = float(row["tair_C"]), float(row["tdew_C"])
            rh = 100 * saturation_vapour_pressure_hpa(td) / saturation_vapour_pressure_hpa(ta)
            assert float(psychrometric_wet_bulb_c(ta, rh, float(row["pres_hPa"]))) == pytest.approx(float(row["Tpsy_C"]), abs=0.1)


@shared
def test_wbgt_arithmetic_of_the_public_validation_set():
    cases = json.loads((SHARED / "validation-data-comfort-models" / "ts_wbgt.json").read_text(encoding="utf-8"))["data"]
    for case in cases:
        given = case["inputs"]
        found = sunlit_wbgt_c(given["twb"], given["tg"], given["tdb"]) if given.get("with_solar_load") else wbgt_c(given["twb"], given["tg"])
        assert np.allclose(found, case["outputs"]["wbgt"], atol=0.051), case


@pytest.mark.parametrize(
    ("v", "tg", "expected"),
    [(0.1, 33.0, 28.8), (0.3, 33.0, 28.6), (0.3, 36.0, 29.5), (0.3, 43.0, 33.2)],
)
def test_estimated_wbgt_of_a_room_at_33_degrees_and_60_percent(v, tg, expected):
    assert float(estimated_wbgt_c(33.0, 60.0, tg, v)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("mrt", "shown"),
    [(40.0, (36.5, 35.7, 35.6)), (50.0, (41.8, 39.9, 39.5)), (70.0, (53.5, 49.3, 48.4))],
)
def test_small_globes_under_read_by_iso_7726(mrt, shown):
    found = globe_temperature_c(mrt, 33.0, 0.3, np.array([150.0, 50.0, 40.0]))
    assert found.tolist() == pytest.approx(shown, abs=0.05)


@pytest.mark.parametrize(("watts", "ral", "rel"), [(115, 30.8, 33.0), (180, 28.1, 30.8), (300, 25.0, 28.2), (415, 23.0, 26.6), (520, 21.6, 25.5)])
def test_niosh_limits_by_class_of_work(watts, ral, rel):
    assert float(ral_c(watts)) == pytest.approx(ral, abs=0.05)
    assert float(rel_c(watts)) == pytest.approx(rel, abs=0.05)


def test_niosh_table_5_1_of_moderate_work_lies_within_half_a_degree_of_the_formula():
    assert float(rel_c(300.0)) == pytest.approx(28.0, abs=0.5)


@pytest.mark.parametrize(("t", "hpa"), [(0.01, 6.11), (20.0, 23.39), (30.0, 42.47), (40.0, 73.85)])
def test_saturation_pressure_of_steam_tables_within_the_enhancement_of_moist_air(t, hpa):
    assert float(saturation_vapour_pressure_hpa(t)) == pytest.approx(hpa, rel=0.006)
