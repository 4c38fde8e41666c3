"""The SQLite file under the outbox: schema, rows, and what to do when the file or the disk is at fault."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path

import msgspec

from edge_agent.ranges import Ranges

log = logging.getLogger(__name__)

SEQ_BITS = 40
"""Row id = boot number << 40 | seq: append-only in one b-tree, in the order of events."""
SEQ_MASK = (1 << SEQ_BITS) - 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS boot (no INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, imported INTEGER NOT NULL, clean INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, sync INTEGER NOT NULL, created_us INTEGER NOT NULL,
                                first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS gone (boot_no INTEGER PRIMARY KEY, ranges TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cursor (destination TEXT NOT NULL, boot_no INTEGER NOT NULL, ranges TEXT NOT NULL, PRIMARY KEY (destination, boot_no)) STRICT;
"""
_INSERT = "INSERT OR REPLACE INTO row (id, kind, sync, created_us, first_us, last_us, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT id, kind, sync, created_us, first_us, last_us, body FROM row"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Kind(IntEnum):
    """What a row is; events are never dropped."""

    PACK = 0
    EVENT = 1
    MINUTES = 2  # a pack of minutes, in place of raw ones for which there was no room


class Row(msgspec.Struct, frozen=True, gc=False):
    """One message that waits, or is kept for `resend`. `first_us`, `last_us`: the times of what is inside."""

    id: int
    kind: Kind
    sync: bool
    created_us: int
    first_us: int
    last_us: int
    body: bytes

    @property
    def boot_no(self) -> int:
        return self.id >> SEQ_BITS

    @property
    def seq(self) -> int:
        return self.id & SEQ_MASK


class BootRecord(msgspec.Struct, frozen=True):
    """One run of the agent."""

    no: int
    boot: str
    machine: str  # the machine's own boot id: another one means that the power was off, or a reboot
    imported: bool
    clean: bool  # stopped on purpose


class Damaged(Exception):
    """The file cannot be read as what it was: set it aside."""


class Unavailable(Exception):
    """The disk is full, read-only or failing: keep what is in memory and try again; `stale`: open the file anew for that."""

    def __init__(self, message: str, *, stale: bool = False) -> None:
        self.stale = stale
        super().__init__(message)


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _DAMAGED:
            raise Damaged(str(error)) from error
        raise Unavailable(str(error), stale=code == sqlite3.SQLITE_IOERR) from error
    except OSError as error:
        raise Unavailable(str(error)) from error


class OutboxFile:
    """One connection, to be used under the outbox's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create; raises Damaged or Unavailable."""
        with _faults():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")  # a commit survives a kill -9; `flush` makes it survive a power cut
                db.execute("PRAGMA wal_autocheckpoint=500")
                db.execute("PRAGMA cache_size=-2000")
                db.executescript(_SCHEMA)
            except BaseException:
                db.close()
                raise
            self._db = db

    @property
    def is_open(self) -> bool:
        return self._db is not None

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def set_aside(self, stamp: str) -> Path:
        """Rename the file (and its log) to `*.corrupt-<stamp>`; returns its new name."""
        self.close()
        aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        with _faults():
            for suffix in ("", "-wal", "-shm"):
                source = self.path.with_name(self.path.name + suffix)
                if source.exists():
                    source.rename(aside.with_name(aside.name + suffix))
        return aside

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; with the system when it returns, on the disk after `flush`."""
        db = self._connection()
        with _faults():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    def flush(self) -> None:
        """Bring all commits so far onto the disk: together with synchronous=NORMAL this is what synchronous=FULL does at every commit."""
        with _faults():
            try:
                descriptor = os.open(f"{self.path}-wal", os.O_RDONLY)
            except FileNotFoundError:
                return
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def write_rows(self, db: sqlite3.Connection, rows: Iterable[Row]) -> None:
        db.executemany(_INSERT, [(row.id, row.kind, row.sync, row.created_us, row.first_us, row.last_us, row.body) for row in rows])

    def write_boot(self, db: sqlite3.Connection, record: BootRecord) -> None:
        db.execute("INSERT OR REPLACE INTO boot (no, boot, machine, imported, clean) VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(record))

    def delete_boot(self, db: sqlite3.Connection, number: int) -> None:
        db.execute("DELETE FROM boot WHERE no = ?", (number,))
        db.execute("DELETE FROM gone WHERE boot_no = ?", (number,))
        db.execute("DELETE FROM cursor WHERE boot_no = ?", (number,))

    def write_ranges(self, db: sqlite3.Connection, destination: str | None, boot_no: int, ranges: Ranges) -> None:
        """What a destination has acknowledged; without a destination: what is gone."""
        text = msgspec.json.encode(list(ranges)).decode()
        if destination is None:
            db.execute("INSERT OR REPLACE INTO gone (boot_no, ranges) VALUES (?, ?)", (boot_no, text))
        else:
            db.execute("INSERT OR REPLACE INTO cursor (destination, boot_no, ranges) VALUES (?, ?, ?)", (destination, boot_no, text))

    def boots(self) -> list[BootRecord]:
        found = self._select("SELECT no, boot, machine, imported, clean FROM boot ORDER BY no")
        return [BootRecord(no, boot, machine, bool(imported), bool(clean)) for no, boot, machine, imported, clean in found]

    def gone(self) -> dict[int, Ranges]:
        return {boot_no: _ranges(text) for boot_no, text in self._select("SELECT boot_no, ranges FROM gone")}

    def cursors(self) -> dict[tuple[str, int], Ranges]:
        return {(name, boot_no): _ranges(text) for name, boot_no, text in self._select("SELECT destination, boot_no, ranges FROM cursor")}

    def last_seq(self, boot_no: int) -> int:
        """The greatest seq of a boot that is on disk; -1 without any."""
        low, high = boot_no << SEQ_BITS, boot_no << SEQ_BITS | SEQ_MASK
        found = self._select("SELECT max(id) FROM row WHERE id BETWEEN ? AND ?", (low, high))[0][0]
        return -1 if found is None else found & SEQ_MASK

    def last_row(self) -> Row | None:
        found = self._select(f"{_SELECT} ORDER BY id DESC LIMIT 1")
        return _row(found[0]) if found else None

    def rows(self, low_id: int, high_id: int, limit: int) -> list[Row]:
        return [_row(found) for found in self._select(f"{_SELECT} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (low_id, high_id, limit))]

    def newest_packs(self, low_id: int, high_id: int, limit: int, before_us: int) -> list[Row]:
        """Raw packs that were made before `before_us`, the newest first."""
        statement = f"{_SELECT} WHERE id BETWEEN ? AND ? AND kind = ? AND created_us < ? ORDER BY id DESC LIMIT ?"
        return [_row(found) for found in self._select(statement, (low_id, high_id, Kind.PACK, before_us, limit))]

    def delete_rows(self, db: sqlite3.Connection, ids: Ranges) -> None:
        db.executemany("DELETE FROM row WHERE id BETWEEN ? AND ?", list(ids))

    def outlines(self, low_id: int, high_id: int, limit: int) -> list[tuple[int, int, int, int, int]]:
        """(id, kind, created_us, first_us, last_us) in order, without the bodies."""
        return self._select("SELECT id, kind, created_us, first_us, last_us FROM row WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (low_id, high_id, limit))

    def used_bytes(self) -> int:
        """Pages in use; free ones are taken again before the file grows."""
        pages, free, size = (self._select(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    def _select(self, statement: str, values: tuple[int, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        db = self._connection()
        with _faults():
            return db.execute(statement, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise Unavailable("the file is not open")
        return self._db


def _row(found: tuple[int, int, int, int, int, int, bytes]) -> Row:
    return Row(found[0], Kind(found[1]), bool(found[2]), found[3], found[4], found[5], found[6])


def _ranges(text: str) -> Ranges:
    return Ranges(msgspec.json.decode(text, type=list[tuple[int, int]]))
