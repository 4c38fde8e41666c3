"""Changes that wait for both sides, overtime, and the registers of substances and waste; each form does what the REST interface does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.context import house_of
from console.floors import unacknowledged
from console.formats import Formats
from console.i18n import N_
from console.pages.records import SIDES, VALUES, signature_lines
from console.records.bodies import Fields, filled
from console.records.changes import agree_to_change, changes_of
from console.records.overtime import add_overtime, overtime_of, withdraw
from console.records.registers import add_substance, add_waste, retire_substance, retire_waste, substances_of, waste_of
from console.records.shapes import AgreeBody, MilderJson, OvertimeBody, RetireBody, SubstanceBody, SubstanceJson, WasteBody, WasteJson
from console.records.unassigned import unassigned_of
from console.security import Caller, Permission, Planning, Reader, Recording, Signing
from domain.errors import BadInput
from domain.milder_records import RETIRED
from domain.register import UNITS, Component
from domain.shifts import local_instant
from domain.times import parse_instant, to_rfc3339

router = APIRouter(include_in_schema=False)

FEWER = N_("fewer persons than before")
NO_LONGER = N_("no longer there")


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One value; `words` is translated, the rest is data."""

    thing: str
    name: str
    was: str
    is_now: str
    words: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    id: str
    lines: list[ChangeLine]
    since: str
    entered: str
    contested: bool
    waiting_for: list[str]
    signatures: list[str]
    may_sign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OvertimeView:
    id: str
    date: str
    shift: str
    start: str
    stop: str
    minutes: str
    stands: bool
    entered: str
    signatures: list[str]
    may_sign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of either register."""

    id: str
    name: str
    numbers: str
    amount: str
    place: str
    zones: str
    paper: str
    parts: list[str]
    entered: str
    ended: str
    standing: bool


@router.get("/sites/{site}/changes")
def changes_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    house = house_of(request)
    spec = house.sources.site(caller.scope, site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(site)

    def moment(text: str) -> str:
        return formats.moment(parse_instant(text), timezone)

    views = [
        ChangeView(
            id=one.id,
            lines=[_change_line(line) for line in one.changes],
            since=moment(one.changes[0].valid_from) if one.changes and one.changes[0].valid_from else "",
            entered=_entered(one.author, moment(one.recorded_at), one.reason),
            contested=one.contested,
            waiting_for=[SIDES[side] for side in one.waiting_for],
            signatures=signature_lines(one.signatures, formats, timezone),
            may_sign=caller.may(Permission.SIGN) and caller.user.role.side in one.waiting_for,
        )
        for one in changes_of(house, caller.scope, site).items
    ]
    return _page(request, caller, "changes.html", site=spec, changes=views)


@router.post("/sites/{site}/changes/{change}/agree")
def agree(request: Request, site: str, change: str, caller: Signing, fields: Fields) -> Response:
    agree_to_change(house_of(request), caller, site, change, filled(fields, AgreeBody))
    return RedirectResponse(f"/sites/{site}/changes", 303)


@router.get("/zones/{zone}/overtime")
def overtime_page(request: Request, zone: str, caller: Reader) -> HTMLResponse:
    return _overtime(request, zone, caller)


@router.post("/zones/{zone}/overtime")
def enter_overtime(request: Request, zone: str, caller: Planning, fields: Fields) -> Response:
    """Times are of the site's clock."""
    house = house_of(request)
    timezone = house.sources.timezone(house.sources.zone(caller.scope, zone).site)
    values = {name: _instant(value, timezone) if name in ("start", "stop") else value for name, value in fields.items()}
    return _done(lambda: add_overtime(house, caller, zone, filled(values, OvertimeBody)), f"/zones/{zone}/overtime", lambda problem: _overtime(request, zone, caller, problem))


@router.post("/zones/{zone}/overtime/{record}/withdraw")
def withdraw_overtime(request: Request, zone: str, record: str, caller: Signing, fields: Fields) -> Response:
    withdraw(house_of(request), caller, zone, record, filled(fields, AgreeBody))
    return RedirectResponse(f"/zones/{zone}/overtime", 303)


@router.get("/sites/{site}/register")
def register_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    return _register(request, site, caller)


@router.post("/sites/{site}/substances")
def enter_substance(request: Request, site: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    return _done(
        lambda: add_substance(house, caller, site, filled_line(fields, SubstanceBody)), f"/sites/{site}/register", lambda problem: _register(request, site, caller, problem)
    )


@router.post("/sites/{site}/waste")
def enter_waste(request: Request, site: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    return _done(lambda: add_waste(house, caller, site, filled_line(fields, WasteBody)), f"/sites/{site}/register", lambda problem: _register(request, site, caller, problem))


@router.post("/sites/{site}/substances/{record}/retire")
def end_substance(request: Request, site: str, record: str, caller: Recording, fields: Fields) -> Response:
    house, why = house_of(request), filled(fields, RetireBody).reason
    return _done(lambda: retire_substance(house, caller, site, record, why), f"/sites/{site}/register", lambda problem: _register(request, site, caller, problem))


@router.post("/sites/{site}/waste/{record}/retire")
def end_waste(request: Request, site: str, record: str, caller: Recording, fields: Fields) -> Response:
    house, why = house_of(request), filled(fields, RetireBody).reason
    return _done(lambda: retire_waste(house, caller, site, record, why), f"/sites/{site}/register", lambda problem: _register(request, site, caller, problem))


def _instant(value: str, timezone: ZoneInfo) -> str:
    """A form's local date and time as an instant; anything else is left to be refused."""
    day, _, clock = value.partition("T")
    try:
        return to_rfc3339(local_instant(date.fromisoformat(day), clock, timezone))
    except ValueError:
        return value


def filled_line(fields: dict[str, str], shape: type[Any]) -> Any:
    """Zones are boxes, the mixture a line for each component: CAS, least and most share, response factor."""
    values: dict[str, Any] = {name: value for name, value in fields.items() if not name.startswith("zone:")}
    values["zones"] = [name.removeprefix("zone:") for name in fields if name.startswith("zone:")]
    if "mixture" in values:
        values["mixture"] = [_component(line, number) for number, line in enumerate(line for line in fields["mixture"].splitlines() if line.strip())]
    plain = {name: value for name, value in values.items() if name not in ("zones", "mixture")}
    body = filled(plain, shape)
    return msgspec.structs.replace(body, **{name: values[name] for name in ("zones", "mixture") if name in values})


def _component(line: str, number: int) -> Component:
    parts = line.replace(";", " ").split()
    try:
        least, most, factor = (float(part) for part in (parts[1:4] + ["0", "1", "nan"][len(parts) - 1 :])[:3])
    except ValueError:
        raise BadInput(
            f"'{line.strip()}' is not understood", field=f"mixture[{number}]", remedy="CAS number, least share, most share, response factor, such as 108-88-3 0.2 0.4 0.5"
        ) from None
    return Component(cas=parts[0], least_share=least, most_share=most, response_factor=None if len(parts) < 4 else factor)


def _done(do: Callable[[], object], place: str, again: Callable[[str], HTMLResponse]) -> Response:
    try:
        do()
    except BadInput as error:
        return again(str(error))
    return RedirectResponse(place, 303)


def _page(request: Request, caller: Caller, template: str, *, problem: str = "", **values: Any) -> HTMLResponse:
    house = house_of(request)
    return house.renderer.page(
        request,
        template,
        caller,
        status=422 if problem else 200,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        problem=problem,
        **values,
    )


def _entered(author: str, at: str, reason: str) -> str:
    return f"{author}, {at}" + (f": {reason}" if reason else "")


def _change_line(one: MilderJson) -> ChangeLine:
    words = FEWER if one.name in ("workers", "newcomers") else NO_LONGER if one.name == RETIRED else ""
    return ChangeLine(one.id, "" if words else one.name, one.was, one.is_now, words, VALUES.get(one.name, ""))


def _overtime(request: Request, zone: str, caller: Caller, problem: str = "") -> HTMLResponse:
    house = house_of(request)
    held = house.sources.zone(caller.scope, zone)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(held.site)
    views = [
        OvertimeView(
            id=one.id,
            date=one.date,
            shift=one.shift,
            start=formats.moment(parse_instant(one.start), timezone),
            stop=formats.moment(parse_instant(one.stop), timezone),
            minutes=f"{one.minutes:g}",
            stands=one.stands,
            entered=_entered(one.author, formats.moment(parse_instant(one.recorded_at), timezone), one.reason),
            signatures=signature_lines(one.signatures, formats, timezone),
            may_sign=one.stands and caller.may(Permission.SIGN) and caller.user.role.side not in one.withdrawn_by,
        )
        for one in overtime_of(house, caller.scope, zone).items
    ]
    return _page(
        request,
        caller,
        "overtime.html",
        problem=problem,
        zone=held,
        records=views,
        shifts=[shift.name for shift in house.sources.snapshot().shifts_of(held)],
        may_enter=caller.may(Permission.PLAN),
        unassigned=[
            (f"{formats.moment(parse_instant(one.start), timezone)} – {formats.moment(parse_instant(one.stop), timezone)}", one.minutes, one.channel)
            for one in unassigned_of(house, caller.scope, zone)
        ],
        today=formats.date(house.context.clock.now_us(), timezone),
        timezone=timezone.key,
    )


def _register(request: Request, site: str, caller: Caller, problem: str = "") -> HTMLResponse:
    house = house_of(request)
    spec = house.sources.site(caller.scope, site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(site)
    names = {zone.id: zone.spec.name for zone in house.sources.zones(caller.scope, site)}
    substances, waste = substances_of(house, caller.scope, site).items, waste_of(house, caller.scope, site).items
    return _page(
        request,
        caller,
        "register.html",
        problem=problem,
        site=spec,
        substances=[_substance(one, names, formats, timezone) for one in substances],
        waste=[_waste(one, names, formats, timezone) for one in waste],
        zones=list(names.items()),
        units=UNITS,
        may_record=caller.may(Permission.RECORD),
        today=formats.date(house.context.clock.now_us(), timezone),
    )


def _substance(one: SubstanceJson, names: dict[str, str], formats: Formats, timezone: ZoneInfo) -> LineView:
    parts = [f"{part.cas} {part.name} {part.least_share:g}-{part.most_share:g}" + (f", RF {part.response_factor:g}" if part.response_factor else "") for part in one.mixture]
    return _line(
        one, names, formats, timezone, one.name, one.cas and f"CAS {one.cas}", " · ".join(text for text in (one.supplier, one.sds_date, one.sds_sha256[:12]) if text), parts
    )


def _waste(one: WasteJson, names: dict[str, str], formats: Formats, timezone: ZoneInfo) -> LineView:
    return _line(one, names, formats, timezone, one.kind, one.container, " · ".join(text for text in (one.last_pick_up, one.taken_by) if text), [])


def _line(one: SubstanceJson | WasteJson, names: dict[str, str], formats: Formats, timezone: ZoneInfo, name: str, numbers: str, paper: str, parts: list[str]) -> LineView:
    return LineView(
        id=one.id,
        name=name,
        numbers=numbers,
        amount="" if one.amount is None else f"{one.amount:g} {one.unit}",
        place=one.storage,
        zones=", ".join(names.get(zone, zone) for zone in one.zones),
        paper=paper,
        parts=parts,
        entered=_entered(one.author, formats.moment(parse_instant(one.since), timezone), one.reason),
        ended=_entered(one.retired_by or "", formats.moment(parse_instant(one.until), timezone), one.retired_reason or "") if one.until else "",
        standing=one.until is None,
    )
