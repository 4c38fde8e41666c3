"""Samples and aggregates of one channel, page by page, ready to be shown. Decibels are averaged by energy, never arithmetically."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.corrected import commute, corrected, corrected_minute
from console.params import Span
from console.shapes import AggregateJson, ReadingJson
from domain.calibration import Correction
from domain.quality import Quality
from domain.quantities import Averaging, quantity_of
from domain.reading import Minute, Reading, is_superseded
from domain.registry import Channel
from domain.times import MINUTE_US, SECOND_US, to_rfc3339
from storage.timeseries.port import TimeSeries

PAGE = 10_000
RAW_MAX = 400_000
"""Samples that one page of aggregates may read; longer spans are answered from minutes."""


@dataclass(frozen=True, slots=True)
class Samples:
    """A page of samples; `next_us` is where the next page starts."""

    readings: list[Reading]
    next_us: int | None


@dataclass(frozen=True, slots=True)
class Aggregates:
    buckets: list[AggregateJson]
    next_us: int | None


def read_samples(store: TimeSeries, channel: Channel, span: Span, limit: int = PAGE, fixes: Sequence[Correction] = (), min_q: int = 0) -> Samples:
    """At most `limit` samples of at least quality `min_q` from `span`, in slices that grow while they are empty, so that a long span costs no more than a page."""
    last = store.last([channel.id]).get(channel.id)
    stop_us = min(span.stop_us, last.time_us + 1) if last else span.start_us
    found: list[Reading] = []
    start_us, slice_us = span.start_us, max(MINUTE_US, round(limit * channel.spec.interval_s * SECOND_US))
    while start_us < stop_us and len(found) <= limit:
        until_us = min(stop_us, start_us + slice_us)
        readings = store.read([channel.id], start_us, until_us).get(channel.id, [])
        found += [reading for reading in readings if reading.q >= min_q and not is_superseded(reading)]
        start_us, slice_us = until_us, slice_us if readings else slice_us * 8
    next_us = found[limit].time_us if len(found) > limit else None
    return Samples([corrected(reading, fixes) for reading in found[:limit]], next_us)


def read_aggregates(
    store: TimeSeries, channel: Channel, span: Span, every_us: int, agg: str, now_us: int, limit: int = PAGE, fixes: Sequence[Correction] = (), raw_max: int = RAW_MAX
) -> Aggregates:
    """Buckets of `every_us` from the span's start on, empty ones too: a hole in the data must be seen."""
    expected_each = every_us / (channel.spec.interval_s * SECOND_US)
    averaging = _averaging(channel)
    whole_minutes = every_us % MINUTE_US == 0 and span.start_us % MINUTE_US == 0 and commute(fixes, averaging)
    from_minutes = whole_minutes and min(span.stop_us, now_us) - span.start_us > raw_max * channel.spec.interval_s * SECOND_US
    if not from_minutes:
        limit = max(1, min(limit, math.floor(raw_max / max(1.0, expected_each))))
    stop_us = min(span.stop_us, span.start_us + limit * every_us)
    next_us = stop_us if stop_us < span.stop_us else None
    read = _minute_parts if from_minutes else _sample_parts
    parts = read(store, channel, span.start_us, stop_us, averaging, fixes)
    whole = round(SECOND_US * channel.spec.interval_s)
    buckets = [
        _bucket(start_us, until_us, inside, max(0, min(until_us, now_us) - start_us) / whole, agg, averaging)
        for start_us, until_us, inside in _sorted_into(parts, Span(span.start_us, stop_us), every_us)
    ]
    return Aggregates(buckets, next_us)


def _sorted_into(parts: Iterator[_Part], span: Span, every_us: int) -> Iterator[tuple[int, int, list[_Part]]]:
    """(start, stop, what lies in it) of each bucket; the last one ends with the span."""
    part = next(parts, None)
    for start_us in range(span.start_us, span.stop_us, every_us):
        until_us = min(start_us + every_us, span.stop_us)
        inside = []
        while part is not None and part.at_us < until_us:
            inside.append(part)
            part = next(parts, None)
        yield start_us, until_us, inside


@dataclass(frozen=True, slots=True)
class _Part:
    """A sample or a minute, in its quantity's own averaging domain."""

    at_us: int
    n: int
    total: float
    low: float
    high: float


def _averaging(channel: Channel) -> Averaging:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    return quantity.averaging if quantity else Averaging.ARITHMETIC


def _sample_parts(store: TimeSeries, channel: Channel, start_us: int, stop_us: int, averaging: Averaging, fixes: Sequence[Correction]) -> Iterator[_Part]:
    for raw in store.read([channel.id], start_us, stop_us).get(channel.id, []):
        reading = corrected(raw, fixes)
        if reading.counts and reading.value is not None:
            total = 10.0 ** (reading.value / 10.0) if averaging is Averaging.ENERGY else reading.value
            yield _Part(reading.time_us, 1, total, reading.value, reading.value)


def _minute_parts(store: TimeSeries, channel: Channel, start_us: int, stop_us: int, averaging: Averaging, fixes: Sequence[Correction]) -> Iterator[_Part]:
    for raw in store.read_minutes([channel.id], start_us, stop_us).get(channel.id, []):
        minute = corrected_minute(raw, fixes, averaging)
        if _counts(minute):
            yield _Part(minute.start_us, minute.valid, minute.total, minute.low or 0.0, minute.high or 0.0)


def _counts(minute: Minute) -> bool:
    return minute.valid > 0 and minute.low is not None and minute.high is not None


def _bucket(start_us: int, stop_us: int, parts: Sequence[_Part], intervals: float, agg: str, averaging: Averaging) -> AggregateJson:
    n, expected = sum(part.n for part in parts), round(intervals)
    low, high = (min(part.low for part in parts), max(part.high for part in parts)) if parts else (None, None)
    value = {"min": low, "max": high}.get(agg, _mean(parts, n, averaging))
    coverage = min(1.0, n / expected) if expected else (1.0 if n else 0.0)
    return AggregateJson(start=to_rfc3339(start_us), stop=to_rfc3339(stop_us), value=value, min=low, max=high, n=n, expected=expected, coverage=round(coverage, 4))


def _mean(parts: Sequence[_Part], n: int, averaging: Averaging) -> float | None:
    if n == 0:
        return None
    if averaging is Averaging.MAXIMUM:
        return max(part.total for part in parts)
    mean = math.fsum(part.total for part in parts) / n
    return 10.0 * math.log10(mean) if averaging is Averaging.ENERGY else mean


def reading_json(reading: Reading) -> ReadingJson:
    """A rejected reading keeps its quality and reasons, and reads as no value."""
    value = reading.value if reading.q > Quality.REJECTED else None
    return ReadingJson(time=to_rfc3339(reading.time_us), value=value, q=reading.q, r=list(reading.r))
