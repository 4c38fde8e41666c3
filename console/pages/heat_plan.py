"""The heat plan of the next day, to be printed and agreed the evening before, and the form that takes a weather forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assess.heat_plan import HeatPlan, Note, PlanHour, Rest, ZonePlan
from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import DASH, NBSP, Formats
from console.heat_plan import AHEAD_DAYS, day_of, plan_for, take_weather
from console.i18n import N_
from console.records.bodies import BODY_MAX
from console.security import Caller, Permission, Reader, Recording
from domain.errors import BadInput
from domain.shifts import local_instant
from domain.times import HOUR_US
from domain.weather import COLUMNS
from models.forecast.next_day import Way

router = APIRouter(include_in_schema=False)

STEP_MIN = 5
"""Rest is shown in whole steps, rounded up."""
WAYS = {
    Way.WEATHER: N_("from the weather forecast and what this zone made of the weather before"),
    Way.RECENT: N_("from the last days of this zone; no weather forecast is in it"),
    Way.PERSISTENCE: N_("as on the last day of work in this zone; no weather forecast is in it"),
}
NOTES = {
    Note.NO_SENSOR: N_("No heat sensor is registered here: nothing can be expected, which is not the same as cool."),
    Note.TOO_LITTLE: N_("Too few days were measured here to expect anything: unknown, which is not the same as cool. Measure by hand tomorrow."),
    Note.SOME_UNKNOWN: N_("Some hours are unknown, since too few days were measured at that hour."),
    Note.NO_WORK_RATE: N_("No work rate is on record, so that nobody can say how much rest the heat asks for."),
    Note.WORK_RATE_RANGE: N_("The work rate on record is outside 100 to 600 W, for which the limits are made."),
    Note.CLOTHING: N_("Nobody knows what the clothing on record adds to the heat, so that no rest can be given."),
    Note.REST_PLACE: N_("How hot the rest place will be is unknown: rest counts as taken in the heat of the work place there."),
    Note.NO_WEATHER: N_("No weather forecast has this day: a change of the weather is not in the plan."),
    Note.WEATHER_NOT_BETTER: N_("Over the last weeks the weather forecast did not come nearer here than the zone's own past, so it is left out."),
}
ACCLIMATISED = {
    "yes": N_("the people here are on record as used to the heat: the REL decides"),
    "no": N_("the people here are on record as not used to the heat: the RAL decides"),
    "unknown": N_("nobody knows whether the people here are used to the heat: the RAL, which is stricter, decides"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HourView:
    """One row."""

    clock: str
    shift: str
    wbgt: str
    band: str
    outdoors: str
    rests: list[str]
    known: bool
    leave: bool
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneView:
    """One zone's card."""

    id: str
    name: str
    way: str
    days: int
    rate: str
    clothing: str
    acclimatised: str
    columns: list[tuple[str, str]]  # limit's short name, its value here
    hours: list[HourView]
    move_from: str
    move_to: str
    can_move: bool
    water: str
    offset: str
    errors: list[tuple[str, str]]
    notes: list[str]


@router.get("/sites/{site}/heat-plan")
def heat_plan_page(request: Request, site: str, caller: Reader, date: str = "") -> HTMLResponse:
    return _page(request, caller, site, date)


async def _handed(request: Request, file: UploadFile, source: Annotated[str, Form(max_length=200)] = "") -> tuple[bytes, str]:
    return await file.read(BODY_MAX + 1), source or file.filename or ""


Handed = Annotated[tuple[bytes, str], Depends(_handed)]


@router.post("/sites/{site}/heat-plan")
def hand_in(request: Request, site: str, caller: Recording, handed: Handed) -> Response:
    raw, source = handed
    try:
        take_weather(house_of(request), caller, site, raw, issued="", source=source)
    except BadInput as error:
        return _page(request, caller, site, "", problem=str(error), status=422)
    return RedirectResponse(f"/sites/{site}/heat-plan", 303)


def _page(request: Request, caller: Caller, site: str, asked: str, *, problem: str = "", status: int = 200) -> HTMLResponse:
    house = house_of(request)
    held = house.sources.site(caller.scope, site)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(site)
    day, tomorrow = day_of(house, site, asked), day_of(house, site, "")
    plan, latest = plan_for(house, caller.scope, site, day), house.stores.weather.latest(site)
    outdoors = {start: wbgt for start, _, _, wbgt in plan.outdoors}
    return house.renderer.page(
        request,
        "heat_plan.html",
        caller,
        status=status,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        site=held,
        day=day.isoformat(),
        day_shown=formats.day(local_instant(day, "12:00", timezone), timezone),
        is_tomorrow=day == tomorrow,
        ahead=AHEAD_DAYS,
        made=formats.moment(plan.made_us, timezone),
        weather=_weather(plan, formats, timezone),
        latest=f"{latest.forecast.source or latest.author}, {formats.moment(latest.forecast.issued_us, timezone)}" if latest else "",
        place_known=held.place is not None,
        zones=[_zone(zone, outdoors, formats, timezone) for zone in sorted(plan.zones, key=_hottest_first) if zone.hours],
        idle=[zone.name for zone in plan.zones if not zone.hours],
        may_hand_in=caller.may(Permission.RECORD),
        columns=", ".join(COLUMNS),
        problem=problem,
        simulated=_simulated(house, site),
    )


def _hottest_first(zone: ZonePlan) -> tuple[float, str]:
    """What is unknown comes after what is known."""
    return -max((hour.high_c for hour in zone.hours if hour.high_c is not None), default=-1000.0), zone.name


def _simulated(house: House, site: str) -> bool:
    return any(row.now.simulated for row in house.stores.zone_states([site]).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherView:
    issued: str
    is_old: bool
    in_sun: bool
    hottest: str
    at: str
    air: str


def _weather(plan: HeatPlan, formats: Formats, timezone: ZoneInfo) -> WeatherView | None:
    """None where no forecast has the day."""
    if plan.weather_issued_us is None or not plan.outdoors:
        return None
    start, air, _, wbgt = max(plan.outdoors, key=lambda hour: hour[3])
    return WeatherView(
        issued=formats.moment(plan.weather_issued_us, timezone),
        is_old=plan.weather_is_old,
        in_sun=plan.in_sun,
        hottest=formats.measure(wbgt, "Cel"),
        at=formats.clock(start, timezone),
        air=formats.measure(air, "Cel"),
    )


def _zone(zone: ZonePlan, outdoors: dict[int, float], formats: Formats, timezone: ZoneInfo) -> ZoneView:
    limits = {rest.limit: rest for hour in zone.hours for rest in hour.rests}
    offsets = [(hour.offset_c, hour.offset_spread_k or 0.0) for hour in zone.hours if hour.offset_c is not None]
    return ZoneView(
        id=zone.zone,
        name=zone.name,
        way=WAYS[zone.way] if zone.way else "",
        days=zone.days,
        rate=formats.number(zone.metabolic_rate_w, 0) + f"{NBSP}W" if zone.metabolic_rate_w else DASH,
        clothing=formats.number(zone.clothing_k, 0) + f"{NBSP}K" if zone.clothing_k is not None else DASH,
        acclimatised=ACCLIMATISED[zone.acclimatised],
        columns=[(_short(rest), formats.measure(rest.limit_c, "Cel")) for rest in limits.values()],
        hours=[_hour(hour, zone, list(limits), outdoors, formats, timezone) for hour in zone.hours],
        move_from=_spans(zone.move_from, formats, timezone),
        move_to=_spans(zone.move_to, formats, timezone),
        can_move=any(hour.rests for hour in zone.hours),
        water=f"{formats.number(zone.water_l, 1)}{NBSP}L" if zone.water_l is not None else "",
        offset=_offset(offsets, formats),
        errors=[(WAYS[way], f"{formats.number(error, 1)}{NBSP}K") for way, error in zone.errors_k.items()],
        notes=[NOTES[note] for note in zone.notes],
    )


def _short(rest: Rest) -> str:
    return {"niosh-ral": "RAL", "niosh-rel": "REL"}.get(rest.limit, rest.limit)


def _hour(hour: PlanHour, zone: ZonePlan, limits: list[str], outdoors: dict[int, float], formats: Formats, timezone: ZoneInfo) -> HourView:
    rests = {rest.limit: rest for rest in hour.rests}
    return HourView(
        clock=f"{formats.clock(hour.start_us, timezone)}–{formats.clock(hour.stop_us, timezone)}",
        shift=hour.shift,
        wbgt=formats.measure(hour.wbgt_c, "Cel"),
        band=formats.between(hour.low_c, hour.high_c, "Cel"),
        outdoors=formats.measure(outdoors.get(hour.start_us), "Cel"),
        rests=[_minutes(rests.get(limit)) for limit in limits],
        known=hour.wbgt_c is not None,
        leave=hour.start_us in zone.move_from,
        good=hour.start_us in zone.move_to,
    )


def _minutes(rest: Rest | None) -> str:
    """Expected, and at the upper end of the band where that is more; an hour of rest is no work."""
    if rest is None:
        return DASH
    expected, high = (min(60, math.ceil(minutes / STEP_MIN) * STEP_MIN) for minutes in (rest.expected_min, rest.high_min))
    return f"{expected}" if expected == high else f"{expected}–{high}"


def _spans(starts: list[int], formats: Formats, timezone: ZoneInfo) -> str:
    """Hours that follow one another as one span."""
    spans: list[list[int]] = []
    for start in starts:
        if spans and spans[-1][1] == start:
            spans[-1][1] = start + HOUR_US
        else:
            spans.append([start, start + HOUR_US])
    return ", ".join(f"{formats.clock(first, timezone)}–{formats.clock(stop, timezone)}" for first, stop in spans)


def _offset(offsets: list[tuple[float, float]], formats: Formats) -> str:
    """Least and greatest mean difference to outdoors over the hours of work."""
    if not offsets:
        return ""
    low, high = min(offset for offset, _ in offsets), max(offset for offset, _ in offsets)
    return f"{low:+.1f} … {high:+.1f}{NBSP}K (±{formats.number(max(spread for _, spread in offsets), 1)})"
