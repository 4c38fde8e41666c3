"""Ingest's ledger: one transaction a commit, and committing again changes nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from domain.errors import NotReady
from domain.seqset import SeqSet
from domain.times import DAY_US
from storage.records.engine import open_records
from storage.records.gaps import GapsRepository
from storage.records.ledger import ConflictRow, FilledRow, GapRow, LedgerBatch, LedgerRepository, PackRow, QuarantineRow, TouchedRow
from storage.records.quarantine import QuarantineRepository
from storage.records.tables import conflicts, packs, touched

ROOT = Path(__file__).parents[2]
NOW = 1_763_800_000_000_000
GAP = GapRow(agent="agent-7", boot="b3f1", seq=9, sensor="", start_us=0, stop_us=1_000, cause="power", from_seq=2, to_seq=8)


@pytest.fixture
def ledger(engine: Engine) -> LedgerRepository:
    return LedgerRepository(engine)


def pack(seq: int, agent: str = "agent-7", digest: bytes = b"d") -> PackRow:
    return PackRow(agent, "b3f1", seq, digest)


def refused(digest: bytes = b"1", refusal: str = "unknown agent") -> QuarantineRow:
    return QuarantineRow(agent="agent-7", site="", boot="b3f1", seq=4, refusal=refusal, detail="not in the registry", payload=b"[...]", whole=True, digest=digest)


def a_batch() -> LedgerBatch:
    return LedgerBatch(
        arrived_us=NOW,
        packs=[pack(seq, digest=bytes([seq])) for seq in range(5)],
        cursors={("agent-7", "b3f1"): SeqSet(4, [(7, 9)])},
        quarantine=[refused()],
        conflicts=[ConflictRow(channel="agent-7.p.co2", time_us=5, stood="[1]", other="[2]")],
        gaps=[GAP],
        touched=[TouchedRow(channel="agent-7.p.co2", start_us=0, stop_us=60)],
    )


def rows(engine: Engine, table) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_commit_records_all_of_it(ledger: LedgerRepository, engine: Engine) -> None:
    ledger.commit(a_batch())
    assert ledger.cursors() == {("agent-7", "b3f1"): SeqSet(4, [(7, 9)])}
    assert ledger.digests("agent-7", "b3f1", [0, 3, 99]) == {0: b"\x00", 3: b"\x03"}
    assert ledger.digests("agent-7", "other", [0]) == ledger.digests("agent-8", "b3f1", [0]) == ledger.digests("agent-7", "b3f1", []) == {}
    assert (rows(engine, conflicts), rows(engine, touched)) == (1, 1)
    assert [gap.cause for gap in GapsRepository(engine).of_agent("agent-7", 0, 10)] == ["power"]
    assert QuarantineRepository(engine).get(1).detail == "not in the registry"


def test_a_commit_again_leaves_what_one_leaves_but_the_count_of_repeats(ledger: LedgerRepository, engine: Engine) -> None:
    for _ in range(3):
        ledger.commit(replace(a_batch(), touched=[]))
    assert (rows(engine, packs), rows(engine, conflicts), len(GapsRepository(engine).of_agent("agent-7", 0, 10))) == (5, 1, 1)
    assert [(item.times, item.state) for item in QuarantineRepository(engine).held()] == [(3, "held")]
    assert ledger.cursors() == {("agent-7", "b3f1"): SeqSet(4, [(7, 9)])}


def test_a_known_pack_keeps_its_first_digest(ledger: LedgerRepository) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, packs=[pack(1, digest=b"first")]))
    ledger.commit(LedgerBatch(arrived_us=NOW, packs=[pack(1, digest=b"other")]))
    assert ledger.digests("agent-7", "b3f1", [1]) == {1: b"first"}


def test_a_cursor_is_replaced_and_others_stay(ledger: LedgerRepository) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, cursors={("a", "x"): SeqSet(1), ("b", "y"): SeqSet(-1, [(3, 4)])}))
    ledger.commit(LedgerBatch(arrived_us=NOW, cursors={("a", "x"): SeqSet(8)}))
    assert ledger.cursors() == {("a", "x"): SeqSet(8), ("b", "y"): SeqSet(-1, [(3, 4)])}


def test_many_digests_are_found_at_once(ledger: LedgerRepository) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, packs=[pack(seq) for seq in range(2_500)]))
    assert set(ledger.digests("agent-7", "b3f1", range(3_000))) == set(range(2_500))


def test_digests_are_kept_a_week(ledger: LedgerRepository, engine: Engine) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, packs=[pack(1)]))
    ledger.commit(LedgerBatch(arrived_us=NOW + 6 * DAY_US, packs=[pack(2)]))
    assert rows(engine, packs) == 2
    ledger.commit(LedgerBatch(arrived_us=NOW + 8 * DAY_US, packs=[pack(3)]))
    assert set(ledger.digests("agent-7", "b3f1", [1, 2, 3])) == {2, 3}


@pytest.mark.parametrize(
    ("seqs", "left"),
    [
        ([2], [(3, 8, 200, 1_000)]),
        ([8], [(2, 7, 0, 800)]),
        ([5], [(2, 4, 0, 500), (6, 8, 550, 1_000)]),
        ([5, 6, 4], [(2, 3, 0, 400), (7, 8, 650, 1_000)]),
        ([2, 3, 4, 5, 6, 7, 8], []),
        ([1, 9, 40], [(2, 8, 0, 1_000)]),
    ],
)
def test_a_pack_of_a_declared_gap_that_still_arrives_shrinks_it(ledger: LedgerRepository, engine: Engine, seqs: list[int], left: list[tuple[int, int, int, int]]) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, gaps=[GAP, replace(GAP, boot="other")]))
    for _ in range(2):
        for seq in seqs:
            span = {2: (100, 200), 8: (800, 950)}.get(seq, (seq * 100, seq * 100 + 50))
            ledger.commit(LedgerBatch(arrived_us=NOW, filled=[FilledRow(agent="agent-7", boot="b3f1", seq=seq, start_us=span[0], stop_us=span[1])]))
    found = GapsRepository(engine).of_agent("agent-7", 0, 2_000)
    assert [(gap.from_seq, gap.to_seq, gap.start_us, gap.stop_us) for gap in found if gap.boot == "b3f1"] == left
    assert [(gap.from_seq, gap.to_seq) for gap in found if gap.boot == "other"] == [(2, 8)]


def test_gaps_that_the_centre_finds_are_told_apart_by_their_span(ledger: LedgerRepository, engine: Engine) -> None:
    found = [replace(GAP, seq=-1, cause="centre", start_us=start, stop_us=start + 10) for start in (0, 50, 0)]
    ledger.commit(LedgerBatch(arrived_us=NOW, gaps=found))
    assert [gap.start_us for gap in GapsRepository(engine).of_agent("agent-7", 0, 100)] == [0, 50]


def test_gaps_are_found_by_agent_and_overlap(ledger: LedgerRepository, engine: Engine) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, gaps=[GAP, replace(GAP, agent="agent-8", start_us=2_000, stop_us=3_000)]))
    repository = GapsRepository(engine)
    assert [len(repository.of_agent("agent-7", *span)) for span in ((0, 1), (999, 2_000), (1_000, 2_000), (-5, 0))] == [1, 1, 0, 0]
    assert [gap.agent for gap in repository.between(["agent-8", "agent-7"], 0, 5_000)] == ["agent-7", "agent-8"]


@pytest.mark.parametrize("records_url", ["sqlite"], indirect=True)  # PRAGMA max_page_count plays the full disk
def test_a_batch_that_cannot_be_written_is_not_ready_and_leaves_nothing(ledger: LedgerRepository, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.commit(LedgerBatch(arrived_us=NOW, packs=[pack(0)]))
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    large = replace(a_batch(), packs=[pack(seq, digest=bytes(32)) for seq in range(1, 20_000)])
    with pytest.raises(NotReady, match="full"):
        ledger.commit(large)
    assert (rows(engine, packs), ledger.cursors()) == (1, {})
    engine.dispose()
    ledger.commit(large)
    assert rows(engine, packs) == 20_000


def test_a_killed_ingest_keeps_what_it_committed(records_url: str) -> None:
    code = f"""
import os, signal
from domain.seqset import SeqSet
from storage.records.engine import open_records
from storage.records.ledger import LedgerBatch, LedgerRepository, PackRow
ledger = LedgerRepository(open_records("{records_url}"))
for seq in range(50):
    ledger.commit(LedgerBatch(arrived_us={NOW}, packs=[PackRow("agent-7", "b", seq, b"d")], cursors={{("agent-7", "b"): SeqSet(seq)}}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    engine = open_records(records_url)
    assert LedgerRepository(engine).cursors() == {("agent-7", "b"): SeqSet(49)}
    assert rows(engine, packs) == 50
    engine.dispose()
