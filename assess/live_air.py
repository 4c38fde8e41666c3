"""Live gases and vapours: the reading now, the ceiling, the short-term mean, the shift average so far. Means are computed for all channels of all zones at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from assess import airborne, texts
from assess.bounds import Result, ends_of, filled, result_of
from assess.conditions import air_at, air_for
from assess.gather import Measured
from assess.limits import Adopted, limits_for, once_of, strictest
from assess.live import LiveWindow
from assess.live_window import Best, Line, Now, line_of, planned_minutes, reading_window, shift_window, single_reading, window
from assess.outcome import AirWindows, ZoneShift
from assess.plan import Placement, Span
from assess.windows import Bounded, Three, all_windows
from domain.quantities import Quantity, Use, quantity_of
from domain.times import MINUTE_US
from models.airborne.conversion import REFERENCE_C
from models.airborne.twa import EIGHT_HOURS_MIN, TEN_HOURS_MIN

SETTLED_MIN = 60
"""A shift average is not judged on less than an hour: what came so far is spread over that."""
CEILING_MIN = 2
"""A single reading over a ceiling stays on the floor for this long."""


def airborne_of(span: Span, placement: Placement) -> list[Quantity]:
    """What is measured here that can meet a limit."""
    return span.once_standing(f"airborne of {placement.label}", lambda: _airborne_of(span, placement))


def _airborne_of(span: Span, placement: Placement) -> list[Quantity]:
    found = [quantity_of(id, span.channels[channels[0]].spec.unit) for id, channels in placement.channels.items()]
    return [quantity for quantity in found if quantity is not None and quantity.use is not Use.TREND and quantity.cas and quantity.hazard]


def fill_air_windows(works: Sequence[ZoneShift]) -> None:
    """The means of all airborne channels of these zones, as arrays over all that share their minutes."""
    groups: dict[int, list[tuple[ZoneShift, tuple[str, str], Bounded]]] = defaultdict(list)
    for work in works:
        for placement in work.span.placements:
            for quantity in airborne_of(work.span, placement):
                measured = work.measure(placement, quantity.id)
                if measured is not None and work.span.minutes:
                    groups[work.span.minutes].append((work, (placement.label, quantity.id), _bounded(work, measured)))
    for rows in groups.values():
        windows = all_windows(_stacked([bounded for _, _, bounded in rows]))
        for index, (work, key, _) in enumerate(rows):
            work.air[key] = AirWindows(last={minutes: _row(three, index) for minutes, three in windows.last.items()}, shift=_row(windows.shift, index))


def _bounded(work: ZoneShift, measured: Measured) -> Bounded:
    counted = work.span.counted
    _, sides = filled(measured, work.span, work.record_high, minimum=airborne.MINIMUM)
    low, high = sides.low[-1][1], sides.high[-1][1]
    if measured.quantity.unit == "mg/m3":  # the line stands by the air as it is known; what is not known of it is in the bounds
        air = air_at(work, REFERENCE_C)
        low, high = low * air.low / air.factor, high * air.high / air.factor
    return Bounded(value=sides.value, low=low, high=high, valid=measured.valid & ~np.isnan(measured.value), counted=counted)


def _stacked(rows: Sequence[Bounded]) -> Bounded:
    return Bounded(
        value=np.stack([row.value for row in rows]),
        low=np.stack([row.low for row in rows]),
        high=np.stack([row.high for row in rows]),
        valid=np.stack([row.valid for row in rows]),
        counted=np.stack([row.counted for row in rows]),
    )


def _row(three: Three, index: int) -> tuple[float, float, float]:
    return float(three[0][index]), float(three[1][index]), float(three[2][index])


def reading_windows(work: ZoneShift, placement: Placement, quantity: Quantity, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading: the value now, and a ceiling for single readings."""
    measured = work.measure(placement, quantity.id)
    if measured is None:
        return
    reading = single_reading(work, placement, quantity.id, now)
    rules = _rules(work, quantity, measured)
    yield reading_window(work, placement, quantity.hazard, quantity.id, measured, reading, now, _line_now(work, rules))
    for metric, best in rules:
        if metric != "twa" and not best[0].limit.window_min:
            yield reading_window(work, placement, quantity.hazard, "ceiling", measured, reading, now, line_of(best, stops=True), look_back=CEILING_MIN)


def _line_now(work: ZoneShift, rules: Sequence[tuple[str, Best]]) -> Line:
    """A value over a short-term limit's number is on its way over it; over that of a shift average it is not within before that average has settled."""
    short = [value for metric, (_, value) in rules if metric != "twa"]
    is_settled = work.span.shift is not None and work.span.exposure_min >= SETTLED_MIN
    shift = [] if is_settled else [value for metric, (_, value) in rules if metric == "twa"]
    return Line(decides=bool(rules), caution_from=min(short, default=None), doubt_from=min(shift, default=None))


def minute_windows(work: ZoneShift, placement: Placement, quantity: Quantity) -> Iterator[LiveWindow]:
    """What changes with the minute: short-term means, and the shift average so far."""
    key = (placement.label, quantity.id)
    if key not in work.air:
        fill_air_windows([work])
    measured, found = work.measure(placement, quantity.id), work.air.get(key)
    if measured is None or found is None:
        return
    for metric, best in _rules(work, quantity, measured):
        minutes = best[0].limit.window_min
        if metric == "twa" and work.span.shift is not None:
            yield _shift_average(work, placement, quantity, measured, found, best)
        elif minutes:
            yield _last_minutes(work, placement, quantity, measured, found.last[minutes], best)


def _rules(work: ZoneShift, quantity: Quantity, measured: Measured) -> list[tuple[str, Best]]:
    """The strictest limit of each kind, in the channel's unit and in the air as it is now."""
    limits, unit = limits_for(work.profiles[0], quantity.cas, work.day), measured.quantity.unit
    if unit == "mg/m3":
        return _strictest_by_rule(work, limits, unit)
    return once_of(limits, ("rules", unit), lambda: _strictest_by_rule(work, limits, unit))  # nothing is converted: for every zone the same


def _strictest_by_rule(work: ZoneShift, limits: Sequence[Adopted], unit: str) -> list[tuple[str, Best]]:
    rules: dict[tuple[str, str], list[Best]] = {}
    for one in limits:
        value = one.limit.value_in(unit)
        if value is not None:
            air = air_for(work, one.limit, unit)
            factor = float(air.factor[-1]) if air is not None and len(air.factor) else 1.0
            rules.setdefault((one.limit.metric, one.limit.averaging), []).append((one, value / factor))
    return [(metric, best) for (metric, _), found in rules.items() if (best := strictest(found)) is not None]


def _shift_average(work: ZoneShift, placement: Placement, quantity: Quantity, measured: Measured, found: AirWindows, best: Best) -> LiveWindow:
    """The average so far; only what has been is proven: the lower bound takes the rest of the shift as clean."""
    counted = work.span.counted
    worked, planned = work.span.exposure_min, planned_minutes(work)
    share = _share_of_shift(best[0].limit.averaging, worked)
    if share is not None:
        value, low, high = (mean * share for mean in found.shift)
        result = ends_of(value, low, high, work.span.minutes)
    else:
        _, sides = filled(measured, work.span, work.record_high, minimum=airborne.MINIMUM)
        result = measured.once(("result", "twa", best[0].limit.averaging, None), lambda: result_of(airborne.statistic_of(best[0].limit, counted), sides))
    settled, done = min(1.0, worked / SETTLED_MIN), min(1.0, worked / max(planned, 1))
    so_far = Result(value=_times(result.value, settled), low=_times(result.low, done), high=result.high, first=0, stop=work.span.minutes, reasons=[*result.reasons, texts.SO_FAR])
    return shift_window(work, placement, quantity.hazard, "twa", measured, so_far, line_of(best), measured.quantity.unit)


def _share_of_shift(averaging: str, worked: int) -> float | None:
    """What a limit over the shift makes of its mean; None where the worst part of a long shift counts."""
    if averaging == "shift_up_to_10h":
        return 1.0 if worked <= TEN_HOURS_MIN else None
    return worked / EIGHT_HOURS_MIN if averaging == "sum_over_8h" or worked <= EIGHT_HOURS_MIN else None


def _times(value: float | None, share: float) -> float | None:
    return None if value is None else value * share


def _last_minutes(work: ZoneShift, placement: Placement, quantity: Quantity, measured: Measured, found: tuple[float, float, float], best: Best) -> LiveWindow:
    """The last full window of a short-term limit, or of a ceiling with an averaging time of its own."""
    span, minutes = work.span, best[0].limit.window_min or 1
    first = max(0, span.minutes - minutes)
    result = _result(found, first, span.minutes)
    if result.value is None:
        result = Result(value=None, low=None, high=None, first=first, stop=span.minutes, reasons=[texts.NO_FULL_WINDOW.format(minutes=minutes)])
    metric = "stel_15min" if best[0].limit.metric == "stel_15min_max" else "ceiling"
    coverage = float((measured.valid & span.counted)[first:].sum() / minutes)
    start_us, unit = span.start_us + first * MINUTE_US, measured.quantity.unit
    return window(placement, quantity.hazard, metric, [measured], result, line_of(best, stops=True), unit=unit, start_us=start_us, stop_us=span.stop_us, coverage=coverage)


def _result(found: tuple[float, float, float], first: int, stop: int) -> Result:
    value, low, high = found
    if np.isnan(value):
        return Result(value=None, low=None, high=None, first=first, stop=stop)
    open_above = bool(np.isinf(high) or np.isnan(high))
    return Result(value=value, low=None if np.isnan(low) else low, high=None if open_above else high, first=first, stop=stop, reasons=[texts.OPEN_ABOVE] if open_above else [])
