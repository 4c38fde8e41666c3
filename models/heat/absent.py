"""What a missing globe, a missing anemometer or a small globe does to an estimated WBGT: figures over factory conditions, computed here with ISO 7726 and the estimate of `models.heat.wbgt`.

Source of the direction: Lemke & Kjellstrom, Ind. Health 50 (2012) for the wet bulb; ISO 7726:1998 Annex B for globes; OSHA Technical Manual III-4 for the 150 mm globe.
All in K of WBGT, what is shown less what is so: negative reads low, which is the unsafe side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.globe import globe_temperature_c
from models.heat.wbgt import estimated_wbgt_c

ASSUMED_SPEED_MS = 0.2
FACTORY_TA_C, FACTORY_RH_PCT, FACTORY_V_MS = (26.0, 30.0, 34.0, 38.0), (40.0, 60.0, 80.0), (0.1, 0.2, 0.5, 1.0, 2.0)
MRT_OVER_AIR_K = (0.0, 5.0, 10.0, 20.0, 35.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Error over the grid of factory conditions at one radiant excess, K of WBGT."""

    missing: str
    mrt_over_air_k: float
    mean_k: float
    lowest_k: float
    highest_k: float


def without_globe_k(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike) -> Array:
    """When the air temperature stands in for a standard globe.

    >>> round(float(without_globe_k(33.0, 60.0, 43.0, 0.3)), 1)
    -4.5
    """
    return np.asarray(estimated_wbgt_c(ta_c, rh_pct, ta_c, v_ms) - estimated_wbgt_c(ta_c, rh_pct, tg_c, v_ms))


def without_anemometer_k(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike, assumed_ms: float = ASSUMED_SPEED_MS) -> Array:
    """When a calm that nobody measured stands in for the air speed, at a standard globe.

    >>> [round(float(k), 1) for k in without_anemometer_k(33.0, 60.0, 33.0, [0.02, 0.2, 2.0])]
    [-0.3, 0.0, 0.3]
    """
    return np.asarray(estimated_wbgt_c(ta_c, rh_pct, tg_c, assumed_ms) - estimated_wbgt_c(ta_c, rh_pct, tg_c, v_ms))


def small_globe_k(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, mrt_c: npt.ArrayLike, v_ms: npt.ArrayLike, diameter_mm: npt.ArrayLike) -> Array:
    """When the reading of a small globe is taken for a 150 mm globe's.

    >>> round(float(small_globe_k(33.0, 60.0, 70.0, 0.3, 40.0)), 1)
    -2.4
    """
    shown, standard = globe_temperature_c(mrt_c, ta_c, v_ms, diameter_mm), globe_temperature_c(mrt_c, ta_c, v_ms)
    return np.asarray(estimated_wbgt_c(ta_c, rh_pct, shown, v_ms) - estimated_wbgt_c(ta_c, rh_pct, standard, v_ms))


def figures() -> list[Figure]:
    """By what is missing and how hot the surroundings are: the table of docs/calculator.md."""
    return [_figure(missing, over) for missing in ("globe", "anemometer", "globe of 40 mm") for over in MRT_OVER_AIR_K]


def _figure(missing: str, over_k: float) -> Figure:
    ta, rh, v = (grid.ravel() for grid in np.meshgrid(FACTORY_TA_C, FACTORY_RH_PCT, FACTORY_V_MS))
    globe = globe_temperature_c(ta + over_k, ta, v)
    if missing == "globe":
        errors = without_globe_k(ta, rh, globe, v)
    elif missing == "anemometer":
        errors = without_anemometer_k(ta, rh, globe, v)
    else:
        errors = small_globe_k(ta, rh, ta + over_k, v, 40.0)
    return Figure(missing=missing, mrt_over_air_k=over_k, mean_k=float(errors.mean()), lowest_k=float(errors.min()), highest_k=float(errors.max()))
