"""EN 689:2018 clauses 5.5.2 and 5.5.3 and its reassessment intervals."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from models.statistics.en689 import Decision, group_compliance
from models.statistics.lognormal import fit
from models.statistics.results import results_of

TABLE = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure" / "one_sided_tolerance_factors_p95.csv"


def judged(texts, limit):
    results = results_of(texts)
    return group_compliance(results, fit(results), limit)


@pytest.mark.parametrize(
    ("texts", "decision"),
    [
        (["9.9", "9.9", "1"], Decision.COMPLIANT),
        (["10", "9.9", "1"], Decision.MORE_NEEDED),
        (["14.9", "14.9", "14.9", "1"], Decision.COMPLIANT),
        (["15", "9", "9", "1"], Decision.MORE_NEEDED),
        (["19.9", "19.9", "9", "9", "1"], Decision.COMPLIANT),
        (["20", "9", "9", "9", "1"], Decision.MORE_NEEDED),
        (["100", "1", "1"], Decision.MORE_NEEDED),
        (["100.1", "1", "1"], Decision.NON_COMPLIANT),
        (["1", "1"], Decision.MORE_NEEDED),
        (["101"], Decision.NON_COMPLIANT),
    ],
)
def test_preliminary_test(texts, decision):
    found = judged(texts, 100.0)
    assert (found.step, found.decision, found.ur, found.ut) == ("preliminary", decision, None, None)


@pytest.mark.parametrize("limit", [3.0, 0.7, 0.1, 7e-3])
def test_a_result_of_exactly_a_tenth_of_the_limit_is_not_under_it_whatever_the_rounding(limit):
    assert judged([repr(limit / 10)] * 3, limit).decision is Decision.MORE_NEEDED


@pytest.mark.parametrize(
    ("texts", "decision"),
    [
        (["<10", "<5", "1"], Decision.COMPLIANT),
        (["<11", "<5", "1"], Decision.MORE_NEEDED),
        (["[1-9]", "<5", "1"], Decision.COMPLIANT),
        ([">1", "1", "1"], Decision.MORE_NEEDED),
        ([">100", "1", "1"], Decision.NON_COMPLIANT),
        (["[90-110]", "1", "1"], Decision.MORE_NEEDED),
        (["[101-110]", "1", "1"], Decision.NON_COMPLIANT),
        (["<150", "1", "1"], Decision.MORE_NEEDED),
    ],
)
def test_non_detects_count_by_what_they_say_for_certain(texts, decision):
    assert judged(texts, 100.0).decision is decision


@pytest.mark.skipif(not TABLE.exists(), reason="the shared vectors are not here")
def test_ut_for_6_to_50_results():
    with TABLE.open(encoding="utf-8") as file:
        table = {int(row["n"]): float(row["UT_K95_70"]) for row in csv.DictReader(file)}
    for n in range(6, 51):
        assert judged([str(1 + i) for i in range(n)], 100.0).ut == pytest.approx(table[n], abs=5.1e-5)


@pytest.mark.parametrize(("n", "ut"), [(6, 2.187), (7, 2.120), (8, 2.072), (9, 2.035), (10, 2.005)])
def test_the_printed_ut(n, ut):
    assert judged([str(1 + i) for i in range(n)], 100.0).ut == pytest.approx(ut, abs=0.0005)


def test_statistical_test_refuses_the_webexpo_sample():
    found = judged(["24.7", "64.1", "13.8", "43.7", "19.9", "133", "32.1", "15", "53.7"], 100.0)
    assert (found.step, found.decision, found.reassess_months) == ("statistical", Decision.NON_COMPLIANT, None)
    assert (found.ur, found.ut) == pytest.approx((1.4422, 2.0347), abs=5e-5)


def test_one_result_over_the_limit_does_not_by_itself_fail_the_statistical_test():
    found = judged([*["10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21"] * 5, "51"], 50.0)
    assert found.decision is Decision.COMPLIANT


@pytest.mark.parametrize("limit", [140.0, 155.0, 156.0, 200.0])
def test_passing_is_the_same_as_a_tolerance_limit_at_or_under_the_limit(limit):
    results = results_of(["24.7", "64.1", "13.8", "43.7", "19.9", "133", "32.1", "15", "53.7"])
    found = fit(results)
    assert (group_compliance(results, found, limit).decision is Decision.COMPLIANT) == (found.utl95_70 <= limit)


@pytest.mark.parametrize(("limit", "months"), [(101.0, 36), (100.0, 24), (41.0, 24), (39.0, 18), (21.0, 18), (19.9, 12)])
def test_reassessment_follows_the_mean(limit, months):
    assert judged(["9", "10", "11", "9.5", "10.5", "10"], limit).reassess_months == months


def test_six_non_detects_far_under_the_limit_comply_though_no_distribution_fits():
    assert judged(["<1"] * 6, 100.0).decision is Decision.COMPLIANT
    assert judged(["<30"] * 6, 100.0).decision is Decision.MORE_NEEDED
