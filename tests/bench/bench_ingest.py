"""One ingest worker into SQLite and, where an InfluxDB 2 is at hand, into it, next to mosquitto_sub on the same queue (acceptance E)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.bench import run_bench

TOKEN = "a-token-for-a-benchmark-only"


def run(*, pack_sizes: tuple[int, ...] = (10, 100), readings: tuple[int, ...] = (200_000, 600_000), repeats: int = 3) -> list[dict[str, Any]]:
    with _influxdb() as influxdb:
        stores = [("sqlite", "", ""), *influxdb]
        return run_bench(pack_sizes=pack_sizes, readings=readings, stores=stores, repeats=repeats)


@contextmanager
def _influxdb() -> Iterator[list[tuple[str, str, str]]]:
    """OSHWATCH_TEST_INFLUXDB with its token, or a server of our own; nothing where there is none."""
    if url := os.environ.get("OSHWATCH_TEST_INFLUXDB"):
        yield [("influxdb", url, os.environ.get("OSHWATCH_TEST_INFLUXDB_TOKEN", ""))]
        return
    binaries = [shutil.which("influxd"), *map(str, sorted((Path.home() / ".cache" / "oshwatch").glob("influxd-2*/influxd")))]
    binary = next((path for path in binaries if path), None)
    if binary is None:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="oshwatch-influxdb-") as name:
        port = _free_port()
        where = ["--bolt-path", f"{name}/i.bolt", "--engine-path", f"{name}/engine", "--sqlite-path", f"{name}/i.sqlite"]
        command = [binary, *where, "--http-bind-address", f"127.0.0.1:{port}", "--reporting-disabled", "--log-level", "error"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _set_up(port)
            yield [("influxdb", f"influxdb://127.0.0.1:{port}?org=osh&bucket=bench", TOKEN)]
        finally:
            server.terminate()
            server.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _set_up(port: int) -> None:
    body = json.dumps({"username": "bench", "password": "for-a-benchmark-only", "org": "osh", "bucket": "bench", "token": TOKEN}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v2/setup", body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
