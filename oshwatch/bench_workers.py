"""`oshwatch bench workers`: one and two ingest workers on the same queue, and a crowd of agents that all connect, and all come back at once.

It uses the servers that the settings name (a broker, PostgreSQL, InfluxDB) and leaves its sites in them: give it databases of its own.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, func, select

from domain.clock import SystemClock
from domain.errors import BadInput, NotReady
from domain.registry import SiteFile
from domain.times import SECOND_US
from domain.topics import shard_of
from ingest.bench_packs import CHANNELS_IN_ALL, INTERVAL_US, bench_site, packs_of
from oshwatch.bench_usage import cpu_s, peak_rss_mb
from oshwatch.parts import mqtt_address, mqtt_client, prepare
from oshwatch.settings import Settings
from oshwatch.supervise import python
from simulator.crowd import Crowd
from simulator.fleet import FleetPlan, fleet_registry
from storage.records.leases import LeasesRepository
from storage.records.registry import RegistryRepository
from storage.records.services import ServicesRepository
from storage.records.tables import packs

GIVE_UP_S = 300.0
PACK_OF = 10
LOOK_S = 0.1


def bench_workers(settings: Settings, *, readings: int = 600_000, agents: int = 5_000, seconds: float = 60.0) -> list[dict[str, Any]]:
    """Rows for one and two workers, and for the crowd with two. The broker must hold the queue: see docs/scaling.md."""
    if settings.ingest_workers == 1:
        raise BadInput("compares one worker with two", field="OSHWATCH_INGEST_WORKERS", remedy="set it to 2, with PostgreSQL and InfluxDB")
    engine = prepare(settings)
    rows = [_drain(settings, engine, workers, readings) for workers in (1, 2)]
    return [*rows, _crowd(settings, engine, agents, seconds)]


def _drain(settings: Settings, engine: Engine, workers: int, readings: int) -> dict[str, Any]:
    """Packs come as fast as one publisher sends them; CPU from the first to the last commit, that of waiting included."""
    site = f"w{SystemClock().now_us()}"
    _register(engine, bench_site(site))
    count = readings // PACK_OF
    stream = list(packs_of(count, PACK_OF, site, SystemClock().now_us() - (readings // CHANNELS_IN_ALL + 2) * INTERVAL_US))
    with _workers(settings, engine, workers) as processes:
        before, began, used = _stored(engine), time.perf_counter(), [cpu_s(process.pid) for process in processes]
        _publish(settings, stream)
        _until(lambda: _stored(engine) - before >= count, "drained")
        taken, cpu = time.perf_counter() - began, [cpu_s(process.pid) - first for process, first in zip(processes, used, strict=True)]
        rss = max(peak_rss_mb(process.pid) for process in processes)
    return {
        "bench": "workers",
        "workers": workers,
        "readings": readings,
        "readings_per_s": round(readings / taken),
        "cpu_s_per_million_readings": round(sum(cpu) / readings * 1e6, 2),
        "cpu_share_of_each": [round(one / sum(cpu), 2) for one in cpu],
        "rss_mb": round(rss, 1),
    }


def _crowd(settings: Settings, engine: Engine, agents: int, seconds: float) -> dict[str, Any]:
    """Every agent a pack of ten readings each ten seconds; then all connections break at once."""
    _register(engine, fleet_registry(agents, PACK_OF, PACK_OF))
    crowd = Crowd(settings.mqtt_url, FleetPlan(agents=agents, channels=PACK_OF, rate_hz=1 / PACK_OF), SystemClock(), secrets.token_hex(6))
    before = _stored(engine)
    with _workers(settings, engine, 2) as processes:
        connected_s = crowd.connect_all(GIVE_UP_S)
        used, began = [cpu_s(process.pid) for process in processes], time.perf_counter()
        crowd.run(seconds / 2)
        crowd.drop()
        storm_s = crowd.connect_all(GIVE_UP_S)
        crowd.run(seconds / 2)
        settled_s = crowd.settle(GIVE_UP_S)
        _until(lambda: _stored(engine) - before >= crowd.packs, "all packs are in the ledger")
        taken, cpu = time.perf_counter() - began, sum(cpu_s(process.pid) for process in processes) - sum(used)
        stored = _stored(engine) - before
        beats = [row.counters for row in ServicesRepository(engine).all() if row.name.startswith("ingest-") and row.counters.get("slots_held")]
    crowd.close()
    return {
        "bench": "crowd",
        "agents": agents,
        "connected_s": round(connected_s, 1),
        "reconnected_s": round(storm_s, 1),
        "packs_produced": crowd.packs,
        "packs_stored": stored,
        "packs_waiting": crowd.waiting,
        "packs_sent_again": crowd.sent_again,
        "settled_s": round(settled_s, 1),
        "readings_per_s": round(crowd.produced / taken),
        "workers_cpu_share_of_a_core": round(cpu / taken, 3),
        "commit_p99_ms": round(statistics.fmean(beat.get("commit_latency_p99_s", 0.0) for beat in beats) * 1e3, 1) if beats else None,
        "exceptions": sum(beat.get("exceptions", 0.0) for beat in beats),
    }


@contextmanager
def _workers(settings: Settings, engine: Engine, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Started, and holding every slot in fair shares."""
    names = [f"bench-{number}" for number in range(count)]
    running = [subprocess.Popen(python("serve", "ingest"), env={**os.environ, "OSHWATCH_INGEST_WORKER": name}, stderr=subprocess.DEVNULL) for name in names]
    try:
        _until(lambda: _is_shared(engine, names, settings.ingest_slots), "every slot has an owner")
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _is_shared(engine: Engine, names: Sequence[str], slots: int) -> bool:
    rows = LeasesRepository(engine).all()
    held = [sum(row.name == name and row.left_us > 0 for row in rows) for name in names]
    now_us = SystemClock().now_us()
    ready = [row.name for row in ServicesRepository(engine).all() if row.ready and now_us - row.at_us < 4 * SECOND_US]
    return sum(held) == slots and max(held) - min(held) <= 1 and all(f"ingest-{name}" in ready for name in names)


def _publish(settings: Settings, stream: Sequence[tuple[str, bytes]]) -> None:
    host, port = mqtt_address(settings)
    client = mqtt_client(settings, "bench-publisher")
    client.max_queued_messages_set(0)
    client.connect(host, port, keepalive=60)
    client.loop_start()
    last = None
    for plain, payload in stream:
        last = client.publish(f"{plain}/{shard_of(plain.split('/')[2]):02d}", payload, qos=1)
    if last is not None:
        last.wait_for_publish(GIVE_UP_S)
    client.disconnect()
    client.loop_stop()


def _register(engine: Engine, site: SiteFile) -> None:
    RegistryRepository(engine).import_file(site, valid_from_us=None, author="bench", reason="bench", now_us=SystemClock().now_us())


def _stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(packs)).scalar_one())


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline, pause = time.monotonic() + GIVE_UP_S, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise NotReady(f"not within {GIVE_UP_S:.0f} s: {what}")
        pause.wait(LOOK_S)
