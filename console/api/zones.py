"""What a zone is like now, and what was assessed of a site's shifts."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console import params
from console.api.answers import answer, answers
from console.context import House, house_of
from console.floors import Floor, load_floor
from console.pages.floor import advice
from console.security import Reader
from console.shapes import ChannelNow, Page, SuspectJson, ZoneNow, forecast_json, window_json
from console.stores import running_and_last
from domain.quantities import quantity_of
from domain.registry import Channel
from domain.times import SECOND_US, to_rfc3339
from domain.verdict import Verdict

router = APIRouter(tags=["zones"])


@router.get("/zones/{zone}/now", responses=answers(ZoneNow))
def now(request: Request, zone: str, caller: Reader) -> Response:
    """Live state: last values with their age, running windows, verdicts so far, what is suspected, what to do."""
    house = house_of(request)
    floor = load_floor(house, caller.scope, house.sources.zone(caller.scope, zone).site, zone)
    return answer(zone_now(house, floor, zone))


def zone_now(house: House, floor: Floor, zone: str) -> ZoneNow:
    row, status, since = floor.rows.get(zone), floor.status(zone), floor.since(zone)
    live, current = row.now if row else None, floor.current(zone) is not None
    channels = floor.channels[zone]
    suspects = house.stores.suspects.all([channel.id for channel in channels])
    return ZoneNow(
        zone=zone,
        status=status.value,
        since=to_rfc3339(since) if since is not None and current else None,
        at=to_rfc3339(live.at_us) if live else None,
        shift=live.shift if live else None,
        hazards={hazard: held.value for hazard, held in live.hazards.items()} if live else {},
        channels=[_channel_now(channel, floor) for channel in channels],
        windows=[window_json(window) for window in live.windows] if live else [],
        verdicts=list(floor.verdicts),
        suspects=[
            SuspectJson(channel=found.channel, kind=found.kind, fault_type=found.fault_type, since=to_rfc3339(found.since_us), score=found.score, text=found.text)
            for found in suspects
        ],
        forecasts=[forecast_json(forecast) for forecast in live.forecasts] if live and current else [],
        advice=advice(house, floor, zone),
        silent=[channel.id for channel in floor.silent()],
        simulated=floor.simulated(),
    )


def _channel_now(channel: Channel, floor: Floor) -> ChannelNow:
    """Value and age of the last reading that has one; `q` and `r` of the newest record, which says why there is none."""
    newest = floor.newest.get(channel.id)
    reading, age, quantity = floor.last.get(channel.id), floor.age_us(channel.id), quantity_of(channel.quantity, channel.spec.unit)
    return ChannelNow(
        channel=channel.id,
        quantity=channel.quantity,
        value=reading.value if reading else None,
        unit=quantity.unit if quantity else channel.spec.unit,
        time=to_rfc3339(reading.time_us) if reading else None,
        age_s=params.rounded(age / SECOND_US) if age is not None else None,
        q=newest.q if newest else None,
        r=list(newest.r) if newest else [],
        fresh=floor.fresh(channel),
    )


@router.get("/sites/{site}/exposures", responses=answers(Page[Verdict]))
def exposures(
    request: Request,
    site: str,
    caller: Reader,
    date: Annotated[str | None, Query(description="local start date of the shift; absent: the running and the last shift")] = None,
    shift: Annotated[str | None, Query(max_length=64)] = None,
    zone: Annotated[str | None, Query(max_length=128)] = None,
    hazard: Annotated[str | None, Query(max_length=64)] = None,
    revisions: Annotated[Literal["all", "latest"] | None, Query()] = None,
) -> Response:
    """Verdicts, the latest revision of each; `revisions=all`: also the ones before."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    if zone is not None:
        zone = house.sources.zone(caller.scope, zone if "." in zone else f"{site}.{zone}").id
    wanted = params.day(date, "date")
    shifts = None if wanted else running_and_last(site, house.sources.snapshot(), house.context.clock.now_us())
    found = house.stores.verdicts(site, date=wanted, shift=shift, zone=zone, hazard=hazard, revisions=revisions == "all", shifts=shifts)
    return answer(Page[Verdict](items=[msgspec.structs.replace(stored.verdict) for stored in found]))
