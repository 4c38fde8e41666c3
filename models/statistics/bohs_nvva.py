"""BOHS and NVvA, Testing Compliance with Occupational Exposure Limits for Airborne Substances (2011), sections 3.5 and 3.6: do workers of one group differ, and does each comply?

One-way analysis of variance of the natural logs by worker. Where workers make up more than a fifth of the variance, fewer than 20 % of them may have more than 5 % of their
exposures over the limit. For complete personal results of one similar exposure group: at least 10, two or more of each worker. The structure is from secondary sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from models.arrays import Array
from models.statistics.normal import Z95, cdf

RESULTS_MIN, EACH_MIN = 10, 2
SHARE_MATTERS = 0.20
"""Share of the variance between workers over which each worker's compliance is tested."""
INDIVIDUALS_MAX = 0.20
"""Probability that a worker has more than 5 % of exposures over the limit, under which individuals comply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenWorkers:
    """Standard deviations of the logs within and between workers; `individual_exceedance` is the probability that a worker has more than 5 % of exposures over the limit."""

    mu: float
    sd_within: float
    sd_between: float
    share_between: float
    is_tested: bool
    individual_exceedance: float
    is_compliant: bool | None


def between_workers(workers: Sequence[str], concentrations: npt.ArrayLike, limit: float) -> BetweenWorkers:
    """The between-worker step; `is_compliant` is None where workers differ too little for it. Raises BadInput for too few results.

    >>> found = between_workers(["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"], [1, 1.2, 8, 9, 2, 2.2, 5, 5.5, 30, 28], 20.0)
    >>> round(found.share_between, 2), found.is_tested, round(found.individual_exceedance, 2), found.is_compliant
    (1.0, True, 0.16, True)
    """
    logs = np.log(np.asarray(concentrations, dtype=np.float64))
    names, member = np.unique(np.asarray(workers), return_inverse=True)
    counts = np.bincount(member).astype(np.float64)
    if len(logs) < RESULTS_MIN or len(names) < 2 or np.min(counts) < EACH_MIN or not np.all(np.isfinite(logs)):
        raise BadInput("the between-worker step needs 10 results over zero, two or more of each of two or more workers")
    within, between = _components(logs, member, counts)
    share = between / (within + between) if within + between else 0.0
    room = math.log(limit) - (float(np.mean(logs)) + Z95 * math.sqrt(within))
    exceedance = float(cdf(-room / math.sqrt(between))) if between else float(room < 0)
    is_tested = share > SHARE_MATTERS
    return BetweenWorkers(
        mu=float(np.mean(logs)),
        sd_within=math.sqrt(within),
        sd_between=math.sqrt(between),
        share_between=share,
        is_tested=is_tested,
        individual_exceedance=exceedance,
        is_compliant=exceedance < INDIVIDUALS_MAX if is_tested else None,
    )


def _components(logs: Array, member: npt.NDArray[np.intp], counts: Array) -> tuple[float, float]:
    """Variance within and between workers from the mean squares; a negative component is none."""
    means = np.bincount(member, weights=logs) / counts
    within = float(np.sum((logs - means[member]) ** 2)) / (len(logs) - len(counts))
    between = float(np.sum(counts * (means - np.mean(logs)) ** 2)) / (len(counts) - 1)
    size = (len(logs) - float(np.sum(counts**2)) / len(logs)) / (len(counts) - 1)
    return within, max(0.0, (between - within) / size)
