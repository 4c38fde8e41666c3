"""Points become readings: stamped, marked, counted, and kept when something fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.quality import Reason
from domain.reading import Reading
from domain.senml import decode_pack
from edge_agent.bench import outbox_rates
from edge_agent.drivers.base import Point
from edge_agent.outbox import Outbox
from edge_agent.sampler import Sampler, SensorFeed
from edge_agent.timebase import Timebase
from edge_agent.worker import Worker
from oshwatch.testing import FakeClock

GOOD, BAD = Point("cutting-1", "co2", 612.0), Point("cutting-1", "co2", None, 1, (Reason.HW_FAILURE,))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def feed(clock: FakeClock, put: Callable[[list[Reading]], None], *, simulated: bool = False) -> SensorFeed:
    return SensorFeed("co2-1", "agent-7", simulated, Timebase(clock, trusted=True), put)


def test_frames_of_one_moment_have_times_of_their_own(clock: FakeClock) -> None:
    got: list[Reading] = []
    sensor = feed(clock, got.extend)
    for _ in range(3):
        sensor.points([GOOD])
    assert [reading.time_us - clock.time_us for reading in got] == [0, 1, 2]


def test_what_comes_from_a_simulator_says_so(clock: FakeClock) -> None:
    got: list[Reading] = []
    feed(clock, got.extend, simulated=True).points([GOOD, BAD])
    assert [(reading.channel, reading.value, reading.q, reading.r) for reading in got] == [
        ("agent-7.cutting-1.co2", 612.0, 4, (Reason.SIMULATED,)),
        ("agent-7.cutting-1.co2", None, 1, (Reason.HW_FAILURE, Reason.SIMULATED)),
    ]


def test_good_and_bad_frames_are_counted_with_the_age_of_the_last_good_one(clock: FakeClock) -> None:
    sensor = feed(clock, lambda _: None)
    assert sensor.health().last_good_age_s is None
    sensor.points([GOOD])
    clock.sleep(4)
    sensor.points([BAD])
    health = sensor.health()
    assert (health.good, health.bad, health.last_good_age_s) == (1, 1, 4.0)


def test_readings_of_one_tick_share_a_pack(clock: FakeClock, tmp_path: Path) -> None:
    outbox, committed = Outbox(tmp_path / "outbox.db", clock), []
    sampler = Sampler(outbox, Timebase(clock, trusted=True), lambda: committed.append(1))
    sensors = [feed(clock, sampler.put) for _ in range(3)]
    for sensor in sensors:
        sensor.points([GOOD])
    sampler.flush()
    sampler.flush()
    (row,) = outbox.pending("home", 10)
    assert len(decode_pack(row.body, "agent-7").readings) == 3
    assert committed == [1]


def test_what_the_outbox_failed_to_take_is_taken_next_time(clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(tmp_path / "outbox.db", clock)
    sampler = Sampler(outbox, Timebase(clock, trusted=True), lambda: None)
    feed(clock, sampler.put).points([GOOD])
    monkeypatch.setattr(outbox, "append", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sampler.flush()
    monkeypatch.undo()
    sampler.flush()
    assert len(outbox.pending("home", 10)) == 1


def test_two_that_commit_at_once_neither_lose_nor_repeat(clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent commits beside the sampler's thread when its clock was corrected."""
    outbox = Outbox(tmp_path / "outbox.db", clock)
    sampler = Sampler(outbox, Timebase(clock, trusted=True), lambda: None)
    sensor, taken, within, go_on = feed(clock, sampler.put), list[int](), threading.Event(), threading.Event()

    def slow(readings: list[Reading], **_: bool) -> None:
        within.set()
        go_on.wait(5)
        taken.extend(reading.time_us for reading in readings)

    monkeypatch.setattr(outbox, "append", slow)
    sensor.points([GOOD])
    both = [threading.Thread(target=sampler.flush) for _ in range(2)]
    both[0].start()
    assert within.wait(5)
    both[1].start()
    sensor.points([GOOD])
    go_on.set()
    for thread in both:
        thread.join(5)
    sampler.flush()
    assert len(taken) == 2
    assert taken == sorted(set(taken))


class Fragile:
    """Fails twice, then works until stopped."""

    def __init__(self) -> None:
        self.runs, self.well, self.bell = 0, threading.Event(), threading.Event()

    def run(self, stop: threading.Event) -> None:
        self.runs += 1
        if self.runs <= 2:
            raise RuntimeError("a fault nobody thought of")
        self.well.set()
        self.bell.wait(5)

    def wake(self) -> None:
        self.bell.set()


def test_a_task_that_fails_is_started_again_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.worker.RESTART_FIRST_S", 0.01)
    fragile = Fragile()
    worker = Worker("fragile", fragile)
    assert fragile.well.wait(5)
    assert (worker.crashes, worker.is_alive) == (2, True)
    worker.stop()
    assert worker.join(5)


def test_the_benchmark_measures_what_it_names(tmp_path: Path, clock: FakeClock) -> None:
    rates = outbox_rates(tmp_path, clock, records=3_000)
    assert set(rates) == {"appends_per_s", "grouped_records_per_s", "flushed_appends_per_s", "restart_s", "records"}
    assert all(rate > 0 for rate in rates.values())
