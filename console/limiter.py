"""Slows down guessing at passwords: by account and address, by account alone, and by address alone."""

from __future__ import annotations

import threading
from collections import deque

from console.problems import TooMany
from domain.clock import Clock
from domain.times import MINUTE_US, SECOND_US

WINDOW_US = 5 * MINUTE_US
TRIES_HERE = 5
TRIES_EVERYWHERE = 30
"""By account alone the bound is wider: nobody shall lock a person out from afar with five wrong guesses."""
KEPT_MAX = 10_000


class LoginLimiter:
    """In memory; a restart forgets. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._failures: dict[tuple[str, str], deque[int]] = {}

    def check(self, name: str, address: str) -> None:
        """Raises `TooMany` while there were too many wrong tries."""
        now = self._clock.monotonic_us()
        with self._lock:
            waits = [self._wait(key, tries, now) for key, tries in (((name, address), TRIES_HERE), ((name, ""), TRIES_EVERYWHERE), (("", address), TRIES_EVERYWHERE))]
        if max(waits):
            raise TooMany("too many wrong passwords: wait before the next try", max(waits))

    def failed(self, name: str, address: str) -> None:
        now = self._clock.monotonic_us()
        with self._lock:
            if len(self._failures) > KEPT_MAX:
                self._failures = {key: tries for key, tries in self._failures.items() if tries[-1] > now - WINDOW_US}
            for key in ((name, address), (name, ""), ("", address)):
                self._failures.setdefault(key, deque(maxlen=TRIES_EVERYWHERE)).append(now)

    def succeeded(self, name: str, address: str) -> None:
        with self._lock:
            self._failures.pop((name, address), None)

    def _wait(self, key: tuple[str, str], tries: int, now: int) -> int:
        """Seconds until the oldest of the last `tries` failures is forgotten."""
        recent = [at for at in self._failures.get(key, ()) if at > now - WINDOW_US]
        if len(recent) < tries:
            return 0
        return max(1, (recent[-tries] + WINDOW_US - now) // SECOND_US)
