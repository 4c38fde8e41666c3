"""A socket for paho that keeps PUBLISH packets to itself: splitting them here costs a seventh (docs/decisions/0023)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Protocol

_PUBLISH = 0x30
_RECV_BYTES = 256 * 1024
_ROUNDS = 8
"""Receives at most before the loop looks at acknowledgements again."""

Frame = tuple[bytes, int, bytes]  # topic, packet id (0 at QoS 0), payload


class RawSocket(Protocol):
    """What a socket and a TLS socket have in common."""

    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: Any, /) -> int: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...
    def setblocking(self, flag: bool, /) -> None: ...


class Tap:
    """Wraps a connected socket. `pump` reads it; PUBLISH packets go to `on_frames`, all other bytes wait for paho's `recv`."""

    def __init__(self, sock: RawSocket, on_frames: Callable[[list[Frame]], None]) -> None:
        self._sock, self._on_frames = sock, on_frames
        self._splitter = Splitter()
        self._other = bytearray()
        self._ended = False
        self.has_more = False
        """There may be bytes that `select` does not see: inside TLS, or left over by `pump`."""

    def pump(self) -> None:
        """Read what is there."""
        self.has_more = False
        for _ in range(_ROUNDS):
            try:
                data = self._sock.recv(_RECV_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            if not data:
                self._ended = True
                return
            frames: list[Frame] = []
            self._other += self._splitter.feed(data, frames)
            if frames:
                self._on_frames(frames)
            if len(data) < _RECV_BYTES and not isinstance(self._sock, ssl.SSLSocket):
                return
        self.has_more = True

    @property
    def has_bytes_for_paho(self) -> bool:
        """Also true at the end of the stream, which paho has to see."""
        return bool(self._other) or self._ended

    def recv(self, buffer_size: int) -> bytes:
        if self._other:
            data = bytes(self._other[:buffer_size])
            del self._other[:buffer_size]
            return data
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, buffer: bytes | bytearray) -> int:
        return self._sock.send(buffer)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)


class Splitter:
    """Cuts a stream of MQTT 3.1.1 packets."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 2

    def feed(self, data: bytes, frames: list[Frame]) -> bytes:
        """Appends whole PUBLISH packets to `frames`; returns the bytes of all other whole packets."""
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return b""
        if len(self._parts) > 1:
            data = b"".join(self._parts)
        at, other = 0, b""
        self._need = 2
        while True:
            body, end = _extent(data, at)
            if end > len(data):
                self._need = end - at
                break
            if data[at] & 0xF0 == _PUBLISH:
                topic_end = body + 2 + (data[body] << 8 | data[body + 1])
                topic = data[body + 2 : topic_end]
                if data[at] & 0x06:
                    frames.append((topic, data[topic_end] << 8 | data[topic_end + 1], data[topic_end + 2 : end]))
                else:
                    frames.append((topic, 0, data[topic_end:end]))
            else:
                other += data[at:end]
            at = end
        rest = data[at:]
        self._parts, self._have = [rest], len(rest)
        return other


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the packet at `at` has its variable header and where it ends; an end past the data when more is needed."""
    if len(data) - at < 2:
        return at, at + 2
    length = data[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    length &= 0x7F
    for position in range(2, 5):
        if at + position >= len(data):
            return at, at + position + 1
        byte = data[at + position]
        length |= (byte & 0x7F) << (7 * (position - 1))
        if byte < 0x80:
            return at + position + 1, at + position + 1 + length
    raise ConnectionError("a remaining length of more than four bytes")
