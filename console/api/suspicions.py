"""What people who looked say of a model's suspicion: a fault of the sensor, or real."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.security import Reader, Responder
from console.suspicions import JudgedJson, JudgementBody, judged_json, judgements, say_judgement
from domain.errors import BadInput
from domain.jsontext import from_json

router = APIRouter(tags=["alerts"])

BODY_MAX = 16 * 1024


@router.get("/suspicions/{alert}/judgements", responses=answers(JudgedJson))
def said(request: Request, alert: str, caller: Reader) -> Response:
    """Every word on it, in the order in which they were said, and what holds."""
    house = house_of(request)
    house.stores.inbox.one(caller.scope, house.sources.snapshot(), alert)
    return answer(judged_json(alert, judgements(house.context.engine, alert)))


@router.post("/suspicions/{alert}/judgement", responses=answers(JudgedJson), openapi_extra=body_of(JudgementBody))
async def say(request: Request, alert: str, caller: Responder) -> Response:
    """A word in the caller's name; while a limit is exceeded there a fault needs a field check or both sides."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 - only this route reads a body before it blocks

    raw = await request.body()
    if len(raw) > BODY_MAX:
        raise BadInput(f"longer than {BODY_MAX} bytes", field="body", remedy="shorten the text")
    try:
        body = from_json(raw, JudgementBody)
    except msgspec.DecodeError as error:
        raise BadInput(str(error), field="body", remedy='send {"is_fault": true, "is_checked": false, "text": "..."}') from None
    return answer(await run_in_threadpool(say_judgement, house_of(request), caller.scope, alert, body))
