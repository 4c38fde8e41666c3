"""A shift plan in local time becomes shifts in UTC: a shift belongs to the local date on which it starts, also over midnight and DST."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.registry import DAYS, ShiftSpec
from domain.times import MINUTE_US, from_datetime, to_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift of one date, [start_us, stop_us)."""

    date: date
    name: str
    start_us: int
    stop_us: int
    breaks: tuple[tuple[int, int], ...] = ()

    @property
    def minutes(self) -> range:
        """Starts of its minutes, in microseconds."""
        return range(self.start_us - self.start_us % MINUTE_US, self.stop_us, MINUTE_US)

    def holds(self, time_us: int) -> bool:
        return self.start_us <= time_us < self.stop_us


def local_instant(day: date, clock: str, zone: ZoneInfo) -> int:
    """UTC microseconds of a local wall time. A missing local time is the next instant that exists, a doubled one the first."""
    wall = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)
    back = wall.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) == wall.replace(tzinfo=None):
        return from_datetime(wall)
    # In the gap: PEP 495's fold=0 reads the wall time with the offset from before the change, so it lands after it by
    # as much as it stood after the gap's start; the gap's end is the first instant with the new offset.
    low, high = from_datetime(wall.replace(fold=1)), from_datetime(wall)
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle).astimezone(zone).utcoffset() == back.utcoffset():
            high = middle
        else:
            low = middle
    return high


def shift_on(spec: ShiftSpec, day: date, zone: ZoneInfo) -> Shift | None:
    """The shift that starts on this local date; None when the plan has none that day."""
    if DAYS[day.weekday()] not in spec.days:
        return None
    start = local_instant(day, spec.start, zone)
    stop = local_instant(day + timedelta(days=spec.stop <= spec.start), spec.stop, zone)
    if stop <= start:
        return None
    breaks = []
    for first, last in spec.breaks:
        begin = local_instant(day + timedelta(days=first < spec.start), first, zone)
        end = local_instant(day + timedelta(days=last <= spec.start), last, zone)
        if start <= begin < end <= stop:
            breaks.append((begin, end))
    return Shift(date=day, name=spec.name, start_us=start, stop_us=stop, breaks=tuple(breaks))


def shifts_between(specs: Iterable[ShiftSpec], zone: ZoneInfo, start_us: int, stop_us: int) -> list[Shift]:
    """All shifts that overlap [start, stop), by start."""
    first = to_datetime(start_us).astimezone(zone).date() - timedelta(days=1)
    last = to_datetime(stop_us).astimezone(zone).date()
    found = []
    day = first
    plans = list(specs)
    while day <= last:
        for spec in plans:
            shift = shift_on(spec, day, zone)
            if shift and shift.start_us < stop_us and shift.stop_us > start_us:
                found.append(shift)
        day += timedelta(days=1)
    return sorted(found, key=lambda shift: shift.start_us)


def current_shift(specs: Iterable[ShiftSpec], zone: ZoneInfo, now_us: int) -> Shift | None:
    """The shift that runs now."""
    return next((shift for shift in shifts_between(specs, zone, now_us, now_us + 1) if shift.holds(now_us)), None)


def last_shift(specs: Iterable[ShiftSpec], zone: ZoneInfo, now_us: int) -> Shift | None:
    """The latest shift that has ended, looking back two weeks."""
    ended = [shift for shift in shifts_between(specs, zone, now_us - 14 * 24 * 60 * MINUTE_US, now_us) if shift.stop_us <= now_us]
    return ended[-1] if ended else None
