"""A form's way to judge a model's suspicion."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from console.context import house_of
from console.security import Responder
from console.suspicions import JudgementBody, say_judgement

router = APIRouter(include_in_schema=False)


@router.post("/suspicions/{alert}/judgement")
def say(
    request: Request,
    alert: str,
    caller: Responder,
    verdict: Annotated[str, Form(pattern="^(fault|real)$")],
    checked: Annotated[bool, Form()] = False,
    text: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Then back to the alert."""
    say_judgement(house_of(request), caller.scope, alert, JudgementBody(is_fault=verdict == "fault", is_checked=checked, text=text))
    return RedirectResponse(f"/alerts/{quote(alert)}", 303)
