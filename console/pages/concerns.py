"""For people with an account: the boards of a site and their settings, the numbers that everybody may see, and what only a key of one's own opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.api.concerns import counted_months
from console.boards import board_address
from console.concerns import by_shift, may_release, today_of
from console.context import House, house_of
from console.floors import unacknowledged
from console.pages.boards import KINDS
from console.pages.exposure import kind_of
from console.sealing import Concern, SealedFile, fingerprint, opened, private_key_of
from console.security import Caller, HearingConcerns, Permission, Planning, Reader
from console.sources import by_name
from console.words import hazard_name, metric_name, state_name
from domain.errors import BadInput, NotFound, Refused
from domain.scope import Role
from storage.records.concerns import BoardSettings, Release, Side

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class BoardRow:
    zone: str
    name: str
    code: str
    address: str


@dataclass(frozen=True, slots=True)
class KeyView:
    side: str
    fingerprint: str
    since: str
    by: str


@dataclass(frozen=True, slots=True)
class Said:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    what: str
    state: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOfConcerns:
    """What was written about a shift and a group of zones, beside what was measured there."""

    date: str
    shift: str
    zones: str
    said: Sequence[Said]
    counts: Sequence[tuple[str, int]]
    measured: Sequence[Measured]


@router.get("/sites/{site}/boards")
def boards_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    house = house_of(request)
    spec, held = house.sources.site(caller.scope, site), house.boards.of(site)
    rows = [
        BoardRow(zone.id, zone.spec.name, held[zone.id].code, board_address(house, held[zone.id])) for zone in by_name(house.sources.zones(caller.scope, site)) if zone.id in held
    ]
    return house.renderer.page(
        request,
        "boards.html",
        caller,
        section="sites",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        site=spec,
        boards=rows,
        settings=house.boards.settings(site),
        may_make=caller.may(Permission.PLAN),
        may_set=caller.may(Permission.CONCERNS),
    )


@router.post("/sites/{site}/boards")
def make_boards(request: Request, site: str, caller: Planning, zone: Annotated[str, Form(max_length=128)] = "") -> Response:
    """A code for every zone that has none; or a new one for one zone, whose old code then opens nothing."""
    house = house_of(request)
    zones = [held.id for held in house.sources.zones(caller.scope, site)]
    if zone and zone not in zones:
        raise NotFound(f"no zone '{zone}'")
    house.boards.make(site, [zone] if zone else zones, by=caller.user.name, now_us=house.context.clock.now_us(), renew=bool(zone))
    return RedirectResponse(f"/sites/{site}/boards", 303)


@router.post("/sites/{site}/boards/settings")
def set_boards(
    request: Request,
    site: str,
    caller: HearingConcerns,
    phone: Text = "",
    phone_of: Text = "",
    representatives: Text = "",
    other_contact: Text = "",
    other_text: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Whom to reach is for the worker side and the inspectorate to say: the other side's number would lead concerns to it."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    values = {"phone": phone, "phone_of": phone_of, "representatives": representatives, "other_contact": other_contact, "other_text": other_text}
    settings = BoardSettings(**{name: value.strip() for name, value in values.items()})
    house.boards.set_settings(site, settings, by=caller.user.name, now_us=house.context.clock.now_us())
    return RedirectResponse(f"/sites/{site}/boards", 303)


@router.get("/sites/{site}/concerns")
def concerns_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    return _page(request, site, caller)


@router.post("/sites/{site}/concerns/read")
def read_concerns(request: Request, site: str, caller: HearingConcerns, key: Annotated[str, Form(max_length=200)] = "") -> HTMLResponse:
    """The key is used for this answer and forgotten."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    try:
        found, closed = opened(_boxes(house, site, caller), private_key_of(key))
    except BadInput as error:
        return _page(request, site, caller, problem=str(error), status=422)
    return _page(request, site, caller, found=_beside(house, site, found), closed=closed)


@router.get("/sites/{site}/concerns/sealed.json")
def sealed_concerns(request: Request, site: str, caller: HearingConcerns) -> Response:
    """For `oshwatch concerns read` on a computer of one's own: the key then never leaves it."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    body = msgspec.json.encode(SealedFile(site=site, sealed=_boxes(house, site, caller)))
    return Response(body, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="concerns-{site}.json"'})


@router.post("/sites/{site}/concerns/release")
def release_concerns(
    request: Request, site: str, caller: HearingConcerns, month: Annotated[str, Form(pattern=r"^\d{4}-\d{2}$")], text: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """The worker side lets everybody see a month's number, with words of its own; journaled, and not taken back."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    if caller.user.role is not Role.WORKER_REPRESENTATIVE:
        raise Refused("only the worker side releases what its workers wrote")
    if not may_release(month, today_of(house.context.clock, house.sources.timezone(site))):
        raise BadInput("is not over, or too long ago", field="month", remedy="a month is counted three days after its end")
    house.concerns.release(Release(site=site, month=month, text=text.strip(), released_by=caller.user.name, released_us=house.context.clock.now_us()))
    return RedirectResponse(f"/sites/{site}/concerns", 303)


def _side(caller: Caller) -> Side:
    return "worker" if caller.user.role is Role.WORKER_REPRESENTATIVE else "inspectorate"


def _boxes(house: House, site: str, caller: Caller) -> list[bytes]:
    """What is sealed for the caller's side."""
    return [box for concern in house.concerns.sealed(site) if (box := concern.box(_side(caller))) is not None]


def _beside(house: House, site: str, found: Sequence[Concern]) -> list[ShiftOfConcerns]:
    held = house.sources.snapshot()

    def name(zone: str) -> str:
        return held.zones[zone].spec.name if zone in held.zones else zone

    return [
        ShiftOfConcerns(
            date=date,
            shift=shift,
            zones=", ".join(name(zone) for zone in zones),
            said=[Said(KINDS[item.kind], item.text) for item in items],
            counts=[(text, counts[kind]) for kind, text in KINDS.items() if counts[kind]],
            measured=_measured(house, site, zones, date, shift),
        )
        for date, shift, zones, items, counts in by_shift(found)
    ]


def _measured(house: House, site: str, zones: Sequence[str], date: str, shift: str) -> list[Measured]:
    """The results of that shift in those zones: those over their limit or not known come first."""
    if not shift:
        return []
    every = house.stores.verdicts(site, date=date, shift=shift, zone=None, hazard=None, revisions=False)
    of_zones = [stored.verdict for stored in every if stored.verdict.zone in zones]
    of_zones.sort(key=lambda verdict: (kind_of(verdict) == "within", kind_of(verdict) == "unknown", verdict.hazard))
    return [Measured(hazard_name(one.hazard), metric_name(one.metric), state_name(one.state, one.value, one.limit.value), kind_of(one)) for one in of_zones]


def _page(request: Request, site: str, caller: Caller, *, found: Sequence[ShiftOfConcerns] | None = None, closed: int = 0, problem: str = "", status: int = 200) -> HTMLResponse:
    house = house_of(request)
    spec, months = house.sources.site(caller.scope, site), counted_months(house, caller.scope, site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(site)
    keys = [KeyView(key.side, fingerprint(key.public_key), formats.moment(key.made_us, timezone), key.made_by) for key in house.concerns.keys(site).values()]
    return house.renderer.page(
        request,
        "concerns.html",
        caller,
        status=status,
        section="sites",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        site=spec,
        months=months,
        keys=keys,
        may_read=caller.may(Permission.CONCERNS),
        may_release=caller.user.role is Role.WORKER_REPRESENTATIVE,
        found=found,
        closed=closed,
        problem=problem,
    )
