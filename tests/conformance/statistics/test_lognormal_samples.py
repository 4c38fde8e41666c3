"""Complete and censored samples: ORNL/TM-2005/52 as STAND computes it, Hewett's published example, Land's published limits."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from models.statistics.censored import fit_censored
from models.statistics.lognormal import fit
from models.statistics.mean import land_limit, unbiased_mean
from models.statistics.results import results_of
from models.statistics.tolerance import tolerance_factor

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure"
shared = pytest.mark.skipif(not FOLDER.exists(), reason="the shared vectors are not here")
PRINTED = 2e-6
"""The vectors are printed with six decimals."""


def expected(name: str) -> dict:
    return json.loads((FOLDER / "stats_expected.json").read_text(encoding="utf-8"))[name]


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def aihand_complete():
    return results_of([row["x"] for row in rows("stand_aihand.csv")])


def with_non_detects(name: str, value: str, detect: str):
    return results_of([("" if row[detect] == "1" else "<") + row[value] for row in rows(name)])


COMPLETE = {
    "aihand_complete_L5": (aihand_complete, 5.0),
    "hewett_welding_fume": (lambda: results_of(["0.84", "0.98", "0.42", "1.16", "1.36", "2.66"]), 5.0),
    "webexpo_seg1_OEL100_frequentist": (lambda: results_of(["24.7", "64.1", "13.8", "43.7", "19.9", "133", "32.1", "15", "53.7"]), 100.0),
}
CENSORED = {
    "aihand_censored_L5_ml": (("stand_aihand.csv", "xnd", "det"), 5.0),
    "SESdata_L0.2_ml": (("stand_SESdata.csv", "x", "detect"), 0.2),
}


@shared
@pytest.mark.parametrize("name", COMPLETE)
def test_complete_samples(name):
    sample, limit = COMPLETE[name]
    case = expected(name)
    case = case.get("computed_OEL5", case)
    found = fit(sample())
    assert {field: getattr(found, field) for field in ("n", "gm", "gsd", "am", "x95", "utl95_70", "utl95_95")} == pytest.approx(
        {field: case[field] for field in ("n", "gm", "gsd", "am", "x95", "utl95_70", "utl95_95")}, abs=PRINTED
    )
    exceedance = found.exceedance(limit)
    assert [100 * exceedance.est, 100 * exceedance.lcl, 100 * exceedance.ucl] == pytest.approx(
        [case["exceed_pct"], case["exceed_pct_LCL95"], case["exceed_pct_UCL95"]], rel=1e-5, abs=PRINTED
    )
    assert found.mu + tolerance_factor(found.n, 0.05) * found.sigma == pytest.approx(math.log(case["lcl_x95_95"]), abs=PRINTED)


@shared
def test_hewett_prints_the_same_figures():
    case = expected("hewett_welding_fume")
    found = fit(results_of([str(value) for value in case["data"]]))
    assert [found.gm, found.gsd, found.am] == pytest.approx([case["published"][name] for name in ("gm", "gsd", "am")], abs=0.005)


@shared
@pytest.mark.parametrize("name", CENSORED)
def test_samples_with_non_detects(name):
    file, limit = CENSORED[name]
    case, sample = expected(name), with_non_detects(*file)
    raw, found = fit_censored(sample), fit(sample)
    figures = {
        "n": sample.n,
        "m": raw.detects,
        "mu": raw.mu,
        "sigma": raw.sigma,
        "se_mu": math.sqrt(raw.var_mu),
        "se_sigma": math.sqrt(raw.var_sigma),
        "cov": raw.cov,
        "GM": found.gm,
        "GSD": found.gsd,
        "EX": found.am,
        "m2logL": -2 * raw.log_likelihood,
        "f": 100 * found.exceedance(limit).est,
        "f_LCL": 100 * found.exceedance(limit).lcl,
        "f_UCL": 100 * found.exceedance(limit).ucl,
        "X95": found.x95,
        "X95_LCL": math.exp(raw.log_percentile_limit(0.05)),
        "X95_UCL": found.utl95_95,
    }
    assert figures == pytest.approx(case, rel=1e-6, abs=PRINTED)


@shared
def test_ses_data_exceed_by_at_least_the_published_19_5_percent():
    found = fit(with_non_detects("stand_SESdata.csv", "x", "detect"))
    assert 100 * found.exceedance(0.2).lcl == pytest.approx(19.5, abs=0.05)


@shared
def test_tolerance_factors():
    for row in rows("one_sided_tolerance_factors_p95.csv"):
        found = [tolerance_factor(int(row["n"]), confidence) for confidence in (0.70, 0.90, 0.95)]
        assert found == pytest.approx([float(row[name]) for name in ("UT_K95_70", "K95_90", "K95_95")], abs=5.1e-5)


def test_land_limits_of_a_published_sample():
    """IHSTAT prints 0.085 (0.039 to 11.6), interpolating Land's tables."""
    found = fit(results_of(["0.043", "0.236", "0.057", "0.016"]))
    assert unbiased_mean(4, found.mu, found.sigma) == pytest.approx(0.085, abs=0.0005)
    assert land_limit(4, found.mu, found.sigma, 0.95) == pytest.approx(11.6, rel=0.01)
    assert land_limit(4, found.mu, found.sigma, 0.05) == pytest.approx(0.039, rel=0.03)


def test_land_limit_of_the_epa_worked_example():
    """EPA's box 3-12: mean of logs 2.0767, their standard deviation 0.4272, n = 15, limit 10.97."""
    assert land_limit(15, 2.0767, 0.4272, 0.95) == pytest.approx(10.97, abs=0.01)
