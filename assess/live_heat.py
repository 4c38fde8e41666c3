"""Live heat: WBGT from the freshest readings, so that an excursion is seen at once, and the mean of the last hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, isinf, isnan

import numpy as np

from assess import heat, texts
from assess.bounds import exact_mean
from assess.evaluate import heat_limits
from assess.heat_together import solve_readings
from assess.limits import Adopted, once_of, strictest
from assess.live import LiveWindow
from assess.live_window import Form, Line, Now, form_of
from assess.outcome import WbgtNow, ZoneShift
from assess.plan import Placement, Span
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


def reading_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading."""
    yield _wbgt_now(work, placement, now)


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """What changes with the minute."""
    wbgt = work.wbgt(placement)
    if wbgt is not None and work.span.minutes:
        yield _last_hour(work, placement, wbgt, heat_limits(work))


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands at a placement from minute to minute."""

    form: Form
    rates: _Rates
    held: _Held
    clothing_k: float | None


def _place(work: ZoneShift, placement: Placement) -> _Place:
    spec = work.span.pieces[-1].spec
    rates, used = _rates(spec), [measured for quantity in INPUTS if (measured := work.measure(placement, quantity)) is not None]
    return _Place(form_of(placement, "heat", "wbgt_now", used, "Cel"), rates, _held_at(heat_limits(work), rates), clothing_adjustment_k(spec.clothing))


def _wbgt_now(work: ZoneShift, placement: Placement, now: Now) -> LiveWindow:
    """An instrument without a fresh reading is left out, which widens the bounds and is said."""
    place, found = work.span.once_standing(("wbgt now", placement.label, work.day), lambda: _place(work, placement)), _wbgt_of_readings(work, placement, now)
    form, held = place.form, place.held
    if found is None or place.clothing_k is None or isnan(found.value):
        reason = texts.NOT_FRESH if place.clothing_k is not None else texts.UNKNOWN_CLOTHING.format(clothing=work.span.pieces[-1].spec.clothing)
        return form.window(None, None, None, [reason], start_us=now.at_us - MINUTE_US, stop_us=now.at_us, coverage=0.0, line=_line(held, 0.0))
    times = [reading.time_us for one in found.used for channel in one.channels if (reading := now.fresh(channel)) is not None]
    low, high, reasons, line = _judged(found.value + place.clothing_k, found, held, place.rates)
    share = len(found.used) / max(len(form.channels), 1)
    return form.window(found.value + place.clothing_k, low, high, reasons, start_us=min(times) - MINUTE_US, stop_us=max(times), coverage=share, line=line)


def _wbgt_of_readings(work: ZoneShift, placement: Placement, now: Now) -> WbgtNow | None:
    """Solved for all placements at once where that was asked for."""
    if work.wbgt_now.get(placement.label, (None, None))[0] is not now:
        solve_readings([(work, placement)], now)
    return work.wbgt_now[placement.label][1]


def _last_hour(work: ZoneShift, placement: Placement, wbgt: Wbgt, limits: Sequence[Adopted]) -> LiveWindow:
    """At the work rate of the same hour; shorter while the shift is younger than an hour."""
    span = work.span
    first = max(0, span.minutes - HOUR_MIN)
    worked = span.once_alike("worked hour", lambda: int(np.count_nonzero(span.counted[first:])))
    known = span.counted[first:] & wbgt.valid[first:]
    coverage = int(np.count_nonzero(known)) / max(worked, 1)
    effective = (wbgt.value[first:] + heat.work_of(span).clothing_k[first:])[known]
    hour = span.once_alike("last hour", lambda: _rates_from(span, first))
    held = _held_at(limits, hour)
    form, start_us = form_of(placement, "heat", "wbgt_effective_60min", wbgt.used, "Cel"), span.start_us + first * MINUTE_US
    if coverage < ENOUGH or not len(effective) or np.any(np.isnan(effective)):
        reason = texts.NO_FULL_WINDOW.format(minutes=HOUR_MIN)
        return form.window(None, None, None, [reason], start_us=start_us, stop_us=span.stop_us, coverage=coverage, line=_line(held, 0.0))
    value = exact_mean(effective)
    low, high, reasons, line = _judged(value, _over_hour(wbgt, first, known, value), held, hour)
    return form.window(value, low, high, reasons, start_us=start_us, stop_us=span.stop_us, coverage=coverage, line=line)


def _rates_from(span: Span, first: int) -> _Rates:
    """The means from a minute on."""
    rates = heat.work_of(span)
    return _Rates(*(float(np.mean(rate[first:])) for rate in (rates.rate_w, rates.low_w, rates.high_w)))


def _over_hour(wbgt: Wbgt, first: int, known: Mask, value: float) -> WbgtNow:
    """The means over the known minutes from `first` on."""
    (sensor, upper), (drift, upper_drift), (estimate, upper_estimate) = wbgt.sensor, wbgt.drift, wbgt.estimate
    below = (sensor[first:] + drift[first:] + estimate[first:])[known]
    instruments, endless = (upper[first:] + upper_drift[first:])[known], upper_estimate[first:][known]
    number = len(below)
    above = float((instruments + endless).sum()) / number
    width = above if isfinite(above) else float((instruments + np.where(np.isinf(endless), 0.0, endless)).sum()) / number
    return WbgtNow(value, float(below.sum()) / number, above, width, wbgt.used, wbgt.reasons)


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


def _judged(value: float, wbgt: WbgtNow, held: _Held, rates: _Rates) -> tuple[float, float | None, list[str], Line]:
    """Bounds as in a verdict: instruments, estimate, and the work rate on the limit's side."""
    low, high = value - wbgt.below - held.easier_k, value + wbgt.above + held.harder_k
    open_above = isinf(high)
    unknown = [texts.NO_WORK_RATE] if isnan(rates.rate_w) else []
    reasons = [*wbgt.reasons, *unknown, *([texts.OPEN_ABOVE] if open_above else [])]
    return low, None if open_above else high, reasons, _line(held, wbgt.uncertainty if isfinite(wbgt.uncertainty) else 0.0)
