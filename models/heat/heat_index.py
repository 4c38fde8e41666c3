"""The heat index of the US National Weather Service: Rothfusz, NWS Southern Region Technical Attachment SR 90-23 (1990), with the adjustments of the Weather Prediction Center.

Air temperature in °C, relative humidity in %. The simple formula comes first; where its mean with the temperature is 80 °F or more the full regression takes its place, with its
corrections for dry and for very humid air. At 40 °F and below the index is the temperature. The index knows no radiation, no air speed and no work: for public warnings and the triggers of OSHA's proposed rule, never for
a limit of heat at work. Valid for -20 to 50 °C; over 58 °C of index it leaves the table on which it rests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def heat_index_c(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike) -> Array:
    """Heat index, °C; arrays broadcast.

    >>> [round(float(heat_index_c((f - 32) / 1.8, rh)) * 1.8 + 32, 2) for f, rh in ((90, 50), (95, 10), (82, 90), (80, 40))]
    [94.6, 89.45, 91.99, 79.58]
    """
    t, r = np.broadcast_arrays(np.asarray(ta_c, dtype=np.float64) * 1.8 + 32.0, np.asarray(rh_pct, dtype=np.float64))
    simple = 0.5 * (t + 61.0 + (t - 68.0) * 1.2 + 0.094 * r)
    warm = (simple + t) / 2.0 >= 80.0
    index_f = np.where(warm, _regression_f(t, r) - _dry_f(t, r) + _humid_f(t, r), np.where(t <= 40.0, t, simple))
    return np.asarray((index_f - 32.0) / 1.8)


def _regression_f(t: Array, r: Array) -> Array:
    linear = -42.379 + 2.04901523 * t + 10.14333127 * r - 0.22475541 * t * r
    return np.asarray(linear - 6.83783e-3 * t**2 - 5.481717e-2 * r**2 + 1.22874e-3 * t**2 * r + 8.5282e-4 * t * r**2 - 1.99e-6 * t**2 * r**2)


def _dry_f(t: Array, r: Array) -> Array:
    within = (r < 13.0) & (t >= 80.0) & (t <= 112.0)
    return np.where(within, (13.0 - r) / 4.0 * np.sqrt(np.maximum(17.0 - np.abs(t - 95.0), 0.0) / 17.0), 0.0)


def _humid_f(t: Array, r: Array) -> Array:
    within = (r > 85.0) & (t >= 80.0) & (t <= 87.0)
    return np.where(within, (r - 85.0) / 10.0 * (87.0 - t) / 5.0, 0.0)
