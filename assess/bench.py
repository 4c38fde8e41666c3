"""Every window of 20,000 channels, once: 15 min, 60 min, shift, worst 15 and 60 min, each with its bounds, over an 8-hour shift of minutes."""

from __future__ import annotations

import resource
import statistics
import time

import numpy as np

from assess.windows import Bounded, all_windows, valid_minutes

CHANNELS, MINUTES, ROUNDS, AT_ONCE = 20_000, 480, 3, 100


def evaluate_rates() -> dict[str, float]:
    """Seconds of one core for all channels (median of 3), windows a second, and the process's peak memory."""
    rng = np.random.default_rng(1)
    value = rng.gamma(4.0, 5.0, (CHANNELS, MINUTES))
    samples = rng.integers(3, 7, (CHANNELS, MINUTES)).astype(np.int32)
    counted = np.ones(MINUTES, dtype=bool)
    counted[270:315] = False
    seconds = statistics.median(_once(value, samples, counted) for _ in range(ROUNDS))
    return {
        "evaluate_20000_channels_s": round(seconds, 3),
        "windows_per_s": round(CHANNELS * 5 / seconds),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _once(value: np.ndarray, samples: np.ndarray, counted: np.ndarray) -> float:
    start = time.process_time()
    for first in range(0, CHANNELS, AT_ONCE):  # blocks that stay in the processor's cache
        rows = slice(first, first + AT_ONCE)
        valid = valid_minutes(samples[rows], 10.0)
        low, high = np.where(valid, 0.7 * value[rows], 0.0), np.where(valid, 1.3 * value[rows], 200.0)
        all_windows(Bounded(value=value[rows], low=low, high=high, valid=valid, counted=np.broadcast_to(counted, valid.shape)))
    return time.process_time() - start
