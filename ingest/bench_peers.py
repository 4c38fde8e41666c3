"""What a worker is measured against: InfluxDB's own maximum, and Telegraf 1.39.3 doing a like work on a queue of its own."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import urllib3

from domain.clock import SystemClock
from domain.errors import NotReady
from domain.reading import Reading
from ingest.bench_packs import AGENTS, INTERVAL_US, channels_of
from storage.timeseries.influx import MAX_LINES, WRITERS
from storage.timeseries.lineprotocol import LineEncoder

_MAXIMUM_READINGS = 400_000
_ASK_EVERY_S = 0.2

_TELEGRAF = """
[agent]
  interval = "1s"
  flush_interval = "250ms"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  omit_hostname = true
[[outputs.influxdb_v2]]
  urls = ["{http}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
  content_encoding = "identity"
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["osh/v1/+/data/#"]
  topic_tag = "agent"
  qos = 1
  persistent_session = true
  client_id = "{client_id}"
  max_undelivered_messages = 1000
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "{measurement}"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
      tags = ["n", "u"]
      included_keys = ["n", "u", "v"]
"""

log = logging.getLogger(__name__)


class _Place(msgspec.Struct):
    """Where an `influxdb://host:port?org=…&bucket=…` leads."""

    http: str
    org: str
    bucket: str
    headers: dict[str, str]


def _place(url: str, token: str) -> _Place:
    parts = urlsplit(url)
    fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
    scheme = "https" if parts.scheme.endswith("s") else "http"
    return _Place(f"{scheme}://{parts.netloc}", fields.get("org", ""), fields.get("bucket", ""), {"Authorization": f"Token {token}"})


def influxdb_maximum(url: str, token: str) -> float:
    """Readings/s of lines that were encoded before, in bodies of 5,000 over two connections, one value a line and no minutes."""
    place, encoder, site = _place(url, token), LineEncoder(), f"m{SystemClock().now_us()}"
    channels = [channel for number in range(AGENTS) for channel in channels_of(f"{site}-{number}")]
    start_us = SystemClock().now_us() - _MAXIMUM_READINGS // len(channels) * INTERVAL_US
    readings = [Reading(channels[number % len(channels)], start_us + number // len(channels) * INTERVAL_US, 20.0 + number % 300 / 10) for number in range(_MAXIMUM_READINGS)]
    lines = encoder.fresh(readings)
    bodies = ["\n".join(lines[at : at + MAX_LINES]).encode() for at in range(0, len(lines), MAX_LINES)]
    pool = urllib3.PoolManager(maxsize=WRITERS)
    where = f"{place.http}/api/v2/write?org={place.org}&bucket={place.bucket}&precision=us"

    def post(body: bytes) -> None:
        answer = pool.request("POST", where, body=body, headers=place.headers)
        if answer.status != 204:
            raise NotReady(f"InfluxDB answers {answer.status}: {answer.data[:200]!r}")

    began_s = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(post, bodies))
    return _MAXIMUM_READINGS / (time.perf_counter() - began_s)


class Telegraf:
    """`mqtt_consumer` with json_v2, set up as it was found fastest; it makes no minutes, no checks and no rules, and stamps values on arrival."""

    CLIENT_ID = "bench-telegraf"

    def __init__(self, binary: str) -> None:
        self._binary = binary

    @classmethod
    def found(cls) -> Telegraf | None:
        """On PATH, or in the cache where `go install` put it."""
        cached = sorted((Path.home() / ".cache" / "oshwatch").glob("telegraf-*/telegraf"))
        binary = shutil.which("telegraf") or (str(cached[-1]) if cached else None)
        return cls(binary) if binary else None

    def drain(self, port: int, url: str, token: str, readings: int, directory: Path, give_up_s: float) -> list[dict[str, float]]:
        """From its connection to the broker until InfluxDB counts everything that was queued for it; empty when it stalled, as it was seen to do: our own figures stand without it."""
        place, measurement = _place(url, token), f"telegraf{SystemClock().now_us()}"
        config = directory / "telegraf.conf"
        config.write_text(
            _TELEGRAF.format(http=place.http, token=token, org=place.org, bucket=place.bucket, port=port, client_id=self.CLIENT_ID, measurement=measurement), encoding="utf-8"
        )
        with subprocess.Popen([self._binary, "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                while "Connected" not in process.stderr.readline():  # type: ignore[union-attr]
                    if process.poll() is not None:
                        raise NotReady("Telegraf ended before it was connected")
                began_s = time.perf_counter()
                while _count(place, measurement) < readings:
                    if time.perf_counter() - began_s > give_up_s:
                        log.warning("Telegraf has not drained the queue after %.0f s: %d of %d", give_up_s, _count(place, measurement), readings)
                        return []
                    time.sleep(_ASK_EVERY_S)
                taken_s, used_s = time.perf_counter() - began_s, _cpu_s(process.pid)
            finally:
                process.terminate()
        return [{"readings_per_s": readings / taken_s, "cpu_s_per_million_readings": used_s / readings * 1e6}]


def _count(place: _Place, measurement: str) -> int:
    fields = {"db": place.bucket, "q": f"SELECT count(v) FROM {measurement}"}  # noqa: S608 - a name of our own
    answer = msgspec.json.decode(urllib3.request("GET", f"{place.http}/query", fields=fields, headers=place.headers).data)
    series = answer["results"][0].get("series")
    return int(series[0]["values"][0][1]) if series else 0


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
