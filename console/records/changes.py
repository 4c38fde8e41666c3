"""What imports made less strict: applied, contested until both sides agree, and listed with who still has to."""

from __future__ import annotations

import msgspec

from console.context import House
from console.records.bodies import text
from console.records.dates import shown
from console.records.shapes import AgreeBody, MilderJson, SiteChangeJson
from console.records.zones import own_side
from console.security import Caller
from console.shapes import Page
from domain.agreements import SIDES, Signature, SiteChange, sides_that
from domain.errors import NotFound
from domain.registry import Entry, Registry
from domain.scope import Scope
from domain.times import to_rfc3339


def changes_of(house: House, scope: Scope, site_id: str) -> Page[SiteChangeJson]:
    """The newest first; agreed ones stay listed."""
    site = house.sources.site(scope, site_id)
    first, last = _entries(house.sources.registry(), site.id)
    items = [_json(first[id], msgspec.json.decode(entry.body, type=SiteChange)) for id, entry in last.items()]
    return Page[SiteChangeJson](items=sorted(items, key=lambda one: one.recorded_at, reverse=True))


def open_changes(house: House, scope: Scope, site_id: str) -> list[SiteChangeJson]:
    return [one for one in changes_of(house, scope, site_id).items if one.contested]


def agree_to_change(house: House, caller: Caller, site_id: str, change_id: str, body: AgreeBody) -> SiteChangeJson:
    """One side's word, in the name of the caller's own side."""
    site = house.sources.site(caller.scope, site_id)
    now_us, said = house.context.clock.now_us(), text(body.text, "text")
    signature = Signature(side=own_side(caller, body.side), agree=body.agree, by=caller.user.name, at=to_rfc3339(now_us), text=said)

    def sign(registry: Registry) -> list[Entry]:
        entry = _entries(registry, site.id)[1].get(change_id)
        if entry is None:
            raise NotFound(f"no change '{change_id}' of this site")
        change = msgspec.json.decode(entry.body, type=SiteChange)
        signed = msgspec.structs.replace(change, signatures=[*change.signatures, signature])
        return [msgspec.structs.replace(entry, recorded_us=now_us, author=caller.user.name, reason=said or entry.reason, body=msgspec.json.encode(signed))]

    house.sources.enter(sign)
    house.people.record(caller.user.name, "change agreed" if body.agree else "change not agreed", change_id, site.id)
    return next(one for one in changes_of(house, caller.scope, site_id).items if one.id == change_id)


def _entries(registry: Registry, site: str) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """How each change was entered, and how it stands."""
    first: dict[str, Entry] = {}
    last: dict[str, Entry] = {}
    for entry in registry.entries:
        if entry.kind == "change" and entry.site == site and entry.body:
            first.setdefault(entry.id, entry)
            last[entry.id] = entry
    return first, last


def _json(first: Entry, change: SiteChange) -> SiteChangeJson:
    agreed = sides_that(change.signatures, agree=True)
    return SiteChangeJson(
        id=change.id,
        changes=[
            MilderJson(kind=one.kind, id=one.id, name=one.name, was=one.was, is_now=one.is_now, zone=one.zone or None, valid_from=shown(one.valid_from_us)) for one in change.milder
        ],
        contested=not change.stands,
        agreed_by=agreed,
        waiting_for=[side for side in SIDES if side not in agreed],
        signatures=change.signatures,
        author=first.author,
        reason=first.reason,
        recorded_at=to_rfc3339(first.recorded_us),
    )
