"""Rows of the embedded store and what they mean: keys of sealed hours and days, and the columns of readings and minutes."""

from __future__ import annotations

from domain.reading import Minute

MIN_INT, MAX_INT = -(2**63), 2**63 - 1
_BLOCK_BITS = 34
_MIDDLE = 1 << (_BLOCK_BITS - 1)

GET_HOT_READINGS = "SELECT time_us, value, q, r FROM reading WHERE channel = ? AND time_us >= ? AND time_us < ? ORDER BY time_us"
GET_HOT_MINUTES = (
    "SELECT start_us, valid, rejected, total, low, high, saturated, below_detection, reasons FROM minute WHERE channel = ? AND start_us >= ? AND start_us < ? ORDER BY start_us"
)
MinuteRow = tuple[int, int, int, float, float | None, float | None, int, int, str | None]
MinuteKeyRow = tuple[int, int, int, int, float, float | None, float | None, int, int, str | None]


def key_of(id: int, block: int) -> int:
    """Sealed hours (or days) of a channel stand together and ascend: hours since the epoch, of any time that 64 bits of microseconds name, need 34 bits."""
    return (id << _BLOCK_BITS) + block + _MIDDLE


def minute_row(id: int, minute: Minute) -> MinuteKeyRow:
    return (
        id,
        minute.start_us,
        minute.valid,
        minute.rejected,
        minute.total,
        minute.low,
        minute.high,
        minute.saturated,
        minute.below_detection,
        text_of(minute.reasons) if minute.reasons else None,
    )


def minute_from_row(channel: str, row: MinuteRow) -> Minute:
    start_us, valid, rejected, total, low, high, saturated, below, reasons = row
    return Minute(
        channel=channel,
        start_us=start_us,
        valid=valid,
        rejected=rejected,
        total=total,
        low=low,
        high=high,
        saturated=saturated,
        below_detection=below,
        reasons=codes_from(reasons),
    )


def text_of(codes: tuple[int, ...]) -> str:
    return ",".join(map(str, codes))


def codes_from(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


def clamp(time_us: int) -> int:
    return min(max(time_us, MIN_INT), MAX_INT)
