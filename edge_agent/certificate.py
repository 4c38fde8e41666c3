"""How long the agent's own certificate still holds: just enough DER for that one field (RFC 5280, 4.1)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from domain.times import from_datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def not_after_us(path: Path) -> int | None:
    """The end of validity of the first certificate in a PEM file; None when it cannot be read."""
    try:
        pem = path.read_text(encoding="ascii")
        begin = pem.index("-----BEGIN CERTIFICATE-----")
        end = pem.index("-----END CERTIFICATE-----", begin) + len("-----END CERTIFICATE-----")
        return _not_after(ssl.PEM_cert_to_DER_cert(pem[begin:end]))
    except (OSError, ValueError, IndexError):
        return None


def _not_after(der: bytes) -> int:
    certificate = _items(_content(der))
    fields = _items(certificate[0][1])
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    validity = _items(fields[3][1])  # after serial number, signature algorithm, issuer
    tag, text = validity[1][0], validity[1][1].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return from_datetime(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC))


def _content(der: bytes) -> bytes:
    tag, content, _ = _item(der, 0)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    return content


def _items(content: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    position = 0
    while position < len(content):
        tag, inside, position = _item(content, position)
        found.append((tag, inside))
    return found


def _item(data: bytes, position: int) -> tuple[int, bytes, int]:
    tag, length = data[position], data[position + 1]
    start = position + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data):
        raise ValueError("cut short")
    return tag, data[start : start + length], start + length
