"""How new the last value of a single series is: residual of an autoregression in its own robust scales, told only where it is a record."""

from __future__ import annotations

import numpy as np

from models.arrays import Array

ORDER = 8
REFIT = 250
HISTORY = 5_000
WARM_UP = 300
RECORD = 1_200
"""Rows that a score must be higher than to be told."""


def novelty(values: Array) -> Array:
    """Scores of 0 to under 1; over 0.5 only for records. Row i rests on rows up to i.

    >>> rows = np.random.default_rng(1).normal(size=2_000)
    >>> rows[1_500] += 15
    >>> int(novelty(rows).argmax())
    1500
    """
    deviation = np.nan_to_num(_deviation(_held(values)))
    record = is_record(deviation)
    squashed = deviation / (deviation + 10.0)
    return np.where(record, 0.5 + 0.5 * squashed, 0.5 * squashed)


def is_record(score: Array) -> Array:
    """Higher than in the last 1,200 rows, and over 0."""
    padded = np.concatenate([np.full(RECORD, -np.inf), score])
    highest = np.lib.stride_tricks.sliding_window_view(padded, RECORD)[:-1].max(axis=1)
    return np.asarray((score > highest) & (score > 0) & (np.arange(len(score)) >= WARM_UP))


def _held(values: Array) -> Array:
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last < 0, np.nan, values[np.maximum(last, 0)])


def _deviation(values: Array) -> Array:
    result = np.zeros(len(values))
    begin = WARM_UP
    while begin < len(values):
        end = min(begin + REFIT, len(values))
        result[begin:end] = _block(values[max(0, begin - HISTORY) : end], end - begin)
        begin = end
    return result


def _block(history: Array, fresh: int) -> Array:
    """Scores of the last `fresh` rows by a fit on those before."""
    history = history[np.isfinite(history)]
    if len(history) <= fresh + 4 * ORDER:
        return np.zeros(fresh)
    past = history[:-fresh]
    mean, spread = past.mean(), past.std()
    if spread <= 1e-12 * (1 + abs(mean)):
        return np.where(history[-fresh:] == past[-1], 0.0, 1e3)
    standard = (history - mean) / spread
    lags = np.lib.stride_tricks.sliding_window_view(standard, ORDER)[:-1]
    target = standard[ORDER:]
    known = len(target) - fresh
    features = np.concatenate([lags, np.ones((len(lags), 1))], axis=1)
    gram = features[:known].T @ features[:known] + 1e-2 * known * 1e-2 * np.eye(ORDER + 1)
    rest = target - features @ np.linalg.solve(gram, features[:known].T @ target[:known])
    usual = rest[:known]
    scale = 0.7 * 1.4826 * np.median(np.abs(usual - np.median(usual))) + 0.3 * usual.std()
    return np.asarray(np.abs(rest[known:]) / max(scale, 1e-9))
