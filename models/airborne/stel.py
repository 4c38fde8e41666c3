"""Short-term means and ceilings over minute values. Concentrations in one unit, minutes along the last axis.

A short-term limit is the mean of 15 min, not to be exceeded at any time of the day, so every window counts (NIOSH Pocket Guide, introduction; EN 689:2018).
A ceiling must never be exceeded; where it carries an averaging time of its own (formaldehyde and chlorine 15 min, hydrogen sulphide 10 min) it is that mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array, rolling_sum

STEL_MIN = 15
ENOUGH = 0.8
"""12 of 15 minutes with a value make a window."""


def rolling_means(concentration: npt.ArrayLike, minutes: int = STEL_MIN, *, enough: float = ENOUGH) -> Array:
    """Mean of every full window over its minutes with a value; too few of them give NaN.

    >>> rolling_means([10.0] * 12 + [np.nan] * 3).tolist()
    [10.0]
    """
    data = np.asarray(concentration, dtype=np.float64)
    known = ~np.isnan(data)
    count = np.rint(rolling_sum(known, minutes))
    total = rolling_sum(np.where(known, data, 0.0), minutes)
    return np.where(count >= enough * minutes, total / np.maximum(count, 1.0), np.nan)


def stel_max(concentration: npt.ArrayLike, minutes: int = STEL_MIN) -> Array:
    """The highest window; NaN when none has enough values.

    >>> float(stel_max([0.0] * 20 + [30.0] * 15 + [0.0] * 20))
    30.0
    """
    return highest(rolling_means(concentration, minutes))


def ceiling_max(concentration: npt.ArrayLike) -> Array:
    """The highest single value; NaN when there is none."""
    return highest(np.asarray(concentration, dtype=np.float64))


def minutes_over_ceiling(concentration: npt.ArrayLike, ceiling: float) -> Array:
    """How many minutes lie over a ceiling.

    >>> int(minutes_over_ceiling([1.0, 3.0, np.nan, 2.5], 2.0))
    2
    """
    return np.asarray(np.sum(np.asarray(concentration, dtype=np.float64) > ceiling, axis=-1))


def highest(values: Array) -> Array:
    """Maximum over the last axis without NaN; NaN where there is nothing."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    found = np.max(np.where(np.isnan(values), -np.inf, values), axis=-1)
    return np.where(np.isneginf(found), np.nan, found)
