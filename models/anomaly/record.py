"""A test fires where its statistic is a new record: over a floor that holds everywhere, and over what this channel did before. Each false alarm makes the next one harder."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import Mask

Column = npt.NDArray[np.float32]

FADE_US = 21 * 86_400e6
YOUNG = 60.0
BLOCK_GROWS = 0.9
"""A block lifts the record by no more than this share over the threshold, or a fault that was not told would hide the next."""


class Record:
    """Highest value of a statistic so far, of N channels, slowly forgotten."""

    def __init__(self, count: int, floor: float, margin: float, *, is_slow: bool = False, block_us: float = 0.0, grows: float = 0.0) -> None:
        """`is_slow`: only what was told counts (`lift`), or a slow rise would carry its own threshold along. `block_us`: a record counts from the end of its block on, for the same reason.

        `grows`: what fires lifts its threshold by this factor only, or ten true spikes would hide the eleventh.
        """
        self.floor, self.margin, self.is_slow, self.block_us = floor, margin, is_slow, block_us
        self.grows = grows or margin
        self.coming = np.zeros(count if block_us else 0, dtype=np.float32)
        self.block_left_us = block_us
        self.highest = np.zeros(count, dtype=np.float32)

    def threshold(self, number: Column) -> Column:
        """Higher while the channel is young."""
        return np.asarray(np.maximum(self.floor, self.margin * self.highest) * (1.0 + YOUNG / np.maximum(number, 1.0)), dtype=np.float32)

    def over(self, statistic: npt.NDArray[np.floating[Any]], number: Column, who: Mask, frozen: Mask, elapsed_us: float) -> tuple[Mask, Column]:
        """Where it fires, and the ratio to the threshold; then the record is raised."""
        threshold = self.threshold(number)
        ratio = np.where(who, np.nan_to_num(statistic / threshold), 0.0).astype(np.float32)
        fires = ratio > 1.0
        self.highest *= np.float32(np.exp(-elapsed_us / FADE_US))
        if self.block_us:
            self._keep(np.minimum(statistic, BLOCK_GROWS * threshold), who & ~frozen, elapsed_us)
            return fires, ratio
        if not self.is_slow:
            learned = np.maximum(self.highest, np.minimum(np.nan_to_num(statistic), self.grows * threshold / self.margin))
            np.copyto(self.highest, learned, where=who & ~frozen)
        return fires, ratio

    def lift(self, statistic: Column, who: Mask) -> None:
        """A slow record is lifted by what was told, at most to twice its threshold."""
        most = 2 * np.maximum(self.floor, self.margin * self.highest)
        np.copyto(self.highest, np.maximum(self.highest, np.minimum(np.nan_to_num(statistic), most)), where=who)

    def _keep(self, statistic: npt.NDArray[np.floating[Any]], who: Mask, elapsed_us: float) -> None:
        np.copyto(self.coming, np.maximum(self.coming, statistic), where=who)
        self.block_left_us -= elapsed_us
        if self.block_left_us <= 0:
            self.highest = np.maximum(self.highest, self.coming)
            self.coming = np.zeros_like(self.coming)
            self.block_left_us = self.block_us
