"""Who of a site is to be called now: roles, the roster of the running shift, wished channels and quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from alerts.notification.port import Way
from domain.hazards import Severity
from domain.registry import ShiftSpec, Snapshot
from domain.scope import Role, Scope
from domain.shifts import local_instant, shifts_between
from domain.times import to_datetime
from storage.records.contacts import Contact, Duty
from storage.records.notifications import Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One person by their channels; `not_before_us` 0: at once."""

    person: Recipient
    ways: Sequence[Way]
    not_before_us: int = 0


def on_duty(roster: Sequence[Duty], plan: Sequence[ShiftSpec], zone: ZoneInfo, now_us: int) -> set[str]:
    """People whom the roster has for a shift that runs now, or for the whole local day. A night shift belongs to the date on which it began."""
    running = {(shift.name, shift.date.isoformat()) for shift in shifts_between(plan, zone, now_us, now_us + 1) if shift.holds(now_us)}
    today = to_datetime(now_us).astimezone(zone).date().isoformat()
    dates = {**dict(running), "": today}
    return {duty.user for duty in roster if duty.shift in dates and duty.first <= dates[duty.shift] <= duty.last}


def of_roles(here: Sequence[Recipient], roles: Sequence[Role], duty: set[str]) -> list[Recipient]:
    """Of each role those on duty; where nobody of a role is, everybody of it."""
    found = []
    for role in roles:
        people = [person for person in here if person.role is role]
        found += [person for person in people if person.name in duty] or people
    return found


def called(people: Sequence[Recipient], ways: Sequence[Way], severity: Severity, zone: ZoneInfo, now_us: int) -> list[Called]:
    """Stop level takes every channel at once. Below it, wishes and quiet hours hold, unless they would leave nobody to call."""
    ends = {person.name: quiet_until(person.contact, zone, now_us) for person in people}
    is_heard = severity is Severity.STOP or all(ends.values())
    return [
        Called(person=person, ways=ways_of(person, ways, severity), not_before_us=0 if is_heard else ends[person.name])
        for person in people
    ]  # fmt: skip


def ways_of(person: Recipient, ways: Sequence[Way], severity: Severity) -> list[Way]:
    """Those by which there is an address, and of these the wished ones."""
    possible = [way for way in ways if way.kind != "machine" and person.address(way.kind)]
    wished = [way for way in possible if way.name in person.contact.channels]
    return possible if severity is Severity.STOP else wished or possible


def quiet_until(contact: Contact, zone: ZoneInfo, now_us: int) -> int:
    """When this person's quiet hours end; 0 where they are not running."""
    if not contact.quiet_from or not contact.quiet_to or contact.quiet_from == contact.quiet_to:
        return 0
    today = to_datetime(now_us).astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        start = local_instant(day, contact.quiet_from, zone)
        stop = local_instant(day + timedelta(days=contact.quiet_to < contact.quiet_from), contact.quiet_to, zone)
        if start <= now_us < stop:
            return stop
    return 0


def is_of(person: Recipient, site: str, held: Snapshot) -> bool:
    """Whether a person's scope holds this site; what belongs to no site is for the widest scope."""
    spec = held.sites.get(site)
    return Scope(user=person.name, role=person.role, grant=person.grant).sees(spec) if spec else person.grant == "*"
