"""The floor as it was: live zones of past minutes, from stored minutes and readings, by the same rules that look at it now."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assess.contested import is_record_open
from assess.live import LiveZone
from assess.live_contested import stricter
from assess.live_window import Now
from assess.minutes import Series, read_series
from assess.outcome import ZoneShift
from assess.plan import reach, shifts_of, span_of
from assess.protect import live_zone, prepare, prepare_look
from domain.calibration import performed_us
from domain.reading import Reading
from domain.registry import CalibrationSpec, Registry, Zone
from domain.shifts import Shift
from domain.times import DAY_US, HOUR_US, MINUTE_US, minute_of
from storage.timeseries.port import TimeSeries

BEFORE_US = 16 * HOUR_US
"""A shift that runs at midnight has begun at most so long ago."""


@dataclass(slots=True)
class _Past:
    """Readings of one channel in time order, and where a look at them stands."""

    times: list[int] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    valued: list[int] = field(default_factory=list)  # for each reading: index of the latest one with a value, up to it; -1: none
    counting: list[int] = field(default_factory=list)

    def put(self, found: Sequence[Reading]) -> None:
        for reading in found:
            self.times.append(reading.time_us)
            self.readings.append(reading)
            at = len(self.readings) - 1
            self.valued.append(at if reading.value is not None else self.valued[-1] if self.valued else -1)
            self.counting.append(at if reading.counts else self.counting[-1] if self.counting else -1)


class Source(Protocol):
    """Where the past is read."""

    def series(self, channels: Sequence[str], start_us: int, minutes: int) -> dict[str, Series]:
        """Of every channel."""
        ...

    def readings(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        """By channel, ascending."""
        ...


class Stored(Source):
    """The house's own store."""

    def __init__(self, timeseries: TimeSeries) -> None:
        self._timeseries = timeseries

    def series(self, channels: Sequence[str], start_us: int, minutes: int) -> dict[str, Series]:
        return read_series(self._timeseries, channels, start_us, minutes)

    def readings(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        return self._timeseries.read(channels, start_us, stop_us) if channels else {}


class History:
    """One site, day by day: a day of its readings is in memory at a time. A gap that an agent declared is taken as any other gap."""

    def __init__(self, source: Source, registry: Registry, site: str, *, every_us: int = MINUTE_US) -> None:
        self._source, self._registry, self._site, self._every_us = source, registry, site, every_us
        self._calibrations: dict[str, list[CalibrationSpec]] = {}
        self._undisputed: dict[str, list[CalibrationSpec]] = {}
        self._series: dict[str, Series] = {}
        self._past: dict[str, _Past] = {}
        self._shifts: dict[str, list[Shift]] = {}
        self._works: dict[str, ZoneShift] = {}  # of the minute before
        self._agreed: dict[str, ZoneShift] = {}  # the same without the calibrations that wait for a side

    def minutes(self, start_us: int, stop_us: int) -> Iterator[tuple[int, list[LiveZone], list[Reading]]]:
        """(instant, every zone at that instant, the readings since the instant before), minute by minute or as often as was asked."""
        day_us = start_us
        while day_us < stop_us:
            until_us = min(day_us + DAY_US, stop_us)
            zones = [zone for zone in self._registry.at(day_us).zones.values() if zone.site == self._site]
            channels = sorted({channel.id for moment in (day_us, until_us) for channel in self._registry.at(moment).channels.values() if channel.site == self._site})
            self._load(zones, channels, day_us, until_us)
            self._calibrations, self._undisputed = (_done_by(one, self._site, day_us) for one in (self._registry, self._registry.undisputed()))
            for now_us in range(minute_of(day_us) + self._every_us, until_us + 1, self._every_us):
                yield now_us, self._look(zones, now_us), self._between(now_us - self._every_us, now_us)
            day_us = until_us

    def _load(self, zones: Sequence[Zone], channels: Sequence[str], start_us: int, stop_us: int) -> None:
        first_us = minute_of(start_us - BEFORE_US)
        self._series = self._source.series(channels, first_us, (minute_of(stop_us) - first_us) // MINUTE_US + 1)
        self._shifts = {zone.id: shifts_of(self._registry, zone, start_us, stop_us) for zone in zones}
        found = self._source.readings(channels, start_us - HOUR_US, stop_us + 1)
        self._past = {}
        for channel, readings in found.items():
            self._past.setdefault(channel, _Past()).put(readings)

    def _look(self, zones: Sequence[Zone], now_us: int) -> list[LiveZone]:
        works = [work for zone in zones if (work := self._work(zone, now_us)) is not None]
        self._works = {work.span.zone: work for work in works}
        self._agreed = {work.span.zone: self._without_open(work) for work in works if is_record_open(work.span, self._registry)}
        now = self._now(now_us)
        prepare([*works, *self._agreed.values()])
        prepare_look([*works, *self._agreed.values()], now)
        return [self._protective(work, now) for work in works]

    def _protective(self, work: ZoneShift, now: Now) -> LiveZone:
        """As on the floor: while a calibration waits for a side, the stricter of the looks with and without it."""
        agreed = self._agreed.get(work.span.zone)
        return live_zone(work, now) if agreed is None else stricter(live_zone(work, now), live_zone(agreed, now))

    def _without_open(self, work: ZoneShift) -> ZoneShift:
        return ZoneShift(span=work.span, series=work.series, calibrations=self._undisputed, final=False, before=self._agreed.get(work.span.zone))

    def _work(self, zone: Zone, now_us: int) -> ZoneShift | None:
        shift = next((one for one in self._shifts.get(zone.id, ()) if one.holds(now_us)), None)
        start_us, minutes = reach(shift, now_us)
        span = span_of(self._registry, zone.id, shift, start_us, minutes)
        if span is None or any(start_us < self._series[channel].start_us for channel in span.channels if channel in self._series):
            return None
        own = {channel: self._series[channel].part(start_us, minutes) for channel in span.channels if channel in self._series}
        return None if len(own) < len(span.channels) else ZoneShift(span=span, series=own, calibrations=self._calibrations, final=False, before=self._works.get(zone.id))

    def _now(self, now_us: int) -> Now:
        last: dict[str, Reading] = {}
        valued: dict[str, Reading] = {}
        counting: dict[str, Reading] = {}
        for channel, past in self._past.items():
            at = bisect_right(past.times, now_us) - 1
            if at < 0:
                continue
            last[channel] = past.readings[at]
            for known, indices in ((valued, past.valued), (counting, past.counting)):
                if indices[at] >= 0:
                    known[channel] = past.readings[indices[at]]
        return Now(at_us=now_us, last=last, valued=valued, counting=counting)

    def _between(self, after_us: int, until_us: int) -> list[Reading]:
        found = [reading for past in self._past.values() for reading in past.readings[bisect_right(past.times, after_us) : bisect_right(past.times, until_us)]]
        return sorted(found, key=lambda reading: (reading.time_us, reading.channel))


def _done_by(registry: Registry, site: str, at_us: int) -> dict[str, list[CalibrationSpec]]:
    """Also of channels that are no more. What nobody could have known of yet is left out: the windows of that day did not know of it either."""
    held = registry.at(at_us)
    if site not in held.sites:
        return {}
    timezone = held.timezone(site)
    return {channel: [record for record in records if performed_us(record, timezone) <= at_us] for channel, records in registry.calibrations.items()}
