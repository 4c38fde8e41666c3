"""Completeness of a channel over a period, from the registry's dates, the store, declared gaps and quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from assess.completeness import Blame, CentreCause, Completeness, Due, completeness
from console.params import Span
from console.shapes import CompletenessJson, HoleJson
from console.sources import Sources
from console.stores import Stores
from domain.errors import BadInput
from domain.ids import channel_id
from domain.jsontext import from_json
from domain.messages import GapCause
from domain.quality import Quality, Reason
from domain.reading import Minute, Reading, is_superseded
from domain.registry import Channel, Registry
from domain.senml import Refusal
from domain.times import DAY_US, MINUTE_US, SECOND_US, to_rfc3339
from storage.timeseries.port import TimeSeries

RAW_MAX = 200_000
"""Samples read one by one; a longer period is told by its minutes."""
MINUTES_MAX = 400 * DAY_US // MINUTE_US
QUARANTINE_MAX = 5_000
OF_RETENTION, OF_RECORD, OF_QUARANTINE, DECLARED = -1, 0, 1, 2
"""How sure a cause is: a record that came and is no sample says it best."""

_CLOCK = (Refusal.FUTURE_TIME.value, Refusal.RELATIVE_TIME.value)
_SENSOR = (Refusal.IMPLAUSIBLE.value, Refusal.NOT_FINITE.value, Refusal.NO_VALUE.value)
_CAUSES = {cause.value: cause for cause in GapCause}


def read_completeness(sources: Sources, stores: Stores, store: TimeSeries, channel: Channel, span: Span, now_us: int) -> Completeness:
    """Raises `BadInput` for a period that is too long to be looked at in one go."""
    if span.stop_us - span.start_us > MINUTES_MAX * MINUTE_US:
        raise BadInput("is too far from start", field="stop", remedy="ask for at most 400 days at once")
    dues = list(_dues(sources.registry(), channel, span))
    if not dues:
        return completeness([], [], [], now_us)
    interval_us = min(due.interval_us for due in dues)
    if (span.stop_us - span.start_us) / interval_us <= RAW_MAX:
        times, bad = _of_readings(store.read([channel.id], span.start_us, span.stop_us).get(channel.id, []))
        for gone in _expired(store, channel, span, "readings"):  # what retention left of them
            left = _of_minutes(store.read_minutes([channel.id], gone.start_us, gone.stop_us).get(channel.id, []), interval_us)
            times, bad = times + left[0], bad + left[1]
    else:
        times, bad = _of_minutes(store.read_minutes([channel.id], span.start_us, span.stop_us).get(channel.id, []), interval_us)
    found = completeness(dues, times, (), now_us)
    if not found.holes:
        return found
    blames = [
        *_expired(store, channel, span, "minutes"),
        *_runs(bad, interval_us),
        *_declared(stores, channel, span, interval_us),
        *_quarantined(stores, channel, span, interval_us),
    ]
    return completeness(dues, times, blames, now_us)


def completeness_json(found: Completeness, span: Span) -> CompletenessJson:
    holes = [HoleJson(from_=to_rfc3339(hole.from_us), to=to_rfc3339(hole.to_us), cause=hole.cause.value, missing=hole.missing) for hole in found.holes]
    return CompletenessJson(start=to_rfc3339(span.start_us), stop=to_rfc3339(span.stop_us), expected=found.expected, stored=found.stored, holes=holes)


def _dues(registry: Registry, channel: Channel, span: Span) -> Iterator[Due]:
    """The spans in which the channel was registered; neighbours with one interval are one."""
    edges = [span.start_us, *registry.changes_between(span.start_us, span.stop_us), span.stop_us]
    open_due: Due | None = None
    for start_us, stop_us in pairwise(edges):
        held = registry.at(start_us).channels.get(channel.id)
        interval_us = round(held.spec.interval_s * SECOND_US) if held else 0
        if open_due and interval_us == open_due.interval_us:
            open_due = Due(start_us=open_due.start_us, stop_us=stop_us, interval_us=interval_us)
            continue
        if open_due:
            yield open_due
        open_due = Due(start_us=start_us, stop_us=stop_us, interval_us=interval_us) if interval_us else None
    if open_due:
        yield open_due


def _of_readings(readings: Sequence[Reading]) -> tuple[list[int], list[tuple[int, GapCause]]]:
    """(times of usable values, what came and is none)."""
    times: list[int] = []
    bad: list[tuple[int, GapCause]] = []
    for reading in readings:
        if is_superseded(reading):
            continue
        if Reason.CLOCK_UNSYNCED in reading.r:
            bad.append((reading.time_us, GapCause.CLOCK))
        elif reading.value is None or reading.q <= Quality.REJECTED:
            bad.append((reading.time_us, GapCause.SENSOR))
        else:
            times.append(reading.time_us)
    return times, bad


def _of_minutes(minutes: Sequence[Minute], interval_us: int) -> tuple[list[int], list[tuple[int, GapCause]]]:
    """A minute does not say when its samples were: they are taken as evenly spread, those that lack as its last."""
    times: list[int] = []
    bad: list[tuple[int, GapCause]] = []
    for minute in minutes:
        step_us = min(interval_us, MINUTE_US // max(minute.valid, 1)) if minute.valid * interval_us >= MINUTE_US - interval_us else interval_us
        times += [minute.start_us + number * step_us for number in range(minute.valid)]
        cause = GapCause.CLOCK if Reason.CLOCK_UNSYNCED in minute.reasons else GapCause.SENSOR
        bad += [(minute.start_us + (minute.valid + number) * step_us, cause) for number in range(minute.rejected)]
    return times, bad


def _expired(store: TimeSeries, channel: Channel, span: Span, what: str) -> list[Blame]:
    """What retention deleted, as far as it lies in the span."""
    found = [each for each in store.expired([channel.id], span.start_us, span.stop_us).get(channel.id, []) if each.what == what]
    return [Blame(start_us=max(each.start_us, span.start_us), stop_us=min(each.stop_us, span.stop_us), cause=CentreCause.AFTER_RETENTION, rank=OF_RETENTION) for each in found]


def _runs(bad: Iterable[tuple[int, GapCause]], interval_us: int) -> Iterator[Blame]:
    """Records without a usable value that follow each other are one span: a record stands for the interval that ends with it."""
    run: tuple[int, int, GapCause] | None = None
    for time_us, cause in sorted(bad):
        if run and cause is run[2] and time_us - run[1] <= 2 * interval_us:
            run = (run[0], time_us, cause)
            continue
        if run:
            yield Blame(start_us=run[0], stop_us=run[1], cause=run[2], rank=OF_RECORD)
        run = (time_us - interval_us, time_us, cause)
    if run:
        yield Blame(start_us=run[0], stop_us=run[1], cause=run[2], rank=OF_RECORD)


def _declared(stores: Stores, channel: Channel, span: Span, interval_us: int) -> Iterator[Blame]:
    """Gaps that the agent declared or the centre found, of the whole agent or of a sensor that may be this channel's. Lost packs are told by their samples' times."""
    for gap in stores.gaps.of_agent(channel.agent, span.start_us, span.stop_us + interval_us):
        before_us = 0 if gap.from_seq is None else interval_us
        yield Blame(start_us=gap.start_us - before_us, stop_us=gap.stop_us, cause=_CAUSES.get(gap.cause, GapCause.UNKNOWN), rank=DECLARED)


def _quarantined(stores: Stores, channel: Channel, span: Span, interval_us: int) -> Iterator[Blame]:
    after, seen = 0, 0
    while seen < QUARANTINE_MAX and (items := stores.quarantine.held(agent=channel.agent, after_id=after)):
        after, seen = items[-1].id, seen + len(items)
        for item in items:
            cause = GapCause.CLOCK if item.refusal in _CLOCK else GapCause.SENSOR if item.refusal in _SENSOR else GapCause.CENTRE
            for time_us in _times_of(item.payload, channel):
                if span.start_us <= time_us < span.stop_us + interval_us:
                    yield Blame(start_us=time_us - interval_us, stop_us=time_us, cause=cause, rank=OF_QUARANTINE)


def _times_of(payload: bytes, channel: Channel) -> Iterator[int]:
    """When the channel's records in a refused message were, as far as it can be read."""
    try:
        records: Any = from_json(payload)
    except msgspec.DecodeError:
        return
    base = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    for record in records if base else ():
        placement, _, quantity = str(record.get("n", "")).partition("/") if isinstance(record, dict) else ("", "", "")
        if channel_id(channel.agent, placement, quantity) == channel.id:
            seconds = [part for part in (base.get("bt", 0.0), record.get("t", 0.0)) if isinstance(part, (int, float)) and abs(part) < 9e9]
            yield round(sum(seconds) * SECOND_US)
