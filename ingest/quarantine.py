"""What cannot be accepted, made into rows that say why and can be tried again by themselves."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import msgspec

from domain.ids import is_boot
from domain.reading import Reading
from domain.senml import Pack, Refusal, RefusedRecord, digest_of, encode_pack
from storage.records.ledger import QuarantineRow

KEPT_BYTES = 1024 * 1024
"""Sixteen times the largest lawful pack; of anything bigger the beginning is kept and its size told."""
GOES_BY_ITSELF = (Refusal.UNKNOWN_AGENT, Refusal.UNKNOWN_CHANNEL, Refusal.UNKNOWN_QUANTITY)
"""Causes that enrolment, a registry entry or a newer version takes away."""
UNREADABLE_SEQ = -1

_BASE = ("bn", "bt", "boot", "seq", "sync")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_HEAD_BYTES = 64 * 1024
"""Where the identity of damaged bytes is looked for: as much as a lawful pack has."""
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def whole(agent: str, site: str, payload: bytes, refusal: Refusal, detail: str) -> QuarantineRow:
    """A message that is kept as it came."""
    boot, seq = identity_of(payload, agent) or ("", UNREADABLE_SEQ)
    if len(payload) > KEPT_BYTES:
        detail = f"{detail}; the first {KEPT_BYTES} of {len(payload)} bytes are kept"
    return QuarantineRow(agent=agent, site=site, boot=boot, seq=seq, refusal=refusal.value, detail=detail, payload=payload[:KEPT_BYTES], whole=True, digest=digest_of(payload))


def of_reading(pack: Pack, site: str, reading: Reading, refusal: Refusal, detail: str) -> QuarantineRow:
    """A record that was understood and may not be stored."""
    return _part(pack, site, refusal, detail, encode_pack(pack.agent, pack.boot, pack.seq, pack.sync, [reading]))


def of_record(pack: Pack, site: str, payload: bytes, refused: RefusedRecord) -> QuarantineRow:
    """A record that the codec refused, as a pack of its own with the base fields of its pack."""
    return _part(pack, site, refused.refusal, refused.detail, _alone(payload, refused.record))


def identity_of(payload: bytes, agent: str) -> tuple[str, int] | None:
    """(boot, seq) of a message that is refused, where they can be read: it is acknowledged by them, or its agent would send it for ever.

    In bytes that are damaged the first object is read as far as it goes; a base name of another agent than the topic's makes it nobody's.
    """
    found: Any = None
    if len(payload) <= KEPT_BYTES:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(payload)  # the standard library's reader takes NaN and Infinity, a frequent reason for a refusal
    first = found[0] if isinstance(found, list) and found else found
    if found is None:
        first = _first_object(payload[:_HEAD_BYTES].decode(errors="surrogateescape"))
        if first.get("bn", f"{agent}/") != f"{agent}/":
            return None
    boot, seq = (first.get("boot"), first.get("seq")) if isinstance(first, dict) else (None, None)
    if isinstance(boot, str) and is_boot(boot) and type(seq) is int and 0 <= seq < 2**63:
        return boot, seq
    return None


def _first_object(text: str) -> dict[str, Any]:
    """The plain fields of the first object, up to where it ends or breaks off; a field that is not followed by `,` or `}` may be cut and does not count."""
    fields: dict[str, Any] = {}
    before, depth = ["", "", ""], 0
    for match in _TOKEN.finditer(text, max(text.find("{"), 0)):
        part = match[0]
        if part in ",}" and depth == 1 and before[1] == ":":
            with contextlib.suppress(ValueError, RecursionError):
                fields.setdefault(json.loads(before[0]), json.loads(before[2]))
        depth += (part in "{[") - (part in "}]")
        if depth == 0:
            break
        before = [*before[1:], part]
    return fields


def _part(pack: Pack, site: str, refusal: Refusal, detail: str, payload: bytes) -> QuarantineRow:
    return QuarantineRow(agent=pack.agent, site=site, boot=pack.boot, seq=pack.seq, refusal=refusal.value, detail=detail, payload=payload, whole=False, digest=digest_of(payload))


def _alone(payload: bytes, record: bytes) -> bytes:
    try:
        base = _raw_object.decode(_raw_list.decode(payload)[0])
        fields = _raw_object.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return record
    return msgspec.json.encode([{**{name: base[name] for name in _BASE if name in base}, **fields}])
