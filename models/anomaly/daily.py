"""What is usual at this time of day, learned a day at a time and shrunk to what is usual at all while days are few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Mask

Column = npt.NDArray[np.float32]

BINS = 24
DAYS = 10.0
"""A bin forgets over this many of its days."""
SHRINK = 12.0
"""So many samples in a bin weigh as much as the whole day's mean."""
SAMPLES = 4_000.0


class Daily:
    """A mean for each of 24 hours and one overall, of N channels. Phase is the time since the first tick in days, so that no time zone matters."""

    def __init__(self, count: int) -> None:
        self.bins = np.zeros((BINS, count), dtype=np.float32)
        self.weight = np.zeros((BINS, count), dtype=np.float32)
        self.overall = np.full(count, np.nan, dtype=np.float32)
        self.number = np.zeros(count, dtype=np.float32)

    def at(self, phase: float) -> Column:
        """The bin's mean, shrunk to the overall one."""
        hour = int(phase * BINS) % BINS
        weight = self.weight[hour]
        return np.asarray((weight * self.bins[hour] + SHRINK * self.overall) / (weight + SHRINK), dtype=np.float32)

    def learn(self, phase: float, value: Column, who: Mask, first: Column) -> None:
        """`value` into the bin of this hour; `first` where nothing is known yet."""
        hour = int(phase * BINS) % BINS
        new = who & np.isnan(self.overall)
        if new.any():
            np.copyto(self.overall, first, where=new)
            value = np.where(new, first, value)
        self.number += who
        np.copyto(self.overall, self.overall + (value - self.overall) / np.minimum(self.number, SAMPLES), where=who)
        weight = np.minimum(self.weight[hour] + who, SAMPLES / 4)
        np.copyto(self.bins[hour], self.bins[hour] + (value - self.bins[hour]) / np.maximum(weight, 1.0), where=who)
        self.weight[hour] = weight
