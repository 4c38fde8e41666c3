"""The last step: what the store has is entered in the ledger, then acknowledged, in the order of arrival (decision 1)."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter

import msgspec
from sqlalchemy import Engine

from domain.clock import Clock
from domain.messages import Status
from domain.quality import Reason
from domain.reading import Reading
from domain.senml import Refusal, digest_of, encode_pack
from domain.seqset import SeqSet
from domain.topics import CENTRE
from ingest.acks import Acks
from ingest.counters import Latencies
from ingest.holes import Holes, Range
from ingest.intake import Intake
from ingest.merger import Prepared
from ingest.minutebook import Merged
from ingest.patience import Patience
from ingest.quarantine import UNREADABLE_SEQ
from ingest.share import Share
from ingest.source import PackSource
from ingest.work import BootKey, Presence, Work
from storage.records.agents import AgentsRepository
from storage.records.gaps import GapsRepository
from storage.records.ledger import ConflictRow, GapRow, LedgerBatch, LedgerRepository, QuarantineRow, TouchedRow
from storage.records.quarantine import QuarantineRepository
from storage.timeseries.port import RefusedReading

log = logging.getLogger(__name__)

WAKE_EVERY_S = 0.5
SEEN_EVERY_S = 5.0
WAKE_MAX = 1_000
_EVER = (-(2**62), 2**62)
_BACKFILLED = int(Reason.BACKFILLED)
_first_of = itemgetter(0)

_status = msgspec.json.Decoder(Status)


class Committer:
    """Used by one thread. A commit that raises may be made again: nothing is acknowledged before it is recorded, and nothing twice."""

    def __init__(
        self,
        *,
        source: PackSource,
        engine: Engine,
        clock: Clock,
        intake: Intake,
        records_patience: Patience,
        monotonic: Callable[[], float],
        dice: random.Random,
        share: Share,
    ) -> None:
        self._share = share
        self._source, self._clock, self._intake, self._monotonic, self._records_patience = source, clock, intake, monotonic, records_patience
        self._ledger, self._gaps, self._agents, self._quarantine = (
            LedgerRepository(engine, share.fence),
            GapsRepository(engine),
            AgentsRepository(engine),
            QuarantineRepository(engine),
        )
        self._cursors: dict[BootKey, SeqSet] = {}
        self._acks = Acks(source, monotonic)
        self._holes = Holes(source=source, clock=clock, monotonic=monotonic, dice=dice, is_recorded=self._is_recorded)
        self._found_gaps: list[GapRow] = []
        self._gapped: dict[BootKey, bool] = {}
        self._seen: dict[str, int] = {}
        self._seen_s = 0.0
        self._wake: dict[str, set[str]] = {"last": set(), "minute": set()}
        self._woken_s = {"last": 0.0, "minute": 0.0}
        self.counts: Counter[str] = Counter()
        self.latencies = Latencies()

    def open(self, cursors: dict[BootKey, SeqSet]) -> None:
        """What the ledger holds."""
        self._cursors = cursors
        self._holes.watch(cursors.keys(), cursors)

    def commit(self, prepared: Prepared) -> None:
        """The readings are in the store: record what was committed, then acknowledge it. Raises `Fenced` when the agents are another worker's by now."""
        self._share.check()
        if not prepared.recorded:
            self._record(prepared)
            prepared.recorded = True
        self._after(prepared.work)

    def tick(self) -> None:
        """What time alone brings: acknowledgements, requests, wake-ups."""
        self._acks.flush(self._cursors)
        self._found_gaps += self._holes.due(self._cursors)
        if self._found_gaps:
            self.commit(Prepared(Work(), Merged()))
        self._say_awake()
        self._note_seen()

    def finish(self) -> None:
        """The last words of a service that stops."""
        self._acks.flush(self._cursors, at_once=True)
        self._note_seen(at_once=True)

    def counters(self) -> dict[str, float]:
        return {
            **self.counts,
            "commit_latency_p50_s": self.latencies.quantile(0.50),
            "commit_latency_p99_s": self.latencies.quantile(0.99),
            "acks_published": float(self._acks.published),
            "acks_waiting": float(self._acks.waiting),
            "holes": float(self._holes.open),
            "resend_requests": float(self._holes.requests),
        }

    def _record(self, prepared: Prepared) -> None:
        work, merged = prepared.work, prepared.merged
        if work.again and prepared.refused:
            _keep_refused(work, prepared.refused)
        changed = self._advance(work)
        batch = LedgerBatch(
            arrived_us=work.arrived_us or self._clock.now_us(),
            packs=work.packs,
            cursors={key: self._cursors[key] for key in changed},
            quarantine=work.quarantine + [self._refused(one) for one in prepared.refused],
            conflicts=[_conflict(stood, other) for stood, other in merged.conflicts],
            gaps=work.gaps + self._found_gaps,
            filled=[row for row in work.filled if self._has_gaps(row.agent, row.boot)],
            touched=_touched(merged),
            unsynchronised=list(work.clocks.values()),
            clock_events=work.clock_events,
        )
        if changed or batch.unsynchronised or batch.quarantine or batch.conflicts or batch.gaps or batch.touched:
            self._records_patience(lambda: self._ledger.commit(batch))
        self._gapped.update({(gap.agent, gap.boot): True for gap in batch.gaps})
        self._found_gaps = []
        self._source.ack(work.tokens)
        self._acks.due(work.answers)
        self._intake.committed(work.packs)
        self._count(prepared)
        self._holes.jumped(work.jumps)
        self._holes.watch(changed, self._cursors)

    def _advance(self, work: Work) -> set[BootKey]:
        cursors, changed = self._cursors, set()
        for row in work.packs:
            key = (row.agent, row.boot)
            seqs = cursors.get(key)
            if seqs is None:
                seqs = cursors[key] = SeqSet()
            seqs.add(row.seq)
            changed.add(key)
        for agent, boot, from_seq, to_seq in work.declared:
            cursors.setdefault((agent, boot), SeqSet()).add_range(from_seq, to_seq)
            changed.add((agent, boot))
        return changed

    def _refused(self, refused: RefusedReading) -> QuarantineRow:
        agent = refused.reading.channel.partition(".")[0]
        payload = encode_pack(agent, "refused", 0, True, [refused.reading])
        return QuarantineRow(
            agent=agent,
            site=self._intake.directory.site(agent),
            boot="",
            seq=UNREADABLE_SEQ,
            refusal=Refusal.STORE_REFUSED.value,
            detail=refused.detail,
            payload=payload,
            whole=False,
            digest=digest_of(payload),
        )

    def _count(self, prepared: Prepared) -> None:
        counts, work, merged = self.counts, prepared.work, prepared.merged
        readings, refused = work.readings, len(prepared.refused)
        backfilled = sum(_BACKFILLED in reading.r for reading in readings if reading.r)
        counts["batches"] += bool(readings)
        counts["readings"] += len(readings)
        counts["stored_readings"] += len(readings) - refused
        counts["stored_live_readings"] += len(readings) - backfilled
        counts["late_readings"] += len(merged.rewritten)
        counts["reading_conflicts"] += len(merged.conflicts)
        counts["minutes"] += len(merged.minutes)
        counts["quarantined_refused_by_the_store"] += refused
        now_s = self._monotonic()
        self.latencies.add(now_s - received_s for received_s in work.received_s)
        if readings:
            self._wake["last"].update(map(_first_of, work.answers))
        self._wake["minute"].update(map(_first_of, merged.minutes))

    def _after(self, work: Work) -> None:
        """What stands in the records for people and is the same when it is done twice."""
        self._seen |= work.seen
        if work.presence:
            self._records_patience(partial(self._present, work.presence))
        for item, site in work.accepted:
            self._records_patience(partial(self._quarantine.mark, item, "accepted", site=site))

    def _present(self, presence: Sequence[Presence]) -> None:
        said = [(one.agent, one.payload.decode(errors="replace") if one.kind == "health" else _status.decode(one.payload), one.arrived_us) for one in presence]
        births = [(agent, status, at_us) for agent, status, at_us in said if isinstance(status, Status) and status.state == "online" and status.held]
        before = {agent: self._agents.get(agent) for agent, _, _ in births}
        self._agents.said(said)
        gaps: list[GapRow] = []
        for agent, status, at_us in births:
            known = before[agent]
            gaps += self._holes.born(agent, status, self._cursors, known.last_seen_us if known else at_us)
        self._declare(gaps)

    def _declare(self, gaps: list[GapRow]) -> None:
        """What is gone for good counts as committed, so that nobody waits for it."""
        if not gaps:
            return
        cursors: dict[BootKey, SeqSet] = {}
        for gap in gaps:
            if gap.from_seq is not None and gap.to_seq is not None:
                key = (gap.agent, gap.boot)
                cursors.setdefault(key, self._cursors.get(key, SeqSet()).copy()).add_range(gap.from_seq, gap.to_seq)
        self._ledger.commit(LedgerBatch(arrived_us=self._clock.now_us(), gaps=gaps, cursors=cursors))
        self._cursors |= cursors
        self._gapped.update(dict.fromkeys(cursors, True))
        for gap in gaps:
            if gap.from_seq is not None and gap.to_seq is not None:
                self._intake.declare(gap.agent, gap.boot, gap.from_seq, gap.to_seq)
        self._acks.due(set(cursors))
        self._holes.watch(cursors, self._cursors)

    def _is_recorded(self, agent: str, boot: str, hole: Range) -> bool:
        """Whether some gap on record covers a hole, so that a restart does not record it again."""
        known = self._records_patience(lambda: self._gaps.of_agent(agent, *_EVER))
        return any(gap.boot == boot and gap.from_seq is not None and gap.to_seq is not None and gap.from_seq <= hole[0] and hole[1] <= gap.to_seq for gap in known)

    def _has_gaps(self, agent: str, boot: str) -> bool:
        key = (agent, boot)
        if key not in self._gapped:
            known = self._records_patience(lambda: self._gaps.of_agent(agent, *_EVER))
            self._gapped[key] = any(gap.boot == boot for gap in known)
        return self._gapped[key]

    def _say_awake(self) -> None:
        """Wake who waits; the databases are the truth (decision 3)."""
        now_s = self._monotonic()
        for name, what in self._wake.items():
            if what and now_s - self._woken_s[name] >= WAKE_EVERY_S:
                self._woken_s[name] = now_s
                body = {"agents" if name == "last" else "channels": sorted(what) if len(what) <= WAKE_MAX else None}
                self._source.publish(f"{CENTRE}/{name}", msgspec.json.encode(body))
                what.clear()

    def _note_seen(self, *, at_once: bool = False) -> None:
        if self._seen and (at_once or self._monotonic() - self._seen_s >= SEEN_EVERY_S):
            self._seen_s, seen, self._seen = self._monotonic(), self._seen, {}
            self._records_patience(lambda: self._agents.seen_many(seen))


def _keep_refused(work: Work, refused: list[RefusedReading]) -> None:
    """What the store refuses a second time is not accepted."""
    keys = {(one.reading.channel, one.reading.time_us) for one in refused}
    still = {item for item, reading in work.again if (reading.channel, reading.time_us) in keys}
    work.accepted = [pair for pair in work.accepted if pair[0] not in still]


def _touched(merged: Merged) -> list[TouchedRow]:
    return [TouchedRow(channel=channel, start_us=start_us, stop_us=stop_us) for channel, (start_us, stop_us) in merged.touched.items()]


def _conflict(stood: Reading, other: Reading) -> ConflictRow:
    return ConflictRow(channel=stood.channel, time_us=stood.time_us, stood=msgspec.json.encode(stood).decode(), other=msgspec.json.encode(other).decode())
