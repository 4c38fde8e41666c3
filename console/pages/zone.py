"""One zone: its values, its trends, and every verdict of the shift with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console.context import house_of
from console.floors import Floor, load_floor, stale_after_s, unacknowledged
from console.formats import Formats
from console.pages.alerts import alert_views
from console.pages.exposure import kind_of, running, shown_as_dose, verdict_address
from console.pages.floor import advice, tile
from console.pages.forecasts import forecast_views
from console.pages.trend import trends
from console.params import rounded
from console.security import Permission, Reader
from console.suspicions import evidence_words, said_of_replaced
from console.words import CALIBRATION, GRADES, REASONS, STATUS, Mark, hazard_name, metric_name, sentence, state_name
from domain.quality import Quality
from domain.quantities import quantity_of
from domain.registry import Channel
from domain.times import SECOND_US
from domain.verdict import Verdict

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """A sensor's last value."""

    id: str
    name: str
    placement: str
    value: str
    unit: str
    decimals: int
    age: str
    age_s: float | None
    stale_s: float
    stale: bool
    reasons: list[str]
    instrument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """One row of the table."""

    metric: str
    placement: str
    value: str
    bounds: str
    limit: str
    clause: str
    profile: str
    limit_id: str
    state: str
    kind: str
    coverage: str
    grade: str
    calibration: str
    revision: int
    address: str
    contested: bool
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class HazardView:
    name: str
    status: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class SuspectView:
    channel: str
    text: str
    since: str
    fault: bool
    evidence: list[str]


@router.get("/zones/{zone}")
def zone_page(request: Request, zone: str, caller: Reader, trend: str = "") -> HTMLResponse:
    house = house_of(request)
    held = house.sources.zone(caller.scope, zone)
    floor = load_floor(house, caller.scope, held.site, zone)
    formats = house.renderer.formats(request, caller.user)
    choices, drawn = trends(house, floor, formats, trend, f"/zones/{zone}", of_zone=True)
    live = floor.current(zone)
    channels = floor.channels[zone]
    suspects = house.stores.suspects.all([channel.id for channel in channels])
    return house.renderer.page(
        request,
        "zone.html",
        caller,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        site=floor.site,
        zone=held,
        tile=tile(held, floor, formats),
        advice=advice(house, floor, zone),
        hazards=[HazardView(hazard_name(hazard), value.value, STATUS[value.value]) for hazard, value in live.hazards.items()] if live else [],
        alerts=alert_views(house, formats, floor.alerts, floor.names, floor.timezone, floor.now_us),
        may_respond=caller.may(Permission.RESPOND),
        here=f"/zones/{zone}",
        channels=[channel_view(channel, floor, formats) for channel in channels],
        verdicts=[verdict_view(verdict, formats, floor.now_us) for verdict in floor.verdicts],
        suspects=[
            SuspectView(found.channel, found.text, formats.moment(found.since_us, floor.timezone), found.kind == "fault", evidence_words(found, formats)) for found in suspects
        ],
        replaced=said_of_replaced([reason for window in live.windows for reason in window.reasons] if live else [], formats),
        forecasts=forecast_views(floor, formats, likely_only=False),
        simulated=floor.simulated(),
        trend=drawn,
        choices=choices,
        live=house.hub.address(site=floor.site.id, channels=[channel.id for channel in channels], every_s=2),
    )


def channel_view(channel: Channel, floor: Floor, formats: Formats) -> ChannelView:
    quantity, reading, age = quantity_of(channel.quantity, channel.spec.unit), floor.last.get(channel.id), floor.age_us(channel.id)
    decimals, unit = (quantity.decimals, quantity.unit_shown) if quantity else (1, channel.spec.unit)
    value = reading.value if reading and reading.q > Quality.REJECTED else None
    instrument, newest = channel.spec.instrument, floor.newest.get(channel.id)
    return ChannelView(
        id=channel.id,
        name=metric_name(channel.quantity),
        placement=channel.placement,
        value=formats.number(value, decimals),
        unit=unit,
        decimals=decimals,
        age=formats.age(age) if age is not None else "",
        age_s=rounded(age / SECOND_US) if age is not None else None,
        stale_s=stale_after_s(channel),
        stale=not floor.fresh(channel),
        reasons=[word for code in (newest.r if newest else ()) if (word := REASONS.get(code))],
        instrument=f"{instrument.model} {instrument.serial}" if instrument else "",
    )


def verdict_view(stored: Verdict, formats: Formats, now_us: int) -> VerdictView:
    verdict = shown_as_dose(stored) if running(stored, now_us) else stored
    limit = verdict.limit
    return VerdictView(
        metric=metric_name(verdict.metric),
        placement=verdict.placement,
        value=formats.measure(verdict.value, verdict.unit),
        bounds=formats.bounded(verdict.low, verdict.high, verdict.unit),
        limit=formats.measure(limit.value, verdict.unit) if limit.value is not None else "",
        clause=limit.clause,
        profile=limit.profile,
        limit_id=limit.id,
        state=state_name(verdict.state, verdict.value, limit.value),
        kind=kind_of(verdict),
        coverage=formats.percent(verdict.coverage),
        grade=GRADES.get(verdict.grade, verdict.grade),
        calibration=CALIBRATION.get(verdict.calibration, verdict.calibration),
        revision=verdict.revision,
        address=verdict_address(stored),
        contested=verdict.contested,
        reasons=[sentence(text, formats.catalogue.gettext) for text in (*verdict.reasons, *verdict.notes)],
    )
