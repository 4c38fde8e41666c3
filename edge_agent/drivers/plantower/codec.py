"""Plantower frames, bytes to values: pure, no I/O, no clock.

`42 4D`, length (big-endian, of what follows), words, and a checksum: the sum of all bytes before it, mod 65536. README.md names the sources.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = b"\x42\x4d"
ACK_LENGTH = 4
LENGTHS = {ACK_LENGTH: "acknowledgement", 20: "PMS3003", 28: "PMS5003, PMS7003, PMSA003", 36: "PMS5003ST"}
"""The values of the length word that exist; anything else after `42 4D` is no frame."""

_PM_AT = 10
"""Words 4 to 6: PM1.0, PM2.5, PM10 under atmospheric conditions; words 1 to 3 are the factory calibration (CF = 1)."""
_ERROR_AT = 29
"""PMS5003, PMS7003, PMSA003: the low byte of word 13."""


def command(code: int, data: int = 0) -> bytes:
    """A command frame.

    >>> command(0xE1, 1).hex(" ")
    '42 4d e1 00 01 01 71'
    """
    body = HEADER + bytes((code, data >> 8, data & 0xFF))
    return body + struct.pack(">H", sum(body))


ACTIVE_MODE = command(0xE1, 1)
"""The sensor speaks unasked. Earlier software may have left it in passive mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame with the right checksum. Temperature and humidity only where the model has them."""

    length: int
    pm1_ugm3: int
    pm2_5_ugm3: int
    pm10_ugm3: int
    error: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Looks like a frame, and its checksum is wrong."""

    raw: bytes


class Scanner:
    """Finds frames in a stream. After any failure exactly one byte is dropped and the rest is looked at again.

    The idle frame's checksum ends in `42`, so back-to-back frames read `... 01 42 42 4D ...`: whoever takes the first `42` for a start and skips on loses sync.
    """

    def __init__(self) -> None:
        self._left = bytearray()
        self.discarded = 0

    def reset(self) -> None:
        self._left.clear()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What `data` completes, in order; acknowledgements are taken and not told."""
        self._left += data
        found: list[Frame | BadFrame] = []
        while len(self._left) >= 4:
            size = 4 + int.from_bytes(self._left[2:4], "big")
            if self._left[:2] != HEADER or size - 4 not in LENGTHS:
                self._drop_one()
                continue
            if len(self._left) < size:
                break
            raw = bytes(self._left[:size])
            if sum(raw[:-2]) & 0xFFFF != int.from_bytes(raw[-2:], "big"):
                found.append(BadFrame(raw))
                self._drop_one()
                continue
            del self._left[:size]
            if size - 4 != ACK_LENGTH:
                found.append(_parse(raw))
        return found

    def _drop_one(self) -> None:
        del self._left[0]
        self.discarded += 1


def _parse(raw: bytes) -> Frame:
    pm1, pm2_5, pm10 = struct.unpack_from(">3H", raw, _PM_AT)
    length = len(raw) - 4
    words = struct.unpack_from(f">{length // 2 - 1}H", raw, 4)
    error = raw[_ERROR_AT] if length == 28 else 0
    return Frame(length=length, pm1_ugm3=pm1, pm2_5_ugm3=pm2_5, pm10_ugm3=pm10, error=error, words=words)
