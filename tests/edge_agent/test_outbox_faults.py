"""Faults under the outbox: kill -9, torn and corrupt files, a disk that does not take data. Service goes on, and what is lost is said."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.messages import Ack
from domain.reading import Reading
from edge_agent import outbox_disk
from edge_agent.outbox import Outbox
from edge_agent.outbox_file import Kind
from oshwatch.testing import FakeClock

T0 = 1_763_800_000_000_000


def reading(number: int) -> Reading:
    return Reading("agent-7.cutting-1.co2", T0 + number * 1_000_000, float(number))


def seqs(outbox: Outbox, boot: str) -> list[int]:
    return [row.seq for row in outbox.pending("home", 100_000) if outbox.boot_of(row) == boot]


def gaps(outbox: Outbox) -> list[dict[str, Any]]:
    found = [json.loads(row.body) for row in outbox.pending("home", 100_000) if row.kind is Kind.EVENT]
    return [event for event in found if event["type"] == "gap"]


APPENDER = """
import sys
from pathlib import Path
from domain.clock import SystemClock
from domain.reading import Reading
from edge_agent.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), SystemClock())
print(outbox.boot, flush=True)
for number in range(1_000_000):
    print(outbox.append([Reading("agent-7.cutting-1.co2", 1_763_800_000_000_000 + number, 1.0)]), flush=True)
"""


@pytest.mark.parametrize("after_s", [0.05, 0.11, 0.17])
def test_killed_at_any_moment_it_loses_at_most_what_was_not_committed(tmp_path: Path, after_s: float) -> None:
    path = tmp_path / "outbox.db"
    process = subprocess.Popen([sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    boot = process.stdout.readline().strip()
    first = int(process.stdout.readline())
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    told = [first, *(int(line) for line in process.stdout.read().splitlines() if line)]
    process.wait()
    process.stdout.close()
    outbox = Outbox(path, FakeClock())
    outbox.begin()
    kept = seqs(outbox, boot)
    assert kept[: len(told)] == told == list(range(len(told)))
    assert len(kept) <= len(told) + 1
    assert [gap["cause"] for gap in gaps(outbox)] == ["unknown"]


def test_a_torn_tail_of_the_log_costs_the_last_commits_only(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    first = Outbox(path, FakeClock())
    boot = first.boot
    for number in range(50):
        first.append([reading(number)])
    torn = tmp_path / "torn"
    torn.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", torn / f"outbox.db{suffix}")
    wal = torn / "outbox.db-wal"
    os.truncate(wal, wal.stat().st_size - 5000)
    kept = seqs(Outbox(torn / "outbox.db", FakeClock()), boot)
    assert kept == list(range(len(kept)))
    assert 40 <= len(kept) < 50


def test_a_file_of_rubbish_is_set_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"rubbish" * 1000)
    outbox = Outbox(path, FakeClock())
    outbox.begin()
    assert outbox.append([reading(0)]) > 0
    assert len(list(tmp_path.glob("outbox.db.corrupt-*"))) == 1
    assert any("set aside" in problem for problem in outbox.problems())
    assert any("could not be read" in gap["text"] for gap in gaps(outbox))


def damaged(path: Path, *, rows: int = 400) -> tuple[str, int]:
    """An outbox file with a page in the middle of its rows overwritten."""
    outbox = Outbox(path, FakeClock())
    boot = outbox.boot
    for number in range(rows):
        outbox.append([reading(number)] * 10, commit=False)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    data = bytearray(path.read_bytes())
    middle = data.index(b'"seq":200,') // size * size
    data[middle : middle + size] = b"\xff" * size
    path.write_bytes(data)
    return boot, rows


def test_a_damaged_page_costs_its_rows_and_each_lost_number_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    boot, rows = damaged(path)
    outbox = Outbox(path, FakeClock())
    outbox.begin()
    outbox.append([reading(1000)])
    kept = {row.seq for row in outbox.pending("home", 10_000) if outbox.boot_of(row) == boot and row.kind is Kind.PACK}
    lost = {seq for gap in gaps(outbox) if gap["boot"] == boot and "from" in gap for seq in range(gap["from"], gap["to"] + 1)}
    assert len(kept) > rows * 3 // 4
    assert 200 in lost
    assert kept | lost == set(range(rows))
    assert not kept & lost
    assert len(list(tmp_path.glob("outbox.db.corrupt-*"))) == 1


def test_after_a_damaged_file_a_restart_finds_everything_in_order(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    damaged(path)
    first = Outbox(path, FakeClock())
    first.begin()
    first.append([reading(1000)])
    first.pending("home", 10_000)  # meets the damage
    before = [row.id for row in first.pending("home", 10_000)]
    first.close()
    second = Outbox(path, FakeClock())
    assert [row.id for row in second.pending("home", 10_000)] == before


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """Let this process write no file longer than so many bytes: what a full disk does to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else before[0], before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_with_the_disk_full_it_goes_on_from_memory_and_writes_all_when_there_is_room(tmp_path: Path, small_files: Callable[[int], None]) -> None:
    path = tmp_path / "outbox.db"
    clock = FakeClock()
    outbox = Outbox(path, clock)
    boot = outbox.boot
    outbox.append([reading(0)])
    small_files((tmp_path / "outbox.db-wal").stat().st_size)
    for number in range(1, 50):
        assert outbox.append([reading(number)]) == number
    assert any("does not take data" in problem for problem in outbox.problems())
    assert seqs(outbox, boot) == list(range(50))
    outbox.ack("home", Ack(boot=boot, upto=10))
    small_files(-1)
    clock.sleep(10)
    assert outbox.append([reading(50)]) == 50
    assert outbox.problems() == []
    outbox.close()
    assert seqs(Outbox(path, clock), boot) == list(range(11, 51))


def test_memory_has_a_cap_too_and_what_goes_is_declared(tmp_path: Path, small_files: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_disk, "MEMORY_BYTES", 100_000)
    outbox = Outbox(tmp_path / "outbox.db", FakeClock())
    outbox.append([reading(0)])
    small_files((tmp_path / "outbox.db-wal").stat().st_size)
    for number in range(1, 2000):
        outbox.append([reading(number)])
    small_files(-1)
    outbox.commit()
    rows = outbox.pending("home", 10_000)
    kept = {row.seq for row in rows}
    lost = {seq for gap in gaps(outbox) for seq in range(gap["from"], gap["to"] + 1)}
    assert lost
    assert kept | lost == set(range(max(kept) + 1))
    assert not kept & lost


def test_a_directory_that_cannot_be_written_costs_nothing_once_it_can(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    clock = FakeClock()
    outbox = Outbox(tmp_path / "data" / "outbox.db", clock)
    outbox.begin()
    for number in range(3):
        outbox.append([reading(number)])
    assert [row.seq for row in outbox.pending("home", 10)] == [0, 1, 2]
    assert outbox.problems()
    (tmp_path / "data").unlink()
    clock.sleep(10)
    outbox.append([reading(3)])
    assert outbox.problems() == []
    boot = outbox.boot
    outbox.close()
    assert seqs(Outbox(tmp_path / "data" / "outbox.db", clock), boot) == [0, 1, 2, 3]


def test_an_older_file_that_comes_back_keeps_its_own_boots(tmp_path: Path) -> None:
    """A disk that was away at the start and is there again brings rows of earlier runs."""
    real = tmp_path / "real"
    old = Outbox(real / "outbox.db", FakeClock())
    old_boot = old.boot
    for number in range(3):
        old.append([reading(number)])
    old.close()
    (tmp_path / "data").write_text("not mounted")
    clock = FakeClock()
    outbox = Outbox(tmp_path / "data" / "outbox.db", clock)
    boot = outbox.begin()
    for number in range(10, 12):
        outbox.append([reading(number)])
    (tmp_path / "data").unlink()
    real.rename(tmp_path / "data")
    clock.sleep(10)
    assert outbox.append([reading(12)]) == 2
    assert seqs(outbox, boot) == [0, 1, 2]
    assert seqs(outbox, old_boot) == [0, 1, 2]
    assert [row.seq for row in outbox.pending("home", 10, low_id=outbox.next_id() - 1)] == [2]
