"""Brings over what can still be read from a damaged outbox file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.outbox_file import OutboxFile
from edge_agent.ranges import Ranges

_SMALL_TABLES = (
    ("SELECT no, boot, machine, imported, clean FROM boot", "INSERT OR REPLACE INTO boot (no, boot, machine, imported, clean) VALUES (?, ?, ?, ?, ?)"),
    ("SELECT boot_no, ranges FROM gone", "INSERT OR REPLACE INTO gone (boot_no, ranges) VALUES (?, ?)"),
    ("SELECT destination, boot_no, ranges FROM cursor", "INSERT OR REPLACE INTO cursor (destination, boot_no, ranges) VALUES (?, ?, ?)"),
)
_FROM_BOTH_ENDS = (
    "SELECT id, kind, sync, created_us, first_us, last_us, body FROM row ORDER BY id ASC",
    "SELECT id, kind, sync, created_us, first_us, last_us, body FROM row ORDER BY id DESC",
)
_ROW = "INSERT OR REPLACE INTO row (id, kind, sync, created_us, first_us, last_us, body) VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Saved:
    """The row ids that were brought over."""

    ids: Ranges


def salvage(aside: Path, fresh: OutboxFile) -> Saved:
    """Copy boots, cursors and every row that can be read from both ends of the damage."""
    ids = Ranges()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as old, fresh.transaction() as db:
        for select, insert in _SMALL_TABLES:
            for found in _readable(old, select):
                db.execute(insert, found)
        for select in _FROM_BOTH_ENDS:
            for found in _readable(old, select):
                if found[0] in ids:
                    break
                db.execute(_ROW, found)
                ids.add(found[0], found[0])
    return Saved(ids)


def _readable(old: sqlite3.Connection, statement: str) -> Iterator[tuple]:  # type: ignore[type-arg]
    """Rows until the damage."""
    try:
        yield from old.execute(statement)
    except sqlite3.Error:
        return
