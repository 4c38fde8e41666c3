"""Changes that wait for both sides, overtime, and the registers of substances and waste."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.records.bodies import Body, decoded
from console.records.changes import agree_to_change, changes_of
from console.records.overtime import add_overtime, overtime_of, withdraw
from console.records.registers import add_substance, add_waste, retire_substance, retire_waste, substances_of, waste_of
from console.records.shapes import (
    AgreeBody,
    OvertimeBody,
    OvertimeJson,
    OvertimesJson,
    RetireBody,
    SiteChangeJson,
    SubstanceBody,
    SubstanceJson,
    WasteBody,
    WasteJson,
)
from console.records.unassigned import unassigned_of
from console.security import Planning, Reader, Recording, Signing
from console.shapes import Page

router = APIRouter(tags=["records"])

CREATED = 201


@router.get("/sites/{site}/changes", responses=answers(Page[SiteChangeJson]))
def changes(request: Request, site: str, caller: Reader) -> Response:
    """What imports of the registry file made less strict, and which side still has to agree."""
    return answer(changes_of(house_of(request), caller.scope, site))


@router.post("/sites/{site}/changes/{change}/agree", responses=answers(SiteChangeJson), openapi_extra=body_of(AgreeBody))
def agree(request: Request, site: str, change: str, caller: Signing, body: Body) -> Response:
    """Agreement, or `agree: false`, of the caller's own side."""
    return answer(agree_to_change(house_of(request), caller, site, change, decoded(body, AgreeBody)))


@router.get("/zones/{zone}/overtime", responses=answers(OvertimesJson))
def overtime(request: Request, zone: str, caller: Reader) -> Response:
    """Time worked beside the shift plan, the latest first; withdrawn records stay listed. `unassigned`: signs of work in the last 7 days that nobody has entered."""
    house = house_of(request)
    return answer(OvertimesJson(items=overtime_of(house, caller.scope, zone).items, unassigned=unassigned_of(house, caller.scope, zone)))


@router.post("/zones/{zone}/overtime", responses=answers(OvertimeJson), openapi_extra=body_of(OvertimeBody))
def enter_overtime(request: Request, zone: str, caller: Planning, body: Body) -> Response:
    """Appends one; it lengthens the exposure of its shift, and results are computed again."""
    return answer(add_overtime(house_of(request), caller, zone, decoded(body, OvertimeBody)), status=CREATED)


@router.post("/zones/{zone}/overtime/{record}/withdraw", responses=answers(OvertimeJson), openapi_extra=body_of(AgreeBody))
def withdraw_overtime(request: Request, zone: str, record: str, caller: Signing, body: Body) -> Response:
    """The caller's own side says that the record is wrong; it counts until both have."""
    return answer(withdraw(house_of(request), caller, zone, record, decoded(body, AgreeBody)))


@router.get("/sites/{site}/substances", responses=answers(Page[SubstanceJson]))
def substances(request: Request, site: str, caller: Reader) -> Response:
    """Hazardous substances: what is kept now, then what no longer is."""
    return answer(substances_of(house_of(request), caller.scope, site))


@router.post("/sites/{site}/substances", responses=answers(SubstanceJson), openapi_extra=body_of(SubstanceBody))
def enter_substance(request: Request, site: str, caller: Recording, body: Body) -> Response:
    """Appends a line; with `replaces` it takes the place of another."""
    return answer(add_substance(house_of(request), caller, site, decoded(body, SubstanceBody)), status=CREATED)


@router.post("/sites/{site}/substances/{record}/retire", responses=answers(SubstanceJson), openapi_extra=body_of(RetireBody))
def end_substance(request: Request, site: str, record: str, caller: Recording, body: Body) -> Response:
    """No longer kept; the line stays readable."""
    return answer(retire_substance(house_of(request), caller, site, record, decoded(body, RetireBody).reason))


@router.get("/sites/{site}/waste", responses=answers(Page[WasteJson]))
def waste(request: Request, site: str, caller: Reader) -> Response:
    """Hazardous waste: what waits now, then what was taken away."""
    return answer(waste_of(house_of(request), caller.scope, site))


@router.post("/sites/{site}/waste", responses=answers(WasteJson), openapi_extra=body_of(WasteBody))
def enter_waste(request: Request, site: str, caller: Recording, body: Body) -> Response:
    """Appends a line; with `replaces` it takes the place of another."""
    return answer(add_waste(house_of(request), caller, site, decoded(body, WasteBody)), status=CREATED)


@router.post("/sites/{site}/waste/{record}/retire", responses=answers(WasteJson), openapi_extra=body_of(RetireBody))
def end_waste(request: Request, site: str, record: str, caller: Recording, body: Body) -> Response:
    """No longer there; the line stays readable."""
    return answer(retire_waste(house_of(request), caller, site, record, decoded(body, RetireBody).reason))
