"""Every window of 20,000 channels, once: 15 min, 60 min, shift, worst 15 and 60 min, each with its bounds, over an 8-hour shift of minutes."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assess import bench_factory
from assess.evaluate import verdicts_of
from assess.live_air import fill_air_windows
from assess.live_window import Now
from assess.outcome import ZoneShift
from assess.plan import span_of
from assess.protect import live_zone
from assess.windows import Bounded, all_windows, valid_minutes
from domain.reading import Reading
from domain.registry import Registry
from domain.times import MINUTE_US, SECOND_US

COLD_S = 8 * 3_600
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


ZONES, SHIFT_MIN = 100, 240
"""Zones of eight channels, in the middle of their shift, that stand for a house of many."""


def house_rates() -> dict[str, float]:
    """What the house does with those zones: live windows and status of a minute, the look between minutes, and the results of a shift; milliseconds of one core a channel."""
    file = bench_factory.factory(ZONES)
    registry, shift = Registry(bench_factory.entries(file)), next(bench_factory.shifts(1))
    calibrations = {record.channel: [record] for record in file.calibrations}
    rng = np.random.default_rng(1)
    spans = [span_of(registry, f"{file.site.id}.{zone.id}", shift, shift.start_us, SHIFT_MIN) for zone in file.zones]
    found = [span for span in spans if span is not None]
    series = {channel: bench_factory.drawn(channel, shift.start_us, SHIFT_MIN, rng) for span in found for channel in span.channels}

    def works() -> list[ZoneShift]:
        return [ZoneShift(span=replace(span), series=series, calibrations=calibrations, final=False) for span in found]

    last = {channel: Reading(channel, shift.start_us + SHIFT_MIN * MINUTE_US, float(np.nanmean(one.value))) for channel, one in series.items()}
    now = Now(at_us=shift.start_us + SHIFT_MIN * MINUTE_US, last=last, valued=last, counting=last)

    def live(some: Sequence[ZoneShift]) -> None:
        fill_air_windows(some)
        for work in some:
            live_zone(work, now)

    kept = works()
    for work in (fresh := works()):
        work.live.update({placement.label: [] for placement in work.span.placements})

    def look_at_new() -> None:
        """Every reading is new."""
        for work in fresh:
            work.looked.clear()
            live_zone(work, now)

    steps = (lambda: live(works()), look_at_new, lambda: live(kept), lambda: [verdicts_of(work) for work in works()])
    minute, new, look, whole = (_median_ms(do) / len(series) for do in steps)
    return {
        "zones": ZONES,
        "channels": len(series),
        "minutes": SHIFT_MIN,
        "live_minute_ms": minute,
        "live_new_readings_ms": new,
        "live_same_readings_ms": look,
        "verdicts_ms": whole,
    }


def _median_ms(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS + 1):
        start = time.process_time()
        do()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times[1:])


def cold_assess(directory: Path) -> dict[str, Any]:
    """`oshwatch assess` on a shift of eight channels at 1 Hz, in a process of its own, import included."""
    path = directory / "shift.csv"
    rng, start_us = np.random.default_rng(1), next(bench_factory.shifts(1)).start_us
    rows = {quantity: np.maximum(rng.normal(mean, spread, COLD_S), 0.0).round(2).tolist() for quantity, (mean, spread) in bench_factory.LEVELS.items()}
    with path.open("w", encoding="utf-8") as file:
        file.write("time,quantity,value\n")
        file.writelines(f"{start_us // SECOND_US + second},{quantity},{values[second]}\n" for second in range(COLD_S) for quantity, values in rows.items())
    times, cpu_s = [], _children_s()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "oshwatch", "assess", "--profile", "us-niosh", "--input", str(path), "--json"], check=True, capture_output=True, cwd=Path(__file__).parents[1]
        )
        times.append(time.perf_counter() - began)
    return {"what": "assess from a cold start", "rows": COLD_S * len(rows), "wall_s": round(statistics.median(times), 2), "cpu_s": round((_children_s() - cpu_s) / ROUNDS, 2)}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
