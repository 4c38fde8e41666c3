"""The natural wet bulb from the energy balance of its wick, after Liljegren et al., J. Occup. Environ. Hyg. 5 (2008), 645-655: in rooms with the radiant heat that a globe has seen.

The wick is a cylinder of 7 mm and 25.4 mm across the air stream, emissivity 0.95. Outdoors it is lit by sky, ground and sun (`models.heat.liljegren`); in a room without
sun the same wick exchanges radiation with surfaces at the mean radiant temperature, which ISO 7726 gives from the globe: there the paper's own sky would be wrong, since
it radiates to a clear sky also through a roof. Valid for 0-60 °C, 500-1100 hPa, 0-5 m/s (under 0.13 m/s as at 0.13), radiant temperature up to 100 °C.

The paper's published program lets the heat of evaporation rise with temperature, where it falls. It is followed here to the letter, so that results can be compared:
the wick reads 0.03-0.08 K high, on the safe side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA, saturation_vapour_pressure_hpa, vapour_pressure_hpa
from models.heat.transport import AIR_G_MOL, CP_J_KG_K, LEWIS_EXPONENT, PRANDTL, WATER_G_MOL, cylinder_film_w_m2_k, schmidt_number

SIGMA = 5.6696e-8
EMISSIVITY = 0.95
DIAMETER_M, LENGTH_M = 0.007, 0.0254
KELVIN = 273.15

_HALVINGS = 40
_REACH_K = 80.0

Gain = Callable[[Array], Array]
"""Net radiation that a wick of this temperature in kelvin takes up, W/m²."""


def natural_wet_bulb_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, mrt_c: npt.ArrayLike, v_ms: npt.ArrayLike, pressure_hpa: npt.ArrayLike = STANDARD_PRESSURE_HPA) -> Array:
    """In a room without sun whose surfaces have this mean radiant temperature, °C; arrays broadcast.

    >>> [round(float(t), 1) for t in natural_wet_bulb_c(33.0, 60.0, [33.0, 39.0, 51.0], 0.3)]
    [26.8, 27.2, 28.2]
    """
    ta, rh, mrt, v, pressure = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (ta_c, rh_pct, mrt_c, v_ms, pressure_hpa)))
    return solve_c(ta, rh, v, pressure, lambda wick_k: np.asarray(SIGMA * EMISSIVITY * ((mrt + KELVIN) ** 4 - wick_k**4)))


def solve_c(ta_c: Array, rh_pct: Array, v_ms: Array, pressure_hpa: Array, gain: Gain) -> Array:
    """Temperature at which a wick is in balance, °C: by bisection, since what it loses only rises with its temperature; NaN where an input is."""
    vapour = vapour_pressure_hpa(ta_c, rh_pct)
    low, high = ta_c - _REACH_K, ta_c + _REACH_K
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        over = middle > _fed(middle, ta_c, vapour, v_ms, pressure_hpa, gain)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(np.isnan(ta_c + vapour + v_ms + pressure_hpa + gain(ta_c + KELVIN)), np.nan, (low + high) / 2.0)


def _fed(wick_c: Array, ta_c: Array, vapour_hpa: Array, v_ms: Array, pressure_hpa: Array, gain: Gain) -> Array:
    """What the air, the evaporation and the radiation at this wick temperature would make of it, °C."""
    film_k = (wick_c + ta_c) / 2.0 + KELVIN
    wet = saturation_vapour_pressure_hpa(wick_c)
    drying = heat_of_evaporation_j_kg(film_k) * WATER_G_MOL / (CP_J_KG_K * AIR_G_MOL) * (wet - vapour_hpa) / (pressure_hpa - wet)
    drying = drying * (PRANDTL / schmidt_number(film_k, pressure_hpa)) ** LEWIS_EXPONENT
    return np.asarray(ta_c - drying + gain(wick_c + KELVIN) / cylinder_film_w_m2_k(film_k, pressure_hpa, v_ms, DIAMETER_M))


def heat_of_evaporation_j_kg(temperature_k: Array) -> Array:
    """As the published program has it (see above)."""
    return np.asarray(2.4073e6 - (313.15 - temperature_k) / 30.0 * 71_100.0)
