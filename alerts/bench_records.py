"""An empty records database for each benchmark: SQLite in a folder that goes again, or a database of its own on a PostgreSQL."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, make_url, text

from storage.records.engine import open_records


@contextmanager
def fresh_records(server: str = "") -> Iterator[Engine]:
    """`server`: the URL of any database of a PostgreSQL whose role may make databases; what is made there is dropped again."""
    if not server:
        with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as folder:
            engine = open_records(f"sqlite:///{folder}/records.db")
            try:
                yield engine
            finally:
                engine.dispose()
        return
    name = f"oshwatch_bench_{secrets.token_hex(4)}"
    _on(server, f"CREATE DATABASE {name}")
    engine = open_records(make_url(server).set(database=name).render_as_string(hide_password=False))
    try:
        yield engine
    finally:
        engine.dispose()
        _on(server, f"DROP DATABASE {name}")


def settle(engine: Engine) -> None:
    """What autovacuum would have done by now; SQLite plans without statistics."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _on(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
