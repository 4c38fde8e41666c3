"""Who is called, and the delivery that does it: an outbox in the records database, a thread for each channel, back-off, and an alert when a channel fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from sqlalchemy import Engine

from alerts.policy import Policy
from alerts.record import Finding, Recorder
from alerts.state import Alert, fold
from domain.clock import Clock
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.times import DAY_US, SECOND_US, to_rfc3339
from storage.records.journal import JournalRepository, Key
from storage.records.notifications import Message, NotificationsRepository, Recipient

log = logging.getLogger(__name__)

BACKOFF_S = (5, 15, 60, 180, 600)
GIVE_UP_US = DAY_US
ALARM_AFTER = 3
"""Messages that fail in a row until the failure is an alert itself: a mail server may be restarted."""
POLL_S = 0.5
OVERDUE, SUPPRESSED = "overdue", "suppressed"
REMEMBERED = 10_000


class Permanent(Exception):
    """The other side refuses this message for good."""


class Notifier(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str: ...

    def send(self, address: str, subject: str, text: str) -> None:
        """Hand a message over, within seconds; raises `Permanent` where another try is useless, anything else to be tried again."""
        ...


class Pager:
    """Decides who is to be told of which alert. It asks the alerts, not its memory: after a restart nobody is called twice and nobody who acknowledged is called."""

    def __init__(self, engine: Engine, policy: Policy, channels: Sequence[str]) -> None:
        self._outbox = NotificationsRepository(engine)
        self._policy, self._channels = policy, channels
        self._put: set[tuple[str, str, str, str]] = set()

    def call(self, alerts: Sequence[Alert], held: Snapshot, now_us: int) -> None:
        """Put a message in the outbox for everyone who is to be called and has not been."""
        alarms = [alert for alert in alerts if alert.severity is not Severity.NOTICE and alert.suppression not in ("shelved", "out_of_service")]
        if not self._channels or not alarms:
            return
        people = self._outbox.recipients(list(Role))
        messages = [message for alert in alarms for message in self._messages(alert, people, held, now_us)]
        if messages:
            self._outbox.put(messages)
            self._put.update(map(_identity, messages))
        if len(self._put) > REMEMBERED:
            still_open = {alert.id for alert in alerts}
            self._put = {known for known in self._put if known[0] in still_open}

    def _messages(self, alert: Alert, people: Sequence[Recipient], held: Snapshot, now_us: int) -> Iterator[Message]:
        here = [person for person in people if _is_of(person, alert.site, held)]
        for reason, roles in self._reasons(alert, now_us):
            for recipient in self._called(here, roles, alert.site):
                if is_wanted(alert, reason, recipient.role):
                    yield from self._written(alert, reason, recipient, held, now_us)

    def _reasons(self, alert: Alert, now_us: int) -> Iterator[tuple[str, Sequence[Role]]]:
        paging = self._policy.for_site(alert.site).paging
        if alert.suppression == "by_design":  # both sides are told, and nobody is called further
            yield f"{SUPPRESSED}-{alert.called_by}", paging.overdue
            return
        roles = paging.stop if alert.severity is Severity.STOP else paging.action
        yield f"{alert.called_for}-{alert.called_by}", roles
        if is_overdue(alert, now_us):
            yield f"{OVERDUE}-{alert.called_by}", paging.overdue

    def _called(self, here: Sequence[Recipient], roles: Sequence[Role], site: str) -> list[Recipient]:
        """Where nobody of these roles has an address, whoever of the overdue step has."""
        return [person for person in here if person.role in roles] or [person for person in here if person.role in self._policy.for_site(site).paging.overdue]

    def _written(self, alert: Alert, reason: str, recipient: Recipient, held: Snapshot, now_us: int) -> Iterator[Message]:
        for channel in self._channels:
            if alert.type == "notification_failed" and alert.evidence.get("channel") == channel:
                continue  # not by the way that is broken
            if (alert.id, reason, channel, recipient.name) not in self._put:
                subject, text = write_message(alert, self._policy, held, reason)
                yield Message(alert=alert.id, reason=reason, channel=channel, recipient=recipient.name, subject=subject, text=text, created_us=now_us)


class Delivery:
    """Sends the messages of one channel."""

    def __init__(self, engine: Engine, clock: Clock, policy: Policy, notifier: Notifier) -> None:
        self._outbox, self._journal = NotificationsRepository(engine), JournalRepository(engine)
        self._recorder = Recorder(engine, clock, policy)
        self._clock, self._policy, self._notifier = clock, policy, notifier
        self._failures_in_a_row = 0
        self._alarmed: dict[str, Alert] = {}  # site → its alert
        self.sent = self.failures = 0

    def run(self, stop: threading.Event) -> None:
        """Until stopped; whatever goes wrong is logged, counted and tried again."""
        while not stop.is_set():
            try:
                self.deliver_due()
            except Exception:  # top of a task
                self.failures += 1
                log.exception("delivery by %s", self._notifier.name)
            stop.wait(POLL_S)

    def start(self, stop: threading.Event) -> threading.Thread:
        thread = threading.Thread(target=self.run, args=(stop,), name=f"notify-{self._notifier.name}", daemon=True)
        thread.start()
        return thread

    def deliver_due(self) -> None:
        """One pass over what is due."""
        for message in self._outbox.due(self._notifier.name, self._clock.now_us()):
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        steps = self._journal.steps(message.alert)
        recipient = next((person for person in self._outbox.recipients(list(Role)) if person.name == message.recipient), None)
        if not steps or recipient is None:
            self._outbox.failed(message.id, "nobody to write to")
            return
        alert = fold(steps)
        if not is_wanted(alert, message.reason, recipient.role):
            self._outbox.cancel(message.id, "acknowledged or over before it was sent")
            return
        problem = _attempt(lambda: self._notifier.send(recipient.email, message.subject, message.text))
        if problem is None:
            self._outbox.sent(message.id, self._clock.now_us())
            self.sent += 1
            self._works_again()
        else:
            self._has_failed(message, alert, problem)

    def _has_failed(self, message: Message, alert: Alert, problem: Exception) -> None:
        self.failures += 1
        self._failures_in_a_row += 1
        now_us = self._clock.now_us()
        error = f"{type(problem).__name__}: {problem}"
        log.warning("%s did not take a message to %s: %s", self._notifier.name, message.recipient, error)
        is_final = isinstance(problem, Permanent) or now_us - message.created_us > GIVE_UP_US
        if is_final:
            self._outbox.failed(message.id, error)
        else:
            self._outbox.put_off(message.id, now_us + BACKOFF_S[min(message.tries, len(BACKOFF_S) - 1)] * SECOND_US, error)
        if is_final or self._failures_in_a_row >= ALARM_AFTER or message.tries + 1 >= ALARM_AFTER:
            self._alarm(alert.site, error, now_us)

    def _alarm(self, site: str, error: str, now_us: int) -> None:
        row = self._policy.rows["notification_failed"]
        key = Key("", row.hazards[0], row.type)
        finding = Finding(
            site=site,
            zone=key.zone,
            hazard=key.hazard,
            type=key.type,
            severity=row.lowest,
            event_us=now_us,
            evidence={"channel": self._notifier.name, "error": error[:300]},
        )
        alert = self._recorder.seen(finding, self._alarmed.get(site))
        if alert is not None:
            self._alarmed[site] = alert

    def _works_again(self) -> None:
        self._failures_in_a_row = 0
        if not self._alarmed:
            self._alarmed = {(alert := fold(steps)).site: alert for steps in self._journal.load_open().values() if steps[0].type == "notification_failed"}
        for alert in self._alarmed.values():
            self._recorder.returned(alert, self._clock.now_us())
        self._alarmed = {}


def is_overdue(alert: Alert, now_us: int) -> bool:
    """Active, nobody has confirmed a response, and the time to respond is over: the next step is called (acceptance B)."""
    return alert.active and alert.confirmed is None and alert.respond_by_us is not None and now_us > alert.respond_by_us


def is_wanted(alert: Alert, reason: str, role: Role) -> bool:
    """Whether a message still has its reason. An acknowledgement ends the paging of its step for its side at once; a call for a step that is past is stale."""
    kind, _, step = reason.rpartition("-")
    if not alert.open or step != str(alert.called_by):
        return False
    if kind == SUPPRESSED or alert.suppression == "by_design":
        return kind == SUPPRESSED and alert.suppression == "by_design"
    if kind == OVERDUE:
        return alert.active and alert.confirmed is None
    return not alert.heard_by(role.side)


def write_message(alert: Alert, policy: Policy, held: Snapshot, reason: str) -> tuple[str, str]:
    """Subject and text: what, where, how bad, what to do first."""
    row = policy.rows[alert.type]
    zone = held.zones[alert.zone].spec.name if alert.zone in held.zones else alert.zone or "-"
    site = held.sites[alert.site].name if alert.site in held.sites else alert.site or "-"
    word = {Severity.STOP: "STOP", Severity.ACTION: "Action", Severity.NOTICE: "Notice"}[alert.severity]
    late = {OVERDUE: "nobody has confirmed a response: ", SUPPRESSED: "suppressed by design: "}.get(reason.rpartition("-")[0], "")
    lost = " (data lost)" if alert.data_lost else ""
    simulated = "SIMULATED " if alert.simulated else ""
    subject = f"{simulated}{word}: {late}{row.title}, {zone}{lost}"
    lines = [f"{row.title}: {zone}, {site}", "", f"What to do: {row.level(alert.severity).response}", "", *_facts(alert)]
    lines += ["", "This is a watch on conditions, not a safety function: it does not replace certified gas detection or a fire alarm."]
    return subject, "\n".join(lines)


def _facts(alert: Alert) -> Iterator[str]:
    if alert.value is not None:
        limit = f", limit {alert.limit.value:g} ({alert.limit.profile}, {alert.limit.clause})" if alert.limit and alert.limit.value is not None else ""
        yield f"Value: {alert.value:.4g} {alert.unit}{limit}"
    if alert.evidence.get("certainty"):
        yield f"Certainty: {alert.evidence['certainty']}"
    yield f"Since: {to_rfc3339(alert.raised_at_us)}"
    if alert.respond_by_us is not None:
        yield f"Respond by: {to_rfc3339(alert.respond_by_us)}"
    if alert.data_lost:
        yield "The sensor no longer sends: the alert stays until somebody has looked."
    yield f"Alert: {alert.id}"


def _is_of(person: Recipient, site: str, held: Snapshot) -> bool:
    spec = held.sites.get(site)
    return Scope(user=person.name, role=person.role, grant=person.grant).sees(spec) if spec else person.grant == "*"


def _identity(message: Message) -> tuple[str, str, str, str]:
    return message.alert, message.reason, message.channel, message.recipient


def _attempt(send: Callable[[], None]) -> Exception | None:
    """A notifier is foreign code on a network: whatever it raises is a failed delivery and nothing more."""
    try:
        send()
    except Exception as problem:  # noqa: BLE001 - counted, kept with the message, and an alert when it goes on
        return problem
    return None
