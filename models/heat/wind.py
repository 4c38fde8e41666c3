"""Air speed at 2 m from a wind mast: the power law of Irwin (1979) with exponents by stability class, as Liljegren et al. (2008) and EPA-454/R-99-005 (2000), section 6 have it.

The stability class comes from sunlight and wind by day and from wind and the temperature gradient by night (solar radiation/delta-T method, table 6-7 of the latter). For masts of 2-30 m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask
from models.heat.transport import SLOWEST_MS

REFERENCE_M = 2.0
_DAY = np.array([[1, 1, 2, 4], [1, 2, 3, 4], [2, 2, 3, 4], [3, 3, 4, 4], [3, 4, 4, 4]])  # by wind, by sunlight
_NIGHT = np.array([[5, 6], [5, 6], [4, 4]])  # by wind, by gradient: warmer below, warmer above
_URBAN = np.array([0.15, 0.15, 0.20, 0.25, 0.30, 0.30])
_RURAL = np.array([0.07, 0.07, 0.10, 0.15, 0.35, 0.55])


def stability_class(v_ms: npt.ArrayLike, solar_w_m2: npt.ArrayLike, day: npt.ArrayLike, warmer_above: npt.ArrayLike = False) -> npt.NDArray[np.intp]:
    """1 (very unstable) to 6 (very stable), after Pasquill.

    >>> stability_class([1.0, 2.8, 1.0], [950.0, 742.0, 0.0], [True, True, False]).tolist()
    [1, 2, 5]
    """
    v, solar = np.asarray(v_ms, dtype=np.float64), np.asarray(solar_w_m2, dtype=np.float64)
    light = 3 - np.searchsorted([175.0, 675.0, 925.0], solar, side="right")
    by_day = _DAY[np.searchsorted([2.0, 3.0, 5.0, 6.0], v, side="right"), light]
    by_night = _NIGHT[np.searchsorted([2.0, 2.5], v, side="right"), np.asarray(warmer_above, dtype=np.intp)]
    return np.where(np.asarray(day, dtype=bool), by_day, by_night)


def speed_at_2m_ms(v_ms: npt.ArrayLike, height_m: npt.ArrayLike, stability: npt.ArrayLike, urban: Mask | bool) -> Array:
    """Power law from the mast's height; never under 0.13 m/s.

    >>> round(float(speed_at_2m_ms(2.8, 10.0, 2, urban=True)), 3)
    2.199
    """
    index = np.asarray(stability, dtype=np.intp) - 1
    exponent = np.where(urban, _URBAN[index], _RURAL[index])
    return np.asarray(np.maximum(np.asarray(v_ms, dtype=np.float64) * (REFERENCE_M / np.asarray(height_m, dtype=np.float64)) ** exponent, SLOWEST_MS))
