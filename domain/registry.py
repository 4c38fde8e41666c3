"""Sites, shifts, zones, agents and channels, each value dated: what held at an instant is a fold of the entries up to it (decision 19)."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.agreements import LAB_RESULT, MonitoringPlan, SiteChange, ZoneRecord, decode_plan
from domain.ids import channel_id, zone_id
from domain.overtime import Overtime
from domain.register import Substance, Waste

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Kind = Literal["site", "shifts", "zone", "agent", "channel", "calibration", "monitoring_plan", "work", "headcount", "change", "overtime", "substance", "waste"]

ALWAYS_US = -(2**62)
"""`valid_from` of a first import without a date."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The instrument behind a channel; `class` decides its uncertainty and the best grade it can give."""

    model: str
    serial: str
    grade: Literal["compliance", "screening", "trend"] = msgspec.field(name="class", default="screening")
    globe_diameter_mm: float | None = None
    uncertainty: float | None = None  # expanded (90 %), in the channel's unit, from its certificate; absent: by class
    range_low: float | None = None
    range_high: float | None = None


class Workers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Persons assigned, by sex as declared; nobody is identified."""

    women: int
    men: int
    newcomers: int | None = None  # of them, not yet used to the heat


class Committee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the law, or the agreement, of a site asks of its joint committee."""

    quorum_each: int = 1  # persons of each side who must be present, and sign
    equal_numbers: bool = True  # management may not outnumber the worker side at a meeting


class SiteSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    timezone: str
    country: str
    profiles: list[str] = []  # the law first
    committee: Committee | msgspec.UnsetType = msgspec.UNSET  # absent: one signature of each side, equal numbers
    latitude: float | msgspec.UnsetType = msgspec.UNSET  # degrees, north positive; both or neither: where the sun stands, for the heat plan
    longitude: float | msgspec.UnsetType = msgspec.UNSET  # degrees, east positive
    altitude_m: float | msgspec.UnsetType = msgspec.UNSET  # above the sea: the air's pressure where no barometer stands

    @property
    def place(self) -> tuple[float, float] | None:
        """Latitude and longitude, where both are on record."""
        return None if isinstance(self.latitude, msgspec.UnsetType) or isinstance(self.longitude, msgspec.UnsetType) else (self.latitude, self.longitude)

    @property
    def height_m(self) -> float | None:
        """Above the sea, where it is on record."""
        return None if isinstance(self.altitude_m, msgspec.UnsetType) else self.altitude_m

    @property
    def committee_rule(self) -> Committee:
        return Committee() if self.committee is msgspec.UNSET else self.committee


class ShiftSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Local wall times `HH:MM`; a stop at or before the start is on the next day."""

    name: str
    start: str
    stop: str
    days: list[Day] = msgspec.field(default_factory=lambda: list(DAYS))
    breaks: list[tuple[str, str]] = []
    zones: list[str] = []  # empty: all of the site


class Solvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vapour of the mixture that a photo-ionisation detector sees in a zone: what it is and how much of the mixture's moles it may be."""

    cas: str
    response_factor: float  # of isobutylene, for the lamp
    ionisation_ev: float
    least_share: float = 0.0
    most_share: float = 1.0


class ZoneSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    metabolic_rate_w: float | None = None
    metabolic_rate_measured: bool = False
    clothing: str = "work_clothes"
    acclimatised: Literal["yes", "no", "unknown"] = "unknown"
    workers: Workers | None = None
    hazards: list[str] = []  # those a zone is known to have; one without a sensor counts as unknown
    empty_in_breaks: bool = False
    process: str = ""  # one of domain.processes: what the monitoring plan is proposed from
    newcomers: int | None = None  # persons not yet used to the heat, in every shift that has no count of its own
    protector_attenuation_db: float | None = None  # of hearing protectors as worn, declared; only limits that count protectors use it
    protector: str = ""
    rest_zone: str = ""  # a zone of the same site where rest is taken; empty: at the place of work
    solvents: list[Solvent] = []  # the declared mixture: without it a photo-ionisation detector meets no limit
    worst_case: dict[str, float] = {}  # quantity → the worst case agreed by both sides, for gaps
    plan: list[float] = []  # x, y, width, height on the floor plan, in percent


class ChannelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    placement: str
    quantity: str
    zone: str
    interval_s: float
    unit: str = ""
    instrument: Instrument | None = None
    height_m: float | None = None
    distance_to_source_m: float | None = None
    agreed_by: list[str] = []
    basis: Literal["area", "static_breathing_zone", "personal"] = "area"


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    channels: list[ChannelSpec] = []


class CalibrationSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dated record at the centre; raw values stay raw (decision 19). Corrected value = (raw - offset) * gain."""

    id: str
    channel: str
    type: Literal["factory", "zero", "span", "bump", "field_check", "colocation", "acoustic"]
    performed_at: str
    by: str
    passed: bool = msgspec.field(name="pass", default=True)
    offset: float = 0.0
    gain: float = 1.0
    next_due: str | None = None
    certificate: str = ""


class SiteFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The registry file of contract 5: one site."""

    site: SiteSpec
    valid_from: str | None = None
    until: str | None = None
    shifts: list[ShiftSpec] = []
    zones: list[ZoneSpec] = []
    agents: list[AgentSpec] = []
    calibrations: list[CalibrationSpec] = []
    monitoring_plan: list[dict[str, str | float | list[str]]] = []


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One dated change of one thing, append-only: from `valid_from_us` on, `body` holds (b"" retires it)."""

    site: str
    kind: Kind
    id: str  # site: its id; shifts: "shifts"; zone: site.zone; agent: its id; channel: agent.placement.quantity; else: its own id
    valid_from_us: int
    recorded_us: int
    author: str
    reason: str
    body: bytes  # JSON of the spec; for "shifts" a list of ShiftSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone as it held at an instant."""

    id: str  # site.zone
    site: str
    spec: ZoneSpec
    headcounts: Mapping[str, Workers] = field(default_factory=dict)  # of single shifts, where they differ
    proposals: tuple[ZoneRecord, ...] = ()  # entered, and not agreed by both sides: they do not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel as it held at an instant."""

    id: str
    agent: str
    site: str
    zone: str  # site.zone
    spec: ChannelSpec

    @property
    def quantity(self) -> str:
        return self.spec.quantity

    @property
    def placement(self) -> str:
        return self.spec.placement


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that held at one instant, all sites."""

    sites: dict[str, SiteSpec] = field(default_factory=dict)
    shifts: dict[str, list[ShiftSpec]] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)  # agent → site
    channels: dict[str, Channel] = field(default_factory=dict)
    calibrations: dict[str, list[CalibrationSpec]] = field(default_factory=dict)  # channel → by time of recording
    plans: dict[str, list[MonitoringPlan]] = field(default_factory=dict)  # site → by date, signed or not
    substances: dict[str, list[Substance]] = field(default_factory=dict)  # site → its register
    waste: dict[str, list[Waste]] = field(default_factory=dict)

    def timezone(self, site: str) -> ZoneInfo:
        return ZoneInfo(self.sites[site].timezone)

    def plan_in_force(self, site: str) -> MonitoringPlan | None:
        """The last monitoring plan that both sides signed."""
        return next((plan for plan in reversed(self.plans.get(site, [])) if plan.in_force), None)

    def plan_proposed(self, site: str) -> MonitoringPlan | None:
        """A later one that waits for a signature."""
        plans = self.plans.get(site, [])
        return plans[-1] if plans and not plans[-1].in_force else None

    def zones_of(self, site: str) -> list[Zone]:
        return [zone for zone in self.zones.values() if zone.site == site]

    def channels_of(self, zone: str) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.zone == zone]

    def shifts_of(self, zone: Zone) -> list[ShiftSpec]:
        return [shift for shift in self.shifts.get(zone.site, []) if not shift.zones or zone.spec.id in shift.zones]


class Registry:
    """All dated entries, and what held when. Immutable; a change is a new registry."""

    def __init__(self, entries: Iterable[Entry], *, as_proposed: bool = False) -> None:
        self.entries: Sequence[Entry] = sorted(entries, key=lambda entry: (entry.valid_from_us, entry.recorded_us))
        self._changes = sorted({entry.valid_from_us for entry in self.entries})
        self._cache: dict[int, Snapshot] = {}
        self._as_proposed, self._other = as_proposed, self if as_proposed or not _has_proposals(self.entries) else None
        changes = {entry.id: msgspec.json.decode(entry.body, type=SiteChange) for entry in self.entries if entry.kind == "change" and entry.body}
        self.open_changes = [change for change in changes.values() if not change.stands]
        self._undisputed = None if self.open_changes else self
        self.without_samples: frozenset[int] = frozenset()  # laboratory results that this look leaves out
        overtime = {entry.id: msgspec.json.decode(entry.body, type=Overtime) for entry in self.entries if entry.kind == "overtime" and entry.body}
        self.overtime: dict[str, list[Overtime]] = {}  # zone → what stands, whenever it was entered
        for record in overtime.values():
            if record.stands:
                self.overtime.setdefault(record.zone, []).append(record)

    def as_proposed(self) -> Registry:
        """What would hold if every open proposal did; itself where none is open."""
        if self._other is None:
            self._other = Registry(self.entries, as_proposed=True)
        return self._other

    def undisputed(self) -> Registry:
        """What would hold without the imported values, calibrations and laboratory results that both sides have not agreed to; itself where there are none."""
        if self._undisputed is None:
            disputed = {(change.site, one.kind, one.id, one.valid_from_us, one.digest) for change in self.open_changes for one in change.milder}
            kept = [entry for entry in self.entries if (entry.site, entry.kind, entry.id, entry.valid_from_us, digest_of(entry.body)) not in disputed]
            self._undisputed = Registry([entry for entry in kept if entry.kind != "change"])
            self._undisputed.without_samples = frozenset(int(one.id) for change in self.open_changes for one in change.milder if one.kind == LAB_RESULT)
        return self._undisputed

    @property
    def calibrations(self) -> dict[str, list[CalibrationSpec]]:
        """All of each channel: what was done is dated by itself, whenever it was entered."""
        return self.latest().calibrations

    def at(self, time_us: int) -> Snapshot:
        """What held at this instant; of several entries for one thing the latest valid one, then the latest recorded."""
        at = bisect_right(self._changes, time_us)
        key = self._changes[at - 1] if at else ALWAYS_US
        if key not in self._cache:
            self._cache[key] = _fold([entry for entry in self.entries if entry.valid_from_us <= key], as_proposed=self._as_proposed)
        return self._cache[key]

    def latest(self) -> Snapshot:
        return self.at(self._changes[-1] if self._changes else ALWAYS_US)

    def changes_between(self, start_us: int, stop_us: int) -> list[int]:
        """Instants inside (start, stop) at which something changes: a shift is computed in parts there."""
        return self._changes[bisect_right(self._changes, start_us) : bisect_left(self._changes, stop_us)]


def _fold(entries: Sequence[Entry], *, as_proposed: bool) -> Snapshot:
    held: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        held[(entry.kind, entry.site, entry.id)] = entry
    snapshot, records = Snapshot(), _Records(as_proposed)
    for (kind, site, id), entry in held.items():
        if not entry.body:
            continue
        if kind == "site":
            snapshot.sites[site] = msgspec.json.decode(entry.body, type=SiteSpec)
        elif kind == "shifts":
            snapshot.shifts[site] = msgspec.json.decode(entry.body, type=list[ShiftSpec])
        elif kind == "zone":
            snapshot.zones[id] = Zone(id=id, site=site, spec=msgspec.json.decode(entry.body, type=ZoneSpec))
        elif kind == "agent":
            snapshot.agents[id] = site
        elif kind == "channel":
            spec = msgspec.json.decode(entry.body, type=ChannelSpec)
            snapshot.channels[id] = Channel(id=id, agent=id.split(".")[0], site=site, zone=zone_id(site, spec.zone), spec=spec)
        elif kind == "calibration":
            calibration = msgspec.json.decode(entry.body, type=CalibrationSpec)
            snapshot.calibrations.setdefault(calibration.channel.replace("/", "."), []).append(calibration)
        elif kind == "monitoring_plan":
            snapshot.plans.setdefault(site, []).append(decode_plan(id, entry.body))
        elif kind == "substance":
            snapshot.substances.setdefault(site, []).append(msgspec.json.decode(entry.body, type=Substance))
        elif kind == "waste":
            snapshot.waste.setdefault(site, []).append(msgspec.json.decode(entry.body, type=Waste))
        elif kind in ("work", "headcount"):
            records.add(kind, msgspec.json.decode(entry.body, type=ZoneRecord))
    snapshot.zones.update({id: records.applied(zone) for id, zone in snapshot.zones.items()})
    snapshot.zones.update({id: _with_plan(zone, snapshot.plan_in_force(zone.site)) for id, zone in snapshot.zones.items()})
    return snapshot


def digest_of(body: bytes) -> str:
    """Names one entry among those of the same thing and date."""
    return hashlib.sha256(body).hexdigest()[:16]


def _has_proposals(entries: Iterable[Entry]) -> bool:
    latest = {entry.id: entry.body for entry in entries if entry.kind in ("work", "headcount") and entry.body}
    return any(not msgspec.json.decode(body, type=ZoneRecord).stands for body in latest.values())


class _Records:
    """Records of zones, in the order of their dates, laid over what the registry file says."""

    def __init__(self, as_proposed: bool) -> None:
        self._as_proposed = as_proposed
        self._of: dict[str, list[tuple[str, ZoneRecord]]] = {}

    def add(self, kind: str, record: ZoneRecord) -> None:
        self._of.setdefault(record.zone, []).append((kind, record))

    def applied(self, zone: Zone) -> Zone:
        """The zone with what stands; a proposal is open until a later record of the same kind replaces it."""
        spec, headcounts, waiting = zone.spec, dict(zone.headcounts), dict[tuple[str, str], ZoneRecord]()
        for kind, record in self._of.get(zone.id, ()):
            if not (record.stands or self._as_proposed):
                waiting[(kind, record.shift)] = record
                continue
            waiting.pop((kind, record.shift), None)
            if kind == "work":
                spec = msgspec.structs.replace(spec, **record.values)
            elif record.women is not None and record.men is not None and record.shift:
                headcounts[record.shift] = Workers(women=record.women, men=record.men, newcomers=record.newcomers)
            elif record.women is not None and record.men is not None:
                spec = msgspec.structs.replace(spec, workers=Workers(women=record.women, men=record.men, newcomers=record.newcomers))
        return Zone(id=zone.id, site=zone.site, spec=spec, headcounts=headcounts, proposals=tuple(waiting.values()))


def _with_plan(zone: Zone, plan: MonitoringPlan | None) -> Zone:
    """What the plan in force leaves out, or gives to a sensor, is a hazard of the zone: without a value it counts as unknown."""
    named = [row.hazard for row in plan.rows if zone_of(row.zone, zone.site) == zone.id and row.how != "lab_sample"] if plan else []
    further = [hazard for hazard in dict.fromkeys(named) if hazard not in zone.spec.hazards]
    if not further:
        return zone
    spec = msgspec.structs.replace(zone.spec, hazards=[*zone.spec.hazards, *further])
    return Zone(id=zone.id, site=zone.site, spec=spec, headcounts=zone.headcounts, proposals=zone.proposals)


def zone_of(name: str, site: str) -> str:
    """A plan may name a zone of its site with the site or without."""
    return name if "." in name else zone_id(site, name)


def entries_of(file: SiteFile, *, valid_from_us: int, recorded_us: int, author: str, reason: str) -> list[Entry]:
    """The entries that a registry file stands for, all from one date on."""
    site = file.site.id

    def entry(kind: Kind, id: str, body: object) -> Entry:
        return Entry(site=site, kind=kind, id=id, valid_from_us=valid_from_us, recorded_us=recorded_us, author=author, reason=reason, body=msgspec.json.encode(body))

    entries = [entry("site", site, file.site), entry("shifts", "shifts", file.shifts)]
    entries += [entry("zone", zone_id(site, zone.id), zone) for zone in file.zones]
    for agent in file.agents:
        entries.append(entry("agent", agent.id, {"id": agent.id}))
        entries += [entry("channel", channel_id(agent.id, spec.placement, spec.quantity), spec) for spec in agent.channels]
    entries += [entry("calibration", calibration.id, calibration) for calibration in file.calibrations]
    if file.monitoring_plan:
        entries.append(entry("monitoring_plan", "monitoring_plan", file.monitoring_plan))
    return entries
