"""How fast a worker drains a queue of packs, next to `mosquitto_sub` on the same queue in the same run (acceptance E).

Each run of a worker is a process of its own (`python -m ingest.bench SPEC`), so that its CPU and memory are its own.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from domain.clock import SystemClock
from domain.errors import NotReady
from domain.reading import Reading
from domain.registry import SiteFile
from ingest.bench_packs import CHANNELS_IN_ALL, INTERVAL_US, bench_site, packs_of
from ingest.bench_peers import Telegraf, influxdb_maximum
from ingest.rules import NoticeKind

_TOPICS = "osh/v1/+/data/#"
_GIVE_UP_S = 300.0
_IDENTIFIERS = 20_000  # packs on their way at once; MQTT numbers them in 16 bits


class Spec(msgspec.Struct, kw_only=True):
    """What a worker process is told."""

    mqtt_port: int
    directory: str
    timeseries_url: str
    token: str
    readings: int
    rules: str = ""  # module:function that makes the instant rules of an engine and a clock


class NoRules:
    """Stands in where no rules are given."""

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        """Nothing to check."""

    def notice(self, agent: str, kind: NoticeKind, text: str, at_us: int) -> None:
        """Nobody to tell."""


def run_bench(
    *,
    pack_sizes: Sequence[int] = (1, 10, 100),
    readings: Sequence[int] = (120_000, 2_400_000, 4_800_000),
    stores: Sequence[tuple[str, str, str]] = (("sqlite", "", ""),),
    repeats: int = 3,
    rules: str = "",
) -> list[dict[str, Any]]:
    """One row for each pack size and store: medians of interleaved runs. A store is (name, URL, token); "" makes a SQLite one.

    Beside a store that is InfluxDB stand what it takes at most, and Telegraf's figures where its binary is had. The runs are long enough that the start of a worker,
    which asks the store for the latest of every channel, does not show.
    """
    rows: list[dict[str, Any]] = []
    telegraf, most = Telegraf.found(), {name: influxdb_maximum(url, token) for name, url, token in stores if url}
    rows += [
        {"bench": "ingest", "store": name, "what": "its own maximum: encoded lines, bodies of 5,000, two connections", "readings_per_s": round(rate)} for name, rate in most.items()
    ]
    with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as name, _mosquitto(Path(name)) as port:
        directory = Path(name)
        for size, wanted in zip(pack_sizes, readings, strict=True):
            packs = wanted // size
            baseline: list[float] = []
            found: dict[str, list[dict[str, float]]] = {store: [] for store, _, _ in stores}
            peers: dict[str, list[dict[str, float]]] = {store: [] for store in most if telegraf}
            for _ in range(repeats):
                baseline.append(packs * size / _drain_with_mosquitto_sub(port, _queue(port, "baseline", packs, size, "baseline")))
                for store, url, token in stores:
                    site = f"s{SystemClock().now_us()}"  # new series in a database that earlier runs wrote to
                    _queue(port, "oshwatch-ingest", packs, size, site)
                    spec = Spec(mqtt_port=port, directory=str(directory / site), timeseries_url=url, token=token, readings=packs * size, rules=rules)
                    found[store].append(_drain_with_worker(spec, bench_site(site)))
                    _forget(port, "oshwatch-ingest")
                    if telegraf and url and size > 1:
                        _queue(port, Telegraf.CLIENT_ID, packs, size, site)
                        peers[store] += telegraf.drain(port, url, token, packs * size, directory, _GIVE_UP_S / 5)
                        _forget(port, Telegraf.CLIENT_ID)
                    shutil.rmtree(directory / site)
            for store, runs in found.items():
                row = _row(store, size, runs, statistics.median(baseline))
                rows.append(row | _beside(row, most.get(store), peers.get(store)))
    return rows


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _beside(row: dict[str, Any], most: float | None, peers: list[dict[str, float]] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"share_of_influxdb_maximum": round(row["readings_per_s"] / most, 3)} if most else {}
    if peers:
        peer = _median(peers)
        found |= {f"telegraf_{name}": round(value, 2) for name, value in peer.items()}
        found["rate_to_telegraf"] = round(row["readings_per_s"] / peer["readings_per_s"], 3)
        found["cpu_to_telegraf"] = round(row["cpu_s_per_million_readings"] / peer["cpu_s_per_million_readings"], 3)
    return found


def _row(store: str, size: int, runs: list[dict[str, float]], baseline: float) -> dict[str, Any]:
    middle = _median(runs)
    return {
        "bench": "ingest",
        "store": store,
        "readings_per_pack": size,
        "readings_per_s": round(middle["readings_per_s"]),
        "mosquitto_sub_readings_per_s": round(baseline),
        "ratio_to_mosquitto_sub": round(middle["readings_per_s"] / baseline, 4),
        "must": {10: 0.10, 100: 0.02}.get(size),
        "cpu_s_per_million_readings": round(middle["cpu_s_per_million_readings"], 2),
        "commit_p50_ms": round(middle["commit_p50_ms"], 1),
        "commit_p99_ms": round(middle["commit_p99_ms"], 1),
        "rss_mb": round(middle["rss_mb"], 1),
        "runs": len(runs),
    }


@contextmanager
def _mosquitto(directory: Path) -> Iterator[int]:
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if binary is None or shutil.which("mosquitto_sub") is None:
        raise NotReady("this benchmark needs mosquitto and mosquitto_sub (apt-get install mosquitto mosquitto-clients)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = directory / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 1000000\nmax_inflight_messages 2000\nset_tcp_nodelay true\nlog_type error\n")
    process = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if time.monotonic() > deadline:
                raise NotReady("mosquitto does not listen after 10 s")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _queue(port: int, client_id: str, packs: int, size: int, site: str) -> int:
    """Put packs into the persistent session of a client that is away."""
    session = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    subscribed = threading.Event()
    session.on_connect = lambda client, *_: client.subscribe(_TOPICS, 1)
    session.on_subscribe = lambda *_: subscribed.set()
    session.connect("127.0.0.1", port)
    session.loop_start()
    if not subscribed.wait(10):
        raise NotReady("mosquitto does not take the subscription")
    session.disconnect()
    session.loop_stop()
    publisher = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-publisher", clean_session=True)
    publisher.max_queued_messages_set(0)
    publisher.connect("127.0.0.1", port)
    publisher.loop_start()
    start_us = SystemClock().now_us() - (packs * size // CHANNELS_IN_ALL + 2) * INTERVAL_US
    made = packs_of(packs, size, site, start_us)
    while sent := [publisher.publish(topic, payload, qos=1) for topic, payload in islice(made, _IDENTIFIERS)]:
        for message in sent:
            message.wait_for_publish(_GIVE_UP_S)
    publisher.disconnect()
    publisher.loop_stop()
    return packs


def _drain_with_mosquitto_sub(port: int, packs: int) -> float:
    command = ["mosquitto_sub", "-p", str(port), "-i", "baseline", "-c", "-q", "1", "-t", _TOPICS, "-C", str(packs)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_GIVE_UP_S)
    taken = time.perf_counter() - began
    _forget(port, "baseline")
    return taken


def _forget(port: int, client_id: str) -> None:
    """End a persistent session, or it would collect the packs of the next run too."""
    session = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
    session.connect("127.0.0.1", port)
    while not session.is_connected():
        session.loop()
    session.disconnect()


def _drain_with_worker(spec: Spec, site: SiteFile) -> dict[str, float]:
    from storage.records.engine import open_records  # noqa: PLC0415
    from storage.records.registry import RegistryRepository  # noqa: PLC0415

    Path(spec.directory).mkdir()
    engine = open_records(f"sqlite:///{spec.directory}/oshwatch.db")
    RegistryRepository(engine).import_file(site, valid_from_us=None, author="bench", reason="bench", now_us=SystemClock().now_us())
    engine.dispose()
    command = [sys.executable, "-m", "ingest.bench", msgspec.json.encode(spec).decode()]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_GIVE_UP_S)
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def work(spec: Spec) -> dict[str, float]:
    """Drain the queue in this process; times run from the first message to the last commit."""
    from ingest.memory import collect_seldom  # noqa: PLC0415
    from ingest.mqtt import MqttSource  # noqa: PLC0415
    from ingest.service import IngestService  # noqa: PLC0415
    from storage.records.engine import open_records  # noqa: PLC0415
    from storage.timeseries.opening import open_timeseries  # noqa: PLC0415

    clock, engine = SystemClock(), open_records(f"sqlite:///{spec.directory}/oshwatch.db")
    timeseries = open_timeseries(spec.timeseries_url or f"sqlite:///{spec.directory}/timeseries", spec.token)
    service = IngestService(source=MqttSource(f"mqtt://127.0.0.1:{spec.mqtt_port}", clock=clock), timeseries=timeseries, engine=engine, clock=clock, rules=_rules(spec, engine))
    collect_seldom()
    service.start()
    began, cpu = _first_message(service)
    deadline = time.monotonic() + _GIVE_UP_S
    while service.counters()["stored_readings"] < spec.readings:
        if time.monotonic() > deadline:
            raise NotReady(f"not drained after {_GIVE_UP_S:.0f} s: {service.ready()[1]} {service.counters()}")
        time.sleep(0.02)
    taken, used = time.perf_counter() - began, time.process_time() - cpu
    counters = service.counters()
    service.stop()
    return {
        "readings_per_s": spec.readings / taken,
        "cpu_s_per_million_readings": used / spec.readings * 1e6,
        "commit_p50_ms": counters["commit_latency_p50_s"] * 1e3,
        "commit_p99_ms": counters["commit_latency_p99_s"] * 1e3,
        "rss_mb": _peak_rss_mb(),
        "exceptions": counters["exceptions"],
    }


def _peak_rss_mb() -> float:
    """Of this program alone: `getrusage` also counts what the parent held when it started us."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")) / 1024


def _first_message(service: Any) -> tuple[float, float]:
    while service.counters()["packs"] == 0:
        time.sleep(0.001)
    return time.perf_counter(), time.process_time()


def _rules(spec: Spec, engine: Any) -> Any:
    if not spec.rules:
        return NoRules()
    from importlib import import_module  # noqa: PLC0415

    module, _, function = spec.rules.partition(":")
    return getattr(import_module(module), function)(engine, SystemClock())


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(work(msgspec.json.decode(sys.argv[1], type=Spec))).decode())
