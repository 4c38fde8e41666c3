"""What a caller may see of the registry: everything that answers a person goes through here, with their scope first. A foreign id is one that does not exist."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from assess.contested import open_calibrations
from console.context import ConsoleContext
from console.corrected import corrected
from domain.calibration import Correction, corrections, higher_of
from domain.errors import NotFound
from domain.ids import zone_id
from domain.quality import Quality
from domain.reading import Reading
from domain.registry import Channel, ChannelSpec, Entry, Registry, SiteSpec, Snapshot, Workers, Zone
from domain.scope import Scope
from domain.times import HOUR_US, SECOND_US
from domain.verdict import WorkersOf
from storage.records.registry import RegistryRepository
from storage.timeseries.port import TimeSeries

SMALLEST_CELL = 5
"""Fewer persons than this would be recognised (contract 4.1: small cells are suppressed)."""


class Sources:
    """The registry, looked at no more than once a second."""

    def __init__(self, context: ConsoleContext) -> None:
        self._clock, self._wall = context.clock, context.wall
        self._repository = RegistryRepository(context.engine)
        self._lock, self._looked_us, self._registry = threading.Lock(), -1, Registry(())

    def registry(self) -> Registry:
        with self._lock:
            now = self._wall.monotonic_us()
            if self._looked_us < 0 or now - self._looked_us >= SECOND_US:
                self._registry, self._looked_us = self._repository.load(), now
            return self._registry

    def enter(self, make: Callable[[Registry], Sequence[Entry]]) -> None:
        """Add dated entries that follow from what stands; the next look sees them."""
        self._repository.amend(make)
        self.look_again()

    def look_again(self) -> None:
        """What was entered beside this, the next look sees."""
        with self._lock:
            self._looked_us = -1

    def snapshot(self) -> Snapshot:
        """What holds now."""
        return self.registry().at(self._clock.now_us())

    def sites(self, scope: Scope) -> list[SiteSpec]:
        return sorted((site for site in self.snapshot().sites.values() if scope.sees(site)), key=lambda site: site.name)

    def site_ids(self, scope: Scope) -> list[str]:
        return [site.id for site in self.sites(scope)]

    def site(self, scope: Scope, id: str) -> SiteSpec:
        site = self.snapshot().sites.get(id)
        if site is None or not scope.sees(site):
            raise NotFound(f"no site '{id}'")
        return site

    def zones(self, scope: Scope, site: str) -> list[Zone]:
        self.site(scope, site)
        return self.snapshot().zones_of(site)

    def zone(self, scope: Scope, id: str) -> Zone:
        zone = self.snapshot().zones.get(id)
        if zone is None or not self._sees(scope, zone.site):
            raise NotFound(f"no zone '{id}'")
        return zone

    def channels(self, scope: Scope, zone: str) -> list[Channel]:
        self.zone(scope, zone)
        return self.snapshot().channels_of(zone)

    def channel(self, scope: Scope, id: str) -> Channel:
        """A channel that holds now, or one that is retired: its readings stay."""
        channel = self.snapshot().channels.get(id) or self._retired(id)
        if channel is None or not self._sees(scope, channel.site):
            raise NotFound(f"no channel '{id}'")
        return channel

    def timezone(self, site: str) -> ZoneInfo:
        """UTC for what belongs to no site, such as an unknown device."""
        snapshot = self.snapshot()
        return snapshot.timezone(site) if site in snapshot.sites else ZoneInfo("UTC")

    def corrections(self, channel: Channel) -> list[Correction]:
        """The dated corrections of a channel, by time; while one waits for a side, those that give the higher of the readings with and without it."""
        registry, timezone = self.registry(), self.timezone(channel.site)
        found = corrections(self.snapshot().calibrations.get(channel.id, ()), timezone)
        if channel.id not in open_calibrations(registry):
            return found
        return higher_of(found, corrections(registry.undisputed().calibrations.get(channel.id, ()), timezone))

    def last(self, store: TimeSeries, channels: Sequence[Channel]) -> dict[str, Reading]:
        """The latest reading of each channel, corrected."""
        found = store.last([channel.id for channel in channels]) if channels else {}
        calibrated = self.snapshot().calibrations
        fixes = {channel.id: self.corrections(channel) for channel in channels if channel.id in calibrated}
        return {id: corrected(reading, fixes.get(id, ())) for id, reading in found.items()}

    def last_shown(self, store: TimeSeries, channels: Sequence[Channel], newest: Mapping[str, Reading]) -> dict[str, Reading]:
        """The latest reading that has a value, for each channel whose newest record may have none; those that had none for an hour are left out."""
        blind = [channel for channel in channels if channel.id in newest and not has_value(newest[channel.id])]
        now_us = self._clock.now_us()
        found = store.read([channel.id for channel in blind], now_us - HOUR_US, now_us) if blind else {}
        shown = {id: reading for id, reading in newest.items() if has_value(reading)}
        for channel in blind:
            held = [reading for reading in found.get(channel.id, ()) if has_value(reading)]
            if held:
                shown[channel.id] = corrected(held[-1], self.corrections(channel))
        return shown

    def agents(self, scope: Scope) -> dict[str, str]:
        """Enrolled agents of the caller's sites: agent → site."""
        seen = set(self.site_ids(scope))
        return {agent: site for agent, site in self.snapshot().agents.items() if site in seen}

    def _sees(self, scope: Scope, site: str) -> bool:
        spec = self.snapshot().sites.get(site)
        return spec is not None and scope.sees(spec)

    def _retired(self, id: str) -> Channel | None:
        held = [entry for entry in self.registry().entries if entry.kind == "channel" and entry.id == id and entry.body]
        if not held:
            return None
        spec = msgspec.json.decode(held[-1].body, type=ChannelSpec)
        return Channel(id=id, agent=id.split(".", maxsplit=1)[0], site=held[-1].site, zone=zone_id(held[-1].site, spec.zone), spec=spec)


def has_value(reading: Reading) -> bool:
    """Whether it may be shown: what was rejected with certainty is no value."""
    return reading.value is not None and reading.q > Quality.REJECTED


def suppressed(workers: Workers | None) -> WorkersOf | None:
    """Persons assigned by sex; one small cell hides both, since the other would give it away."""
    if workers is None:
        return None
    hide = any(0 < count < SMALLEST_CELL for count in (workers.women, workers.men))
    return WorkersOf(women=None if hide else workers.women, men=None if hide else workers.men, suppressed=hide)


def by_name(zones: Iterable[Zone]) -> list[Zone]:
    return sorted(zones, key=lambda zone: zone.spec.name)
