"""The small JSON messages of contract 3 beside the data pack: acknowledgement, status, health, events, commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from domain.senml import ABSOLUTE_TIME_FROM_S


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

    A gap's `from`, `to` are the seqs of that boot that will never come (contract 3), its `start`, `stop` the Unix seconds of the span without samples. The older
    form is understood too: `from`, `to` as Unix seconds with `from_seq`, `to_seq` beside them; no seq is as great as a Unix time after 1978.
    """

    type: Literal["gap", "alarm", "config", "fault", "clock"]
    boot: str
    seq: int
    at: float
    from_: int | float | None = msgspec.field(name="from", default=None)
    to: int | float | None = None
    cause: GapCause | None = None
    sensor: str = ""
    offset_s: float | None = None
    from_seq: int | None = None
    to_seq: int | None = None
    start: float | None = None
    stop: float | None = None
    text: str = ""

    @property
    def lost_seqs(self) -> tuple[int, int] | None:
        """First and last seq that a gap declares lost; None where it names none, or none that can be."""
        first, last = (self.from_, self.to) if self._names_seqs else (self.from_seq, self.to_seq)
        return (int(first), int(last)) if first is not None and last is not None and 0 <= first <= last else None

    @property
    def span_s(self) -> tuple[float | None, float | None]:
        """Start and stop of the span without samples, as far as the event tells."""
        first, last = (None, None) if self._names_seqs else (self.from_, self.to)
        return first if self.start is None else self.start, last if self.stop is None else self.stop

    @property
    def _names_seqs(self) -> bool:
        return self.from_ is not None and self.to is not None and all(0 <= end < ABSOLUTE_TIME_FROM_S and end == int(end) for end in (self.from_, self.to))


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
