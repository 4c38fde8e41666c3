"""Measuring devices and what was refused of what they sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from alerts.presence import state_of
from console.api.answers import answer, answers
from console.context import House, house_of
from console.security import Operating, Reader
from console.shapes import AgentJson, Page, QuarantineJson
from domain.clock import Clock
from domain.errors import NotReady
from domain.jsontext import from_json
from domain.scope import Role, Scope
from domain.times import to_rfc3339
from storage.records.agents import AgentRow
from storage.records.paging import MAX_LIMIT
from storage.records.quarantine import QuarantineItem

router = APIRouter(tags=["devices"])

ID_MAX = 2**62


@router.get("/agents", responses=answers(Page[AgentJson]))
def agents(request: Request, caller: Reader) -> Response:
    """Enrolled devices of the caller's sites; those waiting to be enrolled for who may see the whole centre, or administers it."""
    return answer(Page[AgentJson](items=agents_for(house_of(request), caller.scope)))


@router.get("/quarantine", responses=answers(Page[QuarantineJson]))
def quarantine(
    request: Request,
    caller: Reader,
    state: Literal["held", "accepted"] | None = None,
    agent: Annotated[str | None, Query(max_length=63)] = None,
    cursor: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> Response:
    """Newest first."""
    house = house_of(request)
    page = house.stores.quarantine.list(quarantine_sites(house, caller.scope), state=state, agent=agent, limit=limit, cursor=cursor)
    return answer(Page[QuarantineJson](items=[quarantine_json(item) for item in page.items], next=page.next))


@router.post("/quarantine/{id}/retry", responses=answers(QuarantineJson))
def retry(request: Request, id: Annotated[int, Path(ge=1, le=ID_MAX)], caller: Operating) -> Response:
    """Asks ingest to try this entry again now."""
    house = house_of(request)
    return answer(quarantine_json(retry_entry(house, caller.scope, id)))


def retry_entry(house: House, scope: Scope, id: int) -> QuarantineItem:
    """Ingest does it, a moment later: it alone writes what packs say."""
    item = house.stores.quarantine.get(id, quarantine_sites(house, scope))
    if house.context.retry_quarantine is None:
        raise NotReady("this console is not connected to the broker; use `oshwatch quarantine retry`")
    house.context.retry_quarantine(id)
    house.people.record(scope.user, "quarantine retried", str(id))
    return item


def quarantine_sites(house: House, scope: Scope) -> Collection[str] | None:
    """What an unknown device sent belongs to no site: it is for who sees everything, and for the administrator who can enrol it."""
    if scope.grant == "*":
        return None
    sites = house.sources.site_ids(scope)
    return [*sites, ""] if scope.role is Role.ADMINISTRATOR else sites


def agents_for(house: House, scope: Scope) -> list[AgentJson]:
    enrolled, rows = house.sources.agents(scope), {row.agent: row for row in house.stores.agents.all()}
    everywhere = house.sources.snapshot().agents
    strangers = [agent for agent in rows if agent not in everywhere] if scope.grant == "*" or scope.role is Role.ADMINISTRATOR else []
    clock = house.context.clock
    return [agent_json(agent, enrolled.get(agent), rows.get(agent), clock) for agent in sorted([*enrolled, *strangers])]


def agent_json(agent: str, site: str | None, row: AgentRow | None, clock: Clock) -> AgentJson:
    state, since_us = state_of(row, clock.now_us(), clock) if row else ("unknown", 0)
    return AgentJson(
        agent=agent,
        site=site,
        enrolled=site is not None,
        state=state,
        since=to_rfc3339(since_us) if row else None,
        last_seen=to_rfc3339(row.last_seen_us) if row else None,
        version=row.version if row else "",
        config=row.config if row else "",
        boot=row.boot if row else "",
        health=_health(row.health) if row else None,
    )


def _health(text: str) -> dict[str, object] | None:
    try:
        decoded: Any = from_json(text) if text else None
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def quarantine_json(item: QuarantineItem) -> QuarantineJson:
    return QuarantineJson(
        id=item.id,
        agent=item.agent,
        site=item.site or None,
        boot=item.boot,
        seq=item.seq,
        reason=item.refusal,
        detail=item.detail,
        bytes=len(item.payload),
        whole=item.whole,
        arrived_at=to_rfc3339(item.arrived_us),
        state=item.state,
        times=item.times,
    )
