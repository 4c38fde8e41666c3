"""A CSV of samples (contract 7): text in, checked series out. What cannot be a measurement is refused with its line, never mended."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from io import StringIO
from itertools import pairwise
from statistics import median

from domain.errors import BadInput
from domain.ids import ID_RULE, is_id
from domain.quality import COUNTS_FROM, Reason
from domain.quantities import QUANTITIES, Quantity, is_cas, quantity_of
from domain.reading import Reading
from domain.times import SECOND_US, from_datetime, parse_instant, to_datetime

NEEDED = ("time", "quantity", "value")
OPTIONAL = ("zone", "unit", "q", "r")
EARLIEST_US = from_datetime(datetime(1980, 1, 1, tzinfo=UTC))
LATEST_US = from_datetime(datetime(2100, 1, 1, tzinfo=UTC))
LONE_INTERVAL_S = 60.0
"""What a single sample is taken to stand for."""

_UNIX_SECONDS = re.compile(r"-?\d+(\.\d+)?")
_TIME_REMEDY = "write 2026-11-22T07:00:00+07:00, with an offset, or Unix seconds"
_SATURATED = int(Reason.SATURATED)
_CODES = frozenset(map(int, Reason))
_ABSENT = -1


@dataclass(slots=True)
class Track:
    """The samples of one quantity in one zone, by time; a missing one has no value."""

    zone: str  # as the file names it; "" where it does not
    quantity: Quantity
    line: int  # where it begins
    unit: str = ""  # as the file states it; "" where it does not
    readings: list[Reading] = field(default_factory=list)

    @property
    def spacing_s(self) -> float:
        """Median distance of its samples."""
        times = [reading.time_us for reading in self.readings]
        return median([after - before for before, after in pairwise(times)]) / SECOND_US if len(times) > 1 else LONE_INTERVAL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """A file of samples. `offset` is that of its times; None: Unix seconds, or more than one by the site's own clock."""

    source: str
    tracks: Sequence[Track]
    first_us: int
    last_us: int
    offset: timedelta | None


def read_samples(text: str, source: str, timezone: tzinfo | None = None) -> Samples:
    """Every row, or `BadInput` with the line of the first that is wrong. `timezone`: the site's, whose own changes of offset are allowed."""
    tracks: dict[tuple[str, str], Track] = {}
    times = _Times(timezone)
    rows = _rows(text, source)
    line, header = next(rows, (1, []))
    try:
        columns = _columns(header)
        for line, row in rows:
            _enter(tracks, columns, times, row, line)
    except BadInput as error:
        raise BadInput(error.message, source=source, line=error.line or line, field=error.field, remedy=error.remedy) from None
    if not tracks:
        raise BadInput("no samples", source=source, line=line, remedy="give a line time,quantity,value for each sample")
    found = list(tracks.values())
    for track in found:
        _check_track(track, source)
    stamps = [reading.time_us for track in found for reading in (track.readings[0], track.readings[-1])]
    return Samples(source=source, tracks=found, first_us=min(stamps), last_us=max(stamps), offset=times.offset)


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells; blank lines are no rows."""
    if not text.strip():
        raise BadInput("the file is empty", source=source, line=1, remedy=f"begin with the header {','.join(NEEDED)}")
    reader = csv.reader(StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        for row in reader:
            if row and any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(f"not CSV: {error}", source=source, line=reader.line_num, remedy="save it as comma-separated text") from None


@dataclass(frozen=True, slots=True)
class _Columns:
    time: int
    quantity: int
    value: int
    zone: int
    unit: int
    q: int
    r: int
    width: int


def _columns(header: Sequence[str]) -> _Columns:
    names = [name.strip() for name in header]
    for name in NEEDED:
        if name not in names:
            raise BadInput(f"no column '{name}'", remedy=f"the first line is the header {','.join(NEEDED)} and optionally {','.join(OPTIONAL)}")
    for number, name in enumerate(names):
        if name not in (*NEEDED, *OPTIONAL):
            raise BadInput(f"unknown column '{name}'", remedy=f"only {','.join((*NEEDED, *OPTIONAL))}")
        if name in names[:number]:
            raise BadInput(f"column '{name}' is there twice", remedy="give each once")
    at = {name: names.index(name) if name in names else _ABSENT for name in (*NEEDED, *OPTIONAL)}
    return _Columns(at["time"], at["quantity"], at["value"], at["zone"], at["unit"], at["q"], at["r"], len(names))


def _enter(tracks: dict[tuple[str, str], Track], columns: _Columns, times: _Times, row: list[str], line: int) -> None:
    if len(row) != columns.width:
        raise BadInput(f"{len(row)} cells, not {columns.width} as in the header", remedy="write decimals with a point, and one sample a line")
    zone, name = row[columns.zone].strip() if columns.zone != _ABSENT else "", row[columns.quantity].strip()
    track = tracks.get((zone, name))
    if track is None:
        track = tracks[(zone, name)] = _new_track(zone, name, row[columns.unit].strip() if columns.unit != _ABSENT else "", line)
    if columns.unit != _ABSENT and row[columns.unit] not in ("", track.unit):
        _check_unit(track, row[columns.unit].strip())
    time_us = times.read(row[columns.time], line)
    q = _quality(row[columns.q]) if columns.q != _ABSENT else 4
    codes = _reasons(row[columns.r]) if columns.r != _ABSENT else ()
    value = _value(row[columns.value], track.quantity, q, codes)
    if track.readings and time_us <= track.readings[-1].time_us:
        _refuse_order(track, time_us)
    track.readings.append(Reading(track.quantity.id, time_us, value, q, codes))


def _new_track(zone: str, name: str, unit: str, line: int) -> Track:
    prefix, _, cas = name.partition(":")
    quantity = quantity_of(name, unit if prefix == "concentration" else "")
    if zone and not all(map(is_id, zone.split(".", 1))):
        raise BadInput(f"'{zone}' is no id", field="zone", remedy=f"ZONE or SITE.ZONE, each of {ID_RULE}")
    if quantity is not None:
        return Track(zone, quantity, line)
    if prefix == "concentration" and is_cas(cas):
        raise BadInput(f"'{unit}' is no unit of a concentration", field="unit", remedy="write ppm or mg/m3")
    if prefix == "concentration":
        raise BadInput(f"'{cas}' is no CAS number: its check digit is wrong, or it is not written as 108-88-3", field="quantity", remedy="copy it from the safety data sheet")
    raise BadInput(f"no quantity '{name}'", field="quantity", remedy=f"concentration:CAS or one of {', '.join(QUANTITIES)}")


def _check_unit(track: Track, unit: str) -> None:
    """A unit that is not the track's own: the quantity has one, and a file keeps to it."""
    if unit != track.quantity.unit:
        raise BadInput(f"'{unit}' is not the unit of {track.quantity.id}", field="unit", remedy=f"convert the values and write {track.quantity.unit}")
    track.unit = track.unit or unit


class _Times:
    """Reads times, and holds the file to one way of writing them."""

    def __init__(self, timezone: tzinfo | None) -> None:
        self._timezone = timezone
        self._last = ("", 0)
        self._first_line = 0
        self._is_unix: bool | None = None
        self._is_local = self._is_changing = False
        self._offset: timedelta | None = None

    @property
    def offset(self) -> timedelta | None:
        return None if self._is_changing else self._offset

    def read(self, text: str, line: int) -> int:
        if text == self._last[0]:
            return self._last[1]
        time_us, offset = _instant(text.strip())
        if not EARLIEST_US <= time_us <= LATEST_US:
            raise BadInput(f"'{text.strip()}' lies in the year of no measurement", field="time", remedy="Unix time is in seconds, not in milliseconds")
        self._keep_to_one(time_us, offset, line)
        self._last = (text, time_us)
        return time_us

    def _keep_to_one(self, time_us: int, offset: timedelta | None, line: int) -> None:
        if self._is_unix is None:
            self._is_unix, self._offset, self._first_line = offset is None, offset, line
            self._is_local = offset == self._site_offset(time_us)
        if self._is_unix != (offset is None):
            raise BadInput(f"Unix seconds and times with an offset are mixed (line {self._first_line})", field="time", remedy="write all times the same way")
        if offset == self._offset:
            return
        if not self._is_local or offset != self._site_offset(time_us):
            raise BadInput(f"another time zone than in line {self._first_line}", field="time", remedy="write all times with one offset")
        self._is_changing = True

    def _site_offset(self, time_us: int) -> timedelta | None:
        return None if self._timezone is None else to_datetime(time_us).astimezone(self._timezone).utcoffset()


def _instant(text: str) -> tuple[int, timedelta | None]:
    """Microseconds, and the offset that it is written with; None for Unix seconds."""
    if _UNIX_SECONDS.fullmatch(text):
        return parse_instant(text), None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"'{text}' is not a time", field="time", remedy=_TIME_REMEDY) from None
    if moment.tzinfo is None:
        raise BadInput(f"'{text}' has no time zone", field="time", remedy=_TIME_REMEDY)
    return from_datetime(moment), moment.utcoffset()


def _quality(text: str) -> int:
    if not text.strip():
        return 4
    if text.strip() not in ("0", "1", "2", "3", "4"):
        raise BadInput(f"'{text}' is no quality", field="q", remedy="a whole number from 0 to 4; empty is 4")
    return int(text)


def _reasons(text: str) -> tuple[int, ...]:
    """Codes parted by blanks, `;` or `|`, with or without brackets."""
    words = text.translate(str.maketrans("[],;|", "     ")).split()
    if not all(word.isdecimal() and int(word) in _CODES for word in words):
        raise BadInput(f"'{text}' are no reason codes", field="r", remedy="LwM2M object 509: 0 to 15, or 128 to 134; several parted by a blank")
    return tuple(sorted({int(word) for word in words}))


def _value(text: str, quantity: Quantity, q: int, codes: tuple[int, ...]) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise BadInput(f"'{text}' is not a number", field="value", remedy="a missing sample is an empty cell; decimals have a point")
    if quantity.low <= value <= quantity.high or q < COUNTS_FROM or (value > quantity.high and _SATURATED in codes):
        return value
    what = "is negative, which is impossible" if value < 0.0 and quantity.low == 0.0 else "is impossible"
    remedy = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}; is it in another unit? A faulty sample is an empty cell"
    raise BadInput(f"{text} {what} for {quantity.id}", field="value", remedy=remedy)


def _refuse_order(track: Track, time_us: int) -> None:
    if any(reading.time_us == time_us for reading in track.readings):
        raise BadInput(f"a second sample of {track.quantity.id} for the same time", field="time", remedy="keep one of them")
    raise BadInput(f"earlier than the sample of {track.quantity.id} before it", field="time", remedy="sort the rows by time")


def _check_track(track: Track, source: str) -> None:
    """What only a whole series shows."""
    highest = max((reading.value for reading in track.readings if reading.value is not None), default=None)
    if track.quantity.id == "relative_humidity" and highest is not None and highest <= 1.0:
        raise BadInput("no relative humidity is over 1 %", source=source, line=track.line, field="value", remedy="write percent, not fractions")


def fixed_zone(offset: timedelta | None) -> tzinfo:
    """The zone of the file's own times."""
    return UTC if offset is None else timezone(offset)
