"""Minutes of the store as arrays, and a cache of the running shift that reads only what is new or named as touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from domain.ids import channel_parts
from domain.quality import Reason
from domain.quantities import Averaging, quantity_of
from domain.reading import Minute
from domain.times import MINUTE_US
from models.arrays import Array, Mask
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

    def put(self, minutes: Iterable[Minute], averaging: Averaging) -> None:
        """Enter minutes; one that was there is replaced."""
        for minute in minutes:
            index = (minute.start_us - self.start_us) // MINUTE_US
            if not 0 <= index < len(self.value):
                continue
            mean = minute.mean(averaging)
            self.value[index] = np.nan if mean is None else mean
            self.top[index] = np.nan if minute.high is None else minute.high
            self.samples[index] = minute.valid
            self.saturated[index] = minute.saturated > 0
            self.below[index] = minute.below_detection > 0
            self.simulated[index] = Reason.SIMULATED in minute.reasons
            self.refused[index] = minute.rejected > 0


def averaging_of(channel: str) -> Averaging:
    quantity = quantity_of(channel_parts(channel)[2])
    return quantity.averaging if quantity else Averaging.ARITHMETIC


def read_series(store: TimeSeries, channels: Sequence[str], start_us: int, minutes: int) -> dict[str, Series]:
    """All of these channels over [start, start + minutes), straight from the store."""
    found = store.read_minutes(channels, start_us, start_us + minutes * MINUTE_US) if channels and minutes > 0 else {}
    series = {}
    for channel in channels:
        series[channel] = Series.empty(start_us, minutes)
        series[channel].put(found.get(channel, []), averaging_of(channel))
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

    def _read(self, channels: Sequence[str], from_us: int, now_us: int) -> None:
        found = self.store.read_minutes(channels, from_us, max(now_us, from_us)) if channels else {}
        for channel in channels:
            held = self._held[channel]
            minutes = found.get(channel, [])
            held.series.put(minutes, averaging_of(channel))
            if minutes:
                held.seen_us = max(held.seen_us, minutes[-1].start_us)
            held.known_us = max(held.known_us, now_us)
