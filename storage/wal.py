"""SQLite's write-ahead log, switched on once for a file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path


def switch_to_wal(file: Path, timeout_s: float, page_size: int = 4096) -> None:
    """Makes the file, in pages of this size, when it is missing. SQLite does not wait for locks at this switch, so several first starts at once would trip over each other: this waits."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with closing(sqlite3.connect(file, timeout=timeout_s)) as connection:
                connection.execute(f"PRAGMA page_size = {page_size}")
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
