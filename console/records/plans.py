"""The monitoring plan: which hazard of which zone has a sensor, a lab sample or neither, and why; in force once both sides have signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from assess.wbgt import INPUTS
from console.context import House
from console.records.bodies import text
from console.records.dates import shown
from console.records.shapes import AgreeBody, NotMeasuredJson, PlanBody, PlanJson, PlanRowJson, PlanVersionJson
from console.records.zones import own_side
from console.security import Caller
from domain.agreements import SIDES, MonitoringPlan, PlanRow, Side, Signature, decode_plan, sides_that
from domain.errors import BadInput, NotFound
from domain.hazards import SYSTEM_HAZARDS
from domain.processes import PROCESSES
from domain.quantities import QUANTITIES, is_cas, quantity_of
from domain.register import Substance
from domain.registry import Channel, Entry, Registry, Zone, zone_of
from domain.scope import Scope
from domain.times import to_rfc3339

ROWS_MAX = 2_000
_PLAIN = frozenset({"heat", "noise", "dust", "air_quality"})


def put_plan(house: House, caller: Caller, site_id: str, body: PlanBody) -> PlanJson:
    """A new plan, or, with the rows of the one that waits, the caller's signature on that."""
    site = house.sources.site(caller.scope, site_id)
    rows = [_checked(row, number, house.sources.zones(caller.scope, site_id), house.sources.snapshot().channels) for number, row in enumerate(body.rows)]
    if not rows or len(rows) > ROWS_MAX:
        raise BadInput(f"has {len(rows)} rows", field="rows", remedy=f"a row for each hazard of each zone, 1 to {ROWS_MAX}")
    _once(rows)
    now_us = house.context.clock.now_us()
    signed = [_signature(caller, AgreeBody(side=one.side, agree=one.agree, text=one.text), now_us) for one in body.signatures]
    reason = text(body.reason, "reason")

    def make(registry: Registry) -> list[Entry]:
        held = registry.at(now_us)
        same = next((plan for plan in (held.plan_proposed(site.id), held.plan_in_force(site.id)) if plan is not None and plan.rows == rows), None)
        if same is not None and not signed:
            return []
        plan = same or MonitoringPlan(id=_id(site.id, now_us, rows), rows=rows)
        return [_entry(site.id, caller, now_us, reason, msgspec.structs.replace(plan, signatures=[*plan.signatures, *signed]))]

    house.sources.enter(make)
    house.people.record(caller.user.name, "monitoring plan entered", site.id)
    return plan_of(house, caller.scope, site_id)


def sign_plan(house: House, caller: Caller, site_id: str, body: AgreeBody) -> PlanJson:
    """One side's word on the plan that waits, or on the one in force."""
    site = house.sources.site(caller.scope, site_id)
    now_us = house.context.clock.now_us()
    signature = _signature(caller, body, now_us)

    def make(registry: Registry) -> list[Entry]:
        held = registry.at(now_us)
        plan = held.plan_proposed(site.id) or held.plan_in_force(site.id)
        if plan is None:
            raise NotFound("no monitoring plan has been entered for this site")
        return [_entry(site.id, caller, now_us, signature.text, msgspec.structs.replace(plan, signatures=[*plan.signatures, signature]))]

    house.sources.enter(make)
    house.people.record(caller.user.name, "monitoring plan signed" if body.agree else "monitoring plan not agreed", site.id)
    return plan_of(house, caller.scope, site_id)


def plan_of(house: House, scope: Scope, site_id: str) -> PlanJson:
    """What is agreed, what waits, and what follows from hazards and sensors where there is neither."""
    zones, snapshot = house.sources.zones(scope, site_id), house.sources.snapshot()
    in_force, waiting = snapshot.plan_in_force(site_id), snapshot.plan_proposed(site_id)
    shown_plan = in_force or waiting
    rows = (
        [_row_json(row, site_id, proposal=False) for row in shown_plan.rows]
        if shown_plan
        else proposed_rows(zones, snapshot.channels.values(), snapshot.substances.get(site_id, ()))
    )
    return PlanJson(
        site=site_id,
        state="in_force" if in_force else "waiting" if waiting else "none",
        rows=rows,
        in_force=_version(house, site_id, in_force) if in_force else None,
        waiting=_version(house, site_id, waiting) if waiting else None,
        not_measured=not_measured(house, scope, site_id),
    )


def not_measured(house: House, scope: Scope, site_id: str, zone_id: str | None = None) -> list[NotMeasuredJson]:
    """What nobody measures: by the plan in force where it has a row, else each hazard without a sensor."""
    snapshot = house.sources.snapshot()
    zones = [zone for zone in house.sources.zones(scope, site_id) if zone_id in (None, zone.id)]
    plan = snapshot.plan_in_force(site_id)
    said = {(zone_of(row.zone, site_id), row.hazard): row for row in plan.rows} if plan else {}
    found = []
    for row in proposed_rows(zones, snapshot.channels.values(), snapshot.substances.get(site_id, ())):
        planned = said.pop((row.zone, row.hazard), None)
        if planned.how == "not_monitored" if planned else row.how == "not_monitored":
            found.append(NotMeasuredJson(zone=row.zone, hazard=row.hazard, why=planned.why if planned else row.why))
    known = {zone.id for zone in zones}
    found += [NotMeasuredJson(zone=zone, hazard=hazard, why=row.why) for (zone, hazard), row in said.items() if row.how == "not_monitored" and zone in known]
    return found


def proposed_rows(zones: Iterable[Zone], channels: Iterable[Channel], substances: Iterable[Substance] = ()) -> list[PlanRowJson]:
    """A row for each hazard that a zone is known to have, has a sensor for, or that follows from its process and the substances used there."""
    by_zone: dict[str, dict[str, list[Channel]]] = {}
    for channel in channels:
        for hazard in _hazards(channel):
            by_zone.setdefault(channel.zone, {}).setdefault(hazard, []).append(channel)
    rows, used = [], list(substances)
    for zone in zones:
        measured, whys = by_zone.get(zone.id, {}), _expected(zone, used)
        hazards = sorted({*measured, *zone.spec.hazards, *whys} - set(SYSTEM_HAZARDS))
        rows += [_proposed(zone.id, hazard, measured.get(hazard, []), whys.get(hazard, "")) for hazard in hazards]
    return rows


def _expected(zone: Zone, substances: Iterable[Substance]) -> dict[str, str]:
    """Hazards by the zone's process and by what the register says is used there, each with why."""
    whys = dict.fromkeys(PROCESSES.get(zone.spec.process, ()), f"process: {zone.spec.process}")
    for one in substances:
        if zone.id in one.zones:
            whys |= {_of_substance(cas): f"register: {one.name}" for cas in one.numbers}
    return whys


def _of_substance(cas: str) -> str:
    """A gas that has a quantity of its own goes by that name, as its sensor does."""
    return next((quantity.hazard for quantity in QUANTITIES.values() if quantity.cas == cas and quantity.hazard), f"chemical:{cas}")


def is_hazard(hazard: str) -> bool:
    """Contract 3.3, without what is of the system itself."""
    kind, _, of = hazard.partition(":")
    if kind == "gas":
        return of in QUANTITIES
    return is_cas(of) if kind == "chemical" else hazard in _PLAIN


def _hazards(channel: Channel) -> list[str]:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    if quantity is None or not quantity.hazard:
        return []
    return [quantity.hazard] if quantity.hazard != "heat" or channel.quantity in INPUTS else []


def _proposed(zone: str, hazard: str, channels: Sequence[Channel], why: str = "") -> PlanRowJson:
    first = channels[0].spec if channels else None
    agreed = sorted({name for channel in channels for name in channel.spec.agreed_by})
    row = PlanRow(
        zone=zone,
        hazard=hazard,
        how="sensor" if channels else "not_monitored",
        why=why,
        channels=sorted(channel.id for channel in channels),
        height_m=first.height_m if first else None,
        distance_to_source_m=first.distance_to_source_m if first else None,
        agreed_by=agreed,
    )
    return _row_json(row, zone.partition(".")[0], proposal=True)


def _row_json(row: PlanRow, site: str, *, proposal: bool) -> PlanRowJson:
    held = {name: getattr(row, name) for name in row.__struct_fields__}
    return PlanRowJson(**{**held, "zone": zone_of(row.zone, site)}, proposal=proposal)


def _checked(row: PlanRow, number: int, zones: Sequence[Zone], channels: dict[str, Channel]) -> PlanRow:
    where = f"rows[{number}]"
    zone = zone_of(row.zone, zones[0].site if zones else "")
    if zone not in {one.id for one in zones}:
        raise BadInput(f"no zone '{row.zone}' in this site", field=f"{where}.zone", remedy="known: " + ", ".join(one.spec.id for one in zones))
    if not is_hazard(row.hazard):
        raise BadInput(f"no hazard '{row.hazard}'", field=f"{where}.hazard", remedy="heat, noise, dust, air_quality, gas:QUANTITY or chemical:CAS")
    for id in row.channels:
        if id not in channels or channels[id].zone != zone:
            raise BadInput(f"no channel '{id}' in this zone", field=f"{where}.channels", remedy="agent.placement.quantity")
    if row.how == "not_monitored" and not row.why.strip():
        raise BadInput("is empty", field=f"{where}.why", remedy="say why nobody measures it")
    if row.how == "lab_sample" and not row.every.strip():
        raise BadInput("is empty", field=f"{where}.every", remedy="say how often, such as every 6 months")
    if row.photo_sha256 and not (len(row.photo_sha256) == 64 and set(row.photo_sha256) <= set("0123456789abcdef")):
        raise BadInput("is no SHA-256", field=f"{where}.photo_sha256", remedy="64 lower-case hexadecimal digits")
    for name in ("why", "every"):
        text(getattr(row, name), f"{where}.{name}")
    return msgspec.structs.replace(row, zone=zone)


def _once(rows: Sequence[PlanRow]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows):
        if (row.zone, row.hazard) in seen:
            raise BadInput("is there twice", field=f"rows[{number}]", remedy="one row for each zone and hazard")
        seen.add((row.zone, row.hazard))


def _signature(caller: Caller, body: AgreeBody, now_us: int) -> Signature:
    return Signature(side=own_side(caller, body.side), agree=body.agree, by=caller.user.name, at=to_rfc3339(now_us), text=text(body.text, "text"))


def _id(site: str, now_us: int, rows: Sequence[PlanRow]) -> str:
    return f"plan-{hashlib.sha256(msgspec.json.encode([site, now_us, rows])).hexdigest()[:16]}"


def _entry(site: str, caller: Caller, now_us: int, reason: str, plan: MonitoringPlan) -> Entry:
    body = msgspec.json.encode(plan)
    return Entry(site=site, kind="monitoring_plan", id=plan.id, valid_from_us=now_us, recorded_us=now_us, author=caller.user.name, reason=reason, body=body)


def _version(house: House, site: str, plan: MonitoringPlan) -> PlanVersionJson:
    entries = [entry for entry in house.sources.registry().entries if entry.kind == "monitoring_plan" and entry.site == site and entry.id == plan.id and entry.body]
    in_force = next((entry for entry in entries if decode_plan(entry.id, entry.body).in_force), entries[0])
    agreed = sides_that(plan.signatures, agree=True)
    waiting: list[Side] = [side for side in SIDES if side not in agreed]
    return PlanVersionJson(
        id=plan.id,
        rows=[_row_json(row, site, proposal=False) for row in plan.rows],
        signatures=plan.signatures,
        agreed_by=agreed,
        waiting_for=waiting,
        valid_from=shown(in_force.valid_from_us),
        recorded_at=to_rfc3339(entries[0].recorded_us),
        author=entries[0].author,
        reason=entries[0].reason,
    )
