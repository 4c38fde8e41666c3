"""Robust regression on order statistics, for comparison with older reports only: what decides is censored likelihood or the Bayesian model.

Helsel, Statistics for Censored Environmental Data Using Minitab and R, 2nd edition (2012), section 6.4, with Helsel and Cohn's plotting positions; limits of quantification with no
detect between them count as one, as in NDExpo. Valid for n >= 5, at least 3 detects and 20 % detected, non-detects under the largest detect; no `>` and no interval results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.errors import BadInput
from models.arrays import Array
from models.statistics.normal import quantile
from models.statistics.results import Results

RESULTS_MIN, DETECTS_MIN, DETECTED_MIN = 5, 3, 0.20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imputed:
    """Detects and, in place of non-detects, what the line through the detects gives; the line ln x = intercept + slope z; plotting positions of both, ascending."""

    detects: Array
    imputed: Array
    intercept: float
    slope: float
    detect_positions: Array
    imputed_positions: Array


def robust_ros(results: Results) -> Imputed:
    """Non-detects replaced by their places on the regression line; single imputed values mean nothing, only the set does.

    >>> from models.statistics.results import results_of
    >>> robust_ros(results_of("28.9 19.4 <5.5 149.9 26.42 56.1".split())).imputed.round(3).tolist()
    [5.334]
    """
    detects, limits = _split(results)
    detect_positions, imputed_positions = _positions(detects, _merged(detects, limits))
    slope, intercept = np.polyfit(quantile(detect_positions), np.log(detects), 1)
    return Imputed(
        detects=detects,
        imputed=np.exp(intercept + slope * quantile(imputed_positions)),
        intercept=float(intercept),
        slope=float(slope),
        detect_positions=detect_positions,
        imputed_positions=imputed_positions,
    )


def _split(results: Results) -> tuple[Array, Array]:
    exact, below = results.exact, results.low == 0
    if not np.all(exact | below):
        raise BadInput("regression on order statistics knows no > and no interval results", source=results.source)
    detects, limits = np.sort(results.low[exact]), np.sort(results.high[below])
    if results.n < RESULTS_MIN or len(detects) < DETECTS_MIN or len(detects) < DETECTED_MIN * results.n:
        raise BadInput("regression on order statistics needs 5 results, 3 of them and 20 % detected", source=results.source)
    if len(limits) and limits[-1] >= detects[-1]:
        raise BadInput("a non-detect over the largest detect has no place on the line", source=results.source)
    return detects, limits


def _merged(detects: Array, limits: Array) -> Array:
    """Each limit of quantification raised to the highest one that no detect parts it from."""
    places = np.searchsorted(detects, limits, side="left")
    return np.asarray([np.max(limits[places == place]) for place in places], dtype=np.float64)


def _positions(detects: Array, limits: Array) -> tuple[Array, Array]:
    """Helsel and Cohn's plotting positions of detects and non-detects, each in ascending order."""
    thresholds = np.concatenate([[0.0], np.unique(limits)])
    exceeding = np.zeros(len(thresholds) + 1)
    exceeding[0] = 1.0
    for j in range(len(thresholds) - 1, 0, -1):
        above = np.sum(detects >= thresholds[j]) - np.sum(detects >= _next(thresholds, j))
        under = np.sum(detects < thresholds[j]) + np.sum(limits <= thresholds[j])
        exceeding[j] = exceeding[j + 1] + above / (above + under) * (1.0 - exceeding[j + 1])
    of_detects, of_limits = [], []
    for j, threshold in enumerate(thresholds):
        count = int(np.sum((detects >= threshold) & (detects < _next(thresholds, j))))
        of_detects.append(1.0 - exceeding[j] + (exceeding[j] - exceeding[j + 1]) * np.arange(1, count + 1) / (count + 1))
        hidden = int(np.sum(limits == threshold))
        of_limits.append((1.0 - exceeding[j]) * np.arange(1, hidden + 1) / (hidden + 1))
    return np.concatenate(of_detects), np.concatenate(of_limits)


def _next(thresholds: Array, j: int) -> float:
    return float(thresholds[j + 1]) if j + 1 < len(thresholds) else np.inf
