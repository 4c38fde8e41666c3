"""Protection (contract 4.1): live windows by `value`, whatever the evidence. Over the strictest adopted limit is `action`; what harms within the hour is `stop`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from assess import airborne, heat, noise, texts
from assess.bounds import Result, exact_mean, result_of, sides_of, worst_case
from assess.evaluate import ZoneShift, heat_limits, monitored, planned, shift_of
from assess.gather import Measured
from assess.limits import Adopted, limits_for, strictest
from assess.live import LiveWindow, LiveZone
from assess.plan import Placement
from assess.uncertainty import sensor_uncertainty, table
from domain.calibration import correction_at, corrections, state_of
from domain.hazards import ZoneStatus, worst
from domain.quality import Reason
from domain.quantities import QUANTITIES, Quantity, Use, quantity_of
from domain.reading import Reading
from domain.registry import Channel
from domain.times import MINUTE_US, SECOND_US
from domain.verdict import LimitOf
from models.arrays import Array
from models.heat.niosh import FORMULAS, HIGHEST_W, LOWEST_W, RESTING_W

SILENT_AFTER_INTERVALS = 3
SILENT_AFTER_US = 30 * SECOND_US
PEAK_MIN = 5
"""A peak stays on the floor for this long."""
SETTLED_MIN = 60
"""A shift average is not judged on less than an hour: what came so far is spread over that."""


def silent_after_us(channel: Channel) -> int:
    """Age from which a channel counts as silent."""
    return max(round(SILENT_AFTER_INTERVALS * channel.spec.interval_s * SECOND_US), SILENT_AFTER_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The freshest readings: of each channel the latest whatever its quality, and the latest that counts."""

    at_us: int
    last: Mapping[str, Reading]
    counting: Mapping[str, Reading]

    def is_silent(self, channel: Channel) -> bool:
        reading = self.last.get(channel.id)
        return reading is None or self.at_us - reading.time_us > silent_after_us(channel)

    def fresh(self, channel: Channel) -> Reading | None:
        reading = self.counting.get(channel.id)
        return None if reading is None or self.at_us - reading.time_us > silent_after_us(channel) else reading


def live_zone(work: ZoneShift, now: Now) -> LiveZone:
    """What the zone looks like now."""
    channels = [channel for channel in work.span.pieces[-1].channels.values() if channel.zone == work.span.zone]
    silent = sorted(channel.id for channel in channels if now.is_silent(channel))
    windows = [window for placement in work.span.placements for window in windows_of(work, placement, now)]
    hazards = {hazard: _hazard_status(hazard, windows, silent) for hazard in sorted(monitored(work.span) | planned(work.span))}
    statuses = [*hazards.values(), *([ZoneStatus.UNKNOWN] if silent else [])]
    simulated = any(Reason.SIMULATED in reading.r for channel in channels if (reading := now.last.get(channel.id)) is not None)
    return LiveZone(
        site=work.span.site.id,
        zone=work.span.zone,
        at_us=now.at_us,
        shift=shift_of(work.span) if work.span.shift else None,
        status=worst(statuses),
        hazards=hazards,
        windows=windows,
        silent=silent,
        simulated=simulated,
    )


def windows_of(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    """Every running window of one placement."""
    if heat.is_monitored(placement):
        yield from _heat_windows(work, placement, now)
    if "sound_level_a_eq" in placement.quantities or "sound_level_c_peak" in placement.quantities:
        yield from _noise_windows(work, placement, now)
    for id in placement.quantities:
        quantity = quantity_of(id, work.span.channels[placement.channels[id][0]].spec.unit)
        if quantity is not None and quantity.use is not Use.TREND and quantity.cas and quantity.hazard:
            yield from _airborne_windows(work, placement, quantity, now)


def _hazard_status(hazard: str, windows: Sequence[LiveWindow], silent: Sequence[str]) -> ZoneStatus:
    """What has no value at all, or is fed by a silent channel, is at least unknown."""
    own = [window for window in windows if window.hazard == hazard]
    statuses = [window.status for window in own if window.value is not None]
    lost = any(set(window.channels) & set(silent) for window in own)
    blind = any(window.value is None and (window.metric in ("wbgt_now", "leq_now") or window.metric in QUANTITIES) for window in own)
    undecided = [window.status for window in own if window.status is ZoneStatus.UNKNOWN and window.value is not None]
    return worst([*statuses, *undecided, *([ZoneStatus.UNKNOWN] if lost or blind or not statuses else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What a window is held against."""

    limit: LimitOf | None = None
    action_from: float | None = None
    stop_from: float | None = None


def _window(
    work: ZoneShift,
    placement: Placement,
    hazard: str,
    metric: str,
    used: Sequence[Measured],
    result: Result,
    line: _Line,
    *,
    unit: str,
    start_us: int,
    stop_us: int,
    coverage: float,
) -> LiveWindow:
    value, limit = result.value, line.limit.value if line.limit else None
    return LiveWindow(
        hazard=hazard,
        metric=metric,
        placement=placement.label,
        channels=[channel.id for one in used for channel in one.channels],
        start_us=start_us,
        stop_us=stop_us,
        value=value,
        low=result.low,
        high=result.high,
        unit=unit,
        limit=line.limit,
        action_from=line.action_from,
        stop_from=line.stop_from,
        status=_status(value, line),
        proven=limit is not None and result.low is not None and result.low > limit,
        coverage=coverage,
        reasons=list(dict.fromkeys(result.reasons)),
    )


def _status(value: float | None, line: _Line) -> ZoneStatus:
    if value is None:
        return ZoneStatus.UNKNOWN
    if line.stop_from is not None and value > line.stop_from:
        return ZoneStatus.STOP
    if line.action_from is not None and value > line.action_from:
        return ZoneStatus.ACTION
    return ZoneStatus.UNKNOWN if line.limit is not None and line.action_from is None and line.stop_from is not None and line.limit.value is None else ZoneStatus.WITHIN


# --- heat


def _heat_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    rates = heat.work_of(work.span)
    limits = heat_limits(work)
    yield _wbgt_now(work, placement, now, rates, limits)
    wbgt = work.wbgt(placement)
    if wbgt is None or work.span.minutes == 0:
        return
    minutes = slice(max(0, work.span.minutes - 60), work.span.minutes)
    counted = work.span.counted[minutes]
    known = counted & wbgt.valid[minutes]
    coverage = float(known.sum() / max(int(counted.sum()), 1))
    value = wbgt.value[minutes] + rates.clothing_k[minutes]
    result = Result(value=None, low=None, high=None, first=minutes.start, stop=minutes.stop, reasons=[texts.NO_FULL_WINDOW.format(minutes=60)])
    width = 0.0
    if coverage >= 0.75 and not np.any(np.isnan(value[known])):
        width = float(np.mean(wbgt.uncertainty_k[minutes][known]))
        mean = float(np.mean(value[known]))
        below = float(np.mean((wbgt.sensor[0] + wbgt.drift[0] + wbgt.estimate[0])[minutes][known]))
        open_above = bool(np.any(np.isinf((wbgt.sensor[1] + wbgt.estimate[1])[minutes][known])))
        result = replace(result, value=mean, low=mean - below, high=None if open_above else mean + width, reasons=wbgt.reasons)
    line = _heat_line(limits, float(np.mean(rates.rate_w[minutes])), width if np.isfinite(width) else 0.0)
    yield _window(
        work, placement, "heat", "wbgt_effective_60min", wbgt.used, result, line, unit="Cel", start_us=_us(work, minutes.start), stop_us=_us(work, minutes.stop), coverage=coverage
    )


def _wbgt_now(work: ZoneShift, placement: Placement, now: Now, rates: heat.Work, limits: Sequence[Adopted]) -> LiveWindow:
    """From the freshest readings; an instrument without one is left out, which widens the bounds and is said."""
    spec = work.span.pieces[-1].spec
    wbgt = heat.wbgt_of(lambda quantity: _single_reading(work, placement, quantity, now), work.span.worst_case("globe_temperature"))
    channels = [measured for quantity in heat.INPUTS if (measured := work.measure(placement, quantity)) is not None]
    clothing = float(rates.clothing_k[-1]) if len(rates.clothing_k) else _clothing(spec.clothing)
    rate = np.nan if spec.metabolic_rate_w is None else spec.metabolic_rate_w
    if wbgt is None or np.isnan(wbgt.value[0]) or np.isnan(clothing):
        reasons = [texts.NOT_FRESH] if wbgt is None or np.isnan(wbgt.value[0]) else [texts.UNKNOWN_CLOTHING.format(clothing=spec.clothing)]
        nothing = Result(value=None, low=None, high=None, first=0, stop=0, reasons=reasons)
        return _window(
            work,
            placement,
            "heat",
            "wbgt_now",
            channels,
            nothing,
            _heat_line(limits, rate, 0.0),
            unit="Cel",
            start_us=now.at_us - MINUTE_US,
            stop_us=now.at_us,
            coverage=0.0,
        )
    value, width = float(wbgt.value[0]) + clothing, float(wbgt.uncertainty_k[0])
    below = float(wbgt.sensor[0][0] + wbgt.drift[0][0] + wbgt.estimate[0][0])
    open_above = bool(np.isinf(wbgt.sensor[1][0] + wbgt.estimate[1][0]))
    result = Result(value=value, low=value - below, high=None if open_above else value + width, first=0, stop=0, reasons=wbgt.reasons)
    times = [reading.time_us for one in wbgt.used for channel in one.channels if (reading := now.fresh(channel)) is not None]
    line = _heat_line(limits, rate, width if np.isfinite(width) else 0.0)
    return _window(
        work,
        placement,
        "heat",
        "wbgt_now",
        channels,
        result,
        line,
        unit="Cel",
        start_us=min(times) - MINUTE_US,
        stop_us=max(times),
        coverage=len(wbgt.used) / max(len(channels), 1),
    )


def _clothing(clothing: str) -> float:
    from models.heat.clothing import clothing_adjustment_k  # noqa: PLC0415

    known = clothing_adjustment_k(clothing)
    return np.nan if known is None else known


def _heat_line(limits: Sequence[Adopted], rate_w: float, width_k: float) -> _Line:
    """`action` one uncertainty below the strictest limit for this work; `stop` where even rest leaves no minute in the hour."""
    formulas = [(one, FORMULAS[one.limit.formula]) for one in limits if one.limit.formula in FORMULAS and one.limit.formula is not None]
    resting = strictest([(one, float(formula(RESTING_W))) for one, formula in formulas])
    stop_from = resting[1] if resting else None
    if np.isnan(rate_w) or not LOWEST_W <= rate_w <= HIGHEST_W:
        return _Line(limit=resting[0].stated(None) if resting else None, stop_from=stop_from)
    best = strictest([(one, float(formula(rate_w))) for one, formula in formulas])
    if best is None:
        return _Line()
    return _Line(limit=best[0].stated(best[1]), action_from=best[1] - width_k, stop_from=stop_from)


def _single_reading(work: ZoneShift, placement: Placement, quantity_id: str, now: Now) -> Measured | None:
    """The freshest reading as one minute; None when there is none, so that what is measured without it takes over."""
    channels = [work.span.pieces[-1].channels[id] for id in placement.channels.get(quantity_id, ()) if id in work.span.pieces[-1].channels]
    for channel in channels:
        reading, quantity = now.fresh(channel), quantity_of(channel.quantity, channel.spec.unit)
        if reading is None or reading.value is None or quantity is None:
            continue
        records, timezone = work.calibrations.get(channel.id, ()), ZoneInfo(work.span.site.timezone)
        fix = correction_at(corrections(records, timezone), reading.time_us)
        value: Array = np.array([fix.apply(reading.value) if fix and fix.commutes(quantity.averaging) else reading.value])
        state = state_of(records, timezone, reading.time_us, reading.time_us + 1)
        uncertainty = sensor_uncertainty(channel.quantity, channel.spec.instrument, value)
        range_high = channel.spec.instrument.range_high if channel.spec.instrument else None
        return Measured(
            quantity=quantity,
            value=value,
            top=value,
            valid=np.array([True]),
            uncertainty=uncertainty,
            drift=uncertainty * table().calibration[state],
            saturated=np.array([Reason.SATURATED in reading.r]),
            below=np.array([Reason.BELOW_DETECTION in reading.r]),
            simulated=np.array([Reason.SIMULATED in reading.r]),
            range_end=quantity.high if range_high is None else range_high,
            channels=[channel],
            states={channel.id: state},
        )
    return None


# --- noise


def _noise_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    limits = limits_for(work.profiles[0], "noise", work.day)
    level = work.measure(placement, "sound_level_a_eq")
    if level is not None:
        yield _reading_window(work, placement, "noise", "leq_now", level, _single_reading(work, placement, "sound_level_a_eq", now), now, _Line())
        if work.span.shift is not None and work.span.minutes:
            for metric, project in (("dose_3db", False), ("lex_8h", True)):
                yield from _shift_noise(work, placement, level, metric, limits, project=project)
    peak = work.measure(placement, "sound_level_c_peak")
    if peak is not None:
        yield _peak_window(work, placement, peak, _single_reading(work, placement, "sound_level_c_peak", now), limits, now)


def _shift_noise(work: ZoneShift, placement: Placement, level: Measured, metric: str, limits: Sequence[Adopted], *, project: bool) -> Iterator[LiveWindow]:
    """Dose so far, and the level that the whole shift comes to if it goes on as measured."""
    best = strictest([(one, one.limit.value) for one in limits if one.limit.metric == metric and one.limit.value is not None])
    if best is None:
        return
    counted = work.span.counted
    worked = int(counted.sum())
    minutes = _planned_minutes(work) if project else worked
    enough = worked >= SETTLED_MIN / 4 or not project
    fill, _ = worst_case(level, work.span, work.record_high)
    sides = sides_of(level, counted, minimum=noise.MINIMUM_DB, gap_high=fill)
    result = result_of(noise.statistic_of(metric, minutes), sides) if enough else Result(value=None, low=None, high=None, first=0, stop=0)
    result = replace(result, reasons=[*result.reasons, texts.PROJECTED if project else texts.SO_FAR])
    line = _Line(limit=best[0].stated(best[1]), action_from=_action_from(best, level.quantity.unit))
    unit = "%" if metric == "dose_3db" else level.quantity.unit
    yield _over_shift(work, placement, "noise", metric, level, result, line, unit)


def _planned_minutes(work: ZoneShift) -> int:
    """Minutes worked in the whole shift: those counted so far and those still to come."""
    span = work.span
    if span.shift is None:
        return int(span.counted.sum())
    total = len(span.shift.minutes)
    rest = total - span.minutes
    if span.head.empty_in_breaks:
        rest -= sum(max(0, stop_us - max(first_us, span.stop_us)) // MINUTE_US for first_us, stop_us in span.shift.breaks)
    return int(span.counted.sum()) + max(rest, 0)


def _peak_window(work: ZoneShift, placement: Placement, peak: Measured, reading: Measured | None, limits: Sequence[Adopted], now: Now) -> LiveWindow:
    best = strictest([(one, one.limit.value) for one in limits if one.limit.metric == "lcpeak_max" and one.limit.value is not None])
    line = _Line(limit=best[0].stated(best[1]), stop_from=best[1]) if best else _Line()
    return _reading_window(work, placement, "noise", "lcpeak_max", peak, reading, now, line, look_back=PEAK_MIN)


# --- airborne


def _airborne_windows(work: ZoneShift, placement: Placement, quantity: Quantity, now: Now) -> Iterator[LiveWindow]:
    channel = work.measure(placement, quantity.id)
    if channel is None:
        return
    reading = _single_reading(work, placement, quantity.id, now)
    yield _reading_window(work, placement, quantity.hazard, quantity.id, channel, reading, now, _Line())
    limits = limits_for(work.profiles[0], quantity.cas, work.day)
    by_rule: dict[tuple[str, str], list[tuple[Adopted, float]]] = {}
    for one in limits:
        value = one.limit.value_in(channel.quantity.unit)
        if value is not None:
            by_rule.setdefault((one.limit.metric, one.limit.averaging), []).append((one, value))
    for (metric, _), found in by_rule.items():
        best = strictest(found)
        if best is None:
            continue
        if metric == "twa":
            if work.span.shift is not None and work.span.minutes:
                yield _shift_average(work, placement, quantity, channel, best)
        elif best[0].limit.window_min:
            yield _last_minutes(work, placement, quantity, channel, best)
        else:
            line = _Line(limit=best[0].stated(best[1]), action_from=_action_from(best, channel.quantity.unit), stop_from=best[1])
            yield _reading_window(work, placement, quantity.hazard, "ceiling", channel, reading, now, line, look_back=2)


def _shift_average(work: ZoneShift, placement: Placement, quantity: Quantity, channel: Measured, best: tuple[Adopted, float]) -> LiveWindow:
    """The average of the shift so far; in its first hour what came is spread over an hour."""
    counted = work.span.counted
    fill, _ = worst_case(channel, work.span, work.record_high)
    sides = sides_of(channel, counted, minimum=airborne.MINIMUM, gap_high=fill)
    result = result_of(airborne.statistic_of(best[0].limit, counted), sides)
    share = min(1.0, int(counted.sum()) / SETTLED_MIN)
    if result.value is not None and share < 1.0:
        result = replace(
            result, value=result.value * share, low=None if result.low is None else result.low * share, high=None if result.high is None else result.high * share, parts=[]
        )
    result = replace(result, reasons=[*result.reasons, texts.SO_FAR])
    line = _Line(limit=best[0].stated(best[1]), action_from=_action_from(best, channel.quantity.unit))
    return _over_shift(work, placement, quantity.hazard, "twa", channel, result, line, channel.quantity.unit)


def _last_minutes(work: ZoneShift, placement: Placement, quantity: Quantity, channel: Measured, best: tuple[Adopted, float]) -> LiveWindow:
    """The last full window of a short-term limit or of a ceiling with an averaging time."""
    minutes = best[0].limit.window_min or 1
    first = max(0, work.span.minutes - minutes)
    counted = np.ones(work.span.minutes, dtype=bool)
    fill, _ = worst_case(channel, work.span, work.record_high)
    sides = sides_of(channel, counted, minimum=airborne.MINIMUM, gap_high=fill)
    value, low, high = (exact_mean(side[first:]) for side in (sides.value, sides.low[-1][1], sides.high[-1][1]))
    valid = float((~np.isnan(sides.value[first:])).sum() / minutes)
    if work.span.minutes < minutes or valid < 0.8:
        result = Result(value=None, low=None, high=None, first=first, stop=work.span.minutes, reasons=[texts.NO_FULL_WINDOW.format(minutes=minutes)])
    else:
        result = Result(value=value, low=low, high=None if np.isinf(high) else high, first=first, stop=work.span.minutes)
    metric = "stel_15min" if best[0].limit.metric == "stel_15min_max" else "ceiling"
    line = _Line(limit=best[0].stated(best[1]), action_from=_action_from(best, channel.quantity.unit), stop_from=best[1])
    return _window(
        work,
        placement,
        quantity.hazard,
        metric,
        [channel],
        result,
        line,
        unit=channel.quantity.unit,
        start_us=_us(work, first),
        stop_us=_us(work, work.span.minutes),
        coverage=min(valid, 1.0),
    )


# --- shared


def _action_from(best: tuple[Adopted, float], unit: str) -> float:
    """The body's action level where it sets one, else the limit."""
    limit = best[0].limit
    if limit.action_level is None or not limit.value or unit not in (limit.unit, "ppm", "mg/m3"):
        return best[1]
    return limit.action_level / limit.value * best[1]


def _reading_window(
    work: ZoneShift, placement: Placement, hazard: str, metric: str, channel: Measured, reading: Measured | None, now: Now, line: _Line, *, look_back: int = 0
) -> LiveWindow:
    """The freshest reading, or the highest of it and the samples of the last minutes."""
    tail = channel.top[max(0, work.span.minutes - look_back) :] if look_back else np.empty(0)
    values = [float(value) for value in tail if not np.isnan(value)] + ([float(reading.value[0])] if reading is not None else [])
    fresh = [found for one in channel.channels if (found := now.fresh(one)) is not None]
    stop_us = max((found.time_us for found in fresh), default=now.at_us)
    if not values or reading is None:
        result = Result(value=max(values, default=None), low=None, high=None, first=0, stop=0, reasons=[texts.NOT_FRESH])
    else:
        width = float(reading.uncertainty[0] + reading.drift[0])
        high = None if reading.saturated[0] else max(values) + width
        result = Result(value=max(values), low=max(values) - width, high=high, first=0, stop=0, reasons=[texts.SATURATED.format(minutes=1)] if reading.saturated[0] else [])
    return _window(
        work,
        placement,
        hazard,
        metric,
        [channel],
        result,
        line,
        unit=channel.quantity.unit,
        start_us=stop_us - max(look_back, 1) * MINUTE_US,
        stop_us=stop_us,
        coverage=1.0 if reading is not None else 0.0,
    )


def _over_shift(work: ZoneShift, placement: Placement, hazard: str, metric: str, channel: Measured, result: Result, line: _Line, unit: str) -> LiveWindow:
    counted = work.span.counted
    coverage = float((channel.valid & counted).sum() / max(int(counted.sum()), 1))
    return _window(work, placement, hazard, metric, [channel], result, line, unit=unit, start_us=work.span.start_us, stop_us=_us(work, work.span.minutes), coverage=coverage)


def _us(work: ZoneShift, minute: int) -> int:
    return work.span.start_us + minute * MINUTE_US
