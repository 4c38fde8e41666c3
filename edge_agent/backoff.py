"""Waiting between attempts to connect: full jitter, so that a factory that powers up does not knock in step."""

from __future__ import annotations

import random

FIRST_S, CAP_S = 0.5, 60.0


class FullJitter:
    """`random` is handed in; each wait is uniform in [0, min(cap, first × 2ⁿ)]."""

    def __init__(self, chance: random.Random, *, first_s: float = FIRST_S, cap_s: float = CAP_S) -> None:
        self._chance, self._first_s, self._cap_s = chance, first_s, cap_s
        self._attempts = 0

    def next(self) -> float:
        limit = min(self._cap_s, self._first_s * 2.0**self._attempts)
        self._attempts = min(self._attempts + 1, 16)
        return self._chance.uniform(0.0, limit)

    def reset(self) -> None:
        self._attempts = 0
