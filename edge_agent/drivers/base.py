"""What a driver is to the rest of the agent: options, channels, a task that reports points. A driver is a folder: `codec` (pure), `driver`, README, sample config, frames."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec

from domain.quality import Quality, Reason

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case letters, digits, '_' and '-'")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class SensorOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="driver"):
    """What every sensor of a config has."""

    id: Id
    port: Annotated[str, msgspec.Meta(min_length=1, description="device path; prefer /dev/serial/by-id/...")]
    interval_s: Seconds = 10.0
    simulated: bool = False


class Point(msgspec.Struct, frozen=True, gc=False):
    """One value of one quantity at one placement, as the instrument gave it."""

    placement: str
    quantity: str
    value: float | None
    q: int = Quality.ACCEPTED
    r: tuple[int, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.value is not None and self.q >= Quality.SUSPICIOUS


def no_value(channels: Sequence[tuple[str, str]], reason: Reason) -> list[Point]:
    """Records that say that these channels could not be read."""
    return [Point(placement, quantity, None, Quality.REJECTED, (reason,)) for placement, quantity in channels]


class Timing(Protocol):
    """Time as a task needs it; how long a span lasts outside differs in a scenario."""

    def now_us(self) -> int: ...

    def monotonic_us(self) -> int: ...

    def real_seconds(self, span_us: float) -> float: ...


class Reporter(Protocol):
    """Where a task's points and troubles go."""

    def points(self, points: Sequence[Point]) -> None:
        """Points of one moment: now."""

    def trouble(self, text: str) -> None:
        """What is wrong, in plain words; "" when all is well again."""


class SensorTask(Protocol):
    """Runs in a thread of its own, one a port."""

    interval_s: float

    def run(self, stop: threading.Event) -> None:
        """Measure until `stop`; raises nothing for what can happen to hardware."""

    def wake(self) -> None:
        """Make a blocked `run` look at `stop` and `interval_s` soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a task is handed."""

    timing: Timing
    reporter: Reporter
    host_uptime_s: float


SensorChannels = list[tuple[str, str]]
"""(placement, quantity) of each channel of a sensor."""


@dataclass(slots=True)
class Backoff:
    """Doubling waits, from `first_s` to `cap_s`."""

    first_s: float
    cap_s: float
    _next_s: float = 0.0

    def next(self) -> float:
        wait = self._next_s or self.first_s
        self._next_s = min(wait * 2, self.cap_s)
        return wait

    def reset(self) -> None:
        self._next_s = 0.0
