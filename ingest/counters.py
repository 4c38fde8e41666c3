"""How long commits take, over the last few hundred messages looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

_KEPT = 2_000


class Latencies:
    """p50 and p99 of a sliding sample, in seconds."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: Iterable[float]) -> None:
        self._recent.extend(seconds)

    def quantile(self, share: float) -> float:
        values = sorted(self._recent.copy())
        return values[min(int(share * len(values)), len(values) - 1)] if values else 0.0
