"""Pure arrays over all channels at once: which minutes are valid, their bounds, and the windows of 15 min, 60 min and the shift.

Channels × minutes, minutes along the last axis. NaN is no value; infinity is an open upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from domain.verdict import MIN_COVERAGE
from models.airborne.stel import ENOUGH
from models.arrays import Array, Mask

_IntArray = npt.NDArray[np.int32]
Three = tuple[Array, Array, Array]
"""Value, lower bound, upper bound, each over the channels."""
WORST: Mapping[int, float] = MappingProxyType({15: ENOUGH, 60: MIN_COVERAGE})
LAST: Mapping[int, float] = MappingProxyType({10: ENOUGH, **WORST})
"""Lengths of the sliding windows, and the share of their minutes that they need."""


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
    """Minutes with their bounds. `counted` are minutes of work; where one is not valid `value` is NaN, `low` and `high` are the gap's bounds; others count nothing."""

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


def longest_run(mask: Mask) -> _IntArray:
    """Length of the longest run of True along the last axis.

    >>> longest_run(np.array([[True, False, True, True]])).tolist()
    [2]
    """
    position = np.arange(1, mask.shape[-1] + 1, dtype=np.int32)
    since = np.maximum.accumulate(np.where(mask, 0, position), axis=-1)
    return np.asarray(np.max(np.where(mask, position - since, 0), axis=-1, initial=0), dtype=np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of many channels at once."""

    last: Last
    worst: Mapping[int, Three]  # by minutes: the highest 15 and 60
    coverage: Array
    max_gap_min: _IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """Those that end now."""

    means: Mapping[int, Three]  # by minutes: 10 and 15 for ceilings and short-term limits, 60
    shift: Three


def all_windows(minutes: Bounded) -> Windows:
    """Every window of every channel, once a minute."""
    known, counted, sides = _sums(minutes)
    return Windows(
        last=_last(sides, minutes.value.shape[-1]),
        worst={length: _three([side.worst(length, enough) for side in sides]) for length, enough in WORST.items()},
        coverage=known.upto[..., -1] / np.maximum(counted.upto[..., -1], 1),
        max_gap_min=minutes.max_gap_min,
    )


def last_windows(minutes: Bounded) -> Last:
    """Of every channel the windows that end now."""
    _, _, sides = _sums(minutes)
    return _last(sides, minutes.value.shape[-1])


def _sums(minutes: Bounded) -> tuple[_Counts, _Counts, Sequence[_Sums]]:
    """Counts of the known and of the counted minutes, and the sums of value, low and high."""
    known, counted = _Counts.of(minutes.valid & minutes.counted), _Counts.of(minutes.counted)
    return known, counted, (_Sums.of(minutes.value, known), _Sums.of(minutes.low, counted), _Sums.of(minutes.high, counted))


def _last(sides: Sequence[_Sums], minutes: int) -> Last:
    return Last(
        means={length: _three([side.last(length, enough) for side in sides]) for length, enough in LAST.items()},
        shift=_three([side.last(minutes, 0.0) for side in sides]),
    )


def _three(sides: list[Array]) -> Three:
    return sides[0], sides[1], sides[2]


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many minutes of a mask there are up to each minute, and in each window."""

    mask: Mask
    upto: _IntArray

    @classmethod
    def of(cls, mask: Mask) -> _Counts:
        upto = np.zeros((*mask.shape[:-1], mask.shape[-1] + 1), dtype=np.int32)
        np.cumsum(mask, axis=-1, out=upto[..., 1:])
        return cls(mask, upto)

    def windows(self, minutes: int) -> _IntArray:
        return np.asarray(self.upto[..., minutes:] - self.upto[..., :-minutes], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums up to each minute, made once for all windows of a side; what is not in the mask counts nothing."""

    counts: _Counts
    upto: Array
    endless: Mask | None  # minutes with an open bound

    @classmethod
    def of(cls, values: Array, counts: _Counts) -> _Sums:
        filled = np.where(counts.mask, values, 0.0)
        upto = np.zeros((*filled.shape[:-1], filled.shape[-1] + 1))
        np.cumsum(filled, axis=-1, out=upto[..., 1:])
        if np.isfinite(upto[..., -1]).all():
            return cls(counts, upto, None)
        endless = np.isinf(filled)
        np.cumsum(np.where(endless, 0.0, filled), axis=-1, out=upto[..., 1:])
        return cls(counts, upto, endless)

    def last(self, minutes: int, enough: float) -> Array:
        """Mean of the last window; NaN with too few minutes."""
        length = min(minutes, self.upto.shape[-1] - 1)
        total = self.upto[..., -1] - self.upto[..., -1 - length]
        if self.endless is not None:
            total = np.where(self.endless[..., -length:].any(axis=-1), np.inf, total)
        count = self.counts.upto[..., -1] - self.counts.upto[..., -1 - length]
        return np.where(count >= max(enough * minutes, 1), total / np.maximum(count, 1), np.nan)

    def worst(self, minutes: int, enough: float) -> Array:
        """The highest mean of a full window; NaN when none has enough minutes."""
        if self.upto.shape[-1] <= minutes:
            return np.full(self.upto.shape[:-1], np.nan)
        means = self.upto[..., minutes:] - self.upto[..., :-minutes]
        count = self.counts.windows(minutes)
        if self.endless is not None:
            means[_Counts.of(self.endless).windows(minutes) > 0] = np.inf
        means /= np.maximum(count, 1)
        means[count < max(enough * minutes, 1)] = -np.inf
        highest = np.max(means, axis=-1)
        return np.where(np.isneginf(highest), np.nan, highest)
