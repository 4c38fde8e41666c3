"""Sends what stands in the outbox, a thread for each channel: back-off, grouping under a flood, and an alert when the channel fails. A channel that raises or hangs holds no other."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from alerts.notification.pager import is_wanted
from alerts.notification.port import Notifier, Permanent
from alerts.notification.troubles import Troubles
from alerts.notification.words import Letterhead, write_group
from alerts.policy import Policy
from alerts.rounds import Round
from alerts.state import Alert, fold
from domain.clock import Clock
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role
from domain.times import DAY_US, SECOND_US
from storage.records.journal import JournalRepository
from storage.records.notifications import Message, NotificationsRepository, Recipient
from storage.records.proofs import ProofsRepository
from storage.records.registry import RegistryRepository

log = logging.getLogger(__name__)

BACKOFF_S = (5, 15, 60, 180, 600)
GIVE_UP_US = DAY_US
ALARM_AFTER = 3
"""Messages that fail in a row until the failure is an alert itself: a mail server may be restarted."""
POLL_S = 0.5
GROUP_FROM = 5
"""More messages for one person at once than this are one message."""
CALM_S = 60.0
CROWDED = 5
"""Whoever got so many within a minute has the next ones collected."""
COLLECT_S, COLLECT_STOP_S = 30.0, 10.0
AT_ONCE = 5_000
PLAIN = ("digest", "committee", "account", "test", "inspectorate")
"""Messages that are about no alert: nobody's acknowledgement ends them."""
SILENT_PROOF = "silent"
COUNTED = ("sent", "retried", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class _Item:
    message: Message
    alert: Alert | None

    @property
    def rank(self) -> tuple[int, int]:
        return (-(self.alert.severity.rank if self.alert else 0), self.message.id)


class Delivery:
    """Sends the messages of one channel."""

    def __init__(
        self, engine: Engine, clock: Clock, policy: Policy, notifier: Notifier, *, troubles: Troubles | None = None, head: Letterhead | None = None
    ) -> None:  # fmt: skip
        self._outbox, self._journal, self._proofs = NotificationsRepository(engine), JournalRepository(engine), ProofsRepository(engine)
        self._troubles = troubles or Troubles(engine, clock, policy)
        self._head = head or Letterhead(policy=policy, held=Snapshot())
        self._held = RegistryRepository(engine)
        self._clock, self._notifier, self._way = clock, notifier, notifier.way
        self._failures_in_a_row = 0
        self._lately: dict[str, deque[float]] = defaultdict(deque)  # recipient → when, by the monotonic clock
        self.counts: Counter[str] = Counter()
        self.round = Round(name=f"delivery:{self._way.kind}", every_s=POLL_S, do=self._pass)

    def start(self, stop: threading.Event) -> threading.Thread:
        return self.round.start(stop)

    def counters(self) -> dict[str, float]:
        """Messages since the start, by what became of them; by kind of channel, since a channel's name may name a site."""
        return {f"notification_{what}:{self._way.kind}": float(self.counts[what]) for what in COUNTED}

    def _pass(self) -> None:
        self.deliver_due()
        self.prove_when_asked()

    def deliver_due(self) -> None:
        """One pass over what is due, the most urgent first."""
        due = self._outbox.due(self._way.name, self._clock.now_us(), AT_ONCE)
        if not due:
            return
        alerts = {id: fold(steps) for id, steps in self._journal.steps_of(sorted({message.alert for message in due})).items()}
        people = {person.name: person for person in self._outbox.recipients(list(Role))}
        by_recipient: dict[str, list[_Item]] = defaultdict(list)
        for message in due:
            by_recipient[message.recipient].append(_Item(message, alerts.get(message.alert)))
        ordered = sorted((sorted(items, key=lambda item: item.rank) for items in by_recipient.values()), key=lambda items: items[0].rank)
        for items in ordered:
            self._deliver(items[0].message.recipient, items, people)

    def prove_when_asked(self) -> None:
        """The chain test's question, answered by the thread that would send."""
        asked = self._proofs.asked(self._way.name, SILENT_PROOF)
        if asked is None:
            return
        problem = _attempt(self._notifier.prove)
        if problem is None:
            self._proofs.answer(asked.id, received_us=self._clock.now_us())
        else:
            self._proofs.answer(asked.id, problem=f"{type(problem).__name__}: {problem}")

    def _deliver(self, recipient: str, items: Sequence[_Item], people: Mapping[str, Recipient]) -> None:
        person = people.get(recipient)
        is_machine = self._way.kind == "machine"
        address = person.address(self._way.kind) if person else ""
        if not is_machine and not address:
            self._outbox.failed([item.message.id for item in items], "nobody to write to")
            self.counts["failed"] += len(items)
            return
        role = person.role if person else None
        wanted = [item for item in items if _is_plain(item) or (item.alert is not None and is_wanted(item.alert, item.message.reason, role))]
        stale = [item.message.id for item in items if item not in wanted]
        if stale:
            self._outbox.cancel(stale, "acknowledged or over before it was sent")
            self.counts["cancelled"] += len(stale)
        alarms = [item for item in wanted if not _is_plain(item)]
        if not is_machine and person is not None and self._is_to_be_grouped(recipient, alarms):
            if self._may_go_now(recipient, alarms):
                self._send_group(person, address, alarms)
            wanted = [item for item in wanted if _is_plain(item)]
        for item in wanted:
            message = item.message
            self._hand_over(recipient, [message], lambda m=message: self._notifier.send(address, m.subject, m.text))  # type: ignore[misc]

    def _is_to_be_grouped(self, recipient: str, alarms: Sequence[_Item]) -> bool:
        return len(alarms) > GROUP_FROM or (bool(alarms) and self._is_crowded(recipient))

    def _is_crowded(self, recipient: str) -> bool:
        lately = self._lately[recipient]
        while lately and time.monotonic() - lately[0] > CALM_S:
            lately.popleft()
        return len(lately) >= CROWDED

    def _may_go_now(self, recipient: str, alarms: Sequence[_Item]) -> bool:
        """The first group goes at once; the next ones collect for a while."""
        if not self._is_crowded(recipient):
            return True
        collect_s = COLLECT_STOP_S if any(item.alert and item.alert.severity is Severity.STOP for item in alarms) else COLLECT_S
        return time.monotonic() - self._lately[recipient][-1] >= collect_s

    def _send_group(self, person: Recipient, address: str, alarms: Sequence[_Item]) -> None:
        messages = [item.message for item in alarms]
        if len(messages) == 1:
            self._hand_over(person.name, messages, lambda: self._notifier.send(address, messages[0].subject, messages[0].text))
            return
        worst = max((item.alert.severity for item in alarms if item.alert), key=lambda severity: severity.rank)
        head = replace(self._head, held=self._held.load().at(self._clock.now_us()))
        subject, text = write_group(head, [message.subject for message in messages], worst, messages[0].site, person.locale)
        short = f"{subject} {head.console_url}/alerts".strip() if self._way.is_short else text
        self._hand_over(person.name, messages, lambda: self._notifier.send(address, subject, short))
        self._lately[person.name].extend([time.monotonic()] * CROWDED)  # a group is a crowd

    def _hand_over(self, recipient: str, messages: Sequence[Message], send: Callable[[], None]) -> None:
        problem = _attempt(send)
        if problem is None:
            self._outbox.sent([message.id for message in messages], self._clock.now_us())
            self.counts["sent"] += len(messages)
            self._failures_in_a_row = 0
            self._lately[recipient].append(time.monotonic())
            self._troubles.works(self._way.name, "delivery")
        else:
            self._has_failed(messages, problem)

    def _has_failed(self, messages: Sequence[Message], problem: Exception) -> None:
        self._failures_in_a_row += 1
        now_us, first = self._clock.now_us(), messages[0]
        error = f"{type(problem).__name__}: {problem}"
        log.warning("%s did not take a message to %s: %s", self._way.name, first.recipient, error)
        ids = [message.id for message in messages]
        is_final = isinstance(problem, Permanent) or now_us - first.created_us > GIVE_UP_US
        self.counts["failed" if is_final else "retried"] += len(ids)
        if is_final:
            self._outbox.failed(ids, error)
        else:
            self._outbox.put_off(ids, now_us + BACKOFF_S[min(first.tries, len(BACKOFF_S) - 1)] * SECOND_US, error)
        if is_final or self._failures_in_a_row >= ALARM_AFTER or first.tries + 1 >= ALARM_AFTER:
            self._troubles.fail(self._way.name, "delivery", error, first.site)


def _is_plain(item: _Item) -> bool:
    return item.message.reason.partition("-")[0] in PLAIN


def _attempt(send: Callable[[], object]) -> Exception | None:
    """A notifier is foreign code on a network: whatever it raises is a failed delivery and nothing more."""
    try:
        send()
    except Exception as problem:  # noqa: BLE001 - counted, kept with the message, and an alert when it goes on
        return problem
    return None
