"""The register of hazardous substances and of waste of a site: lines are entered, replaced and retired, never deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, TypeVar

import msgspec

from console.context import House
from console.records.bodies import text
from console.records.shapes import SubstanceBody, SubstanceJson, WasteBody, WasteJson
from console.security import Caller
from console.shapes import Page
from domain.errors import BadInput, Conflict, NotFound
from domain.register import Substance, SubstanceFields, Waste, WasteFields, check_substance, check_waste
from domain.registry import Entry, Registry, zone_of
from domain.scope import Scope
from domain.times import to_datetime, to_rfc3339

Line = Literal["substance", "waste"]
PREFIX: Mapping[Line, str] = {"substance": "sub", "waste": "waste"}
Shape = TypeVar("Shape", SubstanceJson, WasteJson)


def add_substance(house: House, caller: Caller, site_id: str, body: SubstanceBody) -> SubstanceJson:
    """Raises `BadInput` by its field for what cannot be."""
    check_substance(body, _today(house, site_id, caller.scope))
    return _json(_add(house, caller, site_id, "substance", body, body.replaces, body.reason), None, SubstanceJson)


def add_waste(house: House, caller: Caller, site_id: str, body: WasteBody) -> WasteJson:
    check_waste(body, _today(house, site_id, caller.scope))
    return _json(_add(house, caller, site_id, "waste", body, body.replaces, body.reason), None, WasteJson)


def substances_of(house: House, scope: Scope, site_id: str) -> Page[SubstanceJson]:
    """What is kept now, then what no longer is, each the newest first."""
    return Page[SubstanceJson](items=_lines(house, scope, site_id, "substance", SubstanceJson))


def waste_of(house: House, scope: Scope, site_id: str) -> Page[WasteJson]:
    return Page[WasteJson](items=_lines(house, scope, site_id, "waste", WasteJson))


def retire_substance(house: House, caller: Caller, site_id: str, id: str, reason: str) -> SubstanceJson:
    _retire(house, caller, site_id, "substance", id, reason)
    return next(one for one in substances_of(house, caller.scope, site_id).items if one.id == id)


def retire_waste(house: House, caller: Caller, site_id: str, id: str, reason: str) -> WasteJson:
    _retire(house, caller, site_id, "waste", id, reason)
    return next(one for one in waste_of(house, caller.scope, site_id).items if one.id == id)


def _today(house: House, site_id: str, scope: Scope) -> date:
    house.sources.site(scope, site_id)
    return to_datetime(house.context.clock.now_us()).astimezone(house.sources.timezone(site_id)).date()


def _add(house: House, caller: Caller, site_id: str, kind: Line, body: SubstanceFields | WasteFields, replaces: str, reason_text: str) -> Entry:
    now_us, reason = house.context.clock.now_us(), text(reason_text, "reason")
    zones = _zones(house, caller.scope, site_id, body.zones)
    fields = {name: value for name, value in msgspec.structs.asdict(body).items() if name not in ("replaces", "reason")} | {"zones": zones}
    digest = hashlib.sha256(msgspec.json.encode([site_id, now_us, fields])).hexdigest()[:16]
    line: Substance | Waste = (Substance if kind == "substance" else Waste)(id=f"{PREFIX[kind]}-{digest}", **fields)
    entry = Entry(site=site_id, kind=kind, id=line.id, valid_from_us=now_us, recorded_us=now_us, author=caller.user.name, reason=reason, body=msgspec.json.encode(line))

    def make(registry: Registry) -> list[Entry]:
        if not replaces:
            return [entry]
        _standing(registry, site_id, kind, replaces, "replaces")
        return [entry, msgspec.structs.replace(entry, id=replaces, body=b"")]

    house.sources.enter(make)
    house.people.record(caller.user.name, f"{kind} entered", line.id, site_id)
    return entry


def _retire(house: House, caller: Caller, site_id: str, kind: Line, id: str, reason_text: str) -> None:
    site = house.sources.site(caller.scope, site_id)
    now_us, reason = house.context.clock.now_us(), text(reason_text, "reason")
    if not reason:
        raise BadInput("is empty", field="reason", remedy="say why it is no longer kept")

    def make(registry: Registry) -> list[Entry]:
        _standing(registry, site.id, kind, id, "")
        return [Entry(site=site.id, kind=kind, id=id, valid_from_us=now_us, recorded_us=now_us, author=caller.user.name, reason=reason, body=b"")]

    house.sources.enter(make)
    house.people.record(caller.user.name, f"{kind} retired", id, site.id)


def _standing(registry: Registry, site: str, kind: Line, id: str, field: str) -> None:
    """Raises where there is no such line, or it is retired."""
    held = [entry for entry in registry.entries if (entry.site, entry.kind, entry.id) == (site, kind, id)]
    if not held and field:
        raise BadInput(f"no line '{id}' in this register", field=field, remedy="the id of the line that this one brings up to date")
    if not held:
        raise NotFound(f"no line '{id}' in this register")
    if not held[-1].body:
        raise Conflict("this line was retired before")


def _zones(house: House, scope: Scope, site_id: str, named: list[str]) -> list[str]:
    known = {zone.id for zone in house.sources.zones(scope, site_id)}
    found = [zone_of(name.strip(), site_id) for name in named if name.strip()]
    for number, zone in enumerate(found):
        if zone not in known:
            raise BadInput(f"no zone '{named[number]}' in this site", field=f"zones[{number}]", remedy="known: " + ", ".join(sorted(known)))
    return list(dict.fromkeys(found))


def _lines(house: House, scope: Scope, site_id: str, kind: Line, shape: type[Shape]) -> list[Shape]:
    site = house.sources.site(scope, site_id)
    made: dict[str, Entry] = {}
    ended: dict[str, Entry] = {}
    for entry in house.sources.registry().entries:
        if entry.kind == kind and entry.site == site.id:
            (made if entry.body else ended)[entry.id] = entry
    items = [_json(entry, ended.get(id), shape) for id, entry in made.items()]
    items.sort(key=lambda one: one.since, reverse=True)
    return sorted(items, key=lambda one: one.until is not None)


def _json(entry: Entry, end: Entry | None, shape: type[Shape]) -> Shape:
    line: dict[str, Any] = msgspec.json.decode(entry.body)
    return msgspec.convert(
        {
            **line,
            "since": to_rfc3339(entry.valid_from_us),
            "until": to_rfc3339(end.valid_from_us) if end else None,
            "author": entry.author,
            "reason": entry.reason,
            "retired_by": end.author if end else None,
            "retired_reason": end.reason if end else None,
        },
        shape,
    )
