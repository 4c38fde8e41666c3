"""The box in which a concern is kept: sealed to a public key, opened with a private one that the centre does not have."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from domain.errors import BadInput
from storage.records.concerns import SealedConcern

Kind = Literal["heat", "smell", "noise", "symptoms", "reprisal", "other"]
TEXT_MAX = 1000
PADDED_BYTES = 8192
"""Every sealed concern is equally long: 1,000 characters of any script fit, and the length says nothing."""
KEY_PREFIX = "oshwatch-concern-key-"


class Concern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed."""

    kind: Kind
    text: str
    zones: list[str]  # a group of zones in which at least five people work, or the whole site
    date: str  # of the shift, local
    shift: str  # "" where none was on


class SealedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a representative takes to a computer of their own."""

    site: str
    sealed: list[bytes]


def new_key() -> tuple[str, str]:
    """Private and public key, as text; no public key begins as an option of a command does."""
    key = PrivateKey.generate()
    while _text(bytes(key.public_key)).startswith("-"):
        key = PrivateKey.generate()
    return KEY_PREFIX + _text(bytes(key)), _text(bytes(key.public_key))


def public_key_of(text: str) -> bytes:
    """Raises `BadInput` where it is none, or is a private one by mistake."""
    if text.strip().startswith(KEY_PREFIX):
        raise BadInput("is a private key", field="public key", remedy="keep it, show it to nobody, and give the public key")
    return _bytes(text, "public key")


def private_key_of(text: str) -> PrivateKey:
    if not text.strip().startswith(KEY_PREFIX):
        raise BadInput("is no private key of concerns", field="key", remedy=f"it begins with {KEY_PREFIX}")
    return PrivateKey(_bytes(text.strip().removeprefix(KEY_PREFIX), "key"))


def fingerprint(public_key: bytes) -> str:
    """Short enough to be compared with what stands on paper."""
    digest = hashlib.sha256(public_key).hexdigest()[:16]
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))


def seal(concern: Concern, public_key: bytes) -> bytes:
    return SealedBox(PublicKey(public_key)).encrypt(msgspec.json.encode(concern).ljust(PADDED_BYTES))


def opened(boxes: Iterable[bytes], key: PrivateKey) -> tuple[list[Concern], int]:
    """What this key opens, by shift, and how many it does not open."""
    found, closed, box = [], 0, SealedBox(key)
    for sealed in boxes:
        try:
            found.append(msgspec.json.decode(box.decrypt(sealed), type=Concern))
        except CryptoError:
            closed += 1
    return sorted(found, key=lambda concern: (concern.date, concern.shift, concern.zones, concern.kind), reverse=True), closed


def sealed_concern(site: str, concern: Concern, worker_key: bytes, inspectorate_key: bytes | None) -> SealedConcern:
    return SealedConcern(
        site=site, month=concern.date[:7], for_worker_side=seal(concern, worker_key), for_inspectorate=seal(concern, inspectorate_key) if inspectorate_key else None
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str, field: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != PublicKey.SIZE:
        raise BadInput("is no key", field=field, remedy="copy all of it")
    return raw
