"""What travels between the threads of ingest keeps its order and is never lost, whatever a stage between two of them meets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from ingest.patience import Stopped
from ingest.pipe import Pipe, Stage

WAIT_S = 0.01
BOUND_S = 20.0


class Line:
    """A stage run by threads, fed with 0, 1, 2 … and ended."""

    def __init__(self, work: Callable[[int], None], *, threads: int, alone: Callable[[int], bool] = lambda item: False) -> None:
        self.source: Pipe[int] = Pipe(1)
        self.target: Pipe[int] = Pipe(1)
        self.stage = Stage(self.source, work, self.target, WAIT_S, alone)
        self.errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.stage.run()
            except Stopped as error:
                self.errors.append(error)
            except ValueError as error:
                self.errors.append(error)
                continue
            return

    def feed(self, number: int) -> None:
        def put() -> None:
            with suppress(Stopped):
                for item in range(number):
                    self.source.put(item)
            self.source.end()

        threading.Thread(target=put, daemon=True).start()

    def taken(self) -> list[int]:
        found, deadline = [], time.monotonic() + BOUND_S
        while not self.target.finished and time.monotonic() < deadline:
            item = self.target.take(WAIT_S)
            if item is not None:
                found.append(item)
        return found

    def join(self) -> bool:
        for thread in self.threads:
            thread.join(BOUND_S)
        return not any(thread.is_alive() for thread in self.threads)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_stage_hands_on_in_the_order_of_arrival_however_long_each_takes(threads: int) -> None:
    line = Line(lambda item: time.sleep(0.004 if item % 3 == 0 else 0.0), threads=threads)
    line.feed(60)
    assert line.taken() == list(range(60))
    assert line.join()
    assert not line.errors


def test_two_threads_of_a_stage_work_side_by_side() -> None:
    both = threading.Barrier(2, timeout=BOUND_S)
    line = Line(lambda item: both.wait() and None, threads=2)  # neither passes before the other has come
    line.feed(10)
    assert line.taken() == list(range(10))


def test_what_must_be_alone_begins_when_all_before_it_is_done() -> None:
    done: list[int] = []
    seen: dict[int, list[int]] = {}

    def work(item: int) -> None:
        seen[item] = sorted(done)
        time.sleep(0.005 if item % 4 == 2 else 0.0)
        done.append(item)

    line = Line(work, threads=3, alone=lambda item: item % 4 == 3)
    line.feed(40)
    assert line.taken() == list(range(40))
    assert all(set(range(item)) <= set(seen[item]) for item in range(3, 40, 4))


def test_what_was_in_hand_when_the_work_raised_is_worked_on_again_in_its_turn() -> None:
    tried: list[int] = []

    def work(item: int) -> None:
        tried.append(item)
        if item % 5 == 1 and tried.count(item) < 3:
            raise ValueError(item)

    line = Line(work, threads=2)
    line.feed(20)
    assert line.taken() == list(range(20))
    assert len(line.errors) == 2 * 4
    assert all(tried.count(item) == (3 if item % 5 == 1 else 1) for item in range(20))


def test_a_stage_that_is_stopped_hands_on_nothing_behind_what_it_left() -> None:
    def work(item: int) -> None:
        if item == 5:
            time.sleep(0.02)
            raise Stopped

    line = Line(work, threads=2)
    line.feed(20)
    assert line.taken() == list(range(5))
    assert line.join()
    assert any(isinstance(error, Stopped) for error in line.errors)


def test_who_waits_for_his_turn_goes_when_the_stage_is_given_up() -> None:
    """A thread that another worker has fenced off leaves what it has in hand for ever."""
    held = threading.Event()
    line = Line(lambda item: held.wait(BOUND_S) and None if item == 0 else None, threads=2)
    line.feed(2)
    while line.stage.oldest() is None:
        time.sleep(0.001)
    assert line.stage.oldest() == 0
    time.sleep(0.05)  # the second item is done and waits behind the first
    line.stage.give_up()
    line.threads[0].join(0.2)
    line.threads[1].join(0.2)
    assert sum(thread.is_alive() for thread in line.threads) == 1
    held.set()
    assert line.join()
