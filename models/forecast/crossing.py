"""Whether a running value goes over its limit within 15, 30 and 60 min: the present level plus the rises that this line has shown before.

The plain distribution of past rises (persistence) and that of moments like this one (same time of day, same slope) are mixed by how many of those there are, and both rest on a wide
prior, so that there is a probability from the first minute and a learned one stays near persistence while little is known. Rises are differences, so that the probability never falls
as the level rises.
Lines × moments, one moment each STEP_MIN; NaN is no value and no rise. Any unit; levels in decibels as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array

HORIZONS_MIN = (15, 30, 60)
STEP_MIN = 5
SLOPE_STEPS = 6
"""The slope is the change over the last half hour."""
DAY_STEPS = 24 * 60 // STEP_MIN
PHASE_STEPS = 12
"""Width of "the same time of day": 1 h."""
ALIKE_ENOUGH = 2.0
"""So many independent moments like this one weigh as much as all others."""
PRIOR_MOMENTS = 8.0
"""How many past moments the prior weighs."""
FAN = (0.1, 0.5, 0.9)
TIES = 6
"""Moments next to each other tell much the same: so many count as one."""

Rises = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Of each line: probability by horizon, the highest value within the last horizon as 10, 50 and 90 %, minutes until it is likelier over than not, and moments known."""

    probability: Array  # lines × horizons, never falling along them
    fan: Array  # lines × FAN
    expected_min: Array  # NaN where it is not expected within the hour
    moments: Array


def rises_of(history: npt.ArrayLike) -> Rises:
    """Horizons × lines × moments: the highest value within each horizon less the value then; NaN where the horizon is not over, or a third of it is unknown.

    >>> rises_of([[1.0, 2.0, 4.0, 3.0]])[0, 0].tolist()
    [3.0, nan, nan, nan]
    """
    values = np.asarray(history, dtype=np.float32)
    lines, moments = values.shape
    result = np.full((len(HORIZONS_MIN), lines, moments), np.nan, dtype=np.float32)
    best = np.full((lines, moments), -np.inf, dtype=np.float32)
    known = np.zeros((lines, moments), dtype=np.int16)
    for step in range(1, min(HORIZONS_MIN[-1] // STEP_MIN, moments - 1) + 1):
        ahead = values[:, step:]
        best[:, :-step] = np.fmax(best[:, :-step], ahead)
        known[:, :-step] += ~np.isnan(ahead)
        if step * STEP_MIN in HORIZONS_MIN:
            is_over = np.arange(moments) + step < moments
            result[HORIZONS_MIN.index(step * STEP_MIN)] = np.where(is_over & (known * 3 >= step * 2), best - values, np.nan)
    return result


def slopes_of(history: npt.ArrayLike) -> Rises:
    """Change over the last half hour at each moment; NaN where either end is unknown."""
    values = np.asarray(history, dtype=np.float32)
    result = np.full(values.shape, np.nan, dtype=np.float32)
    result[:, SLOPE_STEPS:] = values[:, SLOPE_STEPS:] - values[:, :-SLOPE_STEPS]
    return result


def crossing(history: npt.ArrayLike, now: npt.ArrayLike, limit: npt.ArrayLike, scale: npt.ArrayLike, *, learned: bool = True) -> Crossing:
    """`history` ends at the present moment; `scale` is what such a line usually changes in an hour, in its unit. `learned` False: persistence alone.

    >>> found = crossing([[25.0] * 200], [29.0], [28.0], [1.0])
    >>> found.probability.tolist()
    [[1.0, 1.0, 1.0]]
    """
    values = np.asarray(history, dtype=np.float32)
    level, line, wide = (np.asarray(given, dtype=np.float64) for given in (now, limit, scale))
    rises, weights = rises_of(values), _likeness(values, wide, learned=learned)
    gap = (line - level).astype(np.float32)
    probability = np.stack([_over(rises[row], weights, gap, _prior(gap, wide, horizon)) for row, horizon in enumerate(HORIZONS_MIN)], axis=1)
    probability = np.maximum.accumulate(np.where(gap[:, None] < 0.0, 1.0, probability), axis=1)
    probability = np.where(np.isnan(level + line)[:, None], np.nan, probability)
    return Crossing(
        probability=probability,
        fan=_fan(rises[-1], weights, level, wide),
        expected_min=_expected_min(probability),
        moments=(~np.isnan(rises[-1])).sum(axis=1).astype(np.float64),
    )


def _likeness(values: Rises, scale: Array, *, learned: bool) -> Rises:
    """Weight of each past moment: for being one, and for being like this one as far as there are enough of those."""
    plain = np.full(values.shape, 1.0 / TIES, dtype=np.float32)
    if not learned or values.shape[1] <= SLOPE_STEPS:
        return plain
    slopes = slopes_of(values)
    back = np.arange(values.shape[1] - 1, -1, -1) % DAY_STEPS
    phase = np.exp(-0.5 * (np.minimum(back, DAY_STEPS - back) / PHASE_STEPS) ** 2).astype(np.float32)
    width = np.maximum(np.asarray(scale, dtype=np.float32) * 0.3, 1e-6)[:, None]
    difference = (slopes - slopes[:, -1:]) / width
    # where no slope is known the time of day alone makes a moment like this one
    alike = np.where(np.isnan(difference), 0.5, 1.0 / (1.0 + difference * difference)).astype(np.float32) * phase
    total = alike.sum(axis=1, keepdims=True)
    enough = total / (total + ALIKE_ENOUGH * TIES)
    share = values.shape[1] * enough / np.maximum(total, 1e-9)
    return np.asarray(plain * ((1.0 - enough) + share * alike), dtype=np.float32)


def _over(rises: Rises, weights: Rises, gap: Rises, prior: Array) -> Array:
    known = ~np.isnan(rises)
    held = np.where(known, weights, np.float32(0.0))
    above = np.where(known & (rises > gap[:, None]), weights, np.float32(0.0))
    return np.asarray((above.sum(axis=1, dtype=np.float64) + PRIOR_MOMENTS * prior) / (held.sum(axis=1, dtype=np.float64) + PRIOR_MOMENTS))


def _prior(gap: Rises, scale: Array, horizon_min: int) -> Array:
    """Before anything is known: a rise of exponential size, half of the moments none."""
    size = np.maximum(scale * np.sqrt(horizon_min / 60.0), 1e-9)
    return np.asarray(0.5 * np.exp(-np.maximum(gap, 0.0) * 2.0 / size))


def _fan(rises: Rises, weights: Rises, level: Array, scale: Array) -> Array:
    """Weighted quantiles of the highest value within the last horizon, the prior's own quantiles among them."""
    shares = np.array([0.25, 0.55, 0.65, 0.75, 0.85, 0.95])
    own = np.where(shares > 0.5, -np.log(np.maximum(2.0 * (1.0 - shares), 1e-9)) * 0.5, 0.0)[None, :] * scale[:, None]
    mass = np.broadcast_to(np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1]) * PRIOR_MOMENTS, own.shape)
    every = np.concatenate([np.where(np.isnan(rises), np.inf, rises), own.astype(np.float32)], axis=1)
    held = np.concatenate([np.where(np.isnan(rises), 0.0, weights), mass.astype(np.float32)], axis=1)
    order = np.argsort(every, axis=1)
    cumulated = np.cumsum(np.take_along_axis(held, order, axis=1), axis=1)
    columns = [np.argmax(cumulated >= share * cumulated[:, -1:], axis=1) for share in FAN]
    found = np.stack([np.take_along_axis(every, np.take_along_axis(order, column[:, None], axis=1), axis=1)[:, 0] for column in columns], axis=1)
    return np.asarray(level[:, None] + found.astype(np.float64))


def _expected_min(probability: Array) -> Array:
    """When it becomes likelier over than not, between the horizons in a straight line."""
    result = np.full(len(probability), np.nan)
    edges = np.concatenate([[0.0], HORIZONS_MIN])
    shown = np.concatenate([np.where(probability[:, :1] >= 1.0, 1.0, 0.0), probability], axis=1)
    for right in range(len(HORIZONS_MIN), 0, -1):
        low, high = shown[:, right - 1], shown[:, right]
        with np.errstate(invalid="ignore", divide="ignore"):
            at = edges[right - 1] + (edges[right] - edges[right - 1]) * np.clip((0.5 - low) / (high - low), 0.0, 1.0)
        result = np.where((low < 0.5) & (high >= 0.5), at, result)
    return np.where(shown[:, 0] >= 1.0, 0.0, result)
