"""What an open case rests on is held by the system, and let go when the case is settled; what people hold is theirs."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from alerts import actions
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.review.desk import Desk
from alerts.review.holds import AROUND_US, OPEN_ENDED_US, SYSTEM, Case, hold_cases, keep_holds
from alerts.review.model import Control, Review
from alerts.state import Alert
from domain.hazards import Severity
from domain.scope import Role, Scope
from domain.times import DAY_US, HOUR_US
from oshwatch.testing import FakeClock
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository
from storage.records.retention import RetentionRepository

HOA = Scope(user="hoa", role=Role.WORKER_REPRESENTATIVE, grant="f1")
MINH = Scope(user="minh", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f1")


@pytest.fixture
def desk(engine: Engine, clock: FakeClock) -> Desk:
    people = PeopleRepository(engine, clock)
    for scope in (HOA, MINH):
        people.add_user(name=scope.user, role=scope.role, grant=scope.grant)
    return Desk(engine, clock, lambda: RegistryRepository(engine).load().at(clock.now_us()))


def raised(engine: Engine, clock: FakeClock, type: str = "heat") -> tuple[Recorder, Alert]:
    recorder = Recorder(engine, clock, load_policy())
    alert = recorder.seen(Finding(site="f1", zone="f1.ironing-1", hazard="heat", type=type, severity=Severity.STOP, event_us=clock.now_us(), value=32.4, unit="Cel"))
    assert alert is not None
    return recorder, alert


def closed(desk: Desk, review: Review) -> None:
    desk.set_cause(HOA, review.id, ["ventilation_weak"], "the fan stood still")
    desk.add_action(MINH, review.id, control=Control.ENGINEERING, text="second fan", owner="maintenance", due="2025-12-01")
    for scope in (HOA, MINH):
        desk.sign(scope, review.id, side=scope.role.side or "", agree=True)
    desk.close(MINH, review.id)


def test_an_open_review_holds_its_days_until_it_is_closed_and_again_when_it_is_reopened(engine: Engine, clock: FakeClock, desk: Desk) -> None:
    repository, (recorder, alert) = RetentionRepository(engine), raised(engine, clock)
    raised_us = clock.now_us()
    clock.sleep(HOUR_US / 1e6)
    recorder.returned(alert, clock.now_us())
    review = desk.open_alert(HOA, alert.id)
    for _ in range(2):
        keep_holds(engine, clock.now_us())
    (held,) = repository.holds()
    assert (held.site, held.kind, held.reference, held.placed_by) == ("f1", "review", f"review {review.id}", SYSTEM)
    assert (held.start_us, held.stop_us) == (raised_us - AROUND_US, raised_us + HOUR_US + AROUND_US)
    closed(desk, review)
    keep_holds(engine, clock.now_us())
    assert repository.holds() == []
    assert [(each.released_by, each.release_reason) for each in repository.holds(released=True)] == [(SYSTEM, "settled")]
    desk.reopen(HOA, review.id, "the fan stands still again")
    keep_holds(engine, clock.now_us())
    assert [each.reference for each in repository.holds()] == [f"review {review.id}"]


def test_an_alert_open_for_more_than_a_day_holds_all_that_comes_until_it_closes(engine: Engine, clock: FakeClock, desk: Desk) -> None:
    repository, (recorder, alert) = RetentionRepository(engine), raised(engine, clock)
    keep_holds(engine, clock.now_us())
    assert repository.holds() == []
    clock.sleep(2 * 86_400)
    for _ in range(2):
        clock.sleep(60)
        keep_holds(engine, clock.now_us())
    (held,) = repository.holds()
    assert held.reference == f"alert {alert.id}"
    assert held.start_us <= alert.raised_at_us < clock.now_us() + 10_000 * DAY_US < held.stop_us
    recorder.returned(alert, clock.now_us())
    actions.acknowledge(engine, clock, Scope(user="linh", role=Role.OFFICER, grant="f1"), alert.id, "seen")
    keep_holds(engine, clock.now_us())
    assert repository.holds() == []


def test_what_a_person_holds_is_not_released(engine: Engine, clock: FakeClock) -> None:
    repository = RetentionRepository(engine)
    placed = repository.place(site="f1", kind="inspector", start_us=0, stop_us=DAY_US, reference="letter 17", by="I", at_us=0)
    keep_holds(engine, clock.now_us())
    assert repository.holds() == [placed]


spans = st.tuples(st.integers(0, 40), st.integers(1, 20) | st.just(OPEN_ENDED_US // DAY_US))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.dictionaries(st.sampled_from("abc"), spans, max_size=3), max_size=6))
def test_at_every_moment_each_open_case_is_covered_by_one_hold_and_nothing_else_is_held(engine: Engine, steps: list[dict[str, tuple[int, int]]]) -> None:
    repository = RetentionRepository(engine)
    for now, opened in enumerate([*steps, {}]):
        cases = [Case(site="f1", kind="review", reference=name, start_us=first * DAY_US, stop_us=(first + days) * DAY_US) for name, (first, days) in opened.items()]
        hold_cases(repository, random.Random(now).sample(cases, len(cases)), now)
        held = {each.reference: each for each in repository.holds()}
        assert len(repository.holds()) == len(held) == len(cases)
        assert all(held[case.reference].start_us <= case.start_us for case in cases)
        assert all(held[case.reference].stop_us >= min(case.stop_us, OPEN_ENDED_US // 2) for case in cases)
