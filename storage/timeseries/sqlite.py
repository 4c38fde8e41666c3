"""The embedded store (decisions 6 and 24): one SQLite file in WAL. New readings and minutes are rows; an hour after its end each hour of a channel is sealed into columns."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.reading import Minute, Reading
from domain.times import DAY_US, HOUR_US
from storage.timeseries.columns import MinuteColumns, columns_of
from storage.timeseries.port import Batch, Expired, Expiry, Fidelity, RefusedReading
from storage.timeseries.rollup import Rollup, days_of, hours_of, hours_of_parts, whole
from storage.timeseries.sealed import minutes_from, readings_from
from storage.timeseries.sqlite_expiry import Floors, delete_expired, recorded
from storage.timeseries.sqlite_file import BUSY_S, FILE, SqliteFile
from storage.timeseries.sqlite_rows import GET_HOT_MINUTES, GET_HOT_READINGS, MAX_INT, MIN_INT, MinuteKeyRow, clamp, codes_from, key_of, minute_from_row, minute_row, text_of
from storage.timeseries.sqlite_seal import Sealer, merged_minutes, seal_block

_ASK_AT_ONCE = 500

_PUT_READING = "INSERT INTO reading VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, q = excluded.q, r = excluded.r"
_PUT_LAST = (
    "INSERT INTO last VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time_us = excluded.time_us, value = excluded.value, q = excluded.q, r = excluded.r "
    "WHERE excluded.time_us >= last.time_us"
)
_PUT_MINUTE = "INSERT OR REPLACE INTO minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_channel_of = itemgetter(0)

T = TypeVar("T")
Row = tuple[int, int, float | None, int | None, str | None]

_hours_of = msgspec.msgpack.Decoder(list[Rollup]).decode


class SqliteTimeSeries(SqliteFile):
    """Readers in any thread and any process, also while it is written; writers wait for each other."""

    def __init__(self, directory: Path, *, busy_s: float = BUSY_S) -> None:
        super().__init__(directory, busy_s=busy_s)
        self._ids: dict[str, int] = {}
        self._sealer = Sealer()
        self._floors = Floors()

    def write(self, batch: Batch) -> list[RefusedReading]:
        """One transaction, synced to disk when it returns. A channel's last value follows its latest time. Hours that are closed are sealed along with it."""
        readings, refused = _storable([*batch.fresh, *batch.rewritten])
        with self._writing:
            with self._transaction(self._writer) as connection:
                ids = self._ids_for(connection, {reading.channel for reading in readings} | {minute.channel for minute in batch.minutes})
                rows = [(ids[each.channel], each.time_us, each.value, None if each.q == 4 else each.q, text_of(each.r) if each.r else None) for each in readings]
                minutes = [minute_row(ids[minute.channel], minute) for minute in batch.minutes]
                if self._floors.look(connection):
                    rows, minutes = self._after_retention(rows, minutes, readings, refused)
                rows.sort(key=_channel_of)  # the end of each channel is found once, not once a reading; of one time the last still wins
                minutes.sort(key=_channel_of)
                connection.executemany(_PUT_READING, rows)
                connection.executemany(_PUT_LAST, _latest(rows))
                connection.executemany(_PUT_MINUTE, minutes)
                sealed = self._sealer.seal(connection, {}, len(rows))
            self._sealer.forget(sealed)
            blocks = {(row[0], row[1] // HOUR_US) for row in rows}
            blocks.update((minute[0], minute[1] // HOUR_US) for minute in minutes)
            self._sealer.written(blocks, max((row[1] for row in rows), default=-(2**62)))
        self._ids = ids | self._ids
        return refused

    def seal_all(self) -> None:
        """Everything, also the hours that are still open: for a file that is put away."""
        with self._writing:
            with self._transaction(self._writer) as connection:
                names = dict(connection.execute("SELECT id, name FROM channel"))
                blocks = self._sealer.all(connection)
                for block in blocks:
                    seal_block(connection, names[block[0]], block)
            self._sealer.forget(blocks)

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        with self._reading() as connection:
            found = {channel: _readings(connection, channel, id, clamp(start_us), clamp(stop_us)) for channel, id in self._known(connection, channels)}
        return {channel: readings for channel, readings in found.items() if readings}

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        with self._reading() as connection:
            found = {channel: _minutes(connection, channel, id, clamp(start_us), clamp(stop_us)) for channel, id in self._known(connection, channels)}
        return {channel: minutes for channel, minutes in found.items() if minutes}

    def read_minute_columns(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, MinuteColumns]:
        """As `read_minutes`, without an object a minute."""
        with self._reading() as connection:
            found = {channel: _columns(connection, channel, id, clamp(start_us), clamp(stop_us)) for channel, id in self._known(connection, channels)}
        return {channel: columns for channel, columns in found.items() if len(columns.start_us)}

    def read_rollups(self, channels: Sequence[str], start_us: int, stop_us: int, every_us: int) -> dict[str, list[Rollup]]:
        start_us, stop_us = whole(clamp(start_us), clamp(stop_us), every_us)
        with self._reading() as connection:
            found = {channel: _hours(connection, channel, id, start_us, stop_us) for channel, id in self._known(connection, channels)}
        if every_us == DAY_US:
            found = {channel: days_of(channel, hours) for channel, hours in found.items()}
        return {channel: rollups for channel, rollups in found.items() if rollups}

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        with self._reading() as connection:
            names = {id: channel for channel, id in self._known(connection, channels)}
            for part in _parts(list(names)):
                rows = connection.execute(f"SELECT channel, time_us, value, q, r FROM last WHERE channel IN ({_marks(part)})", part)  # noqa: S608 - marks only
                found.update((names[id], Reading(names[id], time_us, value, 4 if q is None else q, codes_from(r))) for id, time_us, value, q, r in rows)
        return found

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        with self._reading() as connection:
            pairs = [(channel, _last_minute(connection, id)) for channel, id in self._known(connection, channels)]
        return {channel: start_us for channel, start_us in pairs if start_us is not None}

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        with self._reading() as connection:
            pairs = [(channel, _count(connection, channel, id, clamp(start_us), clamp(stop_us))) for channel, id in self._known(connection, channels)]
        return {channel: number for channel, number in pairs if number}

    def channels(self) -> list[str]:
        with self._reading() as connection:
            return sorted(name for name, id in connection.execute("SELECT name, id FROM channel").fetchall() if _span(connection, id))

    def span(self, channels: Sequence[str]) -> dict[str, tuple[int, int]]:
        with self._reading() as connection:
            pairs = [(channel, _span(connection, id)) for channel, id in self._known(connection, channels)]
        return {channel: span for channel, span in pairs if span}

    def expire(self, expiries: Sequence[Expiry], at_us: int) -> list[Expired]:
        """One transaction a channel, so that a writer never waits long."""
        done: list[Expired] = []
        for expiry in expiries:
            with self._writing, self._transaction(self._writer) as connection:
                for channel, id in self._known(connection, [expiry.channel]):
                    done += delete_expired(connection, channel, id, expiry, at_us)
        return done

    def expired(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Expired]]:
        with self._reading() as connection:
            found = {channel: recorded(connection, channel, id, clamp(start_us), clamp(stop_us)) for channel, id in self._known(connection, channels)}
        return {channel: spans for channel, spans in found.items() if spans}

    def size(self) -> int:
        """Bytes of the file once its log is carried into it, without pages that are free."""
        with self._reading() as connection:
            pages, free, each = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
            return int((pages - free) * each)

    @property
    def side_by_side(self) -> bool:
        return False

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("SQLite")

    def ping(self) -> None:
        with self._reading() as connection:
            connection.execute("SELECT 1 FROM channel LIMIT 1").fetchone()

    def _after_retention(self, rows: list[Row], minutes: list[MinuteKeyRow], readings: list[Reading], refused: list[RefusedReading]) -> tuple[list[Row], list[MinuteKeyRow]]:
        """A minute whose readings are gone is closed for good: neither late readings of it nor a minute made of them alone are taken."""
        gone = self._floors.is_gone
        refused += [RefusedReading(reading, "after retention") for row, reading in zip(rows, readings, strict=True) if gone(row[0], row[1])]
        return [row for row in rows if not gone(row[0], row[1])], [row for row in minutes if not gone(row[0], row[1])]

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


def _readings(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> list[Reading]:
    """What is sealed and, over it, the rows."""
    rows = connection.execute(GET_HOT_READINGS, (id, start_us, stop_us))
    hot = [Reading(channel, time_us, value, 4 if q is None else q, codes_from(r)) for time_us, value, q, r in rows]
    sealed: list[Reading] = []
    for body in _bodies(connection, "sealed_reading", id, start_us, stop_us):
        sealed += readings_from(channel, body)
    if not sealed:
        return hot
    if sealed[0].time_us < start_us or sealed[-1].time_us >= stop_us:
        sealed = sealed[bisect_left(sealed, start_us, key=_time_of) : bisect_left(sealed, stop_us, key=_time_of)]
    if not hot or not sealed or hot[0].time_us > sealed[-1].time_us:
        return sealed + hot
    found = {reading.time_us: reading for reading in sealed}
    found.update((reading.time_us, reading) for reading in hot)
    return [found[time_us] for time_us in sorted(found)]


def _minutes(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> list[Minute]:
    hot = [minute_from_row(channel, row) for row in connection.execute(GET_HOT_MINUTES, (id, start_us, stop_us))]
    bodies = _bodies(connection, "sealed_minute", id, start_us, stop_us)
    sealed = [minute for body in bodies for minute in minutes_from(channel, body) if start_us <= minute.start_us < stop_us]
    return merged_minutes(sealed, hot) if sealed and hot else sealed or hot


def _columns(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> MinuteColumns:
    """What is sealed as it lies there, where it lies whole in the span and no row is over it."""
    from storage.timeseries.sealed_arrays import columns_from  # noqa: PLC0415 - whoever reads columns has numpy; ingest stays small

    hot = connection.execute("SELECT 1 FROM minute WHERE channel = ? AND start_us >= ? AND start_us < ? LIMIT 1", (id, start_us, stop_us)).fetchone()
    if hot is None:
        columns = columns_from(_bodies(connection, "sealed_minute", id, start_us, stop_us))
        if not len(columns.start_us) or (columns.start_us[0] >= start_us and columns.start_us[-1] < stop_us):
            return columns
    return columns_of(_minutes(connection, channel, id, start_us, stop_us))


def _hours(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> list[Rollup]:
    """The rollups of sealed hours; an hour that has rows is folded from its minutes as they are now."""
    keys = key_of(id, start_us // DAY_US), key_of(id, (stop_us - 1) // DAY_US)
    sealed = connection.execute("SELECT hours FROM rollup WHERE key BETWEEN ? AND ? ORDER BY key", keys).fetchall()
    hours = list(chain.from_iterable([_hours_of(body) for (body,) in sealed]))
    if hours and (hours[0].start_us < start_us or hours[-1].start_us >= stop_us):
        hours = [hour for hour in hours if start_us <= hour.start_us < stop_us]
    hot = [
        (at_us, 1 if valid else 0, valid, rejected, total, low, high, saturated, below, codes_from(reasons) if reasons else ())
        for at_us, valid, rejected, total, low, high, saturated, below, reasons in connection.execute(GET_HOT_MINUTES, (id, clamp(start_us), clamp(stop_us)))
    ]
    if not hot:
        return hours
    first_us = hot[0][0] // HOUR_US * HOUR_US
    if not hours or hours[-1].start_us < first_us:
        return hours + hours_of_parts(channel, hot)
    known = {hour.start_us: hour for hour in hours}
    reopened = dict.fromkeys(hour_us for part in hot if (hour_us := part[0] // HOUR_US * HOUR_US) in known)
    known.update((hour.start_us, hour) for hour in hours_of_parts(channel, hot))
    for hour_us in reopened:
        known[hour_us] = hours_of(channel, _minutes(connection, channel, id, hour_us, hour_us + HOUR_US))[0]
    return [known[hour_us] for hour_us in sorted(known)]


def _count(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> int:
    """Sealed hours that lie whole in the span know their number; the others, and those with rows over them, are read."""
    if stop_us <= start_us:
        return 0
    first, last = start_us // HOUR_US, (stop_us - 1) // HOUR_US
    hot = {hour for (hour,) in connection.execute("SELECT DISTINCT time_us / ? FROM reading WHERE channel = ? AND time_us >= ? AND time_us < ?", (HOUR_US, id, start_us, stop_us))}
    if any(hour < 0 for hour in hot) or start_us < 0:
        hot = {row[0] // HOUR_US for row in connection.execute(GET_HOT_READINGS, (id, start_us, stop_us))}
    whole: dict[int, int] = dict(connection.execute("SELECT key, number FROM sealed_reading WHERE key BETWEEN ? AND ?", (key_of(id, first), key_of(id, last))))
    apart = hot | {hour for hour in (first, last) if key_of(id, hour) in whole}
    read = sum(len(_readings(connection, channel, id, max(start_us, hour * HOUR_US), min(stop_us, (hour + 1) * HOUR_US))) for hour in apart)
    return read + sum(whole.values()) - sum(whole.get(key_of(id, hour), 0) for hour in apart)


def _last_minute(connection: sqlite3.Connection, id: int) -> int | None:
    hot = connection.execute("SELECT max(start_us) FROM minute WHERE channel = ?", (id,)).fetchone()[0]
    sealed = connection.execute("SELECT last_us FROM sealed_minute WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1", _all_of(id)).fetchone()
    return max((each for each in (hot, sealed and sealed[0]) if each is not None), default=None)


def _span(connection: sqlite3.Connection, id: int) -> tuple[int, int] | None:
    """Of sealed records in whole hours."""
    ends: list[int] = []
    for table, column, sealed in (("reading", "time_us", "sealed_reading"), ("minute", "start_us", "sealed_minute")):
        low = connection.execute(f"SELECT min({column}) FROM {table} WHERE channel = ?", (id,)).fetchone()[0]  # noqa: S608 - names of ours
        high = connection.execute(f"SELECT max({column}) FROM {table} WHERE channel = ?", (id,)).fetchone()[0]  # noqa: S608
        keys = connection.execute(f"SELECT min(key), max(key) FROM {sealed} WHERE key BETWEEN ? AND ?", _all_of(id)).fetchone()  # noqa: S608
        ends += [] if low is None else [low, high + 1]
        ends += [] if keys[0] is None else [_hour_us(id, keys[0]), _hour_us(id, keys[1]) + HOUR_US]
    return (min(ends), max(ends)) if ends else None


def _hour_us(id: int, key: int) -> int:
    return (key - key_of(id, 0)) * HOUR_US


def _all_of(id: int) -> tuple[int, int]:
    return key_of(id, MIN_INT // HOUR_US), key_of(id, MAX_INT // HOUR_US)


def _bodies(connection: sqlite3.Connection, table: str, id: int, start_us: int, stop_us: int) -> list[bytes]:
    if stop_us <= start_us:
        return []
    keys = key_of(id, start_us // HOUR_US), key_of(id, (stop_us - 1) // HOUR_US)
    return [body for (body,) in connection.execute(f"SELECT body FROM {table} WHERE key BETWEEN ? AND ? ORDER BY key", keys)]  # noqa: S608 - names of ours


def _time_of(reading: Reading) -> int:
    return reading.time_us


def _storable(readings: list[Reading]) -> tuple[list[Reading], list[RefusedReading]]:
    """SQLite would turn a NaN into no value, and its integers have 64 bits; nothing else is refused here."""
    values, times = [each.value for each in readings if each.value is not None], [each.time_us for each in readings]
    if all(map(isfinite, values)) and (not times or (min(times) >= MIN_INT and max(times) <= MAX_INT)):
        return readings, []
    refused = [RefusedReading(reading, detail) for reading in readings if (detail := _objection(reading))]
    return [reading for reading in readings if not _objection(reading)], refused


def _objection(reading: Reading) -> str:
    if reading.value is not None and not isfinite(reading.value):
        return "not a finite number"
    return "" if MIN_INT <= reading.time_us <= MAX_INT else "time out of range"


def _latest(rows: list[Row]) -> list[Row]:
    latest: dict[int, Row] = {}
    for row in rows:
        if row[0] not in latest or row[1] >= latest[row[0]][1]:
            latest[row[0]] = row
    return list(latest.values())


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _ASK_AT_ONCE):
        yield values[start : start + _ASK_AT_ONCE]


__all__ = ["FILE", "SqliteTimeSeries"]
