"""Tomorrow's value of each hour of the day in one place, with a band, from its own past and from the weather: the evening before, days × 24 hours.

Three ways, each judged on the past days as it would have been told on the evening before them:
persistence (the last known day at that hour), recent days (from there a third of the way to their mean, the newest weighing most), and weather (two thirds of the way to the recent mean plus what
the weather outdoors differs from its own recent mean, times the share of such a difference that reaches this place: ridge regression towards PRIOR_SHARE). Persistence is left only for a way that was
nearer by MARGIN standard errors of the paired difference by day.
The band holds four of five: Student's t on the errors of that way at that hour. Where fewer than ENOUGH past days could be judged there is no value. Any unit, NaN is no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from models.arrays import Array, Mask

HOURS = 24
ENOUGH = 5
"""Past days that could be judged at an hour, and days behind a mean of offsets."""
LOOKED_BACK = 28
"""Days."""
HALF_LIFE = 4.0
"""Days after which a past day weighs half."""
OLDEST = 10
"""Days after which a last known value says nothing of tomorrow."""
PRIOR_SHARE, PRIOR_K2 = 0.6, 20.0
INSIDE = 0.8
"""Share of days that the band is to hold."""
RECENT_PART, WEATHER_PART = 1.0 / 3.0, 2.0 / 3.0
"""How far from persistence a way goes to what it says: what is off in the one is not off in the other."""
MARGIN = 1.0
"""Standard errors."""
LEAST_SPREAD = 0.5
"""Errors of a few days are never taken to spread less: what two instruments of ISO 7726 may differ in."""


class Way(StrEnum):
    """How a value was made."""

    WEATHER = "weather"
    RECENT = "recent_days"
    PERSISTENCE = "persistence"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextDay:
    """Of each hour of the day: value and band, NaN where unknown; days judged; the mean difference to outdoors and its spread."""

    value: Array
    low: Array
    high: Array
    days: npt.NDArray[np.int64]
    offset: Array
    offset_spread: Array
    way: Way | None  # None: nothing is known
    share: float  # of a difference outdoors that reaches this place
    error: dict[Way, float]  # mean absolute error of each way over the days on which all can be judged


@dataclass(frozen=True, slots=True)
class _Told:
    """Days × 24, the last day being tomorrow: what each way said, or would have said, of it."""

    by: dict[Way, Array]
    offset: Array
    spread: Array
    share: float


def next_day(measured: npt.ArrayLike, outdoors: npt.ArrayLike, at_work: npt.ArrayLike, lag_days: npt.ArrayLike) -> NextDay:
    """`measured`, `outdoors` (as forecast), `at_work`: days × 24, the last row being tomorrow; `lag_days`: by hour, how many days before a day its newest known value lies (1, or 2 for hours after the one in which the plan is made).

    >>> days = np.tile(np.linspace(24.0, 31.0, HOURS), (12, 1)); days[-1] = np.nan
    >>> told = next_day(days, np.full(days.shape, np.nan), np.full(days.shape, True), np.full(HOURS, 1))
    >>> told.way.value, float(told.value[23]), round(float(told.high[23]), 1)
    ('persistence', 31.0, 31.7)
    """
    worked = np.asarray(at_work, dtype=bool)
    actual = np.where(worked, np.asarray(measured, dtype=np.float64), np.nan)
    weather = np.where(worked, np.asarray(outdoors, dtype=np.float64), np.nan)
    actual[-1] = np.nan
    lags = np.asarray(lag_days, dtype=np.int64)
    told = _told(_late(actual, lags), _late(weather, lags), weather)
    errors = {way: actual - said for way, said in told.by.items()}
    nearest, error = _nearest(told, errors, worked[-1])
    if nearest is None:
        return _nothing(told, error)
    return _banded(told, nearest, errors[nearest], error)


def _late(days: Array, lags: npt.NDArray[np.int64]) -> Array:
    """Row d holds what is known of day d - 1 at the latest, hour by hour."""
    result = np.full(days.shape, np.nan)
    for hour, lag in enumerate(lags.tolist()):
        held = days[: max(0, len(days) - lag + 1), hour]
        result[lag - 1 : lag - 1 + len(held), hour] = held
    return result


def _told(known: Array, known_weather: Array, weather: Array) -> _Told:
    days = len(known)
    empty = np.full(known.shape, np.nan)
    by = {way: empty.copy() for way in (Way.PERSISTENCE, Way.RECENT, Way.WEATHER)}
    offset, spread, share = empty.copy(), empty.copy(), PRIOR_SHARE
    for day in range(max(1, days - 1 - LOOKED_BACK), days):
        first = max(0, day - LOOKED_BACK)
        past, out = known[first:day], known_weather[first:day]
        weights = 0.5 ** (np.arange(len(past) - 1, -1, -1) / HALF_LIFE)[:, None]
        by[Way.PERSISTENCE][day] = last = _last(past)
        by[Way.RECENT][day] = last + RECENT_PART * (_mean(past, weights, 2)[0] - last)
        both = ~np.isnan(past + out)
        inside, _ = _mean(np.where(both, past, np.nan), weights, ENOUGH)
        outside, _ = _mean(np.where(both, out, np.nan), weights, ENOUGH)
        share = _share(np.where(both, past - inside, np.nan), np.where(both, out - outside, np.nan))
        by[Way.WEATHER][day] = last + WEATHER_PART * (inside + share * (weather[day] - outside) - last)
        offset[day], spread[day] = _mean(past - out, weights, ENOUGH)
    return _Told(by, offset, spread, share)


def _last(past: Array) -> Array:
    result = np.full(past.shape[1], np.nan)
    for row in past[-OLDEST:]:
        result = np.where(np.isnan(row), result, row)
    return result


def _mean(values: Array, weights: Array, least: int) -> tuple[Array, Array]:
    """Weighted mean by hour with its spread; NaN where fewer than `least` are known or none of the last days is."""
    known = ~np.isnan(values)
    weight = np.where(known, weights, 0.0)
    total = weight.sum(axis=0)
    enough = (known.sum(axis=0) >= least) & known[-OLDEST:].any(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values * weights, 0.0).sum(axis=0) / total
        spread = np.sqrt(np.where(known, (values - mean) ** 2 * weights, 0.0).sum(axis=0) / total)
    return np.where(enough, mean, np.nan), np.where(enough, spread, np.nan)


def _share(inside: Array, outside: Array) -> float:
    """How much of a difference outdoors reaches this place, 0 to 1."""
    both = ~np.isnan(inside + outside)
    x, y = outside[both], inside[both]
    return float(np.clip((float(x @ y) + PRIOR_K2 * PRIOR_SHARE) / (float(x @ x) + PRIOR_K2), 0.0, 1.0))


def _nearest(told: _Told, errors: dict[Way, Array], wanted: Mask) -> tuple[Way | None, dict[Way, float]]:
    """The way to take: of those that tell every hour that persistence tells and were surely nearer, the one with the least error; persistence where there is none."""
    reach = {way: wanted & ~np.isnan(told.by[way][-1]) & ((~np.isnan(error[-LOOKED_BACK:])).sum(axis=0) >= ENOUGH) for way, error in errors.items()}
    can = {way: np.abs(error[-LOOKED_BACK:]) for way, error in errors.items() if reach[way].any() and not np.any(reach[Way.PERSISTENCE] & ~reach[way])}
    if Way.PERSISTENCE not in can:
        return None, {}
    common = np.logical_and.reduce([~np.isnan(error) for error in can.values()])
    if not _judged(common):
        return Way.PERSISTENCE, {}
    found = {way: float(np.mean(error[common])) for way, error in can.items()}
    held = {way: found[way] for way, error in can.items() if way is Way.PERSISTENCE or _is_nearer(np.where(common, error - can[Way.PERSISTENCE], np.nan))}
    return min(held, key=lambda way: held[way]), found


def _is_nearer(difference: Array) -> bool:
    """Whether errors are less than those of persistence by more than chance: paired by day, since the hours of one day share its weather."""
    known = ~np.isnan(difference)
    days = known.any(axis=1)
    by_day = np.where(known, difference, 0.0).sum(axis=1)[days] / known.sum(axis=1)[days]
    return bool(by_day.mean() + MARGIN * by_day.std(ddof=1) / np.sqrt(len(by_day)) < 0.0)


def _judged(known: Mask) -> bool:
    return int(known.any(axis=1).sum()) >= ENOUGH


def _banded(told: _Told, way: Way, errors: Array, error: dict[Way, float]) -> NextDay:
    """The band of each hour from the errors of its own hour; the spread of a few days is widened by Student's t."""
    recent = errors[-LOOKED_BACK:]
    days = (~np.isnan(recent)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.nansum(recent**2, axis=0) / days)
        half = student.ppf(0.5 + INSIDE / 2.0, np.maximum(days, 1)) * root * np.sqrt(1.0 + 1.0 / days)
    floor = student.ppf(0.5 + INSIDE / 2.0, np.maximum(days, 1)) * LEAST_SPREAD
    value = np.where(days >= ENOUGH, told.by[way][-1], np.nan)
    half = np.where(np.isnan(value), np.nan, np.maximum(half, floor))
    return NextDay(
        value=value, low=value - half, high=value + half, days=days, offset=told.offset[-1], offset_spread=told.spread[-1],
        way=way if np.any(~np.isnan(value)) else None, share=told.share, error=error,
    )  # fmt: skip


def _nothing(told: _Told, error: dict[Way, float]) -> NextDay:
    nothing = np.full(HOURS, np.nan)
    return NextDay(
        value=nothing, low=nothing, high=nothing, days=np.zeros(HOURS, dtype=np.int64), offset=told.offset[-1], offset_spread=told.spread[-1], way=None, share=told.share, error=error
    )  # fmt: skip
