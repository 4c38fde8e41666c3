"""What a microphone can honestly say near its overload point. MEMS microphones on sensor nodes overload at 116-120 dB: they can never show that a peak limit of 135-140 dB(C) is kept.

The overload point is the level of a sine at which the microphone distorts. Equivalent levels are lower bounds from 3 dB under it, since impulses are clipped unseen; a peak is one from the
point itself. Directive 2003/10/EC article 3 sets 135, 137 and 140 dB(C), OSHA 1910.95 and NIOSH 98-126 140 dB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask

CREST_DB = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A level, dB; where `at_least`, the truth may be any higher one."""

    level_db: Array
    at_least: Mask


def honest_peak(peak_db: npt.ArrayLike, overload_db: float) -> Reading:
    """A peak over the overload point says no more than that it was passed.

    >>> seen = honest_peak([100.0, 118.0], 116.0)
    >>> seen.level_db.tolist(), seen.at_least.tolist()
    ([100.0, 116.0], [False, True])
    """
    return _honest(peak_db, overload_db)


def honest_leq(leq_db: npt.ArrayLike, overload_db: float) -> Reading:
    """An equivalent level within 3 dB of the overload point has clipped impulses in it.

    >>> honest_leq([100.0, 114.0], 116.0).level_db.tolist()
    [100.0, 113.0]
    """
    return _honest(leq_db, overload_db - CREST_DB)


def can_show_kept(limit_db: float, overload_db: float) -> bool:
    """Whether an instrument can show that a peak limit is kept; else a silent one proves nothing.

    >>> can_show_kept(140.0, 116.0), can_show_kept(140.0, 143.0)
    (False, True)
    """
    return limit_db < overload_db


def _honest(level_db: npt.ArrayLike, top_db: float) -> Reading:
    levels = np.asarray(level_db, dtype=np.float64)
    return Reading(level_db=np.minimum(levels, top_db), at_least=levels >= top_db)
