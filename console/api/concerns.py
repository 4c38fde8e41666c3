"""How many concerns a site's workers wrote in a month, from five up; nothing else about them leaves this house."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from console.api.answers import answer, answers
from console.concerns import MonthCount, monthly_view, today_of
from console.context import House, house_of
from console.security import Reader
from console.shapes import Page
from domain.scope import Scope

router = APIRouter(tags=["concerns"])


class ConcernMonthJson(msgspec.Struct, frozen=True, kw_only=True):
    """`concerns` null: fewer than five, or none. `released`: the worker side let the number be seen."""

    month: str
    concerns: int | None
    released: bool
    text: str


@router.get("/sites/{site}/concerns", responses=answers(Page[ConcernMonthJson]))
def concerns(request: Request, site: str, caller: Reader) -> Response:
    """The last twelve months that are over, the latest first; there is no sum, and no running month."""
    counted = counted_months(house_of(request), caller.scope, site)
    return answer(Page[ConcernMonthJson](items=[ConcernMonthJson(month=one.month, concerns=one.count, released=one.released, text=one.text) for one in counted]))


def counted_months(house: House, scope: Scope, site: str) -> list[MonthCount]:
    """A factory's own centre takes no concerns and counts none."""
    house.sources.site(scope, site)
    if house.context.operator != "administration":
        return []
    return monthly_view(house.concerns.monthly(site), house.concerns.releases(site), today_of(house.context.clock, house.sources.timezone(site)))
