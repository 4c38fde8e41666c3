"""One result, step by step: what was measured, by what formula, against which text of which law, how sure it is, what is missing, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assess.texts import SIMULATED
from console.api.devices import ID_MAX
from console.chart import Drawing, Line, Series, draw
from console.context import house_of
from console.explain import ChangeJson, Explanation, InputJson, Minutes, RevisionJson, explain, find, minutes_of, rows
from console.floors import unacknowledged
from console.formats import DASH, OPEN_ABOVE, Formats, decimals_of
from console.i18n import N_
from console.methods import CAUSES, GAP_CAUSES, STATE_RULES, WINDOWS
from console.pages.exposure import kind_of, running, shown_as_dose
from console.pages.footer import footer
from console.security import Reader
from console.words import CALIBRATION, GRADES, STATES, YES_NO_UNKNOWN, clothing_name, hazard_name, metric_name, sentence, state_name
from domain.errors import NotFound
from domain.quantities import quantity_of
from domain.times import parse_instant
from domain.verdict import Verdict
from storage.records.verdicts import StoredVerdict

router = APIRouter(include_in_schema=False)

TABLE_EVERY_MIN = 15
"""The page's table has every fifteenth minute; the file has them all."""
LIMIT_WORD = N_("Limit")
CHANGED = {
    "value": N_("Value"),
    "low": N_("Lower bound"),
    "high": N_("Upper bound"),
    "state": N_("State"),
    "coverage": N_("Data complete"),
    "grade": N_("Grade"),
    "calibration": N_("Calibration"),
    "contested": N_("Contested"),
    "limit": N_("Limit"),
    "workers": N_("Persons assigned"),
    "assumptions": N_("Assumptions"),
}


@dataclass(frozen=True, slots=True)
class InputView:
    name: str
    channel: str
    instrument: str
    placement: str
    grade: str
    state: str
    calibration: str


@dataclass(frozen=True, slots=True)
class PartView:
    cause: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class GapView:
    span: str
    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionView:
    id: int
    number: int
    at: str
    why: str
    value: str
    state: str
    current: bool
    changes: list[ChangeView]


@dataclass(frozen=True, slots=True)
class RowView:
    at: str
    value: str
    cells: list[str]
    valid: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class MinutesView:
    """The same names as the trend's, so that the page draws it alike."""

    drawing: Drawing
    label: str


@router.get("/zones/{zone}/verdicts")
def latest(
    request: Request,
    zone: str,
    caller: Reader,
    date: Annotated[str, Query(max_length=10)],
    shift: Annotated[str, Query(max_length=64)],
    hazard: Annotated[str, Query(max_length=64)],
    metric: Annotated[str, Query(max_length=64)],
    limit: Annotated[str, Query(max_length=128)],
    placement: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Leads to the latest revision of one result."""
    house = house_of(request)
    house.sources.zone(caller.scope, zone)
    found = house.stores.revisions((zone, date, shift, placement, hazard, metric, limit))
    if not found:
        raise NotFound("no such result")
    return RedirectResponse(f"/verdicts/{found[-1].id}", 303)


@router.get("/verdicts/{id}")
def verdict_page(request: Request, id: Annotated[int, Path(ge=1, le=ID_MAX)], caller: Reader) -> HTMLResponse:
    house = house_of(request)
    stored = find(house, caller.scope, id)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(stored.verdict.site)
    explanation, minutes = explain(house, stored), minutes_of(house, stored)
    zone = house.sources.snapshot().zones.get(stored.verdict.zone)
    verdict = shown_as_dose(stored.verdict) if running(stored.verdict, house.context.clock.now_us()) else stored.verdict
    return house.renderer.page(
        request,
        "verdict.html",
        caller,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        id=id,
        **footer(house, caller.scope, stored.verdict.site),
        place=zone.spec.name if zone else stored.verdict.zone,
        zone_known=zone is not None,
        verdict=stored.verdict,
        final=stored.final,
        latest=explanation.revisions[-1].id,
        **_result(verdict, stored, formats, timezone),
        limit=explanation.limit_source,
        limit_value=formats.measure(verdict.limit.value, verdict.unit) if verdict.limit.value is not None else "",
        method=explanation.method,
        method_source=explanation.method_source,
        window_rule=WINDOWS.get(verdict.metric, ""),
        inputs=[_input_view(one) for one in explanation.inputs],
        parts=[PartView(CAUSES[part.cause], _signed(part.low, verdict, formats), _signed(part.high, verdict, formats)) for part in verdict.bounds.parts],
        samples=explanation.samples,
        accuracy=explanation.accuracy,
        gaps=[
            GapView(f"{formats.moment(parse_instant(gap.start), timezone)} – {formats.clock(parse_instant(gap.stop), timezone)}", GAP_CAUSES.get(gap.cause, gap.cause), gap.text)
            for gap in explanation.gaps
        ],
        minutes=_drawn(minutes, verdict, stored, formats, timezone),
        names=[_channel_name(one) for one in explanation.inputs if minutes and one.channel in minutes.inputs],
        table=_table(minutes, explanation, formats, timezone),
        has_value=bool(minutes and minutes.value is not None),
        sentences=[sentence(text, formats.catalogue.gettext) for text in verdict.reasons],
        notes=[sentence(text, formats.catalogue.gettext) for text in verdict.notes],
        revisions=[_revision_view(one, stored, formats, timezone) for one in reversed(explanation.revisions)],
    )


def _result(verdict: Verdict, stored: StoredVerdict, formats: Formats, timezone: ZoneInfo) -> dict[str, Any]:
    workers, assumed = verdict.workers, verdict.assumptions
    return {
        "metric": metric_name(verdict.metric),
        "hazard": hazard_name(verdict.hazard),
        "value": formats.measure(verdict.value, verdict.unit),
        "bounds": formats.bounded(verdict.low, verdict.high, verdict.unit),
        "state": state_name(verdict.state, verdict.value, verdict.limit.value),
        "kind": kind_of(verdict),
        "rule": STATE_RULES[verdict.state],
        "grade": GRADES.get(verdict.grade, verdict.grade),
        "calibration": CALIBRATION.get(verdict.calibration, verdict.calibration),
        "coverage": formats.percent(verdict.coverage),
        "shift": f"{verdict.shift.name} {formats.moment(stored.shift_start_us, timezone)} – {formats.clock(stored.shift_stop_us, timezone)}",
        "window": f"{formats.clock(parse_instant(verdict.window.start), timezone)} – {formats.clock(parse_instant(verdict.window.stop), timezone)}",
        "workers": None if workers is None or workers.suppressed else workers,
        "suppressed": bool(workers and workers.suppressed),
        "clothing": clothing_name(assumed.clothing or ""),
        "acclimatised": YES_NO_UNKNOWN.get(assumed.acclimatised or "", ""),
        "simulated": SIMULATED in verdict.notes,
        "rate": formats.number(assumed.metabolic_rate_w, 0) if assumed.metabolic_rate_w is not None else "",
    }


def _signed(value: float, verdict: Verdict, formats: Formats) -> str:
    return f"{'+' if value > 0 else ''}{formats.measure(value, verdict.unit)}"


def _channel_name(one: InputJson) -> str:
    agent = one.quantity.partition(":")[2]
    return hazard_name(f"chemical:{agent}") if agent else metric_name(one.quantity)


def _input_view(one: InputJson) -> InputView:
    record = one.calibration
    place = ", ".join(f"{value:g} m" for value in (one.height_m, one.distance_to_source_m) if value is not None)
    return InputView(
        name=_channel_name(one),
        channel=one.channel,
        instrument=" ".join(part for part in (one.instrument, one.serial) if part),
        placement=" · ".join(part for part in (one.placement, place) if part),
        grade=GRADES.get(one.grade, one.grade),
        state=CALIBRATION.get(one.calibration_state, one.calibration_state),
        calibration=f"{record.id}, {record.performed_at}, {record.by}" if record else "",
    )


def _drawn(minutes: Minutes | None, verdict: Verdict, stored: StoredVerdict, formats: Formats, timezone: ZoneInfo) -> MinutesView | None:
    """The minutes against the limit, where a minute may be held against it: not for doses, rests and counts."""
    if minutes is None or minutes.value is None:
        return None
    points = [(row.start_us, row.value) for row in rows(minutes) if row.value is not None]
    if not points:
        return None
    same_unit = verdict.unit in ("Cel", "dB", "ppm", "mg/m3") and verdict.limit.value is not None
    lines = (
        [Line(verdict.limit.value, "action", f"{formats.catalogue.gettext(LIMIT_WORD)} {formats.measure(verdict.limit.value, verdict.unit)}")]
        if same_unit and verdict.limit.value
        else []
    )
    drawing = draw(Series(points=points, start_us=stored.shift_start_us, stop_us=stored.shift_stop_us, lines=lines), timezone)
    top_us, top = max(points, key=lambda point: point[1])
    say = formats.catalogue.gettext(N_("Minutes of the shift: %(minutes)s with a value, highest %(top)s at %(when)s"))
    return MinutesView(drawing, say % {"minutes": len(points), "top": formats.number(top), "when": formats.clock(top_us, timezone)})


def _table(minutes: Minutes | None, explanation: Explanation, formats: Formats, timezone: ZoneInfo) -> list[RowView]:
    if minutes is None:
        return []
    quantities = [quantity_of(one.quantity) for one in explanation.inputs if one.channel in minutes.inputs]
    decimals = [quantity.decimals if quantity else 1 for quantity in quantities]
    return [
        RowView(
            formats.clock(row.start_us, timezone),
            formats.number(row.value),
            [formats.number(value, places) for value, places in zip(row.inputs, decimals, strict=True)],
            row.valid,
            row.counted,
        )
        for index, row in enumerate(rows(minutes))
        if index % TABLE_EVERY_MIN == 0
    ]


def _revision_view(one: RevisionJson, stored: StoredVerdict, formats: Formats, timezone: ZoneInfo) -> RevisionView:
    unit = stored.verdict.unit
    return RevisionView(
        id=one.id,
        number=one.revision,
        at=formats.moment(parse_instant(one.computed_at), timezone),
        why="; ".join(sentence(part, formats.catalogue.gettext) for part in one.why.split("; ")),
        value=formats.measure(one.value, unit),
        state=STATES.get(one.state, one.state),
        current=one.id == stored.id,
        changes=[ChangeView(CHANGED[change.field], _said(change, change.before, unit, formats), _said(change, change.after, unit, formats)) for change in one.changes],
    )


def _said(change: ChangeJson, value: object, unit: str, formats: Formats) -> str:
    if change.field == "coverage" and isinstance(value, float):
        return formats.percent(value)
    if change.field == "high" and value is None:
        return formats.catalogue.gettext(OPEN_ABOVE)
    if isinstance(value, bool):
        return formats.catalogue.gettext(YES_NO[value])
    if isinstance(value, float):
        return f"{formats.number(value, decimals_of(unit, value) + 1)} {formats.unit(unit)}".strip()
    words = {**STATES, **GRADES, **CALIBRATION}
    if isinstance(value, str):
        return formats.catalogue.gettext(words.get(value, value))
    return DASH if value is None else _fields(value)


YES_NO = {True: N_("yes"), False: N_("no")}
LIMIT_FIELDS: Sequence[str] = ("profile", "id", "value", "status")
WORKER_FIELDS: Sequence[str] = ("women", "men")


def _fields(value: object) -> str:
    """A limit, a headcount or the assumptions, by the names of the interface."""
    names = [name for name in getattr(value, "__struct_fields__", ()) if name in (*LIMIT_FIELDS, *WORKER_FIELDS, "metabolic_rate_w", "clothing", "acclimatised", "exposure_min")]
    return ", ".join(f"{name} {_plain(getattr(value, name))}" for name in names if getattr(value, name) is not None)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
