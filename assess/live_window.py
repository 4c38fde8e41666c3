"""What every live window is made of: the freshest readings, the line that it is held against, and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import inf, isnan
from zoneinfo import ZoneInfo

import numpy as np

from assess import texts
from assess.gather import Measured, history_of
from assess.limits import Adopted, once_of, strictest
from assess.live import LiveWindow
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.uncertainty import Spread, spread_of, table
from domain.calibration import Correction, History, correction_at
from domain.hazards import ZoneStatus
from domain.quality import Reason
from domain.quantities import Quantity, quantity_of
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
    _fresh: dict[str, Reading | None] = field(default_factory=dict, init=False, compare=False, repr=False)  # several windows ask for the same

    def is_silent(self, channel: Channel) -> bool:
        """A record that says that no value could be read is no sign of life of a sensor."""
        reading = self.valued.get(channel.id)
        return reading is None or self.at_us - reading.time_us > self._silent_after_us(channel)

    def fresh(self, channel: Channel) -> Reading | None:
        id = channel.id
        if id not in self._fresh:
            reading = self.counting.get(id)
            self._fresh[id] = None if reading is None or self.at_us - reading.time_us > self._silent_after_us(channel) else reading
        return self._fresh[id]

    def _silent_after_us(self, channel: Channel) -> int:
        return max(_silent_after_us(channel.spec.interval_s), self.patience_us)


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

    _stop_over: float = field(init=False, compare=False, repr=False)
    _action_over: float = field(init=False, compare=False, repr=False)
    _doubt_over: float = field(init=False, compare=False, repr=False)
    _proven_over: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        is_verified = self.limit is not None and self.limit.status == "verified"
        object.__setattr__(self, "_stop_over", _over(self.stop_from))
        object.__setattr__(self, "_action_over", min(_over(self.action_from), _over(self.caution_from)))
        object.__setattr__(self, "_doubt_over", _over(self.doubt_from))
        object.__setattr__(self, "_proven_over", _over(self.limit.value) if self.limit is not None and is_verified else inf)

    def status(self, value: float | None) -> ZoneStatus:
        if value is None:
            return ZoneStatus.UNKNOWN
        if value > self._stop_over:
            return ZoneStatus.STOP
        if value > self._action_over:
            return ZoneStatus.ACTION
        return ZoneStatus.WITHIN if self.decides and not value > self._doubt_over else ZoneStatus.UNKNOWN

    def is_proven(self, low: float | None) -> bool:
        return low is not None and low > self._proven_over


def _over(line: float | None) -> float:
    """What is greater is over the line."""
    return inf if line is None else line + ROUNDING * max(1.0, abs(line))


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


@dataclass(frozen=True, slots=True)
class Form:
    """What stands of a window from minute to minute; the line where it does not follow the minutes."""

    placement: str
    hazard: str
    metric: str
    unit: str
    line: Line
    channels: list[str]

    def window(
        self, value: float | None, low: float | None, high: float | None, reasons: list[str], *, start_us: int, stop_us: int, coverage: float, line: Line | None = None
    ) -> LiveWindow:
        """With its status."""
        held = line or self.line
        return LiveWindow(
            hazard=self.hazard,
            metric=self.metric,
            placement=self.placement,
            channels=self.channels,
            start_us=start_us,
            stop_us=stop_us,
            value=value,
            low=low,
            high=high,
            unit=self.unit,
            limit=held.limit,
            action_from=held.action_from,
            stop_from=held.stop_from,
            status=held.status(value),
            proven=held.is_proven(low),
            coverage=coverage,
            reasons=list(dict.fromkeys(reasons)) if len(reasons) > 1 else reasons,
        )


NO_LIMIT = Line(decides=False)


def form_of(placement: Placement, hazard: str, metric: str, used: Sequence[Measured], unit: str, line: Line = NO_LIMIT) -> Form:
    return Form(placement.label, hazard, metric, unit, line, [channel.id for one in used for channel in one.channels])


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
    for instrument in work.span.once_standing(("instruments", placement.label, quantity_id), partial(_instruments, work, placement, quantity_id)):
        reading = now.fresh(instrument.channel)
        if reading is not None and reading.value is not None:
            return _shown(work, instrument, reading, reading.value)
    return None


@dataclass(slots=True)
class _Instrument:
    """What is known of a channel's instrument whatever it reads, and what holds by its calibrations in [from, until)."""

    channel: Channel
    quantity: Quantity
    spread: Spread
    range_end: float
    history: History | None = None
    from_us: int = 0
    until_us: int = 0
    correction: Correction | None = None
    added: float = 0.0  # share of the uncertainty

    def at(self, history: History, time_us: int) -> None:
        """Looked up where what is held is not of this instant."""
        if self.history is not history or not self.from_us <= time_us < self.until_us:
            self.history, self.from_us, self.until_us = history, time_us, history.steady_until(time_us)
            fix = correction_at(history.corrections, time_us)
            self.correction = fix if fix and fix.commutes(self.quantity.averaging) else None
            self.added = table().calibration[history.state(time_us, time_us + 1)]


def _shown(work: ZoneShift, instrument: _Instrument, reading: Reading, raw: float) -> Shown:
    channel = instrument.channel
    instrument.at(history_of(work.calibrations.get(channel.id, ()), ZoneInfo(work.span.site.timezone)), reading.time_us)
    value = raw if instrument.correction is None else instrument.correction.apply(raw)
    uncertainty = max(instrument.spread.abs, instrument.spread.rel * abs(value))
    return Shown(channel, value, uncertainty, uncertainty * instrument.added, _SATURATED in reading.r, instrument.range_end)


_SATURATED = int(Reason.SATURATED)


def _instruments(work: ZoneShift, placement: Placement, quantity_id: str) -> list[_Instrument]:
    """Of the channels that are there now, in order."""
    held = work.span.pieces[-1].channels
    channels = [held[id] for id in placement.channels.get(quantity_id, ()) if id in held]
    known = [(channel, quantity, channel.spec.instrument) for channel in channels if (quantity := quantity_of(channel.quantity, channel.spec.unit)) is not None]
    return [
        _Instrument(channel, quantity, spread_of(channel.quantity, own), quantity.high if own is None or own.range_high is None else own.range_high)
        for channel, quantity, own in known
    ]


def reading_window(work: ZoneShift, form: Form, measured: Measured, reading: Shown | None, now: Now, *, look_back: int = 0) -> LiveWindow:
    """The freshest reading, or the highest of it and the samples of the last minutes."""
    tail: list[float] = measured.top[max(0, work.span.minutes - look_back) :].tolist() if look_back else []
    values = [value for value in tail if not isnan(value)]
    stop_us = max([found.time_us for channel in measured.channels if (found := now.fresh(channel)) is not None], default=now.at_us)
    start_us = stop_us - max(look_back, 1) * MINUTE_US
    if reading is None:
        return form.window(max(values, default=None), None, None, [texts.NOT_FRESH], start_us=start_us, stop_us=stop_us, coverage=0.0)
    value, width = max([*values, reading.value]), reading.uncertainty + reading.drift
    if reading.saturated:
        return form.window(value, min(value, reading.range_end) - width, None, [texts.SATURATED.format(minutes=1)], start_us=start_us, stop_us=stop_us, coverage=1.0)
    return form.window(value, value - width, value + width, [], start_us=start_us, stop_us=stop_us, coverage=1.0)


def shift_window(work: ZoneShift, form: Form, measured: Measured, value: float | None, low: float | None, high: float | None, reasons: list[str]) -> LiveWindow:
    """A window over the shift so far."""
    span = work.span
    return form.window(value, low, high, reasons, start_us=span.start_us, stop_us=span.stop_us, coverage=covered_min(work, measured) / max(span.exposure_min, 1))


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
