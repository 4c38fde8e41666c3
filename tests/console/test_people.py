"""Who may log in, and for how long."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, select

from domain.errors import BadInput, NotFound, Refused
from domain.scope import Role
from domain.times import DAY_US, HOUR_US
from oshwatch.testing import FakeClock
from storage.records.people import PeopleRepository, new_password
from storage.records.tables import metadata, sessions, tokens, users

PASSWORD = "four plain words here"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(tmp_path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path}/people.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def people(engine: Engine, clock: FakeClock) -> PeopleRepository:
    people = PeopleRepository(engine, clock)
    people.add_user(name="linh", role="officer", grant="f1", password=PASSWORD)
    return people


def test_a_new_database_has_no_user(engine: Engine) -> None:
    assert PeopleRepository(engine).list_users() == []


def test_the_right_password_is_needed(people: PeopleRepository) -> None:
    assert people.verify_password("linh", PASSWORD).scope.role is Role.OFFICER
    assert people.verify_password("linh", PASSWORD + "x") is None
    assert people.verify_password("nobody", PASSWORD) is None


def test_a_user_without_a_password_cannot_log_in(people: PeopleRepository) -> None:
    people.add_user(name="robot", role="officer", grant="f1")
    assert people.verify_password("robot", "") is None


def test_only_hashes_are_stored(people: PeopleRepository, engine: Engine) -> None:
    session, token = people.create_session("linh"), people.create_token("linh")
    with engine.connect() as connection:
        stored = str([connection.execute(select(table)).all() for table in (users, sessions, tokens)])
    assert "$argon2id$" in stored
    assert not any(secret in stored for secret in (PASSWORD, session, token))


def test_a_session_ends_after_twelve_hours_of_use(people: PeopleRepository, clock: FakeClock) -> None:
    token = people.create_session("linh")
    for _ in range(23):
        clock.time_us += HOUR_US // 2
        assert people.session_scope(token) is not None
    clock.time_us += HOUR_US // 2
    assert people.session_scope(token) is None


def test_an_idle_session_ends_after_an_hour(people: PeopleRepository, clock: FakeClock) -> None:
    token = people.create_session("linh")
    clock.time_us += HOUR_US
    assert people.session_scope(token) is None


def test_sessions_end_when_the_role_changes(people: PeopleRepository) -> None:
    token = people.create_session("linh")
    people.change_role("linh", role="programme", grant="*")
    assert people.session_scope(token) is None
    assert people.user("linh").scope.grant == "*"


def test_a_deactivated_person_is_out_at_once(people: PeopleRepository) -> None:
    session, token = people.create_session("linh"), people.create_token("linh")
    people.deactivate("linh")
    assert people.session_scope(session) is None
    assert people.token_scope(token) is None
    assert people.verify_password("linh", PASSWORD) is None


def test_logging_out_ends_one_session_only(people: PeopleRepository) -> None:
    here, there = people.create_session("linh"), people.create_session("linh")
    people.end_session(here)
    assert people.session_scope(here) is None
    assert people.session_scope(there) is not None


def test_a_token_expires_on_its_day(people: PeopleRepository, clock: FakeClock) -> None:
    for_a_day, for_ever = people.create_token("linh", 1), people.create_token("linh")
    clock.time_us += DAY_US
    assert people.token_scope(for_a_day) is None
    assert people.token_scope(for_ever).user == "linh"


def test_a_one_time_password_is_replaced_by_the_persons_own(people: PeopleRepository) -> None:
    code = new_password()
    people.add_user(name="hoa", role="worker_representative", grant="f1", password=code, one_time=True)
    assert people.verify_password("hoa", code).must_choose_password
    assert people.choose_password("hoa", "wrong", "my very own words") is None
    assert not people.choose_password("hoa", code, "my very own words").must_choose_password
    assert people.verify_password("hoa", code) is None


def test_a_factorys_centre_has_no_inspectors(people: PeopleRepository) -> None:
    for role in ("inspector", "programme"):
        with pytest.raises(Refused, match="administration's centre"):
            people.add_user(name="tran", role=role, grant="f1", password=PASSWORD, operator="factory")


def test_a_factory_makes_a_sites_first_two_worker_accounts_by_one_time_code(people: PeopleRepository) -> None:
    made = [people.add_user(name=name, role="worker_representative", grant="f1", password=new_password(), operator="factory") for name in ("hoa", "lan")]
    assert all(user.must_choose_password for user in made)
    with pytest.raises(Refused, match="first two"):
        people.add_user(name="mai", role="worker_representative", grant="f1", password=new_password(), operator="factory")
    assert [entry.subject for entry in people.audit_entries() if entry.action == "user added"] == ["lan", "hoa", "linh"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Linh Tran"}, "name"),
        ({"name": "linh"}, "name"),
        ({"role": "root"}, "role"),
        ({"grant": "country:vietnam"}, "scope"),
        ({"password": "short"}, "password"),
        ({"password": "new-person-0000", "name": "new-person-"}, "password"),
    ],
)
def test_what_is_wrong_is_named(people: PeopleRepository, change: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        people.add_user(**{"name": "new", "role": "officer", "grant": "f1", "password": PASSWORD, **change})
    assert caught.value.field == field


def test_a_token_needs_a_user(people: PeopleRepository) -> None:
    with pytest.raises(NotFound):
        people.create_token("nobody")
