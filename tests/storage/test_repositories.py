"""The small repositories: quarantine, agents, touched spans, zone states, services, suspects."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select

from domain.errors import BadInput, NotFound
from domain.messages import Status
from storage.records import tables
from storage.records.agents import AgentsRepository
from storage.records.ledger import LedgerBatch, LedgerRepository, QuarantineRow, TouchedRow
from storage.records.quarantine import QuarantineRepository
from storage.records.services import ServiceRow, ServicesRepository
from storage.records.suspects import Suspect, SuspectsRepository
from storage.records.touched import TouchedRepository
from storage.records.zone_states import ZoneStateRow, ZoneStatesRepository


def held(number: int, *, agent: str = "agent-7", site: str = "f1", refusal: str = "unknown channel") -> QuarantineRow:
    return QuarantineRow(agent=agent, site=site, boot="b", seq=number, refusal=refusal, detail="why", payload=b"x" * 10, whole=False, digest=number.to_bytes(4, "big"))


@pytest.fixture
def quarantine(engine: Engine) -> QuarantineRepository:
    rows = [held(number) for number in range(5)] + [held(5, site="f2", agent="agent-9"), held(6, site="", agent="stranger", refusal="unknown agent")]
    LedgerRepository(engine).commit(LedgerBatch(arrived_us=7, quarantine=rows))
    return QuarantineRepository(engine)


def test_quarantine_shows_a_caller_their_own_sites_only(quarantine: QuarantineRepository) -> None:
    assert [item.seq for item in quarantine.list(None).items] == [6, 5, 4, 3, 2, 1, 0]
    assert [item.seq for item in quarantine.list(["f2"]).items] == [5]
    assert quarantine.list([]).items == []
    with pytest.raises(NotFound):
        quarantine.get(1, ["f2"])
    assert quarantine.get(1, ["f1"]) == quarantine.get(1)


def test_quarantine_pages_without_missing_or_repeating(quarantine: QuarantineRepository) -> None:
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = quarantine.list(["f1"], limit=2, cursor=cursor)
        seen += [item.seq for item in page.items]
        cursor, pages = page.next, pages + 1
    assert (seen, pages) == ([4, 3, 2, 1, 0], 3)


@pytest.mark.parametrize("cursor", ["x", "-1", "1; DROP", "9" * 40, "²"])
def test_a_cursor_that_is_not_ours_is_refused(quarantine: QuarantineRepository, cursor: str) -> None:
    with pytest.raises(BadInput) as caught:
        quarantine.list(None, cursor=cursor)
    assert caught.value.field == "cursor"


def test_what_waits_for_its_cause_is_found_a_portion_at_a_time(quarantine: QuarantineRepository) -> None:
    first = quarantine.held(["unknown channel"], agent="agent-7", limit=3)
    rest = quarantine.held(["unknown channel"], agent="agent-7", after_id=first[-1].id, limit=3)
    assert [item.seq for item in [*first, *rest]] == [0, 1, 2, 3, 4]
    assert [item.agent for item in quarantine.held(["unknown agent"])] == ["stranger"]
    assert len(quarantine.held()) == 7


def test_what_a_retry_accepted_is_kept_and_no_longer_held(quarantine: QuarantineRepository) -> None:
    (item,) = quarantine.held(["unknown agent"])
    quarantine.mark(item.id, "accepted", site="f3")
    assert quarantine.held(["unknown agent"]) == []
    assert (quarantine.get(item.id).state, quarantine.get(item.id).site) == ("accepted", "f3")
    assert [each.id for each in quarantine.list(["f3"], state="accepted").items] == [item.id]


def test_quarantine_counts_and_weighs_what_it_holds(quarantine: QuarantineRepository) -> None:
    assert quarantine.counts() == {"unknown channel": 6, "unknown agent": 1}
    assert quarantine.counts(["f2"]) == {"unknown channel": 1}
    assert (quarantine.bytes_held("agent-7"), quarantine.bytes_held("nobody")) == (50, 0)
    quarantine.mark(quarantine.held(agent="agent-7")[0].id, "accepted")
    assert quarantine.bytes_held("agent-7") == 40


def test_an_agent_is_known_from_its_first_sign_of_life(engine: Engine) -> None:
    agents = AgentsRepository(engine)
    agents.seen_many({})
    agents.seen("agent-7", 5)
    agents.seen_many({"agent-7": 3, "agent-8": 9})
    assert [(row.agent, row.state, row.last_seen_us) for row in agents.all()] == [("agent-7", "unknown", 5), ("agent-8", "unknown", 9)]
    assert agents.get("agent-9") is None


def test_an_agent_s_state_has_a_beginning(engine: Engine) -> None:
    agents = AgentsRepository(engine)
    online = Status(state="online", boot="b3f1", at=1.0, version="0.1", config="abc")
    assert [agents.status("agent-7", online, 5), agents.status("agent-7", online, 9)] == [True, False]
    agents.health("agent-7", '{"uptime_s":5}', 12)
    row = agents.get("agent-7")
    assert row is not None
    assert (row.state, row.boot, row.version, row.config, row.state_since_us, row.last_seen_us, row.health) == ("online", "b3f1", "0.1", "abc", 5, 12, '{"uptime_s":5}')


def test_a_will_is_no_sign_of_life(engine: Engine) -> None:
    agents = AgentsRepository(engine)
    agents.status("agent-7", Status(state="online", boot="b", at=1.0), 5)
    assert agents.status("agent-7", Status(state="offline", boot="b", at=1.0), 60)
    row = agents.get("agent-7")
    assert row is not None
    assert (row.state, row.state_since_us, row.last_seen_us) == ("offline", 60, 5)


def test_touched_spans_stay_until_they_are_cleared(engine: Engine) -> None:
    touched = TouchedRepository(engine)
    touched.add([], 1)
    for number in range(5):
        touched.add([TouchedRow(channel="a.b.co2", start_us=number, stop_us=number + 1)], 7)
    taken = touched.take(limit=3)
    assert [(span.start_us, span.arrived_us) for span in taken] == [(0, 7), (1, 7), (2, 7)]
    assert touched.take(limit=3) == taken
    assert [span.start_us for span in touched.take({span.id for span in taken}, limit=3)] == [3, 4]
    touched.clear([span.id for span in taken])
    touched.clear([])
    assert [span.start_us for span in touched.take()] == [3, 4]


def test_all_that_one_commit_touched_is_one_row(engine: Engine) -> None:
    repository = TouchedRepository(engine)
    repository.add([TouchedRow(channel=f"a.b.c{number}", start_us=number, stop_us=60) for number in range(3)], 7)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.touched)).scalar_one() == 1
    taken = repository.take()
    assert [(span.channel, span.start_us, span.stop_us, span.arrived_us) for span in taken] == [(f"a.b.c{number}", number, 60, 7) for number in range(3)]
    assert len({span.id for span in taken}) == 1
    repository.clear([taken[0].id])
    assert repository.take() == []


def test_a_zone_s_status_has_a_beginning(engine: Engine) -> None:
    zones = ZoneStatesRepository(engine)

    def save(status: str, at_us: int) -> None:
        zones.save_many([ZoneStateRow(zone=f"{site}.z", site=site, status=status, at_us=at_us, body=f"{at_us}".encode()) for site in ("f1", "f2")])

    for status, at_us in (("within", 1), ("within", 2), ("stop", 3), ("stop", 4)):
        save(status, at_us)
    zones.save_many([])
    state = zones.get("f1.z")
    assert state is not None
    assert (state.status, state.since_us, state.computed_us, state.body) == ("stop", 3, 4, b"4")
    assert [each.zone for each in zones.all()] == ["f1.z", "f2.z"]
    assert [each.zone for each in zones.all(["f2"])] == ["f2.z"]
    assert zones.get("f9.z") is None


def test_a_part_s_heartbeat_replaces_its_last(engine: Engine) -> None:
    services = ServicesRepository(engine)
    services.heartbeat("ingest", 1, 5, False, "the broker does not answer")
    services.heartbeat("ingest", 2, 9, True, counters={"readings": 5, "lag_s": 0.25})
    services.heartbeat("alerts", 3, 9, True)
    assert services.all() == [
        ServiceRow(name="alerts", pid=3, at_us=9, ready=True, problem=""),
        ServiceRow(name="ingest", pid=2, at_us=9, ready=True, problem="", counters={"readings": 5.0, "lag_s": 0.25}),
    ]


def test_suspects_are_those_of_now(engine: Engine) -> None:
    suspects = SuspectsRepository(engine)
    first, second = (Suspect(channel=channel, kind="fault", fault_type="flat_line", since_us=5, score=0.9, text="does not move") for channel in ("a.b.co", "a.b.co2"))
    suspects.upsert([first, second])
    suspects.upsert([])
    assert suspects.all() == [first, second]
    assert suspects.all(["a.b.co2"]) == [second]
    suspects.replace_all([second])
    assert suspects.all() == [second]
    suspects.replace_all([])
    assert suspects.all() == []
