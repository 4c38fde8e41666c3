"""Pure arrays over all channels at once: which minutes are valid, their bounds, and the windows of 15 min, 60 min and the shift.

Channels × minutes, minutes along the last axis. NaN is no value; infinity is an open upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.verdict import MIN_COVERAGE
from models.airborne.stel import ENOUGH, highest
from models.arrays import Array, Mask, rolling_sum

_IntArray = npt.NDArray[np.int32]


def valid_minutes(samples: npt.ArrayLike, interval_s: npt.ArrayLike) -> Mask:
    """Contract 4.1: a minute is valid with 75 % of its expected samples; a channel slower than a minute needs one sample.

    >>> valid_minutes([[4, 5, 6]], 10.0).tolist()
    [[False, True, True]]
    """
    expected = np.minimum(60.0 / np.asarray(interval_s, dtype=np.float64), 1e9)
    needed = np.where(expected < 1.0, 1.0, MIN_COVERAGE * expected)
    return np.asarray(np.asarray(samples) >= needed - 1e-9)


def spread_back(values: npt.NDArray[np.generic], present: Mask, minutes: int) -> npt.NDArray[np.generic]:
    """A reading stands for the interval that it ends: carry values back over up to `minutes` - 1 minutes without their own."""
    result = values.copy()
    filled = present.copy()
    for _ in range(minutes - 1):
        take = ~filled[..., :-1] & filled[..., 1:]
        result[..., :-1] = np.where(take, result[..., 1:], result[..., :-1])
        filled[..., :-1] |= take
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """Minutes with their bounds. `counted` are minutes of work; where a counted one is not valid, `low` and `high` are the gap's bounds and `value` is NaN."""

    value: Array
    low: Array
    high: Array
    valid: Mask
    counted: Mask

    @property
    def coverage(self) -> Array:
        """Share of the counted minutes that are valid; 0 when none is counted."""
        counted = self.counted.sum(axis=-1)
        return np.asarray((self.valid & self.counted).sum(axis=-1) / np.maximum(counted, 1))

    @property
    def max_gap_min(self) -> _IntArray:
        return longest_run(self.counted & ~self.valid)


def bounded(value: Array, uncertainty: Array, valid: Mask, counted: Mask, *, gap_low: npt.ArrayLike, gap_high: npt.ArrayLike) -> Bounded:
    """Bounds of every minute: the instrument's where it is valid, the gap's where it is not."""
    known = valid & counted
    return Bounded(
        value=np.where(known, value, np.nan),
        low=np.where(known, np.maximum(value - uncertainty, gap_low), np.where(counted, gap_low, np.nan)),
        high=np.where(known, value + uncertainty, np.where(counted, gap_high, np.nan)),
        valid=valid,
        counted=counted,
    )


def longest_run(mask: Mask) -> _IntArray:
    """Length of the longest run of True along the last axis.

    >>> longest_run(np.array([[True, False, True, True]])).tolist()
    [2]
    """
    position = np.arange(1, mask.shape[-1] + 1, dtype=np.int32)
    since = np.maximum.accumulate(np.where(mask, 0, position), axis=-1)
    return np.asarray(np.max(np.where(mask, position - since, 0), axis=-1, initial=0), dtype=np.int32)


def known_mean(values: Array) -> Array:
    """Mean over the last axis without NaN; NaN when there is nothing."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.sum(np.where(known, values, 0.0), axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def last_mean(values: Array, minutes: int, *, enough: float = ENOUGH) -> Array:
    """Mean of the last `minutes`; NaN with too few of them."""
    tail = values[..., -minutes:]
    known = (~np.isnan(tail)).sum(axis=-1)
    return np.where(known >= enough * minutes, known_mean(tail), np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of many channels at once: value, low, high, each an array over the channels."""

    last_15: tuple[Array, Array, Array]
    last_60: tuple[Array, Array, Array]
    shift: tuple[Array, Array, Array]
    worst_15: tuple[Array, Array, Array]
    worst_60: tuple[Array, Array, Array]
    coverage: Array
    max_gap_min: _IntArray


def all_windows(minutes: Bounded) -> Windows:
    """Every window of every channel, once a minute."""
    sides = (minutes.value, minutes.low, minutes.high)
    sums = [_Sums.of(side) for side in sides]
    return Windows(
        last_15=_three([last_mean(side, 15) for side in sides]),
        last_60=_three([last_mean(side, 60, enough=MIN_COVERAGE) for side in sides]),
        shift=_three([each.mean() for each in sums]),
        worst_15=_three([each.worst(15, ENOUGH) for each in sums]),
        worst_60=_three([each.worst(60, MIN_COVERAGE) for each in sums]),
        coverage=minutes.coverage,
        max_gap_min=minutes.max_gap_min,
    )


def _three(sides: list[Array]) -> tuple[Array, Array, Array]:
    return sides[0], sides[1], sides[2]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Values without NaN and how many there are, made once for all windows of a side."""

    filled: Array
    known: Mask
    complete: bool

    @classmethod
    def of(cls, values: Array) -> _Sums:
        known = ~np.isnan(values)
        complete = bool(known.all())
        return cls(values if complete else np.where(known, values, 0.0), known, complete)

    def mean(self) -> Array:
        count = self.known.sum(axis=-1)
        return np.where(count > 0, self.filled.sum(axis=-1) / np.maximum(count, 1), np.nan)

    def worst(self, minutes: int, enough: float) -> Array:
        totals = rolling_sum(self.filled, minutes)
        if self.complete:
            return highest(totals) / minutes
        count = rolling_sum(self.known, minutes)
        return highest(np.where(count >= enough * minutes - 0.5e-6, totals / np.maximum(count, 1.0), np.nan))
