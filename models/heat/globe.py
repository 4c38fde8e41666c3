"""Globe temperature: mean radiant temperature by ISO 7726:1998 (Annex B), and what a standard 150 mm globe would have shown in a small globe's place.

A small globe is tied to the air more closely than the 150 mm globe on which WBGT rests, so beside hot surfaces it reads low and the WBGT with it:
at 50 °C radiant, 33 °C air and 0.3 m/s a 40 mm globe shows 39.5 °C where the standard one shows 41.8 °C. The correction inverts the small globe to
the mean radiant temperature and goes forward to 150 mm, with the same air temperature and air speed. Emissivity 0.95; steady state; 38-150 mm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

STANDARD_DIAMETER_MM = 150.0
SMALLEST_DIAMETER_MM = 38.0
_EMISSIVITY = 0.95
_SIGMA = 5.67e-8
_KELVIN = 273.15
_STEPS = 40
_CLOSE_K = 1e-11


def mean_radiant_temperature_c(tg_c: npt.ArrayLike, ta_c: npt.ArrayLike, v_ms: npt.ArrayLike, diameter_mm: npt.ArrayLike = STANDARD_DIAMETER_MM) -> Array:
    """Mean radiant temperature, °C; convection is the greater of forced and natural, as the standard says.

    >>> round(float(mean_radiant_temperature_c(36.5, 33.0, 0.3)), 1)
    40.0
    """
    tg, ta, v, diameter = _broadcast(tg_c, ta_c, v_ms, diameter_mm)
    fourth = (tg + _KELVIN) ** 4 + _convection_w_m2(tg, ta, v, diameter) / (_EMISSIVITY * _SIGMA)
    return np.asarray(np.maximum(fourth, 0.0) ** 0.25 - _KELVIN)


def globe_temperature_c(mrt_c: npt.ArrayLike, ta_c: npt.ArrayLike, v_ms: npt.ArrayLike, diameter_mm: npt.ArrayLike = STANDARD_DIAMETER_MM) -> Array:
    """What a globe of this diameter shows, °C: the inverse of `mean_radiant_temperature_c`, by Newton's steps that never leave the span between air and radiant temperature.

    >>> [round(float(globe_temperature_c(50.0, 33.0, 0.3, d)), 1) for d in (150, 50, 40)]
    [41.8, 39.9, 39.5]
    """
    mrt, ta, v, diameter = _broadcast(mrt_c, ta_c, v_ms, diameter_mm)
    low, high = np.minimum(mrt, ta).astype(np.float64), np.maximum(mrt, ta).astype(np.float64)
    forced, metres = _forced_w_m2_k(v, diameter), diameter / 1000.0
    radiant, scale = (mrt + _KELVIN) ** 4, _EMISSIVITY * _SIGMA
    shown, moving = (low + high) / 2.0, np.ones(mrt.shape, dtype=bool)
    for _ in range(_STEPS):
        kelvin, over = shown + _KELVIN, shown - ta
        cubed, natural = kelvin * kelvin * kelvin, 1.4 * np.sqrt(np.sqrt(np.abs(over) / metres))
        balance = cubed * kelvin + np.maximum(forced, natural) * over / scale - radiant
        low, high = np.where(balance > 0.0, low, shown), np.where(balance > 0.0, shown, high)
        step = balance / (4.0 * cubed + np.maximum(forced, 1.25 * natural) / scale)
        shown = np.where(moving, np.clip(shown - step, low, high), shown)  # each on its own: a value never depends on its neighbours
        moving = moving & (np.abs(step) > _CLOSE_K)
        if not np.any(moving):
            break
    return np.where(np.isnan(mrt + ta + v), np.nan, shown)


def standard_globe_c(tg_c: npt.ArrayLike, ta_c: npt.ArrayLike, v_ms: npt.ArrayLike, diameter_mm: float) -> Array:
    """The reading of a globe of this diameter as a 150 mm globe would have shown it, °C; raises ValueError for a diameter out of range.

    >>> round(float(standard_globe_c(39.54, 33.0, 0.3, 40.0)), 1)
    41.8
    """
    if not SMALLEST_DIAMETER_MM <= diameter_mm <= STANDARD_DIAMETER_MM:
        raise ValueError(f"a globe of {diameter_mm:g} mm cannot be corrected: {SMALLEST_DIAMETER_MM:g}-{STANDARD_DIAMETER_MM:g} mm")
    if diameter_mm == STANDARD_DIAMETER_MM:
        return np.asarray(tg_c, dtype=np.float64)
    return globe_temperature_c(mean_radiant_temperature_c(tg_c, ta_c, v_ms, diameter_mm), ta_c, v_ms)


def _convection_w_m2(tg: Array, ta: Array, v: Array, diameter_mm: Array) -> Array:
    natural = 1.4 * (np.abs(tg - ta) / (diameter_mm / 1000.0)) ** 0.25
    return np.asarray(np.maximum(_forced_w_m2_k(v, diameter_mm), natural) * (tg - ta))


def _forced_w_m2_k(v: Array, diameter_mm: Array) -> Array:
    return np.asarray(6.3 * np.maximum(v, 0.0) ** 0.6 / (diameter_mm / 1000.0) ** 0.4)


def _broadcast(*given: npt.ArrayLike) -> tuple[Array, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in given)))
