"""Shifts as they were worked: overtime lengthens the exposure of its shift, and work in a planned break takes the break away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.overtime import Overtime
from domain.shifts import Shift

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Work:
    """What is worked of one shift."""

    intervals: list[Interval]

    @property
    def gaps(self) -> list[Interval]:
        """Between the first start and the last stop."""
        return [(left[1], right[0]) for left, right in zip(self.intervals, self.intervals[1:], strict=False)]


def with_overtime(shifts: Iterable[Shift], records: Iterable[Overtime]) -> list[Shift]:
    """The shifts with what was worked beside the plan, by start. Time between a shift and its overtime is a break; a record without a planned shift is one by itself."""
    held = {(shift.date.isoformat(), shift.name): shift for shift in shifts}
    by_shift: dict[tuple[str, str], list[Interval]] = {}
    for record in records:
        by_shift.setdefault((record.date, record.shift), []).append((record.start_us, record.stop_us))
    for key, intervals in by_shift.items():
        held[key] = _extended(held.get(key), key, intervals)
    return sorted(held.values(), key=lambda shift: shift.start_us)


def _extended(shift: Shift | None, key: tuple[str, str], intervals: Sequence[Interval]) -> Shift:
    planned = _without((shift.start_us, shift.stop_us), shift.breaks) if shift else []
    work = _Work(_united([*planned, *intervals]))
    start_us = min(work.intervals[0][0], shift.start_us) if shift else work.intervals[0][0]
    stop_us = max(work.intervals[-1][1], shift.stop_us) if shift else work.intervals[-1][1]
    breaks = tuple(_without((start_us, stop_us), work.intervals))
    if shift is None:
        return Shift(date=date.fromisoformat(key[0]), name=key[1], start_us=start_us, stop_us=stop_us, breaks=breaks)
    return replace(shift, start_us=start_us, stop_us=stop_us, breaks=breaks)


def _united(intervals: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for start, stop in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _without(whole: Interval, holes: Iterable[Interval]) -> list[Interval]:
    """What is left of `whole`."""
    left, at = [], whole[0]
    for start, stop in _united(holes):
        if start > at:
            left.append((at, min(start, whole[1])))
        at = max(at, stop)
    return [*left, (at, whole[1])] if at < whole[1] else left
