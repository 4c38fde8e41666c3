"""The estimate against an independent oracle: the energy balance of a natural wet bulb's wick (Liljegren 2008: 7 mm, emissivity 0.95) in the radiant field that the globe shows."""

from __future__ import annotations

import numpy as np
import pytest

from assess.uncertainty import table
from models.heat.globe import mean_radiant_temperature_c
from models.heat.psychrometrics import psychrometric_wet_bulb_c, saturation_vapour_pressure_hpa, vapour_pressure_hpa
from models.heat.wbgt import estimated_wbgt_c, wbgt_c

SIGMA, WICK_M, PRESSURE_HPA = 5.67e-8, 0.007, 1013.25


def balance_wbgt_c(ta, rh, tg, v):
    """WBGT with the natural wet bulb at which convection, radiation and evaporation cancel; psychrometric slope from the module under test, all else from here."""
    radiant_k = mean_radiant_temperature_c(tg, ta, v) + 273.15
    ea = vapour_pressure_hpa(ta, rh)
    tpsy = psychrometric_wet_bulb_c(ta, rh)
    es = saturation_vapour_pressure_hpa(tpsy)
    slope = (ta - tpsy) * (PRESSURE_HPA - es) / (es - ea)
    film_k = (ta + tpsy) / 2 + 273.15
    viscosity, density = 1.458e-6 * film_k**1.5 / (film_k + 110.4), PRESSURE_HPA * 100 / (287.05 * film_k)
    conductivity = 0.0241 + 7.3e-5 * (film_k - 273.15)
    heat_w_m2_k = 0.281 * (v * density * WICK_M / viscosity) ** 0.6 * 0.71**0.44 * conductivity / WICK_M
    low, high = tpsy - 10.0, ta + 30.0
    for _ in range(50):
        tw = (low + high) / 2
        es = saturation_vapour_pressure_hpa(tw)
        gain = ta - tw - slope * (es - ea) / (PRESSURE_HPA - es) + SIGMA * 0.95 * (radiant_k**4 - (tw + 273.15) ** 4) / heat_w_m2_k
        low, high = np.where(gain > 0, tw, low), np.where(gain > 0, high, tw)
    return wbgt_c((low + high) / 2, tg)


def differences(excess_k, speeds):
    ta, rh, v = np.meshgrid(np.arange(26.0, 40.0, 2.0), np.arange(35.0, 86.0, 10.0), np.asarray(speeds))
    return estimated_wbgt_c(ta, rh, ta + excess_k, v) - balance_wbgt_c(ta, rh, ta + excess_k, v)


@pytest.mark.parametrize("excess_k", [-5.0, -2.0, 0.0, 0.5, 1.0, 2.0, 2.99, 3.25, 3.5, 3.75, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 40.0])
def test_the_estimate_lies_within_the_width_that_a_verdict_gives_its_method(excess_k):
    found = differences(excess_k, [0.13, 0.2, 0.3, 0.6, 1.0, 2.0])
    reads_high, reads_low = (float(width) for width in table().heat.method_widths(np.float64(excess_k)))
    assert -reads_low < found.min() <= found.max() < reads_high


def test_in_a_room_at_33_degrees_and_60_percent_both_agree_to_a_tenth():
    assert balance_wbgt_c(33.0, 60.0, 33.0, 0.3) == pytest.approx(float(estimated_wbgt_c(33.0, 60.0, 33.0, 0.3)), abs=0.1)
