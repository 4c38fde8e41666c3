"""Meetings of the committee: agenda, who is there, minutes, and the sheet that is signed in ink."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.review.access import Transition, may
from alerts.review.attendance import attendance as counted
from alerts.review.meetings import Meeting
from alerts.review.paper import DIGEST_LEAST, sheet_digest
from console.committee import words
from console.committee.meeting_shapes import AttendanceBody
from console.context import House, house_of
from console.pages.committee import Many, page_of
from console.records.bodies import Fields
from console.security import Caller, OnCommittee, Reader
from console.words import ROLES, hazard_name
from domain.agreements import Side
from domain.errors import BadInput, Conflict
from domain.times import to_datetime

router = APIRouter(include_in_schema=False)


@router.get("/meetings/{id}")
def meeting_page(request: Request, id: str, caller: Reader) -> HTMLResponse:
    return _meeting(request, id, caller)


@router.post("/meetings/{id}/attendance")
def attendance(request: Request, id: str, caller: OnCommittee, many: Many) -> Response:
    said = AttendanceBody(mandates=many.get("mandates", []))
    return _minuted(request, id, caller, lambda house: house.committee.attend(caller.scope, id, said.mandates))


@router.post("/meetings/{id}/minutes")
def minutes(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    return _minuted(request, id, caller, lambda house: house.committee.meetings.write(caller.scope, id, fields.get("text", "")))


@router.post("/meetings/{id}/close")
def close_meeting(request: Request, id: str, caller: OnCommittee) -> Response:
    return _minuted(request, id, caller, lambda house: house.committee.close_meeting(caller.scope, id))


@router.get("/meetings/{id}/sheet")
def sheet(request: Request, id: str, caller: Reader) -> HTMLResponse:
    """To be printed and signed; the same whoever prints it. 409 until the minutes are closed."""
    house = house_of(request)
    meeting = house.committee.meetings.one(caller.scope, id)
    digest = sheet_digest(meeting)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(meeting.site)
    return page_of(
        request,
        caller,
        "minutes_sheet.html",
        site=house.sources.site(caller.scope, meeting.site),
        meeting=meeting,
        agenda=_agenda(house, caller, meeting),
        counts=counted(meeting.seats, meeting.told),
        words=words,
        closed=f"{formats.day(meeting.closed_us or 0, timezone)}, {to_datetime(meeting.closed_us or 0).astimezone(timezone):%H:%M}",
        digest=_in_fours(digest),
        address=f"{house.context.console_url}/meetings/{meeting.id}",
    )


@router.post("/meetings/{id}/paper")
def sign_paper(request: Request, id: str, caller: OnCommittee, many: Many) -> Response:
    said = {name: values[0] for name, values in many.items() if values and name != "mandates"}
    side: Side = "worker" if caller.user.role.side == "worker" else "management"

    def do(house: House) -> object:
        return house.committee.sign_paper(
            caller.scope, id, side=side, mandates=many.get("mandates", []), on=said.get("on", ""), digest=said.get("digest", ""), reference=said.get("reference", "")
        )

    return _minuted(request, id, caller, do)


def _minuted(request: Request, id: str, caller: Caller, do: Callable[[House], object]) -> Response:
    try:
        do(house_of(request))
    except (BadInput, Conflict) as error:
        return _meeting(request, id, caller, problem=str(error))
    return RedirectResponse(f"/meetings/{quote(id)}", 303)


def _meeting(request: Request, id: str, caller: Caller, *, problem: str = "") -> HTMLResponse:
    house = house_of(request)
    rooms = house.committee
    meeting = rooms.meetings.one(caller.scope, id)
    spec = house.sources.site(caller.scope, meeting.site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(meeting.site)
    present = {seat.mandate for seat in meeting.seats}
    holding = [one for one in rooms.mandates.of_site(caller.scope, meeting.site) if one.holds(meeting.on)]
    return page_of(
        request,
        caller,
        "meeting.html",
        status=422 if problem else 200,
        problem=problem,
        site=spec,
        meeting=meeting,
        agenda=_agenda(house, caller, meeting),
        holding=holding,
        present=present,
        counts=counted(meeting.seats, caller.user.role.side),
        words=words,
        rule=rooms.rule(meeting.site),
        closed=formats.moment(meeting.closed_us, timezone) if meeting.closed_us else "",
        papers=[
            {
                "side": one.side,
                "names": one.names,
                "on": one.on,
                "reference": one.reference,
                "by": one.by,
                "role": ROLES.get(one.role, ""),
                "at": formats.moment(one.at_us, timezone),
                "touched": one.touched,
            }
            for one in meeting.papers
        ],
        digest=_in_fours(sheet_digest(meeting)) if meeting.closed else "",
        digest_least=DIGEST_LEAST,
        own_seats=[seat for seat in meeting.seats if meeting.closed and may(caller.user.role, Transition.PAPER, seat.side)],
        today=rooms.today(meeting.site).isoformat(),
        may_meet=may(caller.user.role, Transition.MEET) and not meeting.closed,
    )


def _agenda(house: House, caller: Caller, meeting: Meeting) -> list[dict[str, str]]:
    zones = house.sources.snapshot().zones
    return [
        {
            "word": words.AGENDA[item.kind],
            "place": zones[item.zone].spec.name if item.zone in zones else item.zone or meeting.site,
            "zone": item.zone,
            "hazard": hazard_name(item.hazard),
            "text": item.text,
            "review": item.review,
        }
        for item in house.committee.agenda(caller.scope, meeting)
    ]


def _in_fours(digest: str) -> str:
    """As a person reads and types it."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
