"""Sealed hours: exact to the last bit, reopened by late data, the same as rows to whoever reads, and what an older file becomes."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.reading import Minute, Reading, minute_from
from domain.times import DAY_US, HOUR_US, MINUTE_US
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.port import Batch
from storage.timeseries.rollup import averaging_of
from storage.timeseries.sealed import minutes_from, readings_from, seal_minutes, seal_readings
from storage.timeseries.sqlite import SqliteTimeSeries
from storage.timeseries.sqlite_file import FILE

T0 = 1_763_798_400_000_000 // DAY_US * DAY_US
ROOT = Path(__file__).parents[2]
EVER = (-(2**62), 2**62)
CHANNELS = ["a.p.air_temperature", "a.p.sound_level_a_eq", "a.p.sound_level_c_peak"]

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.none(), finite, st.integers(-(10**6), 10**6).map(lambda number: number / 100), st.just(-0.0))
codes = st.sampled_from([(), (10,), (131, 132), (134,)])


@given(st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.tuples(values, st.integers(0, 4), codes), min_size=1, max_size=60))
def test_readings_come_out_of_a_seal_as_they_went_in(found: dict[int, tuple[float | None, int, tuple[int, ...]]]) -> None:
    rows = [(time_us, *found[time_us]) for time_us in sorted(found)]
    opened = readings_from("a.b.c", seal_readings(rows))
    assert [(each.time_us, repr(each.value), each.q, each.r) for each in opened] == [(time_us, repr(value), q, r) for time_us, value, q, r in rows]


@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 9), finite, finite, finite, codes), min_size=1, max_size=60))
def test_minutes_come_out_of_a_seal_as_they_went_in(found: list[tuple[int, int, float, float, float, tuple[int, ...]]]) -> None:
    minutes = [
        Minute(channel="a.b.c", start_us=T0 + number * MINUTE_US, valid=valid, rejected=rejected, total=total, low=low if valid else None, high=high if valid else None,
               saturated=valid, below_detection=rejected, reasons=reasons)
        for number, (valid, rejected, total, low, high, reasons) in enumerate(found)
    ]  # fmt: skip
    assert list(map(repr, minutes_from("a.b.c", seal_minutes(minutes)))) == list(map(repr, minutes))


@pytest.mark.parametrize(("step_us", "jitter_us", "most"), [(10_000_000, 0, 1.5), (10_000_000, 4_000, 3.5), (60_000_000, 0, 3.0)])
def test_a_seal_is_small(step_us: int, jitter_us: int, most: float) -> None:
    chance, value, rows = random.Random(5), 31.0, []
    for number in range(HOUR_US // step_us):
        value = round(value + chance.gauss(0, 0.05), 2)
        rows.append((T0 + number * step_us + chance.randint(0, jitter_us), value, 4, ()))
    assert len(seal_readings(rows)) / len(rows) <= most


def some(chance: random.Random, number: int, hours: int) -> list[Reading]:
    states = [(4, ()), (4, ()), (3, (10,)), (1, (13,))]
    found = []
    for _ in range(number):
        q, r = chance.choice(states)
        found.append(Reading(chance.choice(CHANNELS), T0 + chance.randrange(hours * 360) * 10_000_000, None if q == 1 else round(chance.uniform(20, 90), 2), q, r))
    return found


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_sealed_when_the_store_answers_as_one_that_keeps_everything_in_memory(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    chance = random.Random(seed)
    store, memory = SqliteTimeSeries(tmp_path_factory.mktemp("series")), MemoryTimeSeries()
    for _ in range(12):
        readings = some(chance, 40, 30)
        touched = {(each.channel, each.time_us // MINUTE_US * MINUTE_US) for each in readings}
        memory.write(Batch(rewritten=readings))
        minutes = [minute_from(name, at, memory.read([name], at, at + MINUTE_US)[name], averaging_of(name)) for name, at in sorted(touched)]
        for each in (store, memory):
            each.write(Batch(rewritten=readings, minutes=minutes))
        if chance.random() < 0.4:
            store.seal_all()
        start_us, stop_us = sorted(T0 + chance.randrange(-HOUR_US, 31 * HOUR_US) for _ in range(2))
        for span in (EVER, (start_us, stop_us)):
            assert store.read(CHANNELS, *span) == memory.read(CHANNELS, *span)
            assert store.read_minutes(CHANNELS, *span) == memory.read_minutes(CHANNELS, *span)
            assert store.count(CHANNELS, *span) == memory.count(CHANNELS, *span)
            for every_us in (HOUR_US, DAY_US):
                assert store.read_rollups(CHANNELS, *span, every_us) == memory.read_rollups(CHANNELS, *span, every_us)
        assert store.last(CHANNELS) == memory.last(CHANNELS)
        assert store.last_minutes(CHANNELS) == memory.last_minutes(CHANNELS)
        assert store.channels() == memory.channels()
        for name, (first_us, last_us) in memory.span(CHANNELS).items():
            found = store.span([name])[name]
            assert found[0] <= first_us
            assert found[1] >= last_us
    store.close()


def rows_in(directory: Path, table: str) -> int:
    connection = sqlite3.connect(directory / FILE)
    number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return number


def test_hours_are_sealed_as_writes_go_on_and_late_data_are_sealed_again_once_they_are_quiet(tmp_path: Path) -> None:
    store = SqliteTimeSeries(tmp_path)
    sent = [Reading("a.p.co2", T0 + number * 10_000_000, float(400 + number % 7)) for number in range(5 * 360)]
    for start in range(0, len(sent), 6):
        store.write(Batch(fresh=sent[start : start + 6]))
    assert rows_in(tmp_path, "sealed_reading") >= 3
    assert rows_in(tmp_path, "reading") <= 2 * 360
    late = Reading("a.p.co2", T0 + 5, 999.0)
    store.write(Batch(rewritten=[late]))
    assert store.read(["a.p.co2"], T0, T0 + 10) == {"a.p.co2": [sent[0], late]}
    for number in range(70):
        store.write(Batch(fresh=[Reading("a.p.co2", T0 + 5 * HOUR_US + number, 1.0)]))
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("SELECT count(*) FROM reading WHERE time_us < ?", (T0 + 1_000,)).fetchone() == (0,)
    connection.close()
    assert store.read(["a.p.co2"], T0, T0 + 5 * HOUR_US)["a.p.co2"] == [sent[0], late, *sent[1:]]
    store.close()


def test_a_reader_in_another_process_misses_nothing_while_hours_are_sealed(tmp_path: Path) -> None:
    store = SqliteTimeSeries(tmp_path)
    code = (
        "import sys; from pathlib import Path; from storage.timeseries.sqlite import SqliteTimeSeries as S\n"
        "store = S(Path(sys.argv[1])); most = 0\n"
        "while most < 3600:\n"
        "    times = [each.time_us for each in store.read(['a.p.co2'], 0, 2**62).get('a.p.co2', [])]\n"
        "    first = int(sys.argv[2])\n"
        "    assert times == [first + number * 10_000_000 for number in range(len(times))], 'a hole'\n"
        "    assert len(times) >= most; most = len(times)\n"
        "    assert store.count(['a.p.co2'], 0, 2**62).get('a.p.co2', 0) >= most\n"
    )
    reader = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(T0)], cwd=ROOT)
    for start in range(0, 3_600, 20):
        store.write(Batch(fresh=[Reading("a.p.co2", T0 + number * 10_000_000, 1.0) for number in range(start, start + 20)]))
    assert reader.wait(60) == 0
    assert rows_in(tmp_path, "sealed_reading") >= 5
    store.close()


OLD_SCHEMA = """
CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE reading (channel INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL, q INTEGER, r TEXT, PRIMARY KEY (channel, time_us)) WITHOUT ROWID;
CREATE TABLE last (channel INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, value REAL, q INTEGER, r TEXT);
CREATE TABLE minute (channel INTEGER NOT NULL, start_us INTEGER NOT NULL, valid INTEGER NOT NULL, rejected INTEGER NOT NULL, total REAL NOT NULL, low REAL, high REAL,
    saturated INTEGER NOT NULL, below_detection INTEGER NOT NULL, reasons TEXT, PRIMARY KEY (channel, start_us)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def test_a_file_of_version_1_is_upgraded_when_opened_and_sealed_as_it_is_written(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / FILE)
    old.executescript(OLD_SCHEMA)
    old.execute("INSERT INTO channel VALUES (1, 'a.p.co2')")
    old.executemany(
        "INSERT INTO reading VALUES (1, ?, ?, ?, ?)", [(T0 + number * 10_000_000, 400.5, 3 if number == 7 else None, "10" if number == 7 else None) for number in range(3_600)]
    )
    old.execute("INSERT INTO last SELECT * FROM reading ORDER BY time_us DESC LIMIT 1")
    old.commit()
    old.close()
    store = SqliteTimeSeries(tmp_path)
    before = store.read(["a.p.co2"], *EVER)
    assert len(before["a.p.co2"]) == 3_600
    assert before["a.p.co2"][7] == Reading("a.p.co2", T0 + 70_000_000, 400.5, 3, (10,))
    for number in range(70):
        store.write(Batch(fresh=[Reading("b.p.co2", T0 + 12 * HOUR_US + number, 1.0)]))
    assert rows_in(tmp_path, "sealed_reading") == 10
    assert store.read(["a.p.co2"], *EVER) == before
    assert store.last(["a.p.co2"]) == {"a.p.co2": before["a.p.co2"][-1]}
    store.close()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    newer = sqlite3.connect(tmp_path / FILE)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(BadInput, match="version 99"):
        SqliteTimeSeries(tmp_path)
