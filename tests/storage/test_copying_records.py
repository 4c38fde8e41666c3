"""Records from SQLite to PostgreSQL and back: all of them, of one moment, or none."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Engine, Float, LargeBinary, insert, select
from sqlalchemy.schema import Column

from domain.errors import BadInput, Refused
from storage.records import copying
from storage.records.copying import compare_records, copy_records
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.records.tables import metadata, packs, users

OLD = sorted((Path(__file__).parent / "old").glob("records-*.sql"))
pytestmark = pytest.mark.server("postgresql")


def value_of(column: Column[Any], number: int) -> Any:
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, Float):
        return number / 7 if number % 2 else 1e-300
    if isinstance(column.type, LargeBinary):
        return bytes(range(number % 251)) + b"\0\xff"
    if column.type.python_type is str:
        return f"{column.name[:8]}-{number} Nhiệt \N{FIRE} \\ ' \n"[: getattr(column.type, "length", None) or 400]
    return number * (2**40 if str(column.type) == "BIGINT" and not column.primary_key else 1) + 1


def fill(engine: Engine, rows: int) -> None:
    """Every table, every column, unusual values; what may be absent is absent in every third row."""
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            made = [{column.name: None if column.nullable and number % 3 == 0 else value_of(column, number) for column in table.columns} for number in range(rows)]
            connection.execute(insert(table), made)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Engine]:
    opened = open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    yield opened
    opened.dispose()


@pytest.fixture
def server(postgres: str) -> Iterator[Engine]:
    opened = open_records(postgres)
    yield opened
    opened.dispose()


def rows_of(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {table.name: {tuple(row) for row in connection.execute(select(table))} for table in metadata.sorted_tables}


def test_every_row_of_every_table_arrives_and_comes_back(embedded: Engine, server: Engine, tmp_path: Path) -> None:
    fill(embedded, 40)
    copied = copy_records(embedded, server)
    assert copied.rows == 40 * len(metadata.tables)
    assert rows_of(server) == rows_of(embedded)
    back = open_records(f"sqlite:///{tmp_path}/back.db")
    again = copy_records(server, back)
    assert rows_of(back) == rows_of(embedded)
    assert again.checksum == copied.checksum == compare_records(back, server).checksum
    back.dispose()


def test_more_rows_than_are_read_at_once(embedded: Engine, server: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_ROWS_AT_ONCE", 7)
    fill(embedded, 30)
    copy_records(embedded, server)
    assert rows_of(server) == rows_of(embedded)


def test_a_database_of_the_first_release_arrives(tmp_path: Path, server: Engine) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(OLD[0].read_text())
    source = open_records(f"sqlite:///{tmp_path}/old.db")
    assert copy_records(source, server).rows > 100
    assert rows_of(server) == rows_of(source)
    source.dispose()


def test_the_next_number_comes_after_those_that_were_copied(embedded: Engine, server: Engine) -> None:
    fill(embedded, 5)
    copy_records(embedded, server)
    for table in metadata.sorted_tables:
        if table.autoincrement_column is not None:
            row = {column.name: value_of(column, 77) for column in table.columns if not column.primary_key}
            with server.begin() as connection:
                assert connection.execute(insert(table).values(row)).inserted_primary_key == (6,), table.name


def test_a_target_that_holds_anything_is_refused_and_stays_as_it_is(embedded: Engine, server: Engine) -> None:
    fill(embedded, 2)
    PeopleRepository(server).add_user(name="linh", role="officer", grant="*", password=None, locale="")
    before = rows_of(server)
    with pytest.raises(Refused, match="users"):
        copy_records(embedded, server)
    assert rows_of(server) == before


def test_one_row_that_the_target_does_not_take_and_nothing_is_copied(embedded: Engine, server: Engine) -> None:
    fill(embedded, 3)
    with embedded.begin() as connection:
        connection.execute(insert(users).values({column.name: value_of(column, 50) for column in users.columns} | {"locale": "a\0b"}))
    with pytest.raises(BadInput, match="users, a row with"):
        copy_records(embedded, server)
    assert not any(rows_of(server).values())


def test_what_comes_back_other_than_it_was_written_is_not_committed(embedded: Engine, server: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(embedded, 3)
    with server.begin() as connection:
        connection.exec_driver_sql("CREATE FUNCTION bend() RETURNS trigger AS $$ BEGIN NEW.digest := 'bent'::bytea; RETURN NEW; END $$ LANGUAGE plpgsql")
        connection.exec_driver_sql("CREATE TRIGGER bend BEFORE INSERT ON packs FOR EACH ROW EXECUTE FUNCTION bend()")
    with pytest.raises(BadInput, match="packs came back"):
        copy_records(embedded, server)
    assert not any(rows_of(server).values())


def test_the_copy_is_of_one_moment_while_others_write(embedded: Engine, server: Engine) -> None:
    """Users and packs are written in pairs, packs' table first in order: a copy that read them at two moments would have more of one than of the other."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with embedded.begin() as connection:
                for table in (packs, users):
                    connection.execute(insert(table).values({column.name: value_of(column, number) for column in table.columns}))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not rows_of(embedded)["users"]:
            pass
        copied = copy_records(embedded, server, told=lambda table: time.sleep(0.02))
    finally:
        stop.set()
        writer.join()
    assert copied.tables["users"].rows == copied.tables["packs"].rows > 0
    assert len(rows_of(embedded)["users"]) > copied.tables["users"].rows


def test_a_difference_is_named(embedded: Engine, server: Engine) -> None:
    fill(embedded, 3)
    copy_records(embedded, server)
    assert compare_records(embedded, server).wrong == []
    with server.begin() as connection:
        connection.execute(packs.update().where(packs.c.seq == 2).values(arrived_us=1))
    assert compare_records(embedded, server).wrong == ["packs"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1), st.binary(), st.floats(allow_nan=False) | st.none()), unique=True))
def test_a_digest_is_that_of_the_set_of_rows(rows: list[tuple[Any, ...]]) -> None:
    assert copying._sum(rows) == copying._sum(rows[::-1])  # type: ignore[arg-type]
    if rows:
        assert copying._sum(rows) != copying._sum(rows[1:])  # type: ignore[arg-type]
