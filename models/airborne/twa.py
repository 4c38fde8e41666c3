"""Time-weighted averages of a concentration, by the rule that the limit names. Concentrations in one unit, durations in minutes.

29 CFR 1910.1000(d)(1)(i): the sum of C times T, divided by 8 h whatever the shift's length. NIOSH Pocket Guide, introduction: a REL is a
time-weighted average for up to a 10-hour workday of a 40-hour week.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array, rolling_sum

EIGHT_HOURS_MIN = 480
TEN_HOURS_MIN = 600


def twa_8h(concentration: npt.ArrayLike, minutes: npt.ArrayLike = 1.0) -> Array:
    """Sum over the last axis, divided by 8 h.

    >>> float(twa_8h([150, 75, 50], [120, 120, 240]))
    81.25
    """
    return np.asarray(np.sum(np.asarray(concentration, dtype=np.float64) * np.asarray(minutes, dtype=np.float64), axis=-1) / EIGHT_HOURS_MIN)


def worst_8h(concentration: npt.ArrayLike) -> Array:
    """The worst 8 hours of minute values; of a shorter shift the sum divided by 8 h."""
    return _worst(concentration, EIGHT_HOURS_MIN, EIGHT_HOURS_MIN)


def shift_mean(concentration: npt.ArrayLike) -> Array:
    """Mean of minute values over a workday of up to 10 hours; the worst 10 hours of a longer one.

    >>> float(shift_mean(np.r_[np.full(240, 30.0), np.full(300, 0.0)]).round(2))
    13.33
    """
    return _worst(concentration, TEN_HOURS_MIN, np.asarray(concentration).shape[-1])


def _worst(concentration: npt.ArrayLike, window: int, divisor: int) -> Array:
    data = np.asarray(concentration, dtype=np.float64)
    if data.shape[-1] <= window:
        return np.asarray(np.sum(data, axis=-1) / divisor)
    return np.asarray(np.max(rolling_sum(data, window), axis=-1) / window)
