"""A series of area results, shift after shift: the share over a limit and how sure it is. A place is not a person: nothing here decides on compliance.

Shifts that follow each other are alike, so the interval is a circular block bootstrap's (Politis and Romano, 1992), its distribution found exactly by convolution of block sums
instead of by drawing; it is never narrower than the binomial limits of independent shifts (Clopper and Pearson, Biometrika 26 (1934) 404-413). What the instrument is wrong by
moves every shift the same way: it is not averaged out, it is applied to the whole series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from models.arrays import Array
from models.statistics.lognormal import LOWER, UPPER, Interval
from models.statistics.normal import beta_quantile
from models.statistics.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSeries:
    """Share of shifts over the limit with its 90 % interval; `undecided` shifts could be either and count as not over in `est` and `lcl`, as over in `ucl`."""

    share_over: Interval
    undecided: int
    block_shifts: int


def area_series(results: Results, limit: float, *, bias: float = 0.0, block_shifts: int | None = None) -> AreaSeries:
    """Share of shifts over a limit, results in the order of shifts; with `bias` 0.1 the true values may all lie 10 % under or all 10 % over the measured ones.

    >>> from models.statistics.results import results_of
    >>> series = results_of("12 14 31 33 35 12 11 10 9 14 12 13".split())
    >>> found = area_series(series, 30.0)
    >>> found.share_over.est, round(found.share_over.lcl, 2), round(found.share_over.ucl, 2), found.block_shifts
    (0.25, 0.0, 0.58, 3)
    """
    if not 0.0 <= bias < 1.0:
        raise BadInput(f"{bias} is no relative error", field="bias", remedy="a fraction from 0 to under 1: 0.1 for 10 %")
    block = math.ceil(results.n ** (1 / 3)) if block_shifts is None else block_shifts
    if not 1 <= block <= results.n:
        raise BadInput(f"blocks of {block} shifts in a series of {results.n}", field="block_shifts")
    known, possible = _surely_over(results, limit), _possibly_over(results, limit)
    fewest, most = _surely_over(results, limit / (1.0 - bias)), _possibly_over(results, limit / (1.0 + bias))
    share = Interval(est=float(np.mean(known)), lcl=_limit(fewest, block, LOWER), ucl=_limit(most, block, UPPER))
    return AreaSeries(share_over=share, undecided=int(np.sum(possible - known)), block_shifts=block)


def _surely_over(results: Results, limit: float) -> Array:
    return ((results.low > limit) | (np.isinf(results.high) & (results.low >= limit))).astype(np.float64)


def _possibly_over(results: Results, limit: float) -> Array:
    return (results.high > limit).astype(np.float64)


def _limit(over: Array, block: int, confidence: float) -> float:
    n, count = len(over), float(np.sum(over))
    drawn = _bootstrap_quantile(over.astype(np.int64), block, confidence) / n
    if confidence < 0.5:
        return min(drawn, beta_quantile(confidence, count, n - count + 1))
    return max(drawn, beta_quantile(confidence, count + 1, n - count))


def _bootstrap_quantile(over: npt.NDArray[np.int64], block: int, confidence: float) -> int:
    """Smallest number of shifts over that a resampled series stays at or under with this probability."""
    blocks, rest = divmod(len(over), block)
    distribution = np.ones(1)
    for length in [block] * blocks + [rest] * (rest > 0):
        distribution = np.convolve(distribution, _block_sums(over, length))
    return int(np.searchsorted(np.cumsum(distribution), confidence * (1.0 - 1e-12)))


def _block_sums(over: npt.NDArray[np.int64], length: int) -> Array:
    """Probability of each number of shifts over in a block that starts anywhere; the series is a ring."""
    sums = np.sum([np.roll(over, shift) for shift in range(length)], axis=0)
    return np.bincount(sums, minlength=length + 1) / len(over)
