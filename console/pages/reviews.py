"""The review desk: what is to be reviewed, and one review with cause, measures, evidence and signatures; complete as plain pages, each form doing what the REST interface does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.policy import load_policy
from alerts.review.access import Transition, may, may_at_all
from alerts.review.causes import causes_for
from alerts.review.files import SIZE_MAX
from alerts.review.model import Review
from alerts.review.state import STATES, State
from console.api.reviews import file_answer
from console.committee import words
from console.committee.shapes import (
    CauseBody,
    DissentBody,
    MeasureBody,
    ReviewJson,
    SayBody,
    SignBody,
    review_json,
)
from console.context import House, house_of
from console.formats import Formats
from console.pages.committee import Many, page_of
from console.pages.event_trend import Event, event_of, event_trend
from console.pages.journal import journal_lines
from console.params import day, one_of
from console.records.bodies import Fields, filled
from console.security import Caller, OnCommittee, Reader
from console.words import ROLES, SEVERITY, hazard_name, metric_name
from domain.errors import BadInput, Conflict
from domain.shifts import local_instant
from domain.times import DAY_US, parse_instant

router = APIRouter(include_in_schema=False)

SHOWN_MAX = 200


async def _file(request: Request, file: UploadFile) -> tuple[bytes, str]:
    return await file.read(SIZE_MAX + 1), file.filename or "file"


File = Annotated[tuple[bytes, str], Depends(_file)]


@router.get("/reviews")
def reviews_page(request: Request, caller: Reader, site: Annotated[str, Query(max_length=63)] = "", state: str = "") -> HTMLResponse:
    return _list(request, caller, site=site, state=state)


@router.post("/reviews")
def open_reviews(request: Request, caller: OnCommittee, fields: Fields) -> Response:
    """An alert, or all of a period in the site's own days."""
    house = house_of(request)
    try:
        if alert := fields.get("alert"):
            return RedirectResponse(f"/reviews/{house.committee.desk.open_alert(caller.scope, alert).id}", 303)
        site = house.sources.site(caller.scope, fields.get("site", "")).id
        first, last = _date(fields, "from"), _date(fields, "to")
        timezone = house.sources.timezone(site)
        house.committee.desk.open_period(caller.scope, site, local_instant(first, "00:00", timezone), local_instant(last, "00:00", timezone) + DAY_US)
    except BadInput as error:
        return _list(request, caller, problem=str(error))
    return RedirectResponse(f"/reviews?site={quote(site)}", 303)


@router.get("/reviews/{id}")
def review_page(request: Request, id: str, caller: Reader) -> HTMLResponse:
    return _desk(request, id, caller)


@router.post("/reviews/{id}/cause")
def cause(request: Request, id: str, caller: OnCommittee, many: Many) -> Response:
    said = CauseBody(causes=many.get("causes", []), text=_first(many, "text"), classification=_converted(_first(many, "classification") or "exposure", CauseBody, "classification"))
    return _done(request, id, caller, lambda house: house.committee.desk.set_cause(caller.scope, id, said.causes, said.text, said.classification))


@router.post("/reviews/{id}/actions")
def add_action(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    def do(house: House) -> object:
        said = filled(fields, MeasureBody)
        return house.committee.desk.add_action(caller.scope, id, control=said.control, text=said.text, owner=said.owner, due=said.due, why_ppe_alone=said.why_ppe_alone)

    return _done(request, id, caller, do)


@router.post("/reviews/{id}/actions/{action}/say")
def say(request: Request, id: str, action: str, caller: OnCommittee, fields: Fields) -> Response:
    def do(house: House) -> object:
        said = filled(fields, SayBody)
        return house.committee.desk.say(caller.scope, id, action, said.word, said.text)

    return _done(request, id, caller, do)


@router.post("/reviews/{id}/evidence")
def add_evidence(
    request: Request, id: str, caller: OnCommittee, file: File, action: Annotated[str, Form(max_length=64)] = "", text: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    content, name = file
    return _done(request, id, caller, lambda house: house.committee.desk.add_evidence(caller.scope, id, content, name, action=action, text=text))


@router.get("/reviews/{id}/evidence/{record}")
def evidence(request: Request, id: str, record: str, caller: Reader) -> Response:
    return file_answer(house_of(request), caller, id, record)


@router.post("/reviews/{id}/sign")
def sign(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    def do(house: House) -> object:
        said = filled(fields, SignBody)
        return house.committee.desk.sign(caller.scope, id, side=said.side, agree=said.agree, text=said.text, digest=said.digest)

    return _done(request, id, caller, do)


@router.post("/reviews/{id}/dissent")
def dissent(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    def do(house: House) -> object:
        said = filled(fields, DissentBody)
        return house.committee.desk.dissent(caller.scope, id, said.text, to_inspectorate=said.to == "inspectorate")

    return _done(request, id, caller, do)


@router.post("/reviews/{id}/close")
def close(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    return _done(request, id, caller, lambda house: house.committee.desk.close(caller.scope, id, fields.get("text", "")))


@router.post("/reviews/{id}/reopen")
def reopen(request: Request, id: str, caller: OnCommittee, fields: Fields) -> Response:
    return _done(request, id, caller, lambda house: house.committee.desk.reopen(caller.scope, id, fields.get("text", "")))


def _done(request: Request, id: str, caller: Caller, do: Callable[[House], object]) -> Response:
    """What was wrong is said on the desk itself."""
    try:
        do(house_of(request))
    except (BadInput, Conflict) as error:
        return _desk(request, id, caller, problem=str(error), status=422 if isinstance(error, BadInput) else 409)
    return RedirectResponse(f"/reviews/{quote(id)}", 303)


def _list(request: Request, caller: Caller, *, site: str = "", state: str = "", problem: str = "") -> HTMLResponse:
    house = house_of(request)
    if site:
        house.sources.site(caller.scope, site)
    wanted = one_of(state, STATES, "state")
    chosen: State | None = next((one for one in STATES if one == wanted), None)
    found = house.committee.desk.page(caller.scope, site=site or None, state=chosen, limit=SHOWN_MAX)
    formats = house.renderer.formats(request, caller.user)
    sites = house.sources.sites(caller.scope)
    here = sites[0].id if sites else ""
    now_us, timezone = house.context.clock.now_us(), house.sources.timezone(site or here)
    return page_of(
        request,
        caller,
        "reviews.html",
        status=422 if problem else 200,
        problem=problem,
        items=[_row(house, formats, review) for review in found.items],
        more=found.next is not None,
        sites=sites,
        site=site,
        state=state,
        states=list(words.STATES.items()),
        may_open=may(caller.user.role, Transition.OPEN),
        first=formats.date(now_us - 7 * DAY_US, timezone),
        today=formats.date(now_us, timezone),
    )


def _row(house: House, formats: Formats, review: Review) -> dict[str, Any]:
    one = review_json(review, house.committee.rule(review.site), house.committee.today(review.site))
    return {**_facts(house, formats, one), "one": one, "overdue": sum(action.overdue for action in one.actions)}


def _facts(house: House, formats: Formats, one: ReviewJson) -> dict[str, Any]:
    """What happened, in words."""
    zones = house.sources.snapshot().zones
    timezone = house.sources.timezone(one.site)
    quantity = formats.measure
    return {
        "place": zones[one.zone].spec.name if one.zone in zones else one.zone or one.site,
        "hazard": hazard_name(one.hazard),
        "title": metric_name(one.type) if one.kind == "exceedance" else _title(one.type),
        "kind": words.KINDS[one.kind],
        "severity": one.severity or "",
        "mark": SEVERITY.get(one.severity or ""),
        "value": quantity(one.value, one.unit) if one.value is not None else "",
        "limit": quantity(one.limit.value, one.unit) if one.limit and one.limit.value is not None else "",
        "started": formats.moment(parse_instant(one.started_at), timezone),
        "ended": formats.moment(parse_instant(one.ended_at), timezone) if one.ended_at else "",
        "state_word": words.STATES[one.state],
        "cap": words.CAP[one.cap_status],
    }


@cache
def _title(type: str) -> str:
    """English, to be translated by the template."""
    row = load_policy().rows.get(type)
    return row.title if row else type.replace("_", " ")


def _desk(request: Request, id: str, caller: Caller, *, problem: str = "", status: int = 200) -> HTMLResponse:
    house = house_of(request)
    review = house.committee.desk.one(caller.scope, id)
    one = review_json(review, house.committee.rule(review.site), house.committee.today(review.site))
    formats, timezone, role = house.renderer.formats(request, caller.user), house.sources.timezone(review.site), caller.user.role
    moment = lambda at: formats.moment(parse_instant(at), timezone)  # noqa: E731 - handed to the template
    alert, steps = house.stores.inbox.one(caller.scope, house.sources.snapshot(), one.alert) if one.alert else (None, [])
    history = [
        {"at": formats.moment(entry.recorded_us, timezone), "word": words.ENTRIES[entry.entry], "by": entry.by, "role": ROLES.get(entry.role, "")}
        for entry in house.committee.desk.history(caller.scope, id)
    ]
    return page_of(
        request,
        caller,
        "review.html",
        status=status,
        problem=problem,
        one=one,
        facts=_facts(house, formats, one),
        moment=moment,
        steps=journal_lines(house, one.alert or "", steps, formats, timezone),
        trend=event_trend(house, formats, event_of(alert) if alert else _event(one)),
        history=history,
        changed=[[words.FACTS[name] for name in mark.text.split(", ") if name in words.FACTS] for mark in one.marks],
        causes=[(cause, words.CAUSES[cause]) for cause in causes_for(one.hazard)],
        words=words,
        roles=ROLES,
        side=role.side,
        today=house.committee.today(review.site).isoformat(),
        can={transition.value: may_at_all(role, transition) for transition in Transition},
        operator_word=house.context.operator,
    )


def _event(one: ReviewJson) -> Event:
    started_us, ended_us = parse_instant(one.started_at), parse_instant(one.ended_at) if one.ended_at else None
    return Event(zone=one.zone, hazard=one.hazard, channel=None, started_us=started_us, ended_us=ended_us, limit=one.limit, unit=one.unit)


def _first(many: dict[str, list[str]], name: str) -> str:
    return next(iter(many.get(name, [])), "")


def _converted(value: str, shape: type[CauseBody], field: str) -> Any:
    try:
        return getattr(msgspec.convert({field: value}, shape), field)
    except msgspec.ValidationError as error:
        raise BadInput(str(error), field=field, remedy="choose from the list") from None


def _date(fields: dict[str, str], name: str) -> date:
    value = day(fields.get(name), name)
    if value is None:
        raise BadInput("is empty", field=name, remedy="choose a day")
    return date.fromisoformat(value)
