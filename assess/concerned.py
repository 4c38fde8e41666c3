"""Which zones' results an entry of the registry can alter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from domain.agreements import SiteChange
from domain.calibration import channel_of
from domain.ids import zone_id
from domain.milder_records import RECORDS
from domain.registry import CalibrationSpec, ChannelSpec, Entry, Registry, ZoneSpec

_OF_ONE_ZONE = ("work", "headcount", "overtime")


class _OfZone(msgspec.Struct):
    zone: str


class Concerned:
    """Looks through the registry once; whatever a thing was at any time counts."""

    def __init__(self, registry: Registry) -> None:
        self._of_thing: dict[tuple[str, str], set[str]] = defaultdict(set)  # kind and id → zones, or for a calibration its channels
        self._of_channel: dict[str, set[str]] = defaultdict(set)
        self._of_site: dict[str, set[str]] = defaultdict(set)
        self._resting: dict[str, set[str]] = defaultdict(set)  # zone → those whose people rest there
        for entry in registry.entries:
            self._look(entry)

    def zones(self, entry: Entry) -> set[str]:
        """With those whose people rest there; what is of no single zone concerns the whole site."""
        own = self._own(entry)
        if not own:
            return self._of_site[entry.site]
        return own.union(*(self._resting[zone] for zone in own))

    def _own(self, entry: Entry) -> set[str]:
        if entry.kind == "zone":
            return {entry.id}
        if entry.kind == "channel":
            return self._of_channel[entry.id]
        found = self._of_thing[(entry.kind, entry.id)]
        return set[str]().union(*(self._of_channel[channel] for channel in found)) if entry.kind == "calibration" else found

    def _look(self, entry: Entry) -> None:
        if entry.kind == "zone":
            self._of_site[entry.site].add(entry.id)
        if not entry.body:
            return
        if entry.kind == "zone" and (rest := msgspec.json.decode(entry.body, type=ZoneSpec).rest_zone):
            self._resting[zone_id(entry.site, rest)].add(entry.id)
        elif entry.kind == "channel":
            self._of_channel[entry.id].add(zone_id(entry.site, msgspec.json.decode(entry.body, type=ChannelSpec).zone))
        elif entry.kind == "calibration":
            self._of_thing[(entry.kind, entry.id)].add(channel_of(msgspec.json.decode(entry.body, type=CalibrationSpec)))
        elif entry.kind == "change":
            self._of_thing[(entry.kind, entry.id)] |= _of_records(entry)
        elif entry.kind in _OF_ONE_ZONE:
            self._of_thing[(entry.kind, entry.id)] |= set(_zone_of(entry))


def _of_records(entry: Entry) -> set[str]:
    """A change of calibrations and laboratory results alone is of their zones; any other is of the whole site."""
    milder = msgspec.json.decode(entry.body, type=SiteChange).milder
    return {one.zone for one in milder} if all(one.kind in RECORDS for one in milder) else set()


def _zone_of(entry: Entry) -> Iterable[str]:
    zone = msgspec.json.decode(entry.body, type=_OfZone).zone
    return [zone if "." in zone else zone_id(entry.site, zone)]
