"""Who is to be told of which alert, and when again. It asks the alerts, not its memory: after a restart nobody is called twice and nobody who acknowledged is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Engine

from alerts.joint_calls import named_by
from alerts.notification.duty import called, is_of, of_roles, on_duty, ways_of
from alerts.notification.links import Links
from alerts.notification.port import Way
from alerts.notification.words import Letterhead, write_message
from alerts.policy import Policy
from alerts.state import RESPONDERS, Alert, fold
from alerts.view import to_json
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role
from domain.times import DAY_US, MINUTE_US, SECOND_US, to_datetime
from storage.records.contacts import ContactsRepository, Duty
from storage.records.journal import JournalRepository
from storage.records.notifications import Message, NotificationsRepository, Recipient

OVERDUE, SUPPRESSED, CHANGED = "overdue", "suppressed", "changed"
OVERDUE_MAX = 4
"""So often the next step is called for one step of an alert: after that, calling adds nothing to what people have not heard four times."""
OVERDUE_LEAST_US = 5 * MINUTE_US
NAMING_US = 30 * SECOND_US
"""So long a call that names an alert may be on its way before people are called for the alert itself."""
REMEMBERED = 10_000
_UTC = ZoneInfo("UTC")


class Pager:
    """Puts messages in the outbox; `call` is quick and safe to repeat."""

    def __init__(self, engine: Engine, policy: Policy, ways: Sequence[Way], *, head: Letterhead | None = None, links: Links | None = None) -> None:
        self._outbox, self._contacts, self._journal = NotificationsRepository(engine), ContactsRepository(engine), JournalRepository(engine)
        self._policy, self._ways, self._links = policy, ways, links
        self._head = head
        self._put: set[tuple[str, str, str, str]] = set()
        self._open: set[str] = set()

    def call(self, alerts: Sequence[Alert], held: Snapshot, now_us: int) -> None:
        """Put a message in the outbox for everyone who is to be called and has not been."""
        alarms = [alert for alert in alerts if alert.severity is not Severity.NOTICE]
        people_called = [alert for alert in alarms if alert.suppression not in ("shelved", "out_of_service")]
        if not self._ways or not (alarms or self._open):
            return
        head = replace(self._head, held=held) if self._head else Letterhead(policy=self._policy, held=held)
        messages = list(self._to_people(people_called, head, now_us)) if people_called else []
        messages += self._to_machines(alarms, now_us)
        if messages:
            self._outbox.put(messages)
            self._put.update(map(_identity, messages))
        if len(self._put) > REMEMBERED:
            still_open = {alert.id for alert in alerts}
            self._put = {known for known in self._put if known[0] in still_open}

    def _to_people(self, alerts: Sequence[Alert], head: Letterhead, now_us: int) -> Iterator[Message]:
        people = [person for person in self._outbox.recipients(list(Role)) if ways_of(person, self._ways, Severity.STOP)]
        sites = {alert.site for alert in alerts if alert.site in head.held.sites}
        yesterday = to_datetime(now_us - 2 * DAY_US).date().isoformat()
        roster = self._contacts.roster(sorted(sites), yesterday) if sites else []
        for site in {alert.site for alert in alerts}:
            here = [person for person in people if is_of(person, site, head.held)] if site else people  # a channel that fails for all sites concerns everybody
            duty = _duty(roster, head.held, site, now_us)
            for alert in alerts:
                if alert.site == site:
                    yield from self._messages(alert, here, duty, head, now_us)

    def _messages(self, alert: Alert, here: Sequence[Recipient], duty: set[str], head: Letterhead, now_us: int) -> Iterator[Message]:
        zone = head.held.timezone(alert.site) if alert.site in head.held.sites else _UTC
        for reason, roles in self._reasons(alert, now_us):
            everybody = reason.startswith(OVERDUE)
            people = of_roles(here, roles, set() if everybody else duty) or of_roles(here, self._policy.for_site(alert.site).paging.overdue, set())
            told = set() if everybody else self._told(alert, people, now_us)
            wanted = [person for person in people if is_wanted(alert, reason, person.role) and person.name not in told]
            for one in called(wanted, self._ways, alert.severity, zone, now_us):
                for way in one.ways:
                    if not self._is_new(alert, reason, way, one.person.name):
                        continue
                    link = self._link(alert, one.person, now_us)
                    subject, text = write_message(head, alert, reason, one.person.locale, link=link, is_short=way.is_short)
                    yield _message(alert, reason, way.name, one.person.name, subject, text, now_us, one.not_before_us)

    def _told(self, alert: Alert, people: Sequence[Recipient], now_us: int) -> set[str]:
        """Who got the call that named this alert, or is about to."""
        named = named_by(alert)
        if not named:
            return set()
        known, is_young = self._outbox.of_alert(named), now_us - alert.called_at_us < NAMING_US
        if not known and is_young:
            return {person.name for person in people}
        return {message.recipient for message in known if message.state == "sent" or (message.state == "waiting" and is_young)}

    def _link(self, alert: Alert, person: Recipient, now_us: int) -> str:
        if self._links is None or person.role not in RESPONDERS or (not alert.site and person.grant != "*"):
            return ""
        return self._links.write(alert.id, person.name, alert.called_by, now_us) + (f"?lang={person.locale}" if person.locale else "")

    def _is_new(self, alert: Alert, reason: str, way: Way, recipient: str) -> bool:
        if alert.type == "notification_failed" and way.name in failing(alert):
            return False  # not by the way that is broken
        return (alert.id, reason, way.name, recipient) not in self._put

    def _reasons(self, alert: Alert, now_us: int) -> Iterator[tuple[str, Sequence[Role]]]:
        paging = self._policy.for_site(alert.site).paging
        if alert.suppression == "by_design":  # both sides are told, and nobody is called further
            yield f"{SUPPRESSED}-{alert.called_by}", paging.overdue
            return
        roles = paging.stop if alert.severity is Severity.STOP else paging.action
        yield f"{alert.called_for}-{alert.called_by}", roles
        step = overdue_step(alert, now_us)
        if step:
            yield f"{OVERDUE}{step if step > 1 else ''}-{alert.called_by}", paging.overdue

    def _to_machines(self, alarms: Sequence[Alert], now_us: int) -> Iterator[Message]:
        """A machine is told of every change of state, the last one too."""
        machines = [way for way in self._ways if way.kind == "machine"]
        is_open = {alert.id for alert in alarms}
        gone = self._open - is_open
        self._open = is_open
        closed = [fold(steps) for steps in self._journal.steps_of(sorted(gone)).values()] if machines and gone else []
        for alert in [*alarms, *closed]:
            reason = f"{CHANGED}-{alert.state}-{alert.called_by}"[:64]
            for way in machines:
                if way.site in ("", alert.site) and self._is_new(alert, reason, way, way.name):
                    text = msgspec.json.encode({"event": alert.state, "alert": to_json(alert)}).decode()
                    yield _message(alert, reason, way.name, way.name, f"{alert.severity.value}: {alert.type}", text, now_us, 0)


def overdue_step(alert: Alert, now_us: int) -> int:
    """Active, nobody has confirmed a response, and the time to respond is over: the next step is called (acceptance B), and again each time that span is over once more. 0: not."""
    if not is_overdue(alert, now_us) or alert.respond_by_us is None:
        return 0
    span_us = max(OVERDUE_LEAST_US, alert.respond_by_us - alert.called_at_us)
    return min(OVERDUE_MAX, 1 + (now_us - alert.respond_by_us) // span_us)


def is_overdue(alert: Alert, now_us: int) -> bool:
    return alert.active and alert.confirmed is None and alert.respond_by_us is not None and now_us > alert.respond_by_us


def is_wanted(alert: Alert, reason: str, role: Role | None) -> bool:
    """Whether a message still has its reason. An acknowledgement ends the paging of its step for its side at once; a call for a step that is past is stale. Machines get all."""
    if role is None:
        return True
    kind, _, step = reason.rpartition("-")
    if not alert.open or step != str(alert.called_by):
        return False
    if kind == SUPPRESSED or alert.suppression == "by_design":
        return kind == SUPPRESSED and alert.suppression == "by_design"
    if alert.suppression in ("shelved", "out_of_service"):
        return False
    if kind.startswith(OVERDUE):
        return alert.active and alert.confirmed is None
    return not alert.heard_by(role.side)


def failing(alert: Alert) -> list[str]:
    """Channels that an alert of failing delivery speaks of."""
    found = alert.evidence.get("failing")
    return [str(name) for name in found] if isinstance(found, list) else [str(alert.evidence.get("channel", ""))]


def _duty(roster: Sequence[Duty], held: Snapshot, site: str, now_us: int) -> set[str]:
    here = [duty for duty in roster if duty.site == site]
    return on_duty(here, held.shifts.get(site, []), held.timezone(site), now_us) if here else set()


def _message(alert: Alert, reason: str, channel: str, recipient: str, subject: str, text: str, now_us: int, not_before_us: int) -> Message:
    return Message(
        alert=alert.id, reason=reason, channel=channel, recipient=recipient, subject=subject, text=text, created_us=now_us, site=alert.site, next_try_us=not_before_us
    )  # fmt: skip


def _identity(message: Message) -> tuple[str, str, str, str]:
    return message.alert, message.reason, message.channel, message.recipient
