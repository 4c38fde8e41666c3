"""The time-series port. A point's identity is (channel, time): a repeat overwrites, so at least once is enough (decision 1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from domain.reading import Minute, Reading
from storage.timeseries.rollup import Rollup


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit of ingest makes durable.

    `fresh` readings lie after everything the store holds of their channel; `rewritten` may exist already, and are written with
    all of v, q and r, since InfluxDB merges the fields of one point. `first` tells by (channel, start) which of `minutes` lie after everything on record of their
    channel; of the others nothing is known.
    """

    fresh: list[Reading] = field(default_factory=list)
    rewritten: list[Reading] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)
    first: Collection[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class RefusedReading:
    """A reading that the store will never take (after retention, out of its range); the rest of the batch is stored."""

    reading: Reading
    detail: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a store keeps of what it is given. The default is all of it, as evidence needs."""

    name: str
    step_us: int = 1  # times are kept to so many microseconds
    keeps_reasons: bool = True
    exact: bool = True  # numbers come back to the last bit
    overwrites: bool = True  # a repeat of (channel, time) replaces; else the greater value stands
    durable: bool = True  # what a write returned from survives a kill

    def lacks(self) -> list[str]:
        """In plain words; empty for a store that evidence may rest on."""
        found = []
        if self.step_us > 1:
            found.append(f"keeps times to {self.step_us} µs only")
        if not self.keeps_reasons:
            found.append("keeps no reason codes")
        if not self.exact:
            found.append("rounds numbers")
        if not self.overwrites:
            found.append("keeps both of two values for one time, so that a correction does not replace what it corrects")
        if not self.durable:
            found.append("answers before what it was given is on disk")
        return found


@dataclass(frozen=True, slots=True)
class Expired:
    """What retention deleted of a channel, half-open; nothing older than `stop_us` is taken any more."""

    channel: str
    what: str  # "readings" or "minutes"
    start_us: int
    stop_us: int
    number: int  # how many records there were
    at_us: int
    rule: str


@dataclass(frozen=True, slots=True)
class Expiry:
    """What retention asks for one channel: whole hours before these instants go, but for the spans that are held."""

    channel: str
    readings_before_us: int
    minutes_before_us: int
    rule: str
    held: tuple[tuple[int, int], ...] = ()


class TimeSeries(Protocol):
    """Implementations are safe to use from several threads. Times are half-open [start_us, stop_us)."""

    @property
    def side_by_side(self) -> bool:
        """Whether two writes at once are quicker than one of both: of a server that is another process, not of a file with one writer."""
        ...

    def write(self, batch: Batch) -> list[RefusedReading]:
        """Store a batch durably, readings before minutes; raises `NotReady` when the store does not answer (try again: idempotent)."""
        ...

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        """Readings by channel, ascending in time; a channel without any is absent."""
        ...

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        """Minutes by channel, ascending; a channel without any is absent."""
        ...

    def read_rollups(self, channels: Sequence[str], start_us: int, stop_us: int, every_us: int) -> dict[str, list[Rollup]]:
        """Hours or days (UTC) that begin in the span, by channel, ascending, from all minutes on record of each; late data change them at once."""
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

    def channels(self) -> list[str]:
        """All that have a reading or a minute, in order of name."""
        ...

    def span(self, channels: Sequence[str]) -> dict[str, tuple[int, int]]:
        """The half-open span of all readings and minutes on record, by channel."""
        ...

    def expired(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Expired]]:
        """What retention deleted in the span, by channel, as it was recorded; only the embedded store knows, a server deletes by itself."""
        ...

    @property
    def fidelity(self) -> Fidelity: ...

    def ping(self) -> None:
        """Raises `NotReady` with a reason when the store does not answer."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Expires(Protocol):
    """A store whose records are deleted by us and not by itself."""

    def expire(self, expiries: Sequence[Expiry], at_us: int) -> list[Expired]:
        """Deletes, and records what it deleted in the same transaction."""
        ...


@runtime_checkable
class DeletesByItself(Protocol):
    """A server with a retention of its own, which keeps no record of what it deletes and knows no hold."""

    def deletes_after_us(self) -> int:
        """0: never."""
        ...
