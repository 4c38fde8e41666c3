"""Where a microsecond goes: packs through every stage of ingest in one thread, each stage's CPU time by itself (docs/hot-path.md)."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from domain.clock import SystemClock
from domain.reading import Reading
from domain.senml import decode_pack
from ingest.bench_packs import CHANNELS_IN_ALL, INTERVAL_US, bench_site, packs_of
from ingest.committer import Committer
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.merger import Merger, SettledReader
from ingest.patience import Patience
from ingest.rules import InstantRules, NoticeKind
from ingest.service import CHUNK_MESSAGES, COMMIT_READINGS
from ingest.share import Share
from ingest.source import Message
from ingest.tap import Frame, Splitter
from ingest.work import Work
from storage.records.engine import open_records
from storage.records.ledger import LedgerRepository
from storage.records.registry import RegistryRepository
from storage.timeseries.lineprotocol import LineEncoder
from storage.timeseries.sqlite import SqliteTimeSeries

_RECV_BYTES = 256 * 1024


class _Stopwatch:
    """CPU seconds of this thread by stage; a stage inside another is taken out of it."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self._inner_s = 0.0

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        outer_s, self._inner_s, began_s = self._inner_s, 0.0, time.thread_time()
        yield
        taken_s = time.thread_time() - began_s
        self.spent_s[stage] += taken_s - self._inner_s
        self._inner_s = outer_s + taken_s


class _TimedRules:
    def __init__(self, rules: InstantRules, stopwatch: _Stopwatch) -> None:
        self._rules, self._stopwatch = rules, stopwatch

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        with self._stopwatch("instant rules"):
            self._rules.check(readings, arrival_us)

    def notice(self, agent: str, kind: NoticeKind, text: str, at_us: int) -> None:
        self._rules.notice(agent, kind, text, at_us)


class _Silent:
    """A source that takes every acknowledgement."""

    def ack(self, tokens: Sequence[int]) -> None:
        """Nobody waits."""

    def publish(self, *_args: object, **_options: object) -> bool:
        return True


def stage_costs(pack_size: int, readings: int, rules_of: Any) -> dict[str, Any]:
    """µs of CPU a pack and a reading, by stage; `rules_of` makes the instant rules of an engine and a clock. No server, no other thread."""
    clock, site = SystemClock(), "stages"
    with tempfile.TemporaryDirectory(prefix="oshwatch-stages-") as name:
        engine = open_records(f"sqlite:///{name}/oshwatch.db")
        RegistryRepository(engine).import_file(bench_site(site), valid_from_us=None, author="bench", reason="bench", now_us=clock.now_us())
        stopwatch = _Stopwatch()
        start_us = clock.now_us() - (readings // CHANNELS_IN_ALL + 2) * INTERVAL_US
        stream = b"".join(_publish(topic, payload) for topic, payload in packs_of(readings // pack_size, pack_size, site, start_us))
        messages = _messages(stream, stopwatch, clock)
        with stopwatch("decode alone (part of intake)"):
            for message in messages:
                decode_pack(message.payload, message.topic.split("/")[2])
        _pass_on(messages, pack_size, engine, Path(name), _TimedRules(rules_of(engine, clock), stopwatch), stopwatch)
        engine.dispose()
    per_reading = {stage: seconds / (len(messages) * pack_size) * 1e6 for stage, seconds in stopwatch.spent_s.items()}
    total = sum(cost for stage, cost in per_reading.items() if "part of" not in stage)
    return {
        "bench": "ingest stages",
        "readings_per_pack": pack_size,
        "us_per_reading": {stage: round(cost, 3) for stage, cost in per_reading.items()} | {"sum": round(total, 2)},
        "us_per_pack": {stage: round(cost * pack_size, 1) for stage, cost in per_reading.items()} | {"sum": round(total * pack_size, 1)},
    }


def _publish(topic: str, payload: bytes) -> bytes:
    """An MQTT 3.1.1 PUBLISH at QoS 1, as the broker sends it."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\x00\x01" + payload
    length, rest = b"", len(body)
    while rest >= 0x80:
        length, rest = length + bytes((rest & 0x7F | 0x80,)), rest >> 7
    return b"\x32" + length + bytes((rest,)) + body


def _messages(stream: bytes, stopwatch: _Stopwatch, clock: SystemClock) -> list[Message]:
    splitter, frames, topics = Splitter(), list[Frame](), dict[bytes, str]()
    pieces = [stream[at : at + _RECV_BYTES] for at in range(0, len(stream), _RECV_BYTES)]
    with stopwatch("split and frame"):
        for piece in pieces:
            splitter.feed(piece, frames)
        arrived_us, received_s = clock.now_us(), time.monotonic()
        return [Message(topics.setdefault(topic, topic.decode()), payload, token, arrived_us, received_s) for topic, token, payload in frames]


def _pass_on(messages: list[Message], pack_size: int, engine: Engine, directory: Path, rules: InstantRules, stopwatch: _Stopwatch) -> None:
    """In commits of the size that a backlog is joined to."""
    clock, patience, ledger = SystemClock(), Patience(threading.Event()), LedgerRepository(engine)
    known = Directory(RegistryRepository(engine).load(), clock.now_us())
    intake = Intake(rules=rules, clock=clock, directory=known, known={}, digests=ledger.digests, bytes_held=lambda _agent: 0)
    store, encoder = SqliteTimeSeries(directory / "timeseries"), LineEncoder()
    share = Share()
    merger = Merger(reader=SettledReader(store, patience, lambda: None), engine=engine, clock=clock, intake=intake, records_patience=patience)
    source: Any = _Silent()
    committer = Committer(source=source, engine=engine, clock=clock, intake=intake, records_patience=patience, monotonic=time.monotonic, dice=random.Random(1), share=share)  # noqa: S311 - jitter
    merger.open(list(known.channels), share.mine)
    at_once = COMMIT_READINGS // pack_size
    for first in range(0, len(messages), at_once):
        work, commit = Work(), messages[first : first + at_once]
        for at in range(0, len(commit), CHUNK_MESSAGES):
            with stopwatch("intake"):
                intake.take(commit[at : at + CHUNK_MESSAGES], work)
        with stopwatch("minute book"):
            prepared = merger.prepare(work)
        batch = prepared.batch()
        with stopwatch("line protocol"):
            "\n".join(encoder.fresh(batch.fresh)).encode()
            "\n".join(encoder.minutes(batch.minutes, batch.first)).encode()
        with stopwatch("ledger"):
            committer.commit(prepared)
        with stopwatch("acknowledgements"):
            committer.tick()
    store.close()
