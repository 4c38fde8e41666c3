"""WebExpo's informed-variance model against stored posteriors, AIHA's bands, Helsel's order statistics, BOHS-NVvA's between-worker step."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadInput
from models.statistics.aiha import band, is_acceptable
from models.statistics.bohs_nvva import between_workers
from models.statistics.results import results_of
from models.statistics.ros import robust_ros
from models.statistics.webexpo import informed_variance

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure"
shared = pytest.mark.skipif(not FOLDER.exists(), reason="the shared vectors are not here")
MEDIAN, LIMIT = 0.01, 0.02
POSTERIORS = {"seg1": "grid_90pct_CrI_(5th-95th)", "expostats_tool1_default": "grid_90pct_CrI"}


def stored(name: str) -> dict:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@shared
@pytest.mark.parametrize("name", POSTERIORS)
def test_stored_posteriors(name):
    case = stored("bayes_informedvar_expected.json")[name]
    grid = case[POSTERIORS[name]]
    found = informed_variance(results_of(case["data"]), case["oel"])
    for interval, figures, unit in (
        (found.gm, grid["gm"], 1),
        (found.gsd, grid["gsd"], 1),
        (found.am, grid["am"], 1),
        (found.x95, grid["p95"], 1),
        (found.exceedance, grid["exceedance_pct"], 100),
    ):
        assert unit * interval.est == pytest.approx(figures[0], rel=MEDIAN)
        assert [unit * interval.lcl, unit * interval.ucl] == pytest.approx(figures[1:], rel=LIMIT)
    assert 100 * found.p_x95_over == pytest.approx(grid["prob_p95_gt_oel"], rel=MEDIAN)
    assert 100 * found.p_am_over == pytest.approx(grid["prob_am_gt_oel"], rel=MEDIAN)
    assert [100 * share for share in found.band_probabilities] == pytest.approx(list(grid["p95_bands_pct"].values()), abs=0.05)
    assert found.band == 4


@shared
def test_markov_chains_of_pywebexpo_agree_within_their_error():
    case = stored("bayes_informedvar_expected.json")["seg1"]
    found = informed_variance(results_of(case["data"]), case["oel"])
    assert [found.gm.est, found.gsd.est, 100 * found.exceedance.est, found.x95.est, found.am.est] == pytest.approx([34.17, 2.179, 8.27, 122.2, 46.6], rel=MEDIAN)


@pytest.mark.parametrize(("x95", "expected"), [(1.0, 0), (1.01, 1), (10.0, 1), (10.1, 2), (50.0, 2), (50.1, 3), (100.0, 3), (100.1, 4)])
def test_aiha_bands(x95, expected):
    assert int(band(x95, 100.0)) == expected


def test_aiha_accepts_a_profile_only_under_the_limit():
    assert [is_acceptable(limit95, 5.0) for limit95 in (4.99, 5.0, 7.05)] == [True, False, False]


@shared
def test_order_statistics_of_one_limit_of_quantification():
    case = stored("ndexpo_ros_expected.json")
    found = robust_ros(results_of(case["input"]))
    assert found.imputed.tolist() == pytest.approx([case["imputed_for_<5.5"]], rel=1e-9)
    assert (found.intercept, found.slope) == pytest.approx((case["intercept"], case["slope"]), rel=1e-9)
    assert found.detect_positions.tolist() == pytest.approx(case["plotting_positions_detects"])
    assert found.imputed_positions.tolist() == pytest.approx([case["pp_nd"]])


def test_adjacent_limits_of_quantification_count_as_one():
    apart, one = (robust_ros(results_of([*limits, "2", "3", "4", "5", "9"])) for limits in (["<1", "<1", "<1.5"], ["<1.5"] * 3))
    assert apart.imputed.tolist() == pytest.approx(one.imputed.tolist())
    assert len(set(apart.imputed_positions)) == 3


def test_limits_of_quantification_parted_by_a_detect_do_not():
    found = robust_ros(results_of(["<1", "<3", "2", "4", "5", "9"]))
    assert found.detect_positions.tolist() == pytest.approx([3 / 8, 5 / 8, 3 / 4, 7 / 8])
    assert found.imputed_positions.tolist() == pytest.approx([1 / 8, 1 / 4])


@pytest.mark.parametrize("texts", [["1", "2", "3", "<1"], ["1", "2", "<1", "<1", "<1"], ["1", "2", "3", "<4", "2"], ["1", "2", "3", "4", ">5"], ["1", "2", "3", "4", "[1-2]"]])
def test_order_statistics_refuse_what_they_cannot_place(texts):
    with pytest.raises(BadInput):
        robust_ros(results_of(texts))


@shared
def test_workers_who_hardly_differ_are_not_tested_one_by_one():
    with (FOLDER / "webexpo_between_sample3.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = between_workers([row["worker"] for row in rows], [float(row["x"]) for row in rows], 150.0)
    assert found.share_between < 0.2
    assert (found.is_tested, found.is_compliant) == (False, None)


def test_workers_who_differ_are_tested_on_logs():
    """By hand: means 0, ln 4 and ln 16 with one factor 2 each way; within 2 ln(2)^2 each, between ln(4)^2 less its share of within."""
    logs = np.log([[0.5, 2, 0.5, 2], [2, 8, 2, 8], [8, 32, 8, 32]])
    workers = [name for name in "abc" for _ in range(4)]
    found = between_workers(workers, np.exp(logs).ravel(), 64.0)
    within = 12 * np.log(2) ** 2 / 9
    between = np.log(4) ** 2 - within / 4
    assert (found.sd_within, found.sd_between) == pytest.approx((np.sqrt(within), np.sqrt(between)))
    assert found.share_between == pytest.approx(between / (between + within))
    assert found.is_tested
    assert found.is_compliant == (found.individual_exceedance < 0.2)
