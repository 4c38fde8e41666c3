"""Virtual devices as an agent meets them: a path to open, bytes that sum up, one process each, and a plug to pull."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from domain.clock import SystemClock
from domain.errors import NotReady
from domain.times import SECOND_US
from simulator.devices.serve import DeviceFarm
from simulator.devices.wire import crc16
from simulator.plant import Plant
from simulator.scenario import Scenario, load_scenario

READ_CO2 = bytes.fromhex("ff0186000000000079")
HOT = load_scenario("hot-afternoon")


@pytest.fixture(scope="module")
def start_us() -> int:
    return SystemClock().now_us()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, start_us: int) -> Iterator[DeviceFarm]:
    farm = DeviceFarm(HOT, tmp_path_factory.mktemp("devices"), start_us)
    farm.start()
    yield farm
    farm.stop()


@contextlib.contextmanager
def opened(farm: DeviceFarm, line: str) -> Iterator[int]:
    port = os.open(str(farm.listing()[line]["path"]), os.O_RDWR | os.O_NOCTTY)
    try:
        drain(port)
        yield port
    finally:
        os.close(port)


def drain(port: int) -> None:
    while select.select([port], [], [], 0)[0]:
        os.read(port, 65_536)


def read(port: int, count: int, seconds: float = 5.0) -> bytes:
    """So many bytes, or those that came in time."""
    got, deadline = b"", time.monotonic() + seconds
    while len(got) < count and (left := deadline - time.monotonic()) > 0:
        if select.select([port], [], [], left)[0]:
            got += os.read(port, count - len(got))
    return got


def ask_modbus(port: int, unit: int, function: int, count: int, seconds: float = 5.0) -> bytes:
    body = struct.pack(">BBHH", unit, function, 0, count)
    os.write(port, body + crc16(body))
    return read(port, 5 + 2 * count, seconds)


def test_every_line_has_a_path_a_name_and_a_process_of_its_own(farm) -> None:
    listing = farm.listing()
    assert set(listing) == {line.id for line in HOT.lines}
    assert len({device["path"] for device in listing.values()}) == len(set(farm.pids().values())) == len(HOT.lines)
    for id, device in listing.items():
        assert os.path.realpath(device["link"]) == device["path"]
        assert Path(device["link"]).name == id
        assert Path(f"/proc/{device['pid']}").exists()


def test_a_heat_station_answers_with_the_plants_values(farm, start_us) -> None:
    with opened(farm, "heat-bus") as port:
        reply = ask_modbus(port, 1, 3, 4)
    assert crc16(reply[:-2]) == reply[-2:]
    air, humidity, globe, _ = struct.unpack(">hHhH", reply[3:-2])
    # the plant may have moved between the device's answer and this look, in the leak by a few degrees
    truths = [Plant(HOT, start_us).quantities("ironing", SystemClock().now_us() - back * SECOND_US) for back in (0, 10)]
    for name, value, noise in (("air_temperature", air / 10, 0.5), ("relative_humidity", humidity / 10, 2.5), ("globe_temperature", globe / 10, 0.5)):
        seen = [truth[name] for truth in truths]
        assert min(seen) - noise <= value <= max(seen) + noise, name


def test_each_unit_of_a_bus_answers_for_itself_and_a_missing_one_does_not(farm) -> None:
    with opened(farm, "cutting-bus") as port:
        heat, sound, solvent = ask_modbus(port, 1, 3, 4), ask_modbus(port, 2, 3, 2), ask_modbus(port, 4, 4, 2)
        assert [(reply[0], reply[2], crc16(reply[:-2]) == reply[-2:]) for reply in (heat, sound, solvent)] == [(1, 8, True), (2, 4, True), (4, 4, True)]
        assert ask_modbus(port, 99, 3, 1, seconds=0.5) == b""
        assert len(ask_modbus(port, 1, 3, 4)) == 13


def test_the_co2_sensor_answers_when_asked_and_is_silent_otherwise(farm) -> None:
    with opened(farm, "co2-1") as port:
        assert read(port, 1, seconds=0.5) == b""
        os.write(port, READ_CO2)
        frame = read(port, 9)
    assert frame[:2] == b"\xff\x86"
    assert sum(frame[1:]) & 0xFF == 0
    assert 400 < frame[2] * 256 + frame[3] < 1_500


def test_the_dust_sensor_streams_once_a_second_and_stops_when_told(farm) -> None:
    with opened(farm, "dust-1") as port:
        began = time.monotonic()
        frames = read(port, 3 * 32, seconds=8)
        took_s = time.monotonic() - began
        assert len(frames) == 96
        assert 1.5 < took_s < 6
        assert all(sum(frame[:30]) & 0xFFFF == int.from_bytes(frame[30:], "big") for frame in (frames[0:32], frames[32:64], frames[64:96]))
        os.write(port, bytes.fromhex("424de100000170"))
        time.sleep(0.5)
        drain(port)
        assert read(port, 1, seconds=1.5) == b""
        os.write(port, bytes.fromhex("424de200000171"))
        assert len(read(port, 32)) == 32
        os.write(port, bytes.fromhex("424de100010171"))
        assert len(read(port, 40)) == 40


def test_a_line_can_be_closed_and_opened_again(farm) -> None:
    for _ in range(3):
        with opened(farm, "sewing-bus") as port:
            assert len(ask_modbus(port, 3, 3, 2)) == 9


def one_line_each(tmp_path: Path, faults: list[dict[str, object]] | None = None) -> Scenario:
    """A smaller factory, for tests that pull plugs: a bus and a CO2 sensor."""
    document = msgspec.to_builtins(HOT)
    document["lines"] = [line for line in document["lines"] if line["id"] in ("heat-bus", "co2-1")]
    document["faults"], document["events"] = faults or [], []
    del document["source"]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_scenario(str(path))


def test_killing_the_process_behind_a_device_silences_it_and_nothing_else(tmp_path, start_us) -> None:
    farm = DeviceFarm(one_line_each(tmp_path), tmp_path / "devices", start_us)
    farm.start()
    try:
        with opened(farm, "co2-1") as co2, opened(farm, "heat-bus") as bus:
            os.kill(farm.pids()["co2-1"], signal.SIGKILL)
            time.sleep(0.3)
            with contextlib.suppress(OSError):  # EIO: unplugged, as a real adapter says it
                os.write(co2, READ_CO2)
                assert read(co2, 9, seconds=1) == b""
            assert len(ask_modbus(bus, 2, 3, 4)) == 13
    finally:
        farm.stop()


def test_an_unplugged_unit_is_silent_and_a_bad_checksum_is_bad(tmp_path) -> None:
    now_s = {"start_s": -60, "duration_s": 3600}
    faults = [{"id": "off", "line": "heat-bus", "unit": 1, "kind": "unplugged", **now_s}, {"id": "torn", "line": "heat-bus", "unit": 2, "kind": "bad_checksum", **now_s}]
    farm = DeviceFarm(one_line_each(tmp_path, faults), tmp_path / "devices", SystemClock().now_us())
    farm.start()
    try:
        with opened(farm, "heat-bus") as port:
            assert ask_modbus(port, 1, 3, 4, seconds=1) == b""
            reply = ask_modbus(port, 2, 3, 4)
            assert len(reply) == 13
            assert crc16(reply[:-2]) != reply[-2:]
    finally:
        farm.stop()


def test_a_farm_leaves_nothing_behind(tmp_path, start_us) -> None:
    farm = DeviceFarm(one_line_each(tmp_path), tmp_path / "devices", start_us)
    farm.start()
    pids = list(farm.pids().values())
    farm.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert list((tmp_path / "devices").iterdir()) == []


def test_a_device_that_cannot_start_is_named(tmp_path, start_us) -> None:
    scenario = msgspec.structs.replace(one_line_each(tmp_path), source=str(tmp_path / "gone.yaml"))
    with pytest.raises(NotReady, match="did not open its line"):
        DeviceFarm(scenario, tmp_path / "devices", start_us).start()


def test_the_command_prints_its_devices_and_ends_them_when_told(tmp_path) -> None:
    one_line_each(tmp_path)
    command = [sys.executable, "-m", "oshwatch", "simulate", "devices", "--scenario", str(tmp_path / "small.yaml"), "--dir", str(tmp_path / "devices")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2])
    try:
        assert process.stdout is not None
        devices = json.loads(process.stdout.readline())["devices"]
        assert json.loads((tmp_path / "devices" / "devices.json").read_text())["devices"] == devices
        assert all(Path(device["path"]).is_char_device() for device in devices.values())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not any(Path(f"/proc/{device['pid']}").exists() for device in devices.values())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_dead_devices_link_goes_so_that_no_agent_reads_a_strangers_line(tmp_path: Path, start_us: int) -> None:
    farm = DeviceFarm(HOT, tmp_path, start_us)
    try:
        farm.start()
        farm.kill("co2-1")
        farm.drop_dead()
        assert not (tmp_path / "co2-1").is_symlink()
        assert (tmp_path / "heat-bus").exists()
    finally:
        farm.stop()
