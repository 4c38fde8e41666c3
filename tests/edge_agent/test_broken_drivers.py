"""Drivers and ports fail in every way at once, and the sensor beside them never misses a frame."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.clock import SystemClock
from domain.quality import Reason
from edge_agent import agent as whole_agent
from edge_agent.agent import Agent
from edge_agent.drivers.base import SensorTask
from edge_agent.drivers.registry import task_of

pytestmark = pytest.mark.server("mosquitto")
EVERY_S = 0.1


def frame(count: int) -> bytes:
    """A PMS5003 frame whose atmospheric PM1 is the count."""
    words = [0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0, 0, 0x9700]
    body = b"\x42\x4d\x00\x1c" + b"".join(word.to_bytes(2, "big") for word in words)
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


class Stream:
    """A sensor that sends its count on a line, until it is stopped; it counts on when its line is another."""

    def __init__(self, wire: Any) -> None:
        self.wire, self.sent, self.plugged = wire, dict[int, float](), True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        count = 0
        while not self._stop.wait(EVERY_S):
            if self.plugged:
                count += 1
                self.wire.send(frame(count))
                self.sent[count] = time.time()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)


class Flood:
    """A megabyte of noise a second, in which frames begin and never end well."""

    def __init__(self, wire: Any) -> None:
        self.wire, self.bytes = wire, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        os.set_blocking(wire.master, False)
        self._thread.start()

    def _run(self) -> None:
        dice = random.Random(1)
        noise = b"".join(dice.randbytes(37) + b"\x42\x4d\x00\x1c" for _ in range(100))
        while not self._stop.wait(0.004):
            try:
                self.bytes += os.write(self.wire.master, noise)
            except BlockingIOError:
                continue

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)


class Raising:
    """A driver with a bug: it ends in an exception at its first runs."""

    def __init__(self, task: SensorTask, times: int) -> None:
        self._task, self._left, self.interval_s = task, times, task.interval_s

    def run(self, stop: threading.Event) -> None:
        if self._left:
            self._left -= 1
            raise ZeroDivisionError("a driver's bug")
        self._task.run(stop)

    def wake(self) -> None:
        self._task.wake()


@pytest.fixture
def running() -> Iterator[Callable[[Agent], None]]:
    made: list[tuple[Agent, threading.Thread]] = []

    def run(agent: Agent) -> None:
        thread = threading.Thread(target=agent.run)
        made.append((agent, thread))
        thread.start()

    yield run
    for agent, thread in made:
        agent.stop()
        thread.join(20)


def test_a_bug_a_lost_port_and_a_flood_of_noise_stop_no_other_sensor(
    centre: Any,
    mosquitto: Any,
    wires: Callable[[], Any],
    eventually: Callable[..., None],
    running: Callable[[Agent], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    lines = {name: wires() for name in ("steady", "buggy", "loose", "noisy")}
    plug = tmp_path / "ttyUSB0"
    plug.symlink_to(lines["loose"].path)
    ports = {name: wire.path for name, wire in lines.items()} | {"loose": str(plug)}
    sensors = "".join(f"  - {{id: {name}, driver: plantower, port: {port}, placement: {name}, interval_s: 0.5}}\n" for name, port in ports.items())
    config = tmp_path / "agent.yaml"
    config.write_text(f'agent: agent-7\ndata_dir: data\nclock: {{trusted: true}}\nmqtt: {{url: "{mosquitto.url}"}}\nsensors:\n{sensors}')
    monkeypatch.setattr(whole_agent, "task_of", lambda options, *rest: Raising(task_of(options, *rest), 2) if options.id == "buggy" else task_of(options, *rest))
    monkeypatch.setattr("edge_agent.uplink.HEALTH_EVERY_S", 1.0)
    running(Agent(config, SystemClock(), version="1", chance=random.Random(1)))

    def values(name: str) -> dict[int, float]:
        return {int(reading.value): reading.time_us / 1e6 for reading in centre.readings() if reading.channel == f"agent-7.{name}.pm1" and reading.value is not None}

    for name in ("steady", "loose", "noisy"):
        lines[name].receive(7)
    streams = {name: Stream(lines[name]) for name in ("steady", "buggy", "loose")}
    flood = Flood(lines["noisy"])
    try:
        eventually(lambda: len(values("loose")) > 5, 20, "the port that will be lost")
        streams["loose"].plugged = False
        time.sleep(2 * EVERY_S)
        before = dict(streams["loose"].sent)
        lines["loose"].unplug()
        plug.unlink()
        eventually(lambda: any(reading.value is None and reading.channel == "agent-7.loose.pm1" for reading in centre.readings()), 20, "it says that it has no value")
        back = wires()
        plug.symlink_to(back.path)
        back.receive(7, 20)
        streams["loose"].wire, streams["loose"].plugged = back, True
        eventually(lambda: len(values("loose")) > len(before) + 5, 20, "it reads again, by itself")
        eventually(lambda: len(values("buggy")) > 5, 20, "the driver was started again")
        troubles = [problem for health in centre.of_kind("health") for problem in health["problems"]]
        assert any("sensor buggy: failed 2 times" in problem for problem in troubles), troubles
        assert any(problem.startswith("sensor loose: ") and str(plug) in problem for problem in troubles), troubles
    finally:
        flood.stop()
        for stream in streams.values():
            stream.stop()
    assert flood.bytes > 100_000
    sent = streams["steady"].sent
    eventually(lambda: values("steady").keys() == sent.keys(), 20, "every frame of the steady one")
    assert list(values("steady")) == sorted(sent)
    late = [time_s - sent[count] for count, time_s in values("steady").items()]
    assert max(late) < 2.0, max(late)
    assert values("loose").keys() == streams["loose"].sent.keys()
    noise = [reading for reading in centre.readings() if reading.channel == "agent-7.noisy.pm1"]
    assert noise
    assert all((reading.value, reading.q) == (None, 1) and reading.r[0] in (Reason.HW_FAILURE, Reason.LACK_OF_DATA_SAMPLES) for reading in noise)
