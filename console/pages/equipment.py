"""Devices and what was refused of what they sent: visible, counted, and to be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.api.devices import ID_MAX, agents_for, quarantine_sites, retry_entry
from console.context import house_of
from console.floors import unacknowledged
from console.formats import DASH, Formats
from console.security import Operating, Permission, Reader
from console.shapes import AgentJson
from console.words import AGENT_STATES
from domain.times import parse_instant
from storage.records.quarantine import QuarantineItem

router = APIRouter(include_in_schema=False)

SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    agent: str
    site: str
    enrolled: bool
    state: str
    kind: str
    last_seen: str
    version: str
    waiting: str
    problems: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    id: int
    agent: str
    reason: str
    detail: str
    arrived: str
    times: int
    held: bool


@router.get("/equipment")
def equipment_page(request: Request, caller: Reader) -> HTMLResponse:
    house = house_of(request)
    formats = house.renderer.formats(request, caller.user)
    now_us = house.context.clock.now_us()
    sites = quarantine_sites(house, caller.scope)
    held = house.stores.quarantine.list(sites, state="held", limit=SHOWN_MAX).items
    return house.renderer.page(
        request,
        "equipment.html",
        caller,
        section="equipment",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        agents=[_agent_view(agent, formats, now_us) for agent in agents_for(house, caller.scope)],
        held=[_held_view(item, formats, now_us) for item in held],
        counts=sorted(house.stores.quarantine.counts(sites).items()),
        may_operate=caller.may(Permission.OPERATE),
        live=house.hub.address(site="", channels=["none"], every_s=60),
    )


@router.post("/equipment/quarantine/{id}/retry")
def retry(request: Request, id: Annotated[int, Path(ge=1, le=ID_MAX)], caller: Operating) -> Response:
    retry_entry(house_of(request), caller.scope, id)
    return RedirectResponse("/equipment", 303)


def _agent_view(agent: AgentJson, formats: Formats, now_us: int) -> AgentView:
    health = agent.health or {}
    depth, problems = health.get("outbox_depth"), health.get("problems")
    return AgentView(
        agent=agent.agent,
        site=agent.site or "",
        enrolled=agent.enrolled,
        state=AGENT_STATES.get(agent.state, agent.state),
        kind={"online": "within", "offline": "action"}.get(agent.state, "unknown"),
        last_seen=formats.age(now_us - parse_instant(agent.last_seen)) if agent.last_seen else "",
        version=agent.version,
        waiting=formats.number(float(depth), 0) if isinstance(depth, (int, float)) else DASH,
        problems=[str(problem) for problem in problems] if isinstance(problems, list) else [],
    )


def _held_view(item: QuarantineItem, formats: Formats, now_us: int) -> HeldView:
    return HeldView(
        id=item.id, agent=item.agent, reason=item.refusal, detail=item.detail, arrived=formats.age(now_us - item.arrived_us), times=item.times, held=item.state == "held"
    )
