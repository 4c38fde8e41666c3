"""Backups: taken while the stores are written, whole or not at all, and checked byte by byte."""

from __future__ import annotations

import io
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from domain.errors import BadInput, NotReady
from domain.reading import Reading
from storage.backup import MANIFEST, Sources, create_backup, restore_backup, verify_backup
from storage.records.engine import open_records
from storage.records.sql import writing
from storage.records.tables import audit, sessions, users
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import SqliteTimeSeries
from storage.timeseries.sqlite_file import FILE

NOW = 1_763_800_000_000_000
_SAMPLES = {int: 1, bool: True, str: "x", bytes: b"x"}


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """A data directory with both stores, a photo, and a file that only a running process needs."""
    data = tmp_path / "centre"
    engine = open_records(f"sqlite:///{data}/oshwatch.db")
    with writing(engine) as connection:
        connection.execute(insert(audit).values(at_us=1, by="a", action="b", subject="c", detail="d"))
    engine.dispose()
    store = SqliteTimeSeries(data / "timeseries")
    store.write(Batch(fresh=[Reading("a.h.co2", NOW + second * 1_000_000, float(second)) for second in range(100)]))
    store.close()
    (data / "evidence").mkdir()
    (data / "evidence" / "photo").write_bytes(b"\x00\xff" * 1000)
    (data / "console.pid").write_text("1")
    return data


def sources(data: Path) -> Sources:
    return Sources(records=data / "oshwatch.db", readings=data / "timeseries" / FILE, data_dir=data)


@pytest.fixture
def backup(centre: Path, tmp_path: Path) -> Path:
    out = tmp_path / "b.oshbackup"
    create_backup(sources(centre), out, created_at="2026-11-22T00:00:00Z", version="1")
    return out


def test_what_was_backed_up_is_restored(backup: Path, tmp_path: Path) -> None:
    restore_backup(backup, tmp_path / "new")
    assert sorted(path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()) == [
        "evidence/photo",
        "oshwatch.db",
        f"timeseries/{FILE}",
    ]
    assert (tmp_path / "new" / "evidence" / "photo").read_bytes() == b"\x00\xff" * 1000
    store = SqliteTimeSeries(tmp_path / "new" / "timeseries")
    assert [reading.value for reading in store.read(["a.h.co2"], NOW, NOW + 10**9)["a.h.co2"]] == [float(second) for second in range(100)]
    store.close()
    engine = open_records(f"sqlite:///{tmp_path}/new/oshwatch.db")
    with engine.connect() as connection:
        assert connection.execute(select(audit.c.by)).scalars().all() == ["a"]
    engine.dispose()


def test_only_its_owner_reads_a_backup_and_what_it_becomes(backup: Path, tmp_path: Path) -> None:
    restore_backup(backup, tmp_path / "new")
    for path in (backup, tmp_path / "new" / "oshwatch.db", tmp_path / "new"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_sessions_do_not_survive_a_restore(centre: Path, tmp_path: Path) -> None:
    engine = open_records(f"sqlite:///{centre}/oshwatch.db")
    with writing(engine) as connection:
        for table in (users, sessions):
            values = {column.name: _SAMPLES[column.type.python_type] for column in table.columns if not column.nullable}
            connection.execute(insert(table).values(**values))
    engine.dispose()
    create_backup(sources(centre), tmp_path / "s.oshbackup", created_at="", version="1")
    restore_backup(tmp_path / "s.oshbackup", tmp_path / "new")
    with sqlite3.connect(tmp_path / "new" / "oshwatch.db") as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM users)").fetchone() == (0, 1)
    connection.close()


def test_a_store_that_is_written_meanwhile_is_copied_as_it_was_at_one_moment(centre: Path, tmp_path: Path) -> None:
    store, stop = SqliteTimeSeries(centre / "timeseries"), threading.Event()

    def write() -> None:
        batch = 0
        while not stop.is_set():
            batch += 1
            store.write(Batch(fresh=[Reading(f"a.h.{name}", NOW + batch, float(batch)) for name in ("one", "two")]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            create_backup(sources(centre), tmp_path / f"{number}.oshbackup", created_at="", version="1")
            restore_backup(tmp_path / f"{number}.oshbackup", tmp_path / f"new-{number}")
    finally:
        stop.set()
        writer.join()
        store.close()
    for number in range(5):
        copy = SqliteTimeSeries(tmp_path / f"new-{number}" / "timeseries")
        found = copy.read(["a.h.one", "a.h.two"], NOW, NOW + 10**9)
        copy.close()
        assert [reading.time_us for reading in found.get("a.h.one", [])] == [reading.time_us for reading in found.get("a.h.two", [])]


def test_a_backup_kept_in_the_data_directory_is_not_backed_up_again(centre: Path) -> None:
    first = create_backup(sources(centre), centre / "one.oshbackup", created_at="", version="1")
    second = create_backup(sources(centre), centre / "two.oshbackup", created_at="", version="1")
    assert [file.path for file in second.files] == [file.path for file in first.files]


def test_any_changed_byte_is_found(backup: Path) -> None:
    whole = backup.read_bytes()
    with tarfile.open(backup) as archive:
        spans = [(member.offset_data, member.size) for member in archive if member.size]
    for start, size in spans:
        backup.write_bytes(whole[: start + size // 2] + bytes([whole[start + size // 2] ^ 1]) + whole[start + size // 2 + 1 :])
        with pytest.raises(BadInput):
            verify_backup(backup)
    backup.write_bytes(whole)
    assert verify_backup(backup).missing == []


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_backup_cut_short_is_refused_and_nothing_is_left(backup: Path, tmp_path: Path, part: float) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(BadInput, match=r"whole backup|manifest"):
        restore_backup(backup, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.oshbackup", "centre"]


def added(name: str) -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        information = tarfile.TarInfo(name)
        information.size = 3
        archive.addfile(information, io.BytesIO(b"abc"))

    return add


@pytest.mark.parametrize(("name", "words"), [("../outside", "plain file"), ("/etc/passwd", "plain file"), ("files/more", "not in the manifest")])
def test_a_file_that_was_slipped_in_is_refused(backup: Path, tmp_path: Path, name: str, words: str) -> None:
    with tarfile.open(backup, "a") as archive:
        added(name)(archive)
    with pytest.raises(BadInput, match=words):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_database_is_not_a_backup_that_verifies(centre: Path, tmp_path: Path) -> None:
    with sqlite3.connect(centre / "oshwatch.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray((centre / "oshwatch.db").read_bytes())
    content[4096 * 3 : 4096 * 5] = b"\x55" * 8192
    (centre / "oshwatch.db").write_bytes(content)
    create_backup(sources(centre), tmp_path / "bad.oshbackup", created_at="", version="1")
    with pytest.raises(BadInput, match="older backup"):
        verify_backup(tmp_path / "bad.oshbackup")


def test_nothing_is_overwritten(backup: Path, centre: Path) -> None:
    with pytest.raises(BadInput, match="exists already"):
        create_backup(sources(centre), backup, created_at="", version="1")
    with pytest.raises(BadInput, match="not empty"):
        restore_backup(backup, centre)


def test_a_backup_that_cannot_be_written_leaves_nothing(centre: Path, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="not made"):
        create_backup(sources(centre), tmp_path / "no" / "such" / "place.oshbackup", created_at="", version="1")
    with pytest.raises(NotReady, match="not made"):
        create_backup(Sources(records=tmp_path / "none.db", readings=None, data_dir=centre), tmp_path / "x.oshbackup", created_at="", version="1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["centre"]


def test_a_tar_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.oshbackup", "w") as archive:
        added(MANIFEST)(archive)
    with pytest.raises(BadInput, match=MANIFEST):
        verify_backup(tmp_path / "x.oshbackup")
    (tmp_path / "x.oshbackup").write_text("a letter")
    with pytest.raises(BadInput, match="whole backup"):
        verify_backup(tmp_path / "x.oshbackup")
    with pytest.raises(BadInput, match="cannot be read"):
        verify_backup(tmp_path / "absent.oshbackup")
