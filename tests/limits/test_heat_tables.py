"""WBGT limits by table: Indonesia's by work and its share of the hour, ISO 7243's by class of metabolic rate."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.heat.tables import W_PER_KCAL_H, WbgtTable
from models.limits import check, heat_limit, in_force, load_profiles, status_at

PROFILES = load_profiles()
DAY = date(2026, 11, 23)
INDONESIA = in_force(PROFILES["id"], "heat", DAY)[0]
TABLES = [(id, limit) for id, profile in PROFILES.items() for limit in profile.limits if limit.table is not None]


def iso(acclimatised: str, day: date = DAY):
    return next(limit for limit in in_force(PROFILES["iso-7243"], "heat", day) if limit.acclimatised == acclimatised)


@pytest.mark.parametrize(
    ("watts", "share", "expected"),
    [
        (200, 1.0, 31.0),
        (300, 1.0, 28.0),
        (300, 0.75, 28.0),
        (300, 0.74, 29.0),
        (450, 0.6, 27.5),
        (450, 0.3, 29.0),
        (590, 0.3, 28.0),
        (590, 0.1, 30.0),
        (115, 0.0, 32.5),
    ],
)
def test_indonesia_by_work_and_share_of_the_hour(watts, share, expected):
    assert heat_limit(INDONESIA).at(watts, share) == expected


@pytest.mark.parametrize(("watts", "share"), [(450, 1.0), (450, 0.75), (590, 0.6), (99, 1.0), (601, 1.0)])
def test_where_the_table_has_no_value_there_is_none(watts, share):
    assert np.isnan(heat_limit(INDONESIA).at(watts, share))


def test_kilocalories_an_hour_are_watts():
    printed = [float(one.printed.split()[0]) * W_PER_KCAL_H for one in INDONESIA.table.classes if one.printed]
    assert [one.up_to_w for one in INDONESIA.table.classes if one.up_to_w] == pytest.approx(printed, abs=0.1)


@pytest.mark.parametrize(("watts", "acclimatised", "not_acclimatised"), [(115, 33, 32), (180, 30, 29), (300, 28, 26), (415, 25, 22), (520, 23, 18)])
def test_iso_7243_by_class(watts, acclimatised, not_acclimatised):
    assert heat_limit(iso("yes")).at(watts) == acclimatised
    assert heat_limit(iso("no")).at(watts) == not_acclimatised


def test_editions_follow_one_another_and_agree_up_to_class_2():
    old, new = iso("yes", date(2010, 1, 1)), iso("yes")
    assert (old.source, new.source) == ("iso1989", "iso2017")
    assert [heat_limit(old).at(watts) for watts in (115, 180, 300)] == [heat_limit(new).at(watts) for watts in (115, 180, 300)]


def test_a_class_on_which_the_sources_differ_is_unverified():
    assert [status_at(iso("yes"), watts) for watts in (115, 180, 300, 360, 361, 520)] == ["verified", "verified", "verified", "verified", "unverified", "unverified"]
    assert status_at(iso("yes"), None) == "unverified"
    assert status_at(iso("yes", date(2010, 1, 1)), 415) == "verified"
    niosh = in_force(PROFILES["us-niosh"], "heat", DAY)[0]
    assert status_at(niosh, None) == "verified"


def test_a_window_is_judged_at_the_work_of_its_minutes_of_work():
    rate = np.r_[np.full(45, 300.0), np.full(15, 115.0)]
    at_work = np.r_[np.ones(45, dtype=bool), np.zeros(15, dtype=bool)]
    limit = heat_limit(INDONESIA)
    assert limit.of_windows(rate, at_work, 60).tolist() == [28.0]
    assert limit.of_windows(np.roll(rate, 20), np.roll(at_work, 20), 60).tolist() == [28.0]
    half = np.r_[np.ones(30, dtype=bool), np.zeros(30, dtype=bool)]
    assert limit.of_windows(np.where(half, 300.0, 115.0), half, 60).tolist() == [29.0]  # the mean of 208 W alone would be light work: 31
    assert limit.of_windows(np.full(60, 450.0), np.ones(60, dtype=bool), 60).tolist() == [-np.inf]


@given(st.sampled_from(TABLES), st.floats(100, 600), st.floats(0, 200), st.floats(0, 1), st.floats(0, 1))
def test_harder_or_longer_work_never_has_the_higher_limit(found, watts, more, share, longer):
    limit = heat_limit(found[1])
    easy, hard = limit.at(watts, share), limit.at(min(watts + more, 600.0), min(share + longer, 1.0))
    assert np.isnan(hard) or hard <= easy


@given(st.sampled_from(TABLES), st.lists(st.booleans(), min_size=60, max_size=90), st.floats(120, 580))
def test_windows_agree_with_steady_work_of_the_same_share(found, at_work, watts):
    mask = np.array(at_work)
    limits = heat_limit(found[1]).of_windows(np.where(mask, watts, 115.0), mask, 60)
    for first, value in enumerate(limits):
        worked = int(mask[first : first + 60].sum())
        alone = heat_limit(found[1]).at(watts if worked else 115.0, worked / 60)
        assert value == alone or (np.isnan(alone) and np.isneginf(value))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (WbgtTable(classes=INDONESIA.table.classes, shares=[]), "rows with one limit a class"),
        (WbgtTable(classes=INDONESIA.table.classes[:2], shares=INDONESIA.table.shares), "rows with one limit a class"),
        (WbgtTable(classes=INDONESIA.table.classes, shares=INDONESIA.table.shares[::-1]), "from light to heavy"),
        (WbgtTable(classes=INDONESIA.table.classes[2::-1], shares=[msgspec.structs.replace(INDONESIA.table.shares[0], limits_c=[31.0, 28.0, None])]), "from light to heavy"),
        (WbgtTable(classes=INDONESIA.table.classes, shares=[msgspec.structs.replace(INDONESIA.table.shares[0], limits_c=[28.0, 31.0, None, None])]), "heavier or longer"),
    ],
)
def test_a_table_that_cannot_be_is_found(table, problem):
    wrong = msgspec.structs.replace(INDONESIA, table=table)
    assert any(problem in line for line in check({"x": msgspec.structs.replace(PROFILES["id"], limits=[wrong])}))
