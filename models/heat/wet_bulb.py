"""Wet bulbs that are not the psychrometric one of `models.heat.psychrometrics`, for comparison with other people's numbers; °C, %, hPa.

Thermodynamic (adiabatic saturation): ASHRAE Handbook Fundamentals 2017, chapter 1, equation 33; above 0 °C, it lies 0.2-0.4 K over the psychrometric one.
Stull, J. Appl. Meteorol. Climatol. 50 (2011), 2267-2269: a fit for sea level, 5-99 %, -20 to 50 °C, off by -1 to +0.65 K as its paper says. None is a *natural* wet bulb: put in
its place they make a WBGT read low, by 0.2-1.1 K without and by more than 1 K with radiant heat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA, saturation_vapour_pressure_hpa, vapour_pressure_hpa

_HALVINGS = 40
_REACH_K = 60.0
_WATER_TO_AIR = 0.621945


def thermodynamic_wet_bulb_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, pressure_hpa: npt.ArrayLike = STANDARD_PRESSURE_HPA) -> Array:
    """Temperature of adiabatic saturation, by bisection.

    >>> round(float(thermodynamic_wet_bulb_c(33.0, 60.0)), 2)
    26.42
    """
    ta, rh, pressure = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (ta_c, rh_pct, pressure_hpa)))
    moisture = _humidity_ratio(vapour_pressure_hpa(ta, rh), pressure)
    low, high = ta - _REACH_K, np.array(ta)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        saturated = _humidity_ratio(saturation_vapour_pressure_hpa(middle), pressure)
        over = ((2501.0 - 2.326 * middle) * saturated - 1.006 * (ta - middle)) / (2501.0 + 1.86 * ta - 4.186 * middle) > moisture
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(np.isnan(moisture), np.nan, (low + high) / 2.0)


def stull_wet_bulb_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike) -> Array:
    """Stull's fit.

    >>> round(float(stull_wet_bulb_c(20.0, 50.0)), 1)
    13.7
    """
    t, r = np.asarray(ta_c, dtype=np.float64), np.asarray(rh_pct, dtype=np.float64)
    first = t * np.arctan(0.151977 * np.sqrt(r + 8.313659)) + np.arctan(t + r) - np.arctan(r - 1.676331)
    return np.asarray(first + 0.00391838 * r**1.5 * np.arctan(0.023101 * r) - 4.686035)


def _humidity_ratio(vapour_hpa: Array, pressure_hpa: Array) -> Array:
    return np.asarray(_WATER_TO_AIR * vapour_hpa / (pressure_hpa - vapour_hpa))
