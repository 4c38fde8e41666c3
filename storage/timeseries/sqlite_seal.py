"""Which hours of the embedded store are closed, and their sealing inside the transaction of a write (decision 24)."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from domain.reading import Minute
from domain.times import DAY_US, HOUR_US, MINUTE_US
from storage.timeseries.rollup import Rollup, hours_of
from storage.timeseries.sealed import Row, minutes_from, seal_minutes, seal_readings, unseal_readings
from storage.timeseries.sqlite_rows import GET_HOT_MINUTES, GET_HOT_READINGS, MAX_INT, MIN_INT, codes_from, key_of, minute_from_row

SEAL_AFTER_US = 15 * MINUTE_US
"""Past the end of an hour, when what an agent sends on time has long come."""
QUIET_WRITES = 64
"""An hour that late data reopened is sealed again once so many writes have left it alone."""
ROWS_A_WRITE = 2_000

Block = tuple[int, int]
"""(channel id, hours since the epoch)"""

_hours = msgspec.msgpack.Decoder(list[Rollup]).decode
_encode = msgspec.msgpack.Encoder().encode


class Sealer:
    """Used by the writer alone. It remembers which hours have rows, and after a start finds them again."""

    def __init__(self) -> None:
        self._open: OrderedDict[Block, int] = OrderedDict()  # least recently written first
        self._writes = 0
        self._newest_us = -(2**62)
        self._knows = False

    def written(self, blocks: Iterable[Block], newest_us: int) -> None:
        """After a commit."""
        self._writes += 1
        self._newest_us = max(self._newest_us, newest_us)
        for block in blocks:
            self._open[block] = self._writes
            self._open.move_to_end(block)

    def seal(self, connection: sqlite3.Connection, names: dict[int, str], written: int) -> list[Block]:
        """Seals about twice as many rows as were written, so that it keeps up; give what it returns to `forget` once that is committed."""
        if not self._knows:
            self._find(connection)
        sealed: list[Block] = []
        rows, most = 0, max(ROWS_A_WRITE, 2 * written)
        for block, write in self._open.items():
            if rows >= most or write + QUIET_WRITES > self._writes:
                break
            if (block[1] + 1) * HOUR_US + SEAL_AFTER_US <= self._newest_us:
                rows += seal_block(connection, names.get(block[0]) or _name(connection, block[0]), block)
                sealed.append(block)
        return sealed

    def forget(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            self._open.pop(block, None)

    def all(self, connection: sqlite3.Connection) -> list[Block]:
        self._find(connection)
        return list(self._open)

    def _find(self, connection: sqlite3.Connection) -> None:
        for (id,) in connection.execute("SELECT id FROM channel").fetchall():
            for hour in hours_with_rows(connection, id):
                self._open.setdefault((id, hour), 0)
                self._open.move_to_end((id, hour), last=False)
        newest = connection.execute("SELECT max(time_us) FROM last").fetchone()[0]
        self._newest_us = max(self._newest_us, -(2**62) if newest is None else newest)
        self._knows = True


def hours_with_rows(connection: sqlite3.Connection, id: int) -> set[int]:
    """Hour by hour along the keys, which costs nothing for what is already sealed."""
    hours: set[int] = set()
    for table, column in (("reading", "time_us"), ("minute", "start_us")):
        next_us = MIN_INT
        while next_us <= MAX_INT:
            row = connection.execute(f"SELECT {column} FROM {table} WHERE channel = ? AND {column} >= ? ORDER BY {column} LIMIT 1", (id, next_us)).fetchone()  # noqa: S608
            if row is None:
                break
            hours.add(row[0] // HOUR_US)
            next_us = (row[0] // HOUR_US + 1) * HOUR_US
    return hours


def seal_block(connection: sqlite3.Connection, channel: str, block: Block) -> int:
    """Moves the rows of an hour into what is sealed of it, a row over what is there of the same time; returns how many it moved."""
    id, hour = block
    span = id, hour * HOUR_US, (hour + 1) * HOUR_US
    key = key_of(id, hour)
    readings = connection.execute(GET_HOT_READINGS, span).fetchall()
    if readings:
        rows: list[Row] = [(time_us, value, 4 if q is None else q, codes_from(r)) for time_us, value, q, r in readings]
        if found := connection.execute("SELECT body FROM sealed_reading WHERE key = ?", (key,)).fetchone():
            rows = merged_rows(found[0], rows)
        connection.execute("INSERT OR REPLACE INTO sealed_reading VALUES (?, ?, ?)", (key, len(rows), seal_readings(rows)))
        connection.execute("DELETE FROM reading WHERE channel = ? AND time_us >= ? AND time_us < ?", span)
    minutes = connection.execute(GET_HOT_MINUTES, span).fetchall()
    if minutes:
        _seal_minutes(connection, channel, block, [minute_from_row(channel, row) for row in minutes])
        connection.execute("DELETE FROM minute WHERE channel = ? AND start_us >= ? AND start_us < ?", span)
    return len(readings) + len(minutes)


def merged_rows(body: bytes, rows: list[Row]) -> list[Row]:
    times, values, states = unseal_readings(body)
    found: dict[int, Row] = {time_us: (time_us, value, q, r) for time_us, value, (q, r, _) in zip(times, values, states, strict=True)}
    found.update((row[0], row) for row in rows)
    return [found[time_us] for time_us in sorted(found)]


def merged_minutes(sealed: Iterable[Minute], rows: Iterable[Minute]) -> list[Minute]:
    found = {minute.start_us: minute for minute in sealed}
    found.update((minute.start_us, minute) for minute in rows)
    return [found[start_us] for start_us in sorted(found)]


def _seal_minutes(connection: sqlite3.Connection, channel: str, block: Block, minutes: list[Minute]) -> None:
    """The minutes of an hour, and the hour in the rollup of its day."""
    id, hour = block
    key = key_of(id, hour)
    if found := connection.execute("SELECT body FROM sealed_minute WHERE key = ?", (key,)).fetchone():
        minutes = merged_minutes(minutes_from(channel, found[0]), minutes)
    connection.execute("INSERT OR REPLACE INTO sealed_minute VALUES (?, ?, ?, ?)", (key, len(minutes), minutes[-1].start_us, seal_minutes(minutes)))
    day_key = key_of(id, hour * HOUR_US // DAY_US)
    known = connection.execute("SELECT hours FROM rollup WHERE key = ?", (day_key,)).fetchone()
    hours = {each.start_us: each for each in _hours(known[0])} if known else {}
    hours.update((each.start_us, each) for each in hours_of(channel, minutes))
    connection.execute("INSERT OR REPLACE INTO rollup VALUES (?, ?)", (day_key, _encode([hours[start_us] for start_us in sorted(hours)])))


def _name(connection: sqlite3.Connection, id: int) -> str:
    name: str = connection.execute("SELECT name FROM channel WHERE id = ?", (id,)).fetchone()[0]
    return name
