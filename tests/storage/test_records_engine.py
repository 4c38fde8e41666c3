"""The records database: made and upgraded by whoever comes first, and shared by several processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, insert, select, text, update

from domain.errors import BadInput, NotReady
from storage.records.engine import HEAD, MIGRATIONS, open_records
from storage.records.sql import writing
from storage.records.tables import audit, metadata, services

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/oshwatch.db"


@pytest.fixture
def engine(url: str) -> Engine:
    opened = open_records(url)
    yield opened
    opened.dispose()


def schema(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name"))]


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


@pytest.mark.server("postgresql")
def test_the_migrations_make_the_same_tables_on_postgresql(postgres: str) -> None:
    opened = open_records(postgres)
    with opened.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    opened.dispose()


@pytest.mark.server("postgresql")
def test_several_processes_may_make_it_at_once_on_postgresql(postgres: str) -> None:
    test_several_processes_may_make_it_at_once(postgres)


@pytest.mark.server("postgresql")
def test_two_that_read_and_then_write_wait_for_each_other_on_postgresql(postgres: str) -> None:
    one, other = open_records(postgres), open_records(postgres)
    with writing(one) as connection:
        connection.execute(insert(services).values(name="n", pid=0, at_us=0, ready=True, problem="", counters=""))

    def count(on: Engine) -> None:
        for _ in range(40):
            with writing(on) as connection:
                pid = connection.execute(select(services.c.pid)).scalar_one()
                connection.execute(update(services).values(pid=pid + 1))

    threads = [threading.Thread(target=count, args=(on,)) for on in (one, other, one)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with one.connect() as connection:
        assert connection.execute(select(services.c.pid)).scalar_one() == 120
    one.dispose()
    other.dispose()


def test_opening_it_again_changes_nothing(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(insert(audit).values(at_us=1, by="a", action="b", subject="c", detail="d"))
    before = schema(engine)
    again = open_records(url)
    with again.connect() as connection:
        assert connection.execute(select(func.count()).select_from(audit)).scalar() == 1
    assert schema(again) == before
    again.dispose()


def test_a_start_with_nothing_to_upgrade_loads_neither_alembic_nor_the_orm(engine: Engine, url: str) -> None:
    code = (
        "import sys; from storage.records.engine import open_records; import storage.records.ledger, storage.records.registry, storage.records.agents\n"
        f"open_records({url!r})\n"
        "print([name for name in ('alembic', 'sqlalchemy.orm') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_several_processes_may_make_it_at_once(url: str) -> None:
    code = f"from storage.records.engine import open_records; open_records({url!r}); print('ready')"
    starts = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [start.communicate(timeout=60) for start in starts]
    assert [(out.strip(), err) for out, err in answers] == [("ready", "")] * 4


def test_writes_are_synced_and_read_beside(engine: Engine) -> None:
    with engine.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 10_000}


def test_two_that_read_and_then_write_wait_for_each_other(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(insert(services).values(name="n", pid=0, at_us=0, ready=True, problem="", counters=""))
    other = open_records(url)

    def count(on: Engine) -> None:
        for _ in range(40):
            with on.begin() as connection:
                pid = connection.execute(select(services.c.pid)).scalar_one()
                connection.execute(update(services).values(pid=pid + 1))

    threads = [threading.Thread(target=count, args=(on,)) for on in (engine, other, engine)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(select(services.c.pid)).scalar_one() == 120
    other.dispose()


def test_a_reader_does_not_wait_for_a_writer_nor_see_half_of_it(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(audit).values(at_us=1, by="a", action="b", subject="c", detail="d"))
        with engine.connect() as reader:
            assert reader.execute(select(func.count()).select_from(audit)).scalar() == 0
    with engine.connect() as reader:
        assert reader.execute(select(func.count()).select_from(audit)).scalar() == 1


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def write_half() -> None:
        with writing(engine) as connection:
            connection.execute(insert(audit).values(at_us=1, by="a", action="b", subject="c", detail="d"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    with engine.connect() as reader:
        assert reader.execute(select(func.count()).select_from(audit)).scalar() == 0


def test_a_database_that_is_locked_is_not_ready(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.records.engine.BUSY_S", 0.05)
    engine.dispose()  # connections from here on wait that long
    holder = sqlite3.connect(tmp_path / "oshwatch.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotReady, match="locked"), writing(engine):
        pass
    holder.close()
    with writing(engine) as connection:
        connection.execute(insert(audit).values(at_us=1, by="a", action="b", subject="c", detail="d"))


@pytest.mark.parametrize("url", ["oshwatch.db", "mysql://host/name", "sqlite://", "sqlite:///", "postgresql://host/name"])
def test_a_wrong_url_is_refused_by_the_setting_s_name(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_records(url)
    assert caught.value.field == "OSHWATCH_DATABASE_URL"
    assert caught.value.remedy


def test_postgresql_without_its_driver_says_what_to_install() -> None:
    try:
        import psycopg  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(BadInput, match="psycopg"):
            open_records("postgresql+psycopg://127.0.0.1:1/none")
    else:
        with pytest.raises(NotReady):
            open_records("postgresql+psycopg://127.0.0.1:1/none")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "oshwatch.db").write_text("this is a letter, not a database. " * 100)
    with pytest.raises(BadInput, match="not a database") as caught:
        open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    assert caught.value.field == "OSHWATCH_DATABASE_URL"


def test_a_database_of_a_newer_oshwatch_is_refused(engine: Engine, url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadInput, match="newer oshwatch"):
        open_records(url)
    assert schema(engine)
