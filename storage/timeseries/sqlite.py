"""The embedded store (decision 6): one SQLite file in WAL, readings keyed by (channel, time) without a rowid, a table of last values, and minutes."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from math import isfinite
from pathlib import Path
from typing import TypeVar

from domain.errors import BadInput, NotReady
from domain.reading import Minute, Reading
from storage.timeseries.port import Batch, RefusedReading
from storage.wal import switch_to_wal

FILE = "readings.db"
VERSION = 1
BUSY_S = 10
_ASK_AT_ONCE = 500
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1

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
"""

_PUT_READING = "INSERT INTO reading VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, q = excluded.q, r = excluded.r"
_PUT_LAST = (
    "INSERT INTO last VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time_us = excluded.time_us, value = excluded.value, q = excluded.q, r = excluded.r "
    "WHERE excluded.time_us >= last.time_us"
)
_PUT_MINUTE = "INSERT OR REPLACE INTO minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_GET_READINGS = "SELECT time_us, value, q, r FROM reading WHERE channel = ? AND time_us >= ? AND time_us < ? ORDER BY time_us"
_GET_MINUTES = (
    "SELECT start_us, valid, rejected, total, low, high, saturated, below_detection, reasons FROM minute WHERE channel = ? AND start_us >= ? AND start_us < ? ORDER BY start_us"
)

T = TypeVar("T")
Row = tuple[int, int, float | None, int | None, str | None]


class _Connection(sqlite3.Connection):
    """Closes with the thread that it served."""

    def __del__(self) -> None:
        self.close()


class SqliteTimeSeries:
    """Readers in any thread and any process, also while it is written; writers wait for each other."""

    def __init__(self, directory: Path, *, busy_s: float = BUSY_S) -> None:
        self._path, self._busy_s = directory / FILE, busy_s
        self._ids: dict[str, int] = {}
        self._writing = threading.Lock()
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._readers_lock = threading.Lock()
        self._closed = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{directory}: {error.strerror}", field="OSHWATCH_TIMESERIES_URL", remedy="name a directory that can be written") from None
        self._create()
        self._writer = self._connect()

    def write(self, batch: Batch) -> list[RefusedReading]:
        """One transaction, synced to disk when it returns. A channel's last value follows its latest time."""
        readings, refused = _storable([*batch.fresh, *batch.rewritten])
        with self._writing, self._transaction(self._writer) as connection:
            ids = self._ids_for(connection, {reading.channel for reading in readings} | {minute.channel for minute in batch.minutes})
            rows = [(ids[channel], time_us, value, None if q == 4 else q, _text(r) if r else None) for channel, time_us, value, q, r in map(_fields, readings)]
            connection.executemany(_PUT_READING, rows)
            connection.executemany(_PUT_LAST, _latest(rows))
            connection.executemany(_PUT_MINUTE, [_minute_row(ids[minute.channel], minute) for minute in batch.minutes])
        self._ids = ids | self._ids
        return refused

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = {}
        with self._reading() as connection:
            for channel, id in self._known(connection, channels):
                rows = connection.execute(_GET_READINGS, (id, _clamp(start_us), _clamp(stop_us)))
                if readings := [Reading(channel, time_us, value, 4 if q is None else q, _codes(r)) for time_us, value, q, r in rows]:
                    found[channel] = readings
        return found

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        found: dict[str, list[Minute]] = {}
        with self._reading() as connection:
            for channel, id in self._known(connection, channels):
                rows = connection.execute(_GET_MINUTES, (id, _clamp(start_us), _clamp(stop_us)))
                if minutes := [_minute(channel, row) for row in rows]:
                    found[channel] = minutes
        return found

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        with self._reading() as connection:
            names = {id: channel for channel, id in self._known(connection, channels)}
            for part in _parts(list(names)):
                rows = connection.execute(f"SELECT channel, time_us, value, q, r FROM last WHERE channel IN ({_marks(part)})", part)  # noqa: S608 - marks only
                found.update((names[id], Reading(names[id], time_us, value, 4 if q is None else q, _codes(r))) for id, time_us, value, q, r in rows)
        return found

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        with self._reading() as connection:
            pairs = [(channel, connection.execute("SELECT max(start_us) FROM minute WHERE channel = ?", (id,)).fetchone()[0]) for channel, id in self._known(connection, channels)]
        return {channel: start_us for channel, start_us in pairs if start_us is not None}

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        of = "SELECT count(*) FROM reading WHERE channel = ? AND time_us >= ? AND time_us < ?"
        with self._reading() as connection:
            pairs = [(channel, connection.execute(of, (id, _clamp(start_us), _clamp(stop_us))).fetchone()[0]) for channel, id in self._known(connection, channels)]
        return {channel: number for channel, number in pairs if number}

    def ping(self) -> None:
        with self._reading() as connection:
            connection.execute("SELECT 1 FROM channel LIMIT 1").fetchone()

    def close(self) -> None:
        """Ends all connections, also those of other threads; call it once they are done."""
        with self._writing, self._readers_lock:
            self._closed = True
            for connection in (self._writer, *self._readers):
                connection.close()
            self._readers.clear()

    def _connect(self) -> _Connection:
        with self._opening():
            connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False, factory=_Connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -16384")
            return connection

    def _create(self) -> None:
        with self._opening():
            switch_to_wal(self._path, self._busy_s)
            with closing(sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)) as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
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
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            with self._readers_lock:
                self._readers.add(connection)
        try:
            yield connection
        except sqlite3.Error as error:
            raise NotReady(f"{self._path}: {error}") from None

    def _ids_for(self, connection: sqlite3.Connection, channels: Iterable[str]) -> dict[str, int]:
        """Ids of all these channels, new ones made in the running transaction (and remembered only once it is committed)."""
        ids = {channel: self._ids[channel] for channel in channels if channel in self._ids}
        for channel in channels:
            if channel not in ids:
                connection.execute("INSERT INTO channel (name) VALUES (?) ON CONFLICT DO NOTHING", (channel,))
                ids[channel] = connection.execute("SELECT id FROM channel WHERE name = ?", (channel,)).fetchone()[0]
        return ids

    def _known(self, connection: sqlite3.Connection, channels: Sequence[str]) -> list[tuple[str, int]]:
        ids = self._ids
        found: dict[str, int] = {}
        for part in _parts([channel for channel in channels if channel not in ids]):
            found.update(connection.execute(f"SELECT name, id FROM channel WHERE name IN ({_marks(part)})", part))  # noqa: S608 - marks only
        if found:
            self._ids = ids = ids | found
        return [(channel, ids[channel]) for channel in dict.fromkeys(channels) if channel in ids]


def _fields(reading: Reading) -> tuple[str, int, float | None, int, tuple[int, ...]]:
    return reading.channel, reading.time_us, reading.value, reading.q, reading.r


def _storable(readings: list[Reading]) -> tuple[list[Reading], list[RefusedReading]]:
    """SQLite would turn a NaN into no value, and its integers have 64 bits; nothing else is refused here."""
    if all(reading.value is None or isfinite(reading.value) for reading in readings) and all(_MIN_INT <= reading.time_us <= _MAX_INT for reading in readings):
        return readings, []
    refused = [RefusedReading(reading, detail) for reading in readings if (detail := _objection(reading))]
    return [reading for reading in readings if not _objection(reading)], refused


def _objection(reading: Reading) -> str:
    if reading.value is not None and not isfinite(reading.value):
        return "not a finite number"
    return "" if _MIN_INT <= reading.time_us <= _MAX_INT else "time out of range"


def _latest(rows: list[Row]) -> list[Row]:
    latest: dict[int, Row] = {}
    for row in rows:
        if row[0] not in latest or row[1] >= latest[row[0]][1]:
            latest[row[0]] = row
    return list(latest.values())


def _minute_row(id: int, minute: Minute) -> tuple[int, int, int, int, float, float | None, float | None, int, int, str | None]:
    return (
        id,
        minute.start_us,
        minute.valid,
        minute.rejected,
        minute.total,
        minute.low,
        minute.high,
        minute.saturated,
        minute.below_detection,
        _text(minute.reasons) if minute.reasons else None,
    )


def _minute(channel: str, row: tuple[int, int, int, float, float | None, float | None, int, int, str | None]) -> Minute:
    start_us, valid, rejected, total, low, high, saturated, below, reasons = row
    return Minute(
        channel=channel,
        start_us=start_us,
        valid=valid,
        rejected=rejected,
        total=total,
        low=low,
        high=high,
        saturated=saturated,
        below_detection=below,
        reasons=_codes(reasons),
    )


def _text(codes: tuple[int, ...]) -> str:
    return ",".join(map(str, codes))


def _codes(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


def _clamp(time_us: int) -> int:
    return min(max(time_us, _MIN_INT), _MAX_INT)


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _ASK_AT_ONCE):
        yield values[start : start + _ASK_AT_ONCE]
