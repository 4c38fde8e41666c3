"""The time-series port. A point's identity is (channel, time): a repeat overwrites, so at least once is enough (decision 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.reading import Minute, Reading


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit of ingest makes durable.

    `fresh` readings lie after everything the store holds of their channel; `rewritten` may exist already, and are written with
    all of v, q and r, since InfluxDB merges the fields of one point.
    """

    fresh: list[Reading] = field(default_factory=list)
    rewritten: list[Reading] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RefusedReading:
    """A reading that the store will never take (after retention, out of its range); the rest of the batch is stored."""

    reading: Reading
    detail: str


class TimeSeries(Protocol):
    """Implementations are safe to use from several threads. Times are half-open [start_us, stop_us)."""

    def write(self, batch: Batch) -> list[RefusedReading]:
        """Store a batch durably, readings before minutes; raises `NotReady` when the store does not answer (try again: idempotent)."""
        ...

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        """Readings by channel, ascending in time; a channel without any is absent."""
        ...

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        """Minutes by channel, ascending; a channel without any is absent."""
        ...

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        """The latest reading of each channel, whatever its quality."""
        ...

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        """Start of the latest minute on record, by channel."""
        ...

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        """Number of stored records by channel."""
        ...

    def ping(self) -> None:
        """Raises `NotReady` with a reason when the store does not answer."""
        ...

    def close(self) -> None: ...
