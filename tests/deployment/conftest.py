"""What these tests share: tools of the system (missing ones fail in CI), and a mosquitto that runs with the project's own configuration."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tool() -> Callable[[str, str], str]:
    """Path of a program: skips where it is missing, fails where CI is set."""

    def find(name: str, remedy: str) -> str:
        path = shutil.which(name) or shutil.which(name, path=f"{Path(sys.executable).parent}:/usr/sbin:/sbin")
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is missing: {remedy}")
        return str(path)

    return find


@dataclass(frozen=True)
class Broker:
    """A running mosquitto with firmware_configs/mosquitto, and the secrets that scripts/make-secrets drew for it."""

    tls_port: int
    plain_port: int
    secrets: Path
    config: Path
    process: subprocess.Popen[bytes]

    def password(self, user: str) -> str:
        return (self.secrets / f"mqtt_{user}").read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def make_secrets(tool, tmp_path_factory) -> Callable[..., Path]:
    tool("openssl", "apt-get install openssl")

    def make(*arguments: str, into: Path | None = None) -> Path:
        directory = into or tmp_path_factory.mktemp("secrets")
        subprocess.run([sys.executable, ROOT / "scripts" / "make-secrets", "--dir", directory, *arguments], check=True, timeout=60)
        return directory

    return make


@pytest.fixture(scope="session")
def start_broker(tool, tmp_path_factory) -> Iterator[Callable[[Path, Callable[[str], str]], Broker]]:
    """Starts mosquitto with the project's file, its paths and ports replaced, and `edit` applied to its text."""
    binary = tool("mosquitto", "apt-get install mosquitto")
    started: list[subprocess.Popen[bytes]] = []

    def start(secrets: Path, edit: Callable[[str], str] = lambda text: text) -> Broker:
        directory = tmp_path_factory.mktemp("broker")
        plain, tls = free_port(), free_port()
        source = ROOT / "firmware_configs" / "mosquitto"
        text = edit((source / "mosquitto.conf").read_text(encoding="utf-8"))
        places = {
            "/etc/mosquitto/passwords": secrets / "broker_passwords",
            "/etc/mosquitto/acl": source / "acl",
            "/etc/mosquitto/tls/ca.crt": secrets / "ca.crt",
            "/etc/mosquitto/tls/server.crt": secrets / "broker.crt",
            "/etc/mosquitto/tls/server.key": secrets / "broker.key",
            "/etc/mosquitto/tls/revoked.crl": secrets / "revoked.crl",
            "/var/lib/mosquitto/": f"{directory}/",
            "listener 1883": f"listener {plain}",
            "listener 8883": f"listener {tls} 127.0.0.1",
        }
        for old, new in places.items():
            assert old in text, old
            text = text.replace(old, str(new))
        config = directory / "mosquitto.conf"
        config.write_text(f"{text}\nuser {getpass.getuser()}\n", encoding="utf-8")
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([binary, "-c", config], stdout=log, stderr=log)
        started.append(process)
        deadline = time.monotonic() + 10
        while not all(_listens(port) for port in (plain, tls)):
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.02)
        return Broker(tls_port=tls, plain_port=plain, secrets=secrets, config=config, process=process)

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
