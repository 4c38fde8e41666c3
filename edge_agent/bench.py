"""How fast the outbox is on this disk: `oshwatch bench edge` prints it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from domain.clock import Clock
from domain.reading import Reading
from edge_agent.outbox import Outbox

_CHANNELS = 20


def outbox_rates(directory: Path, clock: Clock, *, records: int = 1_000_000) -> dict[str, float]:
    """Durable appends a second one by one, records a second by 100 a commit, and seconds to start again with `records` waiting."""
    path = directory / "bench-outbox.db"
    outbox = Outbox(path, clock, max_mb=100_000)
    outbox.begin()
    numbers = _readings(clock.now_us())
    single, grouped = max(records // 300, 1), max(records // 10, 1)
    one_by_one = _rate(outbox, numbers, count=single, commit_every=1)
    by_hundred = _rate(outbox, numbers, count=grouped, commit_every=100)
    _rate(outbox, numbers, count=records - single - grouped, commit_every=1_000)
    outbox.close()
    started = time.perf_counter()
    again = Outbox(path, clock, max_mb=100_000)
    again.begin()
    again.pending("home", 100)
    restart_s = time.perf_counter() - started
    again.close()
    return {"appends_per_s": one_by_one, "grouped_records_per_s": by_hundred, "restart_s": restart_s, "records": float(records)}


def _readings(start_us: int) -> Iterator[Reading]:
    number = 0
    while True:
        yield Reading(f"agent-7.zone-{number % _CHANNELS}.co2", start_us + number, 600.0 + number % 7)
        number += 1


def _rate(outbox: Outbox, numbers: Iterator[Reading], *, count: int, commit_every: int) -> float:
    started = time.perf_counter()
    for at in range(1, count + 1):
        outbox.append([next(numbers)], commit=at % commit_every == 0)
    outbox.commit()
    return count / (time.perf_counter() - started)
