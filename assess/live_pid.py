"""A photo-ionisation detector on the floor: the declared mixture over the last 15 minutes and over the shift so far, by its most toxic composition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assess import airborne, texts
from assess.bounds import NOTHING, Found, Result, Statistic, exact_mean, filled, result_of
from assess.gather import Measured
from assess.live import LiveWindow
from assess.live_air import SETTLED_MIN
from assess.live_window import Line, form_of, planned_minutes
from assess.outcome import ZoneShift
from assess.pid import HAZARD, QUANTITY, SHIFT, SHORT, Rule, index_of, rules_of
from assess.plan import Placement
from domain.times import MINUTE_US
from domain.verdict import MIN_COVERAGE
from models.arrays import Array, Mask

SHORT_MIN = 15


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """Nothing without a declared mixture: the detector alone meets no limit."""
    channel = work.measure(placement, QUANTITY) if work.span.solvents and work.span.minutes else None
    if channel is None:
        return
    if (worst := _worst(work, rules_of(work, SHORT), _last(work, channel))) is not None:
        yield _window(work, placement, channel, "mixture_index_15min", *worst, first=max(0, work.span.minutes - SHORT_MIN))
    if work.span.shift is not None and (rules := rules_of(work, SHIFT)):
        found = [(rule, _so_far(work, airborne.evaluate(channel, work.span, rule.first.limit, work.record_high))) for rule in rules]
        indices = [(rule, index_of(work, reading, rule)) for rule, reading in found]
        rule, result = max(indices, key=lambda one: one[1].value or 0.0)
        yield _window(work, placement, channel, "mixture_index", rule, replace(result, reasons=[*result.reasons, texts.SO_FAR]), first=0)


def _worst(work: ZoneShift, rules: list[Rule], reading: Result) -> tuple[Rule, Result] | None:
    """By the profile that allows least."""
    return max(((rule, index_of(work, reading, rule)) for rule in rules), key=lambda one: one[1].value or 0.0, default=None)


def _last(work: ZoneShift, channel: Measured) -> Result:
    """The detector's mean of the last 15 minutes, by its own bounds."""
    _, sides = filled(channel, work.span, work.record_high, minimum=airborne.MINIMUM)
    return result_of(_mean_of_last(work.span.counted), sides)


def _mean_of_last(counted: Mask) -> Statistic:
    def mean(minutes: Array) -> Found:
        exposed = np.where(counted, minutes, 0.0)[-SHORT_MIN:]
        known = int(np.sum(~np.isnan(exposed)))
        if known < MIN_COVERAGE * SHORT_MIN:
            return NOTHING
        return Found(exact_mean(exposed), len(minutes) - SHORT_MIN, len(minutes))

    return mean


def _so_far(work: ZoneShift, reading: Result) -> Result:
    """As of every shift average: not judged on less than an hour, and proven only by what has been."""
    worked, planned = int(work.span.counted.sum()), planned_minutes(work)
    settled, done = min(1.0, worked / SETTLED_MIN), min(1.0, worked / max(planned, 1))
    value, low = (None if number is None else number * share for number, share in ((reading.value, settled), (reading.low, done)))
    return replace(reading, value=value, low=None if low is None or value is None else min(low, value), parts=[])


def _window(work: ZoneShift, placement: Placement, channel: Measured, metric: str, rule: Rule, result: Result, *, first: int) -> LiveWindow:
    """Over 15 minutes it is `stop` where even the least toxic composition is over the limits; within is never said without an upper bound."""
    span = work.span
    is_sure = metric == "mixture_index_15min" and result.low is not None and result.low > 1.0
    line = Line(limit=rule.stated(), action_from=1.0, stop_from=1.0 if is_sure else None, decides=result.high is not None)
    counted = span.counted[first:]
    coverage = float((channel.valid & span.counted)[first:].sum() / max(int(counted.sum()), 1))
    form, reasons = form_of(placement, HAZARD, metric, [channel], "1", line), [*rule.reasons(work), *result.reasons]
    return form.window(result.value, result.low, result.high, reasons, start_us=span.start_us + first * MINUTE_US, stop_us=span.stop_us, coverage=coverage)
