"""The course of a channel: how far its last minutes lie from its last hour, set against its own past and against the same quantity in other zones."""

from __future__ import annotations

import numpy as np

from models.anomaly.channels import Peers
from models.anomaly.recent import Index, median
from models.arrays import Array, Mask

FAST_US, SLOW_US, SCALE_US = 120e6, 3_600e6, 3 * 3_600e6
DEVIATION = 6.0
"""Times its own usual deviation."""
SIGMAS = 6.0
PERSISTS_US = 300_000_000
"""A jump is named a fault within a minute or two; what goes on for five is a course."""
FREEZE_US = 2 * 3_600_000_000
"""After this what was an event is the new normal."""
COMMON_SHARE = 0.5
"""Where half of the channels move, it is the shift plan, not an event."""
ACTIVITY_DB = 3.0
"""Half of the machines start or stop."""


class Course:
    """Fast and slow means of N channels, and how long each has been off its course."""

    def __init__(self, count: int, peers: Peers) -> None:
        self._peers = peers
        self._fast, self._slow = np.full(count, np.nan), np.full(count, np.nan)
        self._scale = np.zeros(count)
        self._last_us = np.zeros(count, dtype=np.int64)
        self._begun_us = np.zeros(count, dtype=np.int64)
        self._off_since_us = np.full(count, -1, dtype=np.int64)
        self._explained = np.zeros(count, dtype=bool)
        self.off = np.zeros(count)
        self.deviation = np.zeros(count)

    def look(self, fresh: Index, window: Array, time_us: int, sigma: Array, is_fault: Mask, is_event: Mask) -> None:
        """The median of the last five samples moves the means, so that a spike does not."""
        level = median(window[:, -5:])
        usable = np.isfinite(level) & ~is_fault
        who, level = fresh[usable], level[usable]
        is_new = np.isnan(self._fast[who])
        elapsed = (time_us - self._last_us[who]).astype(np.float64)
        self._begun_us[who] = np.where(is_new, time_us, self._begun_us[who])
        self._fast[who] = np.where(is_new, level, self._fast[who] + (1 - np.exp(-elapsed / FAST_US)) * (level - self._fast[who]))
        frozen = is_event[usable]
        age = np.maximum((time_us - self._begun_us[who]).astype(np.float64), elapsed)
        follow = 1 - np.exp(-elapsed / np.minimum(SLOW_US, np.maximum(age, FAST_US)))
        self._slow[who] = np.where(is_new, level, np.where(frozen, self._slow[who], self._slow[who] + follow * (level - self._slow[who])))
        self._last_us[who] = time_us
        self.deviation[who] = self._fast[who] - self._slow[who]
        self._judge(who, time_us, sigma[usable])
        self._learn(who, elapsed, frozen)
        self._explained = self._explain()

    def _judge(self, who: Index, time_us: int, sigma: Array) -> None:
        deviation = self.deviation[who]
        relative = deviation - self._usual(who)
        threshold = np.maximum.reduce([DEVIATION * self._scale[who], SIGMAS * sigma, self._peers.smallest[who]])
        is_old = time_us - self._begun_us[who] > SLOW_US / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(is_old & (threshold > 0), np.minimum(np.abs(deviation), np.abs(relative)) / threshold, 0.0)
        self.off[who] = np.nan_to_num(ratio)
        is_off = (ratio > 1.0) & ~self._explained[who]
        self._off_since_us[who] = np.where(is_off, np.where(self._off_since_us[who] < 0, time_us, self._off_since_us[who]), -1)

    def expected(self, index: int, sigma: float) -> tuple[float, float]:
        """Middle and half width of the band that it was expected in."""
        usual = float(self._usual(np.array([index], dtype=np.intp))[0])
        return float(self._slow[index]) + usual, max(DEVIATION * float(self._scale[index]), SIGMAS * sigma, float(self._peers.smallest[index]))

    def now(self, index: int) -> float:
        """Its level of the last minutes."""
        return float(self._fast[index])

    def _usual(self, who: Index) -> Array:
        """Median deviation of the same quantity in other zones, where at least two are there to tell."""
        others = self._peers.others[who]
        known = (others >= 0) & (self._last_us[others] > 0)
        deviation = np.sort(np.where(known, self.deviation[others], np.inf), axis=1)
        number = known.sum(axis=1)
        rows = np.arange(len(who))
        middle = 0.5 * (deviation[rows, np.maximum(number - 1, 0) // 2] + deviation[rows, np.minimum(number // 2, deviation.shape[1] - 1)])
        return np.where(number >= 2, middle, 0.0)

    def _learn(self, who: Index, elapsed: Array, frozen: Mask) -> None:
        weight = 1 - np.exp(-elapsed / SCALE_US)
        learned = self._scale[who] + weight * (np.abs(self.deviation[who]) - self._scale[who])
        self._scale[who] = np.where(frozen | (self.off[who] > 1.0), self._scale[who], learned)

    def persists(self, time_us: int) -> Mask:
        """Off course for long enough to be called an event."""
        return np.asarray((self._off_since_us >= 0) & (time_us - self._off_since_us >= PERSISTS_US))

    def _explain(self) -> Mask:
        """Channels that have nobody to be compared with while half of their site is off its course, or its machines start or stop: people came, or went."""
        peers, known = self._peers, self._last_us > 0
        machines = peers.is_activity & known
        half = peers.site.number(known & (self.off > 1.0)) >= COMMON_SHARE * np.maximum(peers.site.number(known), 1)
        changed = peers.site.number(machines & (np.abs(self.deviation) > ACTIVITY_DB))
        starts = (changed >= 2) & (changed >= COMMON_SHARE * peers.site.number(machines))
        alone = (peers.others >= 0).sum(axis=1) < 2
        return np.asarray(half | (starts & alone))
