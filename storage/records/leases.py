"""Which ingest worker owns which slot of the agents: leases with an epoch, by the database's own clock, so that clocks of machines need not agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, delete, select, text, tuple_, update

from domain.errors import BadInput
from storage.records.sql import insert_new, reading, upsert, writing
from storage.records.tables import ingest_leases as leases
from storage.records.tables import ingest_workers as workers

MID_COMMIT_MS = 5_000
"""A worker that is stopped in the middle of a commit lets go of its slots after this, not when it wakes."""

_ROUND_LOCK = 4_701_337_207
"""Rounds take turns among themselves, and wait for no other writer: a lease must not end because many agents came back at once."""


class Fenced(Exception):
    """Another worker owns a slot by now: nothing was written, nothing may be acknowledged."""


@dataclass(frozen=True, slots=True, order=True)
class Lease:
    """A slot as this worker got it. Whoever gets it next has a higher epoch."""

    slot: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """A slot, and who holds it (`name` "": nobody)."""

    slot: int
    slots: int
    epoch: int
    name: str
    since_us: int
    left_us: int  # until it expires; not over 0: it has


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a worker holds after it renewed its leases and took what was free; `surplus` others lack, `free` nobody has."""

    held: tuple[Lease, ...]
    surplus: int
    free: int
    workers: int
    takeovers: int


class LeasesRepository:
    """Rounds of all workers take turns; a commit and the taking of its slots exclude each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def round(self, token: str, name: str, slots: int, lives_us: int) -> Round:
        """Say that this worker lives, renew what it holds, take its fair share of what is free. Raises `BadInput` where live workers count other slots."""
        with writing(self._engine, alone=False) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROUND_LOCK})
            now_us = _now_us(connection)
            upsert(connection, workers, [{"token": token, "name": name, "expires_us": now_us + lives_us}])
            connection.execute(delete(workers).where(workers.c.expires_us <= now_us))
            _lay_out(connection, slots, now_us)
            connection.execute(update(leases).where(leases.c.token == token).values(expires_us=now_us + lives_us))
            target = _target(connection, token, slots, now_us)
            takeovers = _take(connection, token, name, target, now_us, lives_us)
            held = _held(connection, token)
            free = len(connection.execute(select(leases.c.slot).where(leases.c.expires_us <= now_us)).all())
            alive = len(connection.execute(select(workers.c.token)).all())
        return Round(held=held, surplus=max(len(held) - target, 0), free=free, workers=alive, takeovers=takeovers)

    def renew(self, token: str, name: str, lives_us: int) -> tuple[Lease, ...]:
        """Say that this worker lives and keep what it holds, no more; what it holds."""
        with writing(self._engine, alone=False) as connection:
            now_us = _now_us(connection)
            upsert(connection, workers, [{"token": token, "name": name, "expires_us": now_us + lives_us}])
            connection.execute(update(leases).where(leases.c.token == token).values(expires_us=now_us + lives_us))
            return _held(connection, token)

    def release(self, token: str, slots: Iterable[int]) -> None:
        """Give back slots whose work is committed."""
        with writing(self._engine, alone=False) as connection:
            connection.execute(update(leases).where(leases.c.token == token, leases.c.slot.in_(list(slots))).values(token="", name="", expires_us=0))

    def leave(self, token: str) -> None:
        """This worker ends."""
        with writing(self._engine, alone=False) as connection:
            connection.execute(update(leases).where(leases.c.token == token).values(token="", name="", expires_us=0))
            connection.execute(delete(workers).where(workers.c.token == token))

    def all(self) -> list[LeaseRow]:
        with reading(self._engine) as connection:
            now_us = _now_us(connection)
            rows = connection.execute(select(leases).order_by(leases.c.slot)).all()
        return [LeaseRow(slot=row.slot, slots=row.slots, epoch=row.epoch, name=row.name, since_us=row.since_us, left_us=row.expires_us - now_us) for row in rows]

    def forget(self, slots: Iterable[int]) -> None:
        """These slots are no more: one worker has all agents again."""
        with writing(self._engine, alone=False) as connection:
            connection.execute(delete(leases).where(leases.c.slot.in_(list(slots))))

    def check(self, held: Sequence[Lease]) -> None:
        """Raises `Fenced` when one of these is another worker's by now."""
        with reading(self._engine) as connection:
            _raise_if_lost(held, connection.execute(select(leases.c.slot, leases.c.epoch).where(_among(held))).all())


def fence(connection: Connection, held: Sequence[Lease]) -> None:
    """As `check`, and none of them can change hands before this transaction ends."""
    found = select(leases.c.slot, leases.c.epoch).where(_among(held))
    if connection.dialect.name == "postgresql":
        found = found.add_columns(text(f"set_config('idle_in_transaction_session_timeout', '{MID_COMMIT_MS}', true)")).with_for_update(read=True, key_share=True)
    _raise_if_lost(held, connection.execute(found).all())


def _held(connection: Connection, token: str) -> tuple[Lease, ...]:
    return tuple(Lease(slot, epoch) for slot, epoch in connection.execute(select(leases.c.slot, leases.c.epoch).where(leases.c.token == token).order_by(leases.c.slot)))


def _among(held: Sequence[Lease]) -> ColumnElement[bool]:
    return tuple_(leases.c.slot, leases.c.epoch).in_([(lease.slot, lease.epoch) for lease in held])


def _raise_if_lost(held: Sequence[Lease], found: Sequence[Sequence[int]]) -> None:
    lost = {lease.slot for lease in held} - {row[0] for row in found}
    if lost:
        raise Fenced(f"slots {', '.join(map(str, sorted(lost)))} have another owner")


def _now_us(connection: Connection) -> int:
    is_sqlite = connection.dialect.name == "sqlite"
    of = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)" if is_sqlite else "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    return int(connection.execute(text(f"SELECT {of}")).scalar_one())


def _lay_out(connection: Connection, slots: int, now_us: int) -> None:
    """A row for each slot. Rows of another number of slots go when nobody holds one any more; the new ones go on from their epochs."""
    found = connection.execute(select(leases.c.slot, leases.c.slots, leases.c.epoch, leases.c.expires_us)).all()
    other = [row for row in found if row.slots != slots]
    if any(row.expires_us > now_us for row in other):
        raise BadInput(f"the workers that run share the agents by {other[0].slots} slots", field="OSHWATCH_INGEST_SLOTS", remedy="give every worker the same number")
    if len(found) == slots and not other:
        return
    epoch = max((row.epoch for row in found), default=0)
    connection.execute(delete(leases).where(leases.c.slots != slots))
    insert_new(connection, leases, [{"slot": slot, "slots": slots, "epoch": epoch, "token": "", "name": "", "since_us": now_us, "expires_us": 0} for slot in range(slots)])


def _target(connection: Connection, token: str, slots: int, now_us: int) -> int:
    """A fair share: equal, and what is left over stays with those who have most, so that little moves."""
    held = Counter(connection.execute(select(leases.c.token).where(leases.c.expires_us > now_us)).scalars())
    alive = sorted(connection.execute(select(workers.c.token)).scalars(), key=lambda one: (-held[one], one))
    return slots // len(alive) + (alive.index(token) < slots % len(alive))


def _take(connection: Connection, token: str, name: str, target: int, now_us: int, lives_us: int) -> int:
    """Up to the target; returns how many were taken from a worker that fell silent. FOR UPDATE waits for no commit that still holds a slot: that one is for later."""
    mine = len(connection.execute(select(leases.c.slot).where(leases.c.token == token)).all())
    if mine >= target:
        return 0
    free = select(leases.c.slot, leases.c.token).where(leases.c.expires_us <= now_us).order_by(leases.c.slot).limit(target - mine)
    taken = connection.execute(free.with_for_update(skip_locked=True) if connection.dialect.name == "postgresql" else free).all()
    if taken:
        values = {"token": token, "name": name, "epoch": leases.c.epoch + 1, "since_us": now_us, "expires_us": now_us + lives_us}
        connection.execute(update(leases).where(leases.c.slot.in_([row.slot for row in taken])).values(values))
    return sum(row.token != "" for row in taken)
