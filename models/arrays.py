"""The array type of this room, and sums over sliding windows of minutes along the last axis."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


def rolling_sum(values: npt.ArrayLike, minutes: int) -> Array:
    """Sum of each full window of `minutes` along the last axis; n values give n - minutes + 1 windows, the first starting at 0. An infinite value makes its windows infinite.

    >>> rolling_sum([1, 2, 3, 4], 2).tolist()
    [3.0, 5.0, 7.0]
    """
    data = np.asarray(values, dtype=np.float64)
    if data.shape[-1] < minutes:
        return np.empty((*data.shape[:-1], 0))
    endless = np.isinf(data)
    if not endless.any():
        return _rolling(data, minutes)
    sums = _rolling(np.where(endless, 0.0, data), minutes)
    return np.where(_rolling(endless.astype(np.float64), minutes) > 0.5, np.inf, sums)


def _rolling(data: Array, minutes: int) -> Array:
    sums = np.cumsum(data, axis=-1)
    windows = sums[..., minutes - 1 :].copy()
    windows[..., 1:] -= sums[..., :-minutes]
    return windows
