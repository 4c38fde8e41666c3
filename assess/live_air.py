"""Live gases and vapours: the reading now, the ceiling, the short-term mean, the shift average so far. Means are computed for all channels of all zones at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isinf, isnan

import numpy as np

from assess import airborne, texts
from assess.bounds import Ends, Sides, ends_of, filled, result_of
from assess.conditions import air_at, air_for
from assess.gather import Measured
from assess.limits import Adopted, limits_for, strictest
from assess.live import LiveWindow
from assess.live_window import Best, Form, Line, Now, form_of, line_of, planned_minutes, reading_window, shift_window, single_reading
from assess.outcome import AirWindows, ZoneShift
from assess.plan import Placement, Span
from assess.together import AT_ONCE, block
from assess.windows import LAST, Bounded, Three, last_windows
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
    return span.once_standing(("airborne", placement.label), partial(_airborne_of, span, placement))


def _airborne_of(span: Span, placement: Placement) -> list[Quantity]:
    found = [quantity_of(id, span.channels[channels[0]].spec.unit) for id, channels in placement.channels.items()]
    return [quantity for quantity in found if quantity is not None and quantity.use is not Use.TREND and quantity.cas and quantity.hazard]


Row = tuple[ZoneShift, tuple[str, str], Measured]


def fill_air_windows(works: Sequence[ZoneShift]) -> None:
    """The means of all airborne channels of these zones, as arrays over all that share their minutes."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for work in works:
        for placement in work.span.placements if work.span.minutes else ():
            for quantity in airborne_of(work.span, placement):
                measured = work.measure(placement, quantity.id)
                if measured is not None:
                    groups[work.span.minutes].append((work, (placement.label, quantity.id), measured))
    for rows in groups.values():
        for first in range(0, len(rows), AT_ONCE):
            _fill(rows[first : first + AT_ONCE])


def _fill(rows: Sequence[Row]) -> None:
    counted, valid = block([work.span.counted for work, _, _ in rows]), block([measured.valid for _, _, measured in rows])
    sides = [_sides(work, measured) for work, _, measured in rows]
    value, low, high = block([one.value for one in sides]), block([one.low[-1][1] for one in sides]), block([one.high[-1][1] for one in sides])
    known = valid & ~np.isnan(block([measured.value for _, _, measured in rows]))
    windows = last_windows(Bounded(value=value, low=low, high=high, valid=known, counted=counted))
    covered = valid & counted
    covered_last = {minutes: np.count_nonzero(covered[:, -minutes:], axis=-1).tolist() for minutes in LAST}
    last, shift = {minutes: _rows_of(three) for minutes, three in windows.means.items()}, _rows_of(windows.shift)
    for index, (work, key, _) in enumerate(rows):
        work.air[key] = AirWindows(
            last={minutes: found[index] for minutes, found in last.items()}, shift=shift[index], covered={minutes: found[index] for minutes, found in covered_last.items()}
        )


def _sides(work: ZoneShift, measured: Measured) -> Sides:
    _, sides = filled(measured, work.span, work.record_high, minimum=airborne.MINIMUM)
    if measured.quantity.unit != "mg/m3":
        return sides
    air = air_at(work, REFERENCE_C)  # the line stands by the air as it is known; what is not known of it is in the bounds
    low, high = sides.low[-1][1], sides.high[-1][1]
    return Sides(value=sides.value, low=[("estimate", low * air.low / air.factor)], high=[("estimate", high * air.high / air.factor)])


def _rows_of(three: Three) -> list[tuple[float, float, float]]:
    return list(zip(*(side.tolist() for side in three), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forms:
    """The windows of one quantity at one placement; `minutes`: those of means, each with its limit."""

    now: Form  # in a shift whose average has settled
    unsettled: Form  # and before
    ceilings: list[Form]
    minutes: list[tuple[Adopted, Form]]


def _forms(work: ZoneShift, placement: Placement, quantity: Quantity, measured: Measured) -> _Forms:
    """By the strictest limit of each kind, in the channel's unit and in the air as it is now."""
    make = partial(_find_forms, work, placement, quantity, measured)
    if measured.quantity.unit == "mg/m3":
        return work.once(("air forms", placement.label, quantity.id), make)
    return work.span.once_standing(("air", placement.label, quantity.id, work.day), make)  # nothing is converted


def _find_forms(work: ZoneShift, placement: Placement, quantity: Quantity, measured: Measured) -> _Forms:
    unit = measured.quantity.unit
    rules = _strictest_by_rule(work, limits_for(work.profiles[0], quantity.cas, work.day), unit)

    def form(metric: str, line: Line) -> Form:
        return form_of(placement, quantity.hazard, metric, [measured], unit, line)

    # A value over a short-term limit's number is on its way over it; over that of a shift average it is not within before that average has settled.
    short, shift = (min([value for metric, (_, value) in rules if (metric == "twa") is is_shift], default=None) for is_shift in (False, True))
    minutes = []
    for metric, best in rules:
        if metric == "twa":
            minutes.append((best[0], form("twa", line_of(best))))
        elif best[0].limit.window_min:
            minutes.append((best[0], form("stel_15min" if metric == "stel_15min_max" else "ceiling", line_of(best, stops=True))))
    return _Forms(
        now=form(quantity.id, Line(decides=bool(rules), caution_from=short)),
        unsettled=form(quantity.id, Line(decides=bool(rules), caution_from=short, doubt_from=shift)),
        ceilings=[form("ceiling", line_of(best, stops=True)) for metric, best in rules if metric != "twa" and not best[0].limit.window_min],
        minutes=minutes,
    )


def _strictest_by_rule(work: ZoneShift, limits: Sequence[Adopted], unit: str) -> list[tuple[str, Best]]:
    rules: dict[tuple[str, str], list[Best]] = {}
    for one in limits:
        value = one.limit.value_in(unit)
        if value is not None:
            air = air_for(work, one.limit, unit)
            factor = float(air.factor[-1]) if air is not None and len(air.factor) else 1.0
            rules.setdefault((one.limit.metric, one.limit.averaging), []).append((one, value / factor))
    return [(metric, best) for (metric, _), found in rules.items() if (best := strictest(found)) is not None]


def reading_windows(work: ZoneShift, placement: Placement, quantity: Quantity, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading: the value now, and a ceiling for single readings."""
    measured = work.measure(placement, quantity.id)
    if measured is None:
        return
    reading, forms = single_reading(work, placement, quantity.id, now), _forms(work, placement, quantity, measured)
    is_settled = work.span.shift is not None and work.span.exposure_min >= SETTLED_MIN
    yield reading_window(work, forms.now if is_settled else forms.unsettled, measured, reading, now)
    for form in forms.ceilings:
        yield reading_window(work, form, measured, reading, now, look_back=CEILING_MIN)


def minute_windows(work: ZoneShift, placement: Placement, quantity: Quantity) -> Iterator[LiveWindow]:
    """What changes with the minute: short-term means, and the shift average so far."""
    key = (placement.label, quantity.id)
    if key not in work.air:
        fill_air_windows([work])
    measured, found = work.measure(placement, quantity.id), work.air.get(key)
    if measured is None or found is None:
        return
    for adopted, form in _forms(work, placement, quantity, measured).minutes:
        minutes = adopted.limit.window_min
        if adopted.limit.metric == "twa":
            if work.span.shift is not None:
                yield _shift_average(work, form, measured, found, adopted)
        elif minutes:
            yield _last_minutes(work, form, found, minutes)


def _shift_average(work: ZoneShift, form: Form, measured: Measured, found: AirWindows, adopted: Adopted) -> LiveWindow:
    """The average so far; only what has been is proven: the lower bound takes the rest of the shift as clean."""
    worked, planned = work.span.exposure_min, planned_minutes(work)
    value, low, high, reasons = _average_so_far(work, measured, found, adopted)
    settled, done = min(1.0, worked / SETTLED_MIN), min(1.0, worked / max(planned, 1))
    value, low = None if value is None else value * settled, None if low is None else low * done
    return shift_window(work, form, measured, value, low, high, [*reasons, texts.SO_FAR])


def _average_so_far(work: ZoneShift, measured: Measured, found: AirWindows, adopted: Adopted) -> Ends:
    averaging = adopted.limit.averaging
    share = _share_of_shift(averaging, work.span.exposure_min)
    if share is not None:
        value, low, high = found.shift
        return ends_of(value * share, low * share, high * share)
    _, sides = filled(measured, work.span, work.record_high, minimum=airborne.MINIMUM)
    result = measured.once(("result", "twa", averaging, None), lambda: result_of(airborne.statistic_of(adopted.limit, work.span.counted), sides))
    return Ends(result.value, result.low, result.high, result.reasons)


def _share_of_shift(averaging: str, worked: int) -> float | None:
    """What a limit over the shift makes of its mean; None where the worst part of a long shift counts."""
    if averaging == "shift_up_to_10h":
        return 1.0 if worked <= TEN_HOURS_MIN else None
    return worked / EIGHT_HOURS_MIN if averaging == "sum_over_8h" or worked <= EIGHT_HOURS_MIN else None


def _last_minutes(work: ZoneShift, form: Form, found: AirWindows, minutes: int) -> LiveWindow:
    """The last full window of a short-term limit, or of a ceiling with an averaging time of its own."""
    span = work.span
    start_us, coverage = span.start_us + max(0, span.minutes - minutes) * MINUTE_US, found.covered[minutes] / minutes
    value, low, high = found.last[minutes]
    if isnan(value):
        return form.window(None, None, None, [texts.NO_FULL_WINDOW.format(minutes=minutes)], start_us=start_us, stop_us=span.stop_us, coverage=coverage)
    open_above, lower = isinf(high) or isnan(high), None if isnan(low) else low
    return form.window(value, lower, None if open_above else high, [texts.OPEN_ABOVE] if open_above else [], start_us=start_us, stop_us=span.stop_us, coverage=coverage)
