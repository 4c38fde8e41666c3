"""A serial port that may be unplugged at any moment (pyserial)."""

from __future__ import annotations

import contextlib
import termios
from typing import Literal

import serial

Parity = Literal["N", "E", "O"]


class TransportLost(Exception):
    """The port cannot be opened, or went away: open it again later."""


class _Port(serial.Serial):
    """pyserial throws away what waits in the port when it opens it; a frame that waits is a reading."""

    def _reset_input_buffer(self) -> None:
        return


class SerialTransport:
    """One owner a port: it is opened exclusively."""

    def __init__(self, port: str, *, baud: int = 9600, parity: Parity = "N", stopbits: int = 1) -> None:
        self.port, self._baud, self._parity, self._stopbits = port, baud, parity, stopbits
        self._serial: serial.Serial | None = None

    def open(self) -> None:
        """Raises TransportLost with the reason."""
        self.close()
        try:
            self._serial = _Port(self.port, self._baud, parity=self._parity, stopbits=self._stopbits, timeout=0, write_timeout=1.0, exclusive=True)
        except (serial.SerialException, termios.error, OSError, ValueError) as error:
            raise TransportLost(f"{self.port} cannot be opened: {_plain(error)}") from None

    def read(self, timeout_s: float) -> bytes:
        """What has come, waiting up to `timeout_s` for the first byte; b"" when nothing came or `wake` was called."""
        port = self._opened()
        try:
            port.timeout = max(timeout_s, 0.0)
            first: bytes = port.read(1)
            return first + port.read(port.in_waiting) if first else b""
        except (serial.SerialException, termios.error, OSError, TypeError) as error:
            raise TransportLost(f"{self.port} went away: {_plain(error)}") from None

    def write(self, data: bytes) -> None:
        try:
            self._opened().write(data)
        except (serial.SerialException, termios.error, OSError) as error:
            raise TransportLost(f"{self.port} does not take data: {_plain(error)}") from None

    def wake(self) -> None:
        """From another thread: let a waiting `read` return."""
        port = self._serial
        if port is not None:
            with contextlib.suppress(OSError, TypeError, AttributeError):
                port.cancel_read()

    def close(self) -> None:
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise TransportLost(f"{self.port} is not open")
        return self._serial


def _plain(error: Exception) -> str:
    return str(error.args[-1] if error.args else error)
