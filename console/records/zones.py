"""Headcount, work rate, clothing and acclimatisation of a zone: dated, with author and reason; what makes results less strict waits for the other side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import msgspec

from console.context import House
from console.records.bodies import text
from console.records.dates import shown, valid_from
from console.records.shapes import AgreeBody, HeadcountBody, HeadcountJson, WorkBody, WorkJson, ZoneRecordJson
from console.security import Caller, Permission
from console.sources import suppressed
from domain.agreements import SIDES, ZONE_VALUES, Side, Signature, ZoneRecord, sides_that
from domain.errors import BadInput, NotFound, Refused
from domain.registry import Entry, Kind, Registry, Workers, Zone, ZoneSpec
from domain.scope import Role
from domain.sitefile import MOST_ATTENUATION_DB
from domain.times import to_rfc3339
from domain.verdict import WorkersOf
from models.heat.clothing import clothing_adjustment_k
from models.heat.niosh import HIGHEST_W, RESTING_W

MOST_WORKERS = 100_000
AT_THE_SITE = frozenset({Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE})
"""Who enters or agrees to a headcount sees it whole; everybody else sees small cells suppressed."""


def put_headcount(house: House, caller: Caller, zone_id: str, body: HeadcountBody) -> HeadcountJson:
    """A dated record. Fewer persons than before, as one side says, wait for the other."""
    zone = house.sources.zone(caller.scope, zone_id)
    for name, number in (("women", body.women), ("men", body.men), ("newcomers", body.newcomers or 0)):
        if not 0 <= number <= MOST_WORKERS:
            raise BadInput(f"{number} cannot be", field=name, remedy="a whole number, 0 or more")
    if (body.newcomers or 0) > body.women + body.men:
        raise BadInput("are more than the persons assigned", field="newcomers", remedy="those of them who are not yet used to the heat")
    if body.shift and body.shift not in {shift.name for shift in house.sources.snapshot().shifts_of(zone)}:
        raise BadInput(f"this zone has no shift '{body.shift}'", field="shift", remedy="leave it out for all shifts")
    record = ZoneRecord(id="", zone=zone.id, women=body.women, men=body.men, newcomers=body.newcomers, shift=body.shift)
    _enter(house, caller, zone, "headcount", record, body.valid_from, body.reason)
    return headcount_of(house, caller, zone_id)


def put_work(house: House, caller: Caller, zone_id: str, body: WorkBody) -> WorkJson:
    """A dated record of what is named in it."""
    zone = house.sources.zone(caller.scope, zone_id)
    if body.metabolic_rate_w is not None and not (math.isfinite(body.metabolic_rate_w) and RESTING_W <= body.metabolic_rate_w <= 2 * HIGHEST_W):
        raise BadInput(f"{body.metabolic_rate_w:g} cannot be", field="metabolic_rate_w", remedy=f"watts, {RESTING_W:g} at rest to {HIGHEST_W:g} at very heavy work")
    if body.clothing is not None and clothing_adjustment_k(body.clothing) is None:
        raise BadInput(f"no clothing adjustment is known for '{body.clothing}'", field="clothing", remedy="see docs/limits.md, or work_clothes")
    _check_further(house, zone, body)
    record = ZoneRecord(
        id="",
        zone=zone.id,
        metabolic_rate_w=body.metabolic_rate_w,
        metabolic_rate_measured=body.metabolic_rate_measured,
        clothing=body.clothing,
        acclimatised=body.acclimatised,
        newcomers=body.newcomers,
        rest_zone=body.rest_zone,
        protector_attenuation_db=body.protector_attenuation_db,
        protector=None if body.protector is None else text(body.protector, "protector"),
    )
    if not record.values:
        raise BadInput("names nothing to change", field="body", remedy=", ".join(ZONE_VALUES))
    _enter(house, caller, zone, "work", record, body.valid_from, body.reason)
    return work_of(house, caller, zone_id)


def _check_further(house: House, zone: Zone, body: WorkBody) -> None:
    if body.newcomers is not None and not 0 <= body.newcomers <= MOST_WORKERS:
        raise BadInput(f"{body.newcomers} cannot be", field="newcomers", remedy="a whole number, 0 or more")
    if body.acclimatised == "yes" and body.newcomers is None:
        raise BadInput("is not counted", field="newcomers", remedy="say how many are not yet used to the heat: 0 where there are none")
    if body.rest_zone and (body.rest_zone == zone.spec.id or body.rest_zone not in {one.spec.id for one in house.sources.snapshot().zones_of(zone.site)}):
        raise BadInput(f"there is no other zone '{body.rest_zone}' in this site", field="rest_zone", remedy="empty where rest is taken at the place of work")
    attenuation = body.protector_attenuation_db
    if attenuation is not None and not 0.0 <= attenuation <= MOST_ATTENUATION_DB:
        raise BadInput(f"{attenuation:g} cannot be", field="protector_attenuation_db", remedy=f"decibels, 0 to {MOST_ATTENUATION_DB:g}, as worn")
    if attenuation and not ((body.protector or "").strip() or zone.spec.protector):
        raise BadInput("is not named", field="protector", remedy="type and model, and the method by which its attenuation was found (EN ISO 4869-2, or a fit test)")


def agree(house: House, caller: Caller, zone_id: str, record_id: str, body: AgreeBody) -> ZoneRecordJson:
    """One side's word on a record, in the name of the caller's own side."""
    zone = house.sources.zone(caller.scope, zone_id)
    side = own_side(caller, body.side)
    now_us, said = house.context.clock.now_us(), text(body.text, "text")
    signature = Signature(side=side, agree=body.agree, by=caller.user.name, at=to_rfc3339(now_us), text=said)

    def sign(registry: Registry) -> list[Entry]:
        entry = _entry_of(registry, zone.id, record_id)
        record = msgspec.json.decode(entry.body, type=ZoneRecord)
        if not record.less_strict:
            raise Refused("this record stands without a signature: it makes no result less strict")
        signed = msgspec.structs.replace(record, signatures=[*record.signatures, signature])
        return [msgspec.structs.replace(entry, recorded_us=now_us, author=caller.user.name, reason=said or entry.reason, body=msgspec.json.encode(signed))]

    house.sources.enter(sign)
    house.people.record(caller.user.name, "record agreed" if body.agree else "record not agreed", record_id, zone.id)
    return next(item for item in _history(house, caller, zone.id, ("headcount", "work")) if item.id == record_id)


def own_side(caller: Caller, named: Side | None) -> Side:
    """The caller's side; nobody signs for the other."""
    side = caller.user.role.side
    own = next((one for one in SIDES if one == side), None)
    if own is None or not caller.may(Permission.SIGN) or named not in (None, own):
        raise Refused("one side cannot sign for the other")
    return own


def own_word(caller: Caller, now_us: int, said: str) -> list[Signature]:
    """Who enters a record has agreed to it for the own side; one without a side has for none."""
    return [Signature(side=side, agree=True, by=caller.user.name, at=to_rfc3339(now_us), text=said) for side in SIDES if side == caller.user.role.side]


def headcount_of(house: House, caller: Caller, zone_id: str) -> HeadcountJson:
    zone = house.sources.zone(caller.scope, zone_id)
    proposed = [record.id for record in zone.proposals if record.women is not None]
    items = _history(house, caller, zone.id, ("headcount",))
    return HeadcountJson(
        zone=zone.id,
        workers=_workers(caller, zone.spec.workers),
        shifts={name: found for name, workers in zone.headcounts.items() if (found := _workers(caller, workers)) is not None},
        newcomers=_newcomers(caller, zone),
        contested=bool(proposed),
        proposed=[item for item in items if item.id in proposed],
        items=[*items, *_of_files(house, caller, zone.id)],
    )


def work_of(house: House, caller: Caller, zone_id: str) -> WorkJson:
    zone = house.sources.zone(caller.scope, zone_id)
    proposed = [record.id for record in zone.proposals if record.women is None]
    items = _history(house, caller, zone.id, ("work",))
    spec = zone.spec
    return WorkJson(
        zone=zone.id,
        metabolic_rate_w=spec.metabolic_rate_w,
        metabolic_rate_measured=spec.metabolic_rate_measured,
        clothing=spec.clothing,
        acclimatised=spec.acclimatised,
        newcomers=spec.newcomers if caller.user.role in AT_THE_SITE else None,
        rest_zone=spec.rest_zone or None,
        protector_attenuation_db=spec.protector_attenuation_db,
        protector=spec.protector,
        contested=bool(proposed),
        proposed=[item for item in items if item.id in proposed],
        items=items,
    )


def less_strict(held: Zone, record: ZoneRecord) -> bool:
    """Whether any result could come out milder by this record than by what held."""
    spec = held.spec
    if record.women is not None and record.men is not None:
        before = held.headcounts.get(record.shift, spec.workers) if record.shift else spec.workers
        return before is not None and (record.women < before.women or record.men < before.men or _fewer(record.newcomers, before.newcomers))
    return _work_is_milder(spec, msgspec.structs.replace(spec, **record.values))


def _work_is_milder(before: ZoneSpec, after: ZoneSpec) -> bool:
    """A first value makes assessable what was not, so that it may end as within: it is milder too."""
    rate = after.metabolic_rate_w is not None and (before.metabolic_rate_w is None or after.metabolic_rate_w < before.metabolic_rate_w)
    measured = after.metabolic_rate_measured and not before.metabolic_rate_measured
    was_k, is_k = clothing_adjustment_k(before.clothing), clothing_adjustment_k(after.clothing)
    cooler = is_k is not None and (was_k is None or is_k < was_k)
    acclimatised = after.acclimatised == "yes" and before.acclimatised != "yes"
    protected = (after.protector_attenuation_db or 0.0) > (before.protector_attenuation_db or 0.0)
    rests = after.rest_zone != before.rest_zone
    return rate or measured or cooler or acclimatised or protected or rests or _fewer(after.newcomers, before.newcomers)


def _fewer(now: int | None, was: int | None) -> bool:
    return (now or 0) < (was or 0)


def _enter(house: House, caller: Caller, zone: Zone, kind: Kind, record: ZoneRecord, from_text: str | None, reason: str) -> None:
    now_us, why = house.context.clock.now_us(), text(reason, "reason")
    from_us = valid_from(from_text, house.sources.timezone(zone.site).key, now_us)

    def make(registry: Registry) -> list[Entry]:
        held = registry.at(from_us).zones.get(zone.id)
        if held is None:
            raise BadInput("lies before the zone was registered", field="valid_from", remedy="a later date")
        if _says_nothing(held, record):
            return []
        made = msgspec.structs.replace(record, id=_id(zone.id, caller.user.name, now_us, record), less_strict=less_strict(held, record), signatures=own_word(caller, now_us, why))
        body = msgspec.json.encode(made)
        return [Entry(site=zone.site, kind=kind, id=made.id, valid_from_us=from_us, recorded_us=now_us, author=caller.user.name, reason=why, body=body)]

    house.sources.enter(make)
    house.people.record(caller.user.name, f"{kind} entered", zone.id)


def _says_nothing(held: Zone, record: ZoneRecord) -> bool:
    """What stands already needs no record, unless it takes a proposal back."""
    if any((one.women is None) == (record.women is None) and one.shift == record.shift for one in held.proposals):
        return False
    if record.women is None or record.men is None:
        return all(getattr(held.spec, name) == value for name, value in record.values.items())
    return (held.headcounts.get(record.shift) if record.shift else held.spec.workers) == Workers(women=record.women, men=record.men, newcomers=record.newcomers)


def _id(zone: str, author: str, now_us: int, record: ZoneRecord) -> str:
    return f"rec-{hashlib.sha256(msgspec.json.encode([zone, author, now_us, record])).hexdigest()[:16]}"


def _entry_of(registry: Registry, zone: str, record_id: str) -> Entry:
    found = [entry for entry in registry.entries if entry.kind in ("headcount", "work") and entry.id == record_id and entry.body]
    latest = max(found, key=lambda entry: entry.recorded_us, default=None)
    if latest is None or msgspec.json.decode(latest.body, type=ZoneRecord).zone != zone:
        raise NotFound(f"no record '{record_id}' of this zone")
    return latest


def _history(house: House, caller: Caller, zone: str, kinds: Sequence[str]) -> list[ZoneRecordJson]:
    """Each record as it stands, with who entered it first; the newest first."""
    first: dict[str, Entry] = {}
    last: dict[str, ZoneRecord] = {}
    for entry in house.sources.registry().entries:
        if entry.kind in kinds and entry.body:
            record = msgspec.json.decode(entry.body, type=ZoneRecord)
            if record.zone == zone:
                first.setdefault(record.id, entry)
                last[record.id] = record
    return sorted((_json(caller, first[id], record) for id, record in last.items()), key=lambda item: item.recorded_at, reverse=True)


def _of_files(house: House, caller: Caller, zone: str) -> list[ZoneRecordJson]:
    """Headcounts that registry files brought."""
    items, before = [], None
    for entry in house.sources.registry().entries:
        if entry.kind == "zone" and entry.id == zone and entry.body:
            workers = msgspec.json.decode(entry.body, type=ZoneSpec).workers
            if workers is not None and workers != before:
                record = ZoneRecord(id="", zone=zone, women=workers.women, men=workers.men)
                items.append(_json(caller, entry, record))
            before = workers
    return items[::-1]


def _json(caller: Caller, entry: Entry, record: ZoneRecord) -> ZoneRecordJson:
    workers = Workers(women=record.women, men=record.men) if record.women is not None and record.men is not None else None
    agreed = sides_that(record.signatures, agree=True)
    return ZoneRecordJson(
        id=record.id,
        valid_from=shown(entry.valid_from_us),
        recorded_at=to_rfc3339(entry.recorded_us),
        author=entry.author,
        reason=entry.reason,
        values={name: value for name, value in record.values.items() if name != "newcomers" or caller.user.role in AT_THE_SITE},
        workers=_workers(caller, workers),
        newcomers=record.newcomers if caller.user.role in AT_THE_SITE else None,
        shift=record.shift,
        less_strict=record.less_strict,
        stands=record.stands,
        agreed_by=agreed,
        waiting_for=[] if record.stands else [side for side in SIDES if side not in agreed],
        signatures=record.signatures,
    )


def _newcomers(caller: Caller, zone: Zone) -> dict[str, int]:
    """Counts that hold, for who is of the site: so few persons would be recognised."""
    if caller.user.role not in AT_THE_SITE:
        return {}
    own = {"": zone.spec.workers.newcomers if zone.spec.workers else None} | {name: workers.newcomers for name, workers in zone.headcounts.items()}
    if own[""] is None:
        own[""] = zone.spec.newcomers
    return {name: count for name, count in own.items() if count is not None}


def _workers(caller: Caller, workers: Workers | None) -> WorkersOf | None:
    if workers is not None and caller.user.role in AT_THE_SITE:
        return WorkersOf(women=workers.women, men=workers.men, suppressed=False)
    return suppressed(workers)
