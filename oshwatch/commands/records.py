"""`oshwatch records`: everything but the readings, from one records database to another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sqlalchemy import Engine

from domain.errors import BadInput, Refused
from domain.times import SECOND_US
from oshwatch.settings import load_settings

RUNNING_S = 15
"""A part that spoke within this time is taken to run."""


def copy(options: argparse.Namespace) -> int:
    """1 when anything differs."""
    from storage.records.copying import compare_records, copy_records
    from storage.records.engine import open_records

    if options.source == options.target:
        raise BadInput("names the source itself", field="--to", remedy="name another, empty database")
    _refuse_a_new_file(options.source)
    source = open_records(options.source)
    try:
        if not options.verify_only and not options.rehearsal:
            _refuse_while_running(source, load_settings(config=options.config).clock.now_us())
        target = open_records(options.target)
        try:
            copied = compare_records(source, target) if options.verify_only else copy_records(source, target, told=_told)
        finally:
            target.dispose()
    finally:
        source.dispose()
    for name in copied.wrong:
        print(f"differs: {name}")
    print(f"{len(copied.tables)} tables, {copied.rows} rows {'compared' if options.verify_only else 'copied'}, {len(copied.wrong)} tables differ, sha256 {copied.checksum}")
    return 1 if copied.wrong else 0


def _refuse_a_new_file(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    if url.startswith("sqlite:") and not Path(path).is_file():
        raise BadInput(f"there is no database at {path}", field="--from", remedy="sqlite:////var/lib/oshwatch/oshwatch.db")


def _refuse_while_running(source: Engine, now_us: int) -> None:
    from storage.records.services import ServicesRepository

    running = sorted(row.name for row in ServicesRepository(source).all() if now_us - row.at_us < RUNNING_S * SECOND_US)
    if running:
        raise Refused(f"{', '.join(running)} ran within the last {RUNNING_S} s: what it writes after the copy would be lost; stop the centre first (or --rehearsal, to try)")


def _told(table: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{table:60}", end="", file=sys.stderr, flush=True)
