"""What tests of this house, and of others who build on it, use instead of patches."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.errors import NotReady
from domain.reading import Minute, Reading
from storage.timeseries.port import Batch, RefusedReading


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
        refused = [RefusedReading(reading, "refused by this store") for reading in (*batch.fresh, *batch.rewritten) if self.refuse and self.refuse(reading)]
        with self._lock:
            self.writes += 1
            for reading in (*batch.fresh, *batch.rewritten):
                if not (self.refuse and self.refuse(reading)):
                    self.written_readings += 1
                    self.readings[reading.channel][reading.time_us] = reading
            for minute in batch.minutes:
                self.minutes[minute.channel][minute.start_us] = minute
        return refused

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

    def ping(self) -> None:
        self._answer()

    def close(self) -> None:
        """Nothing to close."""

    def _answer(self) -> None:
        if self.slow_s:
            time.sleep(self.slow_s)
        if self.down:
            raise NotReady("this store is down")
