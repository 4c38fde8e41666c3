"""All records from one database to another, SQLite or PostgreSQL: one snapshot of the source, one transaction in the target, compared by counts and digests before it counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from domain.errors import BadInput, NotReady, Refused
from storage.records.sql import writing
from storage.records.tables import metadata

_ROWS_AT_ONCE = 2_000
_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class Tally:
    """What a table holds: rows, and the sum of their SHA-256, which is the same in any order of rows."""

    rows: int
    digest: str


@dataclass(slots=True)
class CopiedRecords:
    """Tables by name as the source has them, and those in which the target differs."""

    tables: dict[str, Tally] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(tally.rows for tally in self.tables.values())

    @property
    def checksum(self) -> str:
        """Over all tables."""
        return hashlib.sha256("".join(f"{name} {tally.rows} {tally.digest}\n" for name, tally in sorted(self.tables.items())).encode()).hexdigest()


def copy_records(source: Engine, target: Engine, *, told: Callable[[str], None] = lambda table: None) -> CopiedRecords:
    """Both on today's schema. Raises `Refused` when the target holds anything, `BadInput` when it does not take a row or gives back another; then nothing is written."""
    copied = CopiedRecords()
    with _snapshot(source) as origin, writing(target) as connection:
        _refuse_unless_empty(connection)
        for table in metadata.sorted_tables:
            told(table.name)
            copied.tables[table.name] = _copy(origin, connection, table)
            if tally(connection, table) != copied.tables[table.name]:
                raise BadInput(
                    f"{table.name} came back other than it was written: nothing is copied", source=_name(target), remedy="report this with the versions of both databases"
                )
    return copied


def compare_records(source: Engine, target: Engine) -> CopiedRecords:
    """Reads both, writes nothing."""
    copied = CopiedRecords()
    with _snapshot(source) as origin, _snapshot(target) as other:
        for table in metadata.sorted_tables:
            copied.tables[table.name] = tally(origin, table)
            if tally(other, table) != copied.tables[table.name]:
                copied.wrong.append(table.name)
    return copied


def tally(connection: Connection, table: Table) -> Tally:
    """Counts and digests a table as it is read."""
    rows, total = 0, 0
    for some in _read(connection, table):
        rows, total = rows + len(some), (total + _sum(some)) % _MODULUS
    return Tally(rows, f"{total:064x}")


def _copy(origin: Connection, connection: Connection, table: Table) -> Tally:
    rows, total = 0, 0
    for some in _read(origin, table):
        _insert(connection, table, some)
        rows, total = rows + len(some), (total + _sum(some)) % _MODULUS
    _count_on(connection, table)
    return Tally(rows, f"{total:064x}")


def _read(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    return connection.execute(select(table).execution_options(yield_per=_ROWS_AT_ONCE)).partitions()


def _sum(rows: Sequence[Row[Any]]) -> int:
    return sum(int.from_bytes(hashlib.sha256(_canonical(row)).digest()) for row in rows)


def _canonical(row: Row[Any]) -> bytes:
    """The same bytes for the same values, whichever database gave them."""
    return json.dumps([value.hex() if isinstance(value, bytes) else value for value in row], separators=(",", ":")).encode()


def _insert(connection: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    try:
        connection.execute(insert(table), [row._asdict() for row in rows])
    except OperationalError:
        raise
    except DBAPIError as error:
        keys = [column.name for column in table.primary_key]
        first, last = ([row._asdict()[key] for key in keys] for row in (rows[0], rows[-1]))
        raise BadInput(
            f"{table.name}, a row with {', '.join(keys)} from {first} to {last}: {error.orig}; nothing is copied",
            source=_name(connection.engine),
            remedy="mend that row in the source, then copy again",
        ) from None


def _count_on(connection: Connection, table: Table) -> None:
    """The next number that PostgreSQL gives itself comes after those that were copied."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    newest = connection.execute(select(func.max(column))).scalar()
    if newest is not None:
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :newest)"), {"table": table.name, "column": column.name, "newest": newest})


def _refuse_unless_empty(connection: Connection) -> None:
    held = [table.name for table in metadata.sorted_tables if connection.execute(select(text("1")).select_from(table).limit(1)).first() is not None]
    if held:
        raise Refused(f"{_name(connection.engine)} is not empty ({', '.join(held[:3])}{', …' if held[3:] else ''}): a copy never mixes two centres; name an empty database")


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """One moment of the whole database, while others write on."""
    try:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
        with engine.connect().execution_options(**options) as connection:
            yield connection
    except OperationalError as error:
        raise NotReady(f"{_name(engine)} does not answer: {error.orig}") from None


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
