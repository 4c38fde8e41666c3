"""Noise of one placement: dose, 8-hour level and highest peak, with gaps as bounds. Levels go in and come out as dB; sums are energies."""

from __future__ import annotations

from dataclasses import replace

from assess import texts
from assess.airborne import highest_sample
from assess.bounds import Found, Result, Statistic, exact_mean, has_gap, quality_reasons, result_of, sides_of, worst_case
from assess.gather import Measured, RecordHigh
from assess.plan import Span
from models.arrays import Array
from models.limits.profile import Limit
from models.noise.levels import REFERENCE_MIN, energy, level
from models.noise.niosh import dose_rate_pct_min

MINIMUM_DB = 0.0
"""What a gap is filled with from below: the threshold of hearing, no part of any dose."""


def evaluate(measured: Measured, span: Span, limit: Limit, record_high: RecordHigh) -> Result:
    """The result for one limit: of the level channel for dose and LEX, of the peak channel for the peak."""
    counted = span.counted
    fill, sentence = worst_case(measured, span, record_high)
    peak = limit.metric == "lcpeak_max"
    sides = sides_of(measured, counted, minimum=MINIMUM_DB, gap_high=fill, top=peak)
    result = result_of(statistic_of(limit.metric, int(counted.sum())), sides)
    reasons = [texts.GAPS, sentence] if has_gap(measured, counted) else []
    return replace(result, limit_value=limit.value, reasons=[*result.reasons, *reasons, *quality_reasons(measured, counted)])


def statistic_of(metric: str, minutes_worked: int) -> Statistic:
    """Dose and LEX scale what was measured to all minutes worked: the gap's bounds say what that may hide."""
    if metric == "dose_3db":
        return lambda minutes: _whole(minutes, minutes_worked * exact_mean(dose_rate_pct_min(minutes)))
    if metric == "lex_8h":
        return lambda minutes: _whole(minutes, float(level(exact_mean(energy(minutes)) * minutes_worked / REFERENCE_MIN)))
    return highest_sample


def _whole(minutes: Array, value: float) -> Found:
    return Found(value, 0, len(minutes))
