"""The wire of each device, from the side of the device: bytes out of values, requests out of bytes. Sources: Plantower PMS5003 and Winsen MH-Z19B manuals, Modbus over serial line V1.02."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

UART_READ = bytes.fromhex("ff0186000000000079")
PASSIVE, ACTIVE, READ = b"\xe1\x00\x00", b"\xe1\x00\x01", b"\xe2\x00\x00"
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
_INVALID_S16, _INVALID_U16 = 0x7FFF, 0xFFFF


def plantower(pm1: float, pm2_5: float, pm10: float) -> bytes:
    """A PMS5003 frame: 42 4D, length 28, thirteen words, sum of all bytes before it. Counts follow from mass, roughly."""
    mass = [_word(value) for value in (pm1, pm2_5, pm10)]
    counts = [_word(pm2_5 * factor) for factor in (30.0, 9.0, 4.0, 0.6, 0.2, 0.1)]
    body = struct.pack(">2sH13H", b"BM", 28, *mass, *mass, *counts, 0x9700)
    return body + struct.pack(">H", sum(body) & 0xFFFF)


def plantower_ack(command: bytes) -> bytes:
    """The eight bytes that answer a change of mode."""
    body = b"BM\x00\x04" + command[0:1] + command[2:3]
    return body + struct.pack(">H", sum(body) & 0xFFFF)


def plantower_commands(received: bytearray) -> list[bytes]:
    """Commands `42 4D cmd 00 data sum sum` in what came, without frame and sum; consumes what it understood or cannot."""
    found = []
    while len(received) >= 7:
        frame = bytes(received[:7])
        if frame[:2] == b"BM" and struct.unpack(">H", frame[5:])[0] == sum(frame[:5]):
            found.append(frame[2:5])
            del received[:7]
        else:
            del received[:1]
    return found


def mh_z19(co2_ppm: float, temperature_c: float = 26.0) -> bytes:
    """FF 86 high low T+40 status 0 0, and 256 minus the sum of bytes 1 to 7."""
    ppm = _word(co2_ppm)
    body = bytes([0xFF, 0x86, ppm >> 8, ppm & 0xFF, round(temperature_c) + 40, 0, 0, 0])
    return body + bytes([-sum(body[1:]) & 0xFF])


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first.

    >>> crc16(bytes.fromhex("010300000002")).hex()
    'c40b'
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Request:
    """A read of registers."""

    unit: int
    function: int
    address: int
    count: int


def modbus_requests(received: bytearray) -> list[Request]:
    """Complete requests in what came; a byte that starts none is dropped."""
    found = []
    while len(received) >= 8:
        frame = bytes(received[:8])
        if crc16(frame[:6]) == frame[6:]:
            unit, function, address, count = struct.unpack(">BBHH", frame[:6])
            found.append(Request(unit, function, address, count))
            del received[:8]
        else:
            del received[:1]
    return found


def modbus_reply(request: Request, function: int, registers: list[int]) -> bytes:
    """Values, or the exception that the request earns."""
    if request.function != function:
        return _exception(request, ILLEGAL_FUNCTION)
    if request.count < 1 or request.address + request.count > len(registers):
        return _exception(request, ILLEGAL_ADDRESS)
    wanted = registers[request.address : request.address + request.count]
    body = bytes([request.unit, request.function, 2 * len(wanted)]) + struct.pack(f">{len(wanted)}H", *wanted)
    return body + crc16(body)


def _exception(request: Request, code: int) -> bytes:
    body = bytes([request.unit, request.function | 0x80, code])
    return body + crc16(body)


FUNCTION = {"heat-station": 3, "sound-level-meter": 3, "pid": 4}


def registers(profile: str, values: Mapping[str, float]) -> list[int]:
    """A unit's registers from address 0, after its register map."""
    if profile == "heat-station":
        return [_tenths_signed(values["air_temperature"]), _scaled(values["relative_humidity"], 10), _tenths_signed(values["globe_temperature"]), _scaled(values["air_speed"], 100)]
    if profile == "sound-level-meter":
        return [_scaled(values["sound_level_a_eq"], 10), _scaled(values["sound_level_c_peak"], 10)]
    high, low = struct.unpack(">HH", struct.pack(">f", values["tvoc_isobutylene"]))
    return [high, low]


def _tenths_signed(value: float) -> int:
    tenths = round(value * 10)
    return tenths & 0xFFFF if -0x8000 < tenths < _INVALID_S16 else _INVALID_S16


def _scaled(value: float, factor: int) -> int:
    scaled = round(value * factor)
    return scaled if 0 <= scaled < _INVALID_U16 else _INVALID_U16


def _word(value: float) -> int:
    return min(0xFFFF, max(0, round(value)))
