"""Ingest's ledger: which packs are durably stored, and all that one commit records beside the readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select

from domain.seqset import SeqSet
from domain.times import DAY_US, HOUR_US
from storage.records.gaps import fill
from storage.records.sql import insert_new, insert_on, reading, upsert, writing
from storage.records.tables import clock_events, conflicts, cursors, gaps, packs, quarantine, touched, unsynchronised
from storage.records.unsynchronised import ClockEventRow, UnsynchronisedRow

KEEP_DIGESTS_US = 7 * DAY_US
"""Digests tell a repeat from an identity conflict; an agent keeps packs 72 h, so after a week none is sent again."""
_ASK_AT_ONCE = 500


class PackRow(msgspec.Struct, frozen=True, gc=False):
    """A pack or event that is stored, and the digest of its bytes."""

    agent: str
    boot: str
    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """What could not be accepted: the whole pack, or one record's JSON. `seq` -1 where it could not be read, `site` "" while the agent is unknown."""

    agent: str
    site: str
    boot: str
    seq: int
    refusal: str
    detail: str
    payload: bytes
    whole: bool
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRow:
    """Two values for one (channel, time), as JSON of each reading."""

    channel: str
    time_us: int
    stood: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """A span without samples. `seq` is that of the event that declared it; -1: found by the centre."""

    agent: str
    boot: str
    seq: int
    sensor: str
    start_us: int
    stop_us: int
    cause: str
    from_seq: int | None = None
    to_seq: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledRow:
    """A pack of a declared gap that arrived after all, with the span of its readings: the gap shrinks."""

    agent: str
    boot: str
    seq: int
    start_us: int
    stop_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedRow:
    """Late data: assess has to look at this span of this channel again."""

    channel: str
    start_us: int
    stop_us: int


def touched_row(rows: Sequence[TouchedRow], arrived_us: int) -> dict[str, object]:
    """One row for all of them: a backlog of many channels is a line in the database, not one a channel."""
    return {"arrived_us": arrived_us, "body": msgspec.json.encode([(row.channel, row.start_us, row.stop_us) for row in rows])}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBatch:
    """What one commit of ingest records. `cursors` are whole sets: the caller's, after the commit."""

    arrived_us: int
    packs: list[PackRow] = field(default_factory=list)
    cursors: dict[tuple[str, str], SeqSet] = field(default_factory=dict)
    quarantine: list[QuarantineRow] = field(default_factory=list)
    conflicts: list[ConflictRow] = field(default_factory=list)
    gaps: list[GapRow] = field(default_factory=list)
    filled: list[FilledRow] = field(default_factory=list)
    touched: list[TouchedRow] = field(default_factory=list)
    unsynchronised: list[UnsynchronisedRow] = field(default_factory=list)
    clock_events: list[ClockEventRow] = field(default_factory=list)


class LedgerRepository:
    """One writer: the ingest worker that owns the agents. `fence` is called first in each commit and raises when it owns them no more."""

    def __init__(self, engine: Engine, fence: Callable[[Connection], None] | None = None) -> None:
        self._engine, self._fence = engine, fence
        self._pruned_us: int | None = None

    def digests(self, agent: str, boot: str, seqs: Sequence[int]) -> dict[int, bytes]:
        """Digest by seq, of those that are on record."""
        found: dict[int, bytes] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(seqs), _ASK_AT_ONCE):
                of = select(packs.c.seq, packs.c.digest).where(packs.c.agent == agent, packs.c.boot == boot, packs.c.seq.in_(seqs[start : start + _ASK_AT_ONCE]))
                found.update((seq, digest) for seq, digest in connection.execute(of))
        return found

    def cursors(self) -> dict[tuple[str, str], SeqSet]:
        """What is committed, by (agent, boot)."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(cursors.c.agent, cursors.c.boot, cursors.c.upto, cursors.c.also))
            return {(agent, boot): SeqSet.from_json(upto, also) for agent, boot, upto, also in rows}

    def commit(self, batch: LedgerBatch) -> None:
        """All of it or nothing, durable on return; a batch committed twice leaves what one leaves, but for the count of repeats in quarantine."""
        with writing(self._engine, alone=False) as connection:
            if self._fence is not None:
                self._fence(connection)
            _add_packs(connection, batch)
            _keep_cursors(connection, batch)
            upsert(connection, unsynchronised, [row.columns() for row in batch.unsynchronised])
            insert_new(connection, clock_events, [_columns(row) for row in batch.clock_events])
            _add_quarantine(connection, batch)
            insert_new(connection, conflicts, [{**_columns(row), "arrived_us": batch.arrived_us} for row in batch.conflicts])
            insert_new(connection, gaps, [{**_columns(row), "from_seq": -1 if row.from_seq is None else row.from_seq, "arrived_us": batch.arrived_us} for row in batch.gaps])
            for row in batch.filled:
                fill(connection, row.agent, row.boot, row.seq, row.start_us, row.stop_us)
            if batch.touched:
                connection.execute(touched.insert(), touched_row(batch.touched, batch.arrived_us))
            self._prune(connection, batch.arrived_us)

    def _prune(self, connection: Connection, now_us: int) -> None:
        if self._pruned_us is not None and 0 <= now_us - self._pruned_us < HOUR_US:
            return
        connection.execute(delete(packs).where(packs.c.arrived_us < now_us - KEEP_DIGESTS_US))
        self._pruned_us = now_us


def _columns(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _add_packs(connection: Connection, batch: LedgerBatch) -> None:
    """The driver's own executemany: the one statement here that runs once a pack."""
    if batch.packs:
        rows = [(row.agent, row.boot, row.seq, row.digest, batch.arrived_us) for row in batch.packs]
        connection.exec_driver_sql(f"INSERT INTO packs (agent, boot, seq, digest, arrived_us) VALUES ({_marks(connection)}) ON CONFLICT DO NOTHING", rows)  # noqa: S608 - marks only


def _keep_cursors(connection: Connection, batch: LedgerBatch) -> None:
    """As above: once an agent and commit."""
    if batch.cursors:
        rows = [(agent, boot, seqs.upto, seqs.also_json(), batch.arrived_us) for (agent, boot), seqs in batch.cursors.items()]
        statement = f"INSERT INTO cursors (agent, boot, upto, also, changed_us) VALUES ({_marks(connection)}) ON CONFLICT (agent, boot)"  # noqa: S608 - marks only
        connection.exec_driver_sql(f"{statement} DO UPDATE SET upto = excluded.upto, also = excluded.also, changed_us = excluded.changed_us", rows)


def _marks(connection: Connection) -> str:
    return ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * 5)


def _add_quarantine(connection: Connection, batch: LedgerBatch) -> None:
    if not batch.quarantine:
        return
    statement = insert_on(connection, quarantine)
    again = statement.on_conflict_do_update(index_elements=["agent", "digest", "refusal"], set_={"times": quarantine.c.times + 1})
    connection.execute(again, [{**_columns(row), "arrived_us": batch.arrived_us, "state": "held", "times": 1} for row in batch.quarantine])
