"""Overtime of a zone: dated, of one shift, entered by any side; only both sides together take a record back."""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

from assess.plan import shifts_of
from console.context import House
from console.records.bodies import text
from console.records.dates import moment
from console.records.shapes import AgreeBody, OvertimeBody, OvertimeJson
from console.records.zones import own_side
from console.security import Caller
from console.shapes import Page
from domain.agreements import Signature, sides_that
from domain.errors import BadInput, Conflict, NotFound
from domain.overtime import Overtime
from domain.registry import Entry, Registry, Zone
from domain.scope import Scope
from domain.shifts import Shift
from domain.times import DAY_US, HOUR_US, MINUTE_US, to_datetime, to_rfc3339

LONGEST_US = 16 * HOUR_US
AHEAD_US = DAY_US
NEAR_US = DAY_US
"""Overtime further from its shift is work of another day."""


def add_overtime(house: House, caller: Caller, zone_id: str, body: OvertimeBody) -> OvertimeJson:
    """Raises `BadInput` for what cannot be; the same record sent twice is one."""
    zone = house.sources.zone(caller.scope, zone_id)
    now_us, timezone, reason = house.context.clock.now_us(), house.sources.timezone(zone.site), text(body.reason, "reason")
    start_us, stop_us = (moment(given, timezone.key, name) for name, given in (("start", body.start), ("stop", body.stop)))
    _check_times(start_us, stop_us, now_us)
    if not 1 <= len(body.shift.strip()) <= 64:
        raise BadInput("is empty or too long", field="shift", remedy="the name of the shift that it belongs to")
    day = _day(body.date) if body.date else to_datetime(start_us).astimezone(timezone).date()
    record = Overtime(id="", zone=zone.id, date=day.isoformat(), shift=body.shift.strip(), start=to_rfc3339(start_us), stop=to_rfc3339(stop_us))
    record = msgspec.structs.replace(record, id=f"ot-{hashlib.sha256(msgspec.json.encode(record)).hexdigest()[:16]}")

    def make(registry: Registry) -> list[Entry]:
        if any(entry.kind == "overtime" and entry.id == record.id for entry in registry.entries):
            return []
        held = registry.at(start_us).zones.get(zone.id)
        if held is None:
            raise BadInput("lies before the zone was registered", field="start", remedy="a later time")
        own = _own_shift(registry, held, record)
        from_us = min(start_us, own.start_us) if own else start_us
        body = msgspec.json.encode(record)
        return [Entry(site=zone.site, kind="overtime", id=record.id, valid_from_us=from_us, recorded_us=now_us, author=caller.user.name, reason=reason, body=body)]

    house.sources.enter(make)
    house.people.record(caller.user.name, "overtime entered", record.id, zone.id)
    return _one(house, caller.scope, zone_id, record.id)


def withdraw(house: House, caller: Caller, zone_id: str, record_id: str, body: AgreeBody) -> OvertimeJson:
    """One side's word that a record is wrong; it stops to count once both have said so."""
    zone = house.sources.zone(caller.scope, zone_id)
    now_us, said = house.context.clock.now_us(), text(body.text, "text")
    signature = Signature(side=own_side(caller, body.side), agree=body.agree, by=caller.user.name, at=to_rfc3339(now_us), text=said)

    def sign(registry: Registry) -> list[Entry]:
        entry = _entries(registry, zone)[1].get(record_id)
        if entry is None:
            raise NotFound(f"no overtime '{record_id}' of this zone")
        record = msgspec.json.decode(entry.body, type=Overtime)
        if not record.stands:
            raise Conflict("this record is withdrawn: enter it again if it was right")
        signed = msgspec.structs.replace(record, withdrawals=[*record.withdrawals, signature])
        return [msgspec.structs.replace(entry, recorded_us=now_us, author=caller.user.name, reason=said or entry.reason, body=msgspec.json.encode(signed))]

    house.sources.enter(sign)
    house.people.record(caller.user.name, "overtime withdrawn" if body.agree else "overtime kept", record_id, zone.id)
    return _one(house, caller.scope, zone_id, record_id)


def overtime_of(house: House, scope: Scope, zone_id: str) -> Page[OvertimeJson]:
    """The latest first; withdrawn ones stay listed."""
    zone = house.sources.zone(scope, zone_id)
    first, last = _entries(house.sources.registry(), zone)
    items = [_json(first[id], msgspec.json.decode(entry.body, type=Overtime)) for id, entry in last.items()]
    return Page[OvertimeJson](items=sorted(items, key=lambda one: one.start, reverse=True))


def _one(house: House, scope: Scope, zone_id: str, id: str) -> OvertimeJson:
    return next(one for one in overtime_of(house, scope, zone_id).items if one.id == id)


def _check_times(start_us: int, stop_us: int, now_us: int) -> None:
    if stop_us <= start_us:
        raise BadInput("is not after start", field="stop", remedy="the time at which the work ended")
    if stop_us - start_us > LONGEST_US:
        raise BadInput("is more than 16 h after start", field="stop", remedy="a record for each day")
    if start_us > now_us + AHEAD_US:
        raise BadInput("is more than a day ahead", field="start", remedy="enter it nearer to its date")


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise BadInput(f"'{given}' is no date", field="date", remedy="such as 2026-11-01") from None


def _own_shift(registry: Registry, zone: Zone, record: Overtime) -> Shift | None:
    """The shift that it lengthens, if one is planned; raises `BadInput` where it lies far from it or in another one."""
    around = shifts_of(registry, zone, record.start_us - 2 * DAY_US, record.stop_us + 2 * DAY_US)
    own = next((shift for shift in around if (shift.date.isoformat(), shift.name) == (record.date, record.shift)), None)
    near = to_datetime(record.start_us).date()
    if own is None and abs((date.fromisoformat(record.date) - near).days) > 1:
        raise BadInput("is not the day of this work", field="date", remedy="the local date on which the shift started")
    if own is not None and (record.start_us > own.stop_us + NEAR_US or record.stop_us < own.start_us - NEAR_US):
        raise BadInput("lies more than a day from its shift", field="start", remedy="check date and shift")
    low, high = (min(record.start_us, own.start_us), max(record.stop_us, own.stop_us)) if own else (record.start_us, record.stop_us)
    other = next((shift for shift in around if shift != own and shift.start_us < high and shift.stop_us > low), None)
    if other is not None:
        raise BadInput(f"reaches into shift {other.name} of {other.date.isoformat()}", field="start", remedy="name that shift, or correct the times")
    return own


def _entries(registry: Registry, zone: Zone) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """How each record was entered, and how it stands."""
    first: dict[str, Entry] = {}
    last: dict[str, Entry] = {}
    for entry in registry.entries:
        if entry.kind == "overtime" and entry.site == zone.site and entry.body and msgspec.json.decode(entry.body, type=Overtime).zone == zone.id:
            first.setdefault(entry.id, entry)
            last[entry.id] = entry
    return first, last


def _json(first: Entry, record: Overtime) -> OvertimeJson:
    return OvertimeJson(
        id=record.id,
        zone=record.zone,
        date=record.date,
        shift=record.shift,
        start=record.start,
        stop=record.stop,
        minutes=(record.stop_us - record.start_us) / MINUTE_US,
        stands=record.stands,
        withdrawn_by=sides_that(record.withdrawals, agree=True),
        signatures=record.withdrawals,
        author=first.author,
        reason=first.reason,
        recorded_at=to_rfc3339(first.recorded_us),
    )
