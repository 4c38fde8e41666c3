"""The minute book (decision 2): open minutes in memory as time → reading, closed ones written once, late data reopening them from the store.

Nothing is accumulated: a minute is always computed from the set of its samples, so repeats and order cannot show in it.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.ids import channel_parts
from domain.quality import Reason
from domain.quantities import Averaging, quantity_of
from domain.reading import Minute, Reading, is_superseded, minute_from, stands
from domain.times import HOUR_US, MINUTE_US, SECOND_US, minute_of

CLOSE_AFTER_US = 5 * SECOND_US
"""A minute is closed by the clock this long after its end: slower than the uplink of an agent that sends every few seconds."""
LATE_AFTER_US = 10 * MINUTE_US
BLOCKS_MAX = 20_000

_NEVER_US = -(2**62)
Samples = dict[int, Reading]


class Reader(Protocol):
    """The reading half of `TimeSeries`."""

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]: ...
    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]: ...
    def last(self, channels: Sequence[str]) -> dict[str, Reading]: ...
    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]: ...


@dataclass(slots=True)
class Merged:
    """What a batch of readings comes to: to be written in one commit."""

    fresh: list[Reading] = field(default_factory=list)
    rewritten: dict[tuple[str, int], Reading] = field(default_factory=dict)
    minutes: dict[tuple[str, int], Minute] = field(default_factory=dict)
    first: set[tuple[str, int]] = field(default_factory=set)  # of `minutes`, those later than all on record of their channel
    conflicts: list[tuple[Reading, Reading]] = field(default_factory=list)  # (stands, other)
    touched: dict[str, tuple[int, int]] = field(default_factory=dict)  # channel → span of minutes that changed behind assess's back

    def touch(self, channel: str, minute_us: int) -> None:
        start_us, stop_us = self.touched.get(channel, (minute_us, minute_us + MINUTE_US))
        self.touched[channel] = min(start_us, minute_us), max(stop_us, minute_us + MINUTE_US)


class _Block:
    """What is known of one hour of one channel behind its newest sample: which minutes have samples, and those of the one touched last."""

    __slots__ = ("filled", "minute_us", "samples")

    def __init__(self) -> None:
        self.filled = 0  # a bit for each minute with samples in the store
        self.minute_us = _NEVER_US
        self.samples: Samples = {}


class _Channel:
    __slots__ = ("averaging", "blocks", "end_us", "minute_us", "name", "newest_us", "recorded_us", "samples", "seen", "written")

    def __init__(self, name: str, recorded_us: int) -> None:
        quantity = quantity_of(channel_parts(name)[2])
        self.name = name
        self.averaging = quantity.averaging if quantity else Averaging.ARITHMETIC
        self.newest_us = _NEVER_US
        self.recorded_us = recorded_us  # the latest minute on record, or handed over to be
        self.minute_us = self.end_us = _NEVER_US
        self.samples: Samples = {}  # all samples of the open minute
        self.written = 0  # how many of them the minute on record stands for; 0: none is, -1: it is out of date
        self.seen = 0  # how many there were when the clock last asked
        self.blocks: dict[int, _Block] = {}

    def open_minute(self, minute_us: int, samples: Samples) -> None:
        self.minute_us, self.end_us, self.samples, self.written, self.seen = minute_us, minute_us + MINUTE_US, samples, 0, 0

    def minute(self, minute_us: int, samples: Samples) -> Minute:
        return minute_from(self.name, minute_us, list(samples.values()), self.averaging)


class MinuteBook:
    """Used by one thread. The store it is given must wait until it answers: a merge that has begun cannot be taken back."""

    def __init__(self, store: Reader) -> None:
        self._store = store
        self._channels: dict[str, _Channel] = {}
        self._blocks: OrderedDict[tuple[str, int], None] = OrderedDict()

    def open(self, channels: Iterable[str]) -> Merged:
        """Rebuild these channels from the store: the newest time, the open minute, and the minutes that a crash left unwritten."""
        merged = Merged()
        self._open(channels, merged)
        return merged

    def _open(self, channels: Iterable[str], merged: Merged) -> None:
        names = [name for name in channels if name not in self._channels]
        if not names:
            return
        last, minutes = self._store.last(names), self._store.last_minutes(names)
        starts: dict[int, list[str]] = defaultdict(list)
        for name in names:
            if name in last:
                starts[minutes.get(name, 0)].append(name)
        opened = {name: _Channel(name, minutes.get(name, _NEVER_US)) for name in names}
        for start_us, group in starts.items():
            found = self._store.read(group, start_us, max(last[name].time_us for name in group) + 1)
            on_record = self._store.read_minutes(group, start_us, start_us + MINUTE_US)
            for name in group:
                known = on_record.get(name)
                _rebuild(opened[name], found.get(name, [last[name]]), known[0] if known else None, merged)
        self._channels |= opened

    def merge(self, readings: Sequence[Reading], *, refused: Sequence[Reading] = ()) -> Merged:
        """What these readings, in the order they came, change; a later merge that looks into the store must find it there. The store did not take what is `refused`."""
        merged, channels = Merged(), self._channels
        if refused:
            self._forget_refused(refused, merged)
        fresh, late = merged.fresh, []
        closing: dict[tuple[str, int], Samples] = {}
        for reading in readings:
            channel = channels.get(reading.channel)
            if channel is None:
                self._open({one.channel for one in readings}, merged)
                channel = self._channels[reading.channel]
            time_us = reading.time_us
            if time_us > channel.newest_us:
                if time_us >= channel.end_us:
                    self._roll(channel, time_us, merged, closing)
                channel.newest_us = time_us
                channel.samples[time_us] = reading
                fresh.append(reading)
            else:
                late.append(reading)
        if late:
            self._merge_late(late, merged, closing)
            self._forget()
        return merged

    def close_due(self, now_us: int, merged: Merged) -> None:
        """Close the minutes that ended a while ago and to which nothing was added since this was last asked."""
        due_us = now_us - CLOSE_AFTER_US
        for channel in self._channels.values():
            if channel.end_us <= due_us and channel.written != len(channel.samples):
                if channel.seen == len(channel.samples):
                    self._write(channel, merged)
                channel.seen = len(channel.samples)

    def _forget_refused(self, refused: Iterable[Reading], merged: Merged) -> None:
        """Their minutes become those of what the store holds."""
        keys = {(reading.channel, minute_of(reading.time_us)) for reading in refused if reading.channel in self._channels}
        closed = [key for key in keys if key[1] != self._channels[key[0]].minute_us]
        for name, minute_us in closed:
            self._channels[name].blocks.pop(minute_us - minute_us % HOUR_US, None)
        loaded = self._load(closed, {})
        for name, minute_us in closed:
            merged.touch(name, minute_us)
            merged.minutes[(name, minute_us)] = self._channels[name].minute(minute_us, self._samples(self._channels[name], minute_us, loaded))
        for name, minute_us in keys.difference(closed):
            channel = self._channels[name]
            channel.samples = {reading.time_us: reading for reading in self._store.read([name], minute_us, minute_us + MINUTE_US).get(name, [])}
            if channel.written:
                channel.written = -1
                self._write(channel, merged)

    @property
    def channels(self) -> int:
        return len(self._channels)

    def _write(self, channel: _Channel, merged: Merged) -> None:
        if channel.written:
            merged.touch(channel.name, channel.minute_us)
        key = channel.name, channel.minute_us
        merged.minutes[key] = channel.minute(channel.minute_us, channel.samples)
        if channel.minute_us > channel.recorded_us:
            channel.recorded_us = channel.minute_us
            merged.first.add(key)
        channel.written = len(channel.samples)

    def _roll(self, channel: _Channel, time_us: int, merged: Merged, closing: dict[tuple[str, int], Samples]) -> None:
        if channel.samples:
            if channel.written != len(channel.samples):
                self._write(channel, merged)
            closing[(channel.name, channel.minute_us)] = channel.samples
            if channel.blocks:
                _mark(channel, channel.minute_us)
        channel.open_minute(minute_of(time_us), {})

    def _merge_late(self, late: list[Reading], merged: Merged, closing: dict[tuple[str, int], Samples]) -> None:
        groups: dict[tuple[str, int], list[Reading]] = defaultdict(list)
        for reading in late:
            groups[(reading.channel, minute_of(reading.time_us))].append(reading)
        loaded = self._load(groups, closing)
        replaced: set[tuple[str, int]] = set()
        for (name, minute_us), group in groups.items():
            channel = self._channels[name]
            if minute_us == channel.minute_us:
                _enter(group, channel.samples, merged, replaced)
                if channel.written:
                    channel.written = -1
                    self._write(channel, merged)
                continue
            samples = closing.get((name, minute_us))
            if samples is None:
                samples = self._samples(channel, minute_us, loaded)
                if samples or channel.newest_us - minute_us > LATE_AFTER_US:
                    merged.touch(name, minute_us)
            _enter(group, samples, merged, replaced)
            merged.minutes[(name, minute_us)] = channel.minute(minute_us, samples)
        if replaced:
            merged.fresh[:] = [reading for reading in merged.fresh if (reading.channel, reading.time_us) not in replaced]

    def _samples(self, channel: _Channel, minute_us: int, loaded: dict[tuple[str, int], Samples]) -> Samples:
        """All samples of a closed minute; its block is in memory."""
        block = channel.blocks[minute_us - minute_us % HOUR_US]
        block.minute_us, block.samples = minute_us, loaded.get((channel.name, minute_us), {})
        _mark(channel, minute_us)
        return block.samples

    def _load(self, groups: Iterable[tuple[str, int]], closing: dict[tuple[str, int], Samples]) -> dict[tuple[str, int], Samples]:
        """Fetch the hours of minutes that are not in memory, all channels of an hour at once."""
        wanted: dict[int, set[str]] = defaultdict(set)
        loaded: dict[tuple[str, int], Samples] = defaultdict(dict)
        for name, minute_us in groups:
            channel, hour_us = self._channels[name], minute_us - minute_us % HOUR_US
            if minute_us == channel.minute_us or (name, minute_us) in closing:
                continue
            block = channel.blocks.get(hour_us)
            if block is not None and block.minute_us == minute_us:
                loaded[(name, minute_us)] = block.samples
            elif block is None or block.filled & _bit(minute_us):
                wanted[hour_us].add(name)
            self._blocks[(name, hour_us)] = None
            self._blocks.move_to_end((name, hour_us))
        for hour_us, names in wanted.items():
            found = self._store.read(sorted(names), hour_us, hour_us + HOUR_US)
            for name in names:
                self._channels[name].blocks[hour_us] = _Block()
                for reading in found.get(name, []):
                    loaded[(name, minute_of(reading.time_us))][reading.time_us] = reading
        for name, minute_us in [*loaded, *closing]:
            _mark(self._channels[name], minute_us)
        return loaded

    def _forget(self) -> None:
        """The blocks used longest ago go; they are loaded again when late data ask for them."""
        spare = len(self._blocks) - BLOCKS_MAX
        for _ in range(max(spare, 0)):
            (name, hour_us), _none = self._blocks.popitem(last=False)
            self._channels[name].blocks.pop(hour_us, None)


def _bit(minute_us: int) -> int:
    return 1 << (minute_us % HOUR_US // MINUTE_US)


def _mark(channel: _Channel, minute_us: int) -> None:
    block = channel.blocks.get(minute_us - minute_us % HOUR_US)
    if block is not None:
        block.filled |= _bit(minute_us)


def _enter(group: list[Reading], samples: Samples, merged: Merged, replaced: set[tuple[str, int]]) -> None:
    for reading in group:
        known, key = samples.get(reading.time_us), (reading.channel, reading.time_us)
        if known is None:
            samples[reading.time_us] = merged.rewritten[key] = reading
        elif known != reading:
            standing = reading if is_superseded(reading) and Reason.CLOCK_UNSYNCED in known.r else stands(known, reading)
            if known.value != reading.value and not (is_superseded(known) or is_superseded(reading)):
                merged.conflicts.append((standing, reading if standing is known else known))
            if standing is not known:
                samples[reading.time_us] = merged.rewritten[key] = standing
                replaced.add(key)


def _rebuild(channel: _Channel, readings: list[Reading], on_record: Minute | None, merged: Merged) -> None:
    minutes: dict[int, Samples] = defaultdict(dict)
    for reading in readings:
        minutes[minute_of(reading.time_us)][reading.time_us] = reading
    *closed, newest = sorted(minutes)
    for minute_us in closed:
        minute = channel.minute(minute_us, minutes[minute_us])
        if minute != on_record:
            merged.minutes[(channel.name, minute_us)] = minute
            if on_record is not None and on_record.start_us == minute_us:
                merged.touch(channel.name, minute_us)
    channel.newest_us = readings[-1].time_us
    channel.open_minute(newest, minutes[newest])
    if on_record is not None and on_record.start_us == newest:
        channel.written = len(channel.samples) if channel.minute(newest, channel.samples) == on_record else -1
