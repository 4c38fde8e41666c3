"""Laws that heat formulas must obey everywhere, not only at their vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.heat.bernard import natural_wet_bulb_c, published_natural_wet_bulb_c
from models.heat.clothing import ENSEMBLES, clothing_adjustment_k
from models.heat.effective import excess, time_weighted
from models.heat.globe import globe_temperature_c, mean_radiant_temperature_c, standard_globe_c
from models.heat.niosh import ral_c, rel_c
from models.heat.psychrometrics import linear_wet_bulb_c, psychrometric_wet_bulb_c, saturation_vapour_pressure_hpa, vapour_pressure_hpa
from models.heat.wbgt import estimated_wbgt_c

air = st.floats(5.0, 48.0)
humidity = st.floats(5.0, 100.0)
speed = st.floats(0.0, 5.0)
radiant = st.floats(0.0, 25.0)
step = st.floats(0.01, 5.0)


@given(air, humidity, radiant, speed, step)
def test_wbgt_rises_with_humidity(ta, rh, excess_k, v, more):
    assert estimated_wbgt_c(ta, min(rh + more, 100.0), ta + excess_k, v) >= estimated_wbgt_c(ta, rh, ta + excess_k, v) - 1e-9


@given(air, humidity, radiant, speed, step)
def test_wbgt_rises_with_the_globe_also_across_the_step_of_the_paper(ta, rh, excess_k, v, more):
    assert estimated_wbgt_c(ta, rh, ta + excess_k + more, v) > estimated_wbgt_c(ta, rh, ta + excess_k, v)


@given(air, humidity, radiant, speed, step)
def test_wbgt_rises_with_temperature_at_the_same_humidity_and_radiant_excess(ta, rh, excess_k, v, more):
    assert estimated_wbgt_c(ta + more, rh, ta + more + excess_k, v) > estimated_wbgt_c(ta, rh, ta + excess_k, v)


@given(air, humidity, radiant, speed, step)
def test_moving_air_never_raises_the_wet_bulb_of_one_globe_reading(ta, rh, excess_k, v, more):
    assert estimated_wbgt_c(ta, rh, ta + excess_k, v + more) <= estimated_wbgt_c(ta, rh, ta + excess_k, v) + 1e-9


@given(air, humidity, st.floats(-5.0, 25.0), speed)
def test_the_estimate_is_never_under_the_paper_and_equals_it_where_it_does_not_step(ta, rh, excess_k, v):
    tw = psychrometric_wet_bulb_c(ta, rh)
    ours, paper = natural_wet_bulb_c(ta, tw, ta + excess_k, v), published_natural_wet_bulb_c(ta, tw, ta + excess_k, v)
    assert ours >= paper - 1e-9
    if excess_k <= 3.0:
        assert ours == pytest.approx(float(paper))


@given(air, humidity, speed)
def test_the_natural_wet_bulb_makes_no_jump_at_four_kelvin(ta, rh, v):
    tw = psychrometric_wet_bulb_c(ta, rh)
    assert abs(natural_wet_bulb_c(ta, tw, ta + 4.001, v) - natural_wet_bulb_c(ta, tw, ta + 3.999, v)) < 0.01


@given(air, humidity, st.floats(600.0, 1050.0))
def test_the_wet_bulb_solves_its_balance_and_lies_between_dew_point_and_air(ta, rh, pressure):
    tw = float(psychrometric_wet_bulb_c(ta, rh, pressure))
    assert tw <= ta + 1e-9
    assert saturation_vapour_pressure_hpa(tw) >= vapour_pressure_hpa(ta, rh) - 1e-9


def test_the_wet_bulb_is_lower_on_a_high_plateau():
    assert psychrometric_wet_bulb_c(33.0, 60.0, 760.0) < psychrometric_wet_bulb_c(33.0, 60.0)


def test_the_linear_fit_reads_under_the_solved_wet_bulb_in_hot_humid_rooms():
    ta, rh = np.meshgrid(np.arange(24.0, 36.0), np.arange(40.0, 75.0, 5.0))
    difference = psychrometric_wet_bulb_c(ta, rh) - linear_wet_bulb_c(ta, rh)
    assert 0.0 < float(difference.mean()) < 0.5


@given(st.floats(20.0, 45.0), st.floats(0.0, 40.0), st.floats(0.0, 3.0), st.sampled_from([40.0, 50.0, 75.0, 150.0]))
def test_globe_and_mean_radiant_temperature_are_each_others_inverse(ta, excess_k, v, diameter):
    tg = globe_temperature_c(ta + excess_k, ta, v, diameter)
    assert mean_radiant_temperature_c(tg, ta, v, diameter) == pytest.approx(ta + excess_k, abs=1e-3)


@given(st.floats(20.0, 45.0), st.floats(0.1, 20.0), st.floats(0.05, 3.0))
def test_a_small_globe_beside_hot_surfaces_is_corrected_upwards(ta, excess_k, v):
    assert standard_globe_c(ta + excess_k, ta, v, 40.0) > ta + excess_k - 1e-6


@pytest.mark.parametrize("diameter", [20.0, 151.0])
def test_a_globe_out_of_range_is_refused(diameter):
    with pytest.raises(ValueError, match="cannot be corrected"):
        standard_globe_c(40.0, 33.0, 0.3, diameter)


@pytest.mark.parametrize("watts", [99.9, 600.1, 155 / 1.8])
@pytest.mark.parametrize("limit", [ral_c, rel_c])
def test_a_metabolic_rate_that_looks_like_another_unit_is_refused(limit, watts):
    with pytest.raises(ValueError, match="W/m²"):
        limit(watts)


@given(st.floats(100.0, 599.0), st.floats(0.1, 1.0))
def test_heavier_work_lowers_both_limits_and_the_alert_limit_lies_below(watts, more):
    assert ral_c(watts + more) < ral_c(watts)
    assert rel_c(watts + more) < rel_c(watts)
    assert ral_c(watts) < rel_c(watts)


def test_clothing_is_known_by_name_or_not_at_all():
    assert all(clothing_adjustment_k(name) == ensemble.cav_k for name, ensemble in ENSEMBLES.items())
    assert clothing_adjustment_k("work_clothes+cap") is None
    assert clothing_adjustment_k("") is None


@given(st.lists(st.floats(15.0, 45.0), min_size=60, max_size=150))
def test_a_time_weighted_window_lies_between_its_extremes(values):
    windows = time_weighted(values, 60)
    assert len(windows) == len(values) - 59
    assert min(values) - 1e-9 <= windows.min() <= windows.max() <= max(values) + 1e-9


def test_a_window_with_fewer_than_45_of_60_minutes_has_no_value():
    values = np.r_[np.full(45, 30.0), np.full(15, np.nan)]
    assert time_weighted(values, 60).tolist() == [30.0]
    values[44] = np.nan
    assert np.isnan(time_weighted(values, 60)).all()


def test_the_worst_window_is_judged_at_its_own_work_rate():
    wbgt = np.full(120, 27.0)
    work = np.r_[np.full(60, 180.0), np.full(60, 415.0)]
    over = excess(wbgt, work, rel_c)
    assert over[0] < 0 < over[60]
    assert over[60] == pytest.approx(27.0 - float(rel_c(415.0)))
