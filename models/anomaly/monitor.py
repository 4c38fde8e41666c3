"""Whether a model still lives in the world that it learned: the spread of its scores (population stability index), how often it suspects, and whether its chances came true.

Kept by day, judged on the last 7 days; scores and rate against the 28 days before. Nothing changes a threshold: what has drifted is told to people.
PSI after Siddiqi, Credit Risk Scorecards (2006): over 0.25 the population has shifted. Rates: exact binomial of the recent count given both. Chances: Spiegelhalter's z (1986),
with next-door moments counted as one. All are dimensionless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from models.arrays import Array

RECENT_DAYS, BEFORE_DAYS = 7, 28
PSI_LIMIT = 0.25
LEAST_MINUTES = 2 * 24 * 60
"""Of scores on either side."""
LEAST_SHARE = 0.02
"""Bins of scores are joined until each holds this share of the earlier ones."""
RATE_P = 0.001
RATE_RATIO = 2.0
Z_LIMIT = 4.0
ERROR_LIMIT = 0.05
"""A mean chance that is off by less is no matter, however sure it is."""
LEAST_MOMENTS = 200
TIES = 12
"""Forecasts of one hour tell of the same hour: so many count as one."""


class Day(msgspec.Struct, kw_only=True):
    """What one UTC day added up, by quantity (scores, suspicions) and by metric (forecasts)."""

    scores: dict[str, list[int]] = {}
    suspicions: dict[str, int] = {}
    minutes: dict[str, int] = {}
    forecasts: dict[str, list[float]] = {}  # number, sum of chances, sum of chance × (1 - chance), over


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is no longer as it was."""

    what: str  # scores, rate, chances
    subject: str  # quantity or metric
    value: float  # PSI; suspicions a sensor-week now; mean chance less the share that came true
    before: float  # its limit; the rate before; 0


def psi(before: npt.ArrayLike, now: npt.ArrayLike) -> float:
    """Population stability index of two histograms over the same bins, sparse ones joined.

    >>> round(psi([50, 50], [50, 50]), 3), round(psi([50, 50], [20, 80]), 2)
    (0.0, 0.42)
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if not old.sum() or not new.sum():
        return 0.0
    p, q = (np.maximum(part / part.sum(), 1e-4) for part in _joined(old, new))
    return float(np.sum((q - p) * np.log(q / p)))


def _joined(before: Array, now: Array) -> tuple[Array, Array]:
    """From the left, until each bin holds enough of the earlier ones; a rest that does not joins the last."""
    least, edges, held = LEAST_SHARE * before.sum(), [0], 0.0
    for index, number in enumerate(before):
        held += number
        if held >= least and before[index + 1 :].sum() >= least:
            edges.append(index + 1)
            held = 0.0
    return np.add.reduceat(before, edges), np.add.reduceat(now, edges)


def rate_p(now: int, now_minutes: float, before: int, before_minutes: float) -> float:
    """Chance of so many now, or more, if the rate were as before.

    >>> rate_p(10, 1000.0, 0, 4000.0) < 1e-6
    True
    """
    share = now_minutes / (now_minutes + before_minutes)
    return float(binom.sf(now - 1, now + before, share)) if now else 1.0


def drifts(days: Mapping[int, Day], today: int) -> list[Drift]:
    """What has drifted by the last whole days before `today` (days since 1970); nothing where too little is known."""
    recent = [day for number, day in days.items() if today - RECENT_DAYS <= number < today]
    before = [day for number, day in days.items() if today - RECENT_DAYS - BEFORE_DAYS <= number < today - RECENT_DAYS]
    found = [drift for quantity in sorted({name for day in recent for name in day.minutes}) for drift in _of_quantity(quantity, recent, before)]
    return found + [drift for metric in sorted({name for day in recent for name in day.forecasts}) if (drift := _of_chances(metric, recent)) is not None]


def _of_quantity(quantity: str, recent: Sequence[Day], before: Sequence[Day]) -> list[Drift]:
    minutes, earlier = (sum(day.minutes.get(quantity, 0) for day in part) for part in (recent, before))
    if min(minutes, earlier) < LEAST_MINUTES:
        return []
    found = []
    index = psi(_summed(quantity, before), _summed(quantity, recent))
    if index > PSI_LIMIT:
        found.append(Drift(what="scores", subject=quantity, value=round(index, 3), before=PSI_LIMIT))
    now, then = (sum(day.suspicions.get(quantity, 0) for day in part) for part in (recent, before))
    rate, rate_before = now / minutes * 7 * 1440, then / earlier * 7 * 1440
    if rate > RATE_RATIO * rate_before and rate_p(now, minutes, then, earlier) < RATE_P:
        found.append(Drift(what="rate", subject=quantity, value=round(rate, 3), before=round(rate_before, 3)))
    return found


def _summed(quantity: str, days: Sequence[Day]) -> Array:
    held = [np.asarray(day.scores[quantity], dtype=np.float64) for day in days if quantity in day.scores]
    return np.vstack(held).sum(axis=0) if held else np.zeros(1)


def _of_chances(metric: str, recent: Sequence[Day]) -> Drift | None:
    held = [day.forecasts[metric] for day in recent if metric in day.forecasts]
    number, chances, spread, over = (sum(column) for column in zip(*held, strict=True))
    if number < LEAST_MOMENTS or spread <= 0.0:
        return None
    error = (chances - over) / number
    z = (chances - over) / np.sqrt(spread * TIES)
    return Drift(what="chances", subject=metric, value=round(error, 3), before=0.0) if abs(z) > Z_LIMIT and abs(error) > ERROR_LIMIT else None
