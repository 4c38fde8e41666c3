"""Bytes that real sensors sent, from a serial line to the API: every reading equals what the frame says, with its time, and none is missing."""

from __future__ import annotations

import csv
import os
import pty
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "captures"
PM = {"pm1": "pm01", "pm2_5": "pm25", "pm10": "pm10"}


def plantower_frame(pm: tuple[int, int, int]) -> bytes:
    """A PMS5003 frame from the datasheet's layout: 42 4D, length 28, 13 words, sum of all bytes before it."""
    words = [*pm, *pm, 210, 70, 45, 30, 0, 0, 0x9700]
    body = bytes.fromhex("424d001c") + b"".join(word.to_bytes(2, "big") for word in words)
    return body + sum(body).to_bytes(2, "big")


def pms3003_frame(pm: tuple[int, int, int]) -> bytes:
    """The shorter frame of a PMS3003: length 20, nine words."""
    words = [*pm, *pm, 0, 0, 0x5100]
    body = bytes.fromhex("424d0014") + b"".join(word.to_bytes(2, "big") for word in words)
    return body + sum(body).to_bytes(2, "big")


def mh_z19_frame(co2: int) -> bytes:
    """FF 86, concentration, temperature + 40, checksum = 256 - sum of bytes 1..7."""
    body = bytes([0xFF, 0x86, co2 >> 8, co2 & 0xFF, 0x42, 0, 0, 0])
    return body + bytes([(-sum(body[1:])) & 0xFF])


def own_vectors() -> dict[str, tuple[list[bytes], list[dict[str, float]]]]:
    dust = [(0, 8, 8), (0, 7, 7), (1, 6, 9), (0, 0, 0), (0, 0, 0), (12, 35, 80), (257, 600, 1000)]
    co2 = [636, 636, 635, 544, 1200, 2000]
    values = [{"pm1": a, "pm2_5": b, "pm10": c} for a, b, c in dust]
    return {
        "PMSx003": ([plantower_frame(pm) for pm in dust], values),
        "PMS3003": ([pms3003_frame(pm) for pm in dust], values),
        "MHZ19B": ([mh_z19_frame(ppm) for ppm in co2], [{"co2": ppm} for ppm in co2]),
    }


def captured() -> dict[str, tuple[list[bytes], list[dict[str, float]]]]:
    found = {}
    for name in ("PMSx003", "PMS3003", "MHZ19B"):
        frames = [bytes.fromhex("".join(line[10:].split("  ")[0].split())) for line in (CAPTURES / f"{name}.hexdump").read_text().splitlines()]
        rows = list(csv.DictReader((CAPTURES / f"{name}.csv").read_text().splitlines(), skipinitialspace=True))
        columns = {"co2": "CO2"} if name == "MHZ19B" else PM
        found[name] = (frames, [{quantity: float(row[column]) for quantity, column in columns.items()} for row in rows])
    return found


class Line:
    """A serial line whose other end is the agent; frames are written one an interval, or all at once."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.sent_at: list[float] = []
        threading.Thread(target=self._swallow, daemon=True).start()

    def send(self, frames: list[bytes], pause_s: float) -> None:
        for frame in frames:
            self.sent_at.append(time.time())
            os.write(self.master, frame)
            time.sleep(pause_s)

    def _swallow(self) -> None:
        """What the agent asks is not answered: each frame is sent once."""
        try:
            while os.read(self.master, 256):
                pass
        except OSError:
            return


SENSORS = {"PMSx003": ("plantower", "cutting-1"), "PMS3003": ("plantower", "cutting-2"), "MHZ19B": ("mh_z19", "sewing-1")}


def site_file() -> str:
    channels = [
        {"placement": placement, "quantity": quantity, "zone": "hall", "interval_s": 1}
        for _, (driver, placement) in SENSORS.items()
        for quantity in (("co2",) if driver == "mh_z19" else tuple(PM))
    ]
    return yaml.safe_dump(
        {
            "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
            "shifts": [{"name": "A", "start": "07:00", "stop": "16:00"}],
            "zones": [{"id": "hall", "name": "Hall"}],
            "agents": [{"id": "agent-7", "channels": channels}],
        }
    )


def agent_config(mqtt_url: str, lines: dict[str, Line], directory: Path) -> dict[str, Any]:
    sensors = [{"id": name.lower(), "driver": driver, "port": lines[name].path, "placement": placement, "interval_s": 1} for name, (driver, placement) in SENSORS.items()]
    return {"agent": "agent-7", "data_dir": str(directory / "edge"), "clock": {"trusted": True}, "mqtt": {"url": mqtt_url}, "sensors": sensors}


@pytest.mark.slow
@pytest.mark.server("mosquitto")
@pytest.mark.server("influxdb")
@pytest.mark.parametrize(("source", "pause_s"), [("own", 0.25), ("captured", 0.25), ("captured", 0.0)])
def test_every_frame_of_a_serial_line_stands_in_the_api(
    source: str, pause_s: float, mosquitto: Any, influx: Any, make_centre: Callable[..., Any], make_edge: Callable[..., Any], tmp_path: Path
) -> None:
    if source == "captured" and not CAPTURES.exists():
        pytest.skip("the captured frames are not here")
    vectors = captured() if source == "captured" else own_vectors()
    centre = make_centre(mosquitto.url, OSHWATCH_TIMESERIES_URL=influx.url, OSHWATCH_INFLUXDB_TOKEN=influx.token)
    (tmp_path / "f1.yaml").write_text(site_file())
    centre.command("registry", "import", str(tmp_path / "f1.yaml"), "--by", "tests", "--reason", "first")
    lines = {name: Line() for name in SENSORS}
    edge = make_edge(agent_config(mosquitto.url, lines, tmp_path))
    centre.start()
    edge.start()
    centre.wait_until_ready()
    begun = time.time()
    time.sleep(2)  # the drivers have opened their ports
    senders = [threading.Thread(target=lines[name].send, args=(frames, pause_s)) for name, (frames, _) in vectors.items()]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    ended = time.time()
    api = centre.api(scope="f1")
    for name, (_, values) in vectors.items():
        for quantity in values[0]:
            channel = f"agent-7.{SENSORS[name][1]}.{quantity}"
            expected = [row[quantity] for row in values]
            found = _until_stored(api, channel, len(expected), begun)
            assert [reading["value"] for reading in found] == expected, channel
            times = [_seconds(reading["time"]) for reading in found]
            assert times == sorted(set(times)), channel
            assert begun <= times[0] <= times[-1] <= ended + 1.5, channel
            late_s = [at - sent for at, sent in zip(times, lines[name].sent_at, strict=True)]
            assert -0.1 < min(late_s) <= max(late_s) < 5.0, (channel, late_s)
            assert all(reading["q"] == 4 for reading in found), channel


def _until_stored(api: Any, channel: str, count: int, begun: float) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while True:
        readings = api.all(f"channels/{channel}/readings", start=begun, stop=time.time() + 60)
        found = [reading for reading in readings if reading["value"] is not None]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.3)


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
