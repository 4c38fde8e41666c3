"""Records of a zone and the monitoring plan of a site, to be read by everybody and entered or signed by those whose part it is; each form does what the REST interface does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import DASH, Formats
from console.i18n import N_
from console.records.bodies import Fields, filled
from console.records.calibrations import add_calibration, calibrations_of
from console.records.labs import add_lab_result, lab_results_of
from console.records.plans import ROWS_MAX, plan_of, put_plan, sign_plan
from console.records.shapes import (
    AgreeBody,
    CalibrationBody,
    CalibrationJson,
    HeadcountBody,
    LabResultBody,
    LabResultJson,
    PlanBody,
    PlanRowJson,
    PlanVersionJson,
    WorkBody,
    ZoneRecordJson,
)
from console.records.zones import agree, headcount_of, put_headcount, put_work, work_of
from console.security import Caller, Permission, Planning, Reader, Recording, Signing
from console.words import CALIBRATION, CLOTHING, YES_NO_UNKNOWN, clothing_name, hazard_name, metric_name
from domain.agreements import PlanRow, Signature
from domain.errors import BadInput
from domain.lab import UNITS
from domain.times import parse_instant
from models.limits.agents import AGENTS
from storage.records.paging import MAX_LIMIT

router = APIRouter(include_in_schema=False)

BLANK_ROWS = 3
CALIBRATION_TYPES = {
    "factory": N_("factory calibration"),
    "zero": N_("zero"),
    "span": N_("span"),
    "bump": N_("bump test"),
    "field_check": N_("field check"),
    "colocation": N_("side by side with a reference"),
    "acoustic": N_("acoustic calibrator"),
}
FRACTION_NAMES = {
    "respirable": N_("Respirable dust"),
    "inhalable": N_("Inhalable dust"),
    "thoracic": N_("Thoracic dust"),
    "total": N_("Total dust"),
    "cotton_dust": N_("Cotton dust"),
}
SIDES = {"worker": N_("worker side"), "management": N_("management side")}
HOW = {"sensor": N_("sensor"), "lab_sample": N_("lab sample"), "not_monitored": N_("not monitored")}
BASIS = {"personal": N_("personal"), "area": N_("area")}
VALUES = {
    "metabolic_rate_w": N_("Work rate, W"),
    "metabolic_rate_measured": N_("Work rate is measured"),
    "clothing": N_("Clothing"),
    "acclimatised": N_("Acclimatised"),
    "newcomers": N_("Newcomers"),
    "rest_zone": N_("Rest is taken in"),
    "protector_attenuation_db": N_("Attenuation of hearing protectors, dB"),
    "protector": N_("Hearing protectors"),
}
PLAN_STATES = {
    "in_force": N_("In force: both sides have signed it."),
    "waiting": N_("Entered, and not yet signed by both sides: it is not in force."),
    "none": N_("No plan has been entered. The rows follow from hazards and sensors that are registered; what the zone's process adds has to be entered."),
}


@dataclass(frozen=True, slots=True)
class CalibrationView:
    at: str
    type: str
    by: str
    passed: bool
    state: str
    kind: str
    correction: str
    next_due: str
    entered: str


@dataclass(frozen=True, slots=True)
class ChannelRecords:
    id: str
    name: str
    state: str
    kind: str
    items: list[CalibrationView]


@dataclass(frozen=True, slots=True)
class ValueView:
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    id: str
    since: str
    values: list[ValueView]
    women: str
    men: str
    suppressed: bool
    shift: str
    stands: bool
    waiting_for: list[str]
    entered: str
    reason: str
    signatures: list[str]
    may_sign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabView:
    id: int
    agent: str
    own: bool
    result: str
    at: str
    method: str
    basis: str
    laboratory: str
    doubtful: list[str]
    superseded_by: int | None
    entered: str


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


@router.get("/zones/{zone}/records")
def records_page(request: Request, zone: str, caller: Reader) -> HTMLResponse:
    return _records(request, zone, caller)


@router.post("/channels/{channel}/calibrations")
def calibrate(request: Request, channel: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    zone = house.sources.channel(caller.scope, channel).zone
    return _entered(request, zone, caller, lambda: add_calibration(house, caller, channel, filled(fields, CalibrationBody)))


@router.post("/zones/{zone}/headcount")
def enter_headcount(request: Request, zone: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    return _entered(request, zone, caller, lambda: put_headcount(house, caller, zone, filled(fields, HeadcountBody)))


@router.post("/zones/{zone}/work")
def enter_work(request: Request, zone: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    return _entered(request, zone, caller, lambda: put_work(house, caller, zone, filled(fields, WorkBody)))


@router.post("/zones/{zone}/lab-results")
def enter_lab_result(request: Request, zone: str, caller: Recording, fields: Fields) -> Response:
    house = house_of(request)
    return _entered(request, zone, caller, lambda: add_lab_result(house, caller, zone, filled(fields, LabResultBody)))


@router.post("/zones/{zone}/records/{record}/agree")
def agree_to(request: Request, zone: str, record: str, caller: Signing, fields: Fields) -> Response:
    house = house_of(request)
    return _entered(request, zone, caller, lambda: agree(house, caller, zone, record, filled(fields, AgreeBody)))


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


def _entered(request: Request, zone: str, caller: Caller, do: Callable[[], object]) -> Response:
    try:
        do()
    except BadInput as error:
        return _records(request, zone, caller, problem=str(error))
    return RedirectResponse(f"/zones/{zone}/records", 303)


def _records(request: Request, zone: str, caller: Caller, *, problem: str = "") -> HTMLResponse:
    house = house_of(request)
    held = house.sources.zone(caller.scope, zone)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(held.site)
    headcount, work = headcount_of(house, caller, zone), work_of(house, caller, zone)
    labs = lab_results_of(house, caller.scope, zone, limit=MAX_LIMIT, cursor=None).items
    return house.renderer.page(
        request,
        "records.html",
        caller,
        status=422 if problem else 200,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        problem=problem,
        zone=held,
        may_record=caller.may(Permission.RECORD),
        channels=[_channel(house, caller, channel.id, formats, timezone) for channel in house.sources.channels(caller.scope, zone)],
        types=list(CALIBRATION_TYPES.items()),
        headcount=headcount,
        headcounts=[_record_view(one, caller, formats, timezone) for one in headcount.items],
        work=work,
        works=[_record_view(one, caller, formats, timezone) for one in work.items],
        shifts=[shift.name for shift in house.sources.snapshot().shifts_of(held)],
        clothing=list(CLOTHING.items()),
        clothing_word=clothing_name(work.clothing),
        newcomers=list(headcount.newcomers.items()),
        rest_zones=[(one.spec.id, one.spec.name) for one in house.sources.zones(caller.scope, held.site) if one.id != held.id],
        acclimatised=list(YES_NO_UNKNOWN.items()),
        acclimatised_word=YES_NO_UNKNOWN[work.acclimatised],
        labs=[_lab_view(one, formats, timezone) for one in reversed(labs)],
        fractions=list(FRACTION_NAMES.items()),
        units=UNITS,
        bases=list(BASIS.items()),
        today=formats.date(house.context.clock.now_us(), timezone),
    )


def _channel(house: House, caller: Caller, id: str, formats: Formats, timezone: ZoneInfo) -> ChannelRecords:
    found = calibrations_of(house, caller.scope, id)
    return ChannelRecords(
        id, metric_name(id.split(".", maxsplit=2)[2]), CALIBRATION[found.state], _kind(found.state), [_calibration_view(one, formats, timezone) for one in found.items]
    )


def _kind(state: str) -> str:
    return {"in_date": "within", "due": "notice", "unknown": "unknown"}.get(state, "action")


def _calibration_view(one: CalibrationJson, formats: Formats, timezone: ZoneInfo) -> CalibrationView:
    correction = "" if (one.offset, one.gain) == (0.0, 1.0) else f"(x − {one.offset:g}) × {one.gain:g}"
    return CalibrationView(
        one.performed_at,
        CALIBRATION_TYPES[one.type],
        " · ".join(part for part in (one.by, one.certificate) if part),
        one.passed,
        CALIBRATION[one.state],
        _kind(one.state),
        correction,
        one.next_due or "",
        _entered_by(one.author, one.recorded_at, one.reason, formats, timezone),
    )


def _entered_by(author: str, at: str, reason: str, formats: Formats, timezone: ZoneInfo) -> str:
    return f"{author}, {formats.moment(parse_instant(at), timezone)}" + (f": {reason}" if reason else "")


def _record_view(one: ZoneRecordJson, caller: Caller, formats: Formats, timezone: ZoneInfo) -> RecordView:
    workers = one.workers
    return RecordView(
        id=one.id,
        since=formats.moment(parse_instant(one.valid_from), timezone) if one.valid_from else "",
        values=[ValueView(VALUES[name], _plain(value)) for name, value in one.values.items()],
        women=DASH if workers is None or workers.women is None else str(workers.women),
        men=DASH if workers is None or workers.men is None else str(workers.men),
        suppressed=bool(workers and workers.suppressed),
        shift=one.shift,
        stands=one.stands,
        waiting_for=[SIDES[side] for side in one.waiting_for],
        entered=_entered_by(one.author, one.recorded_at, one.reason, formats, timezone),
        reason=one.reason,
        signatures=signature_lines(one.signatures, formats, timezone),
        may_sign=caller.may(Permission.SIGN) and caller.user.role.side in one.waiting_for,
    )


def _plain(value: str | float | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def signature_lines(found: Sequence[Signature], formats: Formats, timezone: ZoneInfo) -> list[str]:
    """✓ or ✗, the side, who and when, and what they said."""
    lines = []
    for one in found:
        at = f", {formats.moment(parse_instant(one.at), timezone)}" if one.at else ""
        said = f": {one.text}" if one.text else ""
        lines.append(f"{'✓' if one.agree else '✗'} {formats.catalogue.gettext(SIDES[one.side])}, {one.by}{at}{said}")
    return lines


def _lab_view(one: LabResultJson, formats: Formats, timezone: ZoneInfo) -> LabView:
    result = one.result
    uncertainty = f" ± {result.uncertainty_pct:g} %" if result.uncertainty_pct is not None else ""
    return LabView(
        id=one.id,
        agent=FRACTION_NAMES.get(result.agent) or AGENTS.get(result.agent) or f"CAS {result.agent}",
        own=result.agent not in FRACTION_NAMES and result.agent not in AGENTS,
        result=f"{result.qualifier}{result.value:g} {formats.unit(result.unit)}{uncertainty}",
        at=f"{formats.moment(parse_instant(result.start), timezone)} – {formats.clock(parse_instant(result.stop), timezone)}",
        method=f"{result.method} · {result.set}" if result.set else result.method,
        basis=BASIS[result.basis],
        laboratory=" · ".join(part for part in (result.laboratory, result.accreditation) if part),
        doubtful=one.doubtful,
        superseded_by=one.superseded_by,
        entered=_entered_by(one.author, one.recorded_at, one.reason, formats, timezone),
    )


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


HIDDEN = ("channels", "height_m", "distance_to_source_m", "photo_sha256", "agreed_by")


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
