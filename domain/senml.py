"""The data pack of contract 3.1: SenML JSON (RFC 8428) with our extension fields, decoded by msgspec; every refusal is named.

A pack that cannot be trusted as a whole raises `PackRefused`; a record that cannot be accepted stands in `Pack.refused` and the others go on.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from domain.errors import OshwatchError
from domain.ids import QUANTITY, channel_id, is_boot, is_id, wire_name
from domain.quality import Quality, Reason
from domain.quantities import Quantity, quantity_of
from domain.reading import Reading

MAX_PACK_BYTES = 64 * 1024
MAX_RECORDS = 1_000
ABSOLUTE_TIME_FROM_S = 2**28
"""RFC 8428 section 4.5.3: smaller values are relative to now, which this house refuses."""


class Refusal(StrEnum):
    """Why a pack or a record cannot be accepted; the word is what quarantine, pages and metrics show."""

    EMPTY = "empty"
    TOO_LARGE = "too large"
    TOO_MANY_RECORDS = "too many records"
    NOT_JSON = "not json"
    NOT_A_PACK = "not a pack"
    IDENTITY_CONFLICT = "identity conflict"
    UNSUPPORTED = "unsupported senml feature"
    WRONG_TYPE = "wrong type"
    BAD_NAME = "bad name"
    UNKNOWN_QUANTITY = "unknown quantity"
    UNKNOWN_CHANNEL = "unknown channel"
    UNKNOWN_AGENT = "unknown agent"
    WRONG_UNIT = "wrong unit"
    RELATIVE_TIME = "relative time"
    FUTURE_TIME = "future time"
    NOT_FINITE = "not finite"
    IMPLAUSIBLE = "implausible value"
    NO_VALUE = "no value"
    AFTER_RETENTION = "after retention"
    STORE_REFUSED = "refused by the store"


class PackRefused(OshwatchError):
    """The whole pack is refused."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        self.refusal, self.detail = refusal, detail
        super().__init__(f"{refusal.value}: {detail}")


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """One record that is kept in quarantine while the rest of its pack goes on."""

    refusal: Refusal
    detail: str
    record: bytes  # the record's own JSON
    reading: Reading | None = None  # where it could be read at all: a future-stamped value still runs the instant rules


class Pack(msgspec.Struct, frozen=True, gc=False):
    """What an agent said at once. (agent, boot, seq) is its identity, `digest` its content's."""

    agent: str
    boot: str
    seq: int
    sync: bool
    readings: list[Reading]
    refused: list[RefusedRecord]
    digest: bytes


class _Record(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Wire record. Unknown fields send the pack through the slow, naming path."""

    n: str = ""
    v: float | None = None
    t: float = 0.0
    u: str = ""
    q: int = 4
    r: tuple[int, ...] = ()
    bn: str | None = None
    bt: float | None = None
    boot: str | None = None
    seq: int | None = None
    sync: bool | None = None
    sig: str | None = None


_FIELDS = frozenset(field.name for field in msgspec.structs.fields(_Record))
_BASE_ONLY = frozenset({"bn", "bt", "boot", "seq", "sync", "sig"})
_PACK_WIDE_UNSUPPORTED = frozenset({"bu", "bv", "bs", "bver"})
_RECORD_UNSUPPORTED = frozenset({"vs", "vb", "vd", "s", "ut"})

_records = msgspec.json.Decoder(list[_Record])
_loose = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode

_names: dict[str, dict[str, tuple[str, Quantity | None]]] = {}  # agent → name → (channel, quantity)
_AGENTS_MAX, _NAMES_MAX = 50_000, 1_000
_HASHED_AT_ONCE = 2_047  # from 2,048 bytes on hashlib lets the interpreter lock go for some microseconds, and may wait milliseconds to have it back
_ACCEPTED, _LAST_TIME_S = int(Quality.ACCEPTED), 9e9


def digest_of(payload: bytes) -> bytes:
    """What tells two packs of one identity apart."""
    digest = hashlib.blake2b(digest_size=16)
    for start in range(0, len(payload), _HASHED_AT_ONCE):
        digest.update(payload[start : start + _HASHED_AT_ONCE])
    return digest.digest()


def decode_pack(payload: bytes, agent: str) -> Pack:
    """The pack in `payload`, published under `agent`'s topic; raises `PackRefused`."""
    if not payload.strip():
        raise PackRefused(Refusal.EMPTY, "no bytes")
    if len(payload) > MAX_PACK_BYTES:
        raise PackRefused(Refusal.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_PACK_BYTES}")
    try:
        return _decode(payload, agent)
    except RecursionError:
        raise PackRefused(Refusal.NOT_A_PACK, "nested too deeply") from None


def _decode(payload: bytes, agent: str) -> Pack:
    try:
        records = _records.decode(payload)
    except msgspec.ValidationError:
        return _decode_slowly(payload, agent)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackRefused(Refusal.NOT_JSON, str(error)) from None
    if not records:
        raise PackRefused(Refusal.EMPTY, "no records")
    return _assemble(records, [], payload, agent)


def _assemble(records: list[_Record], refused: list[RefusedRecord], payload: bytes, agent: str) -> Pack:
    if len(records) + len(refused) > MAX_RECORDS:
        raise PackRefused(Refusal.TOO_MANY_RECORDS, f"{len(records) + len(refused)} records, at most {MAX_RECORDS}")
    base = records[0]
    boot, seq, bt = base.boot, base.seq, base.bt
    if base.bn != f"{agent}/":
        raise PackRefused(Refusal.IDENTITY_CONFLICT, f"bn is {base.bn!r}, the topic says '{agent}/'")
    if boot is None or not is_boot(boot) or seq is None or not 0 <= seq < 2**63:
        raise PackRefused(Refusal.NOT_A_PACK, "the first record needs boot (1 to 64 printable characters without a space) and seq (from 0)")
    if bt is None:
        bt = 0.0
    sync = base.sync is True
    readings: list[Reading] = []
    names, r = _names.get(agent, {}), () if sync else (int(Reason.CLOCK_UNSYNCED),)
    first = True
    for record in records:
        if not first and (record.bn is not None or record.bt is not None or record.boot is not None or record.seq is not None or record.sync is not None):
            raise PackRefused(Refusal.IDENTITY_CONFLICT, "base fields stand in the first record only")
        name, value = names.get(record.n), record.v
        if name is not None and value is not None and record.q == _ACCEPTED and not record.r:
            # The hot path of ingest: an accepted value in range under a name seen before; `_read` looks at everything else.
            channel, quantity = name
            seconds = bt + record.t
            if quantity is not None and record.u == quantity.unit and quantity.low <= value <= quantity.high and ABSOLUTE_TIME_FROM_S <= seconds <= _LAST_TIME_S:
                readings.append(Reading(channel, round(seconds * 1_000_000), value, _ACCEPTED, r))
                first = False
                continue
        if not (first and not record.n and value is None):
            reading = _read(record, agent, bt, sync)
            if type(reading) is Reading:
                readings.append(reading)
            else:
                refused.append(reading)  # type: ignore[arg-type]
        first = False
    return Pack(agent, boot, seq, sync, readings, refused, digest_of(payload))


def _read(record: _Record, agent: str, bt: float, sync: bool) -> Reading | RefusedRecord:
    name = _names.get(agent, {}).get(record.n)
    if name is None:
        name = _resolve(agent, record.n)
        if name is None:
            return _refuse(record, Refusal.BAD_NAME, f"'{record.n}' is not placement/quantity")
    channel, quantity = name
    value, seconds = record.v, bt + record.t
    if not math.isfinite(seconds) or seconds < ABSOLUTE_TIME_FROM_S:
        return _refuse(record, Refusal.RELATIVE_TIME, f"{seconds:g} s is relative to now; send bt + t as Unix seconds")
    if seconds > _LAST_TIME_S:
        return _refuse(record, Refusal.FUTURE_TIME, f"{seconds:g} s is after the year 2255")
    q, r = record.q, record.r
    if not sync and Reason.CLOCK_UNSYNCED not in r:
        r = (*r, int(Reason.CLOCK_UNSYNCED))
    time_us = round(seconds * 1_000_000)
    if quantity is None:
        return _refuse(record, Refusal.UNKNOWN_QUANTITY, f"'{record.n}' ends in no quantity of the registry")
    if record.u != quantity.unit and (record.u or value is not None) and not (record.u == "mg/m3" and ".concentration:" in channel):
        return _refuse(record, Refusal.WRONG_UNIT, f"unit '{record.u}', {quantity.id} is in '{quantity.unit}'")
    if not (0 <= q <= 4) or any(not 0 <= code <= 511 for code in r):
        return _refuse(record, Refusal.WRONG_TYPE, "q is 0 to 4, each r 0 to 511")
    if value is None:
        if not record.r or q > Quality.PROBABLY_REJECTED:
            return _refuse(record, Refusal.NO_VALUE, "a record without v needs q of 0 to 2 and a reason in r")
        return Reading(channel, time_us, None, q, r)
    if value > quantity.high:
        if not math.isfinite(value):
            return _refuse(record, Refusal.NOT_FINITE, "v is not a finite number")
        q = min(q, int(Quality.SUSPICIOUS))
        r = r if Reason.SATURATED in r else (*r, int(Reason.SATURATED))
    elif value < quantity.low and q > Quality.REJECTED:
        return _refuse(
            record, Refusal.IMPLAUSIBLE, f"{value:g} {quantity.unit} is below {quantity.low:g}, the least a working sensor gives", Reading(channel, time_us, value, q, r)
        )
    return Reading(channel, time_us, value, q, r)


def _resolve(agent: str, name: str) -> tuple[str, Quantity | None] | None:
    placement, slash, quantity = name.partition("/")
    if not slash or not is_id(placement) or QUANTITY.fullmatch(quantity) is None:
        return None
    if len(_names) >= _AGENTS_MAX:
        _names.clear()
    names = _names.setdefault(agent, {})
    if len(names) >= _NAMES_MAX:
        names.clear()
    resolved = names[name] = (channel_id(agent, placement, quantity), quantity_of(quantity))
    return resolved


def _refuse(record: _Record, refusal: Refusal, detail: str, reading: Reading | None = None) -> RefusedRecord:
    shown = {name: value for name in _FIELDS if (value := getattr(record, name)) not in (None, "", [])}
    return RefusedRecord(refusal, detail, _encode(shown), reading)


def _decode_slowly(payload: bytes, agent: str) -> Pack:
    """Record by record, so that what is wrong is named and the rest is kept."""
    try:
        items = _loose.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackRefused(Refusal.NOT_A_PACK, str(error)) from None
    if not items:
        raise PackRefused(Refusal.EMPTY, "no records")
    records: list[_Record] = []
    refused: list[RefusedRecord] = []
    for position, raw in enumerate(items):
        item = bytes(raw)
        fields = _fields(item, position, refused)
        if fields is None:
            continue
        pack_wide = sorted(name for name in fields if name in _PACK_WIDE_UNSUPPORTED or name.endswith("_"))
        if pack_wide:
            raise PackRefused(Refusal.UNSUPPORTED, f"'{pack_wide[0]}' in record {position}")
        record_only = sorted(_RECORD_UNSUPPORTED & fields.keys())
        known = {name: value for name, value in fields.items() if name in _FIELDS}
        if record_only:
            refused.append(RefusedRecord(Refusal.UNSUPPORTED, f"'{record_only[0]}' in record {position}", item))
            known = {name: known[name] for name in _BASE_ONLY if name in known}
        try:
            records.append(msgspec.convert(known, _Record))
        except msgspec.ValidationError as error:
            refused.append(RefusedRecord(Refusal.WRONG_TYPE, f"{error} in record {position}", item))
            if position == 0:
                records.append(_base_of(known))
    if not records or (records[0].bn is None and records[0].boot is None):
        raise PackRefused(Refusal.NOT_A_PACK, "the first record has no usable base fields")
    # A record stripped to nothing carries no reading.
    kept = [record for index, record in enumerate(records) if index == 0 or record.n or record.v is not None]
    return _assemble(kept, refused, payload, agent)


def _fields(item: bytes, position: int, refused: list[RefusedRecord]) -> dict[str, Any] | None:
    try:
        return _object.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields, infinite = _not_finite(item)
        if infinite:
            detail = f"'{infinite[0]}' in record {position} is not a finite number"
            if not _BASE_ONLY.isdisjoint(infinite):
                raise PackRefused(Refusal.NOT_FINITE, detail) from None
            refused.append(RefusedRecord(Refusal.NOT_FINITE, detail, item))
            return {name: fields[name] for name in _BASE_ONLY if name in fields} if position == 0 else None
        if position == 0:
            raise PackRefused(Refusal.NOT_A_PACK, "the first record is not an object") from None
        refused.append(RefusedRecord(Refusal.WRONG_TYPE, f"record {position} is not an object", item))
        return None


def _not_finite(item: bytes) -> tuple[dict[str, Any], list[str]]:
    """The fields of a record, and those whose number no float can hold (1e999), which the codec takes for broken JSON."""
    try:
        found = json.loads(item)
    except ValueError:
        return {}, []
    fields: dict[str, Any] = found if isinstance(found, dict) else {}
    return fields, [name for name, value in fields.items() if isinstance(value, float) and not math.isfinite(value)]


def _base_of(fields: dict[str, Any]) -> _Record:
    try:
        return msgspec.convert({name: fields[name] for name in _BASE_ONLY if name in fields}, _Record)
    except msgspec.ValidationError as error:
        raise PackRefused(Refusal.WRONG_TYPE, f"{error} in the base fields") from None


def encode_pack(agent: str, boot: str, seq: int, sync: bool, readings: list[Reading]) -> bytes:
    """The pack of these readings of one agent, the first one's time as base time.

    >>> encode_pack("agent-7", "b3f1", 0, True, [Reading("agent-7.ironing-1.co2", 1_763_800_000_250_000, 612.0)])
    b'[{"bn":"agent-7/","bt":1763800000.25,"boot":"b3f1","seq":0,"sync":true,"n":"ironing-1/co2","u":"ppm","v":612.0}]'
    """
    base_us = readings[0].time_us if readings else 0
    head: dict[str, Any] = {"bn": f"{agent}/", "bt": base_us / 1_000_000, "boot": boot, "seq": seq, "sync": sync}
    records = [_record_of(reading, base_us, len(agent) + 1) for reading in readings] or [{}]
    records[0] = {**head, **records[0]}
    return _encode(records)


def _record_of(reading: Reading, base_us: int, skip: int) -> dict[str, Any]:
    name = wire_name(reading.channel)[skip:]
    quantity = quantity_of(name.partition("/")[2])
    record: dict[str, Any] = {"n": name, "u": quantity.unit if quantity else ""}
    if reading.value is not None:
        record["v"] = reading.value
    if reading.time_us != base_us:
        record["t"] = (reading.time_us - base_us) / 1_000_000
    if reading.q != Quality.ACCEPTED:
        record["q"] = reading.q
    if reading.r:
        record["r"] = list(reading.r)
    return record
