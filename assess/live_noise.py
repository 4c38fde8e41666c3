"""Live noise: the level now, the dose so far, what the shift comes to if it goes on like this, and the latest peak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from assess import noise, texts
from assess.bounds import filled
from assess.counter import counted_dose
from assess.limits import limits_for
from assess.live import LiveWindow
from assess.live_window import NO_LIMIT, Form, Line, Now, form_of, line_for, planned_minutes, reading_window, shift_window, single_reading
from assess.outcome import ZoneShift
from assess.plan import Placement

PEAK_MIN = 5
"""A peak stays on the floor for this long."""
PROJECT_FROM_MIN = 15
"""What is projected rests on at least this many minutes."""
LEVEL, PEAK = "sound_level_a_eq", "sound_level_c_peak"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forms:
    """The windows of one placement; None where it measures no such thing or no limit asks for it."""

    now: Form | None  # the level now, in a shift that is long enough to say what it comes to
    unsettled: Form | None  # and before
    peak: Form | None
    counted: list[tuple[Form, str]]  # by the instrument itself: the quantity that counts
    approximate: list[Form]
    dose: Form | None
    level: Form | None


def _forms(work: ZoneShift, placement: Placement) -> _Forms:
    return work.span.once_standing(("noise", placement.label, work.day), partial(_find_forms, work, placement))


def _find_forms(work: ZoneShift, placement: Placement) -> _Forms:
    limits = limits_for(work.profiles[0], "noise", work.day)
    measured = {quantity: found for quantity in (LEVEL, PEAK, *noise.COUNTERS.values()) if (found := work.measure(placement, quantity)) is not None}
    level, peak = measured.get(LEVEL), measured.get(PEAK)

    def form(metric: str, quantity: str, unit: str, line: Line | None) -> Form | None:
        return None if line is None or quantity not in measured else form_of(placement, "noise", metric, [measured[quantity]], unit, line)

    unit = "" if level is None else level.quantity.unit
    lex, peak_unit = line_for(limits, "lex_8h", unit), "" if peak is None else peak.quantity.unit
    doses = [(metric, line) for metric in noise.COUNTERS if (line := line_for(limits, metric, "%")) is not None]
    counted = [(one, noise.COUNTERS[metric]) for metric, line in doses if (one := form(metric, noise.COUNTERS[metric], "%", line)) is not None]
    by_minutes = [form(metric, LEVEL, "%", line) for metric, line in doses if noise.COUNTERS[metric] not in placement.channels]
    return _Forms(
        now=form("leq_now", LEVEL, unit, Line(decides=bool(limits))),
        unsettled=form("leq_now", LEVEL, unit, Line(decides=bool(limits), doubt_from=None if lex is None else lex.action_from)),
        peak=form("lcpeak_max", PEAK, peak_unit, line_for(limits, "lcpeak_max", peak_unit, stops=True) or NO_LIMIT),
        counted=counted,
        approximate=[one for one in by_minutes if one is not None],
        dose=form("dose_3db", LEVEL, "%", line_for(limits, "dose_3db", "%")),
        level=form("lex_8h", LEVEL, unit, lex),
    )


def reading_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    """What changes with every reading: the level now, and the latest peak. A level over the daily limit is not within before the shift is long enough to say what it comes to."""
    forms = _forms(work, placement)
    is_settled = work.span.shift is not None and work.span.exposure_min >= PROJECT_FROM_MIN
    form, level = forms.now if is_settled else forms.unsettled, work.measure(placement, LEVEL)
    if form is not None and level is not None:
        yield reading_window(work, form, level, single_reading(work, placement, LEVEL, now), now)
    peak = work.measure(placement, PEAK)
    if forms.peak is not None and peak is not None:
        yield reading_window(work, forms.peak, peak, single_reading(work, placement, PEAK, now), now, look_back=PEAK_MIN)


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """What changes with the minute: the dose so far, and the level that the whole shift comes to."""
    if work.span.shift is None or not work.span.minutes:
        return
    forms, level, worked = _forms(work, placement), work.measure(placement, LEVEL), work.span.exposure_min
    for form, quantity in forms.counted:
        counter = work.measure(placement, quantity)
        if counter is not None:
            dose = counted_dose(counter, work.span)
            yield shift_window(work, form, counter, dose.value, dose.low, dose.high, [*dose.reasons, texts.SO_FAR])
    if level is None:
        return
    _, sides = filled(level, work.span, work.record_high, minimum=noise.MINIMUM_DB)
    for form in forms.approximate:
        about = noise.approximate_dose(form.metric, worked, sides)
        yield shift_window(work, form, level, about.value, about.low, about.high, [*about.reasons, texts.SO_FAR])
    if forms.dose is not None:
        value, low, high, reasons = noise.so_far("dose_3db", level, sides, worked)
        yield shift_window(work, forms.dose, level, value, low, high, [*reasons, texts.SO_FAR])
    if forms.level is not None and worked < PROJECT_FROM_MIN:
        yield shift_window(work, forms.level, level, None, None, None, [texts.NO_FULL_WINDOW.format(minutes=PROJECT_FROM_MIN)])
    elif forms.level is not None:  # only what has been is proven: the lower bound takes the rest of the shift as silent
        so_far, whole = (noise.so_far("lex_8h", level, sides, minutes) for minutes in (worked, planned_minutes(work)))
        yield shift_window(work, forms.level, level, whole.value, so_far.low, whole.high, [*whole.reasons, texts.PROJECTED])
