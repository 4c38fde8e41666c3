"""Sites, zones, channels: what is there, for who may see it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.api.answers import answer, answers
from console.context import House, house_of
from console.live_rows import LiveRow
from console.security import Reader
from console.shapes import ChannelJson, Page, ShiftPlanJson, SiteJson, ZoneJson
from console.sources import suppressed
from domain.hazards import ZoneStatus, worst
from domain.quantities import quantity_of
from domain.registry import Channel, ShiftSpec, SiteSpec, Zone

router = APIRouter(tags=["registry"])


@router.get("/sites", responses=answers(Page[SiteJson]))
def sites(request: Request, caller: Reader) -> Response:
    """The sites in the caller's scope."""
    house = house_of(request)
    return answer(Page[SiteJson](items=[site_json(house, site) for site in house.sources.sites(caller.scope)]))


@router.get("/sites/{site}", responses=answers(SiteJson))
def site(request: Request, site: str, caller: Reader) -> Response:
    house = house_of(request)
    return answer(site_json(house, house.sources.site(caller.scope, site)))


@router.get("/sites/{site}/zones", responses=answers(Page[ZoneJson]))
def zones(request: Request, site: str, caller: Reader) -> Response:
    house = house_of(request)
    held = house.sources.zones(caller.scope, site)
    rows = house.stores.zone_states([site])
    return answer(Page[ZoneJson](items=[zone_json(zone, status_of(rows.get(zone.id))) for zone in held]))


@router.get("/zones/{zone}/channels", responses=answers(Page[ChannelJson]))
def channels(request: Request, zone: str, caller: Reader) -> Response:
    return answer(Page[ChannelJson](items=[channel_json(channel) for channel in house_of(request).sources.channels(caller.scope, zone)]))


def status_of(row: LiveRow | None) -> ZoneStatus:
    """What is not looked at is unknown."""
    return row.status if row else ZoneStatus.UNKNOWN


def site_json(house: House, site: SiteSpec) -> SiteJson:
    snapshot, rows = house.sources.snapshot(), house.stores.zone_states([site.id])
    status = worst([status_of(rows.get(zone.id)) for zone in snapshot.zones_of(site.id)])
    shifts = [_shift_json(shift) for shift in snapshot.shifts.get(site.id, [])]
    return SiteJson(id=site.id, name=site.name, timezone=site.timezone, country=site.country, profiles=site.profiles, shifts=shifts, status=status.value)


def _shift_json(shift: ShiftSpec) -> ShiftPlanJson:
    return ShiftPlanJson(name=shift.name, start=shift.start, stop=shift.stop, days=list(shift.days), breaks=shift.breaks, zones=shift.zones)


def zone_json(zone: Zone, status: ZoneStatus) -> ZoneJson:
    spec = zone.spec
    return ZoneJson(
        id=zone.id,
        site=zone.site,
        name=spec.name,
        status=status.value,
        metabolic_rate_w=spec.metabolic_rate_w,
        metabolic_rate_measured=spec.metabolic_rate_measured,
        clothing=spec.clothing,
        acclimatised=spec.acclimatised,
        workers=suppressed(spec.workers),
        hazards=spec.hazards,
        empty_in_breaks=spec.empty_in_breaks,
        plan=spec.plan,
    )


def channel_json(channel: Channel) -> ChannelJson:
    spec, quantity = channel.spec, quantity_of(channel.quantity, channel.spec.unit)
    return ChannelJson(
        id=channel.id,
        agent=channel.agent,
        placement=spec.placement,
        quantity=spec.quantity,
        name=quantity.name if quantity else spec.quantity,
        zone=channel.zone,
        unit=quantity.unit if quantity else spec.unit,
        interval_s=spec.interval_s,
        use=quantity.use.value if quantity else "trend",
        basis=spec.basis,
        instrument=spec.instrument,
        height_m=spec.height_m,
        distance_to_source_m=spec.distance_to_source_m,
        agreed_by=spec.agreed_by,
    )
