"""The ingest service: its threads and what they hand to each other.

    source ─messages▶ intake (decode, identify, rules) ─work▶ merger (minute book) ─▶ writer (readings) ─▶ minute writer ─▶ ledger (record, acknowledge)
                                                                          housekeeper: heartbeat, registry, quarantine

One commit is merged while the one before is written and the one before that is recorded; all keep the order of arrival. A store that is a server of its own takes the new
readings of two commits side by side, and the minutes of a third: never minutes before their readings, nor before earlier minutes, or a crash could leave a minute out for ever.
While a database does not answer the intake goes on judging what comes, until the bounds below; then the source stops reading and the broker holds.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sqlalchemy import Engine

from domain.clock import Clock, SystemClock
from domain.errors import NotFound, NotReady
from domain.senml import Refusal
from domain.seqset import SeqSet
from ingest.committer import Committer
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.merger import Merger, Prepared, SettledReader
from ingest.patience import Patience, Stopped
from ingest.quarantine import GOES_BY_ITSELF
from ingest.rules import InstantRules
from ingest.share import Share
from ingest.source import Message, PackSource
from ingest.work import BootKey, Work
from ingest.writer import IDLE_S, Writer
from storage.records.leases import Fenced
from storage.records.ledger import LedgerRepository
from storage.records.quarantine import QuarantineItem, QuarantineRepository
from storage.records.registry import RegistryRepository
from storage.records.services import ServicesRepository
from storage.timeseries.port import RefusedReading, TimeSeries

log = logging.getLogger(__name__)

BATCH_READINGS, BATCH_S, LINGER_S = 5_000, 0.05, 0.01
"""A batch is full, or this old, or nothing more came for a moment: a broker with a small window sends no more before it is acknowledged."""
CHUNK_MESSAGES, CHUNK_BYTES = 500, 256 * 1024
"""Judged before the rules run on them, whichever comes first: a few milliseconds of work, and about a full batch."""
COMMIT_READINGS = 25_000
"""A backlog is joined up to this: larger saves nothing more and is held in memory longer."""
WAITING_MESSAGES, WAITING_BYTES = 4_000, 4 * 1024 * 1024
"""Received and not judged: packs of usual size stay within the window of a broker set up as recommended, which is then the brake."""
WAITING_READINGS = 50_000
HEARTBEAT_S = 2.0
REGISTRY_EVERY_S = 1.0
_RETRIES_AT_ONCE = 20


class IngestService:
    """`start`, then `join` or `stop`. Everything it needs is handed in; it owns its source's life and no database's."""

    def __init__(
        self,
        *,
        source: PackSource,
        timeseries: TimeSeries,
        engine: Engine,
        clock: Clock,
        rules: InstantRules,
        dice: random.Random | None = None,
        share: Share | None = None,
    ) -> None:
        self._source, self._engine, self._clock = source, engine, clock
        self._share = share or Share()
        self.fenced = False
        """Another worker owns what this one had: it has stopped by itself, without an acknowledgement for what it had in hand."""
        self._stopping = threading.Event()
        self._patience = {name: Patience(self._stopping) for name in ("read", "write", "write minutes", "intake", "merger", "ledger")}
        self._registry, self._quarantine, self._services = RegistryRepository(engine), QuarantineRepository(engine), ServicesRepository(engine)
        self._ledger = LedgerRepository(engine)
        self._known: dict[BootKey, SeqSet] = {}
        self._intake = Intake(
            rules=rules,
            clock=clock,
            directory=Directory(self._registry.load(), clock.now_us()),
            known=self._known,
            digests=lambda agent, boot, seqs: self._patience["intake"](lambda: self._ledger.digests(agent, boot, seqs)),
            bytes_held=lambda agent: self._patience["intake"](lambda: self._quarantine.bytes_held(agent)),
        )
        self._writer = Writer(
            timeseries=timeseries,
            share=self._share,
            stopping=self._stopping,
            patience=(self._patience["write"], self._patience["write minutes"]),
            refused=self._store_refused,
        )
        reader = SettledReader(timeseries, self._patience["read"], self._writer.settle)
        self._merger = Merger(reader=reader, engine=engine, clock=clock, intake=self._intake, records_patience=self._patience["merger"])
        self._committer = Committer(
            source=source,
            engine=engine,
            clock=clock,
            intake=self._intake,
            records_patience=self._patience["ledger"],
            monotonic=time.monotonic,
            dice=dice or random.Random(),  # noqa: S311 - ids of commands, jitter
            share=self._share,
        )
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self._retries: deque[QuarantineItem] = deque()
        self._work: deque[Work] = deque()
        self._work_readings = 0
        self._building = Work()
        self._merging: Work | None = None
        self._recording: Prepared | None = None
        self._arrived = threading.Condition()
        self._ready_work = threading.Condition()
        self._listening = self._opened = self._rebuild = False
        self._exceptions, self._failing = 0, ""
        self._last_message_s: float | None = None
        self._started_s = time.monotonic()
        self._threads = [threading.Thread(target=self._supervised, args=(name, body), name=name, daemon=True) for name, body in self._bodies()]

    def start(self) -> None:
        """Returns at once; `ready` tells when it works."""
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float = 8.0) -> None:
        """Commit what is in hand if the databases answer, acknowledge it and go."""
        self._stopping.set()
        for condition in (self._arrived, self._ready_work):
            with condition:
                condition.notify_all()
        self._writer.wake()
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        self._source.stop()
        self._beat(ready=False, problem="stopped")

    def join(self) -> None:
        """Block until `stop`."""
        for thread in self._threads:
            thread.join()

    def ready(self) -> tuple[bool, str]:
        """Whether packs can come in and be stored, and if not, why."""
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        problems = [
            *(patience.problem for patience in self._patience.values()),
            self._source.problem(),
            f"stopped: {', '.join(dead)}" if dead else "",
            self._failing,
            "" if self._opened else "starting",
        ]
        problem = next((text for text in problems if text), "")
        return not problem, problem

    def counters(self) -> dict[str, float]:
        """Totals since the start, and the state of the queues now."""
        counts = {**self._committer.counters(), **self._source.counters()}
        for name, count in self._intake.counts.copy().items():
            counts[name] = counts.get(name, 0) + count
        now_s, oldest = time.monotonic(), self._oldest_s()
        counts["exceptions"] = counts.get("exceptions", 0) + self._exceptions
        counts["quarantined"] = sum(count for name, count in counts.items() if name.startswith("quarantined_"))
        counts["channels"] = self._merger.channels
        counts |= self._share.counters()
        counts["queue_depth"] = len(self._waiting) + self._intake.in_flight
        counts["lag_s"] = now_s - oldest if oldest is not None else 0.0
        counts["last_message_age_s"] = now_s - (self._last_message_s if self._last_message_s is not None else self._started_s)
        counts["store_retries"] = sum(patience.retries for patience in self._patience.values())
        for name in ("packs", "duplicates", "conflicts", "rules_errors", "stored_readings", "stored_live_readings", "batches"):
            counts.setdefault(name, 0)
        return {name: float(value) for name, value in counts.items()}

    def retry(self, item_id: int) -> None:
        """Try one thing in quarantine again, soon; raises `NotFound`."""
        self._retries.append(self._quarantine.get(item_id))
        with self._arrived:
            self._arrived.notify()

    # --- the source's side: called from its thread ---

    def deliver(self, messages: list[Message]) -> None:
        self._last_message_s = messages[-1].received_s
        size = sum(len(message.payload) for message in messages)
        with self._arrived:
            self._waiting_bytes += size
            self._waiting.extend(messages)
            self._arrived.notify()

    def has_room(self) -> bool:
        return len(self._waiting) < WAITING_MESSAGES and self._waiting_bytes < WAITING_BYTES

    # --- the intake's thread ---

    def _take_in(self) -> None:
        if not self._listening:
            self._stopping.wait(IDLE_S)
            return
        began_s = time.monotonic()
        while not self._stopping.is_set():
            chunk = self._chunk(wait_s=IDLE_S if self._building.empty else LINGER_S)
            if self._building.empty:
                began_s = time.monotonic()
            self._intake.take(chunk, self._building)
            self._take_retries(self._building)
            if len(self._building.readings) >= BATCH_READINGS or not chunk or time.monotonic() - began_s >= BATCH_S:
                self._hand_over()
        self._hand_over()

    def _chunk(self, wait_s: float) -> list[Message]:
        with self._arrived:
            if self._work_readings >= WAITING_READINGS:
                self._arrived.wait(IDLE_S)
                return []
            if not self._waiting and not self._retries and not self._stopping.is_set():
                self._arrived.wait(wait_s)
            chunk, size = list[Message](), 0
            while self._waiting and len(chunk) < CHUNK_MESSAGES and size < CHUNK_BYTES:
                chunk.append(self._waiting.popleft())
                size += len(chunk[-1].payload)
            self._waiting_bytes -= size
        return chunk

    def _take_retries(self, work: Work) -> None:
        while self._intake.wanted:
            try:
                item = self._quarantine.get(self._intake.wanted.popleft())
                if self._share.mine(item.agent):
                    self._retries.append(item)
            except (NotFound, NotReady) as error:
                log.info("not tried again: %s", error)
        for _ in range(min(_RETRIES_AT_ONCE, len(self._retries))):
            self._intake.retry(self._retries.popleft(), work)

    def _hand_over(self) -> None:
        if self._building.empty:
            return
        work, self._building = self._building, Work()
        with self._ready_work:
            self._work_readings += len(work.readings)
            self._work.append(work)
            self._ready_work.notify()

    # --- the merger's thread ---

    def _merge(self) -> None:
        try:
            self._merge_on()
        except Stopped:
            self._writer.end()
            raise

    def _merge_on(self) -> None:
        if not self._opened or self._rebuild:
            self._open()
        while not (self._stopping.is_set() and not self._work and self._merging is None and not self._threads[0].is_alive()):
            if self._merging is None:
                self._merging = self._next_work()
            prepared = self._merger.due() if self._merging is None else self._prepare(self._merging)
            self._merging = None
            if not prepared.empty:
                self._writer.hand(prepared)
        self._writer.end()

    def _open(self) -> None:
        """At the start, and after an exception in the minute book: it is rebuilt from the store, never remembered."""
        if not self._listening:
            cursors = self._patience["merger"](self._ledger.cursors)
            cursors = {key: seqs for key, seqs in cursors.items() if self._share.mine(key[0])}
            self._known.update({key: seqs.copy() for key, seqs in cursors.items()})
            self._committer.open(cursors)
            self._listening = True
            self._source.start(self)
        mine = self._share.mine
        self._writer.hand(self._merger.open([channel for channel in self._intake.directory.channels if mine(channel.partition(".")[0])], mine))
        self._opened, self._rebuild = True, False

    def _prepare(self, work: Work) -> Prepared:
        try:
            return self._merger.prepare(work)
        except Exception:
            self._rebuild = True
            raise

    def _store_refused(self, readings: Sequence[RefusedReading]) -> None:
        """Called by the writer's thread."""
        self._merger.refused(readings)

    def _next_work(self) -> Work | None:
        with self._ready_work:
            if not self._work:
                self._ready_work.wait(IDLE_S)
            if not self._work:
                return None
            work = self._work.popleft()
            while self._work and len(work.readings) + len(self._work[0].readings) <= COMMIT_READINGS:
                work.absorb(self._work.popleft())
            self._work_readings -= len(work.readings)
        return work

    # --- the ledger's thread ---

    def _record(self) -> None:
        try:
            written = self._writer.written
            while not written.finished:
                self._recording = self._recording or written.take(IDLE_S)
                if self._recording is not None:
                    self._committer.commit(self._recording)
                    self._recording, self._failing = None, ""
                if self._listening and not self._stopping.is_set():
                    self._committer.tick()
            self._committer.finish()
        except Stopped:
            self._writer.written.give_up()
            raise

    # --- the housekeeper's thread ---

    def _keep_house(self) -> None:
        version, beat_s = -1, 0.0
        while not self._stopping.is_set():
            version = self._follow_registry(version)
            if time.monotonic() - beat_s >= HEARTBEAT_S:
                beat_s = time.monotonic()
                self._beat(*self.ready())
            self._stopping.wait(REGISTRY_EVERY_S)

    def _follow_registry(self, version: int) -> int:
        """New entries, and entries whose date has come; what waits in quarantine for them is tried again."""
        try:
            found = self._registry.version()
            directory = Directory(self._registry.load(), self._clock.now_us())
            if found == version and directory.snapshot is self._intake.directory.snapshot:
                return version
            self._intake.directory = directory
            self._retry_held()
        except NotReady as error:
            log.info("the registry cannot be read now: %s", error)
            return version
        return found

    def _retry_held(self) -> None:
        last = 0
        while not self._stopping.is_set():
            items = self._quarantine.held([refusal.value for refusal in GOES_BY_ITSELF], after_id=last)
            if not items:
                return
            last = items[-1].id
            self._retries.extend(item for item in items if self._may_go(item))
            while len(self._retries) > _RETRIES_AT_ONCE and not self._stopping.wait(IDLE_S):
                pass

    def _may_go(self, item: QuarantineItem) -> bool:
        return self._share.mine(item.agent) and (item.agent in self._intake.directory.agents or item.refusal != Refusal.UNKNOWN_AGENT)

    def _beat(self, ready: bool, problem: str) -> None:
        try:
            self._services.heartbeat(self._share.service, os.getpid(), SystemClock().now_us(), ready, problem, self.counters())
        except NotReady as error:
            log.info("no heartbeat: %s", error)

    # --- all threads ---

    def _bodies(self) -> Iterable[tuple[str, Callable[[], None]]]:
        yield from (("intake", self._take_in), ("merger", self._merge))
        yield from self._writer.bodies()
        yield from (("ledger", self._record), ("housekeeper", self._keep_house))

    def _supervised(self, name: str, body: Callable[[], None]) -> None:
        """Run a thread's body again after an exception: nothing is acknowledged that was not committed, so nothing is lost."""
        again = partial(self._stopping.wait, 0.5)
        while True:
            try:
                body()
                if self._stopping.is_set():
                    return
            except Stopped:
                return
            except Fenced as error:
                self._give_way(error)
                return
            except Exception as error:
                self._exceptions += 1
                self._failing = f"{name} failed: {error!r}"
                log.exception("%s failed and starts again", name)
                if again():
                    return

    def _give_way(self, error: Fenced) -> None:
        """What is in hand is the new owner's: the broker gives it to him."""
        log.warning("%s; what is in hand is left to the new owner", error)
        self.fenced, self._failing = True, str(error)
        self._stopping.set()
        self._writer.give_up()

    def _oldest_s(self) -> float | None:
        """When the oldest message not yet recorded came."""
        written = (prepared.work for prepared in (self._recording, *self._writer.in_hand()) if prepared)
        for work in (*written, self._merging, next(iter(self._work), None), self._building):
            if work and work.received_s:
                return work.received_s[0]
        return next((message.received_s for message in list(self._waiting)[:1]), None)
