"""Minutes of the store as arrays, and a cache of the running shift that reads only what is new or named as touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import log10, nan

import numpy as np
import numpy.typing as npt

from domain.ids import channel_parts
from domain.quality import Reason
from domain.quantities import Averaging, quantity_of
from domain.times import MINUTE_US
from models.arrays import Array, Mask
from storage.timeseries.columns import MinuteColumns, read_columns
from storage.timeseries.port import TimeSeries

OVERLAP_US = 10 * MINUTE_US
"""Read again at each look: minutes of a slow uplink come a little late without being touched."""


@dataclass(slots=True)
class Series:
    """Raw minutes of one channel from `start_us` on: NaN where there is none."""

    start_us: int
    value: Array  # the minute by its quantity's averaging rule
    top: Array  # greatest sample that counts
    samples: npt.NDArray[np.int32]  # samples that count
    saturated: Mask
    below: Mask  # some sample under the detection limit
    simulated: Mask
    refused: Mask  # some record came that does not count

    @classmethod
    def empty(cls, start_us: int, minutes: int) -> Series:
        nothing = np.full(minutes, np.nan)
        no = np.zeros(minutes, bool)
        return cls(start_us, nothing, nothing.copy(), np.zeros(minutes, np.int32), no, no.copy(), no.copy(), no.copy())

    def part(self, start_us: int, minutes: int) -> Series:
        """A view of [start, start + minutes); it must lie inside."""
        first = (start_us - self.start_us) // MINUTE_US
        span = slice(first, first + minutes)
        return Series(start_us, self.value[span], self.top[span], self.samples[span], self.saturated[span], self.below[span], self.simulated[span], self.refused[span])

    def put(self, minutes: MinuteColumns, averaging: Averaging) -> None:
        """Enter minutes; one that was there is replaced."""
        index = (np.asarray(minutes.start_us, dtype=np.int64) - self.start_us) // MINUTE_US
        inside = (index >= 0) & (index < len(self.value))
        at, samples = index[inside], np.asarray(minutes.valid, dtype=np.int32)
        self.value[at] = _means(minutes, samples, averaging)[inside]
        self.top[at] = np.where(samples > 0, minutes.high, np.nan)[inside]
        self.samples[at] = samples[inside]
        self.saturated[at], self.below[at], self.refused[at] = (
            np.asarray(column, dtype=np.int32)[inside] > 0 for column in (minutes.saturated, minutes.below_detection, minutes.rejected)
        )
        simulated = {reasons for reasons in set(minutes.reasons) if _SIMULATED in reasons}
        self.simulated[at] = np.array([reasons in simulated for reasons in minutes.reasons], dtype=bool)[inside] if simulated else False


_SIMULATED = int(Reason.SIMULATED)


def _means(minutes: MinuteColumns, samples: npt.NDArray[np.int32], averaging: Averaging) -> Array:
    """`Minute.mean` of each, to the last digit; NaN without a valid sample."""
    total = np.asarray(minutes.total, dtype=np.float64)
    if averaging is Averaging.MAXIMUM:
        return np.where(samples > 0, total, np.nan)
    mean: Array = np.divide(total, samples, out=np.full(total.shape, np.nan), where=samples > 0)
    if averaging is Averaging.ENERGY:
        return np.array([10.0 * log10(one) if one == one else nan for one in mean.tolist()], dtype=np.float64)  # noqa: PLR0124 - NaN is not itself
    return mean


@lru_cache(maxsize=65_536)
def averaging_of(channel: str) -> Averaging:
    quantity = quantity_of(channel_parts(channel)[2])
    return quantity.averaging if quantity else Averaging.ARITHMETIC


def read_series(store: TimeSeries, channels: Sequence[str], start_us: int, minutes: int) -> dict[str, Series]:
    """All of these channels over [start, start + minutes), straight from the store."""
    found = read_columns(store, channels, start_us, start_us + minutes * MINUTE_US) if channels and minutes > 0 else {}
    series = {}
    for channel in channels:
        series[channel] = Series.empty(start_us, minutes)
        if channel in found:
            series[channel].put(found[channel], averaging_of(channel))
    return series


@dataclass(slots=True)
class _Held:
    series: Series
    known_us: int  # minutes up to here were read
    seen_us: int  # start of the newest minute that is there


@dataclass(slots=True)
class MinuteCache:
    """One span of minutes a channel: that of the running shift of its zone. A span that moves is read anew."""

    store: TimeSeries
    _held: dict[str, _Held] = field(default_factory=dict)

    def series(self, spans: dict[str, tuple[int, int]], now_us: int) -> dict[str, Series]:
        """Series by channel for these (start, minutes), read up to now; channels not named are forgotten."""
        self._held = {channel: held for channel, held in self._held.items() if spans.get(channel) == (held.series.start_us, len(held.series.value))}
        groups: dict[int, list[str]] = defaultdict(list)
        for channel, (start_us, minutes) in spans.items():
            held = self._held.get(channel)
            if held is None:
                held = self._held[channel] = _Held(Series.empty(start_us, minutes), start_us, start_us - MINUTE_US)
            groups[max(start_us, min(held.seen_us + MINUTE_US, held.known_us) - OVERLAP_US)].append(channel)
        for from_us, channels in groups.items():
            self._read(channels, from_us, now_us)
        return {channel: self._held[channel].series for channel in spans}

    def touch(self, channel: str, start_us: int) -> None:
        """Late data from this instant on: read again from there."""
        held = self._held.get(channel)
        if held is not None:
            held.seen_us = min(held.seen_us, start_us - MINUTE_US)

    def seen_us(self, channel: str, otherwise_us: int) -> int:
        """Start of the newest minute that is held of a channel."""
        held = self._held.get(channel)
        return otherwise_us if held is None else held.seen_us

    def _read(self, channels: Sequence[str], from_us: int, now_us: int) -> None:
        found = read_columns(self.store, channels, from_us, max(now_us, from_us)) if channels else {}
        for channel in channels:
            held = self._held[channel]
            minutes = found.get(channel)
            if minutes is not None:
                held.series.put(minutes, averaging_of(channel))
                held.seen_us = max(held.seen_us, int(minutes.start_us[-1]))
            held.known_us = max(held.known_us, now_us)
