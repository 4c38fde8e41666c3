"""Records that change a verdict: who it is comes from the session or the token, the date and the reason from the body."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.records.bodies import Body, decoded
from console.records.calibrations import add_calibration, calibrations_of
from console.records.labs import add_lab_result, lab_results_of
from console.records.plans import plan_of, put_plan, sign_plan
from console.records.shapes import (
    AgreeBody,
    CalibrationBody,
    CalibrationJson,
    CalibrationsJson,
    HeadcountBody,
    HeadcountJson,
    LabResultBody,
    LabResultJson,
    PlanBody,
    PlanJson,
    WorkBody,
    WorkJson,
    ZoneRecordJson,
)
from console.records.zones import agree, headcount_of, put_headcount, put_work, work_of
from console.security import Planning, Reader, Recording, Signing
from console.shapes import Page
from storage.records.paging import MAX_LIMIT

router = APIRouter(tags=["records"])

CREATED = 201


@router.get("/channels/{channel}/calibrations", responses=answers(CalibrationsJson))
def calibrations(request: Request, channel: str, caller: Reader) -> Response:
    """All of them, the newest first, and the state that they leave the instrument in."""
    return answer(calibrations_of(house_of(request), caller.scope, channel))


@router.post("/channels/{channel}/calibrations", responses=answers(CalibrationJson), openapi_extra=body_of(CalibrationBody))
def calibrate(request: Request, channel: str, caller: Recording, body: Body) -> Response:
    """Appends one; results that it touches are computed again."""
    return answer(add_calibration(house_of(request), caller, channel, decoded(body, CalibrationBody)), status=CREATED)


@router.get("/zones/{zone}/lab-results", responses=answers(Page[LabResultJson]))
def lab_results(
    request: Request, zone: str, caller: Reader, cursor: Annotated[str | None, Query(max_length=32)] = None, limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100
) -> Response:
    """In the order in which they were entered; what was superseded stays."""
    return answer(lab_results_of(house_of(request), caller.scope, zone, limit=limit, cursor=cursor))


@router.post("/zones/{zone}/lab-results", responses=answers(LabResultJson), openapi_extra=body_of(LabResultBody))
def enter_lab_result(request: Request, zone: str, caller: Recording, body: Body) -> Response:
    """Appends one. A field for a person is refused as unknown."""
    return answer(add_lab_result(house_of(request), caller, zone, decoded(body, LabResultBody)), status=CREATED)


@router.get("/zones/{zone}/headcount", responses=answers(HeadcountJson))
def headcount(request: Request, zone: str, caller: Reader) -> Response:
    """Persons assigned, by sex and shift; small cells are suppressed for who is not of the site."""
    return answer(headcount_of(house_of(request), caller, zone))


@router.put("/zones/{zone}/headcount", responses=answers(HeadcountJson), openapi_extra=body_of(HeadcountBody))
def enter_headcount(request: Request, zone: str, caller: Recording, body: Body) -> Response:
    """From a date on; a lower one waits for the worker side, and is contested until then."""
    return answer(put_headcount(house_of(request), caller, zone, decoded(body, HeadcountBody)))


@router.get("/zones/{zone}/work", responses=answers(WorkJson))
def work(request: Request, zone: str, caller: Reader) -> Response:
    """Work rate, clothing and acclimatisation, with everything that was entered."""
    return answer(work_of(house_of(request), caller, zone))


@router.put("/zones/{zone}/work", responses=answers(WorkJson), openapi_extra=body_of(WorkBody))
def enter_work(request: Request, zone: str, caller: Recording, body: Body) -> Response:
    """From a date on; what makes a result less strict waits for the worker side."""
    return answer(put_work(house_of(request), caller, zone, decoded(body, WorkBody)))


@router.post("/zones/{zone}/records/{record}/agree", responses=answers(ZoneRecordJson), openapi_extra=body_of(AgreeBody))
def agree_to(request: Request, zone: str, record: str, caller: Signing, body: Body) -> Response:
    """Agreement, or `agree: false`, of the caller's own side to a headcount or a work record."""
    return answer(agree(house_of(request), caller, zone, record, decoded(body, AgreeBody)))


@router.get("/sites/{site}/monitoring-plan", responses=answers(PlanJson))
def monitoring_plan(request: Request, site: str, caller: Reader) -> Response:
    """The plan in force, the one that waits for signatures, and what is not measured; without either, rows that hazards and sensors propose."""
    return answer(plan_of(house_of(request), caller.scope, site))


@router.put("/sites/{site}/monitoring-plan", responses=answers(PlanJson), openapi_extra=body_of(PlanBody))
def enter_monitoring_plan(request: Request, site: str, caller: Planning, body: Body) -> Response:
    """A plan as a whole; it comes into force when both sides have signed it. The rows of the one that waits, with a signature, sign that."""
    return answer(put_plan(house_of(request), caller, site, decoded(body, PlanBody)))


@router.post("/sites/{site}/monitoring-plan/sign", responses=answers(PlanJson), openapi_extra=body_of(AgreeBody))
def sign_monitoring_plan(request: Request, site: str, caller: Signing, body: Body) -> Response:
    """The caller's own side agrees, or does not, to the plan that waits."""
    return answer(sign_plan(house_of(request), caller, site, decoded(body, AgreeBody)))
