"""The product from outside: its commands as processes, its API as a client sees it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as email_policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from oshwatch.ports import free_port
from oshwatch.testing import until

BIN = Path(sys.executable).parent


@dataclass
class Api:
    """A caller with a token."""

    url: str
    token: str

    def get(self, path: str, **query: Any) -> Any:
        status, body = self.ask("GET", path, **query)
        assert status == 200, (path, status, body)
        return body

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> tuple[int, Any]:
        from urllib.parse import urlencode

        url = f"{self.url}{path if path.startswith('/') else '/api/v1/' + path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every item, following the cursor."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


@dataclass
class Centre:
    """`oshwatch serve` with its settings in the environment."""

    environment: dict[str, str]
    directory: Path
    parts: tuple[str, ...] = ()
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.environment["OSHWATCH_CONSOLE_URL"]

    def command(self, *arguments: str) -> str:
        """Runs a command of the product to its end; returns stdout."""
        done = subprocess.run([BIN / "oshwatch", *arguments], env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, part: str = "") -> None:
        log = (self.directory / f"{part or 'serve'}.log").open("ab")
        command = [str(BIN / "oshwatch"), "serve", *([part] if part else [])]
        self.processes[part] = subprocess.Popen(command, env={**os.environ, **self.environment}, stdout=log, stderr=log)
        log.close()

    def end(self, part: str = "", sign: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(part, None)
        if process and process.poll() is None:
            process.send_signal(sign)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def token(self, role: str, scope: str) -> str:
        name = f"{role.replace('_', '-')}-{time.time_ns() % 10**9}"
        self.command("user", "add", name, "--role", role, "--scope", scope)
        return self.command("token", "create", "--user", name).strip().splitlines()[-1]

    def api(self, role: str = "officer", scope: str = "*") -> Api:
        return Api(self.url, self.token(role, scope))

    def wait_until_ready(self, seconds: float = 40) -> None:
        until(lambda: Api(self.url, "").ask("GET", "/readyz")[0] == 200 if self._answers() else False, seconds, f"the centre is ready; {self.tail()}")

    def wait_until_listening(self, seconds: float = 30) -> None:
        until(self._answers, seconds, f"the console listens; {self.tail()}")

    def _answers(self) -> bool:
        host, port = self.environment["OSHWATCH_LISTEN"].split(":")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex((host, int(port))) == 0

    def tail(self) -> str:
        return "".join(path.read_text()[-800:] for path in self.directory.glob("*.log"))


@pytest.fixture
def make_centre(tmp_path: Path) -> Iterator[Callable[..., Centre]]:
    """Builds a centre for a broker; everything it started is ended afterwards."""
    made: list[Centre] = []

    def make(mqtt_url: str, **settings: str) -> Centre:
        port = free_port()
        directory = tmp_path / f"centre-{len(made)}"
        directory.mkdir()
        environment = {
            "OSHWATCH_MQTT_URL": mqtt_url,
            "OSHWATCH_DATA_DIR": str(directory),
            "OSHWATCH_LISTEN": f"127.0.0.1:{port}",
            "OSHWATCH_CONSOLE_URL": f"http://127.0.0.1:{port}",
            "OSHWATCH_OPERATOR": "administration",
            **settings,
        }
        made.append(Centre(environment, directory))
        return made[-1]

    yield make
    for centre in made:
        for part in list(centre.processes):
            centre.end(part)


@dataclass
class Edge:
    """`oshwatch-edge run` on a config."""

    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.config.with_suffix(".log").open("ab")
        self.process = subprocess.Popen([str(BIN / "oshwatch-edge"), "run", "--config", str(self.config)], stdout=log, stderr=log)
        log.close()

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None


@pytest.fixture
def make_edge(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Edge]]:
    import yaml

    made: list[Edge] = []

    def make(config: dict[str, Any]) -> Edge:
        path = tmp_path / f"{config['agent']}.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        made.append(Edge(path))
        return made[-1]

    yield make
    for edge in made:
        edge.end()


class Mail:
    """aiosmtpd on one port; it may be away."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.mails: list[EmailMessage] = []
        self.controller: Controller | None = None

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(BytesParser(policy=email_policy).parsebytes(envelope.content))  # type: ignore[attr-defined, arg-type]
        return "250 kept"

    def start(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    def to(self, name: str, about: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if str(mail["To"]).startswith(name) and about in str(mail["Subject"])]


@pytest.fixture
def mail() -> Iterator[Mail]:
    server = Mail()
    yield server
    server.stop()
