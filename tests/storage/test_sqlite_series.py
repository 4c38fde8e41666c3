"""What only the embedded store promises: durable on return, whole or not at all, readable from another process."""

from __future__ import annotations

import gc
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from domain.errors import BadInput, NotReady
from domain.reading import Reading
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import FILE, SqliteTimeSeries

ROOT = Path(__file__).parents[2]
EVER = (-(2**62), 2**62)

WRITER = """
import sys
from pathlib import Path
from domain.reading import Minute, Reading
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import SqliteTimeSeries
store = SqliteTimeSeries(Path(sys.argv[1]))
for number in range(100_000):
    minute = Minute(channel="a.b.co2", start_us=number, valid=1, rejected=0, total=1.0, low=1.0, high=1.0)
    store.write(Batch(fresh=[Reading("a.b.co2", number * 100 + offset, float(number)) for offset in range(100)], minutes=[minute]))
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> SqliteTimeSeries:
    opened = SqliteTimeSeries(tmp_path, busy_s=0.05)
    yield opened
    opened.close()


def some(number: int, start: int = 0) -> list[Reading]:
    return [Reading("a.b.co2", start + offset, 1.5) for offset in range(number)]


def test_a_killed_writer_loses_nothing_that_it_was_told_is_stored(tmp_path: Path) -> None:
    chance = random.Random(3)
    for run in range(3):
        directory = tmp_path / str(run)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        time.sleep(chance.uniform(0.01, 0.2))
        writer.send_signal(signal.SIGKILL)
        told = [0, *map(int, writer.stdout.read().split())]
        writer.wait()
        writer.stdout.close()
        store = SqliteTimeSeries(directory)
        stored, minutes = store.read(["a.b.co2"], *EVER)["a.b.co2"], store.read_minutes(["a.b.co2"], *EVER)["a.b.co2"]
        batches = len(minutes)
        assert batches in (len(told), len(told) + 1), "the one it was killed in may be there, but whole"
        assert [(each.time_us, each.value) for each in stored] == [(number * 100 + offset, float(number)) for number in range(batches) for offset in range(100)]
        assert store.last(["a.b.co2"])["a.b.co2"].time_us == batches * 100 - 1
        assert [each.start_us for each in minutes] == list(range(batches))
        store.close()


def test_another_process_reads_while_this_one_writes(store: SqliteTimeSeries, tmp_path: Path) -> None:
    store.write(Batch(fresh=some(50)))
    store._writer.execute("BEGIN IMMEDIATE")
    code = f"from pathlib import Path; from storage.timeseries.sqlite import SqliteTimeSeries as S; print(S(Path({str(tmp_path)!r})).count(['a.b.co2'], 0, 99))"
    read = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    store._writer.execute("ROLLBACK")
    assert read.stdout.strip() == "{'a.b.co2': 50}"


def test_a_full_disk_is_not_ready_and_the_batch_is_stored_whole_once_there_is_room(store: SqliteTimeSeries) -> None:
    store.write(Batch(fresh=some(10)))
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1}")
    batch = Batch(fresh=[*some(5_000, 1_000), Reading("new.b.co2", 1, 2.0)])
    with pytest.raises(NotReady, match="full"):
        store.write(batch)
    assert store.count(["a.b.co2", "new.b.co2"], *EVER) == {"a.b.co2": 10}
    store._writer.execute("PRAGMA max_page_count = 1000000")
    store.write(batch)
    assert store.count(["a.b.co2", "new.b.co2"], *EVER) == {"a.b.co2": 5_010, "new.b.co2": 1}


def test_a_store_that_another_writer_holds_is_not_ready_and_then_is(store: SqliteTimeSeries, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotReady, match="locked"):
        store.write(Batch(fresh=some(1)))
    other.execute("ROLLBACK")
    other.close()
    store.write(Batch(fresh=some(1)))
    assert store.count(["a.b.co2"], *EVER) == {"a.b.co2": 1}


def test_two_processes_may_write_new_channels(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from domain.reading import Reading; from storage.timeseries.port import Batch\n"
        "from storage.timeseries.sqlite import SqliteTimeSeries as S\n"
        "store = S(Path(sys.argv[1]))\n"
        "for number in range(50): store.write(Batch(fresh=[Reading(f'agent.p{number}.co2', int(sys.argv[2]), 1.0), Reading(f'{sys.argv[2]}.p.co2', number, 1.0)]))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], cwd=ROOT) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = SqliteTimeSeries(tmp_path)
    channels = [f"agent.p{number}.co2" for number in range(50)] + [f"{number}.p.co2" for number in range(3)]
    assert store.count(channels, *EVER) == {channel: 3 if channel.startswith("agent") else 50 for channel in channels}
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("this is a letter, not a database. " * 100)
    with pytest.raises(BadInput, match="not a database") as caught:
        SqliteTimeSeries(tmp_path)
    assert caught.value.field == "OSHWATCH_TIMESERIES_URL"


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput) as caught:
        SqliteTimeSeries(tmp_path / "file" / "series")
    assert caught.value.field == "OSHWATCH_TIMESERIES_URL"


def test_a_closed_store_is_not_ready(tmp_path: Path) -> None:
    store = SqliteTimeSeries(tmp_path)
    store.ping()
    store.close()
    with pytest.raises(NotReady):
        store.write(Batch(fresh=some(1)))
    with pytest.raises(NotReady):
        store.ping()


def test_a_thread_that_ends_takes_its_connection_with_it(store: SqliteTimeSeries) -> None:
    store.write(Batch(fresh=some(3)))
    counts: list[dict[str, int]] = []
    for _ in range(20):
        thread = threading.Thread(target=lambda: counts.append(store.count(["a.b.co2"], *EVER)))
        thread.start()
        thread.join()
    gc.collect()
    assert counts == [{"a.b.co2": 3}] * 20
    assert len(store._readers) <= 1
