"""Records of a zone, to be read by everybody and entered or signed by those whose part it is; each form does what the REST interface does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import DASH, Formats
from console.i18n import N_
from console.records.bodies import Fields, filled
from console.records.calibrations import add_calibration, calibrations_of
from console.records.labs import add_lab_result, lab_results_of
from console.records.shapes import (
    AgreeBody,
    CalibrationBody,
    CalibrationJson,
    HeadcountBody,
    LabResultBody,
    LabResultJson,
    WorkBody,
    ZoneRecordJson,
)
from console.records.zones import agree, headcount_of, put_headcount, put_work, work_of
from console.security import Caller, Permission, Reader, Recording, Signing
from console.words import CALIBRATION, CLOTHING, YES_NO_UNKNOWN, clothing_name, metric_name
from domain.agreements import Signature
from domain.errors import BadInput
from domain.lab import UNITS
from domain.times import parse_instant
from models.limits.agents import AGENTS
from storage.records.paging import MAX_LIMIT

router = APIRouter(include_in_schema=False)

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
