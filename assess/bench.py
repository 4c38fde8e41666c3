"""Every window of 20,000 channels, once: 15 min, 60 min, shift, worst 15 and 60 min, each with its bounds, over an 8-hour shift of minutes."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assess import bench_factory
from assess.evaluate import verdicts_of
from assess.live_window import Now
from assess.outcome import ZoneShift
from assess.plan import grown, span_of
from assess.protect import live_zone, prepare, prepare_look
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
    """What the house does with those zones: live windows and status of the first look and of each new minute, the look between minutes, and the results of a shift; milliseconds of
    one core a channel."""
    house = _House()
    house.minute(SHIFT_MIN, fresh=True)
    first = _median_ms([partial(house.minute, SHIFT_MIN, fresh=True)] * ROUNDS)
    minute = _median_ms([partial(house.minute, minutes) for minutes in range(SHIFT_MIN + 1, SHIFT_MIN + 1 + ROUNDS)])
    new, look = _median_ms([house.new_readings] * ROUNDS), _median_ms([house.look] * ROUNDS)
    whole = _median_ms([house.verdicts] * ROUNDS)
    channels = len(house.series)
    rates = {"live_first_look_ms": first, "live_minute_ms": minute, "live_new_readings_ms": new, "live_same_readings_ms": look, "verdicts_ms": whole}
    return {"zones": ZONES, "channels": channels, "minutes": SHIFT_MIN, **{name: took / channels for name, took in rates.items()}}


class _House:
    """Its zones at one minute of the shift after the other."""

    def __init__(self) -> None:
        file = bench_factory.factory(ZONES)
        self._registry, self._shift = Registry(bench_factory.entries(file)), next(bench_factory.shifts(1))
        self._zones = [f"{file.site.id}.{zone.id}" for zone in file.zones]
        self._calibrations = {record.channel: [record] for record in file.calibrations}
        rng, minutes = np.random.default_rng(1), len(self._shift.minutes)
        channels = sorted(self._registry.at(self._shift.start_us).channels)
        self.series = {channel: bench_factory.drawn(channel, self._shift.start_us, minutes, rng) for channel in channels}
        self._means = {channel: float(np.nanmean(one.value)) for channel, one in self.series.items()}
        self._works: list[ZoneShift] = []
        self._now = self._at(0)

    def minute(self, minutes: int, *, fresh: bool = False) -> None:
        """A minute more; `fresh`: as after a start, with nothing known of the minutes before."""
        before = {} if fresh else {work.span.zone: work for work in self._works}
        self._works, self._now = self._zones_at(minutes, before), self._at(minutes)
        prepare(self._works)
        self.look()

    def look(self) -> None:
        prepare_look(self._works, self._now)
        for work in self._works:
            live_zone(work, self._now)

    def new_readings(self) -> None:
        """Every reading is new."""
        for work in self._works:
            work.looked.clear()
        self.look()

    def verdicts(self) -> None:
        for work in self._zones_at(SHIFT_MIN, {}):
            verdicts_of(work)

    def _zones_at(self, minutes: int, before: Mapping[str, ZoneShift]) -> list[ZoneShift]:
        start_us = self._shift.start_us
        spans = [(zone in before and grown(before[zone].span, self._registry, minutes)) or span_of(self._registry, zone, self._shift, start_us, minutes) for zone in self._zones]
        series = {channel: one.part(start_us, minutes) for channel, one in self.series.items()}
        return [ZoneShift(span=span, series=series, calibrations=self._calibrations, final=False, before=before.get(span.zone)) for span in spans if span is not None]

    def _at(self, minutes: int) -> Now:
        at_us = self._shift.start_us + minutes * MINUTE_US
        last = {channel: Reading(channel, at_us, mean) for channel, mean in self._means.items()}
        return Now(at_us=at_us, last=last, valued=last, counting=last)


def _median_ms(steps: Sequence[Callable[[], object]]) -> float:
    times = []
    for do in steps:
        start = time.process_time()
        do()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


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
