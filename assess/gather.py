"""One quantity at one placement over a span: corrected, with each minute's validity, uncertainty and what its quality codes say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from assess import texts
from assess.minutes import Series
from assess.once import once
from assess.plan import Placement, Span
from assess.uncertainty import sensor_uncertainty, table
from assess.windows import spread_back, valid_minutes
from domain.calibration import Correction, History, correction_at
from domain.quantities import Quantity, quantity_of
from domain.registry import CalibrationSpec, Channel
from domain.times import MINUTE_US
from domain.verdict import CalibrationState
from models.arrays import Array, Mask
from models.noise.peak import honest_leq, honest_peak

T = TypeVar("T")
Calibrations = Mapping[str, Sequence[CalibrationSpec]]
RecordHigh = Callable[[str], float | None]
"""The highest valid minute on record of a channel, raw; asked only where an agreed worst case has to be held against it."""


OVERLOADS = {"sound_level_a_eq": honest_leq, "sound_level_c_peak": honest_peak}
"""Levels that a microphone near its overload point gives as lower bounds, whether the device says so or not."""


@dataclass(slots=True, kw_only=True)
class Measured:
    """Arrays over the minutes of the span; NaN where there is no value."""

    quantity: Quantity
    value: Array
    top: Array  # greatest single sample
    valid: Mask
    uncertainty: Array  # of the instrument
    drift: Array  # added for the state of its calibration
    saturated: Mask
    below: Mask
    simulated: Mask
    range_end: float
    channels: list[Channel] = field(default_factory=list)
    states: dict[str, CalibrationState] = field(default_factory=dict)
    calibration_ids: dict[str, str | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    made_by: Hashable = None  # an instrument all through and its state: of those with the same, equal values are as uncertain
    cover: Measured | None = None  # another instrument in date for the same quantity at the same place
    found: dict[Hashable, Any] = field(default_factory=dict)  # what was made of it, for all limits that ask for the same

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Made once from its minutes; whoever asks later must not write into it."""
        return once(self.found, key, make)

    @property
    def in_date(self) -> bool:
        """Whether it may stand in for another."""
        return bool(self.states) and all(state in ("in_date", "due") for state in self.states.values())


def measured(span: Span, placement: Placement, quantity_id: str, series: Mapping[str, Series], calibrations: Calibrations) -> Measured | None:
    """The quantity at this placement; None when nothing there measures it."""
    ids = placement.channels.get(quantity_id, ())
    channels = [span.channels[id] for id in ids if id in span.channels]
    quantity = quantity_of(quantity_id, channels[-1].spec.unit) if channels else None
    if quantity is None:
        return None
    result = _empty(quantity, span.minutes)
    timezone = ZoneInfo(span.site.timezone)
    for channel in channels:
        history = history_of(calibrations.get(channel.id, ()), timezone)
        result.channels.append(channel)
        result.states[channel.id] = history.state(span.start_us, span.stop_us)
        fixes = _usable(history.corrections, quantity, result)
        last = correction_at(fixes, span.stop_us)
        result.calibration_ids[channel.id] = last.calibration_id if last else None
        for piece in span.pieces:
            held = piece.channels.get(channel.id)
            if held is not None and channel.id in series:
                _enter(result, held, series[channel.id], piece.minutes, span.start_us, fixes)
                _doubt(result, piece.minutes, span.start_us, history, fixes)
    return result


_histories: dict[tuple[int, int, str], tuple[Sequence[CalibrationSpec], History]] = {}
_MOST_HISTORIES = 65_536


def history_of(records: Sequence[CalibrationSpec], timezone: ZoneInfo) -> History:
    """Looked through once: a channel's list of records is replaced and never written to when the registry changes."""
    key = id(records), len(records), timezone.key
    held = _histories.get(key)
    if held is None:  # what is held keeps its list alive, so that no other takes its identity
        if len(_histories) >= _MOST_HISTORIES:
            _histories.clear()
        held = _histories[key] = records, History(records, timezone)
    return held[1]


def _empty(quantity: Quantity, minutes: int) -> Measured:
    nothing, no = np.full(minutes, np.nan), np.zeros(minutes, dtype=bool)
    return Measured(
        quantity=quantity,
        value=nothing,
        top=nothing.copy(),
        valid=no,
        uncertainty=nothing.copy(),
        drift=nothing.copy(),
        saturated=no.copy(),
        below=no.copy(),
        simulated=no.copy(),
        range_end=quantity.high,
    )


def _usable(fixes: Sequence[Correction], quantity: Quantity, result: Measured) -> list[Correction]:
    for fix in fixes:
        if not fix.commutes(quantity.averaging):
            result.reasons.append(texts.GAIN_ON_DECIBELS.format(calibration=fix.calibration_id))
    return [fix for fix in fixes if fix.commutes(quantity.averaging)]


def _enter(result: Measured, channel: Channel, series: Series, minutes: slice, start_us: int, fixes: Sequence[Correction]) -> None:
    """One channel's minutes of one piece, corrected by what held in each of them."""
    spec, instrument = channel.spec, channel.spec.instrument
    value, top = series.value[minutes].copy(), series.top[minutes].copy()
    saturated, below, simulated, samples = series.saturated[minutes], series.below[minutes], series.simulated[minutes], series.samples[minutes]
    present = ~np.isnan(value)
    if spec.interval_s > 60:
        back = int(-(-spec.interval_s // 60))
        value, top = (np.asarray(spread_back(array, present, back), dtype=np.float64) for array in (value, top))
        saturated, below, simulated = (np.asarray(spread_back(array, present, back), dtype=bool) for array in (saturated, below, simulated))
        samples = np.asarray(spread_back(samples, present, back), dtype=np.int32)
    value, top = _corrected(value, minutes.start, start_us, fixes), _corrected(top, minutes.start, start_us, fixes)
    if instrument is not None and instrument.range_high is not None and spec.quantity in OVERLOADS:
        saturated = saturated | OVERLOADS[spec.quantity](np.where(np.isnan(top), -np.inf, top), instrument.range_high).at_least
    uncertainty = sensor_uncertainty(spec.quantity, instrument, np.where(np.isnan(value), 0.0, value))
    result.value[minutes], result.top[minutes] = value, top
    result.valid[minutes] = valid_minutes(samples, spec.interval_s)
    result.uncertainty[minutes] = uncertainty
    result.drift[minutes] = uncertainty * table().calibration[result.states[channel.id]]
    result.saturated[minutes], result.below[minutes], result.simulated[minutes] = saturated, below, simulated
    if instrument is not None and instrument.range_high is not None:
        result.range_end = instrument.range_high


def _doubt(result: Measured, minutes: slice, start_us: int, history: History, fixes: Sequence[Correction]) -> None:
    """What the next calibration found the instrument to be off, it may have been off at any time since the last that was good: nobody knows when it went wrong."""
    for good_us, fix in history.found_later():
        if fix in fixes and fix.from_us > start_us:
            first, stop = (min(max(-(-(at_us - start_us) // MINUTE_US), minutes.start), minutes.stop) for at_us in (good_us, fix.from_us))
            value, held = result.value[first:stop], correction_at(fixes, good_us)
            raw = value if held is None else value / held.gain + held.offset
            moved = np.abs(value - (raw - fix.offset) * fix.gain)
            result.drift[first:stop] += np.where(np.isnan(moved), 0.0, moved)


def _corrected(values: Array, first: int, start_us: int, fixes: Sequence[Correction]) -> Array:
    if not fixes:
        return values
    result = values.copy()
    edges = [0, *(min(max(-(-(fix.from_us - start_us) // MINUTE_US) - first, 0), len(values)) for fix in fixes), len(values)]
    for edge, stop, fix in zip(edges[1:-1], edges[2:], fixes, strict=True):
        result[edge:stop] = (values[edge:stop] - fix.offset) * fix.gain
    return result
