"""The committee of a site: its mandates, the worker-side accounts, its meetings and figures; each form does what the REST interface does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.review.access import Transition, may, may_at_all
from alerts.review.mandates import Mandate, workforce_share
from console.committee import words
from console.committee.shapes import (
    AccountBody,
    MandateBody,
    mandate_json,
    request_json,
)
from console.context import House, house_of
from console.floors import unacknowledged
from console.records.bodies import Fields, filled
from console.security import Caller, OnCommittee, Reader
from domain.agreements import Side
from domain.errors import BadInput, Conflict

router = APIRouter(include_in_schema=False)


async def _many(request: Request) -> dict[str, list[str]]:
    """A form whose boxes may be ticked more than once."""
    form = await request.form(max_fields=500)
    return {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in form}


Many = Annotated[dict[str, list[str]], Depends(_many)]


@router.get("/sites/{site}/committee")
def committee_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    return _committee(request, site, caller)


@router.post("/sites/{site}/mandates")
def enter_mandate(request: Request, site: str, caller: OnCommittee, fields: Fields) -> Response:
    def do(house: House) -> object:
        said = filled(fields, MandateBody)
        return house.committee.mandates.enter(
            caller.scope, site, name=said.name, side=said.side, chosen=said.chosen, sex=said.sex, since=said.since, until=said.until, account=said.account
        )

    return _entered(request, site, caller, do)


@router.post("/sites/{site}/mandates/release")
def release(request: Request, site: str, caller: OnCommittee, fields: Fields) -> Response:
    side: Side = "worker" if caller.user.role.side == "worker" else "management"
    is_released = fields.get("released") == "yes"
    return _entered(request, site, caller, lambda house: house.committee.mandates.release(caller.scope, site, side=side, released=is_released))


@router.post("/sites/{site}/mandates/{id}/end")
def end_mandate(request: Request, site: str, id: str, caller: OnCommittee, fields: Fields) -> Response:
    return _entered(request, site, caller, lambda house: house.committee.mandates.end(caller.scope, site, id, on=fields.get("on", ""), why=fields.get("why", "")))


@router.post("/sites/{site}/meetings")
def call_meeting(request: Request, site: str, caller: OnCommittee, fields: Fields) -> Response:
    house = house_of(request)
    try:
        meeting = house.committee.meetings.call(caller.scope, site, on=fields.get("on", ""), place=fields.get("place", ""))
    except BadInput as error:
        return _committee(request, site, caller, problem=str(error))
    return RedirectResponse(f"/meetings/{meeting.id}", 303)


@router.post("/sites/{site}/accounts")
def propose_account(request: Request, site: str, caller: OnCommittee, fields: Fields) -> Response:
    """The one-time code is told on this answer and nowhere else."""
    try:
        said = filled(fields, AccountBody)
        request_made, code = house_of(request).committee.accounts.propose(caller.scope, site, do=said.do, name=said.name, why=said.why, locale=said.locale)
    except (BadInput, Conflict) as error:
        return _committee(request, site, caller, problem=str(error))
    return _committee(request, site, caller, code=code, code_of=request_made.name) if code else RedirectResponse(f"/sites/{site}/committee", 303)


@router.post("/accounts/{id}/agree")
def agree_to_account(request: Request, id: str, caller: OnCommittee) -> Response:
    done, code = house_of(request).committee.accounts.agree(caller.scope, id)
    return _committee(request, done.site, caller, code=code, code_of=done.name) if code else RedirectResponse(f"/sites/{done.site}/committee", 303)


@router.post("/accounts/{id}/refuse")
def refuse_account(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    done = house_of(request).committee.accounts.refuse(caller.scope, id, fields.get("text", ""))
    return RedirectResponse(f"/sites/{done.site}/committee", 303)


def _entered(request: Request, site: str, caller: Caller, do: Callable[[House], object]) -> Response:
    try:
        do(house_of(request))
    except (BadInput, Conflict) as error:
        return _committee(request, site, caller, problem=str(error))
    return RedirectResponse(f"/sites/{quote(site)}/committee", 303)


def _committee(request: Request, site: str, caller: Caller, *, problem: str = "", code: str = "", code_of: str = "") -> HTMLResponse:
    house = house_of(request)
    spec = house.sources.site(caller.scope, site)
    rooms, formats, timezone, role = house.committee, house.renderer.formats(request, caller.user), house.sources.timezone(site), caller.user.role
    today = rooms.today(site)
    holding = rooms.holding(caller.scope, site)
    return page_of(
        request,
        caller,
        "committee.html",
        status=422 if problem else 200,
        problem=problem,
        site=spec,
        rule=rooms.rule(site),
        mandates=[mandate_json(one, today, role.side) for one in rooms.mandates.of_site(caller.scope, site)],
        seats=_seats(holding),
        women=formats.percent(rooms.women(caller.scope, site).share),
        women_at_work=formats.percent(workforce_share(house.sources.snapshot(), site).share),
        meetings=rooms.meetings.of_site(caller.scope, site),
        accounts=[request_json(one) for one in rooms.accounts.of_site(caller.scope, site)],
        touches=[
            {"at": formats.moment(one.at_us, timezone), "account": one.subject, "by": one.by, "word": words.TOUCHES[one.action]}
            for one in rooms.accounts.touches(caller.scope, site)
        ],
        holders=[user.name for user in rooms.accounts.holders(caller.scope, site)],
        figures=rooms.figures(caller.scope, site),
        percent=formats.percent,
        words=words,
        today=today.isoformat(),
        sides=[side for side in ("worker", "management") if may(role, Transition.MANDATE, side)],
        may_meet=may(role, Transition.MEET),
        may_ask=may_at_all(role, Transition.ACCOUNT_PROPOSE) or may_at_all(role, Transition.ACCOUNT_DECIDE),
        may_agree=may_at_all(role, Transition.ACCOUNT_AGREE) or may_at_all(role, Transition.ACCOUNT_DECIDE),
        third=may_at_all(role, Transition.ACCOUNT_DECIDE),
        sex_shown=bool(role.side),
        release_of=next((side for side in ("worker", "management") if may(role, Transition.RELEASE, side)), ""),
        released=rooms.mandates.released(caller.scope, site),
        code=code,
        code_of=code_of,
    )


def _seats(holding: Sequence[Mandate]) -> dict[str, int]:
    return {side: sum(one.side == side for one in holding) for side in ("worker", "management")}


def page_of(request: Request, caller: Caller, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the committee's rooms."""
    house = house_of(request)
    waiting = unacknowledged(house.open_alerts(caller.scope))
    return house.renderer.page(request, template, caller, status=status, section="reviews", unacknowledged=waiting, **values)
