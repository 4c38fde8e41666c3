"""A zone over the minutes of a shift: what held in each of them (decision 19), and which instruments stand where."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from msgspec.structs import replace

from domain.registry import Channel, Registry, SiteSpec, Snapshot, Solvent, Workers, Zone, ZoneSpec, zone_of
from domain.shifts import Shift, shifts_between
from domain.times import DAY_US, MINUTE_US, SECOND_US, minute_of
from domain.worked import with_overtime
from models.arrays import Array, Mask
from models.heat.clothing import clothing_adjustment_k
from models.heat.niosh import RESTING_W

SETTLE_US = 15 * SECOND_US
"""A minute is taken to be on record this long after its end: ingest closes it after 5 s, the uplink may take a few."""
OUTSIDE_MIN = 60
"""What is looked at outside a shift."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Minutes [first, stop) of the span during which nothing about the zone changed."""

    first: int
    stop: int
    spec: ZoneSpec
    channels: Mapping[str, Channel]

    @property
    def minutes(self) -> slice:
        return slice(self.first, self.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Instruments that belong together: one place of one zone. Quantity → the channels that measure it, over the pieces."""

    label: str
    channels: Mapping[str, tuple[str, ...]]

    @property
    def quantities(self) -> frozenset[str]:
        return frozenset(self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One zone from `start_us` over `minutes` minutes; outside a shift `shift` is None."""

    zone: str
    site: SiteSpec  # headcount, profiles and shift plan count as at the start
    head: ZoneSpec
    shift: Shift | None
    start_us: int
    minutes: int
    pieces: tuple[Piece, ...]
    placements: tuple[Placement, ...] = field(default=())
    sampled_every: Mapping[str, str] = field(default_factory=dict)  # hazard → how often the monitoring plan in force has a laboratory sample, in its words
    _known: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    _lasting: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def stop_us(self) -> int:
        return self.start_us + self.minutes * MINUTE_US

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel of the zone in any piece, as it was last."""
        return self.once_standing("channels", lambda: {id: channel for piece in self.pieces for id, channel in piece.channels.items()})

    @property
    def on_break(self) -> Mask:
        """Minutes of planned breaks."""
        return self.once_alike("on_break", self._on_break)

    def _on_break(self) -> Mask:
        mask = np.zeros(self.minutes, dtype=bool)
        for first_us, stop_us in self.shift.breaks if self.shift else ():
            mask[max(0, (first_us - self.start_us) // MINUTE_US) : max(0, -(-(stop_us - self.start_us) // MINUTE_US))] = True
        return mask

    @property
    def counted(self) -> Mask:
        """Minutes of exposure: breaks count unless the zone is declared empty in them; minutes before or after the zone existed do not."""
        return self.once_alike("counted", self._counted)

    def _counted(self) -> Mask:
        on_break, mask = self.on_break, np.zeros(self.minutes, dtype=bool)
        for piece in self.pieces:
            mask[piece.minutes] = ~on_break[piece.minutes] if piece.spec.empty_in_breaks else True
        return mask

    @property
    def exposure_min(self) -> int:
        found: int | None = self._known.get("exposure_min")
        if found is None:
            found = self._known["exposure_min"] = self.once_alike("exposure_min", lambda: int(self.counted.sum()))
        return found

    @property
    def metabolic_rate_w(self) -> Array:
        """Work rate of each minute, the resting rate in breaks spent in the zone; NaN where it is not declared."""
        return self.once_alike("metabolic_rate_w", self._metabolic_rate_w)

    def _metabolic_rate_w(self) -> Array:
        rate = np.full(self.minutes, np.nan)
        for piece in self.pieces:
            if piece.spec.metabolic_rate_w is not None:
                rate[piece.minutes] = piece.spec.metabolic_rate_w
        resting = self.on_break & self.counted & ~np.isnan(rate)
        return np.where(resting, np.minimum(rate, RESTING_W), rate)

    @property
    def work_rate_measured(self) -> Mask:
        return self.once("work_rate_measured", self._work_rate_measured)

    def _work_rate_measured(self) -> Mask:
        mask = np.zeros(self.minutes, dtype=bool)
        for piece in self.pieces:
            mask[piece.minutes] = piece.spec.metabolic_rate_measured
        return mask | self.on_break

    @property
    def clothing_k(self) -> Array:
        """Clothing adjustment of each minute, K; NaN for clothing that no table has."""
        return self.once("clothing_k", self._clothing_k)

    def _clothing_k(self) -> Array:
        adjustment = np.full(self.minutes, np.nan)
        for piece in self.pieces:
            known = clothing_adjustment_k(piece.spec.clothing)
            if known is not None:
                adjustment[piece.minutes] = known
        return adjustment

    def longer(self, minutes: int) -> Span:
        """One in which nothing changed, with minutes more; what stands there where it stood is still known."""
        piece = self.pieces[0]
        return Span(
            zone=self.zone,
            site=self.site,
            head=self.head,
            shift=self.shift,
            start_us=self.start_us,
            minutes=minutes,
            pieces=(Piece(first=piece.first, stop=minutes, spec=piece.spec, channels=piece.channels),),
            placements=self.placements,
            sampled_every=self.sampled_every,
            _lasting=self._lasting,
        )

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What follows from the fields is made once, and nobody may write into it."""
        return _once(self._known, name, make)

    def once_alike(self, name: str, make: Callable[[], T]) -> T:
        """As `once`, for what follows from shift, minutes, work and clothing alone: zones that share these share it."""
        alike = self._known.get("alike")
        if alike is None:
            alike = self._known["alike"] = _known_of((self.shift, self.start_us, self.minutes, tuple(_work_of(piece) for piece in self.pieces)))
        return _once(alike, name, make)

    def once_standing(self, name: Hashable, make: Callable[[], T]) -> T:
        """As `once`, for what follows from what stands where alone: a span that only grew keeps it."""
        return _once(self._lasting, name, make)

    @property
    def acclimatised(self) -> str:
        """The word for the whole span: what does not hold throughout, or not for the newcomers in it, is unknown."""
        words = {piece.spec.acclimatised for piece in self.pieces}
        if self.newcomers and words == {"yes"}:
            return "unknown"
        return next(iter(words)) if len(words) == 1 else "unknown"

    @property
    def newcomers(self) -> int:
        """Persons of the shift who are not yet used to the heat, as counted."""
        own = self.head.workers.newcomers if self.head.workers else None
        return (self.head.newcomers if own is None else own) or 0

    @property
    def protector_attenuation_db(self) -> float | None:
        """Of hearing protectors as worn; the least during the span, None where some part of it has none on record."""
        known = [piece.spec.protector_attenuation_db for piece in self.pieces]
        return None if not known or any(value is None for value in known) else min(value for value in known if value is not None)

    @property
    def solvents(self) -> list[Solvent]:
        """The declared mixture, where it was the same all through."""
        declared = [piece.spec.solvents for piece in self.pieces]
        return declared[0] if declared and all(one == declared[0] for one in declared) else []

    def worst_case(self, quantity: str) -> float | None:
        """What both sides agreed for gaps; of several during the span the highest, None when some piece has none."""
        agreed = [piece.spec.worst_case.get(quantity) for piece in self.pieces]
        return None if not agreed or any(value is None for value in agreed) else max(value for value in agreed if value is not None)


def _once(known: dict[Any, Any], name: Hashable, make: Callable[[], T]) -> T:
    found: T | None = known.get(name)
    if found is not None:
        return found
    made = known[name] = make()
    if isinstance(made, np.ndarray):
        made.flags.writeable = False
    return made


def _work_of(piece: Piece) -> tuple[Hashable, ...]:
    """All of a piece that says who is there, how hard they work and in what clothing."""
    spec = piece.spec
    return piece.first, piece.stop, spec.metabolic_rate_w, spec.metabolic_rate_measured, spec.clothing, spec.empty_in_breaks


@lru_cache(maxsize=512)
def _known_of(_alike: Hashable) -> dict[str, Any]:
    return {}


def reach(shift: Shift | None, now_us: int) -> tuple[int, int]:
    """Start and minutes of what is on record by now: the shift so far, or outside a shift the last hour."""
    settled_us = minute_of(now_us - SETTLE_US)
    if shift is None:
        return settled_us - OUTSIDE_MIN * MINUTE_US, OUTSIDE_MIN
    start_us = minute_of(shift.start_us)
    return start_us, min(max(0, (settled_us - start_us) // MINUTE_US), len(shift.minutes))


def span_of(registry: Registry, zone: str, shift: Shift | None, start_us: int, minutes: int) -> Span | None:
    """The zone over these minutes; None when it exists in none of them. Of no minutes yet: what stands there in the first one."""
    pieces = tuple(_merged(_pieces(registry, zone, start_us, max(minutes, 1))))
    if not pieces:
        return None
    if minutes == 0:
        pieces = (Piece(first=0, stop=0, spec=pieces[0].spec, channels=pieces[0].channels),)
    snapshot = registry.at(start_us + pieces[0].first * MINUTE_US)
    site = snapshot.sites.get(snapshot.zones[zone].site)
    if site is None:
        return None
    head = replace(pieces[0].spec, workers=_workers(snapshot.zones[zone], shift))
    sampled = _sampled_every(snapshot, snapshot.zones[zone])
    return Span(zone=zone, site=site, head=head, shift=shift, start_us=start_us, minutes=minutes, pieces=pieces, placements=_placements(pieces), sampled_every=sampled)


def _sampled_every(snapshot: Snapshot, zone: Zone) -> dict[str, str]:
    plan = snapshot.plan_in_force(zone.site)
    return {row.hazard: row.every for row in plan.rows if row.how == "lab_sample" and row.every and zone_of(row.zone, zone.site) == zone.id} if plan else {}


def grown(span: Span, registry: Registry, minutes: int) -> Span | None:
    """The span with the minutes that came since; None where it has to be looked up: something changed."""
    stop_us = span.start_us + minutes * MINUTE_US
    if not 0 < span.minutes < minutes or len(span.pieces) != 1 or span.pieces[0].minutes != slice(0, span.minutes) or registry.changes_between(span.start_us, stop_us):
        return None
    return span.longer(minutes)


def _workers(zone: Zone, shift: Shift | None) -> Workers | None:
    """Persons assigned to the zone in this shift."""
    return zone.headcounts.get(shift.name, zone.spec.workers) if shift else zone.spec.workers


def shifts_of(registry: Registry, zone: Zone, start_us: int, stop_us: int) -> list[Shift]:
    """Shifts of a zone that overlap [start, stop), each by the plan that held at its start."""
    instants = [start_us, *registry.changes_between(start_us, stop_us)]
    found: dict[tuple[str, str], Shift] = {}
    for snapshot in {id(held): held for held in map(registry.at, instants)}.values():
        for shift in _planned(registry, snapshot, zone.id, start_us, stop_us):
            held = registry.at(shift.start_us)
            plan = held if zone.id in held.zones else snapshot
            if shift in _planned(registry, plan, zone.id, shift.start_us, shift.start_us + 1):
                found[(shift.date.isoformat(), shift.name)] = shift
    return sorted(found.values(), key=lambda shift: shift.start_us)


def _planned(registry: Registry, snapshot: Snapshot, zone: str, start_us: int, stop_us: int) -> list[Shift]:
    """By one plan, with the overtime on record."""
    held = snapshot.zones.get(zone)
    if held is None or held.site not in snapshot.sites:
        return []
    plan, timezone, overtime = snapshot.shifts_of(held), snapshot.timezone(held.site), registry.overtime.get(zone, ())
    if not overtime:
        return shifts_between(plan, timezone, start_us, stop_us)
    worked = with_overtime(shifts_between(plan, timezone, start_us - 2 * DAY_US, stop_us + 2 * DAY_US), overtime)
    return [shift for shift in worked if shift.start_us < stop_us and shift.stop_us > start_us]


def _pieces(registry: Registry, zone: str, start_us: int, minutes: int) -> Iterator[Piece]:
    stop_us = start_us + minutes * MINUTE_US
    edges = sorted({0, minutes, *(-(-(change - start_us) // MINUTE_US) for change in registry.changes_between(start_us, stop_us))})
    for first, stop in itertools.pairwise(edges):
        snapshot = registry.at(start_us + first * MINUTE_US)
        held = snapshot.zones.get(zone)
        if held is not None:
            yield Piece(first=first, stop=stop, spec=held.spec, channels={channel.id: channel for channel in snapshot.channels_of(zone)})


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Changes elsewhere in the registry do not part a zone's shift."""
    last: Piece | None = None
    for piece in pieces:
        if last is not None and last.stop == piece.first and (last.spec, last.channels) == (piece.spec, piece.channels):
            last = Piece(first=last.first, stop=piece.stop, spec=last.spec, channels=last.channels)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _placements(pieces: tuple[Piece, ...]) -> tuple[Placement, ...]:
    """By placement; where two agents measure the same quantity in one place, each agent's instruments are a placement of their own."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    agents: dict[str, str] = {}
    for piece in pieces:
        for channel in piece.channels.values():
            places[channel.placement][channel.quantity].add(channel.id)
            agents[channel.id] = channel.agent
    found = []
    for placement, quantities in sorted(places.items()):
        if all(len(channels) == 1 for channels in quantities.values()):
            found.append(_placement(placement, quantities))
            continue
        for agent in sorted({agents[channel] for channels in quantities.values() for channel in channels}):
            own = {quantity: {channel for channel in channels if agents[channel] == agent} for quantity, channels in quantities.items()}
            found.append(_placement(f"{placement}@{agent}", {quantity: channels for quantity, channels in own.items() if channels}))
    return tuple(found)


def _placement(label: str, quantities: Mapping[str, set[str]]) -> Placement:
    return Placement(label=label, channels={quantity: tuple(sorted(channels)) for quantity, channels in sorted(quantities.items())})
