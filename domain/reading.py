"""A reading, and the minute that readings add up to."""

from __future__ import annotations

import math

import msgspec

from domain.quality import COUNTS_FROM, Quality, Reason
from domain.quantities import Averaging

_COUNTS_FROM, _UNSYNCED = int(COUNTS_FROM), int(Reason.CLOCK_UNSYNCED)
_ENERGY, _MAXIMUM = Averaging.ENERGY, Averaging.MAXIMUM  # looked up once: an enumeration looks its members up by name
_SATURATED, _BELOW = int(Reason.SATURATED), int(Reason.BELOW_DETECTION)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One raw value as the instrument gave it; its identity is (channel, time_us), the end of its interval."""

    channel: str
    time_us: int
    value: float | None
    q: int = 4
    r: tuple[int, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it may enter a window: it has a value, quality 3 or better, and a synchronised time."""
        return self.value is not None and self.q >= COUNTS_FROM and Reason.CLOCK_UNSYNCED not in self.r


def stands(first: Reading, second: Reading) -> Reading:
    """Which of two readings of one (channel, time) stands, in whatever order they came: the higher quality, then the greater value."""
    key_first, key_second = _rank(first), _rank(second)
    return second if key_second > key_first else first


def superseded(reading: Reading) -> Reading:
    """What is left of a reading at a wrong time when it stands at the right one: a record without a value, which counts nowhere."""
    return Reading(reading.channel, reading.time_us, None, int(Quality.UNCHECKED), (_UNSYNCED,))


def is_superseded(reading: Reading) -> bool:
    return reading.value is None and reading.q == Quality.UNCHECKED and reading.r == (_UNSYNCED,)


def _rank(reading: Reading) -> tuple[int, float, tuple[int, ...]]:
    return reading.q, -math.inf if reading.value is None else reading.value, reading.r


class Minute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a channel's samples in [start, start + 60 s) add up to. Sums are kept in the quantity's own averaging domain, so minutes can be joined."""

    channel: str
    start_us: int
    valid: int  # samples that count
    rejected: int  # records that came and do not count
    total: float  # arithmetic: sum of v; energy: sum of 10^(v/10); maximum: the maximum
    low: float | None  # least and greatest sample that counts; None when there is none
    high: float | None
    saturated: int = 0  # of the valid: "at least this value"
    below_detection: int = 0  # of the valid: "at most this value"
    reasons: tuple[int, ...] = ()  # union of the reason codes of all its records, ascending

    def mean(self, averaging: Averaging) -> float | None:
        """The minute's value by its quantity's averaging rule; None without a valid sample."""
        if self.valid == 0:
            return None
        if averaging is Averaging.MAXIMUM:
            return self.total
        if averaging is Averaging.ENERGY:
            return 10.0 * math.log10(self.total / self.valid)
        return self.total / self.valid


def minute_from(channel: str, start_us: int, readings: list[Reading], averaging: Averaging) -> Minute:
    """The minute of a channel from all its readings in it; pure, so any order and any repetition upstream gives the same minute.

    The sum is exact (`math.fsum`) so that order never shows in the last digit.
    """
    codes: set[int] = set()
    saturated = below = 0
    values = [reading.value for reading in readings if not reading.r and reading.q >= _COUNTS_FROM and reading.value is not None]
    if len(values) != len(readings):  # not all are plain samples, which is what the hot path of ingest is made of
        values = []
        for reading in readings:
            reasons, value = reading.r, reading.value
            codes.update(reasons)
            if value is None or reading.q < _COUNTS_FROM or _UNSYNCED in reasons:
                continue
            saturated += _SATURATED in reasons
            below += _BELOW in reasons
            values.append(value)
    values.sort()
    if averaging is _ENERGY:
        total = math.fsum([10.0 ** (value / 10.0) for value in values])
    elif averaging is _MAXIMUM:
        total = values[-1] if values else 0.0
    else:
        total = math.fsum(values)
    return Minute(
        channel=channel,
        start_us=start_us,
        valid=len(values),
        rejected=len(readings) - len(values),
        total=total,
        low=values[0] if values else None,
        high=values[-1] if values else None,
        saturated=saturated,
        below_detection=below,
        reasons=tuple(sorted(codes)) if codes else (),
    )
