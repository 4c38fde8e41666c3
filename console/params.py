"""Parameters of the REST interface; what is wrong is refused by name."""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass
from datetime import date

from domain.errors import BadInput
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_instant

EARLIEST_US, LATEST_US = 0, 9_000_000_000 * SECOND_US
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d)?")
_UNITS = {None: SECOND_US, "s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
AGGREGATES = ("mean", "max", "min")


@dataclass(frozen=True, slots=True)
class Span:
    """[start, stop) in microseconds."""

    start_us: int
    stop_us: int


def instant(text: str | None, field: str, default: int) -> int:
    if text is None or not text.strip():
        return default
    # A plus sign in a query string arrives as a space.
    time_us = parse_instant(text.strip().replace(" ", "+") if "T" in text else text, field=field)
    if not EARLIEST_US <= time_us <= LATEST_US:
        raise BadInput(f"'{text}' is outside 1970 to 2255", field=field, remedy="write 2026-11-22T07:00:00Z")
    return time_us


def span(start: str | None, stop: str | None, now_us: int, default_us: int = HOUR_US) -> Span:
    """The last hour where nothing is said."""
    stop_us = instant(stop, "stop", now_us)
    start_us = instant(start, "start", max(EARLIEST_US, stop_us - default_us))
    if start_us >= stop_us:
        raise BadInput("is not after start", field="stop", remedy="start is inclusive, stop exclusive")
    return Span(start_us, stop_us)


def duration(text: str, field: str) -> int:
    """Microseconds of `30s`, `15m`, `1h`, `1d` or plain seconds."""
    match = _DURATION.fullmatch(text.strip())
    value = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not match or not SECOND_US <= value <= 366 * DAY_US:
        raise BadInput(f"'{text}' is not a length of time from 1s to 366d", field=field, remedy="for example 30s, 15m, 1h")
    return value


def aggregate(text: str) -> str:
    if text not in AGGREGATES:
        raise BadInput(f"'{text}' is not an aggregate", field="agg", remedy="one of " + ", ".join(AGGREGATES))
    return text


def day(text: str | None, field: str) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadInput(f"'{text}' is not a date", field=field, remedy="write 2026-11-22") from None


def one_of(text: str | None, allowed: tuple[str, ...], field: str) -> str | None:
    if not text:
        return None
    if text not in allowed:
        raise BadInput(f"'{text}' is not known", field=field, remedy="one of " + ", ".join(allowed))
    return text


def to_cursor(value: int | str) -> str:
    """URL-safe, and opaque on purpose: only this module reads it."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def from_cursor(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise BadInput(f"'{text}' is no cursor of ours", field="cursor", remedy="send back `next` as it came") from None


def time_cursor(text: str | None) -> int | None:
    value = from_cursor(text)
    if value is None:
        return None
    if not re.fullmatch(r"\d{1,18}", value):
        raise BadInput(f"'{text}' is no cursor of ours", field="cursor", remedy="send back `next` as it came")
    return int(value)


def rounded(seconds: float) -> float:
    """Seconds for people and programs; an age needs no microseconds."""
    return math.floor(seconds * 10) / 10
