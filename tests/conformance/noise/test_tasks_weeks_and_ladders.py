"""ISO 9612 with its uncertainty, weekly levels, OSHA on long shifts, and the ladders of Vietnam and Indonesia."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.noise.ladder import allowed_seconds, dose_pct
from models.noise.long_shift import action_level_dba
from models.noise.osha import dose
from models.noise.tasks import Task, day_from_tasks
from models.noise.weekly import lex_weekly

FILE = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure" / "noise_vectors.json"
shared = pytest.mark.skipif(not FILE.exists(), reason="the shared vectors are not here")


@pytest.fixture
def vectors():
    return json.loads(FILE.read_text(encoding="utf-8"))


@shared
def test_iso_9612_example_with_its_uncertainty(vectors):
    case = vectors["iso9612_annexD_style_example"]
    tasks = [Task(samples_dba=task["L"], minutes=60 * task["T_h"], shortest_min=60 * task["range_h"][0], longest_min=60 * task["range_h"][1]) for task in case["tasks"]]
    found = day_from_tasks(tasks, "class1")
    assert found.lex_8h_dba == pytest.approx(case["LEX8h"], abs=1e-6)
    assert found.standard_db == pytest.approx(case["u"], rel=1e-9)
    assert found.expanded_db == pytest.approx(case["U_k1.65"], rel=1e-9)


@shared
@pytest.mark.parametrize(("country", "key"), [("vietnam", "vietnam_QCVN24_2016"), ("indonesia", "indonesia_permenaker5_2018")])
def test_every_step_of_a_ladder(vectors, country, key):
    for seconds, level in vectors[key]["s_to_dBA"]:
        assert float(allowed_seconds(level, country)) == seconds
        assert float(allowed_seconds(level + 0.01, country)) < seconds


@shared
def test_no_time_is_allowed_over_vietnams_highest_level(vectors):
    highest = vectors["vietnam_QCVN24_2016"]["max_any_time_dBA"]
    assert float(allowed_seconds(highest + 0.1)) == 0.0
    assert dose_pct([highest + 0.1], [0.1]) == np.inf
    assert dose_pct([highest + 0.1], [0.0]) == 0.0


@shared
def test_oshas_action_level_on_long_shifts(vectors):
    case = vectors["osha_extended_shift_action_level_dBA"]
    assert action_level_dba([10.0, 12.0]).tolist() == pytest.approx([case["10h"], case["12h"]])


@pytest.mark.parametrize(("level", "t90", "t80"), [(92.0, 131.95, 131.95), (89.9, 0.0, 98.62), (85.0, 0.0, 50.0), (79.9, 0.0, 0.0)])
def test_oshas_two_thresholds(level, t90, t80):
    found = [float(dose([level], [480.0], threshold_db=threshold).pct) for threshold in (90.0, 80.0)]
    assert found == pytest.approx([t90, t80], abs=0.01)


@pytest.mark.parametrize(("week", "expected"), [([87.0] * 5, 87.0), ([90.0, 84.0, 84.0, 84.0, 84.0], 86.031), ([80.0] * 6, 80.792), ([90.0] + [np.nan] * 6, 83.010)])
def test_weekly_level_divides_by_five_days(week, expected):
    assert float(lex_weekly(week)) == pytest.approx(expected, abs=0.001)
