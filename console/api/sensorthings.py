"""OGC SensorThings 1.1, read only: sites, zones, channels and readings for programs that speak the standard."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from console.api.answers import answer, answers
from console.context import House, house_of
from console.problems import problem
from console.security import Caller, Reader
from console.sensorthings import ROOT, NotOffered, SensorThings

router = APIRouter(tags=["sensorthings"])
PREFIX = ROOT.removeprefix("/api/v1")


@router.get(PREFIX, responses=answers(dict[str, Any]))
def root(request: Request, caller: Reader) -> Response:
    """The entity sets, and the requirements of the standard that are met."""
    return answer(_service(request, house_of(request), caller).root())


@router.get(PREFIX + "/{path:path}", responses=answers(dict[str, Any]))
def entities(request: Request, path: str, caller: Reader) -> Response:
    """`Things`, `Datastreams('id')`, `Datastreams('id')/Observations?$filter=phenomenonTime ge ...`."""
    service = _service(request, house_of(request), caller)
    if not path.strip("/"):
        return answer(service.root())
    try:
        return answer(service.answer(path, request.query_params.multi_items()))
    except NotOffered as error:
        return problem(501, f"not offered: {error}", instance=request.url.path)


def _service(request: Request, house: House, caller: Caller) -> SensorThings:
    return SensorThings(sources=house.sources, store=house.context.timeseries, scope=caller.scope, base=str(request.base_url).rstrip("/") + ROOT)
