"""The anomaly model over the store: suspicions for the floor, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine

from alerts.suspects import SuspectsRunner, channels_of, grid, replay
from domain.errors import BadInput
from domain.reading import Reading
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from models.anomaly import Evidence
from models.anomaly.state import arrays_of
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository
from storage.records.registry import RegistryRepository
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


def fill(store: SqliteTimeSeries, runner: SuspectsRunner, start_us: int, hours: int, *, stuck_from_us: int | None = None) -> int:
    """Hours of the course, taken in an hour at a time."""
    for hour in range(hours):
        store.write(Batch(fresh=course(start_us + hour * HOUR_US, start_us + (hour + 1) * HOUR_US, stuck_from_us=stuck_from_us, seed=hour)))
        runner.tick(start_us + (hour + 1) * HOUR_US + 20 * SECOND_US)
    return start_us + hours * HOUR_US + 20 * SECOND_US


def test_what_the_model_learned_outlives_the_process_and_an_outage(engine: Engine, clock: FakeClock, store: SqliteTimeSeries, tmp_path: Path) -> None:
    begun_us = clock.now_us() // HOUR_US * HOUR_US
    runner = SuspectsRunner(store, engine, clock, tmp_path / "models")
    fill(store, runner, begun_us, 3)
    assert list((tmp_path / "models").glob("floor-*"))
    again = SuspectsRunner(store, engine, clock, tmp_path / "models")
    stuck_us = begun_us + 4 * HOUR_US
    for hour in range(3, 5):
        store.write(Batch(fresh=course(begun_us + hour * HOUR_US, begun_us + (hour + 1) * HOUR_US, stuck_from_us=stuck_us, seed=hour)))
    now_us = begun_us + 5 * HOUR_US + 20 * SECOND_US
    for _ in range(2):
        runner.tick(now_us)
        again.tick(now_us)
    assert suspected(engine) == [(AIR, "fault", "stuck")]
    ran, resumed = runner._run, again._run
    assert ran is not None
    assert resumed is not None
    assert {name: array.tobytes() for name, array in arrays_of(resumed.model)} == {name: array.tobytes() for name, array in arrays_of(ran.model)}


def test_a_suspicion_is_replayed_bit_for_bit_from_what_is_stored(engine: Engine, clock: FakeClock, store: SqliteTimeSeries, tmp_path: Path) -> None:
    begun_us = clock.now_us() // HOUR_US * HOUR_US
    runner = SuspectsRunner(store, engine, clock, tmp_path / "models")
    fill(store, runner, begun_us, 3, stuck_from_us=begun_us + 2 * HOUR_US + 30 * MINUTE_US)
    (kept,) = SuspectsRepository(engine).all()
    evidence = msgspec.json.decode(kept.evidence, type=Evidence)
    assert (evidence.test, evidence.value, evidence.version) == ("stuck", pytest.approx(30, abs=0.5), "floor-4")
    assert evidence.minutes > 120
    assert evidence.lower_share is not None
    assert evidence.lower_share > 0.9
    channels = channels_of(RegistryRepository(engine).load().at(clock.now_us()))
    (replayed,) = replay(store, tmp_path / "models", channels, evidence.at_us)
    assert msgspec.json.encode(replayed.evidence).decode() == kept.evidence
    assert (replayed.score, replayed.since_us, replayed.text) == (kept.score, kept.since_us, kept.text)
    with pytest.raises(BadInput):
        replay(store, tmp_path / "models", channels, begun_us - 9 * HOUR_US)


def test_a_state_that_was_tampered_with_is_not_used(engine: Engine, clock: FakeClock, store: SqliteTimeSeries, tmp_path: Path) -> None:
    begun_us = clock.now_us() // HOUR_US * HOUR_US
    now_us = fill(store, SuspectsRunner(store, engine, clock, tmp_path / "models"), begun_us, 2)
    for path in (tmp_path / "models").glob("floor-*/state.npz"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    again = SuspectsRunner(store, engine, clock, tmp_path / "models")
    again.tick(now_us)
    assert again._states is not None
    assert again._states.refused > 0
    assert again.samples > 0


def test_late_data_end_in_the_state_that_order_would_have_given(engine: Engine, clock: FakeClock, store: SqliteTimeSeries, tmp_path: Path) -> None:
    begun_us = clock.now_us() // HOUR_US * HOUR_US
    ordered_store = SqliteTimeSeries(tmp_path / "ordered")
    late, ordered = (SuspectsRunner(one, engine, clock, tmp_path / str(number)) for number, one in enumerate((store, ordered_store)))
    fill(store, late, begun_us, 2)
    now_us = fill(ordered_store, ordered, begun_us, 2) + HOUR_US
    missing = course(begun_us + 2 * HOUR_US, now_us, seed=9)
    ordered_store.write(Batch(fresh=missing))
    store.write(Batch(fresh=missing[len(missing) // 2 :]))
    late.tick(now_us)
    store.write(Batch(fresh=missing[: len(missing) // 2]))
    late.tick(now_us + 2 * MINUTE_US)
    ordered.tick(now_us + 2 * MINUTE_US)
    ordered_store.close()
    assert late._run is not None
    assert ordered._run is not None
    assert late.starts == 2
    assert {name: array.tobytes() for name, array in arrays_of(late._run.model)} == {name: array.tobytes() for name, array in arrays_of(ordered._run.model)}
