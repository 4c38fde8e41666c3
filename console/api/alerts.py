"""Alerts and what people do to them; who it is comes from the session or the token, never from the body."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from alerts.view import to_json
from console import params
from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.security import Reader, Responder
from console.shapes import ActionBody, Page
from domain.errors import BadInput
from domain.hazards import Severity
from domain.jsontext import from_json
from storage.records.paging import MAX_LIMIT

router = APIRouter(tags=["alerts"])

BODY_MAX = 16 * 1024


@router.get("/alerts", responses=answers(Page[dict[str, Any]]))
def alerts(
    request: Request,
    caller: Reader,
    site: Annotated[str | None, Query(max_length=63)] = None,
    state: Annotated[str | None, Query(description="open, closed, active, returned, or ISA-18.2's word")] = None,
    severity: Annotated[str | None, Query(description="notice, action or stop")] = None,
    since: Annotated[str | None, Query(description="raised at or after")] = None,
    cursor: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> Response:
    """Ascending by when they were raised."""
    house = house_of(request)
    if site is not None:
        house.sources.site(caller.scope, site)
    chosen = params.one_of(severity, tuple(Severity), "severity")
    page = house.stores.inbox.page(
        caller.scope,
        house.sources.snapshot(),
        site=site,
        state=state or None,
        severity=Severity(chosen) if chosen else None,
        since_us=params.instant(since, "since", 0) if since else None,
        cursor=cursor,
        limit=limit,
    )
    return answer(Page[dict[str, Any]](items=[to_json(alert) for alert in page.alerts], next=page.next))


@router.get("/alerts/{alert}", responses=answers(dict[str, Any]))
def alert(request: Request, alert: str, caller: Reader) -> Response:
    house = house_of(request)
    found, _ = house.stores.inbox.one(caller.scope, house.sources.snapshot(), alert)
    return answer(to_json(found))


@router.post("/alerts/{alert}/{action}", responses=answers(dict[str, Any]), openapi_extra=body_of(ActionBody))
async def act(request: Request, alert: str, action: str, caller: Responder) -> Response:
    """acknowledge, comment, confirm, shelve, unshelve, reset, out-of-service, return-to-service, suppress-by-design or end-suppression; answers with the alert as it is then."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 - only this route reads a body before it blocks

    body = await _body(request)
    house = house_of(request)
    changed = await run_in_threadpool(house.stores.act, caller.scope, alert, action, body.text, body.minutes, "api")
    return answer(to_json(changed))


async def _body(request: Request) -> ActionBody:
    raw = await request.body()
    if len(raw) > BODY_MAX:
        raise BadInput(f"longer than {BODY_MAX} bytes", field="body", remedy="shorten the text")
    try:
        return from_json(raw, ActionBody) if raw.strip() else ActionBody()
    except msgspec.DecodeError as error:
        raise BadInput(str(error), field="body", remedy='send {"text": "...", "minutes": 60}') from None
