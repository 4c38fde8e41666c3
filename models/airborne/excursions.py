"""Episodes over a short-term limit: how many in a shift, how long, how far apart. Minutes; NaN is no value and ends no episode and begins none.

A ceiling or short-term limit must not be exceeded at all; bodies that allow short excursions count them (at most four a day, an hour apart, is a common rule).
29 CFR 1910.1000(b)(2), table Z-2: over the ceiling up to the peak, for no more than the stated minutes a shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursions:
    """Count, minutes over the limit in all and in the longest one, and the shortest time between two (None with fewer than two)."""

    count: int
    minutes: int
    longest_min: int
    least_apart_min: int | None


def excursions(values: npt.ArrayLike, limit: float) -> Excursions:
    """Of minute values or of sliding means, one a minute.

    >>> excursions([1, 5, 5, 1, 1, 5, np.nan, 5], 3.0)
    Excursions(count=2, minutes=4, longest_min=3, least_apart_min=2)
    """
    data = np.asarray(values, dtype=np.float64)
    over = data > limit
    known = np.flatnonzero(~np.isnan(data))
    edges = np.flatnonzero(np.diff(np.r_[0, over[known].astype(np.int8), 0]))
    starts, ends = known[edges[::2]], known[edges[1::2] - 1]
    gaps = starts[1:] - ends[:-1] - 1
    return Excursions(count=len(starts), minutes=int(over.sum()), longest_min=int(np.max(ends - starts + 1, initial=0)), least_apart_min=int(gaps.min()) if len(gaps) else None)
