"""A bus on a pseudo-terminal with pymodbus's own server at the other end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from domain.quality import Reason
from edge_agent.drivers.base import Point, Surroundings
from edge_agent.drivers.modbus.driver import Device, ModbusOptions, task


@dataclass
class RealTime:
    speed: float = 1.0

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000

    def real_seconds(self, span_us: float) -> float:
        return span_us / 1e6


@dataclass
class Notebook:
    seen: list[list[Point]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def points(self, points: Any) -> None:
        self.seen.append(list(points))

    def trouble(self, text: str) -> None:
        self.troubles.append(text)


@dataclass
class Bus:
    """Runs the server in a thread; units in `silent` do not answer, and `spoil` may change what goes out."""

    path: str
    silent: set[int] = field(default_factory=set)
    spoil: Callable[[bytes], bytes] = lambda data: data
    asked: list[int] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None

    def trace(self, sending: bool, data: bytes) -> bytes:
        if not sending and data:
            self.asked.append(data[0])
        if sending and data and data[0] in self.silent:
            return b""
        return self.spoil(data) if sending else data

    def start(self, devices: list[SimDevice]) -> None:
        started = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            server = ModbusSerialServer(devices, port=self.path, baudrate=9600, trace_packet=self.trace)
            await server.serve_forever(background=True)
            self._server = server
            started.set()
            await server.serving

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        assert started.wait(5)

    def stop(self) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(5)
        self._thread.join(5)


@pytest.fixture
def line() -> Iterator[tuple[str, str]]:
    """Two pseudo-terminals joined back to back, so that both ends are ports with a path."""
    import os
    import pty
    import select
    import tty

    ends = [pty.openpty(), pty.openpty()]
    for _, slave in ends:
        tty.setraw(slave)
    masters = [master for master, _ in ends]
    stop = threading.Event()

    def carry() -> None:
        while not stop.is_set():
            for master in select.select(masters, [], [], 0.05)[0]:
                os.write(masters[1 - masters.index(master)], os.read(master, 4096))

    carrier = threading.Thread(target=carry, daemon=True)
    carrier.start()
    yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    stop.set()
    carrier.join()
    for pair in ends:
        for descriptor in pair:
            os.close(descriptor)


def words(*values: int) -> list[SimData]:
    return [SimData(0, values=list(values), datatype=DataType.REGISTERS)]


@pytest.fixture
def bus(line: tuple[str, str]) -> Iterator[Bus]:
    found = Bus(line[0])
    found.start([SimDevice(7, words(334, 612, 401, 35)), SimDevice(8, words(841, 1012)), SimDevice(9, words(0x41F4, 0x7AE1))])
    yield found
    found.stop()


def run_for(path: str, rounds: int, *, interval_s: float = 0.1, timeout_ms: int = 60, units: tuple[int, ...] = (7, 8, 9)) -> Notebook:
    profiles = {7: ("heat-station", "ironing-1"), 8: ("sound-level-meter", "sewing-2"), 9: ("pid", "gluing-1")}
    devices = [Device(unit=unit, profile=profiles[unit][0], placement=profiles[unit][1]) for unit in units]
    options = ModbusOptions(id="bus", port=path, interval_s=interval_s, timeout_ms=timeout_ms, turnaround_ms=0, retries=0, devices=devices)
    notebook, stop = Notebook(), threading.Event()
    work = task(options, Path(), Surroundings(timing=RealTime(), reporter=notebook, host_uptime_s=1e6))
    thread = threading.Thread(target=work.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 15
    while len(notebook.seen) < rounds * len(units) and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(5)
    return notebook


def test_every_unit_is_read_through_its_map(bus: Bus, line: tuple[str, str]) -> None:
    heat, noise, gas = run_for(line[1], 1).seen[:3]
    assert [(point.placement, point.quantity, point.value) for point in heat] == [
        ("ironing-1", "air_temperature", 33.4),
        ("ironing-1", "relative_humidity", 61.2),
        ("ironing-1", "globe_temperature", 40.1),
        ("ironing-1", "air_speed", 0.35),
    ]
    assert [point.value for point in noise] == [84.1, 101.2]
    assert [point.value for point in gas] == [pytest.approx(30.56)]


def test_a_dead_unit_is_recorded_each_interval_and_stalls_nobody(bus: Bus, line: tuple[str, str]) -> None:
    bus.silent.add(8)
    notebook = run_for(line[1], 12)
    rounds = [notebook.seen[at : at + 3] for at in range(0, 36, 3)]
    assert all([point.value for point in heat] == [33.4, 61.2, 40.1, 0.35] for heat, _, _ in rounds)
    assert all([(point.value, point.q, point.r) for point in noise] == [(None, 1, (Reason.LACK_OF_DATA_SAMPLES,))] * 2 for _, noise, _ in rounds)
    assert bus.asked.count(8) < 6 < bus.asked.count(7)
    assert any("unit 8" in text for text in notebook.troubles)


def test_a_broken_answer_is_no_value_and_the_next_good_one_is_read(bus: Bus, line: tuple[str, str]) -> None:
    left = [2]

    def flip(data: bytes) -> bytes:
        left[0] -= 1
        return data[:-1] + bytes((data[-1] ^ 0xFF,)) if left[0] >= 0 else data

    bus.spoil = flip
    seen = run_for(line[1], 4, units=(7,)).seen
    assert [points[0].value for points in seen[:2]] == [None, None]
    assert seen[-1][0].value == 33.4


def test_a_bus_that_cannot_be_opened_is_recorded_each_interval(tmp_path: Path) -> None:
    notebook = run_for(str(tmp_path / "ttyUSB9"), 3, units=(7,))
    assert [{point.r for point in points} for points in notebook.seen[:3]] == [{(Reason.LACK_OF_DATA_SAMPLES,)}] * 3
    assert any("cannot be opened" in text for text in notebook.troubles)
