"""The tests of one channel against its own past: flat line, noise, spikes, jumps. Each gives a ratio to its threshold: over 1 is suspicious."""

from __future__ import annotations

import numpy as np

from models.anomaly.recent import DEPTH, Index, median
from models.arrays import Array, Mask

WARM_UP = 240
"""Samples before a channel's own past means anything: 20 minutes at 5 s."""
MEMORY = 1_000
"""Samples over which the own past is forgotten."""

STUCK_NATS = 40.0
"""How improbable a run of equal values must be by the channel's own past: e^-40 even in a year of a thousand channels is never chance."""
STUCK_SAMPLES, STUCK_US = 24, 180_000_000
FLOOR_US = 24 * 3_600_000_000
"""Many sensors rest at their least value for a night (CO2 at its clip, a PID or CO at zero): there a flat line says nothing before a day is over."""
SAME_MAX = 0.985

QUIET_SHARE = 0.55
"""Share of the smallest differences that measure noise: spikes in one sample of six spoil no more than 40 % of the differences."""
NOISE_RATIO, NOISE_SAMPLES = 3.0, 36
SIGMA_A_QUIET_MEAN = 1.9
"""Standard deviation of Gaussian noise over the mean of the smallest 55 % of its absolute differences."""

SPIKE_SIGMAS, SPIKE_COUNT = 8.0, 3
JUMP_SIGMAS, JUMP_SHARE = 10.0, 0.7
JUMP_AFTER, JUMP_BEFORE = 12, 18
JUMP_SPAN = JUMP_AFTER + JUMP_BEFORE
"""A hole among these samples may hide how the level changed; an earlier one does not matter."""


class FaultTests:
    """State of N channels; `look` takes the channels that have a new sample."""

    def __init__(self, count: int, smallest: Array, rests_at_zero: Mask) -> None:
        self._smallest, self._rests_at_zero = smallest, rests_at_zero
        self.noise = np.full(count, np.nan)  # mean of the quiet differences, own past
        self.resolution = np.full(count, np.inf)  # least difference seen
        self._floor = np.full(count, np.inf)  # least value seen
        self._run = np.zeros(count, dtype=np.int64)
        self._run_since_us = np.zeros(count, dtype=np.int64)
        self._same, self._different = np.zeros(count), np.zeros(count)
        self._spikes = np.zeros((count, DEPTH), dtype=bool)
        self._spike_at = np.zeros(count, dtype=np.intp)
        self._before = np.full(count, np.nan)
        self.stuck, self.noisy, self.spiky, self.jumped = (np.zeros(count) for _ in range(4))
        self.jump = np.zeros(count)  # its size
        self.level_before = np.zeros(count)

    def look(self, fresh: Index, window: Array, time_us: int, samples: Array, span_us: Array, frozen: Mask, interval_us: Array) -> None:
        """One sample of each fresh channel, `span_us` after the JUMP_SPAN-th before it; where `frozen`, nothing is learned from it."""
        value = window[:, -1]
        self._learn_resolution(fresh, value)
        self._look_stuck(fresh, value, time_us)
        is_warm = samples >= WARM_UP
        quiet = _quiet_mean(window, self._floor[fresh])
        scale = self._scale(fresh)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(is_warm & (scale > 0), quiet / scale / NOISE_RATIO, 0.0)
        self.noisy[fresh] = np.nan_to_num(ratio)
        self._learn_noise(fresh, quiet, frozen)
        sigma = scale * SIGMA_A_QUIET_MEAN
        self._look_spikes(fresh, window, sigma, is_warm)
        is_whole = span_us < 1.5 * JUMP_SPAN * interval_us
        self._look_jump(fresh, window, sigma, is_warm & is_whole)
        self._before[fresh] = value

    def sigma(self, fresh: Index) -> Array:
        """Standard deviation of a sample by the channel's own past; 0 while it is not known."""
        return np.asarray(np.nan_to_num(self._scale(fresh)) * SIGMA_A_QUIET_MEAN)

    def _scale(self, fresh: Index) -> Array:
        """Never finer than the channel's resolution."""
        resolution = self.resolution[fresh]
        return np.asarray(np.maximum(self.noise[fresh], 0.25 * np.where(np.isfinite(resolution), resolution, 0.0)))

    def _learn_resolution(self, fresh: Index, value: Array) -> None:
        difference = np.abs(value - self._before[fresh])
        is_step = (difference > 1e-9) & np.isfinite(difference)
        self.resolution[fresh] = np.where(is_step, np.minimum(self.resolution[fresh], difference), self.resolution[fresh])
        self._floor[fresh] = np.minimum(self._floor[fresh], value)

    def _look_stuck(self, fresh: Index, value: Array, time_us: int) -> None:
        is_same = value == self._before[fresh]
        run = self._run[fresh]
        ended = ~is_same & (run > 0)
        fade = np.exp(-run / MEMORY)
        self._same[fresh] = np.where(ended, self._same[fresh] * fade + np.minimum(run - 1, 200), self._same[fresh])
        self._different[fresh] = np.where(ended, self._different[fresh] * fade + 1, self._different[fresh])
        self._run_since_us[fresh] = np.where(is_same, self._run_since_us[fresh], time_us)
        self._run[fresh] = np.where(is_same, run + 1, 1)
        p_same = np.minimum((self._same[fresh] + 1) / (self._same[fresh] + self._different[fresh] + 2), SAME_MAX)
        nats = -np.log(p_same) * (self._run[fresh] - 1)
        at_floor = ((value <= self._floor[fresh]) & (self._different[fresh] > 0)) | ((value == 0) & self._rests_at_zero[fresh])
        length_us = time_us - self._run_since_us[fresh]
        is_long = (self._run[fresh] >= STUCK_SAMPLES) & (length_us >= np.where(at_floor, FLOOR_US, STUCK_US))
        self.stuck[fresh] = np.where(is_long, nats / STUCK_NATS, np.minimum(nats / STUCK_NATS, np.where(at_floor, 0.5, 0.99)))

    def stuck_since_us(self, channel: int) -> int:
        return int(self._run_since_us[channel])

    def _learn_noise(self, fresh: Index, quiet: Array, frozen: Mask) -> None:
        known = self.noise[fresh]
        learned = known + (np.minimum(quiet, 2.0 * known) - known) / MEMORY
        update = np.where(np.isnan(known), quiet, learned)
        self.noise[fresh] = np.where(frozen | np.isnan(quiet), known, update)

    def _look_spikes(self, fresh: Index, window: Array, sigma: Array, is_warm: Mask) -> None:
        """Two-sided, so two samples late: a jump has one side only."""
        centre, before, after = window[:, -3], window[:, -5:-3].mean(axis=1), window[:, -2:].mean(axis=1)
        up, down = np.minimum(centre - before, centre - after), np.minimum(before - centre, after - centre)
        height = np.maximum(up, down)
        is_spike = is_warm & (self.noisy[fresh] < 1.0) & (height > np.maximum(SPIKE_SIGMAS * sigma, 0.5 * self._smallest[fresh])) & (sigma > 0)
        self._spikes[fresh, self._spike_at[fresh]] = is_spike
        self._spike_at[fresh] = (self._spike_at[fresh] + 1) % DEPTH
        recent = self._spikes[fresh]
        self.spiky[fresh] = recent.sum(axis=1) / SPIKE_COUNT

    def spikes_last(self, fresh: Index, samples: int) -> Array:
        """How many of the last `samples` samples are spikes."""
        columns = (self._spike_at[fresh, None] - 1 - np.arange(samples)) % DEPTH
        return np.asarray(self._spikes[fresh[:, None], columns].sum(axis=1))

    def _look_jump(self, fresh: Index, window: Array, sigma: Array, usable: Mask) -> None:
        """Twelve samples after it happened: level before, level after, and how much of the change came within three samples."""
        after = median(window[:, -JUMP_AFTER:])
        before = median(window[:, -JUMP_AFTER - JUMP_BEFORE : -JUMP_AFTER])
        at_once = median(window[:, -JUMP_AFTER : -JUMP_AFTER + 3]) - median(window[:, -JUMP_AFTER - 3 : -JUMP_AFTER])
        jump = after - before
        threshold = np.maximum(JUMP_SIGMAS * sigma, self._smallest[fresh])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(usable & (threshold > 0), np.abs(jump) / threshold, 0.0)
            is_abrupt = (at_once * np.sign(jump) >= JUMP_SHARE * np.abs(jump)) & np.isfinite(jump)
        self.jumped[fresh] = np.where(is_abrupt, np.nan_to_num(ratio), 0.0)
        self.jump[fresh] = np.nan_to_num(jump)
        self.level_before[fresh] = np.nan_to_num(before)


def _quiet_mean(window: Array, floor: Array) -> Array:
    """Mean of the smaller differences of the last 36 samples; NaN where most lie at the channel's floor, where a clipped sensor shows no noise."""
    values = window[:, -NOISE_SAMPLES - 1 :]
    above = values > floor[:, None]
    differences = np.abs(values[:, 1:] - values[:, :-1])
    differences[~(above[:, 1:] & above[:, :-1])] = np.inf
    kept = int(QUIET_SHARE * NOISE_SAMPLES)
    mean: Array = np.partition(differences, kept - 1, axis=1)[:, :kept].mean(axis=1)
    return np.where(np.isfinite(mean), mean, np.nan)
