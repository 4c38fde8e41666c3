"""What tests of this house, and of others who build on it, use instead of patches."""

from __future__ import annotations

from dataclasses import dataclass


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
