"""Hours and days folded from minutes, the same in every adapter: a day is the fold of its hours, an hour that of its minutes. UTC."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

import msgspec

from domain.errors import BadInput
from domain.ids import channel_parts
from domain.quantities import Averaging, quantity_of
from domain.reading import Minute
from domain.times import DAY_US, HOUR_US

Part = tuple[int, int, int, int, float, float | None, float | None, int, int, tuple[int, ...]]


class Rollup(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the minutes on record in [start, start + hour or day) add up to, in the quantity's own averaging domain."""

    start_us: int
    minutes: int  # with a sample that counts
    valid: int
    rejected: int
    total: float
    low: float | None
    high: float | None
    saturated: int = 0
    below_detection: int = 0
    reasons: tuple[int, ...] = ()

    def mean(self, averaging: Averaging) -> float | None:
        """Its value by its quantity's averaging rule, over samples; None without one that counts."""
        if self.valid == 0:
            return None
        if averaging is Averaging.MAXIMUM:
            return self.total
        return 10.0 * math.log10(self.total / self.valid) if averaging is Averaging.ENERGY else self.total / self.valid


def averaging_of(channel: str) -> Averaging:
    quantity = quantity_of(channel_parts(channel)[2]) if channel.count(".") == 2 else None
    return quantity.averaging if quantity else Averaging.ARITHMETIC


def hours_of(channel: str, minutes: Sequence[Minute]) -> list[Rollup]:
    """Ascending minutes of one channel, hour by hour."""
    return hours_of_parts(channel, [part_of(minute) for minute in minutes])


def hours_of_parts(channel: str, parts: Sequence[Part]) -> list[Rollup]:
    averaging = averaging_of(channel)
    return [_fold(hour * HOUR_US, list(part), averaging) for hour, part in groupby(parts, lambda part: part[0] // HOUR_US)]


def days_of(channel: str, hours: Sequence[Rollup]) -> list[Rollup]:
    averaging = averaging_of(channel)
    return [_fold(day * DAY_US, [msgspec.structs.astuple(hour) for hour in part], averaging) for day, part in groupby(hours, lambda hour: hour.start_us // DAY_US)]


def part_of(minute: Minute) -> Part:
    """As `Rollup` has its fields."""
    return (
        minute.start_us, int(minute.valid > 0), minute.valid, minute.rejected, minute.total, minute.low, minute.high, minute.saturated, minute.below_detection, minute.reasons
    )  # fmt: skip


def fold_minutes(
    read_minutes: Callable[[Sequence[str], int, int], dict[str, list[Minute]]], channels: Sequence[str], start_us: int, stop_us: int, every_us: int
) -> dict[str, list[Rollup]]:
    """Rollups of a store that keeps none: from its minutes, each time anew."""
    start_us, stop_us = whole(start_us, stop_us, every_us)
    hours = {channel: hours_of(channel, minutes) for channel, minutes in read_minutes(channels, start_us, stop_us).items()} if start_us < stop_us else {}
    return {channel: days_of(channel, found) for channel, found in hours.items()} if every_us == DAY_US else hours


def whole(start_us: int, stop_us: int, every_us: int) -> tuple[int, int]:
    """The span of the hours or days that begin in a span."""
    if every_us not in (HOUR_US, DAY_US):
        raise BadInput(f"{every_us} µs is neither an hour nor a day", field="every", remedy="minutes come from read_minutes")
    return -(-start_us // every_us) * every_us, -(-stop_us // every_us) * every_us


def _fold(start_us: int, parts: Sequence[Part], averaging: Averaging) -> Rollup:
    counting = [part for part in parts if part[2]]
    rejected = sum([part[3] for part in parts])
    reasons = tuple(sorted({code for part in parts for code in part[9]})) if any([part[9] for part in parts]) else ()  # noqa: C419 - a list is faster
    if not counting:
        return Rollup(start_us, 0, 0, rejected, 0.0, None, None, 0, 0, reasons)
    _, minutes, valid, _, totals, lows, highs, saturated, below, _ = zip(*counting, strict=True)
    return Rollup(
        start_us=start_us,
        minutes=sum(minutes),
        valid=sum(valid),
        rejected=rejected,
        total=max(totals) if averaging is Averaging.MAXIMUM else math.fsum(totals),
        low=min(lows) if None not in lows else min((low for low in lows if low is not None), default=None),
        high=max(highs) if None not in highs else max((high for high in highs if high is not None), default=None),
        saturated=sum(saturated),
        below_detection=sum(below),
        reasons=reasons,
    )
