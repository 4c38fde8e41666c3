"""Live noise: the level now, the dose so far, what the shift comes to if it goes on like this, and the latest peak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from assess import noise, texts
from assess.bounds import Result, filled
from assess.counter import counted_dose
from assess.limits import Adopted, limits_for
from assess.live import LiveWindow
from assess.live_window import Line, Now, line_for, planned_minutes, reading_window, shift_window, single_reading
from assess.outcome import ZoneShift
from assess.plan import Placement

PEAK_MIN = 5
"""A peak stays on the floor for this long."""
PROJECT_FROM_MIN = 15
"""What is projected rests on at least this many minutes."""
NO_LIMIT = Line(decides=False)


def reading_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading: the level now, and the latest peak."""
    limits = limits_for(work.profiles[0], "noise", work.day)
    level = work.measure(placement, "sound_level_a_eq")
    if level is not None:
        reading = single_reading(work, placement, "sound_level_a_eq", now)
        yield reading_window(work, placement, "noise", "leq_now", level, reading, now, _line_now(work, limits, level.quantity.unit))
    peak = work.measure(placement, "sound_level_c_peak")
    if peak is not None:
        line = line_for(limits, "lcpeak_max", peak.quantity.unit, stops=True) or NO_LIMIT
        reading = single_reading(work, placement, "sound_level_c_peak", now)
        yield reading_window(work, placement, "noise", "lcpeak_max", peak, reading, now, line, look_back=PEAK_MIN)


def _line_now(work: ZoneShift, limits: Sequence[Adopted], unit: str) -> Line:
    """A level over the daily limit is not within before the shift is long enough to say what it comes to."""
    line = line_for(limits, "lex_8h", unit)
    is_settled = work.span.shift is not None and work.span.exposure_min >= PROJECT_FROM_MIN
    return Line(decides=bool(limits), doubt_from=None if line is None or is_settled else line.action_from)


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """What changes with the minute: the dose so far, and the level that the whole shift comes to."""
    level = work.measure(placement, "sound_level_a_eq")
    if work.span.shift is None or not work.span.minutes:
        return
    limits = limits_for(work.profiles[0], "noise", work.day)
    for metric, quantity in noise.COUNTERS.items():
        line, counter = line_for(limits, metric, "%"), work.measure(placement, quantity)
        if line is not None and counter is not None:
            dose = counted_dose(counter, work.span)
            yield shift_window(work, placement, "noise", metric, counter, replace(dose, reasons=[*dose.reasons, texts.SO_FAR]), line, "%")
    if level is None:
        return
    _, sides = filled(level, work.span, work.record_high, minimum=noise.MINIMUM_DB)
    worked = work.span.exposure_min
    for metric in noise.DOSES_5DB:
        line = line_for(limits, metric, "%")
        if line is not None and noise.COUNTERS[metric] not in placement.quantities:
            approximate = noise.approximate_dose(metric, worked, sides)
            yield shift_window(work, placement, "noise", metric, level, replace(approximate, reasons=[*approximate.reasons, texts.SO_FAR]), line, "%")
    dose_line, level_line = line_for(limits, "dose_3db", "%"), line_for(limits, "lex_8h", level.quantity.unit)
    if dose_line is not None:
        dose = noise.so_far("dose_3db", level, sides, worked)
        yield shift_window(work, placement, "noise", "dose_3db", level, replace(dose, reasons=[*dose.reasons, texts.SO_FAR]), dose_line, "%")
    if level_line is not None:
        so_far, whole = (noise.so_far("lex_8h", level, sides, minutes) for minutes in (worked, planned_minutes(work)))
        yield shift_window(work, placement, "noise", "lex_8h", level, _projected(so_far, whole, worked), level_line, level.quantity.unit)


def _projected(so_far: Result, whole: Result, worked: int) -> Result:
    """Only what has been is proven: the lower bound takes the rest of the shift as silent."""
    if worked < PROJECT_FROM_MIN:
        return Result(value=None, low=None, high=None, first=0, stop=0, reasons=[texts.NO_FULL_WINDOW.format(minutes=PROJECT_FROM_MIN)])
    return replace(whole, low=so_far.low, reasons=[*whole.reasons, texts.PROJECTED])
