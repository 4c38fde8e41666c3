"""Hazards and severities of contract 3.3, and a zone's status."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """`notice` needs no response and is in no alarm list; `action`: do something this shift; `stop`: serious harm likely within minutes to an hour."""

    NOTICE = "notice"
    ACTION = "action"
    STOP = "stop"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class ZoneStatus(StrEnum):
    """What the floor shows. What is not measured is unknown, never within."""

    WITHIN = "within"
    UNKNOWN = "unknown"
    ACTION = "action"
    STOP = "stop"


def worst(statuses: list[ZoneStatus]) -> ZoneStatus:
    """Order stop > action > unknown > within; a zone without any hazard assessed is unknown."""
    return max(statuses, key=_ORDER.index, default=ZoneStatus.UNKNOWN)


_ORDER = list(ZoneStatus)


SYSTEM_HAZARDS = ("sensor", "agent", "outbox", "notification")
