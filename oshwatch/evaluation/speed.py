"""Test G: 10,000 channels on one core, all tests on."""

from __future__ import annotations

import time

import numpy as np

from models.anomaly.watch import Watch
from oshwatch.evaluation.report import Row

CHANNELS, TICKS, WARM_UP = 10_000, 600, 20


def measure() -> list[Row]:
    """CPU time of ticks a minute apart, six peers a channel."""
    peers = np.array([[(index // 7) * 7 + (index + step) % 7 for step in range(1, 7)] for index in range(CHANNELS)], dtype=np.intp) % CHANNELS
    watch = Watch(np.full(CHANNELS, 60.0), peers)
    values = 25 + np.random.default_rng(1).normal(0, 0.2, (100, CHANNELS))
    spent = []
    for tick in range(TICKS):
        begun = time.process_time()
        watch.tick((tick + 1) * 60_000_000, values[tick % len(values)])
        spent.append(time.process_time() - begun)
    taken = np.array(spent[WARM_UP:])
    rate, p99_ms, size = CHANNELS / taken.mean(), float(np.quantile(taken, 0.99)) * 1e3, watch.nbytes() / CHANNELS
    return [
        Row(test="G", what="points a second a core, 10,000 channels", target=">= 1.5e6", reached=float(rate), is_met=bool(rate >= 1.5e6)),
        Row(test="G", what="p99 of a tick, ms", target="<= 25", reached=p99_ms, is_met=p99_ms <= 25),
        Row(test="G", what="bytes a channel", target="<= 2048", reached=size, is_met=size <= 2048),
    ]
