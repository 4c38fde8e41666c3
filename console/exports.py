"""Readings and aggregates as files: CSV, SenML (RFC 8428) and Parquet, page after page, so that a year costs no more memory than a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from console.params import Span
from console.readings import PAGE, Aggregates, Samples, reading_json
from console.shapes import AggregateJson
from domain.errors import BadInput
from domain.ids import wire_name
from domain.quality import Quality
from domain.quantities import quantity_of
from domain.reading import Reading
from domain.registry import Channel
from domain.times import SECOND_US

CSV, SENML, PARQUET = "text/csv", "application/senml+json", "application/vnd.apache.parquet"
FILES = (CSV, SENML, PARQUET)
EXPORT_MAX = 5_000_000
"""Rows of one export: two months of a channel at one a second. More is refused before the first byte, not cut off after the last."""

SAMPLE_COLUMNS = ("time", "value", "q", "r")
BUCKET_COLUMNS = ("start", "stop", "value", "min", "max", "n", "expected", "coverage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one medium writes pages of samples and of aggregates; None: it has no form for them."""

    samples: Callable[[Channel, Iterable[Sequence[Reading]]], Iterator[bytes]]
    aggregates: Callable[[Channel, Iterable[Sequence[AggregateJson]]], Iterator[bytes]] | None


def sample_pages(read: Callable[[Span], Samples], span: Span, first: Samples) -> Iterator[list[Reading]]:
    """`first`, and what follows it to the end of the span."""
    page = first
    while True:
        yield page.readings
        if page.next_us is None:
            return
        page = read(Span(page.next_us, span.stop_us))


def aggregate_pages(read: Callable[[Span], Aggregates], span: Span, first: Aggregates) -> Iterator[list[AggregateJson]]:
    """`first`, and what follows it to the end of the span."""
    page = first
    while True:
        yield page.buckets
        if page.next_us is None:
            return
        page = read(Span(page.next_us, span.stop_us))


def refuse_too_many(rows: int, what: str) -> None:
    """Raises `BadInput` for an export of more rows than one request may cost."""
    if rows > EXPORT_MAX:
        raise BadInput(
            f"the span holds {rows:,} {what}; one request gives at most {EXPORT_MAX:,}",
            field="start",
            remedy=f"ask for a shorter span, for longer buckets with `every`, or for pages with `limit` (at most {PAGE:,})",
        )


def _samples_csv(_channel: Channel, pages: Iterable[Sequence[Reading]]) -> Iterator[bytes]:
    yield _lines([SAMPLE_COLUMNS])
    for page in pages:
        yield _lines((item.time, _cell(item.value), item.q, " ".join(map(str, item.r))) for item in map(reading_json, page))


def _aggregates_csv(_channel: Channel, pages: Iterable[Sequence[AggregateJson]]) -> Iterator[bytes]:
    yield _lines([BUCKET_COLUMNS])
    for page in pages:
        yield _lines((item.start, item.stop, _cell(item.value), _cell(item.min), _cell(item.max), item.n, item.expected, item.coverage) for item in page)


def _samples_senml(channel: Channel, pages: Iterable[Sequence[Reading]]) -> Iterator[bytes]:
    """As contract 3.1 takes it in: base name the agent, the unit in each record, quality in `q` and `r`; times are absolute."""
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    name = {"n": wire_name(channel.id)[len(channel.agent) + 1 :], "u": quantity.unit if quantity else ""}
    before = b"["
    for page in pages:
        records = [_record(name, reading) for reading in page]
        if before == b"[" and records:
            records[0] = {"bn": f"{channel.agent}/", **records[0]}
        if records:
            yield before + b",".join(map(msgspec.json.encode, records))
            before = b","
    yield b"[]" if before == b"[" else b"]"


def _record(name: dict[str, str], reading: Reading) -> dict[str, object]:
    record: dict[str, object] = {**name, "t": reading.time_us / SECOND_US}
    if reading.value is not None and reading.q > Quality.REJECTED:
        record["v"] = reading.value
    if reading.q != Quality.ACCEPTED:
        record["q"] = reading.q
    if reading.r:
        record["r"] = list(reading.r)
    return record


def _samples_parquet(channel: Channel, pages: Iterable[Sequence[Reading]]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - 60 MB that only this answer needs

    schema = pa.schema([("time", pa.timestamp("us", tz="UTC")), ("value", pa.float64()), ("q", pa.int8()), ("r", pa.list_(pa.int16()))], metadata=_about(channel))

    def columns(page: Sequence[Reading]) -> list[Any]:
        values = [reading.value if reading.q > Quality.REJECTED else None for reading in page]
        return [[reading.time_us for reading in page], values, [reading.q for reading in page], [list(reading.r) for reading in page]]

    yield from _parquet(schema, map(columns, pages))


def _aggregates_parquet(channel: Channel, pages: Iterable[Sequence[AggregateJson]]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415

    instant, number = pa.timestamp("us", tz="UTC"), pa.float64()
    types = [instant, instant, number, number, number, pa.int64(), pa.int64(), number]
    schema = pa.schema(list(zip(BUCKET_COLUMNS, types, strict=True)), metadata=_about(channel))

    def columns(page: Sequence[AggregateJson]) -> list[Any]:
        times = [[datetime.fromisoformat(getattr(item, name)) for item in page] for name in BUCKET_COLUMNS[:2]]
        return times + [[getattr(item, name) for item in page] for name in BUCKET_COLUMNS[2:]]

    yield from _parquet(schema, map(columns, pages))


def _parquet(schema: Any, pages: Iterator[list[Any]]) -> Iterator[bytes]:
    """A row group a page; the footer comes last, so an answer that was cut short cannot be read as a whole one."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for columns in pages:
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Where the Parquet writer writes; emptied into the answer after each page."""

    def __init__(self) -> None:
        self._held, self._told = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        data = bytes(block)
        self._held += data
        self._told += len(data)
        return len(data)

    def tell(self) -> int:
        return self._told

    def take(self) -> bytes:
        block = bytes(self._held)
        self._held.clear()
        return block


def _about(channel: Channel) -> dict[str, str]:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    return {"channel": channel.id, "quantity": channel.quantity, "unit": quantity.unit if quantity else "", "site": channel.site, "zone": channel.zone}


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


FORMS = {
    CSV: Form(samples=_samples_csv, aggregates=_aggregates_csv),
    SENML: Form(samples=_samples_senml, aggregates=None),
    PARQUET: Form(samples=_samples_parquet, aggregates=_aggregates_parquet),
}
