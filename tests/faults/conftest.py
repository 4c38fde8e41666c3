"""A plant to break: a real broker, ingest as a process of its own, agents' own outboxes and uplinks, and the public API to compare what was produced with."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import urllib3

from console.app import ConsoleContext, create_app
from domain.clock import Clock, SystemClock
from domain.messages import Command, CommandResult, Health, Status
from domain.reading import Reading
from domain.registry import SiteFile
from domain.times import SECOND_US, to_rfc3339
from edge_agent.backoff import FullJitter
from edge_agent.config import Destination
from edge_agent.outbox import Outbox
from edge_agent.uplink import Sources, Uplink, connection_of
from edge_agent.worker import Worker
from oshwatch.ports import free_port
from oshwatch.testing import until
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository
from storage.timeseries.opening import open_timeseries

BIN = Path(sys.executable).parent
SEEDS, SEEDS_OF_SLOW = (int(os.environ.get("OSHWATCH_FAULT_SEEDS", usual)) for usual in ("2", "1"))
QUANTITIES = ("air_temperature", "co2", "sound_level_a_eq")
Key = tuple[str, int]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `dice` runs with as many seeds as OSHWATCH_FAULT_SEEDS says; without it twice, a slow one once."""
    if "dice" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(SEEDS_OF_SLOW if metafunc.definition.get_closest_marker("slow") else SEEDS))


@pytest.fixture
def dice(turn: int) -> random.Random:
    """The seed stands in the output of a test that fails; OSHWATCH_FAULT_SEED repeats it."""
    seed = int(os.environ.get("OSHWATCH_FAULT_SEED", random.SystemRandom().randrange(10**6)))
    print(f"turn {turn}: OSHWATCH_FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not acknowledged is sent again after 2 s, not after 60."""
    monkeypatch.setattr("edge_agent.window.RESEND_FIRST_S", 2.0)


def site_file(agents: Sequence[str], interval_s: float, quantities: Sequence[str] = (*QUANTITIES, "co")) -> SiteFile:
    channels = [{"placement": "hall", "quantity": quantity, "zone": "hall", "interval_s": interval_s} for quantity in quantities]
    content = {
        "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
        "shifts": [{"name": "A", "start": "00:00", "stop": "00:00"}],
        "zones": [{"id": "hall", "name": "Hall", "metabolic_rate_w": 180}],
        "agents": [{"id": agent, "channels": channels} for agent in agents],
    }
    return msgspec.convert(content, SiteFile)


def _plain_environment() -> dict[str, str]:
    """Without our own variables: the product refuses a setting that it does not know."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OSHWATCH_")}


def wait_for(condition: Callable[[], Any], seconds: float, what: Callable[[], str]) -> None:
    """As `until`, and a failure says how it is at the end."""
    try:
        until(condition, seconds, "")
    except AssertionError:
        pytest.fail(f"not within {seconds} s: {what()}")


@dataclass
class Plant:
    """The centre's databases and its ingest; `api` is the public interface, asked in this process."""

    directory: Path
    mqtt_url: str
    timeseries_url: str = ""
    token: str = ""
    database_url: str = ""
    agents: tuple[str, ...] = ("agent-1", "agent-2")
    interval_s: float = 1.0
    quantities: tuple[str, ...] = (*QUANTITIES, "co")
    clock: Clock = field(default_factory=SystemClock)
    ingest: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.timeseries_url = self.timeseries_url or f"sqlite:///{self.directory}/timeseries"
        self.database_url = self.database_url or f"sqlite:///{self.directory}/oshwatch.db"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.engine = open_records(self.database_url)
        RegistryRepository(self.engine).import_file(
            site_file(self.agents, self.interval_s, self.quantities), valid_from_us=None, author="tests", reason="first", now_us=self.clock.now_us()
        )
        people = PeopleRepository(self.engine)
        if people.user("officer") is None:
            people.add_user(name="officer", role="officer", grant="*", password=None, locale="")
        self.api_token = people.create_token("officer", by="tests")
        self.store = open_timeseries(self.timeseries_url, self.token)
        self.app = create_app(ConsoleContext(engine=self.engine, timeseries=self.store, clock=self.clock, retry_quarantine=self._ask_retry))

    # --- ingest ---

    def environment(self) -> dict[str, str]:
        return {
            "OSHWATCH_MQTT_URL": self.mqtt_url,
            "OSHWATCH_DATA_DIR": str(self.directory),
            "OSHWATCH_DATABASE_URL": self.database_url,
            "OSHWATCH_TIMESERIES_URL": self.timeseries_url,
            **({"OSHWATCH_INFLUXDB_TOKEN": self.token} if self.token else {}),
        }

    def start_ingest(self) -> None:
        with (self.directory / "ingest.log").open("ab") as log:
            self.ingest = subprocess.Popen([str(BIN / "oshwatch"), "serve", "ingest"], env={**_plain_environment(), **self.environment()}, stdout=log, stderr=log)

    def command(self, *words: str) -> str:
        """`oshwatch …` with this centre's settings."""
        done = subprocess.run([str(BIN / "oshwatch"), *words], env={**_plain_environment(), **self.environment()}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end_ingest(self, sign: signal.Signals = signal.SIGKILL) -> None:
        process, self.ingest = self.ingest, None
        if process and process.poll() is None:
            process.send_signal(sign)
            process.wait(20)

    def wait_until_listening(self) -> None:
        wait_for(lambda: self.heartbeat().get("ready"), 40, lambda: f"ingest listens: {self.heartbeat()} {self.log()}")

    def heartbeat(self) -> dict[str, Any]:
        """Of the ingest that runs now."""
        from storage.records.services import ServicesRepository

        rows = [row for row in ServicesRepository(self.engine).all() if row.name == "ingest" and self.ingest and row.pid == self.ingest.pid]
        return {"ready": rows[0].ready, "problem": rows[0].problem, **rows[0].counters} if rows else {}

    def log(self) -> str:
        path = self.directory / "ingest.log"
        return path.read_text()[-1500:] if path.exists() else ""

    # --- the public interface ---

    def ask(self, method: str, path: str, **query: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:8080", timeout=60) as client:
                address = path if path.startswith("/") else f"/api/v1/{path}"
                return await client.request(method, address, params=query, headers={"Authorization": f"Bearer {self.api_token}"})

        return asyncio.run(asked())

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def all(self, path: str, **query: Any) -> list[Any]:
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    def stored(self, keys: Sequence[Key] | dict[Key, Any]) -> dict[Key, float | None]:
        """What the API gives of the channels and the time of `keys`."""
        from domain.times import parse_instant

        channels, times = sorted({channel for channel, _ in keys}), [time_us for _, time_us in keys]
        span = {"start": to_rfc3339(min(times) - 3600 * SECOND_US), "stop": to_rfc3339(max(times) + 3600 * SECOND_US)}
        return {(channel, parse_instant(item["time"])): item["value"] for channel in channels for item in self.all(f"channels/{channel}/readings", **span)}

    def completeness(self, channel: str, start_us: int, stop_us: int) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"channels/{channel}/completeness", start=to_rfc3339(start_us), stop=to_rfc3339(stop_us))
        return found

    def metrics(self) -> dict[str, float]:
        lines = [line.rsplit(" ", 1) for line in self.ask("GET", "/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def _ask_retry(self, item: int) -> None:
        from oshwatch.parts import ask_retry
        from oshwatch.settings import load_settings

        ask_retry(load_settings(self.environment()), item)

    def close(self) -> None:
        self.end_ingest(signal.SIGTERM)
        self.store.close()
        self.engine.dispose()


@pytest.fixture
def make_plant(tmp_path: Path, mosquitto: Any) -> Iterator[Callable[..., Plant]]:
    made: list[Plant] = []

    def make(**options: Any) -> Plant:
        made.append(Plant(tmp_path / f"centre-{len(made)}", options.pop("mqtt_url", mosquitto.url), **options))
        return made[-1]

    yield make
    for plant in made:
        plant.close()


class Device:
    """An agent without sensors: its outbox, its uplink, and what it produced."""

    def __init__(self, agent: str, directory: Path, url: str, *, outbox: Outbox | None = None, begin: bool = True, **options: Any) -> None:
        self.agent, self.url = agent, url
        directory.mkdir(parents=True, exist_ok=True)
        self.outbox = outbox or Outbox(directory / "outbox.db", SystemClock(), **options)
        if begin:
            self.outbox.begin()
        self.produced: dict[Key, float] = {}
        self.worker: Worker | None = None
        self._last_us = 0

    def connect(self, url: str = "") -> None:
        sources = Sources(status=self._status, health=self._health, command=self._command)
        self.uplink = Uplink(self.agent, connection_of("home", Destination(url=url or self.url), lambda _: None), self.outbox, sources, random.Random(1))
        self.uplink._backoff = FullJitter(random.Random(1), first_s=0.05, cap_s=0.5)
        self.worker = Worker("uplink", self.uplink)

    def make(self, readings: list[Reading]) -> None:
        self.outbox.append(readings, flush=False)
        self.produced |= {(reading.channel, reading.time_us): reading.value for reading in readings if reading.value is not None}
        if self.worker is not None:
            self.uplink.wake()

    def tick(self, dice: random.Random, time_us: int | None = None) -> None:
        """One pack of all channels, now or at a time."""
        self._last_us = max(self._last_us + 1, SystemClock().now_us()) if time_us is None else time_us
        self.make([Reading(f"{self.agent}.hall.{quantity}", self._last_us, round(dice.uniform(25, 60), 2)) for quantity in QUANTITIES])

    @property
    def waiting(self) -> int:
        return self.outbox.depth("home")[0]

    def wait_until_settled(self, seconds: float = 60, *, left: int = 0) -> None:
        """All is acknowledged, but for at most `left` packs."""
        wait_for(
            lambda: self.waiting <= left, seconds, lambda: f"{self.agent}: {self.waiting} wait for an acknowledgement; connected {self.uplink.connected}, {self.uplink.problems()}"
        )

    def close(self) -> None:
        if self.worker is not None:
            self.worker.stop()
            self.worker.join(10)
            self.worker = None
        self.outbox.close()

    def _status(self, state: str) -> Status:
        return Status(state="online" if state == "online" else "offline", boot=self.outbox.boot, at=time.time(), held=self.outbox.held())

    def _health(self, destination: str, version: str) -> Health:
        return Health(
            boot=self.outbox.boot, at=time.time(), uptime_s=1.0, mqtt_version=version, clock_synchronised=True, clock_offset_s=0.0, outbox_depth=self.waiting,
            outbox_oldest_age_s=None, sensors={}, disk_free_bytes=1, cpu_temperature_c=None, certificate_days_left=None,
        )  # fmt: skip

    def _command(self, destination: str, payload: bytes) -> CommandResult:
        command = msgspec.json.decode(payload, type=Command)
        if command.verb == "resend":
            self.outbox.resend(destination, str(command.args["boot"]), int(command.args["from"]), int(command.args["to"]))  # type: ignore[call-overload]
            self.uplink.look_again()
        return CommandResult(id=command.id, state="done")


@pytest.fixture
def make_device(tmp_path: Path, mosquitto: Any) -> Iterator[Callable[..., Device]]:
    made: list[Device] = []

    def make(agent: str = "agent-1", **options: Any) -> Device:
        made.append(Device(agent, options.pop("directory", tmp_path / f"device-{len(made)}"), options.pop("url", mosquitto.url), **options))
        return made[-1]

    yield make
    for device in made:
        device.close()


class FaultyDatabase:
    """Stands before a real InfluxDB and does what a database does when it is not well: `mode` refuse, hang, slow, busy (503), picky (400 for a poisonous line), or fine."""

    def __init__(self, target: str) -> None:
        self.target, self.mode, self.poison = target, "fine", b"\0"
        self.wrote_at = 0.0
        """When it took something for the first time since it is as it is."""
        self.port = free_port()
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=30)
        self._server: ThreadingHTTPServer | None = None
        self._open()

    def be(self, mode: str) -> None:
        before, self.mode, self.wrote_at = self.mode, mode, 0.0
        if mode == "refuse":
            self._close()
        elif before == "refuse":
            self._open()

    def _open(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            do_POST = do_GET  # noqa: N815 - the base class's name

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Listener(ThreadingHTTPServer):
            daemon_threads, block_on_close, allow_reuse_address = True, False, True

            def handle_error(self, *_: object) -> None:
                """A client that gave up is no news."""

        self._server = Listener(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        hung = self.mode == "hang"
        while self.mode == "hang":
            time.sleep(0.05)
        if self.mode == "refuse" or hung:
            request.close_connection = True
            return
        if self.mode == "busy":
            self._say(request, 503, {"code": "unavailable", "message": "busy"})
        elif self.mode == "picky" and b"/write" in request.path.encode() and self.poison in body:
            self._say(request, 400, {"code": "invalid", "message": "partial write: field type conflict: input field is not what it was"})
        else:
            if self.mode == "slow":
                time.sleep(0.4)
            self._forward(request, body)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length", "connection", "accept-encoding")}
        found = self._pool.request(request.command, self.target + request.path, body=body or None, headers=headers)
        self.wrote_at = self.wrote_at or time.monotonic()
        request.send_response(found.status)
        request.send_header("Content-Type", found.headers.get("Content-Type", "application/json"))
        request.send_header("Content-Length", str(len(found.data)))
        request.end_headers()
        request.wfile.write(found.data)

    def _say(self, request: BaseHTTPRequestHandler, status: int, what: dict[str, str]) -> None:
        text = json.dumps(what).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def stop(self) -> None:
        self.mode = "fine"
        self._close()
        self._pool.clear()


@pytest.fixture
def database(influx: Any) -> Iterator[FaultyDatabase]:
    """In front of the test's own bucket; `url` as OSHWATCH_TIMESERIES_URL wants it."""
    made = FaultyDatabase(influx.http)
    made.url = influx.url.replace(influx.http.removeprefix("http://"), f"127.0.0.1:{made.port}")  # type: ignore[attr-defined]
    made.token = influx.token  # type: ignore[attr-defined]
    yield made
    made.stop()
