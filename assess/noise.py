"""Noise of one placement: dose, 8-hour level and highest peak, with gaps as bounds. Levels go in and come out as dB; sums are energies."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from assess import texts
from assess.airborne import highest_sample, highest_samples
from assess.bounds import Ends, Found, Result, Sides, Statistic, ends_of, exact_mean, filled, quality_reasons, result_of
from assess.gather import Measured, RecordHigh
from assess.plan import Span
from domain.verdict import Part
from models.arrays import Array
from models.limits.profile import Limit
from models.noise.levels import REFERENCE_MIN, energy, level
from models.noise.niosh import dose_rate_pct_min
from models.noise.osha import dose_rate_pct_min as dose_5db_rate_pct_min
from models.noise.osha import least_dose_rate_pct_min

MINIMUM_DB = 0.0
"""What a gap is filled with from below: the threshold of hearing, no part of any dose."""
DOSES_5DB = {"dose_5db_t80": 80.0, "dose_5db_t90": 90.0}
"""OSHA's doses with the level from which on they count, dB(A)."""
COUNTERS = {metric: f"sound_{metric}" for metric in DOSES_5DB}
"""Quantities of instruments that count such a dose themselves."""


def evaluate(measured: Measured, span: Span, limit: Limit, record_high: RecordHigh) -> Result:
    """The result for one limit: of the level channel for dose and LEX, of the peak channel for the peak."""
    counted = span.counted
    peak = limit.metric == "lcpeak_max"
    fill, sides = filled(measured, span, record_high, minimum=MINIMUM_DB, top=peak)
    result = measured.once(("result", limit.metric), lambda: _result(limit.metric, int(counted.sum()), sides))
    return replace(result, limit_value=limit.value, reasons=[*result.reasons, *fill.reasons, *quality_reasons(measured, counted)])


def under_protectors(result: Result, span: Span, metric: str) -> Result:
    """The level under hearing protectors, for limits that count them; without their recorded attenuation there is nothing to say."""
    attenuation = span.protector_attenuation_db
    if attenuation is None:
        return Result(value=None, low=None, high=None, first=0, stop=span.minutes, limit_value=result.limit_value, reasons=[texts.WITH_PROTECTORS])
    if result.value is None or result.low is None:
        return result
    value, low = (max(level - attenuation, MINIMUM_DB) for level in (result.value, result.low))
    peak = metric == "lcpeak_max"
    high = None if result.high is None else result.high if peak else max(result.high - attenuation, MINIMUM_DB)
    parts = [*result.parts, *([Part(cause="estimate", low=0.0, high=attenuation)] if peak and high is not None else [])]
    said = texts.UNDER_PROTECTORS.format(protector=span.head.protector or "-", attenuation=f"{attenuation:g}")
    return replace(result, value=value, low=low, high=high, parts=parts, reasons=[said, *([texts.PEAKS_UNDER_PROTECTORS] if peak else []), *result.reasons])


def _result(metric: str, minutes_worked: int, sides: Sides) -> Result:
    if metric in DOSES_5DB:
        return approximate_dose(metric, minutes_worked, sides)
    result = result_of(statistic_of(metric, minutes_worked), sides, highest_samples if metric in HIGHEST else None)
    return replace(result, high=None, reasons=[*result.reasons, texts.HIGHEST_LEVEL]) if metric == "la_max" else result


def approximate_dose(metric: str, minutes_worked: int, sides: Sides) -> Result:
    """A 5 dB dose from minute means. It grows slower than energy: a steady minute holds the most, one short burst the least, and a threshold may leave nothing of it."""
    threshold_db = DOSES_5DB[metric]
    shown = result_of(_total(lambda minutes: dose_5db_rate_pct_min(minutes, threshold_db), minutes_worked), sides)
    most = result_of(_total(lambda minutes: dose_5db_rate_pct_min(minutes, MINIMUM_DB), minutes_worked), sides)
    least = result_of(_total(lambda minutes: least_dose_rate_pct_min(minutes, threshold_db), minutes_worked), sides)
    if shown.value is None or least.low is None:
        return shown
    part = Part(cause="estimate", low=least.low - shown.value, high=0.0 if most.high is None else max(most.high - shown.value, 0.0))
    return replace(shown, low=least.low, high=most.high, parts=[part], reasons=[*most.reasons, texts.APPROXIMATE_DOSE])


HIGHEST = ("la_max", "lcpeak_max")
"""Results that are one minute's."""
RATES: Mapping[str, Callable[[Array], Array]] = MappingProxyType({"dose_3db": dose_rate_pct_min, "lex_8h": energy})
"""What a minute at a level gives to a result that is a mean of it."""


def so_far_key(metric: str, minutes_worked: int) -> Hashable:
    """Where a running result is held that was made for many channels at once."""
    return "so far", metric, minutes_worked


def so_far(metric: str, measured: Measured, sides: Sides, minutes_worked: int) -> Ends:
    """A running dose or level with its bounds: `result_of` without the share of each cause."""

    def make() -> Ends:
        means = [exact_mean(RATES[metric](minutes)) for minutes in (sides.value, sides.low[-1][1], sides.high[-1][1])]
        return ends_of(*scaled(metric, np.array(means), minutes_worked).tolist())

    return measured.once(so_far_key(metric, minutes_worked), make)


def scaled(metric: str, means: Array, minutes_worked: int | Array) -> Array:
    """From the mean of `RATES` to the dose or level of all minutes worked."""
    return means * minutes_worked if metric == "dose_3db" else level(means * minutes_worked / REFERENCE_MIN)


def _total(rate: Callable[[Array], Array], minutes_worked: int) -> Statistic:
    return lambda minutes: _whole(minutes, minutes_worked * exact_mean(rate(minutes)))


def statistic_of(metric: str, minutes_worked: int) -> Statistic:
    """Dose and LEX scale what was measured to all minutes worked: the gap's bounds say what that may hide."""
    if metric == "dose_3db":
        return lambda minutes: _whole(minutes, minutes_worked * exact_mean(dose_rate_pct_min(minutes)))
    if metric == "lex_8h":
        return lambda minutes: _whole(minutes, float(level(exact_mean(energy(minutes)) * minutes_worked / REFERENCE_MIN)))
    return highest_sample


def _whole(minutes: Array, value: float) -> Found:
    return Found(value, 0, len(minutes))
