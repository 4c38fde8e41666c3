"""Laws of doses, levels, averages and ceilings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.airborne.stel import ceiling_max, minutes_over_ceiling, rolling_means, stel_max
from models.airborne.twa import shift_mean, twa_8h, worst_8h
from models.airborne.units import mg_m3_from_ppm, molar_volume_l_mol
from models.arrays import rolling_sum
from models.noise.levels import energy_mean, lex_8h
from models.noise.niosh import dose_pct, twa_from_dose_db
from models.noise.osha import dose
from models.noise.osha import twa_from_dose_db as osha_twa

levels = st.lists(st.floats(40.0, 120.0), min_size=1, max_size=480)
concentrations = st.lists(st.floats(0.0, 500.0), min_size=1, max_size=700)


@given(levels, st.integers(0, 480))
def test_splitting_a_shift_and_recombining_gives_the_same_dose(values, cut):
    assert dose_pct(values[:cut]) + dose_pct(values[cut:]) == pytest.approx(float(dose_pct(values)), rel=1e-12)
    parts = dose(values[:cut], np.ones(len(values[:cut])), threshold_db=80.0).pct + dose(values[cut:], np.ones(len(values[cut:])), threshold_db=80.0).pct
    assert parts == pytest.approx(float(dose(values, np.ones(len(values)), threshold_db=80.0).pct), rel=1e-12)


@given(levels)
def test_an_energy_mean_lies_between_its_levels_and_never_under_the_arithmetic_mean(values):
    mean = float(energy_mean(values))
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9
    assert mean >= np.mean(values) - 1e-9


@given(st.floats(60.0, 110.0))
def test_a_constant_level_over_eight_hours_is_its_own_exposure_level(level):
    assert lex_8h(np.full(480, level), 1.0) == pytest.approx(level)
    assert twa_from_dose_db(dose_pct(np.full(480, level))) == pytest.approx(level, abs=0.1)


def test_no_noise_is_no_dose_and_no_level():
    assert dose_pct(np.full(480, -np.inf)) == 0.0
    assert lex_8h(np.full(480, -np.inf), 1.0) == -np.inf


def test_a_dose_from_minute_levels_is_marked_approximate():
    assert dose([92.0], [1.0], threshold_db=90.0).approximate
    assert not dose([92.0], [1 / 60], threshold_db=90.0).approximate
    assert osha_twa(dose(np.full(480, 92.0), np.ones(480), threshold_db=90.0).pct) == pytest.approx(92.0, abs=0.01)


@given(concentrations)
def test_no_average_is_over_the_maximum(values):
    highest = max(values) * (1 + 1e-12) + 1e-9
    assert shift_mean(values) <= highest
    assert worst_8h(values) <= highest
    assert twa_8h(values) <= highest * len(values) / 480
    if len(values) >= 15:
        assert stel_max(values) <= ceiling_max(values) + 1e-9


@given(concentrations, st.floats(0.0, 500.0))
def test_minutes_over_a_ceiling_are_counted(values, ceiling):
    assert minutes_over_ceiling(values, ceiling) == sum(value > ceiling for value in values)


def test_a_long_shift_is_judged_by_its_worst_eight_or_ten_hours():
    values = np.r_[np.full(240, 0.0), np.full(480, 10.0)]
    assert worst_8h(values) == pytest.approx(10.0)
    assert shift_mean(values) == pytest.approx(8.0)
    assert twa_8h(values) == pytest.approx(10.0)


def test_a_short_shift_is_spread_over_eight_hours_only_by_the_rule_that_says_so():
    assert twa_8h(np.full(240, 10.0)) == pytest.approx(5.0)
    assert shift_mean(np.full(240, 10.0)) == pytest.approx(10.0)


def test_a_short_term_window_slides_over_every_minute():
    values = np.zeros(100)
    values[37:52] = 60.0
    means = rolling_means(values)
    assert int(np.argmax(means)) == 37
    assert means.max() == pytest.approx(60.0)


def test_a_short_term_window_needs_twelve_of_fifteen_minutes():
    values = np.full(15, 5.0)
    values[:3] = np.nan
    assert rolling_means(values).tolist() == pytest.approx([5.0])
    values[3] = np.nan
    assert np.isnan(rolling_means(values)).all()
    assert np.isnan(stel_max(values[:10]))


def test_an_open_minute_opens_its_windows_only():
    assert rolling_sum([1.0, np.inf, 1.0, 1.0], 2).tolist() == [np.inf, np.inf, 2.0]
    assert rolling_sum([[1.0, 2.0], [3.0, 4.0]], 2).tolist() == [[3.0], [7.0]]
    assert rolling_sum([1.0], 2).tolist() == []


def test_lists_of_limits_differ_in_reference_temperature():
    assert mg_m3_from_ppm(1.0, 92.14) == pytest.approx(3.77, abs=0.005)
    assert mg_m3_from_ppm(1.0, 92.14, 20.0) == pytest.approx(3.83, abs=0.005)
    assert molar_volume_l_mol(25.0, 760.0) > molar_volume_l_mol(25.0)
