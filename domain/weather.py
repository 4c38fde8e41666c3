"""An hourly weather forecast as it is handed in, CSV or JSON; every error names line and field. A value holds for the hour that begins at its time."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import BadInput
from domain.jsontext import from_json
from domain.times import DAY_US, HOUR_US, from_datetime, parse_instant

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

MOST_HOURS = 2 * 31 * 24
"""Two months: a first file may bring the weather of the past weeks along."""
STEP_US = HOUR_US // 4
"""Whole hours of every time zone begin at a quarter of an hour of UTC."""
MAST_M = 10.0
"""Height to which meteorological services refer the wind."""


class WeatherHour(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Weather of one hour, outdoors, in the shade."""

    start_us: int
    air_temperature_c: float
    relative_humidity_pct: float
    wind_speed_ms: float
    solar_w_m2: float | None = None  # on a level surface
    cloud_pct: float | None = None
    pressure_hpa: float | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was known at `issued_us`; hours before it are weather as recorded."""

    issued_us: int
    hours: list[WeatherHour]
    source: str = ""
    wind_height_m: float = MAST_M


RANGES: Mapping[str, tuple[float, float]] = {
    "air_temperature_c": (-50.0, 60.0),
    "relative_humidity_pct": (0.0, 100.0),
    "wind_speed_ms": (0.0, 75.0),
    "solar_w_m2": (0.0, 1500.0),
    "cloud_pct": (0.0, 100.0),
    "pressure_hpa": (500.0, 1100.0),
}
REQUIRED = ("air_temperature_c", "relative_humidity_pct", "wind_speed_ms")
COLUMNS = ("time", *RANGES)
_NAIVE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?")


class _JsonForecast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As JSON comes in: its hours are read one by one, so that errors can name them."""

    hours: list[dict[str, str | float | int | None]]
    issued: str = ""
    source: str = ""
    wind_height_m: float = MAST_M


def parse_weather(text: str, timezone: ZoneInfo, now_us: int, *, source: str = "", issued: str = "", wind_height_m: float = MAST_M) -> Forecast:
    """A forecast from CSV or JSON text; times without an offset are local. `issued` absent: now. Raises `BadInput` for the first thing that is wrong."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return _from_json(text, timezone, now_us, source)
    hours = list(_csv_hours(text, timezone, source))
    return _checked(hours, _issued(issued, timezone, now_us), source, source, wind_height_m, now_us)


def _from_json(text: str, timezone: ZoneInfo, now_us: int, source: str) -> Forecast:
    try:
        read = from_json(text.lstrip("\ufeff"), _JsonForecast)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadInput(str(error), source=source, field="body", remedy=f'{{"issued": "…", "hours": [{{"time": "…", {", ".join(f"{name!r}: …" for name in REQUIRED)}}}]}}') from None
    hours = [(_row(row, timezone, source, None, f"hours[{number}]."), None, f"hours[{number}].") for number, row in enumerate(read.hours)]
    return _checked(hours, _issued(read.issued, timezone, now_us), source, read.source or source, read.wind_height_m, now_us)


_Placed = tuple[WeatherHour, int | None, str]
"""An hour, and where it stands: line, or path in the JSON."""


def _csv_hours(text: str, timezone: ZoneInfo, source: str) -> Iterator[_Placed]:
    lines = text.lstrip("\ufeff").splitlines()
    reader = csv.reader(lines, delimiter=_delimiter(lines[0] if lines else ""))
    try:
        yield from _csv_rows(reader, timezone, source)
    except csv.Error as error:
        raise BadInput(str(error), source=source, line=reader.line_num, remedy="plain cells, one line an hour") from None


def _csv_rows(reader: CsvReader, timezone: ZoneInfo, source: str) -> Iterator[_Placed]:
    header = [name.strip() for name in next(reader, [])]
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in ("time", *REQUIRED) if name not in header]
    if unknown or missing or len(set(header)) < len(header):
        what = f"no column '{unknown[0]}'" if unknown else f"the column '{missing[0]}' is missing" if missing else "a column is there twice"
        raise BadInput(what, source=source, line=1, field=(unknown or missing or [""])[0], remedy="columns: " + ", ".join(COLUMNS))
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise BadInput(f"has {len(cells)} cells, the first line has {len(header)}", source=source, line=reader.line_num, remedy="one cell a column; an empty one is no value")
        yield _row(dict(zip(header, cells, strict=True)), timezone, source, reader.line_num, ""), reader.line_num, ""


def _delimiter(head: str) -> str:
    return next((mark for mark in (";", "\t") if mark in head and "," not in head), ",")


def _row(row: Mapping[str, str | float | int | None], timezone: ZoneInfo, source: str, line: int | None, path: str) -> WeatherHour:
    def number(name: str) -> float | None:
        value = row.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        low, high = RANGES[name]
        if not low <= found <= high:
            raise BadInput(f"'{value}' is not {low:g} to {high:g}", source=source, line=line, field=path + name, remedy="a number with a point; leave it out where it is not known")
        return found

    for name in row:
        if name not in COLUMNS:
            raise BadInput(f"no field '{name}'", source=source, line=line, field=path + name, remedy="fields: " + ", ".join(COLUMNS))
    values = {name: number(name) for name in RANGES}
    for name in REQUIRED:
        if values[name] is None:
            raise BadInput("is missing", source=source, line=line, field=path + name, remedy="temperature, humidity and wind are needed for every hour")
    start_us = _instant(str(row.get("time") or ""), timezone, source, line, path + "time")
    return WeatherHour(
        start_us=start_us,
        air_temperature_c=values["air_temperature_c"] or 0.0,
        relative_humidity_pct=values["relative_humidity_pct"] or 0.0,
        wind_speed_ms=values["wind_speed_ms"] or 0.0,
        solar_w_m2=values["solar_w_m2"],
        cloud_pct=values["cloud_pct"],
        pressure_hpa=values["pressure_hpa"],
    )


def _instant(text: str, timezone: ZoneInfo, source: str, line: int | None, field: str) -> int:
    text = text.strip()
    try:
        time_us = from_datetime(datetime.fromisoformat(text).replace(tzinfo=timezone)) if _NAIVE.fullmatch(text) else parse_instant(text, field=field)
    except BadInput as error:
        raise BadInput(error.message, source=source, line=line, field=field, remedy=error.remedy) from None
    except (ValueError, OverflowError):
        raise BadInput(f"'{text}' is not a time", source=source, line=line, field=field, remedy="write 2026-11-25T14:00, local, or with an offset") from None
    if time_us % STEP_US:
        raise BadInput(f"'{text}' is not the start of an hour", source=source, line=line, field=field, remedy="one row for each whole hour, local or UTC")
    return time_us


def _issued(text: str, timezone: ZoneInfo, now_us: int) -> int:
    if not text:
        return now_us
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=timezone)) if _NAIVE.fullmatch(text) else parse_instant(text, field="issued")


def _checked(hours: Sequence[_Placed], issued_us: int, file: str, source: str, wind_height_m: float, now_us: int) -> Forecast:
    if not hours:
        raise BadInput("holds no hour", source=file, field="hours", remedy="one row for each hour of tomorrow")
    if len(hours) > MOST_HOURS:
        raise BadInput(f"holds {len(hours)} hours", source=file, field="hours", remedy=f"at most {MOST_HOURS}")
    if issued_us > now_us + HOUR_US:
        raise BadInput("is in the future", source=file, field="issued", remedy="when the forecast was made; leave it out for now")
    if not 2.0 <= wind_height_m <= 30.0:
        raise BadInput(f"{wind_height_m:g} is not 2 to 30", source=file, field="wind_height_m", remedy="height above ground to which the wind refers, m")
    seen: dict[int, _Placed] = {}
    for placed in hours:
        hour, line, path = placed
        if hour.start_us in seen:
            raise BadInput("the hour is there twice", source=file, line=line, field=path + "time", remedy="one row for each hour")
        if abs(hour.start_us - now_us) > 100 * DAY_US:
            raise BadInput("is more than 100 days from now", source=file, line=line, field=path + "time", remedy="the next days, and the past weeks where they are known")
        seen[hour.start_us] = placed
    return Forecast(issued_us=issued_us, hours=[seen[start][0] for start in sorted(seen)], source=source[:200], wind_height_m=wind_height_m)
