"""What many placements measure, as rows of one array: for all channels of one minute count at once what `gather.measured` does for one alone.

Only the plain case, which is nearly every channel: one instrument all through the span, whose correction does not change in it. The rest is left to `gather.measured`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from assess.gather import OVERLOADS, Measured, history_of
from assess.minutes import Series
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.uncertainty import spread_of, table
from assess.windows import valid_minutes
from domain.calibration import Correction, History
from domain.quantities import Averaging, Quantity, quantity_of
from domain.registry import Channel
from domain.verdict import CalibrationState
from models.arrays import Array, Mask

AT_ONCE = 128
"""Rows of a block, which stays in the processor's cache."""


@dataclass(slots=True, kw_only=True)
class _Row:
    """One quantity at one placement, and what is the same in all its minutes."""

    work: ZoneShift
    key: tuple[str, str]
    quantity: Quantity
    channel: Channel
    series: Series
    state: CalibrationState
    correction: Correction | None


def measure_together(works: Sequence[ZoneShift]) -> None:
    """Fill in what each zone measures, as far as it is plain."""
    groups: dict[int, list[_Row]] = defaultdict(list)
    for work in works:
        groups[work.span.minutes] += _rows(work)
    for rows in groups.values():
        for first in range(0, len(rows), AT_ONCE):
            _measure(rows[first : first + AT_ONCE])


def _rows(work: ZoneShift) -> Iterator[_Row]:
    span = work.span
    if len(span.pieces) != 1 or span.pieces[0].minutes != slice(0, span.minutes):
        return
    timezone, held = ZoneInfo(span.site.timezone), span.pieces[0].channels
    for placement in span.placements:
        for id, channels in placement.channels.items():
            row = _row(work, placement, id, held[channels[0]], timezone) if len(channels) == 1 and not work.stands_beside(placement) else None
            if row is not None:
                yield row


def _row(work: ZoneShift, placement: Placement, id: str, channel: Channel, timezone: ZoneInfo) -> _Row | None:
    """None for what is not plain."""
    span, quantity, series = work.span, quantity_of(id, channel.spec.unit), work.series.get(channel.id)
    if quantity is None or series is None or channel.spec.interval_s > 60:
        return None
    history = history_of(work.calibrations.get(channel.id, ()), timezone)
    if not _is_plain(history, quantity, span.start_us):
        return None
    last = history.corrections[-1] if history.corrections else None
    state = history.state(span.start_us, span.stop_us)
    return _Row(work=work, key=(placement.label, id), quantity=quantity, channel=channel, series=series, state=state, correction=last)


def _is_plain(history: History, quantity: Quantity, start_us: int) -> bool:
    """The last correction holds all through, and can be applied."""
    return (history.last_us is None or history.last_us <= start_us) and not (history.has_gain and quantity.averaging is Averaging.ENERGY)


def _measure(rows: Sequence[_Row]) -> None:
    """The same steps as `gather.measured`, a row each."""
    series = [row.series for row in rows]
    value, top = _corrected(rows, block([one.value for one in series])), _corrected(rows, block([one.top for one in series]))
    saturated = block([one.saturated for one in series])
    _mark_overloads(rows, top, saturated)
    below, simulated = block([one.below for one in series]), block([one.simulated for one in series])
    samples = np.concatenate([one.samples for one in series]).reshape(value.shape)
    valid = valid_minutes(samples, column([row.channel.spec.interval_s for row in rows]))
    spreads = [spread_of(row.quantity.id, row.channel.spec.instrument) for row in rows]
    known = np.where(np.isnan(value), 0.0, value)
    uncertainty = np.maximum(column([one.abs for one in spreads]), column([one.rel for one in spreads]) * np.abs(known))
    drift = uncertainty * column([table().calibration[row.state] for row in rows])
    for row, *arrays in zip(rows, value, top, valid, uncertainty, drift, saturated, below, simulated, strict=True):
        row.work.take(row.key, _measured(row, *arrays))


def _measured(row: _Row, value: Array, top: Array, valid: Mask, uncertainty: Array, drift: Array, saturated: Mask, below: Mask, simulated: Mask) -> Measured:
    id, instrument = row.channel.id, row.channel.spec.instrument
    return Measured(
        quantity=row.quantity,
        value=value,
        top=top,
        valid=valid,
        uncertainty=uncertainty,
        drift=drift,
        saturated=saturated,
        below=below,
        simulated=simulated,
        range_end=row.quantity.high if instrument is None or instrument.range_high is None else instrument.range_high,
        channels=[row.channel],
        states={id: row.state},
        calibration_ids={id: row.correction.calibration_id if row.correction else None},
    )


def _corrected(rows: Sequence[_Row], values: Array) -> Array:
    fixes = [row.correction for row in rows]
    if not any(fixes):
        return values
    return (values - column([fix.offset if fix else 0.0 for fix in fixes])) * column([fix.gain if fix else 1.0 for fix in fixes])


def _mark_overloads(rows: Sequence[_Row], top: Array, saturated: Mask) -> None:
    """Levels near a microphone's overload point, whether the device says so or not; the rows of one kind of microphone together."""
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        instrument = row.channel.spec.instrument
        if row.quantity.id in OVERLOADS and instrument is not None and instrument.range_high is not None:
            groups[row.quantity.id, instrument.range_high].append(index)
    for (id, range_high), indices in groups.items():
        shown = top[indices]
        saturated[indices] |= OVERLOADS[id](np.where(np.isnan(shown), -np.inf, shown), range_high).at_least


def block(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Arrays of one length as rows."""
    return np.concatenate(arrays).reshape(len(arrays), len(arrays[0]))


def column(values: Sequence[float]) -> Array:
    return np.array(values, dtype=np.float64)[:, np.newaxis]
