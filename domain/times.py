"""Instants are whole microseconds since the Unix epoch (`*_us`); text is RFC 3339 in UTC with microseconds kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from domain.errors import BadInput

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNIX_SECONDS = re.compile(r"-?\d+(\.\d+)?")


def to_datetime(time_us: int) -> datetime:
    """An aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=time_us)


def from_datetime(moment: datetime) -> int:
    """Microseconds of an aware datetime; exact, no float on the way."""
    if moment.tzinfo is None:
        raise ValueError("a time without an offset is ambiguous")
    return (moment - _EPOCH) // _MICROSECOND


def to_rfc3339(time_us: int) -> str:
    """`2026-11-22T07:00:00Z`; the fraction appears only when it is not zero.

    >>> to_rfc3339(1_763_800_000_250_000)
    '2025-11-22T08:26:40.250000Z'
    """
    return to_datetime(time_us).isoformat().replace("+00:00", "Z")


def parse_instant(text: str, *, field: str = "time") -> int:
    """Microseconds from RFC 3339 with an offset, or from Unix seconds; anything else raises `BadInput`.

    >>> parse_instant("1763800000.25") == parse_instant("2025-11-22T08:26:40.25Z")
    True
    """
    text = text.strip()
    if _UNIX_SECONDS.fullmatch(text):
        whole, _, fraction = text.partition(".")
        micros = int((fraction + "000000")[:6])
        return int(whole) * SECOND_US + (-micros if text.startswith("-") else micros)
    try:
        moment = datetime.fromisoformat(text)
        return from_datetime(moment)
    except (ValueError, OverflowError):
        raise BadInput(f"'{text}' is not a time", field=field, remedy="write 2026-11-22T07:00:00Z, with an offset, or Unix seconds") from None


def minute_of(time_us: int) -> int:
    """Start of the half-open minute [start, start + 60 s) in which an instant lies (contract 4: minutes and shifts are half-open)."""
    return time_us - time_us % MINUTE_US
