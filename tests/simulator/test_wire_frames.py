"""What virtual devices put on the wire, read back by decoders written here from the makers' manuals: sums are right, values are the plant's within a step."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.devices import wire


def crc_is_right(frame: bytes) -> bool:
    """CRC-16/MODBUS over a whole frame, its own CRC included, is zero."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc == 0


def request(unit: int, function: int, address: int, count: int) -> bytes:
    body = struct.pack(">BBHH", unit, function, address, count)
    return body + wire.crc16(body)


@settings(deadline=None)
@given(pm=st.tuples(*[st.floats(0, 70_000)] * 3))
def test_a_plantower_frame_says_its_masses_and_sums_up(pm: tuple[float, float, float]) -> None:
    frame = wire.plantower(*pm)
    assert len(frame) == 32
    assert frame[:4] == b"BM\x00\x1c"
    assert int.from_bytes(frame[30:], "big") == sum(frame[:30]) & 0xFFFF
    assert [int.from_bytes(frame[at : at + 2], "big") for at in (10, 12, 14)] == [min(0xFFFF, round(value)) for value in pm]


def test_plantower_answers_a_change_of_mode_as_the_manual_has_it() -> None:
    assert wire.plantower_ack(wire.ACTIVE) == bytes.fromhex("424d0004e1010175")
    assert wire.plantower_ack(wire.PASSIVE) == bytes.fromhex("424d0004e1000174")


@pytest.mark.parametrize(
    ("command", "hexed"), [(wire.PASSIVE, "424de100000170"), (wire.ACTIVE, "424de100010171"), (wire.READ, "424de200000171")], ids=["passive", "active", "read"]
)
def test_plantower_understands_the_manuals_commands_amid_garbage_and_in_pieces(command: bytes, hexed: str) -> None:
    received = bytearray(b"\x00BM\x42" + bytes.fromhex(hexed)[:4])
    assert wire.plantower_commands(received) == []
    received += bytes.fromhex(hexed)[4:]
    assert wire.plantower_commands(received) == [command]
    assert not received


@settings(deadline=None)
@given(ppm=st.floats(0, 65_535))
def test_an_mh_z19_frame_says_its_ppm_and_sums_up(ppm: float) -> None:
    frame = wire.mh_z19(ppm)
    assert frame[:2] == b"\xff\x86"
    assert len(frame) == 9
    assert sum(frame[1:]) & 0xFF == 0
    assert frame[2] * 256 + frame[3] == round(ppm)


def test_the_crc_is_the_standards() -> None:
    assert wire.crc16(bytes.fromhex("010304011f0264")) == bytes.fromhex("ca82")
    assert wire.crc16(bytes.fromhex("018302")) == bytes.fromhex("c0f1")


@settings(deadline=None)
@given(air=st.floats(-40, 85), humidity=st.floats(0, 100), globe=st.floats(-40, 120), speed=st.floats(0, 20))
def test_a_heat_station_says_its_values_within_a_step(air: float, humidity: float, globe: float, speed: float) -> None:
    values = {"air_temperature": air, "relative_humidity": humidity, "globe_temperature": globe, "air_speed": speed}
    reply = wire.modbus_reply(wire.Request(7, 3, 0, 4), 3, wire.registers("heat-station", values))
    assert crc_is_right(reply)
    assert reply[:3] == bytes([7, 3, 8])
    ta, rh, tg, v = struct.unpack(">hHhH", reply[3:-2])
    assert (ta / 10, rh / 10, tg / 10) == pytest.approx((air, humidity, globe), abs=0.0501)
    assert v / 100 == pytest.approx(speed, abs=0.00501)


@settings(deadline=None)
@given(ppm=st.floats(0, 15_000))
def test_a_pid_says_a_float_high_word_first(ppm: float) -> None:
    reply = wire.modbus_reply(wire.Request(4, 4, 0, 2), 4, wire.registers("pid", {"tvoc_isobutylene": ppm}))
    assert crc_is_right(reply)
    assert struct.unpack(">f", reply[3:7])[0] == pytest.approx(ppm, rel=1e-6)


def test_a_value_that_a_register_cannot_hold_is_the_devices_word_for_none() -> None:
    assert wire.registers("heat-station", {"air_temperature": 4_000, "relative_humidity": 9_000, "globe_temperature": -4_000, "air_speed": -1}) == [0x7FFF, 0xFFFF, 0x7FFF, 0xFFFF]


@pytest.mark.parametrize(("asked", "code"), [(wire.Request(1, 6, 0, 1), 1), (wire.Request(1, 3, 3, 2), 2), (wire.Request(1, 3, 0, 0), 2)])
def test_a_request_that_earns_it_gets_an_exception(asked: wire.Request, code: int) -> None:
    reply = wire.modbus_reply(asked, 3, [1, 2, 3, 4])
    assert crc_is_right(reply)
    assert reply[:3] == bytes([1, asked.function | 0x80, code])


@settings(deadline=None)
@given(noise=st.binary(max_size=20), cut=st.integers(0, 8))
def test_a_request_is_found_behind_noise_and_in_two_pieces(noise: bytes, cut: int) -> None:
    good = request(9, 3, 0, 4)
    received = bytearray(noise + good[:cut])
    found = wire.modbus_requests(received)
    received += good[cut:] + b"\x00" * 8  # later bytes push out what noise left behind
    found += wire.modbus_requests(received)
    assert wire.Request(9, 3, 0, 4) in found
