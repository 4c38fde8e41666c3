"""The records database: opened, brought up to date, and set so that several processes may write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from domain.errors import BadInput, NotReady
from storage.wal import switch_to_wal

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = max(file.name.split("_")[0] for file in (MIGRATIONS / "versions").glob("*.py"))
"""The newest revision in `migrations/versions`; read from the file names, so that a start with nothing to upgrade need not load Alembic."""

BUSY_S = 10.0
_UPGRADE_LOCK = 4_701_337_205
_FIELD = "OSHWATCH_DATABASE_URL"


class RecordsEngine(Engine):
    """`begin()` takes SQLite's write lock at once, so that two processes which read and then write wait for each other; `connect()` reads and locks nobody out."""

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection


def open_records(url: str) -> Engine:
    """An engine on an up-to-date schema; raises `BadInput` for a wrong URL and `NotReady` when the database does not answer."""
    engine = _engine(_parsed(url))
    try:
        if engine.dialect.name == "sqlite":
            _use_wal(Path(str(engine.url.database)))
        _upgrade(engine)
    except OperationalError as error:
        engine.dispose()
        raise NotReady(f"the records database does not answer: {error.orig}") from None
    except DBAPIError as error:
        engine.dispose()
        raise BadInput(f"not a records database: {error.orig}", field=_FIELD, remedy="point it at an empty database, or at one that oshwatch made") from None
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadInput("not a database URL", field=_FIELD, remedy="sqlite:///DIR/oshwatch.db or postgresql+psycopg://user@host/name") from None
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadInput(f"'{parsed.drivername}' is neither sqlite nor postgresql+psycopg", field=_FIELD, remedy="sqlite:///DIR/oshwatch.db")
    if parsed.drivername == "sqlite" and not parsed.database:
        raise BadInput("names no file", field=_FIELD, remedy="sqlite:///DIR/oshwatch.db")
    return parsed


def _engine(url: URL) -> Engine:
    if url.drivername == "sqlite":
        return _sqlite_engine(url)
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": round(BUSY_S), "options": f"-c lock_timeout={round(BUSY_S)}s"})
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadInput(f"the driver is not installed: {error}", field=_FIELD, remedy="pip install psycopg[binary]") from None


def _sqlite_engine(url: URL) -> Engine:
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{file.parent}: {error.strerror}", field=_FIELD, remedy="name a directory that can be written") from None
    plain = create_engine(url, connect_args={"timeout": BUSY_S})
    engine = RecordsEngine(plain.pool, plain.dialect, plain.url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin in `_on_begin`, not when the driver guesses
    for pragma in (f"busy_timeout = {round(BUSY_S * 1000)}", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _use_wal(file: Path) -> None:
    try:
        switch_to_wal(file, BUSY_S)
    except sqlite3.OperationalError as error:
        raise NotReady(f"{file}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise BadInput(f"{file}: {error}", field=_FIELD, remedy="move that file away: it is no database") from None


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        if _revision(connection) != HEAD:
            _run_alembic(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _run_alembic(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - ingest stays small: loaded only when there is something to upgrade
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise BadInput(f"the records database was made by a newer oshwatch: {error}", field=_FIELD, remedy="upgrade oshwatch") from None
