"""Outbox of messages to people, and the record of their delivery. A message is known by (alert, reason, channel, recipient): the same is never sent twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Engine, case, func, select, update

from domain.scope import Role
from storage.records.contacts import Contact, decode_contact
from storage.records.paging import Page, after, page_of
from storage.records.sql import insert_new, reading, writing
from storage.records.tables import contacts, notifications, users

NotificationState = Literal["waiting", "sent", "failed", "cancelled"]
STATES: tuple[NotificationState, ...] = ("waiting", "sent", "failed", "cancelled")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A person who can be written to."""

    name: str
    role: Role
    grant: str
    email: str
    locale: str
    contact: Contact = field(default_factory=Contact)

    def address(self, kind: str) -> str:
        """E-mail address, phone number or chat; "" where there is none."""
        return {"email": self.email, "phone": self.contact.phone, "chat": self.contact.chat}.get(kind, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message by one channel. `recipient` is a user's name: the address is looked up when it is sent. `next_try_us` 0: at once."""

    alert: str
    reason: str
    channel: str
    recipient: str
    subject: str
    text: str
    created_us: int
    site: str = ""
    id: int = 0
    tries: int = 0
    state: NotificationState = "waiting"
    last_error: str = ""
    sent_us: int | None = field(default=None)
    next_try_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The outbox: how many messages, and since when the oldest is there whose time has come; one that quiet hours hold back is not late."""

    count: int
    oldest_us: int | None


class NotificationsRepository:
    """The alerts process puts in; one delivery thread for each channel takes out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, messages: Sequence[Message]) -> None:
        """Those that are known already stay as they are."""
        names = ("alert", "reason", "channel", "recipient", "subject", "text", "created_us", "site")
        rows = [
            {name: getattr(message, name) for name in names} | {"next_try_us": message.next_try_us or message.created_us, "tries": 0, "state": "waiting", "last_error": ""}
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

    def sent(self, ids: Collection[int], at_us: int) -> None:
        self._set(ids, state="sent", sent_us=at_us, last_error="", tries=notifications.c.tries + 1)

    def put_off(self, ids: Collection[int], next_try_us: int, error: str) -> None:
        self._set(ids, next_try_us=next_try_us, last_error=error[:500], tries=notifications.c.tries + 1)

    def failed(self, ids: Collection[int], error: str) -> None:
        self._set(ids, state="failed", last_error=error[:500], tries=notifications.c.tries + 1)

    def cancel(self, ids: Collection[int], why: str) -> None:
        """Its reason is gone: somebody acknowledged."""
        self._set(ids, state="cancelled", last_error=why)

    def of_alert(self, alert: str) -> list[Message]:
        """Who was told of an alert, when, and what came of it."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(notifications).where(notifications.c.alert == alert).order_by(notifications.c.id))
            return [Message(**row._asdict()) for row in rows]

    def told(self, about: str, reason: str) -> set[str]:
        """Who has a message of this already, by whichever channel."""
        with reading(self._engine) as connection:
            return set(connection.execute(select(notifications.c.recipient).where(notifications.c.alert == about, notifications.c.reason == reason)).scalars())

    def page(self, sites: Sequence[str], *, state: str = "", channel: str = "", without: str = "", cursor: str | None = None, limit: int = 100) -> Page[Message]:
        """The delivery record of these sites, the latest first; `without`: how reasons begin that are left out."""
        query = select(notifications).where(notifications.c.site.in_(list(sites)))
        query = query.where(notifications.c.reason.not_like(f"{without}%")) if without else query
        query = query.where(notifications.c.state == state) if state else query
        query = query.where(notifications.c.channel == channel) if channel else query
        before = after(cursor)
        query = query if before is None else query.where(notifications.c.id < before)
        with reading(self._engine) as connection:
            found = [Message(**row._asdict()) for row in connection.execute(query.order_by(notifications.c.id.desc()).limit(limit + 1))]
        return page_of(found, [message.id for message in found], limit)

    def waiting(self, now_us: int) -> Waiting:
        """Of all channels, also of those that no setting names any more."""
        is_late = (notifications.c.tries > 0) | (notifications.c.next_try_us <= now_us)
        query = select(func.count(), func.min(case((is_late, notifications.c.created_us)))).where(notifications.c.state == "waiting")
        with reading(self._engine) as connection:
            count, oldest_us = connection.execute(query).one()
        return Waiting(count=count, oldest_us=oldest_us)

    def oldest_due(self, now_us: int) -> Mapping[str, int]:
        """Channel → since when a message has been due without being taken up; one that was tried and waits for its next try is not among them."""
        query = select(notifications.c.channel, func.min(notifications.c.next_try_us)).where(notifications.c.state == "waiting", notifications.c.next_try_us <= now_us)
        with reading(self._engine) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(notifications.c.channel))}

    def recipients(self, roles: Sequence[Role]) -> list[Recipient]:
        """Active people of these roles who have an address."""
        columns = (users.c.name, users.c.role, users.c.grant, users.c.email, users.c.locale, contacts.c.body)
        wanted = select(*columns).outerjoin(contacts, contacts.c.user == users.c.name)
        wanted = wanted.where(users.c.active, users.c.role.in_([role.value for role in roles])).order_by(users.c.name)
        with reading(self._engine) as connection:
            rows = connection.execute(wanted).all()
        found = [
            Recipient(name=row.name, role=Role(row.role), grant=row.grant, email=row.email, locale=row.locale, contact=decode_contact(row.body) if row.body else Contact())
            for row in rows
        ]
        return [person for person in found if person.email or person.contact.phone or person.contact.chat]

    def _set(self, ids: Collection[int], **values: object) -> None:
        wanted = list(ids)
        with writing(self._engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                connection.execute(update(notifications).where(notifications.c.id.in_(wanted[start : start + _AT_ONCE])).values(**values))
