"""Samples or aggregates of a channel, in JSON, CSV or SenML."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from console import params
from console.api.answers import answer, answers
from console.completeness import completeness_json, read_completeness
from console.context import house_of
from console.params import Span
from console.problems import problem
from console.readings import PAGE, aggregates_csv, read_aggregates, read_samples, reading_json, readings_csv, readings_senml
from console.security import Reader
from console.shapes import AggregateJson, CompletenessJson, Page, ReadingJson
from domain.errors import BadInput
from domain.times import DAY_US

router = APIRouter(tags=["readings"])

JSON, CSV, SENML = "application/json", "text/csv", "application/senml+json"
OFFERED = (JSON, CSV, SENML)


@router.get("/channels/{channel}/readings", responses=answers(Page[ReadingJson], Page[AggregateJson], media=(CSV, SENML)))
def readings(
    request: Request,
    channel: str,
    caller: Reader,
    start: Annotated[str | None, Query(description="inclusive; RFC 3339 or Unix seconds; default: an hour before stop")] = None,
    stop: Annotated[str | None, Query(description="exclusive; default: now")] = None,
    every: Annotated[str | None, Query(description="length of a bucket: 30s, 15m, 1h; absent: samples")] = None,
    agg: Annotated[str | None, Query(description="mean (decibels by energy), max or min")] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    raw: Annotated[bool, Query(description="as the instrument gave it, without the corrections of its calibrations")] = False,
) -> Response:
    """Ascending in time. A sample's time is the end of its interval; a bucket is [start, stop)."""
    house = house_of(request)
    found = house.sources.channel(caller.scope, channel)
    media = _media(request.headers.get("accept", ""))
    if media is None:
        return problem(406, "offered are " + ", ".join(OFFERED), instance=request.url.path)
    fixes = [] if raw else house.sources.corrections(found)
    now_us = house.context.clock.now_us()
    asked = params.span(start, stop, now_us)
    resumed = params.time_cursor(cursor)
    span = Span(max(asked.start_us, resumed), asked.stop_us) if resumed is not None else asked
    if every is None:
        if agg is not None:
            raise BadInput("needs a length of bucket", field="every", remedy="for example every=15m&agg=max")
        samples = read_samples(house.context.timeseries, found, span, limit, fixes)
        if media == SENML:
            return Response(readings_senml(found, samples.readings), headers=_link(request, samples.next_us), media_type=SENML)
        shown = [reading_json(reading) for reading in samples.readings]
        if media == CSV:
            return Response(readings_csv(shown), headers=_link(request, samples.next_us), media_type=CSV)
        return answer(Page[ReadingJson](items=shown, next=_next(samples.next_us)))
    if media == SENML:
        raise BadInput("is for samples, not for aggregates", field="Accept", remedy="leave `every` out, or take JSON or CSV")
    buckets = read_aggregates(house.context.timeseries, found, span, params.duration(every, "every"), params.aggregate(agg or "mean"), now_us, limit, fixes)
    if media == CSV:
        return Response(aggregates_csv(buckets.buckets), headers=_link(request, buckets.next_us), media_type=CSV)
    return answer(Page[AggregateJson](items=buckets.buckets, next=_next(buckets.next_us)))


@router.get("/channels/{channel}/completeness", responses=answers(CompletenessJson))
def completeness(
    request: Request,
    channel: str,
    caller: Reader,
    start: Annotated[str | None, Query(description="inclusive; RFC 3339 or Unix seconds; default: a day before stop")] = None,
    stop: Annotated[str | None, Query(description="exclusive; default: now")] = None,
) -> Response:
    """How many samples should exist, how many do, and why the others do not: power, network, broker, sensor, clock, outbox_full, centre or unknown."""
    house = house_of(request)
    found = house.sources.channel(caller.scope, channel)
    now_us = house.context.clock.now_us()
    span = params.span(start, stop, now_us, DAY_US)
    return answer(completeness_json(read_completeness(house.sources, house.stores, house.context.timeseries, found, span, now_us), span))


def _next(time_us: int | None) -> str | None:
    return None if time_us is None else params.to_cursor(time_us)


def _link(request: Request, time_us: int | None) -> dict[str, str]:
    """RFC 8288, for forms that have no place for `next`."""
    if time_us is None:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*query, ("cursor", params.to_cursor(time_us))])}>; rel="next"'}


def _media(accept: str) -> str | None:
    """The first offered one that is asked for; JSON where anything goes."""
    if not accept.strip():
        return JSON
    for part in accept.split(","):
        media = part.partition(";")[0].strip().lower()
        if media in OFFERED:
            return media
        if media in ("*/*", "application/*"):
            return JSON
    return None
