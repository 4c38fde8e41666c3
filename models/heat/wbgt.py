"""Wet bulb globe temperature, ISO 7243:2017 clause 5 and NIOSH 2016-106: °C, from the natural (not the psychrometric) wet bulb and a 150 mm globe."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.bernard import natural_wet_bulb_c
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA, psychrometric_wet_bulb_c


def wbgt_c(tnwb_c: npt.ArrayLike, tg_c: npt.ArrayLike) -> Array:
    """Without solar load, indoors or out: 0.7 tnwb + 0.3 tg.

    >>> float(wbgt_c(25.0, 32.0))
    27.1
    """
    return np.asarray(0.7 * np.asarray(tnwb_c, dtype=np.float64) + 0.3 * np.asarray(tg_c, dtype=np.float64))


def sunlit_wbgt_c(tnwb_c: npt.ArrayLike, tg_c: npt.ArrayLike, ta_c: npt.ArrayLike) -> Array:
    """With solar load: 0.7 tnwb + 0.2 tg + 0.1 ta.

    >>> float(sunlit_wbgt_c(25.0, 32.0, 20.0))
    25.9
    """
    return np.asarray(0.7 * np.asarray(tnwb_c, dtype=np.float64) + 0.2 * np.asarray(tg_c, dtype=np.float64) + 0.1 * np.asarray(ta_c, dtype=np.float64))


def estimated_wbgt_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike, pressure_hpa: npt.ArrayLike = STANDARD_PRESSURE_HPA) -> Array:
    """Without solar load, the natural wet bulb estimated after Bernard & Pourmoghani (1999) from a solved psychrometric wet bulb; an estimate, `screening` at best.

    >>> [round(float(estimated_wbgt_c(33.0, 60.0, 33.0, v)), 1) for v in (0.1, 0.3)]
    [28.8, 28.6]
    """
    wet_bulb = psychrometric_wet_bulb_c(ta_c, rh_pct, pressure_hpa)
    return wbgt_c(natural_wet_bulb_c(ta_c, wet_bulb, tg_c, v_ms), tg_c)
