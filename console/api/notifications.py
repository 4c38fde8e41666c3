"""Who was told of what, how people want to be reached, who is on duty, and whether the channels work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.notification import desk
from console.notification.shapes import ContactBody, ContactJson, DutyBody, DutyJson, MessageJson, ProofJson, RosterJson
from console.records.bodies import Body, decoded
from console.security import Reachable, Reader, Recording, Responder
from console.shapes import Page
from storage.records.contacts import SiteTimes
from storage.records.paging import MAX_LIMIT

router = APIRouter(tags=["notifications"])

CREATED = 201
ID_MAX = 2**53


@router.get("/notifications", responses=answers(Page[MessageJson]))
def notifications(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=63)] = "",
    state: Annotated[str, Query(description="waiting, sent, failed or cancelled")] = "",
    channel: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> Response:
    """The delivery record, the latest first."""
    return answer(desk.record(house_of(request), caller.scope, site=site, state=state, channel=channel, cursor=cursor, limit=limit))


@router.get("/notification-channels", responses=answers(Page[ProofJson]))
def channels(request: Request, caller: Reader) -> Response:
    """The last receipt of each channel's silent proof, and of each site's weekly test."""
    sites = set(house_of(request).sources.site_ids(caller.scope))
    found = [one for one in desk.channels(house_of(request)) if not one.kind.startswith("weekly@") or one.kind.removeprefix("weekly@") in sites]
    return answer(Page[ProofJson](items=found, next=None))


@router.get("/contact", responses=answers(ContactJson))
def contact(request: Request, caller: Reader) -> Response:
    """The caller's own."""
    return answer(desk.contact_of(house_of(request), caller))


@router.put("/contact", responses=answers(ContactJson), openapi_extra=body_of(ContactBody))
def set_contact(request: Request, caller: Reachable, body: Body) -> Response:
    """The caller's own: e-mail, language, phone, chat, channels, quiet hours (never at stop level), daily summary."""
    return answer(desk.set_contact(house_of(request), caller, decoded(body, ContactBody)))


@router.get("/sites/{site}/roster", responses=answers(RosterJson))
def roster(request: Request, site: str, caller: Reader) -> Response:
    """Who is on duty, from today on."""
    return answer(RosterJson(items=desk.roster_of(house_of(request), caller.scope, site)))


@router.post("/sites/{site}/roster", responses=answers(DutyJson), openapi_extra=body_of(DutyBody))
def put_on_duty(request: Request, site: str, caller: Responder, body: Body) -> Response:
    """Somebody of the caller's own side."""
    return answer(desk.put_on_duty(house_of(request), caller, site, decoded(body, DutyBody)), status=CREATED)


@router.post("/sites/{site}/roster/{id}/end", responses=answers(RosterJson))
def end_duty(request: Request, site: str, id: Annotated[int, Path(ge=1, le=ID_MAX)], caller: Responder) -> Response:
    house = house_of(request)
    desk.end_duty(house, caller, site, id)
    return answer(RosterJson(items=desk.roster_of(house, caller.scope, site)))


@router.get("/sites/{site}/notification-times", responses=answers(SiteTimes))
def times(request: Request, site: str, caller: Reader) -> Response:
    """Local time of the daily summary and of the weekly test that people hear."""
    return answer(desk.times_of(house_of(request), caller.scope, site))


@router.put("/sites/{site}/notification-times", responses=answers(SiteTimes), openapi_extra=body_of(SiteTimes))
def set_times(request: Request, site: str, caller: Recording, body: Body) -> Response:
    return answer(desk.set_times(house_of(request), caller, site, decoded(body, SiteTimes)))
