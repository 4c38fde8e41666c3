"""The only module that asks the machine what time it is; everything else is handed a `Clock`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from domain.errors import BadInput


class Clock(Protocol):
    """Wall time in microseconds since the Unix epoch, and a sleep that runs at the same pace."""

    def now_us(self) -> int: ...

    def monotonic_us(self) -> int: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioClock:
    """A clock that all parts of a demo share: scenario time runs `speed` times as fast as real time, from a common start."""

    real_start_us: int
    scenario_start_us: int
    speed: float

    def now_us(self) -> int:
        return self.scenario_start_us + round((time.time_ns() // 1000 - self.real_start_us) * self.speed)

    def monotonic_us(self) -> int:
        return round(time.monotonic_ns() // 1000 * self.speed)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)

    def to_text(self) -> str:
        return f"{self.real_start_us},{self.scenario_start_us},{self.speed:g}"


PATIENCE_US = 20 * 1_000_000
"""Processes take real time to pass a message on, however fast a scenario runs: silence is judged after no less than this."""


def speed_of(clock: Clock) -> float:
    """How many times faster than real time a clock runs."""
    speed: float = getattr(clock, "speed", 1.0)
    return speed


def patience_us(clock: Clock, span_us: int) -> int:
    """A span of this clock's time after which somebody counts as silent, but at least 20 s of real time."""
    return max(span_us, round(PATIENCE_US * speed_of(clock)))


def clock_from_text(text: str) -> Clock:
    """`""` is the machine's clock; `real_us,scenario_us,speed` a scenario's (setting OSHWATCH_SCENARIO_CLOCK)."""
    if not text:
        return SystemClock()
    try:
        real, scenario, speed = text.split(",")
        clock = ScenarioClock(real_start_us=int(real), scenario_start_us=int(scenario), speed=float(speed))
    except ValueError:
        raise BadInput(f"'{text}' is not real_us,scenario_us,speed", field="OSHWATCH_SCENARIO_CLOCK", remedy="leave it out: only the demo sets it") from None
    if not clock.speed > 0:
        raise BadInput("speed must be over 0", field="OSHWATCH_SCENARIO_CLOCK", remedy="leave it out: only the demo sets it")
    return clock
