"""The journal of an alert as its page and its review show it: each step, and between the steps who was told of it, by role and channel; no recipient's name or address stands in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from console.context import House
from console.formats import Formats
from console.i18n import N_
from console.words import ROLES, STEPS
from domain.times import MINUTE_US
from storage.records.journal import Step
from storage.records.notifications import Message, NotificationsRepository

VIA = {"page": N_("on these pages"), "api": N_("by a program"), "link": N_("by a signed link")}


@dataclass(frozen=True, slots=True)
class StepView:
    at: str
    word: str
    by: str
    role: str
    text: str
    value: str
    via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Messages of one minute by one channel; `roles` are words to be translated."""

    at: str
    channel: str
    roles: list[str]
    count: int


def journal_lines(house: House, alert: str, steps: Iterable[Step], formats: Formats, timezone: ZoneInfo) -> list[StepView | Told]:
    """Steps and messages, by time."""
    role_of = {user.name: user.role.value for user in house.people.list_users()}
    groups: dict[tuple[int, str], list[Message]] = {}
    for message in NotificationsRepository(house.context.engine).of_alert(alert):
        if message.state == "sent" and message.sent_us is not None:
            groups.setdefault((message.sent_us // MINUTE_US, message.channel), []).append(message)
    lines: list[tuple[int, StepView | Told]] = [(step.recorded_us, _step_view(step, formats, timezone)) for step in steps]
    for messages in groups.values():
        first_us = min(message.sent_us or 0 for message in messages)
        roles = sorted({role_of.get(message.recipient, "") for message in messages})
        lines.append(
            (first_us, Told(at=formats.moment(first_us, timezone), channel=messages[0].channel, roles=[ROLES[role] for role in roles if role in ROLES], count=len(messages)))
        )
    return [line for _, line in sorted(lines, key=lambda line: line[0])]


def _step_view(step: Step, formats: Formats, timezone: ZoneInfo) -> StepView:
    value = formats.measure(step.detail.value, step.detail.unit) if step.detail.value is not None else ""
    return StepView(
        formats.moment(step.recorded_us, timezone),
        STEPS.get(step.kind.value, step.kind.value),
        step.by,
        ROLES.get(step.role, step.role),
        step.detail.text,
        value,
        VIA.get(step.detail.via, ""),
    )
