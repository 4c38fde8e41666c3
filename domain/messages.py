"""The small JSON messages of contract 3 beside the data pack: acknowledgement, status, health, events, commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class GapCause(StrEnum):
    """Why a span has no samples."""

    POWER = "power"
    NETWORK = "network"
    BROKER = "broker"
    SENSOR = "sensor"
    CLOCK = "clock"
    OUTBOX_FULL = "outbox_full"
    CENTRE = "centre"
    UNKNOWN = "unknown"


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """Every seq up to `upto` (-1: none yet) and each range of `also` of that boot is stored durably."""

    boot: str
    upto: int
    also: list[tuple[int, int]] = []


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A range of seqs that the agent still keeps."""

    boot: str
    from_: int = msgspec.field(name="from")
    to: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Birth and last will; `at` in Unix seconds."""

    state: Literal["online", "offline"]
    boot: str
    at: float
    version: str = ""
    config: str = ""
    held: list[Held] = []


class SensorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one sensor since the agent's start."""

    good: int
    bad: int
    last_good_age_s: float | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of itself every 30 s."""

    boot: str
    at: float
    uptime_s: float
    mqtt_version: str
    clock_synchronised: bool
    clock_offset_s: float | None
    outbox_depth: int
    outbox_oldest_age_s: float | None
    sensors: dict[str, SensorHealth]
    disk_free_bytes: int
    cpu_temperature_c: float | None
    certificate_days_left: int | None
    problems: list[str] = []


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """gap, alarm, config, fault or clock; its seq comes from the packs' own counter and it is acknowledged by the same message.

    A gap's `from`, `to` are Unix seconds of the span that has no samples.
    """

    type: Literal["gap", "alarm", "config", "fault", "clock"]
    boot: str
    seq: int
    at: float
    from_: float | None = msgspec.field(name="from", default=None)
    to: float | None = None
    cause: GapCause | None = None
    sensor: str = ""
    offset_s: float | None = None
    from_seq: int | None = None  # the seqs that a gap declares lost, where it does
    to_seq: int | None = None
    text: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """From the centre to an agent; unknown or expired is refused."""

    id: str
    verb: str
    args: dict[str, str | int | float | bool] = {}
    expires: float


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's answer to a command."""

    id: str
    state: Literal["done", "refused", "expired"]
    reason: str = ""
