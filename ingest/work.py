"""What one commit is made of: filled by the intake, taken over whole by the committer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from domain.reading import Reading
from storage.records.ledger import FilledRow, GapRow, PackRow, QuarantineRow
from storage.records.quarantine import QuarantineItem
from storage.records.unsynchronised import ClockEventRow, UnsynchronisedRow

BootKey = tuple[str, str]  # agent, boot


@dataclass(frozen=True, slots=True)
class Jump:
    """Seqs that were passed over, and the event times between which they lie."""

    agent: str
    boot: str
    from_seq: int
    to_seq: int
    start_us: int
    stop_us: int


@dataclass(frozen=True, slots=True)
class Presence:
    """A status or health message that was understood."""

    kind: Literal["status", "health"]
    agent: str
    payload: bytes
    arrived_us: int


@dataclass(frozen=True, slots=True)
class Retiming:
    """A clock event: by how much what that boot sent before it, unsynchronised or ahead of time, is wrong."""

    agent: str
    boot: str
    seq: int
    offset_us: int


@dataclass(slots=True)
class Work:
    """Messages in the order they came, decoded and judged."""

    tokens: list[int] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    packs: list[PackRow] = field(default_factory=list)
    answers: set[BootKey] = field(default_factory=set)  # boots to which an acknowledgement is due, also for a repeat
    declared: list[tuple[str, str, int, int]] = field(default_factory=list)  # agent, boot, from, to: seqs that count as committed
    quarantine: list[QuarantineRow] = field(default_factory=list)
    gaps: list[GapRow] = field(default_factory=list)
    filled: list[FilledRow] = field(default_factory=list)
    jumps: list[Jump] = field(default_factory=list)
    presence: list[Presence] = field(default_factory=list)
    unsynchronised: list[tuple[BootKey, list[Reading]]] = field(default_factory=list)
    clocks: dict[BootKey, UnsynchronisedRow] = field(default_factory=dict)
    superseded: list[Reading] = field(default_factory=list)  # marks in the place of what has been re-timed
    retimings: list[Retiming] = field(default_factory=list)
    clock_events: list[ClockEventRow] = field(default_factory=list)
    ahead_again: list[QuarantineItem] = field(default_factory=list)  # kept for a time in the future, to be tried again
    accepted: list[tuple[int, str]] = field(default_factory=list)  # quarantine id, site
    again: list[tuple[int, Reading]] = field(default_factory=list)  # quarantine id, what the store refused before
    seen: dict[str, int] = field(default_factory=dict)
    received_s: list[float] = field(default_factory=list)  # monotonic, of a few messages, for latencies
    arrived_us: int = 0

    @property
    def empty(self) -> bool:
        return not (self.tokens or self.readings or self.packs or self.presence or self.accepted or self.seen or self.clocks or self.superseded or self.ahead_again)

    def absorb(self, later: Work) -> None:
        """Both in one commit."""
        self.tokens += later.tokens
        self.readings += later.readings
        self.packs += later.packs
        self.answers |= later.answers
        self.declared += later.declared
        self.quarantine += later.quarantine
        self.gaps += later.gaps
        self.filled += later.filled
        self.jumps += later.jumps
        self.presence += later.presence
        self.unsynchronised += later.unsynchronised
        self.clocks |= later.clocks
        self.superseded += later.superseded
        self.retimings += later.retimings
        self.clock_events += later.clock_events
        self.ahead_again += later.ahead_again
        self.accepted += later.accepted
        self.again += later.again
        self.seen |= later.seen
        self.received_s += later.received_s
        self.arrived_us = max(self.arrived_us, later.arrived_us)
