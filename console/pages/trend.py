"""The trend of a zone's main value against its limits: drawn as SVG with the page, and as JSON for the live chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response

from assess.contested import open_calibrations
from assess.gather import Calibrations, Measured, measured
from assess.live import LiveWindow, LiveZone
from assess.minutes import Series as Minutes
from assess.minutes import read_series
from assess.plan import Placement, Span, span_of
from assess.wbgt import is_monitored, wbgt_of
from console.chart import GAP_US, Drawing, Line, Series, draw
from console.context import House, house_of
from console.floors import Floor, load_floor
from console.formats import Formats
from console.i18n import N_
from console.security import Reader
from console.words import metric_name
from domain.errors import NotFound
from domain.hazards import ZoneStatus
from domain.quantities import Use, quantity_of
from domain.registry import Zone
from domain.shifts import Shift, current_shift
from domain.times import HOUR_US, MINUTE_US, SECOND_US, minute_of
from models.airborne.atmosphere import pressure_at

router = APIRouter(include_in_schema=False)

WBGT = "wbgt"
AROUND_US = 8 * HOUR_US
PREFERRED = ("wbgt", "sound_level_a_eq", "co", "tvoc_isobutylene", "co2", "formaldehyde", "pm2_5")
TREND_ONLY = N_("This sensor shows a trend only: no limit can be held against it.")
WAITS = N_("A calibration of this instrument waits for agreement: of the values with and without it the higher is drawn.")
LIMIT_WORDS = {"action": N_("Action from"), "stop": N_("Stop from")}


@dataclass(frozen=True, slots=True)
class Choice:
    """One trend that could be shown instead."""

    text: str
    href: str
    current: bool
    own: bool  # a name of the factory's, not of the pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a trend is about: a quantity of one placement in a zone; WBGT may be computed from others."""

    zone: str
    name: str
    placement: Placement
    quantity: str
    unit: str
    decimals: int
    trend_only: bool

    @property
    def key(self) -> str:
        return f"{self.zone}/{self.placement.label}/{self.quantity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    place: str
    what: str
    unit: str
    in_shift: bool
    source: str
    label: str
    note: str
    waits: str
    drawing: Drawing | None


class TrendJson(msgspec.Struct, frozen=True, kw_only=True):
    """What the live chart draws; times in Unix seconds."""

    start: int
    stop: int
    low: float
    high: float
    timezone: str
    decimals: int
    times: list[int]
    values: list[float | None]
    lines: list[dict[str, str | float]]
    breaks: list[tuple[int, int]]


@router.get("/zones/{zone}/trend.json")
def trend_json(request: Request, zone: str, caller: Reader, show: str = "") -> Response:
    house = house_of(request)
    floor = load_floor(house, caller.scope, house.sources.zone(caller.scope, zone).site, zone)
    subject = next((subject for subject in subjects(house, floor, floor.zones[0]) if show in ("", subject.key)), None)
    if subject is None:
        raise NotFound("no such trend")
    series = _series(house, floor, subject, house.renderer.formats(request, caller.user))
    return Response(msgspec.json.encode(_json(series, subject, floor)), media_type="application/json")


def trends(house: House, floor: Floor, formats: Formats, wanted: str, address: str, *, of_zone: bool = False) -> tuple[list[Choice], TrendView | None]:
    """What can be shown, and the one that is: of a floor the telling value of each zone, of a zone all its values."""
    offered = [subject for zone in floor.zones for subject in subjects(house, floor, zone)[: None if of_zone else 1]]
    if not offered:
        return [], None
    shown = next((subject for subject in offered if subject.key == wanted), None) or _worst(offered, floor)
    choices = [Choice(_label(subject, floor, of_zone), f"{address}?trend={quote(subject.key, safe='')}", subject is shown, own=not of_zone) for subject in offered]
    return choices, _view(house, floor, shown, formats)


def subjects(house: House, floor: Floor, zone: Zone) -> list[Subject]:
    """By placement, as `assess` sees it: a computed WBGT where one can be had, then every quantity measured there; the telling ones first."""
    span = _span(house, floor, zone)
    return subjects_of(span) if span else []


def subjects_of(span: Span) -> list[Subject]:
    """All that is measured, or computed, over these minutes; the telling ones first."""
    found = [subject for placement in span.placements for subject in _at(span, placement)]
    return sorted(found, key=lambda subject: PREFERRED.index(subject.quantity) if subject.quantity in PREFERRED else len(PREFERRED))


def _span(house: House, floor: Floor, zone: Zone) -> Span | None:
    """The running shift of a zone up to now, or the last hours."""
    shift = _shift(floor, zone)
    start_us = minute_of(shift.start_us if shift else floor.now_us - AROUND_US)
    return span_of(house.sources.registry(), zone.id, shift, start_us, max(1, (floor.now_us - start_us) // MINUTE_US))


def _at(span: Span, placement: Placement) -> list[Subject]:
    quantities = sorted({*placement.quantities, *({WBGT} if is_monitored(placement) else ())})
    return [_subject(span, placement, quantity_id) for quantity_id in quantities]


def _subject(span: Span, placement: Placement, quantity_id: str) -> Subject:
    quantity = quantity_of(quantity_id)
    unit, decimals, use = (quantity.unit, quantity.decimals, quantity.use) if quantity else ("", 1, Use.TREND)
    return Subject(zone=span.zone, name=span.head.name, placement=placement, quantity=quantity_id, unit=unit, decimals=decimals, trend_only=use is Use.TREND)


def _worst(offered: Sequence[Subject], floor: Floor) -> Subject:
    order = list(ZoneStatus)
    return max(offered, key=lambda subject: order.index(floor.status(subject.zone)))


def _label(subject: Subject, floor: Floor, of_zone: bool) -> str:
    return metric_name(subject.quantity) if of_zone else subject.name


def _view(house: House, floor: Floor, subject: Subject, formats: Formats) -> TrendView:
    series = _series(house, floor, subject, formats)
    quantity = quantity_of(subject.quantity, subject.unit)
    return TrendView(
        place=subject.name,
        what=metric_name(subject.quantity),
        unit=quantity.unit_shown if quantity else "",
        in_shift=_shift(floor, _zone(floor, subject)) is not None,
        source=f"/zones/{subject.zone}/trend.json?show={quote(subject.key, safe='')}",
        label=describe(series, subject, formats, floor.timezone),
        note=TREND_ONLY if subject.trend_only else "",
        waits=WAITS if _is_open(house, subject) else "",
        drawing=draw(series, floor.timezone) if series.points else None,
    )


def _series(house: House, floor: Floor, subject: Subject, formats: Formats) -> Series:
    zone = _zone(floor, subject)
    shift = _shift(floor, zone)
    start_us, stop_us = (shift.start_us, shift.stop_us) if shift else (floor.now_us - AROUND_US, floor.now_us)
    span = _span(house, floor, zone)
    points = points_of(house, span, subject) if span else []
    row = floor.rows.get(subject.zone)
    lines = [] if subject.trend_only else _lines(row.live if row else None, subject, formats)
    return Series(points=points, start_us=start_us, stop_us=stop_us, lines=lines, breaks=shift.breaks if shift else (), decimals=subject.decimals)


def _zone(floor: Floor, subject: Subject) -> Zone:
    return next(zone for zone in floor.zones if zone.id == subject.zone)


def points_of(house: House, span: Span, subject: Subject) -> list[tuple[int, float]]:
    """Corrected minute values, those that the zone's results rest on; while a calibration waits for a side, the higher of the values with and without it."""
    series = read_series(house.context.timeseries, sorted(id for ids in subject.placement.channels.values() for id in ids), span.start_us, span.minutes)
    points = _corrected(span, subject, series, house.sources.snapshot().calibrations)
    if _is_open(house, subject):
        others = dict(_corrected(span, subject, series, house.sources.registry().undisputed().calibrations))
        points = [(at_us, max(value, others.get(at_us, value))) for at_us, value in points]
    return points


def _is_open(house: House, subject: Subject) -> bool:
    """Whether a calibration of its instruments waits for a side."""
    return not open_calibrations(house.sources.registry()).isdisjoint(id for ids in subject.placement.channels.values() for id in ids)


def _corrected(span: Span, subject: Subject, series: Mapping[str, Minutes], calibrations: Calibrations) -> list[tuple[int, float]]:
    def measure(quantity: str) -> Measured | None:
        return measured(span, subject.placement, quantity, series, calibrations)

    found = wbgt_of(measure, pressure=pressure_at(span.site.height_m)) if subject.quantity == WBGT else measure(subject.quantity)
    if found is None:
        return []
    # Limits are held against WBGT as the clothing worn here makes it felt.
    values = found.value + span.clothing_k if subject.quantity == WBGT else found.value
    return [(span.start_us + index * MINUTE_US, float(value)) for index, value in enumerate(values) if math.isfinite(value)]


def _shift(floor: Floor, zone: Zone) -> Shift | None:
    plan = [spec for spec in floor.plan if not spec.zones or zone.spec.id in spec.zones]
    return current_shift(plan, floor.timezone, floor.now_us)


def _lines(live: LiveZone | None, subject: Subject, formats: Formats) -> list[Line]:
    """Where `action` and `stop` begin, as assess holds them now; only of a window whose value a minute's value may be compared with."""
    windows = [window for window in live.windows if window.placement in ("", subject.placement.label) and _comparable(window, subject)] if live else []
    found: list[Line] = []
    for kind in ("action", "stop"):
        values = [value for window in windows if (value := window.action_from if kind == "action" else window.stop_from) is not None]
        if values:
            found.append(Line(min(values), kind, f"{formats.catalogue.gettext(LIMIT_WORDS[kind])} {formats.number(min(values), subject.decimals)}"))
    return found


def _comparable(window: LiveWindow, subject: Subject) -> bool:
    """Whether a minute's value may be held against the window's limit: a level of the same quantity, never a dose or an index."""
    if subject.quantity == WBGT:
        return window.metric.startswith("wbgt")
    if subject.quantity == "sound_level_a_eq":
        return window.metric.startswith(("leq", "lex"))
    measures_it = any(channel.endswith(f".{subject.quantity}") for channel in window.channels)
    return measures_it and window.unit == subject.unit and window.metric.startswith(("twa", "mean", "stel", "ceiling", "lcpeak"))


def describe(series: Series, subject: Subject, formats: Formats, timezone: ZoneInfo) -> str:
    """What the picture shows, for who cannot see it."""
    if not series.points:
        return ""
    at_us, last = series.points[-1]
    top_us, top = max(series.points, key=lambda point: point[1])
    say = formats.catalogue.gettext(N_("%(what)s: %(last)s at %(at)s, highest %(top)s at %(when)s"))
    return say % {
        "what": formats.catalogue.gettext(metric_name(subject.quantity)),
        "last": formats.quantity(last, subject.quantity, subject.unit),
        "at": formats.clock(at_us, timezone),
        "top": formats.quantity(top, subject.quantity, subject.unit),
        "when": formats.clock(top_us, timezone),
    }


def _json(series: Series, subject: Subject, floor: Floor) -> TrendJson:
    drawing = draw(series, floor.timezone)
    times: list[int] = []
    values: list[float | None] = []
    for at_us, value in series.points:
        if times and at_us // SECOND_US - times[-1] > GAP_US // SECOND_US:
            times.append(times[-1] + 60)
            values.append(None)
        times.append(at_us // SECOND_US)
        values.append(round(value, subject.decimals + 1))
    return TrendJson(
        start=series.start_us // SECOND_US,
        stop=series.stop_us // SECOND_US,
        low=drawing.low,
        high=drawing.high,
        timezone=floor.timezone.key,
        decimals=subject.decimals,
        times=times,
        values=values,
        lines=[{"value": line.value, "kind": line.kind, "label": line.label} for line in series.lines],
        breaks=[(start // SECOND_US, stop // SECOND_US) for start, stop in series.breaks],
    )
