"""From when on a record holds, as people write it and as it is shown."""

from __future__ import annotations

from domain.errors import BadInput
from domain.registry import ALWAYS_US
from domain.sitefile import instant_of
from domain.times import DAY_US, to_rfc3339

LATEST_AHEAD_US = 366 * DAY_US


def moment(text: str, timezone: str, field: str) -> int:
    """A date is 00:00 local."""
    time_us = instant_of(text.strip(), timezone, field=field)
    if time_us < 0:
        raise BadInput("lies before 1970", field=field, remedy="write 2026-11-01, or a time with an offset")
    return time_us


def valid_from(text: str | None, timezone: str, now_us: int) -> int:
    """Absent: now. A past date makes revisions of the shifts it touches."""
    if not text:
        return now_us
    time_us = moment(text, timezone, "valid_from")
    if time_us > now_us + LATEST_AHEAD_US:
        raise BadInput("is more than a year ahead", field="valid_from", remedy="enter it nearer to its date")
    return time_us


def shown(time_us: int) -> str | None:
    return None if time_us <= ALWAYS_US else to_rfc3339(time_us)
