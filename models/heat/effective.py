"""Time-weighted effective WBGT against a limit that depends on the work of the same window: NIOSH 2016-106, sections 1.1.1 and 1.1.3 (one hour for both).

Minutes along the last axis; °C and W. A window is the mean of its minutes with a value and needs 45 of 60 of them (three quarters).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.arrays import Array, rolling_sum

HOUR_MIN = 60
TWO_HOURS_MIN = 120
ENOUGH = 0.75


def time_weighted(values: npt.ArrayLike, minutes: int, *, enough: float = ENOUGH) -> Array:
    """Mean of every full window; NaN (no value) minutes are left out, and a window with too few others is NaN.

    >>> time_weighted([30.0, 32.0, np.nan, np.nan], 2).tolist()
    [31.0, nan, nan]
    """
    data = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(data)
    count = np.rint(rolling_sum(known, minutes))
    total = rolling_sum(np.where(known, data, 0.0), minutes)
    return np.where(count >= enough * minutes, total / np.maximum(count, 1.0), np.nan)


def excess(effective_wbgt_c: npt.ArrayLike, metabolic_rate_w: npt.ArrayLike, limit_c: Callable[[npt.ArrayLike], Array], minutes: int = HOUR_MIN) -> Array:
    """Effective WBGT over the limit at each window's own time-weighted work rate, K.

    >>> from models.heat.niosh import rel_c
    >>> excess(np.full(60, 29.0), np.full(60, 300.0), rel_c).round(1).tolist()
    [0.8]
    """
    work = rolling_sum(metabolic_rate_w, minutes) / minutes
    return np.asarray(time_weighted(effective_wbgt_c, minutes) - limit_c(work))
