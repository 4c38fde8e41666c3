"""All tests over N channels, and what a channel is called: the streaming model that needs no limits, no units and no table, only the channel's own past and its peers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.anomaly.bank import Bank, Column
from models.anomaly.level import Level
from models.anomaly.state import arrays_of
from models.anomaly.suspect import Code
from models.arrays import Array, Mask

DAY_US = 86_400e6
NOISE_SPAN = 17.0
CALM = 2.0
"""Four samples within so many times what three usually move: the noise is over."""
TREMBLES, TREMBLES_AFTER = 1.1, 12
"""After a step, a mean logarithm of this much: the offset is no constant one."""
LEAST_CURL, MOST_CURL, SMOOTH = 0.5, 100.0, 0.3
MEMORY = 2_000.0
LOCAL_SPAN, LOCAL = 8.0, (0.3, 60.0)
"""How much it trembles just now, as the mean of a logarithm: one spike more or less does not change it."""
RETURNED = 0.45
GOES_ON = 1.7
AT_ONCE = 0.6
"""A step comes between two samples; what comes over several is a drift."""
FORGIVE_US = 3 * DAY_US
"""What lasts longer is the new normal."""
RECENT_US = 3_600e6
"""What peers show within about this belongs together."""
COMMON = (2.8, 2.8, 1.8, 1.8, 0.8)
"""A statistic is a channel's own only where it is so many times what two of its peers show: spike, edge, noise, step, flat line."""
APART, LEAST_APART, STILL_APART = 1.2, 2.0, 0.5
"""A drifting channel stands so many times farther off than two of its peers, and now, not only in the mean of a day."""
ONE_PEER, MOST_OF_ONE = (0.7, 0.7, 0.55, 1.7, 1.75), 3.0
"""One peer alone may be broken itself: it counts for less, and no more than so much."""
EXPECTED_STEPS = 2.0
"""A flat line is told where the peers say that the value should have moved by so many of its least steps."""
SURELY_FLAT = 4.0
SPIKE, EDGE, NOISE, STEP, FLAT = range(5)
ALARM_COSTS = 0.2
"""An alarm lifts every threshold of its channel by this share, for weeks: the false-alarm budget of a channel that often differs is kept by its own strictness."""
MOST_SPENT = 4.0
"""Or a channel with many true faults would fall silent."""
COST_FADES_US = 14 * DAY_US
JUST_BEGUN = 4
"""A flat line that begins with a step is a value that was set, not one that stands still."""
JUMPED = 5.0
"""Times what it usually moves in three samples."""
WANDERS = 0.35
"""A step whose distance from the peers changes by this share of it goes on: a drift that began with a jump."""
EPISODE_US = 3_600e6


class Watch:
    """Feed rows in time order. State is columns only, so that it can be kept, restored and replayed bit for bit."""

    def __init__(self, period_s: Array, peers: npt.NDArray[np.intp]) -> None:
        count = len(period_s)
        self.count = count
        period_us = np.asarray(period_s, dtype=np.float64) * 1e6
        self.bank, self.level = Bank(count, period_us), Level(count, period_us, peers)
        self.time_us = self.begun_us = -1
        self.code = np.zeros(count, dtype=np.int8)
        self.since_us = np.zeros(count, dtype=np.int64)
        self.noise, self.zigzag = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
        self.is_ramp, self.run_jumped, self.edge_told, self.came_slowly, self.out_now, self.out_before, self.out_late = (np.zeros(count, dtype=bool) for _ in range(7))
        self.quiet_for = np.zeros(count, dtype=np.float32)
        self.local = np.zeros(count, dtype=np.float32)
        self.noise_on, self.step_on, self.level_on, self.stuck_on = (np.zeros(count, dtype=bool) for _ in range(4))
        self.step_from, self.step_size = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
        self.step_us = np.zeros(count, dtype=np.int64)
        self.step_own = np.full(count, np.nan, dtype=np.float32)
        self.ratio = np.zeros((4, count), dtype=np.float32)
        self.run_expected = np.full(count, np.nan, dtype=np.float32)
        self.run_moves = np.zeros(count, dtype=np.float32)
        self.recent = np.zeros((len(COMMON), count), dtype=np.float32)
        self.spent = np.ones(count, dtype=np.float32)
        self.told_us = np.full(count, -int(DAY_US), dtype=np.int64)

    def tick(self, time_us: int, row: Array) -> None:
        """NaN is a missing sample. A row that is not later than the last one is left out."""
        if time_us <= self.time_us and self.begun_us >= 0:
            return
        if self.begun_us < 0:
            self.begun_us = time_us
        elapsed_us = float(time_us - self.time_us) if self.time_us >= 0 else 0.0
        self.time_us = time_us
        phase = float((time_us - self.begun_us) % int(DAY_US)) / DAY_US
        frozen = (self.code != Code.NONE) & (time_us - self.since_us < FORGIVE_US)
        fresh = self.bank.tick(time_us, phase, row, frozen)
        gap, stuck = self.bank.gap(time_us), self.bank.stuck(fresh)
        self._remember(elapsed_us)
        stuck &= self.stuck_on | (self._alone(FLAT, self.bank.stuck_nats, stuck) & self._should_move())
        self.stuck_on = np.where(fresh, stuck, self.stuck_on)
        spike = self._spike(fresh, frozen, elapsed_us)
        np.copyto(self.run_jumped, self._jumps(), where=fresh & (self.bank.run == 0))
        self.quiet_for = np.where(fresh, np.where(spike, 0, self.quiet_for + 1), self.quiet_for).astype(np.float32)
        noise = self._noise(fresh, frozen, elapsed_us)
        step = self._step(time_us, fresh, frozen, elapsed_us)
        self.level.take(self.bank.x[1], fresh & np.isfinite(self.bank.x[1]) & ~self.out_before & ~self.out_late)
        if self.level.tick(float(time_us - self.begun_us), frozen, gap | self.stuck_on | self.noise_on | self.step_on, self.bank.sigma):
            highest = self.level.ratio.max(axis=0)
            begins = self.level.off.any(axis=0) & (highest > 1.0 + ALARM_COSTS * self.spent) & self._stands_apart(time_us)
            self.level_on = np.where(self.level_on, (highest > 0.5) & (self.level.apart() > STILL_APART), begins)
            self.level.teach(self.level_on)
        step, drift = step & ~self.is_ramp, (self.level_on & ~step) | (step & self.is_ramp)
        jumped = self.stuck_on & (self.run_jumped | (self.step_on & ~self.is_ramp))
        code = np.select(
            [gap, jumped, self.stuck_on, spike, self.step_on & self.is_ramp, noise, step, drift],
            [Code.DROPOUT, Code.BIAS, Code.STUCK, Code.SPIKE, Code.DRIFT, Code.NOISE, Code.BIAS, Code.DRIFT],
            Code.NONE,
        ).astype(np.int8)
        self._account(time_us, code, elapsed_us)
        self.since_us = np.where(code != self.code, time_us, self.since_us)
        self.code = code

    def _remember(self, elapsed_us: float) -> None:
        """What each channel showed lately, for its peers to be compared with."""
        self.recent *= np.float32(np.exp(-elapsed_us / RECENT_US))
        np.maximum(self.recent[:FLAT], self.ratio, out=self.recent[:FLAT])
        np.maximum(self.recent[FLAT], self.bank.stuck_nats, out=self.recent[FLAT])

    def _alone(self, test: int, ratio: Column, fires: Mask) -> Mask:
        """Of those that fire, whom no two peers agree with and whose own strictness is passed."""
        who = np.flatnonzero(fires)
        if not len(who):
            return fires
        peers = self.level.peers[who]
        seen = np.where(peers < 0, 0.0, np.maximum(self.recent[test], ratio)[peers])
        ordered = np.sort(seen, axis=1)
        shared = np.maximum(COMMON[test] * ordered[:, -2], ONE_PEER[test] * np.minimum(ordered[:, -1], MOST_OF_ONE))
        result = np.zeros(self.count, dtype=bool)
        result[who] = ratio[who] > np.maximum(shared, 1.0 + ALARM_COSTS * self.spent[who])
        return result

    def _stands_apart(self, time_us: int) -> Mask:
        """No peer stands farther off, and no two nearly as far, of those that are not suspected for long: a channel that wanders pulls the others along."""
        apart, peers = self.level.apart(), self.level.peers
        theirs = np.where((self.code != Code.NONE) & (time_us - self.since_us > EPISODE_US), 0.0, apart)
        ordered = np.sort(np.where(peers < 0, 0.0, theirs[peers]), axis=1)
        return np.asarray((apart >= np.maximum(LEAST_APART, ordered[:, -1])) & (apart >= APART * ordered[:, -2]))

    def _jumps(self) -> Mask:
        return np.asarray((self.ratio[EDGE] > 1.0) | (np.abs(self.bank.x[0] - self.bank.x[1]) > JUMPED * self.bank.moved))

    def _should_move(self) -> Mask:
        """By its peers, where there are some; a line that is flat for far longer than ever needs no witness."""
        bank, expected = self.bank, self.level.expected
        begins = bank.run <= 1
        np.copyto(self.run_expected, expected, where=begins)
        np.copyto(self.run_moves, 0.0, where=begins)
        np.copyto(self.run_expected, expected, where=np.isnan(self.run_expected))
        np.fmax(self.run_moves, np.abs(expected - self.run_expected), out=self.run_moves)
        unknown = ~self.level.has_peers | np.isnan(expected) | np.isinf(bank.resolution)
        return np.asarray(unknown | (self.run_moves >= EXPECTED_STEPS * bank.resolution) | (bank.stuck_nats > SURELY_FLAT))

    def _account(self, time_us: int, code: npt.NDArray[np.int8], elapsed_us: float) -> None:
        """Alarms of a channel within an hour are one."""
        told = (code != Code.NONE) & (code != Code.DROPOUT)
        self.spent *= np.float32(np.exp(-elapsed_us / COST_FADES_US))
        self.spent = np.minimum(self.spent + (told & (time_us - self.told_us > EPISODE_US)), MOST_SPENT).astype(np.float32)
        np.copyto(self.told_us, time_us, where=told)

    def nbytes(self) -> int:
        """Memory of the state."""
        return sum(array.nbytes for _, array in arrays_of(self))

    def worst(self) -> Column:
        """The highest ratio of a statistic to its threshold; over 1 something fires."""
        level = np.where(self.level_on | (self.level.ratio <= 1.0), self.level.ratio, 1.0).max(axis=0)
        flat = np.where(self.stuck_on, np.maximum(self.bank.stuck_nats, 1.0), np.minimum(self.bank.stuck_nats, 1.0))
        return np.asarray(np.maximum(np.maximum(self.ratio.max(axis=0), level), np.nan_to_num(flat)), dtype=np.float32)

    def _spike(self, fresh: Mask, frozen: Mask, elapsed_us: float) -> Mask:
        """Two-sided, one sample late; a huge one at once."""
        bank, x = self.bank, self.bank.x
        sigma = np.maximum(bank.sigma * np.exp(np.maximum(0.0, self.local)), 1e-9)
        high, low = np.maximum(x[2], x[3]), np.minimum(x[2], x[3])
        height = np.maximum(np.minimum(x[1] - high, x[1] - x[0]), np.minimum(low - x[1], x[0] - x[1]))
        fires, self.ratio[0] = bank.spikes.over(np.maximum(height, 0) / sigma, bank.number, fresh, frozen, elapsed_us)
        top, bottom = np.maximum(np.maximum(x[1], x[2]), np.maximum(x[3], x[4])), np.minimum(np.minimum(x[1], x[2]), np.minimum(x[3], x[4]))
        out = np.maximum(x[0] - top, bottom - x[0])
        edge, self.ratio[1] = bank.edges.over(np.maximum(out, 0) / sigma, bank.number, fresh, frozen, elapsed_us)
        np.copyto(self.out_before, self.out_now, where=fresh)
        np.copyto(self.out_now, edge, where=fresh)
        self.out_late = fires
        late = self._alone(SPIKE, self.ratio[SPIKE], fires) & ~self.edge_told
        at_once = self._alone(EDGE, self.ratio[EDGE], edge)
        np.copyto(self.edge_told, at_once, where=fresh)
        return np.asarray(late | at_once)

    def _noise(self, fresh: Mask, frozen: Mask, elapsed_us: float) -> Mask:
        """Neighbouring differences of white noise run against each other, those of a real course do not: their product measures noise alone."""
        bank, x = self.bank, self.bank.x
        sigma = np.maximum(bank.sigma, 1e-9)
        bend = bank.bend_now / sigma
        usable = fresh & np.isfinite(bend)
        np.copyto(self.local, self.local + (np.log(np.clip(bend, *LOCAL)) - self.local) / LOCAL_SPAN, where=usable)
        usable &= self.quiet_for > 2
        curl = np.maximum(np.abs(x[0] - 2 * x[1] + x[2]) / sigma, LEAST_CURL)
        zigzag = np.log(np.where((x[0] - x[1]) * (x[1] - x[2]) < 0, np.minimum(curl, MOST_CURL), SMOOTH * np.minimum(curl, MOST_CURL)))
        np.copyto(self.noise, self.noise + (zigzag - self.noise) / NOISE_SPAN, where=usable)
        statistic = np.exp(self.noise - self.zigzag)
        np.copyto(self.zigzag, self.zigzag + (self.noise - self.zigzag) / np.clip(bank.number, NOISE_SPAN, MEMORY), where=usable & ~frozen)
        fires, self.ratio[2] = bank.noises.over(statistic, bank.number, usable & (bank.number > 2 * NOISE_SPAN), frozen, elapsed_us)
        fires = self._alone(NOISE, self.ratio[NOISE], fires)
        calm = np.maximum(_highest(x[:3]), x[3]) - np.minimum(_lowest(x[:3]), x[3]) < CALM * bank.moved
        self.noise_on = np.where(usable, np.where(self.noise_on, (self.ratio[2] > 0.7) & ~calm, fires), self.noise_on)
        return self.noise_on

    def _step(self, time_us: int, fresh: Mask, frozen: Mask, elapsed_us: float) -> Mask:
        """Three samples on one side of the three before, farther apart than it ever was; it ends when the level comes back."""
        bank, x = self.bank, self.bank.x
        gap = np.maximum(_lowest(x[:3]) - _highest(x[3:6]), _lowest(x[3:6]) - _highest(x[:3]))
        statistic = np.maximum(gap, 0) / np.maximum(bank.moved, 1e-9)
        fires, self.ratio[3] = bank.steps.over(statistic, bank.number, fresh, frozen & ~self.step_on, elapsed_us)
        self.run_jumped |= fires & (bank.run > 0) & (bank.run <= JUST_BEGUN)
        before, after = x[4], x[1]
        back = self.step_on & (gap > RETURNED * np.abs(self.step_size)) & (np.sign(after - before) != np.sign(self.step_size))
        begins = self._alone(STEP, self.ratio[STEP], fires) & ~self.step_on
        self.is_ramp = np.where(begins, np.abs(x[2] - x[3]) < AT_ONCE * np.abs(x[1] - x[4]), self.is_ramp)
        np.copyto(self.came_slowly, self.is_ramp, where=begins)
        np.copyto(self.step_size, after - before, where=begins)
        np.copyto(self.step_from, before, where=begins)
        self.is_ramp |= self.step_on & (np.abs(after - self.step_from) > GOES_ON * np.abs(self.step_size))
        np.copyto(self.step_us, time_us, where=begins)
        own = self.level.own
        np.copyto(self.step_own, np.nan, where=begins)
        np.copyto(self.step_own, own, where=self.step_on & np.isnan(self.step_own) & (time_us - self.step_us > 2 * self.level.step_us))
        self.is_ramp |= self.step_on & (np.abs(np.nan_to_num(own - self.step_own)) > WANDERS * np.abs(self.step_size))
        self.is_ramp |= self.step_on & (self.local > TREMBLES) & (time_us - self.step_us > TREMBLES_AFTER * bank.period_us)
        stale = self.step_on & (time_us - self.step_us > DAY_US)
        with_peers = (
            self.step_on
            & self.level.has_peers
            & (np.abs(self.level.own) < RETURNED * np.abs(self.step_size))
            & (time_us - self.step_us > np.where(self.came_slowly, 4 * bank.period_us, np.maximum(4 * bank.period_us, 2 * self.level.step_us)))
        )
        self.step_on = (self.step_on | begins) & ~back & ~stale & ~with_peers
        return self.step_on


def _lowest(x: list[Column]) -> Column:
    return np.minimum(np.minimum(x[0], x[1]), x[2])


def _highest(x: list[Column]) -> Column:
    return np.maximum(np.maximum(x[0], x[1]), x[2])
