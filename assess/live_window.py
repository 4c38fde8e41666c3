"""What every live window is made of: the freshest readings, the line that it is held against, and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from zoneinfo import ZoneInfo

import numpy as np

from assess import texts
from assess.bounds import Result
from assess.gather import Measured, history_of
from assess.limits import Adopted, once_of, strictest
from assess.live import LiveWindow
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.uncertainty import spread_of, table
from domain.calibration import correction_at
from domain.hazards import ZoneStatus
from domain.quality import Reason
from domain.quantities import quantity_of
from domain.reading import Reading
from domain.registry import Channel
from domain.times import MINUTE_US, SECOND_US
from domain.verdict import LimitOf

SILENT_AFTER_INTERVALS = 3
SILENT_AFTER_US = 30 * SECOND_US
COVERED = "covered minutes"
"""Where what `covered_min` finds is held of what was measured."""
ROUNDING = 1e-9
"""What stands at a line is not over it by the last digit of a sum."""


def silent_after_us(channel: Channel) -> int:
    """Age from which a channel counts as silent."""
    return _silent_after_us(channel.spec.interval_s)


@lru_cache(maxsize=256)
def _silent_after_us(interval_s: float) -> int:
    return max(round(SILENT_AFTER_INTERVALS * interval_s * SECOND_US), SILENT_AFTER_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The freshest readings: of each channel the latest whatever its quality, the latest that has a value, and the latest that counts."""

    at_us: int
    last: Mapping[str, Reading]
    valued: Mapping[str, Reading]
    counting: Mapping[str, Reading]
    patience_us: int = 0  # silence counts from no earlier than this

    def is_silent(self, channel: Channel) -> bool:
        """A record that says that no value could be read is no sign of life of a sensor."""
        reading = self.valued.get(channel.id)
        return reading is None or self.at_us - reading.time_us > self._silent_after_us(channel)

    def fresh(self, channel: Channel) -> Reading | None:
        reading = self.counting.get(channel.id)
        return None if reading is None or self.at_us - reading.time_us > self._silent_after_us(channel) else reading

    def _silent_after_us(self, channel: Channel) -> int:
        return max(silent_after_us(channel), self.patience_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a window is held against; `decides` False: nothing is known by which it could be called within. `caution_from` and `doubt_from` are for a single value
    beside the windows that decide: over the first it is `action` without an alarm of its own, over the second unknown."""

    limit: LimitOf | None = None
    action_from: float | None = None
    stop_from: float | None = None
    decides: bool = True
    caution_from: float | None = None
    doubt_from: float | None = None

    def status(self, value: float | None) -> ZoneStatus:
        if value is None:
            return ZoneStatus.UNKNOWN
        if _over(value, self.stop_from):
            return ZoneStatus.STOP
        if _over(value, self.action_from) or _over(value, self.caution_from):
            return ZoneStatus.ACTION
        return ZoneStatus.WITHIN if self.decides and not _over(value, self.doubt_from) else ZoneStatus.UNKNOWN

    def is_proven(self, low: float | None) -> bool:
        return self.limit is not None and self.limit.status == "verified" and low is not None and _over(low, self.limit.value)


def _over(value: float, line: float | None) -> bool:
    return line is not None and value > line + ROUNDING * max(1.0, abs(line))


Best = tuple[Adopted, float]


def line_for(limits: Sequence[Adopted], metric: str, unit: str, *, stops: bool = False) -> Line | None:
    """The strictest adopted limit of a metric in a unit; `stops`: over it is `stop`. None where no profile has one."""
    return once_of(limits, ("line", metric, unit, stops), lambda: _line_for(limits, metric, unit, stops=stops))


def _line_for(limits: Sequence[Adopted], metric: str, unit: str, *, stops: bool) -> Line | None:
    best = strictest([(one, value) for one in limits if one.limit.metric == metric and (value := one.limit.value_in(unit)) is not None])
    return None if best is None else line_of(best, stops=stops)


def line_of(best: Best, *, stops: bool = False) -> Line:
    """`action` begins at the body's action level where it sets one, else at the limit."""
    adopted, value = best
    return once_of([adopted], ("line of", value, stops), lambda: _line_of(adopted, value, stops=stops))


def _line_of(adopted: Adopted, value: float, *, stops: bool) -> Line:
    level = adopted.limit.action_level
    action_from = value if level is None or not adopted.limit.value else level / adopted.limit.value * value
    return Line(limit=adopted.stated(value), action_from=action_from, stop_from=value if stops else None)


def window(
    placement: Placement, hazard: str, metric: str, used: Sequence[Measured], result: Result, line: Line, *, unit: str, start_us: int, stop_us: int, coverage: float
) -> LiveWindow:
    """A live window with its status."""
    return LiveWindow(
        hazard=hazard,
        metric=metric,
        placement=placement.label,
        channels=[channel.id for one in used for channel in one.channels],
        start_us=start_us,
        stop_us=stop_us,
        value=result.value,
        low=result.low,
        high=result.high,
        unit=unit,
        limit=line.limit,
        action_from=line.action_from,
        stop_from=line.stop_from,
        status=line.status(result.value),
        proven=line.is_proven(result.low),
        coverage=coverage,
        reasons=list(dict.fromkeys(result.reasons)),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """The freshest reading of one quantity at one placement, corrected, with how far it may be off."""

    channel: Channel
    value: float
    uncertainty: float  # of the instrument
    drift: float  # added for the state of its calibration
    saturated: bool
    range_end: float


def single_reading(work: ZoneShift, placement: Placement, quantity_id: str, now: Now) -> Shown | None:
    """None when there is none, so that what is measured without it takes over."""
    held = work.span.pieces[-1].channels
    for id in placement.channels.get(quantity_id, ()):
        channel = held.get(id)
        reading = None if channel is None else now.fresh(channel)
        if channel is not None and reading is not None and reading.value is not None:
            return _shown(work, channel, reading, reading.value)
    return None


def _shown(work: ZoneShift, channel: Channel, reading: Reading, raw: float) -> Shown | None:
    quantity, instrument = quantity_of(channel.quantity, channel.spec.unit), channel.spec.instrument
    if quantity is None:
        return None
    history = history_of(work.calibrations.get(channel.id, ()), ZoneInfo(work.span.site.timezone))
    fix = correction_at(history.corrections, reading.time_us)
    value = fix.apply(raw) if fix and fix.commutes(quantity.averaging) else raw
    spread = spread_of(channel.quantity, instrument)
    uncertainty = max(spread.abs, spread.rel * abs(value))
    drift = uncertainty * table().calibration[history.state(reading.time_us, reading.time_us + 1)]
    range_end = quantity.high if instrument is None or instrument.range_high is None else instrument.range_high
    return Shown(channel, value, uncertainty, drift, Reason.SATURATED in reading.r, range_end)


def reading_window(
    work: ZoneShift, placement: Placement, hazard: str, metric: str, measured: Measured, reading: Shown | None, now: Now, line: Line, *, look_back: int = 0
) -> LiveWindow:
    """The freshest reading, or the highest of it and the samples of the last minutes."""
    tail: list[float] = measured.top[max(0, work.span.minutes - look_back) :].tolist() if look_back else []
    values = [value for value in tail if not isnan(value)] + ([reading.value] if reading is not None else [])
    times = [found.time_us for channel in measured.channels if (found := now.fresh(channel)) is not None]
    stop_us = max(times, default=now.at_us)
    return window(
        placement,
        hazard,
        metric,
        [measured],
        _reading_result(values, reading),
        line,
        unit=measured.quantity.unit,
        start_us=stop_us - max(look_back, 1) * MINUTE_US,
        stop_us=stop_us,
        coverage=1.0 if reading is not None else 0.0,
    )


def _reading_result(values: list[float], reading: Shown | None) -> Result:
    if not values or reading is None:
        return Result(value=max(values, default=None), low=None, high=None, first=0, stop=0, reasons=[texts.NOT_FRESH])
    width, saturated = reading.uncertainty + reading.drift, reading.saturated
    reasons = [texts.SATURATED.format(minutes=1)] if saturated else []
    low = min(max(values), reading.range_end) if saturated else max(values)
    return Result(value=max(values), low=low - width, high=None if saturated else max(values) + width, first=0, stop=0, reasons=reasons)


def shift_window(work: ZoneShift, placement: Placement, hazard: str, metric: str, measured: Measured, result: Result, line: Line, unit: str) -> LiveWindow:
    """A window over the shift so far."""
    coverage = covered_min(work, measured) / max(work.span.exposure_min, 1)
    return window(placement, hazard, metric, [measured], result, line, unit=unit, start_us=work.span.start_us, stop_us=work.span.stop_us, coverage=coverage)


def covered_min(work: ZoneShift, measured: Measured) -> int:
    """Valid minutes of exposure so far."""
    return measured.once(COVERED, lambda: int(np.count_nonzero(measured.valid & work.span.counted)))


def planned_minutes(work: ZoneShift) -> int:
    """Minutes worked in the whole shift: those counted so far and those still to come."""
    return work.span.once_alike("planned", lambda: _planned_minutes(work))


def _planned_minutes(work: ZoneShift) -> int:
    span = work.span
    worked = span.exposure_min
    if span.shift is None:
        return worked
    rest = len(span.shift.minutes) - span.minutes
    if span.pieces[-1].spec.empty_in_breaks:
        rest -= sum(max(0, stop_us - max(first_us, span.stop_us)) // MINUTE_US for first_us, stop_us in span.shift.breaks)
    return worked + max(rest, 0)
