"""The last samples of N channels and the four tests that need nothing else: gap, flat line, spike, noise. Plain columns, one pass a tick, no object a channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.anomaly.daily import Daily
from models.anomaly.record import Record
from models.arrays import Mask

Column = npt.NDArray[np.float32]

DEPTH = 6
YOUNG = 40
"""Samples before a channel's own past means anything."""
MEMORY = 2_000.0
WINSOR = 4.0
"""A value counts for no more than this many scales when a scale is learned."""
GAP_PERIODS = 3.0
NOISE_BLOCK_US = 3 * 3_600e6
STUCK_NATS = 16.0
"""How improbable a run of equal values must be by the channel's own past."""
STUCK_RUNS = 1.3
"""Times its longest run so far."""
P_SAME_MOST = 0.97
SPIKES, EDGES, NOISES, STEPS = (9.0, 1.15), (16.7, 1.34), (3.4, 1.35), (8.0, 1.25)
"""Floor of each statistic, and how far over its own record it must be."""


class Bank:
    """Columns of N channels; `tick` takes one row, NaN where there is no sample."""

    def __init__(self, count: int, period_us: npt.NDArray[np.float64]) -> None:
        self.count, self.period_us = count, period_us
        self.reference = np.full(count, np.nan)
        self.x = [np.full(count, np.nan, dtype=np.float32) for _ in range(DEPTH)]
        self.number = np.zeros(count, dtype=np.float32)
        self.last_us = np.zeros(count, dtype=np.int64)
        self.resolution = np.full(count, np.inf, dtype=np.float32)
        self.quiet, self.move = Daily(count), Daily(count)
        self.run = np.zeros(count, dtype=np.float32)
        self.same, self.longest = np.zeros(count, dtype=np.float32), np.full(count, 2.0, dtype=np.float32)
        self.bend_now = np.full(count, np.nan, dtype=np.float32)
        self.stuck_nats = np.zeros(count, dtype=np.float32)
        self.spikes, self.edges, self.noises, self.steps = (
            Record(count, *SPIKES, grows=1.04),
            Record(count, *EDGES, grows=1.04),
            Record(count, *NOISES, block_us=NOISE_BLOCK_US),
            Record(count, *STEPS),
        )
        self.sigma = np.zeros(count, dtype=np.float32)
        self.moved = np.zeros(count, dtype=np.float32)

    def tick(self, time_us: int, phase: float, row: npt.NDArray[np.float64], frozen: Mask) -> Mask:
        """Who had a sample. Where `frozen`, nothing is learned from it."""
        fresh = np.isfinite(row)
        is_first = fresh & np.isnan(self.reference)
        if is_first.any():
            self.reference[is_first] = row[is_first]
        value = (row - self.reference).astype(np.float32)
        oldest = self.x.pop()
        for index in range(DEPTH - 1, 0, -1):
            older = oldest if index == DEPTH - 1 else self.x[index]
            np.copyto(older, self.x[index - 1], where=fresh)
            if index == DEPTH - 1:
                self.x.append(older)
        np.copyto(self.x[0], value, where=fresh)
        self.number += fresh
        np.copyto(self.last_us, time_us, where=fresh)
        self._learn(phase, fresh, frozen)
        return fresh

    def _learn(self, phase: float, fresh: Mask, frozen: Mask) -> None:
        x = self.x
        step = np.abs(x[0] - x[1])
        np.minimum(self.resolution, np.where(step > 0, step, np.inf), out=self.resolution, where=fresh)
        bend = np.abs(x[0] - 0.5 * (x[1] + x[2]))
        learns = fresh & ~frozen & np.isfinite(bend)
        grain = np.where(np.isfinite(self.resolution), 0.25 * self.resolution, 0.0).astype(np.float32)
        self.sigma = np.maximum(self.quiet.at(phase), grain)
        self.quiet.learn(phase, np.minimum(bend, WINSOR * np.maximum(self.sigma, grain)), learns, bend)
        move = np.abs(x[0] - x[3])
        self.moved = np.maximum(self.move.at(phase), self.sigma)
        self.move.learn(phase, np.minimum(move, WINSOR * self.moved), learns & np.isfinite(move), move)
        self.bend_now = bend

    def gap(self, time_us: int) -> Mask:
        """No sample for three periods, once there was one."""
        return np.asarray((self.number > 0) & (time_us - self.last_us >= GAP_PERIODS * self.period_us))

    def stuck(self, fresh: Mask) -> Mask:
        """A run of equal values that its own past makes improbable and that is far longer than any before."""
        is_same = fresh & (self.x[0] == self.x[1])
        ended = fresh & ~is_same & (self.run > 0)
        rate = 1.0 / np.minimum(self.number + 1.0, MEMORY)
        np.copyto(self.same, self.same + rate * (is_same - self.same), where=fresh & (self.run < 3 * self.longest))
        np.copyto(self.longest, np.maximum(self.longest, self.run), where=ended & (self.run < 3 * self.longest))
        np.copyto(self.run, np.where(is_same, self.run + 1, 0), where=fresh)
        nats = -np.log(np.clip(self.same, 0.02, P_SAME_MOST)) * self.run
        self.stuck_nats = nats / STUCK_NATS
        return np.asarray((nats > STUCK_NATS) & (self.run > STUCK_RUNS * self.longest) & (self.number > YOUNG / 2))
