"""The little SQL in which SQLite and PostgreSQL differ, and how repositories open transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from domain.errors import NotReady

Insert = postgresql.Insert | sqlite.Insert


def insert_on(connection: Connection, table: Table) -> Insert:
    """An INSERT of the connection's dialect, which knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, update: Sequence[str] | None = None) -> None:
    """Insert rows; where the primary key is known, overwrite `update` (absent: all other columns)."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = insert_on(connection, table)
    names = [name for name in rows[0] if name not in keys] if update is None else update
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in names}), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; one that any unique constraint knows already is left as it is."""
    if rows:
        connection.execute(insert_on(connection, table).on_conflict_do_nothing(), list(rows))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with; a database that does not answer is `NotReady`."""
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        raise NotReady(f"the records database does not answer: {error.orig}") from None


_WRITER_LOCK = 4_701_337_206


@contextmanager
def writing(engine: Engine, *, alone: bool = True) -> Iterator[Connection]:
    """One transaction, durable when the block ends; a database that does not answer is `NotReady`, and nothing was written.

    Writers that read before they write take turns on PostgreSQL as they do on SQLite; `alone=False` is for those that touch only rows of their own.
    """
    try:
        with engine.begin() as connection:
            if alone and connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})
            yield connection
    except OperationalError as error:
        raise NotReady(f"the records database does not answer: {error.orig}") from None
