"""Rows of a boot whose clock was wrong, written anew with the right times. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.messages import Event
from domain.quality import Reason
from domain.reading import Reading
from domain.times import SECOND_US
from edge_agent.outbox_file import Kind, Row


def encode_event(event: Event) -> bytes:
    """The event's JSON, without what it does not say."""
    return msgspec.json.encode({name: value for name, value in msgspec.to_builtins(event).items() if value not in (None, "")})


def unsynchronised(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, r=tuple(sorted({*reading.r, Reason.CLOCK_UNSYNCED})))


def retimed(row: Row, offset_us: int, *, opening_from_s: float | None) -> Row:
    """The row with all its times moved; only a gap that began at `opening_from_s`, in the run before, keeps its start."""
    body = _retimed_event(row.body, offset_us / SECOND_US, opening_from_s) if row.kind is Kind.EVENT else _retimed_pack(row.body, offset_us)
    return Row(row.id, row.kind, True, row.created_us + offset_us, row.first_us + offset_us, row.last_us + offset_us, body)


def _retimed_event(body: bytes, offset_s: float, opening_from_s: float | None) -> bytes:
    event = msgspec.json.decode(body, type=Event)
    start_s, stop_s = event.start, event.stop
    if start_s is not None and start_s == opening_from_s:  # it ended when this run began
        stop_s = max(event.at + offset_s, start_s)
    else:
        start_s, stop_s = (None if instant is None else instant + offset_s for instant in (start_s, stop_s))
    return encode_event(msgspec.structs.replace(event, at=event.at + offset_s, start=start_s, stop=stop_s))


def _retimed_pack(body: bytes, offset_us: int) -> bytes:
    """Only the base time, `sync` and reason 128 change; records are taken as they are, so that none can be refused on the way."""
    records = msgspec.json.decode(body, type=list[dict[str, Any]])
    base = records[0]
    base |= {"bt": (round(base["bt"] * SECOND_US) + offset_us) / SECOND_US, "sync": True}
    for record in records:
        reasons = [code for code in record.pop("r", []) if code != Reason.CLOCK_UNSYNCED]
        if reasons:
            record["r"] = reasons
    return msgspec.json.encode(records)
