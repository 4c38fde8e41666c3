"""Winsen's 9-byte frames, bytes to values: pure, no I/O, no clock.

`FF`, command, six bytes, and a checksum: the two's complement of the sum of bytes 1 to 7 (byte 0 excluded).
"""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 9
START = 0xFF
READ = 0x86
_ANSWERS = frozenset({READ, 0x79, 0x87, 0x88, 0x99})
"""Commands that some firmware echoes; only an answer to READ is a reading."""


def checksum(frame: bytes) -> int:
    """Of the first eight bytes of a frame.

    >>> hex(checksum(bytes.fromhex("ff 01 86 00 00 00 00 00")))
    '0x79'
    """
    return -sum(frame[1:8]) & 0xFF


def command(code: int, *data: int) -> bytes:
    body = bytes((START, 0x01, code, *data)).ljust(SIZE - 1, b"\x00")
    return body + bytes((checksum(body),))


READ_CO2 = command(READ)
ABC_ON = command(0x79, 0xA0)
ABC_OFF = command(0x79, 0x00)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to READ with the right checksum."""

    co2_ppm: int


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Begins like an answer to READ, and its checksum is wrong."""

    raw: bytes


class Scanner:
    """Finds answers in a stream. After any failure exactly one byte is dropped and the rest is looked at again."""

    def __init__(self) -> None:
        self._left = bytearray()
        self.discarded = 0

    def reset(self) -> None:
        self._left.clear()

    def feed(self, data: bytes) -> list[Answer | BadFrame]:
        """What `data` completes, in order; echoes of other commands are taken and not told."""
        self._left += data
        found: list[Answer | BadFrame] = []
        while len(self._left) >= 2:
            if self._left[0] != START or self._left[1] not in _ANSWERS:
                self._drop_one()
                continue
            if len(self._left) < SIZE:
                break
            raw = bytes(self._left[:SIZE])
            if checksum(raw) != raw[8]:
                if raw[1] == READ:
                    found.append(BadFrame(raw))
                self._drop_one()
                continue
            del self._left[:SIZE]
            if raw[1] == READ:
                found.append(Answer(int.from_bytes(raw[2:4], "big")))
        return found

    def _drop_one(self) -> None:
        del self._left[0]
        self.discarded += 1
