"""Samples or aggregates of a channel, in JSON pages or as CSV, SenML or Parquet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from console import params
from console.api.answers import answer, answers
from console.completeness import completeness_json, read_completeness
from console.context import house_of
from console.exports import FILES, FORMS, aggregate_pages, refuse_too_many, sample_pages
from console.params import Span
from console.problems import problem
from console.readings import PAGE, Aggregates, Samples, read_aggregates, read_samples, reading_json
from console.security import Reader
from console.shapes import AggregateJson, CompletenessJson, Page, ReadingJson
from domain.errors import BadInput
from domain.registry import Channel
from domain.times import DAY_US

router = APIRouter(tags=["readings"])

JSON = "application/json"
OFFERED = (JSON, *FILES)


@router.get("/channels/{channel}/readings", responses=answers(Page[ReadingJson], Page[AggregateJson], media=FILES))
def readings(
    request: Request,
    channel: str,
    caller: Reader,
    start: Annotated[str | None, Query(description="inclusive; RFC 3339 or Unix seconds; default: an hour before stop")] = None,
    stop: Annotated[str | None, Query(description="exclusive; default: now")] = None,
    every: Annotated[str | None, Query(description="length of a bucket: 30s, 15m, 1h; absent: samples")] = None,
    agg: Annotated[str | None, Query(description="mean (decibels by energy), max or min")] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int | None, Query(ge=1, le=PAGE, description="rows a page; absent: 10,000 in JSON, and the whole span as a file")] = None,
    min_q: Annotated[int, Query(ge=0, le=4, description="samples of at least this quality: 4 accepted, 3 also suspicious")] = 0,
    raw: Annotated[bool, Query(description="as the instrument gave it, without the corrections of its calibrations")] = False,
) -> Response:
    """Ascending in time. A sample's time is the end of its interval; a bucket is [start, stop)."""
    house = house_of(request)
    found = house.sources.channel(caller.scope, channel)
    media = _media(request.headers.get("accept", ""))
    if media is None:
        return problem(406, "offered are " + ", ".join(OFFERED), instance=request.url.path)
    fixes = [] if raw else house.sources.corrections(found)
    store, now_us, page = house.context.timeseries, house.context.clock.now_us(), limit or PAGE
    asked = params.span(start, stop, now_us)
    resumed = params.time_cursor(cursor)
    span = Span(max(asked.start_us, resumed), asked.stop_us) if resumed is not None else asked
    if every is None:
        if agg is not None:
            raise BadInput("needs a length of bucket", field="every", remedy="for example every=15m&agg=max")

        def samples(of: Span) -> Samples:
            return read_samples(store, found, of, page, fixes, min_q)

        return _samples_answer(request, found, samples, span, media, whole=limit is None)
    if min_q:
        raise BadInput("is for samples: an aggregate takes quality 3 and better", field="min_q", remedy="leave it out, or leave `every` out")
    every_us, how = params.duration(every, "every"), params.aggregate(agg or "mean")

    def aggregates(of: Span) -> Aggregates:
        return read_aggregates(store, found, of, every_us, how, now_us, page, fixes)

    return _aggregates_answer(request, found, aggregates, span, every_us, media, whole=limit is None)


def _samples_answer(request: Request, channel: Channel, read: Callable[[Span], Samples], span: Span, media: str, *, whole: bool) -> Response:
    if media != JSON and whole:
        store = house_of(request).context.timeseries
        refuse_too_many(store.count([channel.id], span.start_us, span.stop_us).get(channel.id, 0), "samples")
    first = read(span)
    if media == JSON:
        return answer(Page[ReadingJson](items=[reading_json(reading) for reading in first.readings], next=_next(first.next_us)))
    pages = sample_pages(read, span, first) if whole else iter([first.readings])
    headers = {} if whole else _link(request, first.next_us)
    return StreamingResponse(FORMS[media].samples(channel, pages), headers=headers, media_type=media)


def _aggregates_answer(request: Request, channel: Channel, read: Callable[[Span], Aggregates], span: Span, every_us: int, media: str, *, whole: bool) -> Response:
    form = None if media == JSON else FORMS[media].aggregates
    if media != JSON and form is None:
        raise BadInput("is for samples, not for aggregates", field="Accept", remedy="leave `every` out, or take JSON, CSV or Parquet")
    if form is not None and whole:
        refuse_too_many(-(-(span.stop_us - span.start_us) // every_us), "buckets")
    first = read(span)
    if form is None:
        return answer(Page[AggregateJson](items=first.buckets, next=_next(first.next_us)))
    pages = aggregate_pages(read, span, first) if whole else iter([first.buckets])
    return StreamingResponse(form(channel, pages), headers={} if whole else _link(request, first.next_us), media_type=media)


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
