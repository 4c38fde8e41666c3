"""The live stream of contract 4: `reading`, `zone`, `alert` and `agent` events for what the caller may see."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from console import params
from console.api.answers import PROBLEM_STATUSES
from console.context import house_of
from console.hub import Listener
from console.security import Reader, user_of
from domain.errors import BadInput
from domain.times import SECOND_US

router = APIRouter(tags=["live"])

CHANNELS_MAX = 500


@router.get(
    "/live",
    responses={
        200: {"description": "server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **{s: {"description": "problem details"} for s in PROBLEM_STATUSES},
    },
)
def live(
    request: Request,
    caller: Reader,
    site: Annotated[str | None, Query(max_length=63)] = None,
    channels: Annotated[str | None, Query(max_length=64_000, description="only readings of these, separated by commas")] = None,
    every: Annotated[str | None, Query(description="at most one event of a channel and of a zone in this time, unless a status changes")] = None,
    windows: Annotated[Literal["all", "main"], Query(description="of a zone: all running windows, or the one that its tile shows")] = "all",
) -> StreamingResponse:
    """Ends when the session does; load the page or the snapshot anew whenever the stream opens, and on `reload`."""
    house = house_of(request)
    if site:
        house.sources.site(caller.scope, site)
    every_s = params.duration(every, "every") / SECOND_US if every else 1.0
    listener = Listener(
        scope=caller.scope, site=site or "", channels=_wanted(channels), every_s=every_s, brief=windows == "main", sites=frozenset(house.sources.site_ids(caller.scope))
    )

    def still_allowed() -> bool:
        user = user_of(request, house)
        return user is not None and user.scope == caller.scope

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(house.hub.stream(listener, still_allowed), media_type="text/event-stream", headers=headers)


def _wanted(channels: str | None) -> frozenset[str]:
    wanted = frozenset(channels.split(",")) if channels else frozenset()
    if len(wanted) > CHANNELS_MAX:
        raise BadInput(f"names {len(wanted)}, at most {CHANNELS_MAX}", field="channels", remedy="leave it out for all of the site")
    return wanted
