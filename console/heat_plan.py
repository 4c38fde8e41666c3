"""The next day's heat plan as JSON, and the weather forecasts that it rests on."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from assess.heat_days import PAST_DAYS
from assess.heat_plan import HeatPlan, PlanHour, Rest, ZonePlan, heat_plan
from console.context import House
from console.records.bodies import BODY_MAX
from console.security import Caller
from domain.errors import BadInput
from domain.scope import Scope
from domain.shifts import local_instant
from domain.times import DAY_US, to_datetime, to_rfc3339
from domain.weather import MAST_M, parse_weather
from storage.records.weather import StoredForecast

AHEAD_DAYS = 6
STATEMENT = "A plan and not evidence: it enters no result and no finding, moves no limit and silences no alarm. What is measured on the day decides."


class RestJson(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of rest in the hour under one limit; 60: no minute of this work is allowed."""

    limit: str
    name: str
    profile: str
    limit_c: float
    rest_min: float
    rest_at_high_min: float


class PlanHourJson(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of a shift; `wbgt` null: unknown. `low` to `high` holds four days of five."""

    start: str
    stop: str
    shift: str
    wbgt: float | None
    low: float | None
    high: float | None
    offset: float | None  # indoors minus outdoors, mean of past days
    offset_spread: float | None
    rest: list[RestJson]


class ZonePlanJson(msgspec.Struct, frozen=True, kw_only=True):
    """One zone's day."""

    zone: str
    name: str
    metabolic_rate_w: float | None
    clothing_adds: float | None
    acclimatised: str
    decides: str
    way: str | None
    days: int
    reaches_indoors: float
    mean_errors: dict[str, float]
    hours: list[PlanHourJson]
    move_heavy_work_from: list[str]
    move_heavy_work_to: list[str]
    water_l_each: float | None
    notes: list[str]


class OutdoorsJson(msgspec.Struct, frozen=True, kw_only=True):
    start: str
    air_temperature: float
    relative_humidity: float
    wbgt: float


class HeatPlanJson(msgspec.Struct, frozen=True, kw_only=True):
    """A site's day; °C and minutes."""

    site: str
    date: str
    made: str
    statement: str
    weather_issued: str | None
    weather_is_old: bool
    in_sun: bool
    outdoors: list[OutdoorsJson]
    zones: list[ZonePlanJson]


class WeatherJson(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast on record."""

    id: int
    site: str
    issued: str
    received: str
    by: str
    source: str
    first: str
    last: str
    hours: int


def day_of(house: House, site: str, text: str) -> date:
    """The day asked for, tomorrow where none is; raises `BadInput` for one that is over or too far."""
    today = to_datetime(house.context.clock.now_us()).astimezone(house.sources.timezone(site)).date()
    if not text:
        return today + timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"'{text}' is no date", field="date", remedy="such as 2026-11-25") from None
    if not today <= day <= today + timedelta(days=AHEAD_DAYS):
        raise BadInput("is not today or one of the next days", field="date", remedy=f"{today} to {today + timedelta(days=AHEAD_DAYS)}; what was is in the results of its shifts")
    return day


def plan_for(house: House, scope: Scope, site: str, day: date) -> HeatPlan:
    held, timezone = house.sources.site(scope, site), house.sources.timezone(site)
    start_us = local_instant(day, "00:00", timezone)
    stored = house.stores.weather.covering(held.id, start_us - PAST_DAYS * DAY_US, start_us + 2 * DAY_US)
    return heat_plan(house.context.timeseries, house.sources.registry(), held.id, day, [one.forecast for one in stored], house.context.clock.now_us())


def take_weather(house: House, caller: Caller, site: str, raw: bytes, *, issued: str, source: str, wind_height_m: float = MAST_M) -> tuple[StoredForecast, bool]:
    """Reads and keeps a forecast; whether it is new."""
    held, now_us = house.sources.site(caller.scope, site), house.context.clock.now_us()
    if len(raw) > BODY_MAX:
        raise BadInput(f"longer than {BODY_MAX} bytes", field="body", remedy="send less at once")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", field="body", remedy="save it as CSV in UTF-8, or send JSON") from None
    forecast = parse_weather(text, house.sources.timezone(held.id), now_us, source=source, issued=issued, wind_height_m=wind_height_m)
    return house.stores.weather.add(held.id, forecast, author=caller.user.name, received_us=now_us)


def weather_json(stored: StoredForecast) -> WeatherJson:
    hours = stored.forecast.hours
    return WeatherJson(
        id=stored.id,
        site=stored.site,
        issued=to_rfc3339(stored.forecast.issued_us),
        received=to_rfc3339(stored.received_us),
        by=stored.author,
        source=stored.forecast.source,
        first=to_rfc3339(hours[0].start_us),
        last=to_rfc3339(hours[-1].start_us),
        hours=len(hours),
    )


def plan_json(plan: HeatPlan) -> HeatPlanJson:
    return HeatPlanJson(
        site=plan.site,
        date=plan.day.isoformat(),
        made=to_rfc3339(plan.made_us),
        statement=STATEMENT,
        weather_issued=to_rfc3339(plan.weather_issued_us) if plan.weather_issued_us is not None else None,
        weather_is_old=plan.weather_is_old,
        in_sun=plan.in_sun,
        outdoors=[OutdoorsJson(start=to_rfc3339(start), air_temperature=air, relative_humidity=humidity, wbgt=wbgt) for start, air, humidity, wbgt in plan.outdoors],
        zones=[_zone(zone) for zone in plan.zones],
    )


def _zone(zone: ZonePlan) -> ZonePlanJson:
    return ZonePlanJson(
        zone=zone.zone,
        name=zone.name,
        metabolic_rate_w=zone.metabolic_rate_w,
        clothing_adds=zone.clothing_k,
        acclimatised=zone.acclimatised,
        decides=zone.decides,
        way=zone.way.value if zone.way else None,
        days=zone.days,
        reaches_indoors=zone.share,
        mean_errors={way.value: error for way, error in zone.errors_k.items()},
        hours=[_hour(hour) for hour in zone.hours],
        move_heavy_work_from=[to_rfc3339(start) for start in zone.move_from],
        move_heavy_work_to=[to_rfc3339(start) for start in zone.move_to],
        water_l_each=zone.water_l,
        notes=[note.value for note in zone.notes],
    )


def _hour(hour: PlanHour) -> PlanHourJson:
    return PlanHourJson(
        start=to_rfc3339(hour.start_us),
        stop=to_rfc3339(hour.stop_us),
        shift=hour.shift,
        wbgt=hour.wbgt_c,
        low=hour.low_c,
        high=hour.high_c,
        offset=hour.offset_c,
        offset_spread=hour.offset_spread_k,
        rest=[_rest(rest) for rest in hour.rests],
    )


def _rest(rest: Rest) -> RestJson:
    return RestJson(
        limit=rest.limit,
        name=rest.name,
        profile=rest.profile,
        limit_c=rest.limit_c,
        rest_min=rest.expected_min,
        rest_at_high_min=rest.high_min,
    )
