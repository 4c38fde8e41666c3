"""What many placements measure, as rows of one array: for all channels of one minute count at once what `gather.measured` does for one alone.

Only the plain case, which is nearly every channel: one instrument all through the span, whose correction does not change in it. The rest is left to `gather.measured`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from assess.gather import OVERLOADS, Measured, history_of
from assess.minutes import Series
from assess.outcome import ZoneShift
from assess.uncertainty import Spread, spread_of, table
from assess.windows import valid_minutes
from domain.calibration import Correction, History
from domain.quantities import Averaging, Quantity, quantity_of
from domain.registry import Channel
from domain.verdict import CalibrationState
from models.arrays import Array, Mask

AT_ONCE = 128
"""Rows of a block, which stays in the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """One quantity at one placement that one instrument measures, and what stands of it from minute to minute."""

    key: tuple[str, str]
    quantity: Quantity
    channels: list[Channel]
    spread: Spread
    range_end: float
    overload_db: float | None  # of a microphone
    token: object = field(default_factory=object)

    @property
    def channel(self) -> Channel:
        return self.channels[0]


class _Row(NamedTuple):
    """What is the same in all its minutes."""

    work: ZoneShift
    plain: _Plain
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
    timezone = ZoneInfo(span.site.timezone)
    for plain in span.once_standing("plain", lambda: list(_plain(work))):
        id = plain.channel.id
        history, series = history_of(work.calibrations.get(id, ()), timezone), work.series.get(id)
        if series is not None and _is_plain(history, plain.quantity, span.start_us):
            yield _Row(work, plain, series, history.state(span.start_us, span.stop_us), history.corrections[-1] if history.corrections else None)


def _plain(work: ZoneShift) -> Iterator[_Plain]:
    held = work.span.pieces[0].channels
    for placement in work.span.placements:
        for id, channels in placement.channels.items():
            channel = held[channels[0]]
            quantity, instrument = quantity_of(id, channel.spec.unit), channel.spec.instrument
            if len(channels) == 1 and not work.stands_beside(placement) and quantity is not None and channel.spec.interval_s <= 60:
                own = None if instrument is None else instrument.range_high
                yield _Plain(
                    key=(placement.label, id),
                    quantity=quantity,
                    channels=[channel],
                    spread=spread_of(id, instrument),
                    range_end=quantity.high if own is None else own,
                    overload_db=own if id in OVERLOADS else None,
                )


def _is_plain(history: History, quantity: Quantity, start_us: int) -> bool:
    """The last correction holds all through, and can be applied."""
    return (history.last_us is None or history.last_us <= start_us) and not (history.has_gain and quantity.averaging is Averaging.ENERGY)


def _measure(rows: Sequence[_Row]) -> None:
    """The same steps as `gather.measured`, a row each."""
    series, plain = [row.series for row in rows], [row.plain for row in rows]
    value, top = _corrected(rows, block([one.value for one in series])), _corrected(rows, block([one.top for one in series]))
    saturated = block([one.saturated for one in series])
    _mark_overloads(plain, top, saturated)
    below, simulated = block([one.below for one in series]), block([one.simulated for one in series])
    valid = valid_minutes(block([one.samples for one in series]), column([one.channel.spec.interval_s for one in plain]))
    uncertainty = np.abs(value)
    uncertainty[np.isnan(value)] = 0.0
    uncertainty *= column([one.spread.rel for one in plain])
    np.maximum(uncertainty, column([one.spread.abs for one in plain]), out=uncertainty)
    added = table().calibration
    drift = uncertainty * column([added[row.state] for row in rows])
    for index, row in enumerate(rows):
        work, one, _, state, correction = row
        id = one.channels[0].id
        found = Measured(
            quantity=one.quantity,
            value=value[index],
            top=top[index],
            valid=valid[index],
            uncertainty=uncertainty[index],
            drift=drift[index],
            saturated=saturated[index],
            below=below[index],
            simulated=simulated[index],
            range_end=one.range_end,
            channels=one.channels,
            states={id: state},
            calibration_ids={id: correction.calibration_id if correction else None},
            made_by=(one.token, state),
        )
        work.take(one.key, found)


def _corrected(rows: Sequence[_Row], values: Array) -> Array:
    """Most calibrations find nothing to correct."""
    fixes = [row.correction for row in rows]
    if any(fix is not None and fix.offset != 0.0 for fix in fixes):
        values -= column([fix.offset if fix else 0.0 for fix in fixes])
    if any(fix is not None and fix.gain != 1.0 for fix in fixes):
        values *= column([fix.gain if fix else 1.0 for fix in fixes])
    return values


def _mark_overloads(plain: Sequence[_Plain], top: Array, saturated: Mask) -> None:
    """Levels near a microphone's overload point, whether the device says so or not; the rows of one kind of microphone together."""
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for index, one in enumerate(plain):
        if one.overload_db is not None:
            groups[one.quantity.id, one.overload_db].append(index)
    for (id, overload_db), indices in groups.items():
        shown = top[indices]
        saturated[indices] |= OVERLOADS[id](np.where(np.isnan(shown), -np.inf, shown), overload_db).at_least


def block(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Arrays of one length as rows."""
    return np.concatenate(arrays).reshape(len(arrays), len(arrays[0]))


def column(values: Sequence[float]) -> Array:
    return np.array(values, dtype=np.float64)[:, np.newaxis]
