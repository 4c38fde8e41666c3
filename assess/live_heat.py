"""Live heat: WBGT from the freshest readings, so that an excursion is seen at once, and the mean of the last hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assess import heat, texts
from assess.bounds import Result, exact_mean
from assess.evaluate import heat_limits
from assess.gather import Measured
from assess.heat_together import solve_readings
from assess.limits import Adopted, once_of, strictest
from assess.live import LiveWindow
from assess.live_window import Line, Now, window
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.uncertainty import table
from assess.wbgt import INPUTS, Wbgt
from domain.registry import ZoneSpec
from domain.times import MINUTE_US
from domain.verdict import LimitOf
from models.arrays import Mask
from models.heat.clothing import clothing_adjustment_k
from models.heat.effective import ENOUGH, HOUR_MIN
from models.heat.niosh import HIGHEST_W, LOWEST_W, RESTING_W
from models.limits.heat import heat_limit

_ONE = np.array([True])


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
    wbgt = _wbgt_of_readings(work, placement, now)
    used = _instruments(work, placement)
    clothing = clothing_adjustment_k(spec.clothing)
    rates = _rates(spec)
    held = _held_at(limits, rates)
    if wbgt is None or clothing is None or np.isnan(wbgt.value[0]):
        reason = texts.NOT_FRESH if clothing is not None else texts.UNKNOWN_CLOTHING.format(clothing=spec.clothing)
        nothing = Result(value=None, low=None, high=None, first=0, stop=0, reasons=[reason])
        return window(placement, "heat", "wbgt_now", used, nothing, _line(held, 0.0), unit="Cel", start_us=now.at_us - MINUTE_US, stop_us=now.at_us, coverage=0.0)
    result, line = _result(float(wbgt.value[0]) + clothing, wbgt, _widths_of(wbgt, 0, _ONE), held, rates)
    times = [reading.time_us for one in wbgt.used for channel in one.channels if (reading := now.fresh(channel)) is not None]
    share = len(wbgt.used) / max(len(used), 1)
    return window(placement, "heat", "wbgt_now", used, result, line, unit="Cel", start_us=min(times) - MINUTE_US, stop_us=max(times), coverage=share)


def _wbgt_of_readings(work: ZoneShift, placement: Placement, now: Now) -> Wbgt | None:
    """Solved for all placements at once where that was asked for."""
    if work.wbgt_now.get(placement.label, (None, None))[0] is not now:
        solve_readings([(work, placement)], now)
    return work.wbgt_now[placement.label][1]


def _last_hour(work: ZoneShift, placement: Placement, wbgt: Wbgt, limits: Sequence[Adopted]) -> LiveWindow:
    """At the work rate of the same hour; shorter while the shift is younger than an hour."""
    span = work.span
    first = max(0, span.minutes - HOUR_MIN)
    rates = heat.work_of(span)
    counted = span.counted[first:]
    known = counted & wbgt.valid[first:]
    coverage = float(known.sum() / max(int(counted.sum()), 1))
    effective = (wbgt.value[first:] + rates.clothing_k[first:])[known]
    hour = span.once_alike("last hour", lambda: _Rates(*(float(np.mean(rate[first:])) for rate in (rates.rate_w, rates.low_w, rates.high_w))))
    held = _held_at(limits, hour)
    if coverage < ENOUGH or not len(effective) or np.any(np.isnan(effective)):
        nothing = Result(value=None, low=None, high=None, first=first, stop=span.minutes, reasons=[texts.NO_FULL_WINDOW.format(minutes=HOUR_MIN)])
        result, line = nothing, _line(held, 0.0)
    else:
        result, line = _result(exact_mean(effective), wbgt, _widths_of(wbgt, first, known), held, hour)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The limits that hold at a work rate; `stop_from` where even rest leaves no minute in the hour."""

    resting: LimitOf | None
    stop_from: float | None
    limit: LimitOf | None = None  # the strictest for this work; None without a work rate
    limit_c: float = np.nan
    easier_k: float = 0.0  # by so much it is higher where the work is as light as it may be
    harder_k: float = 0.0  # by so much it is lower where the work is as hard as it may be; infinite where the limit knows no such work


def _rates(spec: ZoneSpec) -> _Rates:
    """Of people at work now, also in a break: the place stays as hot."""
    if spec.metabolic_rate_w is None:
        return _Rates(np.nan, np.nan, np.nan)
    rate, share = spec.metabolic_rate_w, 0.0 if spec.metabolic_rate_measured else table().heat.metabolic_rate_share
    return _Rates(rate, min(rate, max(rate * (1.0 - share), RESTING_W)), rate * (1.0 + share))


def _held_at(limits: Sequence[Adopted], rates: _Rates) -> _Held:
    """Without a work rate only `stop` can be known."""
    return once_of(limits, rates, lambda: _find_held(limits, rates))


def _find_held(limits: Sequence[Adopted], rates: _Rates) -> _Held:
    known = [(one, found) for one in limits if (found := heat_limit(one.limit)) is not None]
    resting = strictest([(one, found.at(RESTING_W, work_share=0.0)) for one, found in known])
    if resting is None:
        return _Held(resting=None, stop_from=None)
    working = [(found.at(rates.rate_w), one, found) for one, found in known if not np.isnan(found.at(rates.rate_w))]
    if not rates.in_range or not working:
        return _Held(resting=resting[0].stated(None), stop_from=resting[1])
    value, adopted, found = min(working, key=lambda one: one[0])
    harder = found.at(rates.high_w)
    return _Held(
        resting=resting[0].stated(None),
        stop_from=resting[1],
        limit=adopted.stated(value, rates.rate_w),
        limit_c=value,
        easier_k=found.at(max(rates.low_w, LOWEST_W)) - value,
        harder_k=np.inf if np.isnan(harder) else value - harder,
    )


def _line(held: _Held, width_k: float) -> Line:
    """`action` one uncertainty below the strictest limit for this work."""
    if held.limit is None:
        return Line(limit=held.resting, stop_from=held.stop_from, decides=False)
    return Line(limit=held.limit, action_from=held.limit_c - width_k, stop_from=held.stop_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Widths:
    """How far a WBGT may be off, downwards and upwards, and what `action` begins below the limit, K."""

    below: float
    above: float
    uncertainty: float


def _widths_of(wbgt: Wbgt, first: int, known: Mask) -> _Widths:
    """The means over the known minutes from `first` on."""
    (sensor, upper), (drift, upper_drift), (estimate, upper_estimate) = wbgt.sensor, wbgt.drift, wbgt.estimate
    below = (sensor[first:] + drift[first:] + estimate[first:])[known]
    instruments, endless = (upper[first:] + upper_drift[first:])[known], upper_estimate[first:][known]
    number = len(below)
    width = float((instruments + np.where(np.isinf(endless), 0.0, endless)).sum()) / number
    return _Widths(below=float(below.sum()) / number, above=float((instruments + endless).sum()) / number, uncertainty=width if np.isfinite(width) else 0.0)


def _result(value: float, wbgt: Wbgt, widths: _Widths, held: _Held, rates: _Rates) -> tuple[Result, Line]:
    """Bounds as in a verdict: instruments, estimate, and the work rate on the limit's side."""
    low, high = value - widths.below - held.easier_k, value + widths.above + held.harder_k
    open_above = bool(np.isinf(high))
    unknown = [texts.NO_WORK_RATE] if np.isnan(rates.rate_w) else []
    reasons = [*wbgt.reasons, *unknown, *([texts.OPEN_ABOVE] if open_above else [])]
    return Result(value=value, low=low, high=None if open_above else high, first=0, stop=0, reasons=reasons), _line(held, widths.uncertainty)


def _instruments(work: ZoneShift, placement: Placement) -> list[Measured]:
    return [measured for quantity in INPUTS if (measured := work.measure(placement, quantity)) is not None]
