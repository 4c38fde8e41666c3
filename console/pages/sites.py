"""The inspector's door: every site in scope, the one that needs a visit most at the top. A silent site ranks high, it does not vanish."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from alerts.state import Alert
from console.api.registry import status_of
from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import Formats
from console.security import Reader
from console.words import STATUS, Mark
from domain.hazards import ZoneStatus, worst
from domain.registry import SiteSpec

router = APIRouter(include_in_schema=False)

VISIT_ORDER = (ZoneStatus.STOP, ZoneStatus.ACTION, ZoneStatus.UNKNOWN, ZoneStatus.WITHIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One establishment."""

    id: str
    name: str
    country: str
    status: str
    mark: Mark
    zones: int
    not_within: int
    over: int  # results over a limit in the running or last shift, proven or probable
    open_alerts: int
    unacknowledged: int
    complete: str
    complete_share: float
    simulated: bool


@router.get("/sites")
def sites_page(request: Request, caller: Reader) -> HTMLResponse:
    house = house_of(request)
    formats = house.renderer.formats(request, caller.user)
    waiting = house.open_alerts(caller.scope)
    rows = [site_row(house, formats, site, [alert for alert in waiting if alert.site == site.id]) for site in house.sources.sites(caller.scope)]
    rows.sort(key=lambda row: (VISIT_ORDER.index(ZoneStatus(row.status)), -row.over, -row.unacknowledged, row.complete_share, row.name))
    return house.renderer.page(
        request,
        "sites.html",
        caller,
        section="sites",
        unacknowledged=unacknowledged(waiting),
        rows=rows,
        attention=sum(row.status != ZoneStatus.WITHIN.value for row in rows),
        live=house.hub.address(site="", channels=["none"], every_s=60),
    )


def site_row(house: House, formats: Formats, site: SiteSpec, alerts: list[Alert]) -> SiteRow:
    snapshot, now_us = house.sources.snapshot(), house.context.clock.now_us()
    states = house.stores.zone_states([site.id])
    statuses = [status_of(states.get(zone.id)) for zone in snapshot.zones_of(site.id)]
    verdicts = house.stores.current_verdicts(site.id, snapshot, now_us)
    shares = {(verdict.zone, verdict.placement, verdict.hazard): (verdict.valid, verdict.expected) for verdict in verdicts if verdict.expected}
    # A zone without any result counts as wholly missing: unplugging must not make the figure better.
    missing = sum(zone.id not in {zone_id for zone_id, _, _ in shares} for zone in snapshot.zones_of(site.id))
    parts = [valid / expected for valid, expected in shares.values()] + [0.0] * missing
    share = sum(parts) / len(parts) if parts else 0.0
    status = worst(statuses)
    return SiteRow(
        id=site.id,
        name=site.name,
        country=site.country,
        status=status.value,
        mark=STATUS[status.value],
        zones=len(statuses),
        not_within=sum(held is not ZoneStatus.WITHIN for held in statuses),
        over=sum(verdict.value is not None and verdict.limit.value is not None and verdict.value > verdict.limit.value for verdict in verdicts),
        open_alerts=len(alerts),
        unacknowledged=unacknowledged(alerts),
        complete=formats.percent(share),
        complete_share=share,
        simulated=any(row.now.simulated for row in states.values()) or any(alert.simulated for alert in alerts),
    )
