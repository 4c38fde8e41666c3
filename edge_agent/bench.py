"""How fast the outbox is on this disk: `oshwatch bench edge` prints it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from domain.clock import Clock
from domain.reading import Reading
from edge_agent.outbox import Outbox
from edge_agent.sampler import TICK_S

_CHANNELS = 20


def outbox_rates(directory: Path, clock: Clock, *, records: int = 1_000_000) -> dict[str, float]:
    """Appends a second one by one and by 100 a commit, each safe from a kill -9 at once and flushed every tick; the same with a flush each; seconds to start again with `records` waiting."""
    path = directory / "bench-outbox.db"
    outbox = Outbox(path, clock, max_mb=100_000)
    outbox.begin()
    numbers = _readings(clock.now_us())
    single, grouped = max(records // 300, 1), max(records // 10, 1)
    one_by_one = _rate(outbox, numbers, count=single, commit_every=1)
    by_hundred = _rate(outbox, numbers, count=grouped, commit_every=100)
    _rate(outbox, numbers, count=records - single - grouped, commit_every=1_000)
    flushed = _rate(outbox, numbers, count=max(records // 5_000, 1), commit_every=1, flush_every_s=0.0)
    outbox.close()
    started = time.perf_counter()
    again = Outbox(path, clock, max_mb=100_000)
    again.begin()
    again.pending("home", 100)
    restart_s = time.perf_counter() - started
    again.close()
    return {"appends_per_s": one_by_one, "grouped_records_per_s": by_hundred, "flushed_appends_per_s": flushed, "restart_s": restart_s, "records": float(records)}


def _readings(start_us: int) -> Iterator[Reading]:
    number = 0
    while True:
        yield Reading(f"agent-7.zone-{number % _CHANNELS}.co2", start_us + number, 600.0 + number % 7)
        number += 1


def _rate(outbox: Outbox, numbers: Iterator[Reading], *, count: int, commit_every: int, flush_every_s: float = TICK_S) -> float:
    started = flushed = time.perf_counter()
    for at in range(1, count + 1):
        flush = time.perf_counter() - flushed >= flush_every_s
        outbox.append([next(numbers)], commit=at % commit_every == 0, flush=flush)
        if flush and at % commit_every == 0:
            flushed = time.perf_counter()
    outbox.commit()
    return count / (time.perf_counter() - started)
