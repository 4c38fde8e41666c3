"""TLS with certificates of the plant's own authority, as a real installation has it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.server("mosquitto"), pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")]


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(directory: Path, name: str, subject: str, extension: str) -> None:
    key, request, signed = (str(directory / f"{name}.{ending}") for ending in ("key", "csr", "pem"))
    extra = directory / f"{name}.ext"
    extra.write_text(extension)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
    openssl("x509", "-req", "-in", request, "-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca.key"), "-days", "40", "-out", signed, "-extfile", str(extra))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if binary is None:
        pytest.skip("mosquitto is missing: apt-get install mosquitto")
    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "40",
        "-subj",
        "/CN=plant",
        "-keyout",
        str(tmp_path / "ca.key"),
        "-out",
        str(tmp_path / "ca.pem"),
    )
    certificate(tmp_path, "broker", "/CN=broker", "subjectAltName=DNS:localhost")
    certificate(tmp_path, "agent-7", "/CN=agent-7", "extendedKeyUsage=clientAuth")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\ncafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\nuser root\n"
    )
    with (tmp_path / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([binary, "-c", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    while not listens(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


def test_the_agent_proves_who_it_is_and_checks_whom_it_speaks_to(agent_process: Any, broker: int, eventually: Callable[..., None]) -> None:
    folder = agent_process.directory
    files = "ca_file: ca.pem, cert_file: agent-7.pem, key_file: agent-7.key"
    agent_process.config.write_text(f'agent: agent-7\ndata_dir: data\nmqtt: {{url: "mqtts://localhost:{broker}", {files}}}\nsensors: []\n')
    agent_process.start()
    eventually(lambda: "connected to localhost" in agent_process.log(), what="connected")
    assert "agent-7" in (folder / "mosquitto.log").read_text()
    agent_process.stop()
    agent_process.config.write_text(agent_process.config.read_text().replace("localhost", "127.0.0.1"))
    agent_process.start()
    eventually(lambda: "cannot be reached" in agent_process.log(), what="another name than the certificate's is refused")
