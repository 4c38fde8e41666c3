"""Where a channel stands against its peers: a ridge regression on up to six of them, fitted on what is older than half a day, so that a slow fault does not teach it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.anomaly.record import Record
from models.arrays import Array, Mask

Column = npt.NDArray[np.float32]

PEERS = 6
HOUR_US = 3_600e6
DAY_US = 24 * HOUR_US
STEP_US = 600e6
"""Means of ten minutes, or one sample where a channel is slower."""
BLOCK_US = 12 * HOUR_US
SPANS_US = (1 * HOUR_US, 8 * HOUR_US, 24 * HOUR_US)
"""Means of what is left over three spans: a bias shows in the short ones, a drift in the long one."""
FLOORS = (9.2, 3.25, 3.4)
MARGIN = 1.2
SHARE = 0.5
"""A long mean is usually no smaller than this share of the shortest one: days are too few to tell how small it is."""
SCALE_STEPS = 1_000.0
GRAIN = 0.3
"""Nor is it smaller than this share of what single samples differ by."""
WINSOR = 3.0
CAP = 10.0
"""One value counts for no more than so many usual ones: a large fault that is over must not look like a drift for a day."""
FORGET_DAYS = 10.0
PRIOR_HOURS = 12.0
"""The plain mean of the peers counts as much as so many hours of data."""
FIRST_DAYS = 1.5
SETTLED = 72


class Level:
    """Columns of N channels; `peers` holds up to six others of each, -1: none."""

    def __init__(self, count: int, period_us: npt.NDArray[np.float64], peers: npt.NDArray[np.intp]) -> None:
        chosen = np.full((count, PEERS), -1, dtype=np.intp)
        chosen[:, : min(PEERS, peers.shape[1])] = peers[:, :PEERS]
        self.peers, self.none = chosen, chosen < 0
        self.has_peers = (~self.none).sum(axis=1) >= 2
        self.step_us = np.maximum(STEP_US, float(period_us.min()) if count else STEP_US)
        self.sum, self.number = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
        self.held = np.full(count, np.nan, dtype=np.float32)
        self.expected = np.full(count, np.nan, dtype=np.float32)
        size = PEERS + 1
        self.weights = np.full((count, size), np.nan, dtype=np.float32)
        self.moments = np.zeros((3, count, size * (size + 1) // 2 + size), dtype=np.float32)  # this block, the last, all before
        self._rows, self._columns = np.triu_indices(size)
        self.own = np.full(count, np.nan, dtype=np.float32)
        self.mean = np.zeros((len(SPANS_US), count), dtype=np.float32)
        self.scale = np.zeros((len(SPANS_US), count), dtype=np.float32)
        self.steps = np.zeros(count, dtype=np.float32)
        self.records = [Record(count, floor, MARGIN, is_slow=True) for floor in FLOORS]
        self.ratio = np.zeros((len(SPANS_US), count), dtype=np.float32)
        self.whole = np.zeros(count, dtype=np.float32)
        self.statistic = np.zeros((len(SPANS_US), count), dtype=np.float32)
        self.days = np.zeros(count, dtype=np.float32)
        self.seen = np.zeros(count, dtype=np.float32)
        self.off = np.zeros((len(SPANS_US), count), dtype=bool)
        self.stands = 0
        self.blocks = 0

    def take(self, value: Column, fresh: Mask) -> None:
        """A sample into the running mean of ten minutes."""
        np.add(self.sum, value, out=self.sum, where=fresh)
        self.number += fresh

    def tick(self, since_us: float, frozen: Mask, blind: Mask, sigma: Column) -> bool:
        """At the end of each ten minutes: what is left of each channel after its peers, and whether its means are off. Where `blind`, a fault that is known already moves no mean."""
        stand = int(since_us // self.step_us)
        if stand == self.stands:
            return False
        elapsed_us = (stand - self.stands) * self.step_us
        self.stands = stand
        fresh = self.number > 0
        value = np.divide(self.sum, self.number, out=np.full(len(self.sum), np.nan, dtype=np.float32), where=fresh)
        self.sum[:], self.number[:] = 0, 0
        trusted = np.where(frozen & np.isfinite(self.expected) & self._anchored(frozen), self.expected, value)
        np.copyto(self.held, np.where(fresh, trusted, self.expected), where=fresh | np.isfinite(self.expected))
        features, usable = self._features()
        self.expected = np.einsum("nf,nf->n", features, self.weights)
        self.own = np.where(fresh & usable, value - self.expected, np.nan).astype(np.float32)
        self.days += (fresh * np.float32(elapsed_us / DAY_US)).astype(np.float32)
        ready = np.isfinite(self.own)
        self.seen += (ready * np.float32(elapsed_us / DAY_US)).astype(np.float32)
        self.steps += ready
        for index, span_us in enumerate(SPANS_US):
            self.off[index] = self._look(index, span_us, ready & ~blind, frozen, elapsed_us, GRAIN * sigma)
        self._learn(value, features, fresh & usable & ~frozen)
        block = int(since_us // BLOCK_US)
        if block != self.blocks:
            self.blocks = block
            self._fit()
        return True

    def _look(self, index: int, span_us: float, ready: Mask, frozen: Mask, elapsed_us: float, grain: Column) -> Mask:
        mean, scale = self.mean[index], self.scale[index]
        gain = np.float32(1 - np.exp(-elapsed_us / span_us))
        most = np.where(self.steps > SETTLED, CAP * self.scale[0], np.inf)
        np.copyto(mean, mean + gain * (np.clip(self.own, -most, most) - mean), where=ready)
        if index == 0:
            np.copyto(self.whole, self.whole + gain * (self.own - self.whole), where=ready)
        size = np.abs(mean)
        capped = np.where(self.steps > SETTLED, np.minimum(size, WINSOR * scale), size)
        np.copyto(scale, scale + (capped - scale) / np.clip(self.steps, 1.0, SCALE_STEPS), where=ready & ~frozen)
        usual = np.maximum(np.maximum(scale, SHARE * self.scale[0]), np.maximum(grain, 1e-9))
        ripe = ready & (self.seen > FIRST_DAYS)
        self.statistic[index] = size / usual
        fires, self.ratio[index] = self.records[index].over(self.statistic[index], self.days * 1000, ripe, np.ones_like(frozen), elapsed_us)
        return fires

    def _anchored(self, frozen: Mask) -> Mask:
        """Whether most of its peers are still measured: expectations that rest on expectations only would wander off together."""
        return np.asarray((~self.none & frozen[self.peers]).sum(axis=1) * 2 < (~self.none).sum(axis=1))

    def apart(self) -> Column:
        """How far each stands off, in its own usual deviations and not capped: of channels that pull each other along, the culprit has most."""
        return np.asarray(np.abs(self.whole) / np.maximum(self.scale[0], 1e-9), dtype=np.float32)

    def teach(self, told: Mask) -> None:
        """Who was told as drifting now lifts its record by that; what its peers showed too does not."""
        for record, statistic, off in zip(self.records, self.statistic, self.off, strict=True):
            record.lift(statistic, told & off)

    def _features(self) -> tuple[Column, Mask]:
        """One and the peers' last means; a peer that is not there stands at the others' mean."""
        peers = np.where(self.none, np.nan, self.held[self.peers])
        number = np.isfinite(peers).sum(axis=1)
        mean = np.nan_to_num(peers).sum(axis=1) / np.maximum(number, 1)
        peers = np.where(self.none, 0.0, np.where(np.isnan(peers), mean[:, None], peers))
        features = np.concatenate([np.ones((len(mean), 1)), peers], axis=1).astype(np.float32)
        return features, np.asarray(number >= 2)

    def _learn(self, value: Column, features: Column, who: Mask) -> None:
        weight = who.astype(np.float32)
        known = np.nan_to_num(value) * weight
        moments = self.moments[0]
        pairs = len(self._rows)
        moments[:, :pairs] += features[:, self._rows] * features[:, self._columns] * weight[:, None]
        moments[:, pairs:] += features * known[:, None]

    def _fit(self) -> None:
        """Ridge towards the plain mean of the peers; the last block still waits, unless nothing older is known."""
        fade = np.float32(np.exp(-BLOCK_US / (FORGET_DAYS * DAY_US)))
        young = self.moments[2][:, 0] < 1.4 * BLOCK_US / self.step_us
        basis = np.where(young[:, None], self.moments.sum(axis=0), self.moments[2] * fade + self.moments[1]).astype(np.float64)
        self.moments[2] = self.moments[2] * fade + self.moments[1]
        self.moments[1] = self.moments[0]
        self.moments[0] = 0
        self.weights = _solve(basis, self.none, self._rows, self._columns, PRIOR_HOURS * HOUR_US / self.step_us)


def _solve(basis: Array, none: Mask, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], prior: float) -> Column:
    pairs, size = len(rows), none.shape[1] + 1
    matrix = np.zeros((len(basis), size, size))
    matrix[:, rows, columns] = basis[:, :pairs]
    matrix[:, columns, rows] = basis[:, :pairs]
    right = basis[:, pairs:].copy()
    number = matrix[:, 0, 0].copy()
    count = np.maximum((~none).sum(axis=1), 1)
    diagonal = np.arange(1, size)
    mean = matrix[:, 0, 1:] / np.maximum(number, 1)[:, None]
    spread = np.maximum(matrix[:, diagonal, diagonal] / np.maximum(number, 1)[:, None] - mean**2, 1e-12)
    wanted = np.where(none, 0.0, 1.0 / count[:, None])
    typical = np.where(none, 0.0, spread).sum(axis=1) / count
    strength = prior * np.maximum(typical, 1e-9)[:, None] * np.ones_like(spread)
    strength = np.where(none, 1e6 * (strength + 1), strength)
    matrix[:, diagonal, diagonal] += strength
    right[:, 1:] += strength * wanted
    matrix[:, 0, 0] += 1e-9
    weights = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    return np.where((number > 6)[:, None] & (count >= 2)[:, None], weights, np.nan).astype(np.float32)
