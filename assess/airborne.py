"""Gases, vapours and carbon dioxide: shift average, short-term mean and ceiling of one quantity at one placement, each by the limit's own rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assess import texts
from assess.bounds import NOTHING, Air, Found, Result, Statistic, Values, exact_mean, filled, first_highest, first_highest_of_rows, quality_reasons, result_of
from assess.gather import Measured, RecordHigh
from assess.plan import Span
from models.airborne.excursions import excursions
from models.airborne.stel import ENOUGH, rolling_means
from models.airborne.twa import EIGHT_HOURS_MIN, TEN_HOURS_MIN
from models.arrays import Array, Mask, rolling_sum
from models.limits.profile import Limit

MINIMUM = 0.0


def evaluate(measured: Measured, span: Span, limit: Limit, record_high: RecordHigh, air: Air | None = None) -> Result:
    """The result for one limit, in the channel's unit; `air` takes a mass concentration to the list's conditions."""
    counted = span.counted
    single = limit.metric == "ceiling_max" and not limit.window_min
    fill, sides = filled(measured, span, record_high, minimum=MINIMUM, top=single)
    sides = air.taken(sides) if air else sides
    result = measured.once(("result", limit.metric, limit.averaging, air and air.reference_c), lambda: result_of(statistic_of(limit, counted), sides, values_of(limit, counted)))
    value = limit.value_in(measured.quantity.unit)
    notes = []
    if single and value is not None and (over := int(np.sum(sides.value > value))):
        notes = [texts.OVER_CEILING.format(minutes=over)]
    if limit.metric != "twa" and value is not None:
        notes += _excursions(limit, np.where(counted, sides.value, 0.0), value)
    reasons = [*result.reasons, *fill.reasons, *quality_reasons(measured, counted), *(air.reasons if air else [])]
    return replace(result, limit_value=value, reasons=reasons, notes=notes)


def _excursions(limit: Limit, minutes: Array, value: float) -> list[str]:
    """How often the shift went over a short-term limit or ceiling, and for how long, of what was measured; nothing where it never did."""
    found = excursions(rolling_means(minutes, limit.window_min) if limit.window_min else minutes, value)
    return [texts.EXCURSIONS.format(count=found.count, minutes=found.minutes, longest=found.longest_min)] if found.count else []


def statistic_of(limit: Limit, counted: Mask) -> Statistic:
    """The limit's averaging rule as a statistic of minutes; a minute that does not count is NaN."""
    if limit.metric == "twa":
        return _twa(limit, counted)
    if limit.window_min:
        return sliding(limit.window_min, counted)
    return highest_sample


def values_of(limit: Limit, counted: Mask) -> Values | None:
    """The same for rows of minutes; None for what has no such form."""
    if limit.metric == "twa":
        return None
    return sliding_rows(limit.window_min, counted) if limit.window_min else highest_samples


def highest_samples(rows: Array) -> list[float]:
    """`highest_sample` of each row."""
    highest = np.max(np.where(np.isnan(rows), -np.inf, rows), axis=-1)
    known: list[float] = np.where(np.isnan(rows).all(axis=-1), np.nan, highest).tolist()
    return known


def highest_sample(minutes: Array) -> Found:
    """The greatest value and its minute."""
    if not np.any(~np.isnan(minutes)):
        return NOTHING
    index = int(np.nanargmax(minutes))
    return Found(float(minutes[index]), index, index + 1)


def _twa(limit: Limit, counted: Mask) -> Statistic:
    def shift_mean(minutes: Array) -> Found:
        worked = minutes[counted]
        if limit.averaging == "shift_up_to_10h" and len(worked) > TEN_HOURS_MIN:
            return _worst(worked, TEN_HOURS_MIN, np.flatnonzero(counted))
        if limit.averaging == "worst_8h" and len(worked) > EIGHT_HOURS_MIN:
            return _worst(worked, EIGHT_HOURS_MIN, np.flatnonzero(counted))
        mean = exact_mean(worked)
        share = 1.0 if limit.averaging == "shift_up_to_10h" else len(worked) / EIGHT_HOURS_MIN
        return Found(mean * share, 0, len(minutes))

    return shift_mean


def _worst(worked: Array, window: int, positions: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Found:
    known = ~np.isnan(worked)
    count = rolling_sum(known, window)
    means = np.where(count > 0.5, rolling_sum(np.where(known, worked, 0.0), window) / np.maximum(count, 1.0), np.nan)
    if np.all(np.isnan(means)):
        return NOTHING
    first = first_highest(np.where(np.isnan(means), -np.inf, means))
    return Found(exact_mean(worked[first : first + window]), int(positions[first]), int(positions[first + window - 1]) + 1)


def sliding(window: int, counted: Mask, enough: float = ENOUGH) -> Statistic:
    """The highest mean of a window; nobody is there in a break of a zone that is empty then."""

    def worst_window(minutes: Array) -> Found:
        exposed = np.where(counted, minutes, 0.0)
        means = rolling_means(exposed, window, enough=enough)
        if means.size == 0 or np.all(np.isnan(means)):
            return NOTHING
        first = first_highest(np.where(np.isnan(means), -np.inf, means))
        return Found(exact_mean(exposed[first : first + window]), first, first + window)

    return worst_window


def sliding_rows(window: int, counted: Mask, enough: float = ENOUGH) -> Values:
    """`sliding` of each row."""

    def worst_windows(rows: Array) -> list[float]:
        exposed = np.where(counted, rows, 0.0)
        means = rolling_means(exposed, window, enough=enough)
        if means.size == 0:
            return [np.nan] * len(rows)
        none = np.isnan(means)
        first = first_highest_of_rows(np.where(none, -np.inf, means))
        return [np.nan if empty else exact_mean(row[at : at + window]) for row, at, empty in zip(exposed, first, np.all(none, axis=-1), strict=True)]

    return worst_windows
