"""Channels of one place that differ in quantity: principal components over a sliding window, Hotelling's T² and the squared prediction error, and who contributes most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array

WINDOW = 30
EXPLAINED = 0.9
FIRST = 400
"""Rows before the first fit."""
AGAIN = 5
"""The model is fitted anew each time it has seen five times as much, on at most the last 20,000 rows: soon after the first fit a long anomaly would teach it."""
MOST = 20_000
SMOOTH = 5
QUANTILE = 0.99
LIMIT = 2.0
"""Times the 99 % quantile of the rows that it was fitted on."""


@dataclass(frozen=True, slots=True)
class _Fit:
    mean: Array
    spread: Array
    components: Array
    variance: Array
    t2_usual: float
    spe_usual: float
    limit: float


@dataclass(frozen=True, slots=True)
class ZoneScore:
    """One row a tick; score over 1 is off."""

    score: Array
    raw: Array
    culprit: npt.NDArray[np.intp]
    share: Array  # of the culprit in both distances


def zone_score(values: Array) -> ZoneScore:
    """Row i rests on rows up to i. A missing value stands at its last one; while a row's window is not whole the score is 0.

    >>> rows = np.random.default_rng(1).normal(size=(600, 3))
    >>> rows[550:, 1] += 20
    >>> found = zone_score(rows)
    >>> bool(found.score[:540].max() < 1 < found.score[560:].min()), int(found.culprit[570])
    (True, 1)
    """
    length = len(values)
    held = _held(values)
    score, raw, culprit, share = np.zeros(length), np.zeros(length), np.zeros(length, dtype=np.intp), np.zeros(length)
    begin = FIRST
    while begin < length:
        end = min(length, AGAIN * begin)
        fit = _fit(held[max(0, begin - MOST) : begin])
        if fit is not None:
            first = max(0, begin - SMOOTH - WINDOW)
            found, parts = _apply(fit, held[first:end])
            skip = begin - first
            raw[begin:end] = found[skip:]
            score[begin:end] = _median(found)[skip:] / fit.limit
            culprit[begin:end] = parts[skip:].argmax(axis=1)
            share[begin:end] = parts[skip:].max(axis=1) / np.maximum(parts[skip:].sum(axis=1), 1e-12)
        begin = end
    return ZoneScore(score, raw, culprit, share)


def _held(values: Array) -> Array:
    rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(last < 0, np.nan, held)


def _fit(rows: Array) -> _Fit | None:
    known = np.isfinite(rows).all(axis=1)
    rows = rows[known]
    if len(rows) < FIRST / 2:
        return None
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 1e-12 * (1 + np.abs(mean)), spread, np.inf)
    windows = _windows((rows - mean) / spread)
    _, singular, components = np.linalg.svd(windows - windows.mean(axis=0), full_matrices=False)
    variance = singular**2 / max(len(windows) - 1, 1)
    kept = int(np.searchsorted(np.cumsum(variance) / max(variance.sum(), 1e-12), EXPLAINED)) + 1
    fit = _Fit(mean, spread, components[:kept], np.maximum(variance[:kept], 1e-9), 1.0, 1.0, 1.0)
    t2, spe, _ = _distances(fit, windows)
    fit = _Fit(mean, spread, fit.components, fit.variance, max(float(np.quantile(t2, QUANTILE)), 1e-9), max(float(np.quantile(spe, QUANTILE)), 1e-9), 1.0)
    usual = np.sqrt(np.maximum(t2 / fit.t2_usual, spe / fit.spe_usual))
    return _Fit(mean, spread, fit.components, fit.variance, fit.t2_usual, fit.spe_usual, LIMIT * float(np.quantile(usual, QUANTILE)))


def _windows(rows: Array) -> Array:
    view = np.lib.stride_tricks.sliding_window_view(rows, WINDOW, axis=0)  # rows, channels, lags
    return np.ascontiguousarray(view).reshape(len(view), -1)


def _distances(fit: _Fit, windows: Array) -> tuple[Array, Array, Array]:
    scores = windows @ fit.components.T
    rest = windows - scores @ fit.components
    return (scores**2 / fit.variance).sum(axis=1), (rest**2).sum(axis=1), rest


def _apply(fit: _Fit, rows: Array) -> tuple[Array, Array]:
    standard = np.nan_to_num((rows - fit.mean) / fit.spread)
    windows = _windows(standard)
    t2, spe, rest = _distances(fit, windows)
    score = np.zeros(len(rows))
    score[WINDOW - 1 :] = np.sqrt(np.maximum(t2 / fit.t2_usual, spe / fit.spe_usual))
    parts = np.zeros(rows.shape)
    inside = windows * ((windows @ fit.components.T / fit.variance) @ fit.components)  # its sum is T²
    blame = rest**2 / fit.spe_usual + inside / fit.t2_usual
    parts[WINDOW - 1 :] = np.maximum(blame.reshape(len(windows), rows.shape[1], WINDOW).sum(axis=2), 0.0)
    return score, parts


def _median(score: Array) -> Array:
    padded = np.concatenate([np.full(SMOOTH - 1, score[0]), score])
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1))
