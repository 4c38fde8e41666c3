"""Outbox of messages to people, and the record of their delivery. A message is known by (alert, reason, channel, recipient): the same is never sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Engine, select, update

from domain.scope import Role
from storage.records.sql import insert_new, reading, writing
from storage.records.tables import notifications, users

NotificationState = Literal["waiting", "sent", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A person who can be written to."""

    name: str
    role: Role
    grant: str
    email: str
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one address. `recipient` is a user's name: the address is looked up when it is sent."""

    alert: str
    reason: str
    channel: str
    recipient: str
    subject: str
    text: str
    created_us: int
    id: int = 0
    tries: int = 0
    state: NotificationState = "waiting"
    last_error: str = ""
    sent_us: int | None = field(default=None)
    next_try_us: int = 0


class NotificationsRepository:
    """The alerts process puts in; one delivery thread for each channel takes out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, messages: Sequence[Message]) -> None:
        """Those that are known already stay as they are."""
        rows = [
            {
                "alert": message.alert,
                "reason": message.reason,
                "channel": message.channel,
                "recipient": message.recipient,
                "subject": message.subject,
                "text": message.text,
                "created_us": message.created_us,
                "next_try_us": message.created_us,
                "tries": 0,
                "state": "waiting",
                "last_error": "",
            }
            for message in messages
        ]
        with writing(self._engine) as connection:
            insert_new(connection, notifications, rows)

    def due(self, channel: str, now_us: int, limit: int = 100) -> list[Message]:
        """Waiting messages of a channel whose time has come, oldest first."""
        where = (notifications.c.state == "waiting", notifications.c.channel == channel, notifications.c.next_try_us <= now_us)
        with reading(self._engine) as connection:
            rows = connection.execute(select(notifications).where(*where).order_by(notifications.c.next_try_us, notifications.c.id).limit(limit))
            return [Message(**row._asdict()) for row in rows]

    def sent(self, id: int, at_us: int) -> None:
        self._set(id, state="sent", sent_us=at_us, last_error="", tries=notifications.c.tries + 1)

    def put_off(self, id: int, next_try_us: int, error: str) -> None:
        self._set(id, next_try_us=next_try_us, last_error=error[:500], tries=notifications.c.tries + 1)

    def failed(self, id: int, error: str) -> None:
        self._set(id, state="failed", last_error=error[:500], tries=notifications.c.tries + 1)

    def cancel(self, id: int, why: str) -> None:
        """Its reason is gone: somebody acknowledged."""
        self._set(id, state="cancelled", last_error=why)

    def of_alert(self, alert: str) -> list[Message]:
        """Who was told of an alert, when, and what came of it."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(notifications).where(notifications.c.alert == alert).order_by(notifications.c.id))
            return [Message(**row._asdict()) for row in rows]

    def recipients(self, roles: Sequence[Role]) -> list[Recipient]:
        """Active people of these roles who have an address."""
        wanted = select(users.c.name, users.c.role, users.c.grant, users.c.email, users.c.locale)
        wanted = wanted.where(users.c.active, users.c.email != "", users.c.role.in_([role.value for role in roles])).order_by(users.c.name)
        with reading(self._engine) as connection:
            return [Recipient(name=row.name, role=Role(row.role), grant=row.grant, email=row.email, locale=row.locale) for row in connection.execute(wanted)]

    def address(self, name: str) -> str | None:
        with reading(self._engine) as connection:
            return connection.scalar(select(users.c.email).where(users.c.name == name, users.c.active))

    def _set(self, id: int, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(notifications).where(notifications.c.id == id).values(**values))
