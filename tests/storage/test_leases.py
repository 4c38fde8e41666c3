"""Leases of ingest's slots: fair shares, takeover, and the fence that a commit stands behind; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.errors import BadInput
from domain.seqset import SeqSet
from storage.records.engine import open_records
from storage.records.leases import Fenced, Lease, LeasesRepository, fence
from storage.records.ledger import LedgerBatch, LedgerRepository
from storage.records.sql import writing

LONG_US, SHORT_US = 60_000_000, 50_000


@pytest.fixture
def engine(records_url: str) -> Iterator[Engine]:
    engine = open_records(records_url)
    yield engine
    engine.dispose()


def slots(held: tuple[Lease, ...]) -> set[int]:
    return {lease.slot for lease in held}


def settle(leases: LeasesRepository, tokens: list[str], count: int) -> dict[str, set[int]]:
    """Rounds of all, each giving back its surplus, until nothing moves."""
    shares: dict[str, set[int]] = {}
    for _ in range(6):
        for token in tokens:
            found = leases.round(token, f"worker-{token}", count, LONG_US)
            leases.release(token, [lease.slot for lease in found.held[: found.surplus]])
            shares[token] = slots(found.held[found.surplus :])
    return shares


def test_one_worker_has_all_and_each_that_joins_gets_its_share(engine: Engine) -> None:
    leases = LeasesRepository(engine)
    assert settle(leases, ["a"], 8) == {"a": set(range(8))}
    for tokens in (["a", "b"], ["a", "b", "c"]):
        shares = settle(leases, tokens, 8)
        assert sorted(slot for share in shares.values() for slot in share) == list(range(8))
        assert max(map(len, shares.values())) - min(map(len, shares.values())) <= 1
    leases.leave("a")
    assert settle(leases, ["b", "c"], 8).keys() == {"b", "c"}
    assert {row.name for row in leases.all()} == {"worker-b", "worker-c"}


def test_a_silent_workers_slots_are_taken_over_with_a_higher_epoch(engine: Engine) -> None:
    leases = LeasesRepository(engine)
    before = leases.round("a", "a", 4, SHORT_US)
    time.sleep(0.1)
    after = leases.round("b", "b", 4, LONG_US)
    assert (after.takeovers, slots(after.held), after.workers) == (4, {0, 1, 2, 3}, 1)
    assert all(new.epoch > old.epoch for new, old in zip(after.held, before.held, strict=True))
    assert leases.round("a", "a", 4, LONG_US).held == ()  # it woke up and has nothing
    with pytest.raises(Fenced):
        leases.check(before.held)
    leases.check(after.held)


def test_who_wakes_up_before_anybody_took_over_still_has_its_slots(engine: Engine) -> None:
    leases = LeasesRepository(engine)
    before = leases.round("a", "a", 4, SHORT_US)
    time.sleep(0.1)
    leases.check(before.held)
    assert leases.round("a", "a", 4, LONG_US).held == before.held


def test_a_commit_of_a_former_owner_writes_nothing(engine: Engine) -> None:
    leases = LeasesRepository(engine)
    old = leases.round("a", "a", 2, SHORT_US).held
    time.sleep(0.1)
    leases.round("b", "b", 2, LONG_US)
    ledger = LedgerRepository(engine, lambda connection: fence(connection, old))
    with pytest.raises(Fenced):
        ledger.commit(LedgerBatch(arrived_us=1, cursors={("agent-1", "boot"): SeqSet(5)}))
    assert ledger.cursors() == {}


def test_other_slots_are_refused_while_a_worker_lives_and_laid_out_anew_after(engine: Engine) -> None:
    leases = LeasesRepository(engine)
    first = leases.round("a", "a", 4, LONG_US)
    with pytest.raises(BadInput, match="4 slots"):
        leases.round("b", "b", 8, LONG_US)
    leases.leave("a")
    after = leases.round("b", "b", 8, LONG_US)
    assert slots(after.held) == set(range(8))
    assert min(lease.epoch for lease in after.held) > max(lease.epoch for lease in first.held)


@pytest.mark.server("postgresql")
def test_a_slot_cannot_change_hands_within_a_commit_and_renewal_does_not_wait_for_it(postgres: str) -> None:
    engine = open_records(postgres)
    leases = LeasesRepository(engine)
    mine = leases.round("a", "a", 2, SHORT_US).held
    inside, go = threading.Event(), threading.Event()

    def commit() -> None:
        with writing(engine, alone=False) as connection:
            fence(connection, mine)
            inside.set()
            go.wait(10)

    committing = threading.Thread(target=commit)
    committing.start()
    assert inside.wait(10)
    time.sleep(0.1)
    other = leases.round("b", "b", 2, LONG_US)
    assert (other.held, other.takeovers) == ((), 0)
    began = time.monotonic()
    assert leases.round("a", "a", 2, SHORT_US).held == mine
    assert time.monotonic() - began < 5
    go.set()
    committing.join(10)
    time.sleep(0.1)
    assert leases.round("b", "b", 2, LONG_US).takeovers == 2
    engine.dispose()
