"""Limits for unusual work hours: Brief & Scala, Am. Ind. Hyg. Assoc. J. 36 (1975), 467-469: longer exposure and shorter recovery lower an 8-hour limit. Good practice, not law.

Not for irritants, ceilings and short-term limits, nor for noise, whose level of exposure counts the hours already. Never over 1: shorter work raises no limit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def daily_factor(hours_a_day: npt.ArrayLike) -> Array:
    """8/h times (24 - h)/16, for 8-24 h a day.

    >>> daily_factor([8, 10, 12]).round(2).tolist()
    [1.0, 0.7, 0.5]
    """
    hours = np.asarray(hours_a_day, dtype=np.float64)
    return np.minimum(8.0 / hours * (24.0 - hours) / 16.0, 1.0)


def weekly_factor(hours_a_week: npt.ArrayLike) -> Array:
    """40/H times (168 - H)/128, for 40-168 h a week: for work on more than five days.

    >>> weekly_factor([40, 48, 60]).round(2).tolist()
    [1.0, 0.78, 0.56]
    """
    hours = np.asarray(hours_a_week, dtype=np.float64)
    return np.minimum(40.0 / hours * (168.0 - hours) / 128.0, 1.0)
