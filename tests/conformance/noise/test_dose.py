"""Noise dose and exposure level against OSHA's and NIOSH's tables and the EU's trade-offs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.noise.levels import energy_mean, lex_8h
from models.noise.niosh import allowed_minutes, dose_pct, twa_from_dose_db
from models.noise.osha import allowed_hours, dose
from models.noise.osha import twa_from_dose_db as osha_twa_db

FILE = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure" / "noise_vectors.json"
shared = pytest.mark.skipif(not FILE.exists(), reason="the shared vectors are not here")


@pytest.fixture
def vectors():
    return json.loads(FILE.read_text(encoding="utf-8"))


@shared
def test_osha_table_g16a(vectors):
    for level, hours in vectors["osha_G16a_hours"]["table"].items():
        assert float(allowed_hours(float(level))) == pytest.approx(hours, rel=0.03, abs=0.05)


@shared
def test_osha_eight_hours_at_92(vectors):
    case = vectors["osha_8h_constant_92"]
    found = dose([92.0], [480.0], threshold_db=80.0)
    assert float(found.pct) == pytest.approx(case["dose_formula_pct"], rel=1e-9)
    assert float(osha_twa_db(found.pct)) == pytest.approx(case["TWA"], abs=0.01)


@shared
def test_niosh_pairs_of_dose_and_level(vectors):
    for percent, level in vectors["niosh_dose_TWA"]["pairs"]:
        assert float(twa_from_dose_db(percent)) == pytest.approx(level, abs=0.05)


@shared
def test_niosh_worked_example(vectors):
    case = vectors["niosh_example"]
    levels, minutes = zip(*case["events"], strict=True)
    assert float(dose_pct(levels, minutes)) == pytest.approx(case["dose_pct"], abs=0.05)
    assert float(twa_from_dose_db(dose_pct(levels, minutes))) == pytest.approx(case["TWA"], abs=0.01)


@shared
def test_eu_trade_offs_of_level_and_time(vectors):
    for criterion, pairs in vectors["EU_tradeoff"].items():
        if criterion != "source":
            for level, minutes in pairs:
                assert float(lex_8h([level], [minutes])) == pytest.approx(float(criterion.partition("@")[0]), abs=0.1)


@shared
def test_iso_9612_task_based_example(vectors):
    case = vectors["iso9612_annexD_style_example"]
    levels = [float(energy_mean(task["L"])) for task in case["tasks"]]
    assert levels[1:] == pytest.approx([case["L_weld"], case["L_grind"]])
    assert float(lex_8h(levels, [task["T_h"] * 60 for task in case["tasks"]])) == pytest.approx(case["LEX8h"], abs=1e-6)


@pytest.mark.parametrize(("level", "minutes"), [(82, 960), (85, 480), (88, 240), (91, 120), (94, 60), (97, 30), (100, 15)])
def test_niosh_time_to_full_dose(level, minutes):
    assert float(allowed_minutes(level)) == pytest.approx(minutes)
    assert float(dose_pct([level], [minutes])) == pytest.approx(100.0)


@pytest.mark.parametrize(("level", "hours"), [(80, 32), (85, 16), (90, 8), (92, 6.06), (95, 4), (100, 2), (105, 1), (110, 0.5), (115, 0.25)])
def test_osha_allowed_hours(level, hours):
    assert float(allowed_hours(level)) == pytest.approx(hours, rel=0.001)
