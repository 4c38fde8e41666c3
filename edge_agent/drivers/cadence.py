"""When to ask a sensor, and when to say that it is silent. Pure: it is told the time."""

from __future__ import annotations

GRACE = 1.5
"""A sensor's own rate wanders (Plantower: 200 to 800 ms by itself, USB adapters 16 ms): silent is one and a half intervals without a frame."""
LEAST_SILENCE_US = 3_000_000
"""Streaming sensors send once a second and pause for about two when they change their rate."""


class Cadence:
    """Polls fall on start + k × interval; a missed one is not made up for."""

    def __init__(self, interval_s: float, now_us: int) -> None:
        self.interval_s = interval_s
        self._interval_us = round(interval_s * 1_000_000)
        self._poll_us = now_us
        self._silent_us = now_us + self._patience_us

    @property
    def _patience_us(self) -> int:
        return max(round(self._interval_us * GRACE), LEAST_SILENCE_US)

    @property
    def next_us(self) -> int:
        """When to look again."""
        return min(self._poll_us, self._silent_us)

    @property
    def next_poll_us(self) -> int:
        return self._poll_us

    @property
    def next_silence_us(self) -> int:
        """When silence will be said next."""
        return self._silent_us

    def poll_due(self, now_us: int) -> bool:
        """Whether to ask now; each time once."""
        if now_us < self._poll_us:
            return False
        self._poll_us += ((now_us - self._poll_us) // self._interval_us + 1) * self._interval_us
        return True

    def ask_now(self, now_us: int) -> None:
        """The port was opened anew: polls fall on now + k × interval; silence is still counted from the last frame."""
        self._poll_us = now_us

    def heard(self, now_us: int) -> None:
        """Something came, good or bad."""
        self._silent_us = now_us + self._patience_us

    def silent(self, now_us: int) -> bool:
        """Whether an interval has passed with nothing; from then on once each interval."""
        if now_us < self._silent_us:
            return False
        self._silent_us += ((now_us - self._silent_us) // self._interval_us + 1) * self._interval_us
        return True
