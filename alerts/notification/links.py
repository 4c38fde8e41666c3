"""The signed link of a message: one person may acknowledge one call of one alert with it, for a day, without a log-in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec

from domain.errors import BadInput, NotFound
from domain.times import DAY_US

VALID_US = DAY_US
KEY_BYTES, TAG_BYTES = 32, 16
KEY_FILE = "notification.key"


class Call(msgspec.Struct, frozen=True, array_like=True):
    """What a link stands for."""

    alert: str
    user: str
    called_by: int
    expires_us: int


class Links:
    """`path_of` in messages, `read` on the page."""

    def __init__(self, key: bytes, console_url: str = "") -> None:
        self._key, self._console_url = key, console_url.rstrip("/")

    def write(self, alert: str, user: str, called_by: int, now_us: int) -> str:
        """The address to open."""
        body = msgspec.msgpack.encode(Call(alert, user, called_by, now_us + VALID_US))
        return f"{self._console_url}/acknowledge/{_text(body)}.{_text(self._tag(body))}"

    def read(self, token: str, now_us: int) -> Call:
        """Raises `NotFound` for anything but a link of ours whose time is not over."""
        body, _, tag = token.partition(".")
        try:
            raw = _bytes(body)
            if not hmac.compare_digest(self._tag(raw), _bytes(tag)):
                raise NotFound("this link is not one of ours")
            call = msgspec.msgpack.decode(raw, type=Call)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            raise NotFound("this link is not one of ours") from None
        if now_us > call.expires_us:
            raise NotFound("this link is over; log in to act on the alert")
        return call

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, b"acknowledge:" + body, hashlib.sha256)[:TAG_BYTES]


def open_key(data_dir: Path) -> bytes:
    """The key of this centre, made at the first call; whichever process comes second reads it."""
    path = data_dir / KEY_FILE
    if not path.exists():
        fresh = data_dir / f".{KEY_FILE}.{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # refused where another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise BadInput(f"{path} does not hold {KEY_BYTES} bytes", field="OSHWATCH_DATA_DIR", remedy="delete the file: links in messages that were sent become void")
    return key


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
