"""Rest that an hour of work needs: the minutes after which the hour's mean WBGT keeps to the limit at the hour's mean metabolic rate (NIOSH 2016-106, sections 1.1.1, 1.1.3 and 8.1).

WBGT of the rest place counts as it is there, never as if rest were cool. The minutes are those *required*, on top of what any break plan gives, and rest that
heat makes necessary is paid working time (ILO code of practice on ambient factors, 2001; same in OSHA's proposed 29 CFR 1910.148). Engineering controls come first.
°C of effective WBGT, W; 100-600 W.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat.niosh import RESTING_W

HOUR_MIN = 60.0
_SECTIONS, _ROUNDS = 32, 8

Limit = Callable[[npt.ArrayLike], Array]


def rest_minutes(work_wbgt_c: npt.ArrayLike, metabolic_rate_w: npt.ArrayLike, rest_wbgt_c: npt.ArrayLike, limit_c: Limit, resting_w: npt.ArrayLike = RESTING_W) -> Array:
    """Least minutes of rest in each hour; NaN where even a whole hour of rest in that place is over the limit, so that no minute of this work is allowed.

    >>> from models.heat.niosh import ral_c, rel_c
    >>> rest_minutes([27.0, 30.0, 33.0, 40.0], 300.0, [27.0, 28.0, 33.0, 36.0], rel_c).round(0).tolist()
    [0.0, 20.0, 60.0, nan]
    """
    work, rate, rest, resting = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (work_wbgt_c, metabolic_rate_w, rest_wbgt_c, resting_w)))

    def over_k(minutes: Array) -> Array:
        share = minutes / HOUR_MIN
        return np.asarray(work + share * (rest - work) - limit_c(rate + share * (resting - rate)))

    # over_k is concave: over the limit without rest, it crosses it once at most
    low, width = np.zeros(work.shape), HOUR_MIN
    inner = np.arange(1, _SECTIONS).reshape(-1, *([1] * work.ndim))
    for _ in range(_ROUNDS):
        width /= _SECTIONS  # every edge is a whole number of the last width, so that it is exact
        over = np.logical_and.accumulate(over_k(low + width * inner) > 0.0, axis=0)
        low = low + width * over.sum(axis=0)
    needed = np.where(over_k(np.zeros(work.shape)) <= 0.0, 0.0, low + width)
    hopeless = (over_k(np.full(work.shape, HOUR_MIN)) > 0.0) & (needed > 0.0)
    return np.where(hopeless | np.isnan(work + rate + rest + resting), np.nan, needed)
