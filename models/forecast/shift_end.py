"""Whether a dose or a shift average is over its limit at the end of the shift: what has been so far, exact, plus a rest that goes on as rests have gone on.

The rest's mean over the mean so far is lognormal: before anything is known its spread is SPREAD_LN at the start of a shift and narrows with the work done; past shifts of the same line replace it.
In energy for noise (dose in %, never a mean of decibels), in mass for air. Share of the shift worked: 0-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from models.arrays import Array

SPREAD_LN = 0.45
PRIOR_SHIFTS = 6.0
FAN = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """Of each line: probability of being over at the end, and the value then as 10, 50 and 90 %."""

    probability: Array
    fan: Array


def ratios_of(before: npt.ArrayLike, final: npt.ArrayLike, share: npt.ArrayLike) -> Array:
    """ln of the rest's rate over the rate so far, from what past shifts had summed up at this share of them and at their end; NaN where either is unknown or nothing had been summed up.

    >>> ratios_of([40.0], [100.0], 0.5).round(3).tolist()
    [0.405]
    """
    early, late, worked = (np.asarray(given, dtype=np.float64) for given in (before, final, share))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = ((late - early) / (1.0 - worked)) / (early / worked)
        return np.asarray(np.where((early > 0.0) & (late > early) & (worked > 0.0) & (worked < 1.0), np.log(ratio), np.nan))


def shift_end(summed: npt.ArrayLike, share: npt.ArrayLike, limit: npt.ArrayLike, past_ln: npt.ArrayLike, ahead: npt.ArrayLike | None = None) -> ShiftEnd:
    """`summed`: dose so far, or average so far times share worked, so that the limit is that of the whole shift; `past_ln`: lines × past shifts, NaN where there is none.

    `ahead`: the share of the shift that is looked ahead; absent: all that is left of it.

    >>> shift_end([50.0, 120.0], [0.5, 0.6], [100.0, 100.0], [[np.nan], [np.nan]]).probability.round(2).tolist()
    [0.5, 1.0]
    """
    so_far, worked, line = (np.asarray(given, dtype=np.float64) for given in (summed, share, limit))
    left = 1.0 - worked if ahead is None else np.clip(np.asarray(ahead, dtype=np.float64), 0.0, 1.0 - worked)
    past = np.atleast_2d(np.asarray(past_ln, dtype=np.float64))
    centre, spread = _rest(past, worked)
    with np.errstate(invalid="ignore", divide="ignore"):
        going_on = so_far * left / worked
        needed = np.log(np.maximum(line - so_far, 1e-300) / np.maximum(going_on, 1e-300))
    probability = np.where(so_far > line, 1.0, norm.sf((needed - centre) / spread))
    fan = so_far[:, None] + going_on[:, None] * np.exp(centre[:, None] + spread[:, None] * norm.ppf(FAN))
    unknown = np.isnan(so_far + worked + line) | (worked <= 0.0)
    return ShiftEnd(probability=np.where(unknown, np.nan, np.where((left <= 0.0) & (so_far <= line), 0.0, probability)), fan=np.where(unknown[:, None], np.nan, fan))


def _rest(past: Array, worked: Array) -> tuple[Array, Array]:
    """Centre and spread of ln(rest / so far), the prior counting as PRIOR_SHIFTS shifts."""
    known = ~np.isnan(past)
    count = known.sum(axis=1)
    wide = SPREAD_LN * (0.35 + 0.65 * (1.0 - np.clip(worked, 0.0, 1.0)))
    total = np.where(known, past, 0.0).sum(axis=1)
    centre = total / (count + PRIOR_SHIFTS)
    squares = np.where(known, (past - centre[:, None]) ** 2, 0.0).sum(axis=1)
    return centre, np.sqrt((squares + PRIOR_SHIFTS * wide**2) / (count + PRIOR_SHIFTS) * (1.0 + 1.0 / (count + PRIOR_SHIFTS)))
