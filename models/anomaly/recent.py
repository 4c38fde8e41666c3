"""The last samples of each channel, as a ring of arrays. A channel without a sample in a tick keeps its ring: missing never becomes a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

Index = npt.NDArray[np.intp]

DEPTH = 48


class Recent:
    """Values and times of the last 48 samples of N channels."""

    def __init__(self, count: int) -> None:
        self._values = np.full((count, DEPTH), np.nan)
        self._times = np.zeros((count, DEPTH), dtype=np.int64)
        self._at = np.zeros(count, dtype=np.intp)
        self.samples = np.zeros(count, dtype=np.int64)
        self.last_us = np.zeros(count, dtype=np.int64)
        self.last = np.full(count, np.nan)

    def push(self, fresh: Index, values: Array, time_us: int) -> None:
        """One more sample of each channel in `fresh`."""
        self._values[fresh, self._at[fresh]] = values
        self._times[fresh, self._at[fresh]] = time_us
        self._at[fresh] = (self._at[fresh] + 1) % DEPTH
        self.samples[fresh] += 1
        self.last_us[fresh] = time_us
        self.last[fresh] = values

    def window(self, fresh: Index) -> Array:
        """Oldest first, shape (channels, 48); NaN where a channel has fewer."""
        columns = (self._at[fresh, None] + np.arange(DEPTH)) % DEPTH
        window: Array = self._values[fresh[:, None], columns]
        return window

    def span_us(self, fresh: Index, samples: int) -> npt.NDArray[np.int64]:
        """Time from the oldest to the newest of the last `samples` samples."""
        first = (self._at[fresh] - samples) % DEPTH
        span: npt.NDArray[np.int64] = self.last_us[fresh] - self._times[fresh, first]
        return span


def median(window: Array) -> Array:
    """Median of each row; NaN where a sample is missing. Ten times as quick as `numpy.median` on a few short rows.

    >>> median(np.array([[3.0, 1.0, 2.0], [1.0, np.nan, 1.0]])).tolist()
    [2.0, nan]
    """
    ordered = np.sort(window, axis=1)
    length = ordered.shape[1]
    middle = 0.5 * (ordered[:, (length - 1) // 2] + ordered[:, length // 2])
    return np.where(np.isnan(ordered[:, -1]), np.nan, middle)
