"""Messages that are about no single alert: to people of a site by roles, each in their own language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from alerts.notification.duty import is_of, ways_of
from alerts.notification.port import Way
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role
from storage.records.notifications import Message, NotificationsRepository, Recipient

Written = tuple[str, str]
BOTH_SIDES = (Role.OFFICER, Role.MANAGEMENT_REPRESENTATIVE, Role.WORKER_REPRESENTATIVE)


class Post:
    """Puts them in the outbox; the same is never put twice."""

    def __init__(self, engine: Engine, ways: Sequence[Way]) -> None:
        self._outbox, self.ways = NotificationsRepository(engine), ways

    def people(self, site: str, held: Snapshot, roles: Sequence[Role] = BOTH_SIDES) -> list[Recipient]:
        return [person for person in self._outbox.recipients(roles) if is_of(person, site, held)]

    def put(
        self, people: Sequence[Recipient], site: str, about: str, reason: str, now_us: int, write: Callable[[Recipient], Written], *, every_way: bool = False
    ) -> int:  # fmt: skip
        """By the first way that each person wishes to be reached by, and never twice; or by every way. Answers how many messages."""
        messages = []
        told = set() if every_way else self._outbox.told(about, reason)
        for person in people:
            if person.name in told:
                continue
            ways = ways_of(person, self.ways, Severity.STOP if every_way else Severity.NOTICE)
            for way in ways if every_way else ways[:1]:
                subject, text = write(person)
                text = subject if way.is_short else text
                messages.append(Message(alert=about, reason=reason, channel=way.name, recipient=person.name, subject=subject, text=text, created_us=now_us, site=site))
        if messages:
            self._outbox.put(messages)
        return len(messages)

    def of(self, about: str, reason: str) -> list[Message]:
        """What became of them."""
        return [message for message in self._outbox.of_alert(about) if message.reason == reason]
