"""`oshwatch bench query`: the embedded store filled with a month of 200 channels and their minutes, then asked by another process while it is written."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from domain.reading import Minute, Reading, minute_from
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from storage.timeseries.port import Batch
from storage.timeseries.rollup import averaging_of
from storage.timeseries.sqlite import SqliteTimeSeries
from storage.timeseries.sqlite_file import FILE

_QUANTITIES = ("air_temperature", "relative_humidity", "co2", "wbgt")
CHANNELS = [f"agent-{number // 8}.line-{number // 4}.{_QUANTITIES[number % 4]}" for number in range(200)]
START_US = 1_763_769_600_000_000 // DAY_US * DAY_US
EVERY_US = 10 * SECOND_US
ENDLESS = 1_000_000_000
STEPS_A_WRITE = 50
"""10,000 readings: what ingest joins into one commit while more comes than it has written, between a batch and `COMMIT_READINGS`."""
STEPS_A_SMALL_WRITE, SMALL_WRITES = 10, 100
REPEATS = 40


def query_rates(directory: Path, rows: int) -> list[dict[str, Any]]:
    """`rows` readings of 200 channels, one each 10 s: 51.84 M are 30 days."""
    store = SqliteTimeSeries(directory)
    filled = _Filling(store)
    began = time.perf_counter()
    for batch in filled.batches(rows):
        filled.write(batch)
    common = {"bench": "query", "store": "sqlite", "rows": filled.rows, "days": round((filled.at_us - START_US) / DAY_US, 1)}
    log_bytes = (directory / f"{FILE}-wal").stat().st_size
    result = [
        {
            **common,
            "what": "insert",
            **filled.figures(),
            "minutes": filled.minutes,
            "bytes_a_reading": round(store.size() / filled.rows, 2),
            "log_mb": round(log_bytes / 2**20),
            "wall_s": round(time.perf_counter() - began, 1),
        }
    ]
    result.append({**common, "what": "insert, 2,000 a write", **_small_writes(filled)})
    filled.start_anew()
    answers = _ask_elsewhere(directory, filled)
    result += [{**common, "what": what, "while_writing": True, **figures} for what, figures in answers.items()]
    rss_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    result.append({**common, "what": "insert while asked", **filled.figures(), "rss_mb": rss_mb})
    store.close()
    return result


def _small_writes(filling: _Filling) -> dict[str, Any]:
    """What a smaller commit costs: each touches the end of every channel, however few readings it brings."""
    filling.start_anew()
    for batch in filling.batches(SMALL_WRITES * STEPS_A_SMALL_WRITE * len(CHANNELS), STEPS_A_SMALL_WRITE):
        filling.write(batch)
    return filling.figures()


def _ask_elsewhere(directory: Path, filling: _Filling) -> dict[str, Any]:
    """A process of its own asks; this one writes on until it has its answers."""
    asking = subprocess.Popen([sys.executable, "-m", "storage.timeseries.bench", str(directory), str(filling.at_us)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    for batch in filling.batches(ENDLESS):
        filling.write(batch)
        if asking.poll() is not None:
            break
    answer, _ = asking.communicate()
    found: dict[str, Any] = json.loads(answer)
    return found


class _Filling:
    """Random walks with two decimals, in the order of time, each minute of a channel written when it ends."""

    def __init__(self, store: SqliteTimeSeries) -> None:
        self._store = store
        self.at_us, self._values = START_US, [25.0 + number % 17 for number in range(len(CHANNELS))]
        chance = random.Random(11)  # noqa: S311 - made-up readings
        self._walk = [chance.gauss(0, 0.08) for _ in range(9_973)]
        self._step = 0
        self._open: list[list[Reading]] = [[] for _ in CHANNELS]
        self.rows = self.minutes = 0
        self.start_anew()

    def start_anew(self) -> None:
        """Figures from here on."""
        self.cpu_s, self._before = 0.0, self.rows
        self.times: list[float] = []

    def figures(self) -> dict[str, float]:
        rows = self.rows - self._before
        return {
            "rows_per_s": round(rows / max(sum(self.times), 1e-9)),
            "cpu_us_a_row": round(self.cpu_s / max(rows, 1) * 1e6, 2),
            "write_p50_ms": _ms(self.times, 0.5),
            "write_p99_ms": _ms(self.times, 0.99),
        }

    def batches(self, rows: int, steps: int = STEPS_A_WRITE) -> Iterator[Batch]:
        for _ in range(0, rows, steps * len(CHANNELS)):
            readings: list[Reading] = []
            minutes: list[Minute] = []
            for _ in range(steps):
                readings += self._readings()
                self.at_us += EVERY_US
                if self.at_us // MINUTE_US != (self.at_us - EVERY_US) // MINUTE_US:
                    minutes += self._close()
            yield Batch(fresh=readings, minutes=minutes)

    def write(self, batch: Batch) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        self._store.write(batch)
        self.times.append(time.perf_counter() - began)
        self.cpu_s += time.process_time() - cpu
        self.rows += len(batch.fresh)
        self.minutes += len(batch.minutes)

    def _readings(self) -> list[Reading]:
        found = []
        for number, name in enumerate(CHANNELS):
            self._step = (self._step + 1) % 9_973
            value = self._values[number] = round(self._values[number] + self._walk[self._step], 2)
            reading = Reading(name, self.at_us, value)
            found.append(reading)
            self._open[number].append(reading)
        return found

    def _close(self) -> list[Minute]:
        found = []
        for name, open_ in zip(CHANNELS, self._open, strict=True):
            found.append(minute_from(name, open_[0].time_us // MINUTE_US * MINUTE_US, open_, averaging_of(name)))
            open_.clear()
        return found


def ask(directory: Path, stop_us: int) -> dict[str, Any]:
    """What the pages and dashboards ask for, each answered many times."""
    store, chance = SqliteTimeSeries(directory), random.Random(3)  # noqa: S311 - made-up readings

    def day() -> object:
        start_us = chance.randrange(START_US, max(stop_us - DAY_US, START_US + 1), HOUR_US)
        return store.read([chance.choice(CHANNELS)], start_us, start_us + DAY_US)

    found = {
        "24 h of a channel": _timed(day),
        "last of 200": _timed(lambda: store.last(CHANNELS)),
        "50 channels x 30 d hourly": _timed(lambda: store.read_rollups(chance.sample(CHANNELS, 50), stop_us - 30 * DAY_US, stop_us, HOUR_US)),
    }
    store.close()
    return found


def _timed(call: Callable[[], object]) -> dict[str, float]:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return {"p50_ms": _ms(times, 0.5), "p99_ms": _ms(times, 0.99)}


def _ms(times: list[float], share: float) -> float:
    return round(sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1000, 2) if times else 0.0


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(Path(sys.argv[1]), int(sys.argv[2]))))
