"""Who was told of an alert, by role and channel: lines between those of its journal. No name and no address stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from console.context import House
from console.formats import Formats
from console.words import ROLES
from domain.times import MINUTE_US
from storage.records.journal import Step
from storage.records.notifications import Message, NotificationsRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Messages of one minute by one channel; `roles` are words to be translated."""

    at: str
    channel: str
    roles: list[str]
    count: int


def with_told(house: House, alert: str, steps: Iterable[Step], view: Callable[[Step], object], formats: Formats, timezone: ZoneInfo) -> list[object]:
    """The journal, and between its steps who was told when."""
    role_of = {user.name: user.role.value for user in house.people.list_users()}
    groups: dict[tuple[int, str], list[Message]] = {}
    for message in NotificationsRepository(house.context.engine).of_alert(alert):
        if message.state == "sent" and message.sent_us is not None:
            groups.setdefault((message.sent_us // MINUTE_US, message.channel), []).append(message)
    lines: list[tuple[int, object]] = [(step.recorded_us, view(step)) for step in steps]
    for messages in groups.values():
        first_us = min(message.sent_us or 0 for message in messages)
        roles = sorted({role_of.get(message.recipient, "") for message in messages})
        lines.append(
            (first_us, Told(at=formats.moment(first_us, timezone), channel=messages[0].channel, roles=[ROLES[role] for role in roles if role in ROLES], count=len(messages)))
        )
    return [line for _, line in sorted(lines, key=lambda line: line[0])]
