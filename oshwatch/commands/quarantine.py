"""`oshwatch quarantine`: what could not be accepted, why, and trying it again."""

from __future__ import annotations

import argparse

from domain.times import to_rfc3339
from oshwatch.parts import ask_retry, prepare
from oshwatch.settings import load_settings
from storage.records.quarantine import QuarantineItem, QuarantineRepository


def list_held(options: argparse.Namespace) -> int:
    """1 when anything is held."""
    repository = QuarantineRepository(prepare(load_settings(config=options.config)))
    held, after = 0, 0
    while items := repository.held(after_id=after):
        held, after = held + len(items), items[-1].id
        for item in items:
            print(_line(item))
    print(f"{held} held")
    return 1 if held else 0


def show(options: argparse.Namespace) -> None:
    item = QuarantineRepository(prepare(load_settings(config=options.config))).get(options.id)
    print(_line(item))
    print(item.payload.decode(errors="backslashreplace"))


def retry(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    repository = QuarantineRepository(prepare(settings))
    ids = [repository.get(id).id for id in options.id]
    ask_retry(settings, *ids)
    print(f"asked ingest to try {' '.join(map(str, ids))} again; `oshwatch quarantine show ID` says what became of each")


def _line(item: QuarantineItem) -> str:
    what = "pack" if item.whole else "record"
    return f"{item.id}\t{to_rfc3339(item.arrived_us)}\t{item.state}\t{item.agent}\t{what} {item.boot}/{item.seq}\t{item.refusal}: {item.detail}\t×{item.times}"
