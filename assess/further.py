"""Results beside those that a limit is for (contract 7): the worst two hours and the rest that heat requires, minutes over a ceiling, the worst hour of air."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isnan

import msgspec
import numpy as np

from assess import heat, texts
from assess.airborne import MINIMUM, sliding, sliding_rows
from assess.bounds import NOTHING, Air, Found, Result, Statistic, bounds_from, filled, result_of, sides_of
from assess.gather import Measured, RecordHigh
from assess.limits import NO_LIMIT, Adopted
from assess.outcome import Outcome, ZoneShift
from assess.plan import Span
from assess.rest import rest_place
from assess.wbgt import Wbgt
from domain.verdict import MIN_COVERAGE, Cause, LimitOf, Part
from models.airborne.units import mg_m3_from_ppm
from models.arrays import Array, rolling_sum
from models.heat.effective import HOUR_MIN, TWO_HOURS_MIN
from models.heat.niosh import HIGHEST_W, RESTING_W
from models.heat.rest import rest_minutes
from models.limits.heat import HeatLimit
from models.limits.profile import Limit

WITHIN_MIN = {"min_in_2h": 120, "min_in_3h": 180}
"""Spans in which a limit counts minutes; else the whole shift."""


def worst_two_hours(work: ZoneShift, wbgt: Wbgt, hour: Outcome) -> Iterator[Outcome]:
    """The hottest mean of 120 min, for work that comes and goes; the limits are for one hour."""
    fill, sentence = heat.gap_fill(work.span)
    result = heat.evaluate(wbgt, work.span, None, fill, sentence, final=work.final, minutes=TWO_HOURS_MIN)
    if result.value is not None:
        yield _without_limit(hour, "wbgt_effective_120min_worst", result, hour.method)


def rest_required(work: ZoneShift, limit: HeatLimit, hour: Outcome) -> Iterator[Outcome]:
    """Minutes of rest in each hour of the worst one, at the place of work or where rest is declared to be taken."""
    result = hour.result
    if result.value is None or result.limit_value is None:
        return
    rates = _rates_w(work.span, result)
    steps = [(result.value, rates[1]), *_steps(result, rates, 0), *_steps(result, rates, 2)]
    place = rest_place(work, result)
    resting = [wbgt if place is None else place.value for wbgt, _ in steps]
    causes, half = [part.cause for part in result.parts], len(result.parts)
    if place is not None:
        ends: list[tuple[float, float]] = [steps[half], steps[-1]]
        steps = [*steps[: half + 1], ends[0], *steps[half + 1 :], ends[1]]
        resting = [*resting[: half + 1], place.low, *resting[half + 1 :], place.value if place.high is None else place.high]
        causes, half = [*causes, "sensor"], half + 1
    shown, *moved = rest_min(limit, np.array([wbgt for wbgt, _ in steps]), np.array([rate for _, rate in steps]), np.array(resting))
    low, high = list(zip(causes, moved[:half], strict=True)), list(zip(causes, moved[half:], strict=True))
    found = Found(shown, result.first, result.stop)
    whole: list[tuple[Cause, float]] = [("estimate", float(HOUR_MIN))] if result.high is None or (place is not None and place.high is None) else []
    rest = bounds_from(found, low, [*high, *whole])
    hopeless = [texts.REST_HOPELESS] if _rest_is_over(limit, result.value if place is None else place.value) else []
    stated = replace(rest, reasons=[*(place.reasons if place else [texts.REST_SAME_PLACE]), *hopeless, *result.reasons], notes=[texts.REST_IS_PAID])
    yield replace(hour, metric="rest_min_per_hour_required", unit="min", limit=_named_only(hour), action_level=None, accepts_screening=False, result=stated)


def minutes_over_ceiling(work: ZoneShift, channel: Measured, adopted: Adopted, ceiling: Outcome) -> Iterator[Outcome]:
    """How long a ceiling that holds at any time was exceeded: not a minute is allowed."""
    value = adopted.limit.value_in(channel.quantity.unit)
    if adopted.limit.metric != "ceiling_max" or adopted.limit.window_min != 0 or value is None:
        return
    _, sides = filled(channel, work.span, work.record_high, minimum=MINIMUM, top=True)
    result = result_of(_count_over(value, work.span.minutes), ceiling.air.taken(sides) if ceiling.air else sides)
    yield replace(
        ceiling,
        metric="minutes_over_ceiling",
        unit="min",
        limit=adopted.stated(0.0),
        action_level=None,
        result=replace(result, limit_value=0.0, reasons=ceiling.result.reasons),
        method="airborne-minutes-over@1",
    )


def allowed_minutes(measured: Measured, span: Span, limit: Limit, record_high: RecordHigh, air: Air | None = None) -> Result | None:
    """Minutes over a ceiling that a body allows so many of. What a minute's mean and highest sample leave open is in the bounds; None where units do not meet."""
    ceiling = _ceiling(limit, measured.quantity.unit)
    if ceiling is None:
        return None
    fill, tops = filled(measured, span, record_high, minimum=MINIMUM, top=True)
    means = sides_of(measured, span.counted, minimum=MINIMUM, gap_high=fill.high)
    tops, means = (air.taken(sides) if air else sides for sides in (tops, means))
    window = min(WITHIN_MIN.get(limit.averaging, span.minutes), span.minutes)
    shown, most = result_of(_count_over(ceiling, window), means), result_of(_count_over(ceiling, window), tops)
    if shown.value is None:
        return replace(shown, limit_value=limit.value)
    highest = np.fmax(tops.high[-1][1], ceiling + 1e-9)
    certain = np.clip((means.low[-1][1] - ceiling) / (highest - ceiling), 0.0, 1.0)
    low = float(np.max(rolling_sum(np.nan_to_num(certain), window), initial=0.0))
    high = max(shown.value, most.high or 0.0)
    parts = [Part(cause="sensor", low=low - shown.value, high=high - shown.value)]
    return replace(shown, low=low, high=high, limit_value=limit.value, parts=parts, reasons=[*fill.reasons, *(air.reasons if air else []), texts.MINUTES_FROM_MEANS])


def worst_hour(work: ZoneShift, channel: Measured, like: Outcome) -> Iterator[Outcome]:
    """The highest mean of 60 min: what says most about ventilation."""
    span = work.span
    fill, sides = filled(channel, span, work.record_high, minimum=MINIMUM)
    window = min(HOUR_MIN, span.minutes) if work.final else HOUR_MIN
    result = result_of(sliding(window, span.counted, MIN_COVERAGE), sides, sliding_rows(window, span.counted, MIN_COVERAGE))
    if result.value is None:
        return
    short = [texts.SHORT_SHIFT.format(minutes=HOUR_MIN)] if window < HOUR_MIN else []
    yield _without_limit(like, "mean_1h_max", replace(result, reasons=[*result.reasons, *short, *fill.reasons]), "airborne-60min@1")


def _without_limit(like: Outcome, metric: str, result: Result, method: str) -> Outcome:
    """A result of the same instruments that is there to be read."""
    shown = replace(result, limit_value=None, reasons=[*result.reasons, texts.NO_LIMIT])
    return replace(like, metric=metric, limit=NO_LIMIT, action_level=None, accepts_screening=False, result=shown, method=method, notes=[])


def _named_only(hour: Outcome) -> LimitOf:
    """The limit that the rest is for: it has no number in minutes."""
    return msgspec.structs.replace(hour.limit, value=None)


def _rates_w(span: Span, result: Result) -> tuple[float, float, float]:
    """Lower bound, value and upper bound of the work rate while the window is worked in."""
    work, window = heat.work_of(span), slice(result.first, result.stop)
    at_work = (span.counted & ~span.on_break)[window]
    rates = [float(np.mean(rate[window][at_work] if at_work.any() else rate[window])) for rate in (work.low_w, work.rate_w, work.high_w)]
    return rates[0], rates[1], rates[2]


def _steps(hour: Result, rates: tuple[float, float, float], side: int) -> list[tuple[float, float]]:
    """WBGT and work rate after each cause of the hour's bounds, one on top of the other."""
    steps = []
    wbgt, rate = hour.value or 0.0, rates[1]
    for part in hour.parts:
        if part.cause == "metabolic_rate":
            rate = rates[side]
        else:
            wbgt += part.low if side == 0 else part.high
        steps.append((wbgt, rate))
    return steps


def rest_min(limit: HeatLimit, wbgt_c: Array, rate_w: Array, rest_wbgt_c: Array) -> list[float]:
    """The whole hour where no minute is allowed. Tables of shares are for rest in the same heat: of two places the hotter one counts."""
    if limit.formula is not None:
        rest = rest_minutes(wbgt_c, np.minimum(rate_w, HIGHEST_W), rest_wbgt_c, limit.formula)
        return [float(HOUR_MIN if isnan(one) or rate > HIGHEST_W else one) for one, rate in zip(rest, rate_w, strict=True)]
    return [_rest_by_rows(limit, float(wbgt), float(rate)) for wbgt, rate in zip(np.maximum(wbgt_c, rest_wbgt_c), rate_w, strict=True)]


def _rest_by_rows(limit: HeatLimit, wbgt_c: float, rate_w: float) -> float:
    most = 1.0
    for row in limit.table.shares if limit.table else ():
        if wbgt_c <= limit.at(rate_w, row.share_from):
            return HOUR_MIN * (1.0 - most)
        most = row.share_from
    return float(HOUR_MIN)


def _rest_is_over(limit: HeatLimit, wbgt_c: float) -> bool:
    return wbgt_c > limit.at(RESTING_W, 0.0)


def _count_over(ceiling: float, window: int) -> Statistic:
    """Minutes over it in the fullest window; none where nothing is known."""

    def count(minutes: Array) -> Found:
        if np.all(np.isnan(minutes)):
            return NOTHING
        counts = rolling_sum(minutes > ceiling, window)
        first = int(np.argmax(counts))
        return Found(float(np.rint(counts[first])), first, first + window)

    return count


def _ceiling(limit: Limit, unit: str) -> float | None:
    if limit.over_ppm is None or unit == "ppm":
        return limit.over_ppm
    if unit != "mg/m3" or limit.molar_mass_g_mol is None or limit.ref_temperature_c is None:
        return None
    return mg_m3_from_ppm(limit.over_ppm, limit.molar_mass_g_mol, limit.ref_temperature_c)
