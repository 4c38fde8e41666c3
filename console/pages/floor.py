"""The officer's page: the worst zone and what to do, the floor, alerts, the trend against its limit, the exposure so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assess.live import LiveWindow
from assess.live_window import SILENT_AFTER_US
from console.context import House, house_of
from console.floors import Floor, load_floor, main_window, stale_after_s
from console.formats import DASH, Formats, decimals_of
from console.i18n import N_
from console.pages.alerts import alert_views
from console.pages.exposure import dose_views, without_value
from console.pages.footer import footer
from console.pages.forecasts import forecast_views, likely_by
from console.pages.trend import trends
from console.params import rounded
from console.security import Permission, Reader
from console.words import PARTLY_UNKNOWN, STATUS, Mark, hazard_name, metric_name, window_name
from domain.hazards import ZoneStatus
from domain.quality import Quality
from domain.quantities import quantity_of
from domain.registry import Channel, Zone
from domain.scope import Role, Scope
from domain.times import SECOND_US

router = APIRouter(include_in_schema=False)

ALL_WITHIN = N_("All zones are within their limits")
NO_ZONES = N_("No zone is registered yet")
NO_DATA_ADVICE = N_("No data is not safe: treat the zone as before the data stopped, measure by hand, and have the sensor looked at.")
NOT_MEASURED_ADVICE = N_("What is not measured is not safe: look at it by other means, and have it measured where the monitoring plan asks for it.")
LANDING = {Role.INSPECTOR: "/sites", Role.PROGRAMME: "/sites", Role.WORKER_REPRESENTATIVE: "/alerts", Role.MANAGEMENT_REPRESENTATIVE: "/alerts"}

OTHERS_MAX = 2
STATUS_ORDER = [status.value for status in ZoneStatus]
LIVE_EVENTS_A_SECOND = 5
"""About 140 bytes an event: a page of 20 zones stays under 1 kB/s."""


@dataclass(frozen=True, slots=True)
class ShiftView:
    name: str
    start: str
    stop: str


@dataclass(frozen=True, slots=True)
class Other:
    """Another zone that is not within."""

    id: str
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Band:
    """The page's headline."""

    status: str
    mark: Mark
    headline: str = ""
    place: str = ""
    zone: str = ""
    value: str = ""
    what: str = ""
    advice: str = ""
    missing: Sequence[str] = ()
    held: Sequence[str] = ()  # hazards whose status rests on an open alert alone
    since: str = ""
    also: Sequence[Other] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """A further value of a tile."""

    name: str
    channel: str
    value: str
    unit: str
    decimals: int
    age_s: float
    stale_s: float
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One zone of the floor."""

    id: str
    short: str
    name: str
    status: str
    mark: Mark
    missing: list[str]  # hazards that are not measured, where others are
    held: list[str]  # hazards whose status rests on an open alert alone
    value: str
    unit: str
    decimals: int
    what: str
    window: str  # hazard|metric|placement of the main value, where it is a window
    channel: str  # the channel of the main value, where it is a reading
    of: str  # the channel whose age counts: the oldest that the value rests on
    unproven: bool
    age: str
    age_s: float | None
    stale_s: float
    stale: bool
    others: list[Small]
    likely_by: str | None = None  # when something is likely over; empty: likely, no time


@router.get("/")
def home(request: Request, caller: Reader) -> Response:
    """Where each role begins."""
    landing = LANDING.get(caller.user.role)
    return RedirectResponse(landing or "/floor", 303)


@router.get("/floor")
def only_floor(request: Request, caller: Reader) -> Response:
    """The floor of who has one site; who has several chooses."""
    house = house_of(request)
    sites = house.sources.sites(caller.scope)
    return RedirectResponse(f"/sites/{sites[0].id}" if len(sites) == 1 else "/sites", 303)


@router.get("/sites/{site}")
def floor_page(request: Request, site: str, caller: Reader, trend: str = "") -> HTMLResponse:
    house = house_of(request)
    floor = load_floor(house, caller.scope, site)
    formats = house.renderer.formats(request, caller.user)
    tiles = sorted((tile(zone, floor, formats) for zone in floor.zones), key=lambda tile: -STATUS_ORDER.index(tile.status))
    choices, drawn = trends(house, floor, formats, trend, f"/sites/{site}")
    views = alert_views(house, formats, floor.alerts, floor.names, floor.timezone, floor.now_us)
    return house.renderer.page(
        request,
        "floor.html",
        caller,
        section="floor",
        unacknowledged=floor.unacknowledged,
        **_facts(house, caller.scope, floor, formats, tiles),
        tiles=tiles,
        forecasts=forecast_views(floor, formats, likely_only=True),
        band=band(house, floor, formats),
        alerts=views,
        may_respond=caller.may(Permission.RESPOND),
        here=f"/sites/{site}",
        doses=dose_views(house, formats, floor.verdicts, floor.names, worst_only=True),
        not_assessable=without_value(floor.verdicts),
        trend=drawn,
        choices=choices,
    )


@router.get("/sites/{site}/plan.css")
def plan(request: Request, site: str, caller: Reader) -> Response:
    """Where the zones lie: a sheet of its own, since the pages allow no inline style."""
    zones = house_of(request).sources.zones(caller.scope, site)
    rules = [_rule(zone) for zone in zones if len(zone.spec.plan) == 4]
    return Response("@media (min-width: 48rem) {\n" + "\n".join(rules) + "\n}\n", media_type="text/css")


def _rule(zone: Zone) -> str:
    x, y, width, height = (min(100.0, max(0.0, value)) for value in zone.spec.plan)
    return f".plan .z-{zone.spec.id} {{ left: {x:g}%; top: {y:g}%; width: calc({width:g}% - 0.5rem); height: calc({height:g}% - 0.5rem); }}"


def tile(zone: Zone, floor: Floor, formats: Formats) -> Tile:
    """The zone's worst or most telling value, its status, and how old that is."""
    live, status, mark = floor.current(zone.id), floor.status(zone.id), floor.mark(zone.id)
    window = main_window(live) if live and mark is not STATUS["unknown"] else None
    channels = floor.channels[zone.id]
    main = None if window else next(iter(_telling(channels, floor)), None)
    counted = [channel for channel in channels if channel.id in window.channels] if window else ([main] if main else list(channels))
    ages = [age for channel in counted if (age := floor.age_us(channel.id)) is not None]
    age_us = max(ages) if window and ages else min(ages, default=None)
    stale_s = max((stale_after_s(channel) for channel in counted), default=SILENT_AFTER_US / SECOND_US)
    oldest = max(counted, key=lambda channel: floor.age_us(channel.id) or 0, default=None) if window else main
    value, unit, decimals = _main_value(window, main, floor, formats)
    return Tile(
        id=zone.id,
        short=zone.spec.id,
        name=zone.spec.name,
        status=status.value,
        mark=mark,
        missing=[hazard_name(hazard) for hazard in floor.unmeasured(zone.id)] if mark is PARTLY_UNKNOWN else [],
        held=[hazard_name(hazard) for hazard in floor.held(zone.id)],
        value=value,
        unit=unit,
        decimals=decimals,
        what=window_name(window.metric) if window else (metric_name(main.quantity) if main else ""),
        window=window_key(window) if window else "",
        channel=main.id if main else "",
        of=oldest.id if oldest else "",
        unproven=bool(window and window.status in (ZoneStatus.ACTION, ZoneStatus.STOP) and not window.proven),
        age=formats.age(age_us) if age_us is not None else "",
        age_s=None if age_us is None else rounded(age_us / SECOND_US),
        stale_s=stale_s,
        stale=age_us is None or age_us > stale_s * SECOND_US,
        others=[_small(channel, floor, formats) for channel in channels if channel is not main and floor.fresh(channel)][:OTHERS_MAX],
        likely_by=likely_by(floor, zone.id, formats),
    )


def window_key(window: LiveWindow) -> str:
    return f"{window.hazard}|{window.metric}|{window.placement}"


def band(house: House, floor: Floor, formats: Formats) -> Band:
    """The worst zone and what to do there, or that all is well."""
    order = list(ZoneStatus)
    ranked = sorted(floor.zones, key=lambda zone: (-order.index(floor.status(zone.id)), floor.since(zone.id) or floor.now_us))
    if not ranked:
        return Band("unknown", STATUS["unknown"], headline=NO_ZONES)
    zone, status = ranked[0], floor.status(ranked[0].id)
    if status is ZoneStatus.WITHIN:
        return Band("within", STATUS["within"], headline=ALL_WITHIN)
    live, mark = floor.current(zone.id), floor.mark(zone.id)
    window = main_window(live) if live and status is not ZoneStatus.UNKNOWN else None
    window = window if window and window.status is status else None  # a value that is not over would belie the headline
    others = [Other(other.id, other.spec.name, floor.mark(other.id)) for other in ranked[1:] if floor.status(other.id) is not ZoneStatus.WITHIN]
    since = floor.since(zone.id)
    return Band(
        status.value,
        mark,
        place=zone.spec.name,
        zone=zone.id,
        value=formats.measure(window.value, window.unit) if window else "",
        what=window_name(window.metric) if window else "",
        advice=advice(house, floor, zone.id),
        missing=[hazard_name(hazard) for hazard in floor.unmeasured(zone.id)] if mark is PARTLY_UNKNOWN else [],
        held=[hazard_name(hazard) for hazard in floor.held(zone.id)],
        since=formats.clock(since, floor.timezone) if since else "",
        also=others,
    )


def advice(house: House, floor: Floor, zone: str) -> str:
    """What the policy tells people to do about the zone's worst hazard."""
    status, live = floor.status(zone), floor.current(zone)
    if status is ZoneStatus.WITHIN:
        return ""
    if live is None or status is ZoneStatus.UNKNOWN:
        return NOT_MEASURED_ADVICE if floor.mark(zone) is PARTLY_UNKNOWN else NO_DATA_ADVICE
    standing = next((alert for alert in floor.alerts if alert.zone == zone and alert.hazard in floor.held(zone) and alert.severity.value == status.value), None)
    if standing is not None:
        return house.stores.alert_advice(standing)
    window = main_window(live)
    hazard = next((hazard for hazard, held in live.hazards.items() if held is status), window.hazard if window else "")
    return house.stores.advice(hazard, status)


def _telling(channels: Sequence[Channel], floor: Floor) -> list[Channel]:
    """Channels whose quantity is a hazard come before those that only help to compute one."""
    known = [channel for channel in channels if channel.id in floor.last]
    return sorted(known, key=lambda channel: channel.quantity not in ("wbgt", "sound_level_a_eq", "co2", "pm2_5", "tvoc_isobutylene"))


def _main_value(window: LiveWindow | None, main: Channel | None, floor: Floor, formats: Formats) -> tuple[str, str, int]:
    if window is not None:
        decimals = decimals_of(window.unit, window.value)
        return formats.number(window.value, decimals), formats.unit(window.unit), decimals
    if main is None:
        return DASH, "", 1
    return _reading_text(main, floor, formats)


def _reading_text(channel: Channel, floor: Floor, formats: Formats) -> tuple[str, str, int]:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    reading = floor.last.get(channel.id)
    decimals, unit = (quantity.decimals, quantity.unit_shown) if quantity else (1, "")
    value = reading.value if reading and reading.q > Quality.REJECTED else None
    return formats.number(value, decimals), unit if value is not None else "", decimals


def _small(channel: Channel, floor: Floor, formats: Formats) -> Small:
    value, unit, decimals = _reading_text(channel, floor, formats)
    age = floor.age_us(channel.id)
    return Small(
        name=metric_name(channel.quantity),
        channel=channel.id,
        value=value,
        unit=unit,
        decimals=decimals,
        age_s=rounded((age or 0) / SECOND_US),
        stale_s=stale_after_s(channel),
        stale=not floor.fresh(channel),
    )


def _facts(house: House, scope: Scope, floor: Floor, formats: Formats, tiles: Sequence[Tile]) -> dict[str, Any]:
    shown = {channel for tile in tiles for channel in (tile.channel, tile.of, *(other.channel for other in tile.others)) if channel}
    running = floor.shift
    return {
        "site": floor.site,
        "simulated": floor.simulated(),
        "silent": len(floor.silent()),
        "updated": formats.clock_with_seconds(floor.now_us, floor.timezone),
        "shift": ShiftView(running.name, formats.clock(running.start_us, floor.timezone), formats.clock(running.stop_us, floor.timezone)) if running else None,
        "has_plan": bool(floor.zones) and all(len(zone.spec.plan) == 4 for zone in floor.zones),
        **footer(house, scope, floor.site.id),
        "legend": [*STATUS.items(), ("unknown", PARTLY_UNKNOWN)],
        "live": house.hub.address(site=floor.site.id, channels=sorted(shown), every_s=max(2, -(-(len(shown) + len(tiles)) // LIVE_EVENTS_A_SECOND)), brief=True),
    }
