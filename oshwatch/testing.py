"""What tests of this house, and of others who build on it, use instead of patches."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from alerts.notification.port import AddressKind, Way
from domain.clock import Clock
from domain.errors import NotReady
from domain.reading import Minute, Reading
from ingest.rules import NoticeKind
from ingest.source import Message, Receiver
from storage.timeseries.port import Batch, Expired, Fidelity, RefusedReading
from storage.timeseries.rollup import Rollup, fold_minutes

T = TypeVar("T")


@dataclass(slots=True)
class FakeClock:
    """A clock that moves only when told; `sleep` moves it."""

    time_us: int = 1_763_800_000_000_000

    def now_us(self) -> int:
        return self.time_us

    def monotonic_us(self) -> int:
        return self.time_us

    def sleep(self, seconds: float) -> None:
        self.time_us += round(seconds * 1_000_000)


@dataclass(slots=True)
class MemoryTimeSeries:
    """The time-series port in memory. `down` makes every call raise `NotReady`, `slow_s` makes it wait, `refuse` names readings it will never take."""

    down: bool = False
    slow_s: float = 0.0
    refuse: Callable[[Reading], bool] | None = None
    readings: dict[str, dict[int, Reading]] = field(default_factory=lambda: defaultdict(dict))
    minutes: dict[str, dict[int, Minute]] = field(default_factory=lambda: defaultdict(dict))
    writes: int = 0
    written_readings: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, batch: Batch) -> list[RefusedReading]:
        self._answer()
        refused = [RefusedReading(reading, "refused by this store") for reading in (*batch.fresh, *batch.rewritten) if self._refuses(reading)]
        with self._lock:
            self.writes += 1
            for reading in (*batch.fresh, *batch.rewritten):
                if not self._refuses(reading):
                    self.written_readings += 1
                    self.readings[reading.channel][reading.time_us] = reading
            for minute in batch.minutes:
                self.minutes[minute.channel][minute.start_us] = minute
        return refused

    def _refuses(self, reading: Reading) -> bool:
        return (reading.value is not None and not math.isfinite(reading.value)) or (self.refuse is not None and self.refuse(reading))

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        self._answer()
        with self._lock:
            found = {name: [one for time_us, one in sorted(self.readings.get(name, {}).items()) if start_us <= time_us < stop_us] for name in channels}
        return {name: readings for name, readings in found.items() if readings}

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        self._answer()
        with self._lock:
            found = {name: [one for at_us, one in sorted(self.minutes.get(name, {}).items()) if start_us <= at_us < stop_us] for name in channels}
        return {name: minutes for name, minutes in found.items() if minutes}

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        self._answer()
        with self._lock:
            return {name: self.readings[name][max(self.readings[name])] for name in channels if self.readings.get(name)}

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        self._answer()
        with self._lock:
            return {name: max(self.minutes[name]) for name in channels if self.minutes.get(name)}

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        return {name: len(readings) for name, readings in self.read(channels, start_us, stop_us).items()}

    def read_rollups(self, channels: Sequence[str], start_us: int, stop_us: int, every_us: int) -> dict[str, list[Rollup]]:
        return fold_minutes(self.read_minutes, channels, start_us, stop_us, every_us)

    def channels(self) -> list[str]:
        self._answer()
        with self._lock:
            return sorted(name for name in self.readings.keys() | self.minutes.keys() if self.readings.get(name) or self.minutes.get(name))

    def span(self, channels: Sequence[str]) -> dict[str, tuple[int, int]]:
        self._answer()
        with self._lock:
            times = {name: [*self.readings.get(name, {}), *self.minutes.get(name, {})] for name in channels}
        return {name: (min(found), max(found) + 1) for name, found in times.items() if found}

    def expired(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Expired]]:
        self._answer()
        return {}

    @property
    def side_by_side(self) -> bool:
        return False

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("memory")

    def ping(self) -> None:
        self._answer()

    def close(self) -> None:
        """Nothing to close."""

    def _answer(self) -> None:
        if self.slow_s:
            time.sleep(self.slow_s)
        if self.down:
            raise NotReady("this store is down")


@dataclass(slots=True)
class MemorySource:
    """A pack source in memory: a test sends, and sees what was acknowledged and published."""

    clock: Clock
    connected: bool = True
    acked: list[int] = field(default_factory=list)
    published: list[tuple[str, bytes]] = field(default_factory=list)
    sent: int = 0
    _receiver: Receiver | None = None

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def send(self, topic: str, *payloads: bytes) -> list[int]:
        """Deliver messages as one piece; returns their tokens."""
        deadline = time.monotonic() + 10
        while self._receiver is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the service did not start its source")
            time.sleep(0.005)
        tokens = list(range(self.sent + 1, self.sent + 1 + len(payloads)))
        self.sent += len(payloads)
        now_us, now_s = self.clock.now_us(), time.monotonic()
        self._receiver.deliver([Message(topic, payload, token, now_us, now_s) for payload, token in zip(payloads, tokens, strict=True)])
        return tokens

    @property
    def has_room(self) -> bool:
        return self._receiver is not None and self._receiver.has_room()

    def ack(self, tokens: Sequence[int]) -> None:
        self.acked.extend(tokens)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        if self.connected:
            self.published.append((topic, payload))
        return self.connected

    def problem(self) -> str:
        return "" if self.connected else "not connected"

    def counters(self) -> Mapping[str, float]:
        return {}

    def stop(self) -> None:
        """Nothing to stop."""


@dataclass(slots=True)
class RecordingRules:
    """Instant rules that only remember what they were asked; `broken` makes them raise."""

    broken: bool = False
    checked: list[tuple[Reading, int]] = field(default_factory=list)
    notices: list[tuple[str, NoticeKind, str]] = field(default_factory=list)

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        self.checked += [(reading, arrival_us) for reading in readings]
        if self.broken:
            raise RuntimeError("broken rules")

    def notice(self, agent: str, kind: NoticeKind, text: str, at_us: int) -> None:
        self.notices.append((agent, kind, text))
        if self.broken:
            raise RuntimeError("broken rules")


@dataclass(slots=True)
class MemoryNotifier:
    """A channel that keeps what it is given; a test makes it raise or, with `held`, hang."""

    name: str = "memory"
    kind: AddressKind = "email"
    is_short: bool = False
    site: str = ""
    problem: Exception | None = None
    held: threading.Event | None = None
    sent: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def way(self) -> Way:
        return Way(name=self.name, kind=self.kind, is_short=self.is_short, site=self.site)

    def send(self, address: str, subject: str, text: str) -> None:
        self.prove()
        self.sent.append((address, subject))
        self.texts.append(text)

    def prove(self) -> bool:
        if self.held is not None:
            self.held.wait(60)
        if self.problem:
            raise self.problem
        return True


def until(condition: Callable[[], T], seconds: float, what: str, *, every_s: float = 0.1) -> T:
    """The first true answer of a condition in the outside world; fails by name after so many real seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every_s)
