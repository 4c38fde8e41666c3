"""AIHA exposure categories, A Strategy for Assessing and Managing Occupational Exposures, 4th edition (2015): by the share that the 95th percentile is of the limit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BAND_EDGES = (0.01, 0.10, 0.50, 1.00)
"""Upper ends of the bands 0 to 3, as shares of the limit; band 4 is over the limit."""


def band(x95: npt.ArrayLike, limit: float) -> npt.NDArray[np.int64]:
    """Band 0 to 4 of a 95th percentile.

    >>> band([0.9, 9, 50, 51, 101], 100.0).tolist()
    [0, 1, 2, 3, 4]
    """
    return np.searchsorted(np.asarray(BAND_EDGES) * limit, np.asarray(x95, dtype=np.float64), side="left").astype(np.int64)


def is_acceptable(utl95_95: float, limit: float) -> bool:
    """AIHA's test of a profile: it is acceptable if the limit is over the upper 95 % confidence limit of the 95th percentile.

    >>> is_acceptable(10.05, 5.0)
    False
    """
    return utl95_95 < limit
