"""Samples of a file fitted into a registry: by the context file where there is one, else with as little as can be assumed, and each assumption said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from assess.samples import Samples, Track
from domain.calibration import channel_of
from domain.errors import BadInput
from domain.ids import channel_id, zone_id
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Registry, SiteFile, SiteSpec, ZoneSpec, entries_of
from domain.sitefile import instant_of

SITE, ZONE, AGENT = "file", "zone-1", "file"
"""What is called so where the file and its context give no name."""

UNIX_TIMES = "The times are Unix seconds: the shift has the date of UTC."
INTERVAL = "Sampling interval of {quantity}: {seconds} s, the median spacing of its samples."
NOT_IN_CONTEXT = "The context has no channel for {quantity} in this zone: its instrument, calibration and placement are unknown."
NOT_IN_FILE = "The context has {channel}, the file no sample of it: it is left out."
CONTEXT_IS_LATER = "The context holds from {date} on: it is taken for the samples before that too."

Place = tuple[str, ChannelSpec]
"""An agent and one of its channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The registry of the samples; `tracks` by zone and channel id, `assumed` by zone or channel id."""

    registry: Registry
    calibrations: Mapping[str, Sequence[CalibrationSpec]]
    tracks: Mapping[str, Mapping[str, Track]]
    assumed: Mapping[str, Sequence[str]]


def fit(samples: Samples, context: SiteFile | None, profiles: Sequence[str], source: str = "") -> Fitted:
    """Every track becomes a channel; raises `BadInput` where the file and its context contradict each other."""
    site = context or _bare(samples)
    tracks: dict[str, dict[str, Track]] = defaultdict(dict)
    assumed: dict[str, list[str]] = defaultdict(list)
    specs: dict[str, list[ChannelSpec]] = defaultdict(list)
    for track in samples.tracks:
        zone = _zone_of(track, site, samples.source)
        declared = _declared(site, zone, track, source)
        agent, spec = declared or _undeclared(site, zone, track)
        _check_unit(spec, track, samples.source)
        id = channel_id(agent, spec.placement, spec.quantity)
        specs[agent].append(spec)
        tracks[zone_id(site.site.id, zone)][id] = track
        if declared is None:
            assumed[id] += [NOT_IN_CONTEXT.format(quantity=track.quantity.id)] if context else []
            assumed[id].append(INTERVAL.format(quantity=track.quantity.id, seconds=f"{spec.interval_s:g}"))
    for zone, found in tracks.items():
        assumed[zone] += _of_zone(samples, context, zone, found)
    file = replace(site, site=replace(site.site, profiles=list(profiles)), agents=[AgentSpec(id=agent, channels=channels) for agent, channels in specs.items()])
    calibrations: dict[str, list[CalibrationSpec]] = defaultdict(list)
    for record in site.calibrations:
        calibrations[channel_of(record)].append(record)
    return Fitted(
        registry=Registry(entries_of(file, valid_from_us=ALWAYS_US, recorded_us=0, author="", reason="")),
        calibrations=calibrations,
        tracks=tracks,
        assumed=assumed,
    )


def _bare(samples: Samples) -> SiteFile:
    """A site of which nothing is known but the names that the file gives."""
    sites = {track.zone.partition(".")[0] for track in samples.tracks if "." in track.zone}
    zones = dict.fromkeys(track.zone.rpartition(".")[2] or ZONE for track in samples.tracks)
    return SiteFile(
        site=SiteSpec(id=min(sites, default=SITE), name="", timezone="UTC", country=""),
        zones=[ZoneSpec(id=zone, name=zone) for zone in zones],
    )


def _zone_of(track: Track, site: SiteFile, source: str) -> str:
    known = [zone.id for zone in site.zones]
    named, _, zone = track.zone.rpartition(".")
    if named not in ("", site.site.id):
        raise BadInput(f"zone '{track.zone}' is of another site than {site.site.id}", source=source, line=track.line, field="zone", remedy="one site a file")
    if zone in known:
        return zone
    if not zone and len(known) == 1:
        return known[0]
    if not zone:
        raise BadInput(f"the context has {len(known)} zones and the row names none", source=source, line=track.line, field="zone", remedy="add a column zone")
    raise BadInput(f"the context has no zone '{zone}'", source=source, line=track.line, field="zone", remedy=f"known: {', '.join(known)}")


def _places(site: SiteFile, zone: str) -> Iterator[Place]:
    return ((agent.id, spec) for agent in site.agents for spec in agent.channels if spec.zone == zone)


def _declared(site: SiteFile, zone: str, track: Track, source: str) -> Place | None:
    found = [place for place in _places(site, zone) if place[1].quantity == track.quantity.id]
    if len(found) > 1:
        ids = ", ".join(channel_id(agent, spec.placement, spec.quantity) for agent, spec in found)
        raise BadInput(f"zone {zone} has several channels of {track.quantity.id}: {ids}", source=source, field="agents", remedy="leave the one that the samples are of")
    return found[0] if found else None


def _undeclared(site: SiteFile, zone: str, track: Track) -> Place:
    """A channel that nobody declared; it belongs to the zone's one placement, where there is but one."""
    placements = {spec.placement for _, spec in _places(site, zone)}
    taken = {agent.id for agent in site.agents}
    agent = next(name for name in (AGENT, *(f"{AGENT}-{number}" for number in range(1, len(taken) + 2))) if name not in taken)
    unit = track.quantity.unit if track.quantity.id.startswith("concentration:") else ""
    placement = placements.pop() if len(placements) == 1 else zone
    return agent, ChannelSpec(placement=placement, quantity=track.quantity.id, zone=zone, interval_s=track.spacing_s, unit=unit)


def _check_unit(spec: ChannelSpec, track: Track, source: str) -> None:
    """A concentration has the unit of its channel; the file may leave it out, not change it."""
    declared = spec.unit or "ppm"
    if track.quantity.id.startswith("concentration:") and (track.unit or declared) != declared:
        raise BadInput(f"{track.quantity.id} is in {declared} by the context, not in {track.unit}", source=source, line=track.line, field="unit", remedy="use one unit in both")


def _of_zone(samples: Samples, context: SiteFile | None, zone: str, found: Mapping[str, Track]) -> list[str]:
    if context is None:
        return [UNIX_TIMES] if samples.offset is None else []
    ids = [channel_id(agent, spec.placement, spec.quantity) for agent, spec in _places(context, zone.partition(".")[2])]
    reasons = [NOT_IN_FILE.format(channel=id) for id in ids if id not in found]
    if context.valid_from is not None and instant_of(context.valid_from, ZoneInfo(context.site.timezone).key, field="valid_from") > samples.first_us:
        reasons.append(CONTEXT_IS_LATER.format(date=context.valid_from))
    return reasons
