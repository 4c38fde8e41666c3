"""Concerns without a name: to which shift and group of zones they belong, and which numbers may be seen. Never who, from where, or at which hour."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from console.problems import TooMany
from console.sealing import Concern
from console.sources import SMALLEST_CELL
from domain.clock import Clock
from domain.registry import Snapshot, Zone
from domain.shifts import current_shift, last_shift
from domain.times import DAY_US, HOUR_US, SECOND_US, to_datetime
from storage.records.concerns import Release

LAST_SHIFT_US = 12 * HOUR_US
"""After a shift a concern still belongs to it; later it keeps the date alone."""
MONTH_CLOSED_DAYS = 3
"""A month is counted when no shift of it can get another concern."""
TRIES_AN_HOUR = 20
"""From one address: a factory's phones often share one."""
TRIES_AN_HOUR_ALL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCount:
    """`count` None: fewer than five, or none; which of the two is not said."""

    month: str
    count: int | None
    released: bool = False
    text: str = ""


def shift_of(held: Snapshot, site: str, now_us: int) -> tuple[str, str]:
    """Local date and name of the shift that is on, or ended a few hours ago."""
    plan, timezone = held.shifts.get(site, []), held.timezone(site)
    shift = current_shift(plan, timezone, now_us) or last_shift(plan, timezone, now_us)
    if shift and now_us - shift.stop_us < LAST_SHIFT_US:
        return shift.date.isoformat(), shift.name
    return to_datetime(now_us).astimezone(timezone).date().isoformat(), ""


def group_of(held: Snapshot, zone: Zone, shift: str) -> list[str]:
    """The zone alone where five or more work in it, else together with the smallest others until they are five; the whole site where even that is not enough."""
    return next(group for group in groups({other.id: _people(other, shift) for other in held.zones_of(zone.site)}) if zone.id in group)


def groups(people: Mapping[str, int]) -> list[list[str]]:
    """Every zone in one group, the same for all; a group holds at least five people, unless the whole site does not."""
    small = sorted(zone for zone, count in people.items() if count < SMALLEST_CELL)
    large = sorted((zone for zone in people if zone not in set(small)), key=lambda zone: (people[zone], zone))
    merged = list(small)
    while merged and large and sum(people[zone] for zone in merged) < SMALLEST_CELL:
        merged.append(large.pop(0))
    return [*([sorted(merged)] if merged else []), *([zone] for zone in large)]


def monthly_view(counts: Mapping[str, int], releases: Sequence[Release], today: date) -> list[MonthCount]:
    """What everybody may see: months that are over, from five up. No sum over months, no running month: either would give small numbers away by subtraction."""
    released = {release.month: release for release in releases}
    over = [month for month in last_months(today) if _is_closed(month, today)]
    view = []
    for month in sorted(over, reverse=True):
        count, release = counts.get(month, 0), released.get(month)
        view.append(MonthCount(month=month, count=count if release or count >= SMALLEST_CELL else None, released=release is not None, text=release.text if release else ""))
    return view


def today_of(clock: Clock, timezone: ZoneInfo) -> date:
    """The site's own date."""
    return to_datetime(clock.now_us()).astimezone(timezone).date()


def last_months(today: date) -> list[str]:
    """Twelve, with this one: a list that began with the first concern would say when it came."""
    year, month, found = today.year, today.month, []
    for _ in range(12):
        found.append(f"{year:04d}-{month:02d}")
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return found


def may_release(month: str, today: date) -> bool:
    return month in last_months(today) and _is_closed(month, today)


def by_shift(found: Sequence[Concern]) -> list[tuple[str, str, list[str], list[Concern], Counter[str]]]:
    """Shift by shift and group by group, the latest first."""
    held: dict[tuple[str, str, tuple[str, ...]], list[Concern]] = {}
    for concern in found:
        held.setdefault((concern.date, concern.shift, tuple(concern.zones)), []).append(concern)
    return [(date, shift, list(zones), items, Counter(item.kind for item in items)) for (date, shift, zones), items in held.items()]


class ConcernLimiter:
    """Counts by a hash that nobody can turn back: its key is random, lives a day, and is never stored. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._key, self._key_until, self._hour, self._counts = b"", 0, -1, Counter[bytes]()

    def take(self, address: str) -> None:
        """Raises `TooMany`."""
        with self._lock:
            now = self._clock.monotonic_us()
            if now >= self._key_until:
                self._key, self._key_until, self._counts = secrets.token_bytes(32), now + DAY_US, Counter()
            if now // HOUR_US != self._hour:
                self._hour, self._counts = now // HOUR_US, Counter()
            name = hashlib.blake2b(address.encode(), key=self._key, digest_size=8).digest()
            if self._counts[name] >= TRIES_AN_HOUR or self._counts[b""] >= TRIES_AN_HOUR_ALL:
                raise TooMany("too many concerns within an hour: wait, or use the form on paper", max(1, (HOUR_US - now % HOUR_US) // SECOND_US))
            self._counts[name] += 1
            self._counts[b""] += 1


def _people(zone: Zone, shift: str) -> int:
    workers = zone.headcounts.get(shift) or zone.spec.workers
    return workers.women + workers.men if workers else 0


def _is_closed(month: str, today: date) -> bool:
    year, number = int(month[:4]), int(month[5:])
    first_of_next = date(year + number // 12, number % 12 + 1, 1)
    return today >= first_of_next + timedelta(days=MONTH_CLOSED_DAYS)
