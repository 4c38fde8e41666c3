"""The agent's own time: the wall clock as it was at the last synchronisation, carried on by the monotonic clock, so that within a boot it never goes back (contract 3.1)."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.clock import Clock

STEP_US = 1_000_000
"""A synchronised clock is slewed; a jump of more than this was a step by hand, or a correction after a wrong start."""
STEP_MUST_LAST_US = 30_000_000
"""NTP and `date -s` may disagree for a moment; only a step that stays is believed."""

_STA_UNSYNC = 0x40
_TIME_ERROR = 5
_TIMESYNCD_FLAG = Path("/run/systemd/timesync/synchronized")


def kernel_synchronised() -> bool:
    """Whether the kernel's clock is disciplined: adjtimex(2) without STA_UNSYNC, or systemd-timesyncd's flag file."""
    if _TIMESYNCD_FLAG.exists():
        return True
    timex = (ctypes.c_int * 64)()  # modes = 0: read only; longer than struct timex of every Linux ABI
    state = int(ctypes.CDLL(None, use_errno=True).adjtimex(timex))
    status_at = 10 if ctypes.sizeof(ctypes.c_long) == 8 else 5
    return state not in (-1, _TIME_ERROR) and not timex[status_at] & _STA_UNSYNC


class Change(enum.Enum):
    """What a look at the machine's clock found."""

    SYNCHRONISED = "synchronised"  # for the first time in this boot
    STEPPED = "stepped"  # it said it was synchronised, and was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """By how much the boot's times so far were wrong: right time = time + offset_us."""

    change: Change
    offset_us: int


class Timebase:
    """A `Clock` that follows the monotonic clock and is corrected only by `check`."""

    def __init__(self, clock: Clock, *, trusted: bool, synchronised: Callable[[], bool] = kernel_synchronised) -> None:
        self._clock, self._trusted, self._probe = clock, trusted, synchronised
        self._offset_us = clock.now_us() - clock.monotonic_us()
        self.synchronised = trusted or synchronised()
        self._stepped_since_us: int | None = None
        self.speed: float = getattr(clock, "speed", 1.0)

    def now_us(self) -> int:
        return self._clock.monotonic_us() + self._offset_us

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def real_seconds(self, span_us: float) -> float:
        """How long a span of this clock lasts outside (a scenario runs faster)."""
        return span_us / 1_000_000 / self.speed

    @property
    def offset_us(self) -> int:
        """The machine's clock minus ours."""
        return self._clock.now_us() - self._clock.monotonic_us() - self._offset_us

    def check(self) -> Correction | None:
        """Look at the machine's clock; when it has become trustworthy or was stepped for good, take it over and say by how much."""
        offset_us = self.offset_us
        if not self.synchronised:
            if not (self._trusted or self._probe()):
                return None
            self.synchronised = True
            return self._take_over(Change.SYNCHRONISED, offset_us)
        if abs(offset_us) <= STEP_US or not (self._trusted or self._probe()):
            self._stepped_since_us = None
            return None
        now_us = self.monotonic_us()
        if self._stepped_since_us is None:
            self._stepped_since_us = now_us
        if now_us - self._stepped_since_us < STEP_MUST_LAST_US:
            return None
        return self._take_over(Change.STEPPED, offset_us)

    def _take_over(self, change: Change, offset_us: int) -> Correction:
        self._offset_us += offset_us
        self._stepped_since_us = None
        return Correction(change=change, offset_us=offset_us)
