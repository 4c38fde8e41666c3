"""Retention in the embedded store: whole hours of a channel are deleted, each deletion is a record, and what is deleted cannot come back piece by piece."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from domain.times import HOUR_US
from storage.timeseries.port import Expired, Expiry
from storage.timeseries.sqlite_rows import MAX_INT, MIN_INT, clamp, key_of
from storage.timeseries.sqlite_seal import hours_with_rows, seal_block

Span = tuple[int, int]
_FIRST_US = MIN_INT // HOUR_US * HOUR_US + HOUR_US
"""Retention has no beginning: what is older than all that was there is gone as well."""


class Floors:
    """The spans without readings of each channel, read again when there are more; rows of `expired` are only added."""

    def __init__(self) -> None:
        self._newest = 0
        self._gone: dict[int, list[Span]] = {}
        self._until: dict[int, int] = {}

    def look(self, connection: sqlite3.Connection) -> bool:
        """Whether anything was ever deleted."""
        newest: int = connection.execute("SELECT coalesce(max(rowid), 0) FROM expired").fetchone()[0]
        if newest != self._newest:
            self._gone = {}
            for id, start_us, stop_us in connection.execute("SELECT channel, start_us, stop_us FROM expired WHERE what = 'readings' ORDER BY channel, start_us").fetchall():
                self._gone.setdefault(id, []).append((start_us, stop_us))
            self._gone = {id: joined(spans) for id, spans in self._gone.items()}
            self._until = {id: spans[-1][1] for id, spans in self._gone.items()}
            self._newest = newest
        return bool(self._gone)

    def is_gone(self, id: int, time_us: int) -> bool:
        return time_us < self._until.get(id, MIN_INT) and any(start_us <= time_us < stop_us for start_us, stop_us in self._gone[id])


def delete_expired(connection: sqlite3.Connection, channel: str, id: int, expiry: Expiry, at_us: int) -> list[Expired]:
    done: list[Expired] = []
    readings_us, minutes_us = (clamp(each) // HOUR_US * HOUR_US for each in (expiry.readings_before_us, expiry.minutes_before_us))
    _seal_rows(connection, channel, id, max(readings_us, minutes_us))
    for what, before_us in (("readings", readings_us), ("minutes", minutes_us)):
        gone = [(start_us, stop_us) for start_us, stop_us in connection.execute("SELECT start_us, stop_us FROM expired WHERE channel = ? AND what = ?", (id, what))]
        for start_us, stop_us in without((_FIRST_US, before_us), [*gone, *_whole_hours(expiry.held)]):
            number = _delete(connection, id, what, start_us, stop_us)
            connection.execute("INSERT INTO expired VALUES (?, ?, ?, ?, ?, ?, ?)", (id, what, start_us, stop_us, number, at_us, expiry.rule))
            done.append(Expired(channel, what, start_us, stop_us, number, at_us, expiry.rule))
    return done


def recorded(connection: sqlite3.Connection, channel: str, id: int, start_us: int, stop_us: int) -> list[Expired]:
    rows = connection.execute(
        "SELECT what, start_us, stop_us, number, at_us, rule FROM expired WHERE channel = ? AND stop_us > ? AND start_us < ? ORDER BY start_us, what", (id, start_us, stop_us)
    )
    return [Expired(channel, *row) for row in rows]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Ascending, those that touch as one."""
    found: list[Span] = []
    for start_us, stop_us in sorted(spans):
        if found and start_us <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop_us)
        else:
            found.append((start_us, stop_us))
    return found


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of a span."""
    left, at_us = [], span[0]
    for start_us, stop_us in joined(taken):
        if start_us > at_us and at_us < span[1]:
            left.append((at_us, min(start_us, span[1])))
        at_us = max(at_us, stop_us)
    return [*left, (at_us, span[1])] if at_us < span[1] else left


def _whole_hours(spans: Sequence[Span]) -> list[Span]:
    return [(clamp(start_us) // HOUR_US * HOUR_US, min(-(-stop_us // HOUR_US) * HOUR_US, MAX_INT)) for start_us, stop_us in spans]


def _delete(connection: sqlite3.Connection, id: int, what: str, start_us: int, stop_us: int) -> int:
    """Only what is sealed is left here. Rollups are minutes of another size: they stay, they are small, and they are what is left to show."""
    table = "sealed_reading" if what == "readings" else "sealed_minute"
    keys = key_of(id, start_us // HOUR_US), key_of(id, stop_us // HOUR_US - 1)
    number: int = connection.execute(f"SELECT coalesce(sum(number), 0) FROM {table} WHERE key BETWEEN ? AND ?", keys).fetchone()[0]  # noqa: S608 - names of ours
    connection.execute(f"DELETE FROM {table} WHERE key BETWEEN ? AND ?", keys)  # noqa: S608
    if what == "readings":
        connection.execute("DELETE FROM last WHERE channel = ? AND time_us >= ? AND time_us < ?", (id, start_us, stop_us))
    return number


def _seal_rows(connection: sqlite3.Connection, channel: str, id: int, before_us: int) -> None:
    """So that each hour is in the rollup of its day before its minutes go."""
    for hour in hours_with_rows(connection, id):
        if hour * HOUR_US < before_us:
            seal_block(connection, channel, (id, hour))
