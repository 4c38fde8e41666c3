"""The trend around an alert or a reviewed excursion, from an hour before it to an hour after it, against the limit that it was over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.state import Alert
from assess.plan import Span, span_of
from console.chart import Drawing, Line, Series, draw
from console.context import House
from console.formats import Formats
from console.i18n import N_
from console.pages.trend import PREFERRED, WBGT, Subject, describe, points_of, subjects_of
from console.words import metric_name
from domain.quantities import quantity_of
from domain.times import HOUR_US, MINUTE_US, minute_of
from domain.verdict import LimitOf

AROUND_US = HOUR_US
LONGEST_US = 24 * HOUR_US
LIMIT = N_("Limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """When and where something was over a limit; `ended_us` None while it lasts."""

    zone: str
    hazard: str
    channel: str | None
    started_us: int
    ended_us: int | None
    limit: LimitOf | None
    unit: str


def event_of(alert: Alert) -> Event:
    return Event(
        zone=alert.zone,
        hazard=alert.hazard,
        channel=alert.channel,
        started_us=alert.raised_at_us,
        ended_us=alert.returned_at_us,
        limit=alert.limit,
        unit=alert.unit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrend:
    what: str
    unit: str
    label: str
    drawing: Drawing


def event_trend(house: House, formats: Formats, event: Event) -> EventTrend | None:
    """Of the event's own channel, else of what tells most of its hazard there; None where nothing is on record."""
    start_us = minute_of(event.started_us - AROUND_US)
    stop_us = min(house.context.clock.now_us(), (event.ended_us or house.context.clock.now_us()) + AROUND_US, start_us + LONGEST_US)
    span = span_of(house.sources.registry(), event.zone, None, start_us, max(1, (stop_us - start_us) // MINUTE_US)) if event.zone else None
    if span is None:
        return None
    drawn = [(subject, points) for subject in _about(event, span) if (points := points_of(house, span, subject))]
    if not drawn:
        return None
    subject, points = max(drawn, key=lambda one: max(value for _, value in one[1]))
    timezone = house.sources.timezone(span.site.id)
    series = Series(points=points, start_us=start_us, stop_us=stop_us, lines=_limit(event, subject, formats), decimals=subject.decimals)
    quantity = quantity_of(subject.quantity, subject.unit)
    return EventTrend(
        what=metric_name(subject.quantity),
        unit=quantity.unit_shown if quantity else "",
        label=describe(series, subject, formats, timezone),
        drawing=draw(series, timezone),
    )


def _about(event: Event, span: Span) -> list[Subject]:
    """One quantity, at each placement that has it."""
    found = subjects_of(span)
    if event.channel:
        return [one for one in found if event.channel in one.placement.channels.get(one.quantity, ())]
    found = [one for one in found if _hazard(one) == event.hazard]
    telling = min(found, key=lambda one: PREFERRED.index(one.quantity) if one.quantity in PREFERRED else len(PREFERRED), default=None)
    return [one for one in found if telling is not None and one.quantity == telling.quantity]


def _hazard(subject: Subject) -> str:
    quantity = quantity_of(subject.quantity, subject.unit)
    return "heat" if subject.quantity == WBGT else quantity.hazard if quantity else ""


def _limit(event: Event, subject: Subject, formats: Formats) -> Sequence[Line]:
    """Only of a value that may be held against it: a dose or minutes of rest are not what is drawn."""
    limit = event.limit
    if limit is None or limit.value is None or event.unit != subject.unit:
        return ()
    return (Line(limit.value, "action", f"{formats.catalogue.gettext(LIMIT)} {formats.number(limit.value, subject.decimals)}"),)
