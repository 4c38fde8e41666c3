"""The monitoring plan of a site, to be read by everybody and entered or signed by those whose part it is; each form does what the REST interface does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.context import house_of
from console.floors import unacknowledged
from console.formats import Formats
from console.i18n import N_
from console.pages.records import SIDES, signature_lines
from console.records.bodies import Fields, filled
from console.records.plans import ROWS_MAX, plan_of, put_plan, sign_plan
from console.records.shapes import (
    AgreeBody,
    PlanBody,
    PlanRowJson,
    PlanVersionJson,
)
from console.security import Caller, Permission, Planning, Reader, Signing
from console.words import hazard_name
from domain.agreements import PlanRow
from domain.errors import BadInput
from domain.times import parse_instant

router = APIRouter(include_in_schema=False)

BLANK_ROWS = 3
HOW = {"sensor": N_("sensor"), "lab_sample": N_("lab sample"), "not_monitored": N_("not monitored")}
PLAN_STATES = {
    "in_force": N_("In force: both sides have signed it."),
    "waiting": N_("Entered, and not yet signed by both sides: it is not in force."),
    "none": N_("No plan has been entered. The rows follow from hazards and sensors that are registered; what the zone's process adds has to be entered."),
}
HIDDEN = ("channels", "height_m", "distance_to_source_m", "photo_sha256", "agreed_by")


@dataclass(frozen=True, slots=True)
class RowView:
    zone: str
    zone_id: str
    hazard: str
    hazard_id: str
    how: str
    how_id: str
    why: str
    every: str
    place: str
    agreed: str
    proposal: bool


@dataclass(frozen=True, slots=True)
class VersionView:
    since: str
    author: str
    reason: str
    signatures: list[str]
    waiting_for: list[str]


@router.get("/sites/{site}/monitoring-plan")
def plan_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    return _plan(request, site, caller)


@router.post("/sites/{site}/monitoring-plan")
def enter_plan(request: Request, site: str, caller: Planning, fields: Fields) -> Response:
    """All rows of the form; one without a hazard is left out."""
    try:
        house = house_of(request)
        plan = plan_of(house, caller.scope, site)
        put_plan(house, caller, site, PlanBody(rows=_form_rows(fields, plan.waiting.rows if plan.waiting else plan.rows), reason=fields.get("reason", "")))
    except BadInput as error:
        return _plan(request, site, caller, problem=str(error))
    return RedirectResponse(f"/sites/{site}/monitoring-plan", 303)


@router.post("/sites/{site}/monitoring-plan/sign")
def sign(request: Request, site: str, caller: Signing, fields: Fields) -> Response:
    sign_plan(house_of(request), caller, site, filled(fields, AgreeBody))
    return RedirectResponse(f"/sites/{site}/monitoring-plan", 303)


def _plan(request: Request, site: str, caller: Caller, *, problem: str = "") -> HTMLResponse:
    house = house_of(request)
    spec = house.sources.site(caller.scope, site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(site)
    plan, zones = plan_of(house, caller.scope, site), house.sources.zones(caller.scope, site)
    names = {zone.id: zone.spec.name for zone in zones}
    waiting = plan.waiting
    signed = waiting or plan.in_force
    return house.renderer.page(
        request,
        "plan.html",
        caller,
        status=422 if problem else 200,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        problem=problem,
        site=spec,
        state=PLAN_STATES[plan.state],
        rows=[_row_view(row, names) for row in plan.rows],
        in_force=_version_view(plan.in_force, formats, timezone) if plan.in_force else None,
        waiting=_version_view(waiting, formats, timezone) if waiting else None,
        waiting_rows=[_row_view(row, names) for row in waiting.rows] if waiting and plan.in_force else [],
        edited=[_row_view(row, names) for row in (waiting.rows if waiting else plan.rows)],
        blanks=range(BLANK_ROWS),
        zones=list(names.items()),
        hows=list(HOW.items()),
        may_plan=caller.may(Permission.PLAN),
        may_sign=caller.may(Permission.SIGN) and signed is not None and caller.user.role.side in signed.waiting_for,
    )


def _row_view(row: PlanRowJson, names: dict[str, str]) -> RowView:
    place = ", ".join(f"{value:g} m" for value in (row.height_m, row.distance_to_source_m) if value is not None)
    return RowView(
        names.get(row.zone, row.zone), row.zone, hazard_name(row.hazard), row.hazard, HOW[row.how], row.how, row.why, row.every, place, ", ".join(row.agreed_by), row.proposal
    )


def _version_view(plan: PlanVersionJson, formats: Formats, timezone: ZoneInfo) -> VersionView:
    since = formats.moment(parse_instant(plan.valid_from), timezone) if plan.valid_from else ""
    return VersionView(since, plan.author, plan.reason, signature_lines(plan.signatures, formats, timezone), [SIDES[side] for side in plan.waiting_for])


def _form_rows(fields: dict[str, str], before: Sequence[PlanRowJson]) -> list[PlanRow]:
    """Rows that were sent, with what the form does not show kept from the row of the same zone and hazard."""
    rows, known = [], {(row.zone, row.hazard): row for row in before}
    for number in range(ROWS_MAX):
        if f"zone-{number}" not in fields:
            break
        row: dict[str, Any] = {name: fields.get(f"{name}-{number}", "").strip() for name in ("zone", "hazard", "how", "why", "every")}
        held = known.get((row["zone"], row["hazard"]))
        if row["hazard"]:
            rows.append(_converted({**row, **({name: getattr(held, name) for name in HIDDEN} if held else {})}, number))
    return rows


def _converted(row: dict[str, Any], number: int) -> PlanRow:
    try:
        return msgspec.convert(row, PlanRow)
    except msgspec.ValidationError as error:
        raise BadInput(str(error), field=f"rows[{number}]", remedy="choose from the list") from None
