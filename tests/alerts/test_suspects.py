"""The anomaly model over the store: suspicions for the floor, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from alerts.suspects import SuspectsRunner, grid
from domain.reading import Reading
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository
from storage.records.suspects import SuspectsRepository
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import SqliteTimeSeries

AIR, CO2 = "agent-7.ironing-1.air_temperature", "agent-8.gluing-1.co2"
STEP_US = 10 * SECOND_US


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteTimeSeries]:
    store = SqliteTimeSeries(tmp_path / "ts")
    yield store
    store.close()


def course(start_us: int, stop_us: int, *, stuck_from_us: int | None = None, seed: int = 1) -> list[Reading]:
    """Two channels every 10 s in (start, stop]; air sticks from an instant on."""
    dice = np.random.default_rng(seed)
    readings, last = [], 30.0
    for time_us in range(start_us + STEP_US, stop_us + 1, STEP_US):
        last = last if stuck_from_us is not None and time_us >= stuck_from_us else round(30 + dice.normal(0, 0.08), 1)
        readings += [Reading(AIR, time_us, last), Reading(CO2, time_us, float(round(500 + dice.normal(0, 6))))]
    return readings


def suspected(engine: Engine) -> list[tuple[str, str, str]]:
    return [(suspect.channel, suspect.kind, suspect.fault_type) for suspect in SuspectsRepository(engine).all()]


def test_a_stuck_channel_is_suspected_and_forgotten_when_it_moves_again(engine: Engine, clock: FakeClock, store: SqliteTimeSeries) -> None:
    now_us = clock.now_us() // STEP_US * STEP_US
    store.write(Batch(fresh=course(now_us - 2 * HOUR_US, now_us, stuck_from_us=now_us - 20 * MINUTE_US)))
    runner = SuspectsRunner(store, engine, clock)
    runner.tick(now_us)
    assert suspected(engine) == [(AIR, "fault", "stuck")]
    (suspect,) = SuspectsRepository(engine).all()
    assert suspect.text.startswith("suspected fault: stuck at ")
    assert abs(suspect.since_us - (now_us - 20 * MINUTE_US)) <= MINUTE_US
    store.write(Batch(fresh=course(now_us, now_us + 2 * MINUTE_US, seed=2)))
    runner.tick(now_us + 2 * MINUTE_US)
    assert suspected(engine) == []
    assert runner.starts == 1


def test_each_tick_reads_only_what_is_new(engine: Engine, clock: FakeClock, store: SqliteTimeSeries) -> None:
    now_us = clock.now_us() // STEP_US * STEP_US
    store.write(Batch(fresh=course(now_us - HOUR_US, now_us)))
    runner = SuspectsRunner(store, engine, clock)
    runner.tick(now_us)
    before = runner.samples
    for minute in range(1, 4):
        at_us = now_us + minute * MINUTE_US
        store.write(Batch(fresh=course(at_us - MINUTE_US, at_us, seed=minute)))
        runner.tick(at_us)
    assert runner.samples - before == 3 * 6 * 2
    assert runner.starts == 1


def test_after_a_restart_the_same_suspicion_stands(engine: Engine, clock: FakeClock, store: SqliteTimeSeries) -> None:
    now_us = clock.now_us() // STEP_US * STEP_US
    store.write(Batch(fresh=course(now_us - 2 * HOUR_US, now_us, stuck_from_us=now_us - 30 * MINUTE_US)))
    SuspectsRunner(store, engine, clock).tick(now_us)
    first = SuspectsRepository(engine).all()
    SuspectsRunner(store, engine, clock).tick(now_us)
    assert SuspectsRepository(engine).all() == first != []


def test_a_backlog_that_comes_in_gives_the_model_its_past(engine: Engine, clock: FakeClock, store: SqliteTimeSeries) -> None:
    now_us = clock.now_us() // STEP_US * STEP_US
    runner = SuspectsRunner(store, engine, clock)
    runner.tick(now_us)
    store.write(Batch(fresh=course(now_us - 2 * HOUR_US, now_us + 3 * MINUTE_US, stuck_from_us=now_us - 10 * MINUTE_US)))
    runner.tick(now_us + 3 * MINUTE_US)
    assert suspected(engine) == [(AIR, "fault", "stuck")]
    assert runner.starts == 2


def test_it_writes_no_alert(engine: Engine, clock: FakeClock, store: SqliteTimeSeries) -> None:
    now_us = clock.now_us() // STEP_US * STEP_US
    store.write(Batch(fresh=course(now_us - 2 * HOUR_US, now_us, stuck_from_us=now_us - 20 * MINUTE_US)))
    SuspectsRunner(store, engine, clock).tick(now_us)
    assert suspected(engine)
    assert JournalRepository(engine).last_id() == 0


def test_missing_rejected_and_unsynchronised_readings_are_missing_in_the_grid() -> None:
    readings = {
        "a": [Reading("a", 10, 1.0), Reading("a", 20, None, 1, (13,)), Reading("a", 21, 3.0, 1), Reading("a", 31, 4.0, 4, (128,)), Reading("a", 41, 5.0), Reading("a", 50, 6.0)],
    }
    times, values, number = grid(readings, ["a", "b"], 0, 50, 10)
    assert times.tolist() == [10, 20, 30, 40, 50]
    assert number == 6
    assert np.isnan(values[:, 1]).all()
    assert [None if np.isnan(value) else value for value in values[:, 0]] == [1.0, None, None, None, 6.0]
