"""The embedded store's file: its tables and version, and its connections, one writer and a reader a thread."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from domain.errors import BadInput, NotReady
from storage.wal import switch_to_wal

FILE = "readings.db"
VERSION = 2
"""1: rows alone. 2: sealed hours, rollups and what retention deleted. A file of an older version is upgraded when it is opened; its rows are sealed as it is written."""
BUSY_S = 10
PAGE_SIZE, CHECKPOINT_PAGES = 8192, 8_000
"""A batch of all channels writes to the end of each: fewer, larger pages, carried into the file once for many batches (decision 24)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS reading (
    channel INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL, q INTEGER, r TEXT, PRIMARY KEY (channel, time_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last (channel INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, value REAL, q INTEGER, r TEXT);
CREATE TABLE IF NOT EXISTS minute (
    channel INTEGER NOT NULL, start_us INTEGER NOT NULL, valid INTEGER NOT NULL, rejected INTEGER NOT NULL, total REAL NOT NULL, low REAL, high REAL,
    saturated INTEGER NOT NULL, below_detection INTEGER NOT NULL, reasons TEXT, PRIMARY KEY (channel, start_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed_reading (key INTEGER PRIMARY KEY, number INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sealed_minute (key INTEGER PRIMARY KEY, number INTEGER NOT NULL, last_us INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rollup (key INTEGER PRIMARY KEY, hours BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS expired (
    channel INTEGER NOT NULL, what TEXT NOT NULL, start_us INTEGER NOT NULL, stop_us INTEGER NOT NULL, number INTEGER NOT NULL, at_us INTEGER NOT NULL, rule TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS expired_of ON expired (channel, stop_us);
"""


class Connection(sqlite3.Connection):
    """Closes with the thread that it served."""

    def __del__(self) -> None:
        self.close()


class SqliteFile:
    """Readers in any thread and any process, also while it is written; writers wait for each other."""

    def __init__(self, directory: Path, *, busy_s: float = BUSY_S) -> None:
        self._path, self._busy_s = directory / FILE, busy_s
        self._writing = threading.Lock()
        self._local = threading.local()
        self._readers: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._readers_lock = threading.Lock()
        self._closed = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{directory}: {error.strerror}", field="OSHWATCH_TIMESERIES_URL", remedy="name a directory that can be written") from None
        self._create()
        self._writer = self._connect()

    def close(self) -> None:
        """Ends all connections, also those of other threads; call it once they are done."""
        with self._writing, self._readers_lock:
            self._closed = True
            for connection in (self._writer, *self._readers):
                connection.close()
            self._readers.clear()

    def _connect(self) -> Connection:
        with self._opening():
            connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False, factory=Connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            return connection

    def _create(self) -> None:
        with self._opening():
            switch_to_wal(self._path, self._busy_s, PAGE_SIZE)
            with closing(sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)) as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version > VERSION:
                    raise BadInput(f"{self._path} is of version {version}, this program knows {VERSION}", field="OSHWATCH_TIMESERIES_URL", remedy="run the newer oshwatch")
                if version != VERSION:
                    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")

    @contextmanager
    def _opening(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise NotReady(f"{self._path}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{self._path}: {error}", field="OSHWATCH_TIMESERIES_URL", remedy="move that file away: it is no database") from None

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """Locked, full or failing disks are the store's trouble, not the batch's: rolled back, and `NotReady`."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise NotReady(f"{self._path}: {error}") from None
        finally:
            if not self._closed and connection.in_transaction:
                connection.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the file: what is sealed meanwhile is neither missed nor seen twice."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            with self._readers_lock:
                self._readers.add(connection)
        try:
            connection.execute("BEGIN")
            yield connection
        except sqlite3.Error as error:
            raise NotReady(f"{self._path}: {error}") from None
        finally:
            if not self._closed and connection.in_transaction:
                connection.execute("COMMIT")
