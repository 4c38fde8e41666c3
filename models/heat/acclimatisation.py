"""Getting used to heat: how much of the usual exposure a worker may have on each day. NIOSH 2016-106, chapter 4, as the institute's own poster on acclimatisation prints it.

New workers: at most 20 % on the first day and at most 20 % more each day. Workers with recent experience of the job: 50, 60, 80 and 100 % on days 1-4. A week away from the heat loses much
of it, so somebody back from a longer leave starts again; OSHA's proposed rule counts more than 14 days.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask

NEW_PCT = (20.0, 40.0, 60.0, 80.0, 100.0)
EXPERIENCED_PCT = (50.0, 60.0, 80.0, 100.0)


def exposure_share_pct(day: npt.ArrayLike, experienced: Mask | bool) -> Array:
    """Most of the usual exposure on this day in the heat (1 is the first); raises ValueError for a day before it.

    >>> exposure_share_pct([1, 2, 3, 4, 5, 9], False).tolist(), exposure_share_pct([1, 2, 3, 4], True).tolist()
    ([20.0, 40.0, 60.0, 80.0, 100.0, 100.0], [50.0, 60.0, 80.0, 100.0])
    """
    days = np.asarray(day, dtype=np.intp)
    if np.any(days < 1):
        raise ValueError("days in the heat are counted from 1")
    new = np.asarray(NEW_PCT)[np.minimum(days, len(NEW_PCT)) - 1]
    used = np.asarray(EXPERIENCED_PCT)[np.minimum(days, len(EXPERIENCED_PCT)) - 1]
    return np.asarray(np.where(experienced, used, new), dtype=np.float64)
