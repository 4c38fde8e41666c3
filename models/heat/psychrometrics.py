"""Humid air: vapour pressure, and the psychrometric wet bulb solved from the balance of a ventilated, unradiated wick.

Buck, J. Appl. Meteorol. 20 (1981), with its enhancement factor 1.004 for moist air near sea level: -20 to 50 °C, 0.1 %.
Liljegren et al., J. Occup. Environ. Hyg. 5 (2008), 645-655, equation of the wick without its radiation term; transport properties
by Chapman-Enskog (viscosity) and Slattery-Bird (diffusivity) at film temperature. Valid for 0-60 °C and 500-1100 hPa.

The wet bulb of this module is that *psychrometric* one, not the thermodynamic wet bulb (adiabatic saturation), under which it lies by 0.2-0.4 K. The linear fit
that Bernard & Pourmoghani print lies 0.2 K lower still in warm rooms and leaves the physics above 36 °C with more than 70 %. At 1013 hPa and 33 °C, 60 %:
psychrometric 26.23, thermodynamic 26.42, linear fit 26.08 °C. Liljegren's own program gives 26.26: it lets the heat of evaporation rise with temperature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.transport import AIR_G_MOL, CP_J_KG_K, LEWIS_EXPONENT, PRANDTL, WATER_G_MOL, schmidt_number

STANDARD_PRESSURE_HPA = 1013.25

_STEPS = 7
_KELVIN = 273.15


def saturation_vapour_pressure_hpa(temperature_c: npt.ArrayLike) -> Array:
    """Over liquid water in moist air, hPa.

    >>> round(float(saturation_vapour_pressure_hpa(25.0)), 2)
    31.8
    """
    t = np.asarray(temperature_c, dtype=np.float64)
    return np.asarray(1.004 * 6.1121 * np.exp(17.502 * t / (240.97 + t)))


def vapour_pressure_hpa(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike) -> Array:
    """Partial pressure of water vapour, hPa."""
    return saturation_vapour_pressure_hpa(ta_c) * np.asarray(rh_pct, dtype=np.float64) / 100.0


def psychrometric_wet_bulb_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, pressure_hpa: npt.ArrayLike = STANDARD_PRESSURE_HPA) -> Array:
    """Wet bulb of an aspirated psychrometer, °C; arrays broadcast.

    >>> round(float(psychrometric_wet_bulb_c(33.0, 60.0)), 2)
    26.23
    """
    ta, rh, pressure = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (ta_c, rh_pct, pressure_hpa)))
    vapour = vapour_pressure_hpa(ta, rh)
    tw = np.array(ta, dtype=np.float64)
    for _ in range(_STEPS):  # Newton from above: the balance is convex and rises, so it never overshoots
        saturated = saturation_vapour_pressure_hpa(tw)
        factor = _psychrometric_factor(ta, tw, pressure)
        balance = tw - ta + factor * (saturated - vapour) / (pressure - saturated)
        slope = 1.0 + factor * saturated * 17.502 * 240.97 / (240.97 + tw) ** 2 * (pressure - vapour) / (pressure - saturated) ** 2
        tw = tw - balance / slope
    return tw


def linear_wet_bulb_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike) -> Array:
    """The linear fit printed by Bernard & Pourmoghani (1999), °C; kept for comparison with published results only."""
    ta = np.asarray(ta_c, dtype=np.float64)
    pa_kpa = vapour_pressure_hpa(ta, rh_pct) / 10.0
    return np.asarray(0.376 + 5.79 * pa_kpa + (0.388 - 0.0465 * pa_kpa) * ta)


def _psychrometric_factor(ta_c: Array, tw_c: Array, pressure_hpa: Array) -> Array:
    """K per unit of (ew - ea)/(P - ew)."""
    film_k = (ta_c + tw_c) / 2.0 + _KELVIN
    heat_j_kg = (313.15 - film_k) / 30.0 * 71_100.0 + 2.4073e6
    return np.asarray(heat_j_kg * WATER_G_MOL / (CP_J_KG_K * AIR_G_MOL) * (PRANDTL / schmidt_number(film_k, pressure_hpa)) ** LEWIS_EXPONENT)
