"""The dated registry on the records database: append-only, idempotent imports, one cached `Registry` for as long as nothing changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, select, text

from domain.agreements import SIDES, SiteChange
from domain.errors import BadInput, NotFound, Refused
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Entry, Kind, Registry, ShiftSpec, SiteFile, SiteSpec, Snapshot, ZoneSpec, entries_of
from domain.sitefile import instant_of
from domain.strictness import change_by
from domain.times import to_rfc3339
from storage.records.sql import reading, writing
from storage.records.tables import registry_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that an import added, changed or retired."""

    kind: Kind
    id: str
    what: str  # added | changed | retired
    fields: tuple[str, ...] = ()  # "metabolic_rate_w: 300 → 180"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did; `not_mentioned` still holds: an import never deletes."""

    site: str
    valid_from_us: int
    changes: list[Change] = field(default_factory=list)
    not_mentioned: list[tuple[Kind, str]] = field(default_factory=list)
    contested: SiteChange | None = None  # what of it both sides have to agree to


class RegistryRepository:
    """Everything that was ever entered, and by whom. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._version = -1
        self._registry = Registry(())

    def version(self) -> int:
        """Grows with every change; cheap enough to ask every second."""
        with reading(self._engine) as connection:
            return _version(connection)

    def load(self) -> Registry:
        """The registry as it stands now; the same object until something changes."""
        with self._lock:
            with reading(self._engine) as connection:
                version = _version(connection)
                if version != self._version:
                    self._registry, self._version = Registry(_entries(connection)), version
            return self._registry

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Add those that say something new; returns them. Refused as a whole when an agent or a channel lives in another site."""
        with writing(self._engine) as connection:
            return _add(connection, Registry(_entries(connection)), entries)

    def amend(self, make: Callable[[Registry], Sequence[Entry]]) -> list[Entry]:
        """Add what follows from what stands, in one transaction, so that two people who sign at once both count."""
        with writing(self._engine) as connection:
            return amend_with(connection, make)

    def import_file(self, file: SiteFile, *, valid_from_us: int | None, author: str, reason: str, now_us: int) -> ImportReport:
        """One transaction. Without a date here or in the file the first import of a site holds from always, a later one from now."""
        with writing(self._engine) as connection:
            registry = Registry(_entries(connection))
            from_us = valid_from_us if valid_from_us is not None else _valid_from(file, registry, now_us)
            wanted = entries_of(file, valid_from_us=from_us, recorded_us=now_us, author=author, reason=reason)
            wanted += _ends(file, wanted)
            before = registry.at(from_us)
            added = _add(connection, registry, wanted)
            held = _held(registry, from_us)
            contested = change_by(registry, file.site.id, added)
            if contested is not None:
                _add(connection, registry, [msgspec.structs.replace(added[0], kind="change", id=contested.id, valid_from_us=from_us, body=msgspec.json.encode(contested))])
            return ImportReport(
                site=file.site.id,
                valid_from_us=from_us,
                changes=[_change(held.get(_thing(entry)), entry) for entry in added],
                not_mentioned=_not_mentioned(before, file.site.id, wanted),
                contested=contested,
            )

    def export(self, site: str, at_us: int) -> SiteFile:
        """What holds at an instant as a registry file; raises `NotFound` for a site that is not there."""
        return export_site(self.load(), site, at_us)


def amend_with(connection: Connection, make: Callable[[Registry], Sequence[Entry]]) -> list[Entry]:
    """Add what follows from what stands, in the transaction of whoever writes something that it belongs to."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE registry_entries IN SHARE ROW EXCLUSIVE MODE"))
    registry = Registry(_entries(connection))
    return _add(connection, registry, make(registry))


def export_site(registry: Registry, site: str, at_us: int) -> SiteFile:
    """The registry file that an import would need to bring about what held at an instant."""
    snapshot = registry.at(at_us)
    if site not in snapshot.sites:
        raise NotFound(f"no site '{site}' at {to_rfc3339(at_us)}")
    channels: dict[str, list[ChannelSpec]] = {agent: [] for agent, owner in snapshot.agents.items() if owner == site}
    for channel in snapshot.channels.values():
        if channel.site == site and channel.agent in channels:
            channels[channel.agent].append(channel.spec)
    bodies = {kind_id: entry.body for (kind, owner, kind_id), entry in _held(registry, at_us).items() if kind == "calibration" and owner == site and entry.body}
    return SiteFile(
        site=snapshot.sites[site],
        shifts=snapshot.shifts.get(site, []),
        zones=[zone.spec for zone in snapshot.zones_of(site)],
        agents=[AgentSpec(id=agent, channels=specs) for agent, specs in channels.items()],
        calibrations=[msgspec.json.decode(body, type=CalibrationSpec) for body in bodies.values()],
        monitoring_plan=_plan(registry, snapshot, site, at_us),
    )


def _plan(registry: Registry, snapshot: Snapshot, site: str, at_us: int) -> list[dict[str, str | float | list[str]]]:
    """The rows of the plan in force, each with who agreed; where both sides have signed none, those of the file that was imported."""
    signed = snapshot.plan_in_force(site)
    if signed is not None and signed.rows:
        rows = [msgspec.structs.replace(row, agreed_by=row.agreed_by or list(SIDES)) for row in signed.rows]
        found: list[dict[str, str | float | list[str]]] = msgspec.to_builtins(rows)
        return found
    plan = _held(registry, at_us).get(("monitoring_plan", site, "monitoring_plan"))
    return msgspec.json.decode(plan.body) if plan and plan.body else []


def _version(connection: Connection) -> int:
    return int(connection.execute(select(func.max(registry_entries.c.id))).scalar() or 0)


def _entries(connection: Connection) -> list[Entry]:
    return [_entry(row) for row in connection.execute(select(registry_entries).order_by(registry_entries.c.id))]


def _entry(row: Row[Any]) -> Entry:
    return Entry(site=row.site, kind=row.kind, id=row.thing, valid_from_us=row.valid_from_us, recorded_us=row.recorded_us, author=row.author, reason=row.reason, body=row.body)


def _thing(entry: Entry) -> tuple[Kind, str, str]:
    return entry.kind, entry.site, entry.id


def _held(registry: Registry, at_us: int) -> dict[tuple[Kind, str, str], Entry]:
    """The entry that holds for each thing at an instant."""
    return {_thing(entry): entry for entry in registry.entries if entry.valid_from_us <= at_us}


def _add(connection: Connection, registry: Registry, entries: Sequence[Entry]) -> list[Entry]:
    _refuse_foreign(registry, entries)
    added: list[Entry] = []
    for moment in sorted({entry.valid_from_us for entry in entries}):
        held = _held(Registry([*registry.entries, *added]), moment)
        for entry in entries:
            if entry.valid_from_us == moment and _says_something(held.get(_thing(entry)), entry):
                added.append(entry)
                held[_thing(entry)] = entry
    if added:
        connection.execute(registry_entries.insert(), [_row(entry) for entry in added])
    return added


def _says_something(held: Entry | None, entry: Entry) -> bool:
    if held is None:
        return bool(entry.body)
    return held.body != entry.body and (entry.kind not in _SPECS or not held.body or not entry.body or _spec(held) != _spec(entry))


_SPECS: Mapping[str, Any] = {"site": SiteSpec, "shifts": list[ShiftSpec], "zone": ZoneSpec, "channel": ChannelSpec, "calibration": CalibrationSpec}


def _spec(entry: Entry) -> Any:
    """A body that an earlier version wrote lacks fields that have come since; it says the same."""
    return msgspec.json.decode(entry.body, type=_SPECS[entry.kind])


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(entry)
    row["thing"] = row.pop("id")
    return row


def _refuse_foreign(registry: Registry, entries: Iterable[Entry]) -> None:
    """An agent's topic names no site, so an agent lives in one site at a time; it may move once it is retired in the other."""
    for entry in entries:
        agent = entry.id if entry.kind == "agent" else entry.id.partition(".")[0] if entry.kind == "channel" else ""
        owner = _foreign_owner(registry, agent, entry) if agent and entry.body else None
        if owner is not None:
            raise Refused(f"agent '{agent}' belongs to site '{owner}', not to '{entry.site}': give it another id, or retire it there first")


def _foreign_owner(registry: Registry, agent: str, entry: Entry) -> str | None:
    """The other site in which the agent lives at the entry's date or later."""
    living: dict[str, bool] = {}
    for other in registry.entries:
        if other.kind == "agent" and other.id == agent and other.site != entry.site:
            later = other.valid_from_us > entry.valid_from_us and living.get(other.site, False)
            living[other.site] = bool(other.body) or later
    return next((site for site, lives in living.items() if lives), None)


def _valid_from(file: SiteFile, registry: Registry, now_us: int) -> int:
    if file.valid_from is not None:
        return instant_of(file.valid_from, file.site.timezone, field="valid_from")
    known = any(entry.kind == "site" and entry.site == file.site.id for entry in registry.entries)
    return now_us if known else ALWAYS_US


def _ends(file: SiteFile, wanted: Sequence[Entry]) -> list[Entry]:
    """`until:` retires, from then on, everything that the file names but the site itself and its calibrations, which are records of what was done."""
    if file.until is None:
        return []
    until_us = instant_of(file.until, file.site.timezone, field="until")
    if wanted and until_us <= wanted[0].valid_from_us:
        raise BadInput("is not after valid_from", field="until", remedy="give the first instant at which the things named no longer hold")
    return [msgspec.structs.replace(entry, valid_from_us=until_us, body=b"") for entry in wanted if entry.kind in ("zone", "agent", "channel")]


def _change(held: Entry | None, entry: Entry) -> Change:
    if not entry.body:
        return Change(kind=entry.kind, id=entry.id, what="retired")
    if held is None or not held.body:
        return Change(kind=entry.kind, id=entry.id, what="added")
    return Change(kind=entry.kind, id=entry.id, what="changed", fields=tuple(_differences(msgspec.json.decode(held.body), msgspec.json.decode(entry.body))))


def _differences(old: Any, new: Any) -> list[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [f"{_shown(old)} → {_shown(new)}"]
    return [f"{name}: {_shown(old.get(name))} → {_shown(new.get(name))}" for name in {**old, **new} if old.get(name) != new.get(name)]


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _not_mentioned(before: Snapshot, site: str, wanted: Iterable[Entry]) -> list[tuple[Kind, str]]:
    named = {(entry.kind, entry.id) for entry in wanted}
    held: list[tuple[Kind, str]] = [("zone", zone.id) for zone in before.zones_of(site)]
    held += [("agent", agent) for agent, owner in before.agents.items() if owner == site]
    held += [("channel", channel.id) for channel in before.channels.values() if channel.site == site]
    return [thing for thing in held if thing not in named]
