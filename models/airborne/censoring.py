"""Samples that say only "less than" or "more than", carried as bounds and never replaced by a number: what they leave open stays open in every sum, mean and maximum.

Below the detection limit: between 0 and the limit. Saturated: the end of the range or anything over it. Missing: between 0 and the worst case agreed for the place, without end when there is
none. Substituting half the limit or the end of the range would hide both (Hewett & Ganser, Ann. Occup. Hyg. 51 (2007), 611-632).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Lowest and highest that the truth can be."""

    low: Array
    high: Array


def bounds_of(concentration: npt.ArrayLike, detection_limit: float, range_end: float, worst: float = np.inf) -> Bounds:
    """Of readings in the unit of all four; NaN is missing.

    >>> found = bounds_of([0.2, 3.0, 12.0, np.nan], 0.5, 10.0, 8.0)
    >>> found.low.tolist(), found.high.tolist()
    ([0.0, 3.0, 10.0, 0.0], [0.5, 3.0, inf, 8.0])
    """
    values = np.asarray(concentration, dtype=np.float64)
    missing, below, saturated = np.isnan(values), values < detection_limit, values >= range_end
    low = np.where(missing | below, 0.0, np.where(saturated, range_end, values))
    high = np.where(missing, worst, np.where(below, detection_limit, np.where(saturated, np.inf, values)))
    return Bounds(low=low, high=high)


def through(rising: Callable[[Array], Array], bounds: Bounds) -> Bounds:
    """Any result that only rises with each sample (a sum, a mean, a maximum): of the low ends and of the high ends.

    >>> from models.airborne.twa import twa_8h
    >>> found = through(lambda c: twa_8h(c, 240.0), Bounds(low=np.array([0.0, 10.0]), high=np.array([0.5, 10.0])))
    >>> float(found.low), float(found.high)
    (5.0, 5.25)
    """
    return Bounds(low=rising(bounds.low), high=rising(bounds.high))
