"""Work that comes round: what goes wrong is counted and said, and the next round comes."""

from __future__ import annotations

import logging
import threading

import pytest
from sqlalchemy import Engine

from alerts.notification.delivery import COUNTED, Delivery
from alerts.notification.port import Permanent
from alerts.policy import load_policy
from alerts.rounds import Round
from domain.errors import NotReady
from domain.scope import Role
from domain.times import HOUR_US, MINUTE_US
from oshwatch.loop import Loop
from oshwatch.testing import FakeClock, MemoryNotifier, until
from storage.records.notifications import Message, NotificationsRepository, Waiting
from storage.records.people import PeopleRepository
from storage.records.services import ServicesRepository


def test_a_round_that_fails_says_so_until_one_succeeds_and_counts_both(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    outcomes: list[Exception | None] = [NotReady("the database waits"), RuntimeError("a bug"), None]

    def do() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    work, said = Round(name="pager", every_s=1, do=do), []
    for _ in range(3):
        work.once()
        said.append(work.problem)
    assert said == ["the database waits", "RuntimeError in pager", ""]
    assert {name: number for name, number in work.counters().items() if name != "pager_seconds"} == {"pager_done": 1, "pager_waits": 1, "pager_exceptions": 1}


def test_the_kind_of_a_round_stands_behind_each_counter() -> None:
    assert set(Round(name="delivery:email", every_s=1, do=int).counters()) == {f"delivery_{what}:email" for what in ("done", "waits", "exceptions", "seconds")}


def test_a_thread_goes_on_after_an_exception_and_ends_when_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    work = Round(name="delivery:email", every_s=0.005, do=lambda: 1 // 0)
    stop = threading.Event()
    thread = work.start(stop)
    until(lambda: work.exceptions >= 3, 10, "three rounds")
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_round_that_hangs_is_a_problem_while_it_hangs() -> None:
    stop, go_on = threading.Event(), threading.Event()
    work = Round(name="pager", every_s=0.01, do=lambda: go_on.wait(30), patience_s=0.05)
    thread = work.start(stop)
    until(lambda: "pager has hung for" in work.problem, 10, "a problem")
    stop.set()
    go_on.set()
    thread.join(10)
    assert work.problem == ""


def test_the_heartbeat_carries_what_other_threads_count_and_what_is_wrong_in_them(engine: Engine) -> None:
    beside, stop = Round(name="pager", every_s=1, do=int, failing="RuntimeError in pager"), threading.Event()
    loop = Loop("alerts", engine)
    loop.add("floor", 0.01, stop.set)
    loop.tell_of([beside], lambda: {"notification_sent:email": 3.0})
    loop.run(stop)
    (row,) = ServicesRepository(engine).all()
    assert (row.ready, row.problem, row.counters["notification_sent:email"], row.counters["pager_done"], row.counters["floor_done"]) == (False, "RuntimeError in pager", 3, 0, 1)


def message(recipient: str, *, created_us: int = 0, next_try_us: int = 0) -> Message:
    return Message(
        alert="f1", reason=f"test-{recipient}", channel="smtp", recipient=recipient, subject="s", text="t", created_us=created_us, site="f1", next_try_us=next_try_us
    )  # fmt: skip


def test_each_channel_counts_what_became_of_its_messages(engine: Engine, clock: FakeClock) -> None:
    people, outbox, smtp = PeopleRepository(engine, clock), NotificationsRepository(engine), MemoryNotifier("smtp")
    people.add_user(name="olga", role=Role.OFFICER, grant="f1", email="olga@f1.example")
    delivery = Delivery(engine, clock, load_policy(), smtp)
    outbox.put([message("olga", created_us=clock.now_us()), message("nobody", created_us=clock.now_us())])
    for problem in (OSError("no route"), None):
        smtp.problem = problem
        delivery.deliver_due()
        clock.sleep(60)
    outbox.put([Message(alert="a1", reason="raised-1", channel="smtp", recipient="olga", subject="s", text="t", created_us=clock.now_us(), site="f1")])
    delivery.deliver_due()
    outbox.put([Message(alert="f1", reason="test-2", channel="smtp", recipient="olga", subject="s", text="t", created_us=clock.now_us(), site="f1")])
    smtp.problem = Permanent("no such box")
    delivery.deliver_due()
    assert delivery.counters() == {f"notification_{what}:email": count for what, count in zip(COUNTED, (1, 1, 2, 1), strict=True)}


def test_a_message_that_quiet_hours_hold_back_waits_and_is_not_late(engine: Engine, clock: FakeClock) -> None:
    outbox, now_us = NotificationsRepository(engine), clock.now_us()
    assert outbox.waiting(now_us) == Waiting(count=0, oldest_us=None)
    outbox.put([message("asleep", created_us=now_us - HOUR_US, next_try_us=now_us + HOUR_US)])
    assert outbox.waiting(now_us) == Waiting(count=1, oldest_us=None)
    outbox.put([message("late", created_us=now_us - 2 * MINUTE_US)])
    (late,) = outbox.due("smtp", now_us)
    outbox.put_off([late.id], now_us + MINUTE_US, "no route")
    assert outbox.waiting(now_us) == Waiting(count=2, oldest_us=now_us - 2 * MINUTE_US)
