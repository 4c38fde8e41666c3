"""How complete a zone's day is: a bar and a row for each channel, and each hole with its cause in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from assess.completeness import Completeness, Hole
from console import params
from console.completeness import read_completeness
from console.context import house_of
from console.floors import unacknowledged
from console.formats import Formats
from console.i18n import N_
from console.params import Span
from console.security import Reader
from console.words import metric_name
from domain.registry import Channel
from domain.times import from_datetime

router = APIRouter(include_in_schema=False)

SHOWN_MAX = 30
"""Holes of one channel in the table, the longest; the bar shows all."""
BAR = 1000
CAUSES = {
    "power": N_("Power was off"),
    "network": N_("No network"),
    "broker": N_("The broker did not answer"),
    "sensor": N_("The sensor gave no usable value"),
    "clock": N_("The device's clock was wrong"),
    "outbox_full": N_("The device's memory was full"),
    "centre": N_("Refused or lost at the centre"),
    "after retention": N_("Deleted after its retention"),
    "unknown": N_("Cause not known"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BarView:
    """A hole on the bar of a day, in thousandths of it."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoleView:
    start: str
    stop: str
    length: str
    cause: str
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDay:
    """One channel."""

    id: str
    name: str
    placement: str
    expected: str
    stored: str
    share: str
    until: float
    bars: list[BarView]
    holes: list[HoleView]
    more: int


@router.get("/zones/{zone}/completeness")
def completeness_page(request: Request, zone: str, caller: Reader, date: str = "") -> HTMLResponse:
    house = house_of(request)
    held = house.sources.zone(caller.scope, zone)
    formats, timezone = house.renderer.formats(request, caller.user), house.sources.timezone(held.site)
    now_us = house.context.clock.now_us()
    today = formats.date(now_us, timezone)
    day = params.day(date, "date") or today
    span = _day(day, timezone)
    found = [(channel, read_completeness(house.sources, house.stores, house.context.timeseries, channel, span, now_us)) for channel in house.sources.channels(caller.scope, zone)]
    return house.renderer.page(
        request,
        "completeness.html",
        caller,
        section="floor",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        zone=held,
        day=day,
        day_shown=formats.day(span.start_us, timezone),
        before=_shifted(day, -1),
        after=_shifted(day, 1) if day < today else "",
        channels=[_channel_day(channel, one, span, now_us, formats, timezone) for channel, one in found],
        whole=formats.percent(_share(sum(one.stored for _, one in found), sum(one.expected for _, one in found))),
        live=house.hub.address(site="", channels=["none"], every_s=60),
    )


def _day(day: str, timezone: ZoneInfo) -> Span:
    """From midnight to midnight, local: 23, 24 or 25 hours."""
    start = dt.datetime.fromisoformat(day).replace(tzinfo=timezone)
    return Span(from_datetime(start), from_datetime((dt.datetime.fromisoformat(day) + dt.timedelta(days=1)).replace(tzinfo=timezone)))


def _shifted(day: str, days: int) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=days)).isoformat()


def _share(stored: int, expected: int) -> float | None:
    return stored / expected if expected else None


def _channel_day(channel: Channel, found: Completeness, span: Span, now_us: int, formats: Formats, timezone: ZoneInfo) -> ChannelDay:
    longest = sorted(found.holes, key=lambda hole: hole.from_us - hole.to_us)[:SHOWN_MAX]
    views = {hole: _hole(hole, formats, timezone) for hole in found.holes}
    return ChannelDay(
        id=channel.id,
        name=metric_name(channel.quantity),
        placement=channel.placement,
        expected=formats.number(found.expected, 0),
        stored=formats.number(found.stored, 0),
        share=formats.percent(_share(found.stored, found.expected)),
        until=_place(min(now_us, span.stop_us), span),
        bars=[_bar(hole, views[hole], span, formats) for hole in found.holes],
        holes=[views[hole] for hole in sorted(longest, key=lambda hole: hole.from_us)],
        more=max(0, len(found.holes) - SHOWN_MAX),
    )


def _hole(hole: Hole, formats: Formats, timezone: ZoneInfo) -> HoleView:
    return HoleView(
        start=formats.clock_with_seconds(hole.from_us, timezone),
        stop=formats.clock_with_seconds(hole.to_us, timezone),
        length=formats.age(hole.to_us - hole.from_us),
        cause=CAUSES[hole.cause.value],
        missing=formats.number(hole.missing, 0),
    )


def _bar(hole: Hole, view: HoleView, span: Span, formats: Formats) -> BarView:
    x = _place(hole.from_us, span)
    return BarView(x=x, width=max(round(_place(hole.to_us, span) - x, 2), 1.0), title=f"{view.start}–{view.stop}: {formats.catalogue.gettext(view.cause)}")


def _place(time_us: int, span: Span) -> float:
    return round(max(0.0, min(1.0, (time_us - span.start_us) / (span.stop_us - span.start_us))) * BAR, 2)
