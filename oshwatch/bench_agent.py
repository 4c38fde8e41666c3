"""`oshwatch bench edge`: what an agent with 20 sensors costs while it reads, keeps, sends and is acknowledged."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from domain.clock import Clock
from domain.errors import NotReady
from domain.sitefile import parse_site_file
from domain.times import SECOND_US
from oshwatch.bench_usage import cpu_s, peak_rss_mb
from oshwatch.broker import CENTRE, demo_broker
from oshwatch.parts import prepare
from oshwatch.ports import free_port, wait_for_port
from oshwatch.settings import load_settings
from oshwatch.supervise import Supervisor, python
from simulator.devices.device import open_line
from simulator.devices.wire import mh_z19
from storage.records.registry import RegistryRepository
from storage.timeseries.opening import open_timeseries

SENSORS = 20
AGENT = "agent-7"
START_WITHIN_S = 60.0
SETTLE_S = 5.0


def agent_rates(directory: Path, clock: Clock, *, seconds: float = 20.0) -> dict[str, Any]:
    """CPU of one core, resident memory and stored readings of 20 MH-Z19 on 20 lines, each asked once a second; the centre is a broker and ingest."""
    port, password = free_port(), "of-this-run-only"
    environment = {
        "OSHWATCH_MQTT_URL": f"mqtt://{CENTRE}@127.0.0.1:{port}",
        "OSHWATCH_MQTT_PASSWORD": password,
        "OSHWATCH_DATA_DIR": str(directory),
    }
    settings = load_settings(environment)
    engine = prepare(settings)
    RegistryRepository(engine).import_file(_site(), valid_from_us=None, author="bench", reason="bench", now_us=clock.now_us())
    with _lines(directory) as ports, _tree(directory, port, password, environment, _config(directory, port, password, ports)) as agent:
        store = open_timeseries(settings.timeseries_url)
        channels = [f"{AGENT}.place-{number}.co2" for number in range(SENSORS)]
        _until_read(store, channels)
        time.sleep(SETTLE_S)
        began_us, used, began = clock.now_us(), cpu_s(agent.pid), time.perf_counter()
        time.sleep(seconds)
        took_s, taken_s, rss_mb = time.perf_counter() - began, cpu_s(agent.pid) - used, peak_rss_mb(agent.pid)
        time.sleep(SETTLE_S)  # the last packs are on their way
        stored = sum(store.count(channels, began_us, began_us + round(took_s * SECOND_US)).values())
        store.close()
    engine.dispose()
    return {"sensors": SENSORS, "agent_cpu_percent": 100 * taken_s / took_s, "agent_rss_mb": rss_mb, "stored_per_s": stored / took_s}


def _site() -> Any:
    channels = [{"placement": f"place-{number}", "quantity": "co2", "zone": "hall", "interval_s": 1} for number in range(SENSORS)]
    site = {"id": "bench", "name": "Bench", "timezone": "UTC", "country": "VN", "profiles": ["us-niosh"]}
    text = yaml.safe_dump(
        {"site": site, "shifts": [{"name": "A", "start": "07:00", "stop": "16:00"}], "zones": [{"id": "hall", "name": "Hall"}], "agents": [{"id": AGENT, "channels": channels}]}
    )
    return parse_site_file(text, "bench")


def _config(directory: Path, port: int, password: str, ports: list[str]) -> Path:
    (directory / "password").write_text(password, encoding="utf-8")
    sensors = [{"id": f"co2-{number}", "driver": "mh_z19", "port": line, "placement": f"place-{number}", "interval_s": 1} for number, line in enumerate(ports)]
    mqtt = {"url": f"mqtt://127.0.0.1:{port}", "username": AGENT, "password_file": str(directory / "password")}
    path = directory / "agent.yaml"
    path.write_text(yaml.safe_dump({"agent": AGENT, "data_dir": str(directory / "edge"), "clock": {"trusted": True}, "mqtt": mqtt, "sensors": sensors}), encoding="utf-8")
    return path


@contextlib.contextmanager
def _lines(directory: Path) -> Iterator[list[str]]:
    """20 pseudo-terminals on which each request of nine bytes is answered."""
    links = [directory / f"line-{number}" for number in range(SENSORS)]
    masters, stop = [open_line(link) for link in links], threading.Event()
    frame = mh_z19(640.0)

    def answer() -> None:
        while not stop.is_set():
            for master in select.select(masters, [], [], 0.2)[0]:
                with contextlib.suppress(BlockingIOError):
                    os.write(master, frame * (len(os.read(master, 4096)) // len(frame)))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield [str(link) for link in links]
    stop.set()
    thread.join()
    for master in masters:
        os.close(master)


@contextlib.contextmanager
def _tree(directory: Path, port: int, password: str, environment: dict[str, str], config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Broker, ingest and the agent, which is handed out."""
    supervisor = Supervisor()
    started: list[subprocess.Popen[bytes]] = []
    broker = demo_broker(directory / "broker", port, {CENTRE: password, AGENT: password})
    supervisor.start(broker)
    try:
        wait_for_port("127.0.0.1", port, START_WITHIN_S)
        commands = (python("serve", "ingest"), [sys.executable, "-m", "edge_agent", "run", "--config", str(config)])
        started += [subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
        yield started[-1]
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        supervisor.stop()
        supervisor.run()


def _until_read(store: Any, channels: list[str]) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while len(store.last(channels)) < len(channels):
        if time.monotonic() > deadline:
            raise NotReady(f"no reading of each sensor within {START_WITHIN_S:.0f} s")
        time.sleep(0.2)
