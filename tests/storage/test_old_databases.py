"""Databases that a released oshwatch really wrote, dumped from a demo of its time, are brought up and still say what they said.

`old/records-REVISION.sql` and `old/readings-VERSION.sql` are dumps of those files (password hashes scrubbed, packs and readings thinned); a release adds its own and changes none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, create_engine, insert, inspect, select, text

from domain.scope import Role
from storage.records.engine import HEAD, MIGRATIONS, open_records
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository
from storage.records.tables import metadata
from storage.records.touched import TouchedRepository
from storage.records.verdicts import VerdictRepository
from storage.timeseries.sqlite import SqliteTimeSeries
from storage.timeseries.sqlite_file import FILE

OLD = Path(__file__).parent / "old"
RECORDS = sorted(OLD.glob("records-*.sql"))
READINGS = sorted(OLD.glob("readings-*.sql"))


def loaded(dump: Path, file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file)
    connection.executescript(dump.read_text())
    return connection


@pytest.fixture(params=RECORDS, ids=lambda path: path.stem)
def dump(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def before(dump: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(loaded(dump, tmp_path / "before.db")) as connection:
        yield connection


@pytest.fixture
def upgraded(dump: Path, before: sqlite3.Connection, records_url: str, tmp_path: Path) -> Iterator[Engine]:
    """The old database under today's program: on SQLite the file itself, on PostgreSQL its rows in the schema of that time."""
    if records_url.startswith("sqlite"):
        with closing(sqlite3.connect(tmp_path / "oshwatch.db")) as copy:
            before.backup(copy)
    else:
        _rows_on_postgresql(before, records_url, dump.stem.removeprefix("records-"))
    engine = open_records(records_url)
    yield engine
    engine.dispose()


def _rows_on_postgresql(before: sqlite3.Connection, url: str, revision: str) -> None:
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            cursor = before.execute(f"SELECT * FROM {table.name}")
            names = [column[0] for column in cursor.description]
            booleans = {column.name for column in table.columns if column.type.python_type is bool}
            rows = [{name: bool(value) if name in booleans else value for name, value in zip(names, row, strict=True)} for row in cursor]
            if rows:
                connection.execute(insert(table), rows)
            if "id" in names and table.columns["id"].type.python_type is int:
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT coalesce(max(id), 1) FROM {table.name}))"))
    engine.dispose()


def test_it_has_today_s_tables(upgraded: Engine) -> None:
    with upgraded.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        assert MigrationContext.configure(connection).get_current_revision() == HEAD
    assert set(inspect(upgraded).get_table_names()) == set(metadata.tables) | {"alembic_version"}


def test_every_row_is_still_there(upgraded: Engine, before: sqlite3.Connection) -> None:
    names = [name for (name,) in before.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'")]
    names.remove("touched")  # a row a commit now, below
    with upgraded.connect() as connection:
        for name in names:
            held = before.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() == held, name


def test_late_data_that_nobody_had_looked_at_yet_still_waits(dump: Path, tmp_path: Path) -> None:
    late = [("a.p.co2", 10, 20, 7), ("a.p.noise", 30, 40, 7), ("b.p.co2", 50, 60, 9)]
    file = tmp_path / "oshwatch.db"
    with closing(loaded(dump, file)) as before, before:
        before.executemany("INSERT INTO touched (channel, start_us, stop_us, arrived_us) VALUES (?, ?, ?, ?)", late)
    engine = open_records(f"sqlite:///{file}")
    taken = TouchedRepository(engine).take()
    assert [(span.channel, span.start_us, span.stop_us, span.arrived_us) for span in taken[-3:]] == late
    assert taken[-3].id == taken[-2].id != taken[-1].id
    engine.dispose()


def test_the_registry_still_says_what_it_said(upgraded: Engine, before: sqlite3.Connection) -> None:
    snapshot = RegistryRepository(upgraded).load().latest()
    kept = {id for (id,) in before.execute("SELECT thing FROM registry_entries WHERE kind = 'channel'")}
    assert set(snapshot.channels) == kept
    assert snapshot.zones
    exported = RegistryRepository(upgraded).export("demo", 2**53)
    assert {channel.placement for agent in exported.agents for channel in agent.channels} == {id.split(".")[1] for id in kept}


def test_verdicts_are_read_with_all_their_fields(upgraded: Engine) -> None:
    verdicts = VerdictRepository(upgraded).latest(site="demo")
    assert {item.verdict.state for item in verdicts} >= {"indeterminate"}
    assert all(item.verdict.revision >= 1 for item in verdicts)


def test_people_keep_their_roles(upgraded: Engine) -> None:
    people = PeopleRepository(upgraded)
    assert people.user("officer").role is Role.OFFICER


def test_it_can_be_written(upgraded: Engine) -> None:
    tables = metadata.tables
    with upgraded.begin() as connection:
        connection.execute(insert(tables["audit"]).values(at_us=1, by="a", action="b", subject="c", detail="d"))
    with upgraded.connect() as connection:
        assert "d" in connection.execute(select(tables["audit"].c.detail)).scalars().all()


@pytest.mark.parametrize("dump", READINGS, ids=lambda path: path.stem)
def test_readings_and_minutes_of_an_old_store_are_all_there(dump: Path, tmp_path: Path) -> None:
    with closing(loaded(dump, tmp_path / FILE)) as connection:
        names = dict(connection.execute("SELECT id, name FROM channel"))
        readings = {(names[channel], time_us): value for channel, time_us, value in connection.execute("SELECT channel, time_us, value FROM reading")}
        minutes = {(names[channel], start_us) for channel, start_us in connection.execute("SELECT channel, start_us FROM minute")}
    store = SqliteTimeSeries(tmp_path)
    for _ in range(2):
        found = store.read(store.channels(), 0, 2**60)
        assert {(reading.channel, reading.time_us): reading.value for held in found.values() for reading in held} == readings
        assert {(minute.channel, minute.start_us) for held in store.read_minutes(store.channels(), 0, 2**60).values() for minute in held} == minutes
        store.seal_all()
    store.close()
