"""How people are reached: delivery record, channels, rosters, one's own contact; and the page behind a message's signed link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from msgspec.structs import replace

from alerts.state import Alert
from console.api.notifications import ID_MAX
from console.context import House, house_of
from console.floors import unacknowledged
from console.i18n import N_
from console.notification import desk
from console.notification.shapes import ContactBody, DutyBody, MessageJson, ProofJson
from console.pages.alerts import alert_view
from console.records.bodies import Fields, filled
from console.security import PUBLIC, Permission, Reachable, Reader, Recording, Responder
from console.words import ROLES
from domain.errors import BadInput
from domain.times import parse_instant
from storage.records.contacts import SiteTimes
from storage.records.people import User

router = APIRouter(include_in_schema=False)

SHOWN = 100
STATE_WORDS = {"waiting": N_("waiting"), "sent": N_("handed over"), "failed": N_("not delivered"), "cancelled": N_("not needed any more")}
DAY_WORDS = {"mon": N_("Monday"), "tue": N_("Tuesday"), "wed": N_("Wednesday"), "thu": N_("Thursday"), "fri": N_("Friday"), "sat": N_("Saturday"), "sun": N_("Sunday")}
TOO_OLD = N_("It was called again since this message was sent. Use the link of the newer message, or log in.")
OVER = N_("This alert is closed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentView:
    at: str
    subject: str
    about: str
    link: str
    recipient: str
    channel: str
    state: str
    tries: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    channel: str
    weekly_of: str
    received: str
    problem: str


@router.get("/notifications")
def page(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=63)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str, Query(max_length=32)] = "",
    problem: Annotated[str, Query(max_length=300)] = "",
) -> HTMLResponse:
    house = house_of(request)
    sites = house.sources.sites(caller.scope)
    chosen = house.sources.site(caller.scope, site) if site else sites[0] if len(sites) == 1 else None
    found = desk.record(house, caller.scope, site=site, state=state, cursor=cursor or None, limit=SHOWN)
    formats = house.renderer.formats(request, caller.user)
    now_us = house.context.clock.now_us()
    return house.renderer.page(
        request,
        "notifications.html",
        caller,
        section="alerts",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        sent=[
            SentView(
                at=formats.moment(parse_instant(one.created_at), house.sources.timezone(one.site)),
                subject=one.subject,
                about=one.about,
                link=_link_of(one),
                recipient=one.recipient,
                channel=one.channel,
                state=STATE_WORDS[one.state],
                tries=one.tries,
                error=one.error,
            )
            for one in found.items
        ],
        older=found.next,
        proofs=[_proof(proof, formats.age, now_us) for proof in desk.channels(house) if not proof.kind.startswith("weekly@") or proof.kind[7:] in {s.id for s in sites}],
        sites=sites,
        site=site,
        state=state,
        states=list(STATE_WORDS.items()),
        chosen=chosen,
        roster=desk.roster_of(house, caller.scope, chosen.id) if chosen else [],
        shifts=[shift.name for shift in house.sources.snapshot().shifts.get(chosen.id, [])] if chosen else [],
        times=desk.times_of(house, caller.scope, chosen.id) if chosen else SiteTimes(),
        days=list(DAY_WORDS.items()),
        roles=ROLES,
        people=desk.rosterable(house, caller, chosen.id) if chosen and caller.may(Permission.RESPOND) else [],
        may_respond=caller.may(Permission.RESPOND),
        may_set=caller.may(Permission.RECORD),
        may_be_reached=caller.may(Permission.CONTACT),
        contact=desk.contact_of(house, caller),
        tongues=[(tag, catalogue.name) for tag, catalogue in house.renderer.catalogues.items()],
        problem=problem,
    )


@router.post("/notifications/contact")
def contact(caller: Reachable, request: Request, fields: Fields) -> Response:
    """The form's box that is not ticked is not sent."""
    values = {**fields, "digest": "true" if fields.get("digest") else "false"}
    wished = [name for name in values.pop("channels", "").replace(",", " ").split() if name]
    body = filled(values, ContactBody)
    return _done(house_of(request), "", lambda house: desk.set_contact(house, caller, replace(body, channels=wished)))


@router.post("/notifications/{site}/roster")
def put_on_duty(site: str, caller: Responder, request: Request, fields: Fields) -> Response:
    return _done(house_of(request), site, lambda house: desk.put_on_duty(house, caller, site, filled(fields, DutyBody)))


@router.post("/notifications/{site}/roster/{id}/end")
def end_duty(site: str, id: Annotated[int, Path(ge=1, le=ID_MAX)], caller: Responder, request: Request) -> Response:
    return _done(house_of(request), site, lambda house: desk.end_duty(house, caller, site, id))


@router.post("/notifications/{site}/times")
def times(site: str, caller: Recording, request: Request, fields: Fields) -> Response:
    return _done(house_of(request), site, lambda house: desk.set_times(house, caller, site, filled(fields, SiteTimes)))


@router.get("/acknowledge/{token}", dependencies=[Depends(PUBLIC)])
def signed_page(request: Request, token: str) -> HTMLResponse:
    """Opening a link never acknowledges: mail programs open links by themselves."""
    house = house_of(request)
    call, user = desk.opened(house, token)
    alert = _alert(house, user, call.alert)
    return _signed(request, house, token, alert, user, _hindrance(alert, call.called_by, user))


@router.post("/acknowledge/{token}", dependencies=[Depends(PUBLIC)])
def signed_acknowledge(request: Request, token: str, text: Annotated[str, Form(max_length=2000)] = "") -> HTMLResponse:
    house = house_of(request)
    call, user = desk.opened(house, token)
    alert = _alert(house, user, call.alert)
    hindrance = _hindrance(alert, call.called_by, user)
    if not hindrance:
        alert = house.stores.act(user.scope, alert.id, "acknowledge", text, None, "link")
    return _signed(request, house, token, alert, user, hindrance)


def _alert(house: House, user: User, id: str) -> Alert:
    return house.stores.inbox.one(user.scope, house.sources.snapshot(), id)[0]


def _hindrance(alert: Alert, called_by: int, user: User) -> str:
    if alert.called_by != called_by:
        return TOO_OLD
    return OVER if not alert.open and not (alert.is_one_sided and not alert.heard_by(user.role.side)) else ""


def _signed(request: Request, house: House, token: str, alert: Alert, user: User, hindrance: str) -> HTMLResponse:
    held = house.sources.snapshot()
    formats = house.renderer.formats(request, None)
    names = {zone.id: f"{zone.spec.name}, {held.sites[zone.site].name}" for zone in held.zones_of(alert.site)} if alert.site in held.sites else {}
    return house.renderer.page(
        request,
        "acknowledge.html",
        None,
        token=token,
        item=alert_view(house, formats, alert, names, house.sources.timezone(alert.site), house.context.clock.now_us()),
        person=user.name,
        role_word=ROLES.get(user.role.value, user.role.value),
        done=any(mark.by == user.name for mark in alert.acknowledgements),
        hindrance=hindrance,
    )


def _done(house: House, site: str, do: Callable[[House], object]) -> Response:
    """Back to the page; what was wrong is said there."""
    query = {"site": site} if site else {}
    try:
        do(house)
    except BadInput as error:
        query["problem"] = str(error)
    return RedirectResponse("/notifications" + (f"?{urlencode(query)}" if query else ""), 303)


def _link_of(message: MessageJson) -> str:
    """The page of what the message is about; "" where it is about a site."""
    if message.about == message.site:
        return ""
    return f"/reviews/{message.about}" if message.about.startswith("rev-") else f"/alerts/{message.about}"


def _proof(proof: ProofJson, age: Callable[[int], str], now_us: int) -> ProofView:
    received = age(now_us - parse_instant(proof.received_at)) if proof.received_at else ""
    return ProofView(channel=proof.channel, weekly_of=proof.kind.partition("@")[2], received=received, problem=proof.problem)
