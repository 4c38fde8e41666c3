"""The next day's heat plan: what WBGT to expect in each zone's shifts, the rest that it would need, when to do heavy work. A plan: no verdict, no evidence, it silences nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np

from assess.further import rest_min
from assess.heat_days import Grid, Outdoors, at_work, grid_of, measured_wbgt, outdoors_of
from assess.limits import REFERENCE, Adopted, for_acclimatisation, limits_for, profiles_of
from domain.ids import zone_id
from domain.registry import Registry, Zone
from domain.shifts import shifts_between
from domain.times import DAY_US, HOUR_US
from domain.weather import Forecast
from models.arrays import Array
from models.forecast.next_day import HOURS, NextDay, Way, next_day
from models.heat.clothing import clothing_adjustment_k
from models.heat.niosh import HIGHEST_W, LOWEST_W, ral_c
from models.heat.water import water_l
from models.limits import load_profiles
from models.limits.heat import HeatLimit, heat_limit
from storage.timeseries.port import TimeSeries

WORTH_MOVING_MIN = 15.0
"""Work is moved only where it saves so much rest in the hour."""
OLD_US = DAY_US


class Note(StrEnum):
    """What one should know of a zone's plan."""

    NO_SENSOR = "no_sensor"
    TOO_LITTLE = "too_little_history"
    SOME_UNKNOWN = "some_hours_unknown"
    NO_WORK_RATE = "no_work_rate"
    WORK_RATE_RANGE = "work_rate_out_of_range"
    CLOTHING = "unknown_clothing"
    REST_PLACE = "rest_place_unknown"
    NO_WEATHER = "no_weather_forecast"
    WEATHER_NOT_BETTER = "weather_was_not_better"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Under one limit, minutes of rest in the hour: at the expected WBGT, and at the upper end of its band; 60: no minute of this work is allowed."""

    limit: str
    name: str
    profile: str
    limit_c: float
    expected_min: float
    high_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHour:
    """One hour of a shift; `wbgt_c` is None where it is unknown. WBGT without what clothing adds."""

    start_us: int
    stop_us: int
    shift: str
    wbgt_c: float | None
    low_c: float | None
    high_c: float | None
    offset_c: float | None  # indoors minus outdoors on past days
    offset_spread_k: float | None
    rests: list[Rest] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePlan:
    """One zone's day."""

    zone: str
    name: str
    metabolic_rate_w: float | None
    clothing_k: float | None
    acclimatised: str
    decides: str  # the limit that `move_from` and the water go by
    way: Way | None
    days: int  # past days behind the hour that has the fewest
    share: float
    errors_k: Mapping[Way, float]
    hours: list[PlanHour]
    move_from: list[int]
    move_to: list[int]
    water_l: float | None  # each person, over the day's shifts
    notes: list[Note]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatPlan:
    """A site's day."""

    site: str
    day: date
    made_us: int
    weather_issued_us: int | None  # None: no forecast has this day
    weather_is_old: bool
    in_sun: bool
    outdoors: list[tuple[int, float, float, float]]  # start of the hour, air °C, humidity %, WBGT °C
    zones: list[ZonePlan]


def heat_plan(store: TimeSeries, registry: Registry, site: str, day: date, forecasts: Sequence[Forecast], now_us: int) -> HeatPlan:
    """`forecasts` in the order of their issue; those of the past days say what they were worth."""
    held = registry.at(now_us)
    grid = grid_of(day, held.timezone(site), now_us)
    outside = outdoors_of([one for one in forecasts if one.issued_us <= now_us], grid, held.sites[site].place)
    measured = measured_wbgt(store, registry, site, grid)
    told = {zone.id: _told(registry, zone, measured.get(zone.id), outside, grid) for zone in held.zones_of(site)}
    planned = registry.at(max(now_us, int(grid.starts_us[-1, 0])))
    zones = [_zone_plan(registry, planned.zones.get(zone.id, zone), told, outside, grid) for zone in held.zones_of(site)]
    return HeatPlan(
        site=site,
        day=day,
        made_us=now_us,
        weather_issued_us=outside.issued_us,
        weather_is_old=outside.issued_us is not None and now_us - outside.issued_us > OLD_US,
        in_sun=outside.in_sun,
        outdoors=[
            (int(start), float(air), float(humidity), float(wbgt))
            for start, air, humidity, wbgt in zip(grid.starts_us[-1], outside.air_c[-1], outside.humidity_pct[-1], outside.wbgt_c[-1], strict=True)
            if not np.isnan(wbgt)
        ],
        zones=sorted(zones, key=lambda zone: zone.name),
    )


def _told(registry: Registry, zone: Zone, measured: Array | None, outside: Outdoors, grid: Grid) -> NextDay | None:
    if measured is None:
        return None
    worked = at_work(registry, zone.id, zone.site, grid)  # a rest place may have no shift of its own
    return next_day(measured, outside.wbgt_c, worked if worked.any() else ~worked, grid.lag_days)


def _zone_plan(registry: Registry, zone: Zone, all_told: Mapping[str, NextDay | None], outside: Outdoors, grid: Grid) -> ZonePlan:
    spec, told, clothing_k = zone.spec, all_told.get(zone.id), clothing_adjustment_k(zone.spec.clothing)
    slots = _slots(registry, zone, grid)
    limits = _limits(registry, zone, grid) if clothing_k is not None else []
    rate = spec.metabolic_rate_w if spec.metabolic_rate_w is not None and LOWEST_W <= spec.metabolic_rate_w <= HIGHEST_W else None
    rest_told = all_told.get(zone_id(zone.site, spec.rest_zone)) if spec.rest_zone else None
    rests = _rests(told, rest_told, limits, rate, clothing_k or 0.0) if told is not None and rate is not None else {}
    hours = [_hour(slot, shift, told, rests, grid) for slot, shift in slots]
    decides = "niosh-rel" if spec.acclimatised == "yes" else "niosh-ral"
    rest_unknown = bool(spec.rest_zone) and (rest_told is None or any(np.isnan(rest_told.value[slot]) for slot, _ in slots))
    move_from, move_to = moves([(hour.start_us, *_of(hour, decides)) for hour in hours])
    return ZonePlan(
        zone=zone.id,
        name=spec.name,
        metabolic_rate_w=spec.metabolic_rate_w,
        clothing_k=clothing_k,
        acclimatised=spec.acclimatised,
        decides=decides,
        way=told.way if told else None,
        days=min((int(told.days[slot]) for slot, _ in slots), default=0) if told else 0,
        share=told.share if told else 0.0,
        errors_k=told.error if told else {},
        hours=hours,
        move_from=move_from,
        move_to=move_to,
        water_l=_water(hours, rate, clothing_k),
        notes=[*_notes(zone, told, hours, rate, clothing_k, outside), *([Note.REST_PLACE] if rest_unknown else [])],
    )


def _slots(registry: Registry, zone: Zone, grid: Grid) -> list[tuple[int, str]]:
    """Hours of the planned day in which a shift is on, with its name; one that begins the day before reaches in."""
    starts = grid.starts_us[-1]
    planned = registry.at(max(grid.now_us, int(starts[0])))
    shifts = shifts_between(planned.shifts_of(zone), grid.timezone, int(starts[0]), grid.stop_us)
    found: dict[int, str] = {}
    for slot in range(HOURS):
        for shift in shifts:
            if starts[slot] < shift.stop_us and starts[slot] + HOUR_US > shift.start_us:
                found.setdefault(slot, shift.name)
    return list(found.items())


def _limits(registry: Registry, zone: Zone, grid: Grid) -> list[tuple[Adopted, HeatLimit]]:
    """RAL and REL side by side, then what else the site adopted for the people here."""
    site, day = registry.at(grid.now_us).sites[zone.site], grid.days[-1]
    both = limits_for([load_profiles()[REFERENCE]], "heat", day)
    known = {one.limit.id for one in both}
    others = for_acclimatisation(limits_for(profiles_of(site.profiles)[0], "heat", day), zone.spec.acclimatised)
    wanted = [*both, *(one for one in others if one.limit.id not in known and one.limit.window_min == 60)]
    return [(one, found) for one in wanted if (found := heat_limit(one.limit)) is not None]


def _rests(told: NextDay, rest_told: NextDay | None, limits: Sequence[tuple[Adopted, HeatLimit]], rate: float, clothing_k: float) -> dict[int, list[Rest]]:
    """By hour. Where the rest place's WBGT is not known rest counts as taken in the same heat."""
    value, high = told.value + clothing_k, told.high + clothing_k
    resting, resting_high = value, high
    if rest_told is not None:
        resting = np.where(np.isnan(rest_told.value), value, rest_told.value + clothing_k)
        resting_high = np.where(np.isnan(rest_told.high), high, rest_told.high + clothing_k)
    known = np.flatnonzero(~np.isnan(value))
    rates, found = np.full(len(known), rate), dict[int, list[Rest]]()
    for adopted, limit in limits:
        line = limit.at(rate)
        if np.isnan(line) or not len(known):
            continue
        expected, most = (rest_min(limit, work[known], rates, rest[known]) for work, rest in ((value, resting), (high, resting_high)))
        for slot, minutes, upper in zip(known.tolist(), expected, most, strict=True):
            found.setdefault(slot, []).append(
                Rest(limit=adopted.limit.id, name=adopted.limit.name, profile=adopted.profile.id, limit_c=line, expected_min=minutes, high_min=max(minutes, upper))
            )
    return found


def _hour(slot: int, shift: str, told: NextDay | None, rests: Mapping[int, list[Rest]], grid: Grid) -> PlanHour:
    start_us = int(grid.starts_us[-1, slot])

    def of(values: Array | None) -> float | None:
        return None if values is None or np.isnan(values[slot]) else float(values[slot])

    return PlanHour(
        start_us=start_us,
        stop_us=start_us + HOUR_US,
        shift=shift,
        wbgt_c=of(told.value if told else None),
        low_c=of(told.low if told else None),
        high_c=of(told.high if told else None),
        offset_c=of(told.offset if told else None),
        offset_spread_k=of(told.offset_spread if told else None),
        rests=rests.get(slot, []),
    )


def _of(hour: PlanHour, limit: str) -> tuple[float | None, float | None]:
    """Rest of an hour under a limit: expected, and at the upper end."""
    rest = next((one for one in hour.rests if one.limit == limit), None)
    return (rest.expected_min, rest.high_min) if rest else (None, None)


def moves(hours: Sequence[tuple[int, float | None, float | None]]) -> tuple[list[int], list[int]]:
    """Hours that heavy work should leave, and those that it should go to, from each hour's (start, rest expected, rest at the upper end); none where it saves nothing.

    An hour is left where it needs WORTH_MOVING_MIN more rest than the best hour does; an hour is good that needs hardly more than the best.

    >>> moves([(7, 0.0, 5.0), (10, 20.0, 30.0), (14, 45.0, 60.0), (15, None, None)])
    ([10, 14], [7])
    """
    known = [(start, expected) for start, expected, _ in hours if expected is not None]
    if not known:
        return [], []
    best = min(expected for _, expected in known)
    leave = [start for start, expected in known if expected >= best + WORTH_MOVING_MIN]
    return leave, [start for start, expected in known if expected < best + WORTH_MOVING_MIN / 3.0] if leave else []


def _water(hours: Sequence[PlanHour], rate: float | None, clothing_k: float | None) -> float | None:
    """Litres a person, over the hours whose upper end is at or over the RAL; None where an hour or the work rate is unknown."""
    if rate is None or clothing_k is None or not hours or any(hour.high_c is None for hour in hours):
        return None
    trigger = float(ral_c(rate))
    return water_l(sum((hour.high_c or 0.0) + clothing_k >= trigger for hour in hours))


def _notes(zone: Zone, told: NextDay | None, hours: Sequence[PlanHour], rate: float | None, clothing_k: float | None, outside: Outdoors) -> list[Note]:
    unknown = [hour for hour in hours if hour.wbgt_c is None]
    found = {
        Note.NO_SENSOR: told is None,
        Note.TOO_LITTLE: told is not None and bool(hours) and len(unknown) == len(hours),
        Note.SOME_UNKNOWN: 0 < len(unknown) < len(hours),
        Note.NO_WORK_RATE: zone.spec.metabolic_rate_w is None,
        Note.WORK_RATE_RANGE: zone.spec.metabolic_rate_w is not None and rate is None,
        Note.CLOTHING: clothing_k is None,
        Note.NO_WEATHER: told is not None and told.way not in (None, Way.WEATHER) and outside.issued_us is None,
        Note.WEATHER_NOT_BETTER: told is not None and told.way not in (None, Way.WEATHER) and Way.WEATHER in told.error,
    }
    return [note for note, holds in found.items() if holds]
