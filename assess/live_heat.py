"""Live heat: WBGT from the freshest readings, so that an excursion is seen at once, and the mean of the last hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assess import heat, texts
from assess.bounds import Result, exact_mean
from assess.evaluate import heat_limits
from assess.gather import Measured
from assess.limits import Adopted, strictest
from assess.live import LiveWindow
from assess.live_window import Line, Now, single_reading, window
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.uncertainty import table
from domain.registry import ZoneSpec
from domain.times import MINUTE_US
from models.arrays import Mask
from models.heat.clothing import clothing_adjustment_k
from models.heat.effective import ENOUGH, HOUR_MIN
from models.heat.niosh import HIGHEST_W, LOWEST_W, RESTING_W
from models.limits.heat import HeatLimit, heat_limit


def reading_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading."""
    yield _wbgt_now(work, placement, now, heat_limits(work))


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """What changes with the minute."""
    wbgt = work.wbgt(placement)
    if wbgt is not None and work.span.minutes:
        yield _last_hour(work, placement, wbgt, heat_limits(work))


def _wbgt_now(work: ZoneShift, placement: Placement, now: Now, limits: Sequence[Adopted]) -> LiveWindow:
    """An instrument without a fresh reading is left out, which widens the bounds and is said."""
    spec = work.span.pieces[-1].spec
    wbgt = heat.wbgt_of(lambda quantity: single_reading(work, placement, quantity, now), work.span.worst_case("globe_temperature"))
    used = _instruments(work, placement)
    clothing = clothing_adjustment_k(spec.clothing)
    rates = _rates(spec)
    if wbgt is None or clothing is None or np.isnan(wbgt.value[0]):
        reason = texts.NOT_FRESH if clothing is not None else texts.UNKNOWN_CLOTHING.format(clothing=spec.clothing)
        nothing = Result(value=None, low=None, high=None, first=0, stop=0, reasons=[reason])
        return window(placement, "heat", "wbgt_now", used, nothing, _line(limits, rates, 0.0).line, unit="Cel", start_us=now.at_us - MINUTE_US, stop_us=now.at_us, coverage=0.0)
    result, held = _result(float(wbgt.value[0]) + clothing, wbgt, np.array([True]), limits, rates)
    times = [reading.time_us for one in wbgt.used for channel in one.channels if (reading := now.fresh(channel)) is not None]
    share = len(wbgt.used) / max(len(used), 1)
    return window(placement, "heat", "wbgt_now", used, result, held, unit="Cel", start_us=min(times) - MINUTE_US, stop_us=max(times), coverage=share)


def _last_hour(work: ZoneShift, placement: Placement, wbgt: heat.Wbgt, limits: Sequence[Adopted]) -> LiveWindow:
    """At the work rate of the same hour; shorter while the shift is younger than an hour."""
    span = work.span
    first = max(0, span.minutes - HOUR_MIN)
    rates = heat.work_of(span)
    counted = span.counted[first:]
    known = counted & wbgt.valid[first:]
    coverage = float(known.sum() / max(int(counted.sum()), 1))
    effective = (wbgt.value + rates.clothing_k)[first:][known]
    hour = _Rates(*(float(np.mean(rate[first:])) for rate in (rates.rate_w, rates.low_w, rates.high_w)))
    if coverage < ENOUGH or not len(effective) or np.any(np.isnan(effective)):
        nothing = Result(value=None, low=None, high=None, first=first, stop=span.minutes, reasons=[texts.NO_FULL_WINDOW.format(minutes=HOUR_MIN)])
        result, line = nothing, _line(limits, hour, 0.0).line
    else:
        mask = np.zeros(span.minutes, dtype=bool)
        mask[first:] = known
        result, line = _result(exact_mean(effective), wbgt, mask, limits, hour)
    start_us = span.start_us + first * MINUTE_US
    return window(placement, "heat", "wbgt_effective_60min", wbgt.used, result, line, unit="Cel", start_us=start_us, stop_us=span.stop_us, coverage=coverage)


@dataclass(frozen=True, slots=True)
class _Rates:
    """Work rate and its bounds, W; NaN where it is not declared."""

    rate_w: float
    low_w: float
    high_w: float

    @property
    def in_range(self) -> bool:
        return LOWEST_W <= self.rate_w <= HIGHEST_W


@dataclass(frozen=True, slots=True)
class _Held:
    line: Line
    limit: HeatLimit | None


def _rates(spec: ZoneSpec) -> _Rates:
    """Of people at work now, also in a break: the place stays as hot."""
    if spec.metabolic_rate_w is None:
        return _Rates(np.nan, np.nan, np.nan)
    rate, share = spec.metabolic_rate_w, 0.0 if spec.metabolic_rate_measured else table().heat.metabolic_rate_share
    return _Rates(rate, min(rate, max(rate * (1.0 - share), RESTING_W)), rate * (1.0 + share))


def _line(limits: Sequence[Adopted], rates: _Rates, width_k: float) -> _Held:
    """`action` one uncertainty below the strictest limit for this work; `stop` where even rest leaves no minute in the hour. Without a work rate only `stop` can be known."""
    known = [(one, found) for one in limits if (found := heat_limit(one.limit)) is not None]
    resting = strictest([(one, found.at(RESTING_W, work_share=0.0)) for one, found in known])
    if resting is None:
        return _Held(Line(decides=False), None)
    working = [(found.at(rates.rate_w), one, found) for one, found in known if not np.isnan(found.at(rates.rate_w))]
    if not rates.in_range or not working:
        return _Held(Line(limit=resting[0].stated(None), stop_from=resting[1], decides=False), None)
    value, adopted, found = min(working, key=lambda one: one[0])
    line = Line(limit=adopted.stated(value, rates.rate_w), action_from=value - width_k, stop_from=resting[1])
    return _Held(line, found)


def _result(value: float, wbgt: heat.Wbgt, known: Mask, limits: Sequence[Adopted], rates: _Rates) -> tuple[Result, Line]:
    """Bounds as in a verdict: instruments, estimate, and the work rate on the limit's side."""
    below = float(np.mean((wbgt.sensor[0] + wbgt.drift[0] + wbgt.estimate[0])[known]))
    above = float(np.mean((wbgt.sensor[1] + wbgt.drift[1] + wbgt.estimate[1])[known]))
    width = float(np.mean(wbgt.uncertainty_k[known]))
    held = _line(limits, rates, width if np.isfinite(width) else 0.0)
    low, high = value - below, value + above
    if held.limit is not None:
        limit, harder = held.limit.at(rates.rate_w), held.limit.at(rates.high_w)
        low -= held.limit.at(max(rates.low_w, LOWEST_W)) - limit
        high = np.inf if np.isnan(harder) else high + limit - harder
    result = Result(value=value, low=low, high=None if np.isinf(high) else high, first=0, stop=0, reasons=wbgt.reasons)
    unknown = [texts.NO_WORK_RATE] if np.isnan(rates.rate_w) else []
    return replace(result, reasons=[*wbgt.reasons, *unknown, *([texts.OPEN_ABOVE] if np.isinf(high) else [])]), held.line


def _instruments(work: ZoneShift, placement: Placement) -> list[Measured]:
    return [measured for quantity in heat.INPUTS if (measured := work.measure(placement, quantity)) is not None]
