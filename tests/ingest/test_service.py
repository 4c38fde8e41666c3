"""A pack's way through ingest, on memory doubles and a real records database."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from domain.times import MINUTE_US, SECOND_US
from ingest import holes, intake
from ingest.retime import Unsynchronised
from ingest.rules import NoticeKind
from storage.records.agents import AgentsRepository
from storage.records.gaps import GapsRepository
from storage.records.services import ServicesRepository
from storage.records.touched import TouchedRepository

EVER = (-(2**60), 2**60)


def event(seq: int, type: str, at: float, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": type, "boot": "boot-1", "seq": seq, "at": at, **fields})


def status(bench: Any, held: list[dict[str, Any]], *, boot: str = "boot-2", state: str = "online") -> bytes:
    return msgspec.json.encode({"state": state, "boot": boot, "at": bench.now_us / SECOND_US, "version": "1.0", "config": "abc", "held": held})


def test_a_pack_is_stored_then_acknowledged_to_broker_and_agent(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(0, 21.5)))
    assert [one.value for one in bench.stored()] == [21.5]
    bench.until(lambda: bench.acked() == (0, []), "the agent is answered")


def test_rules_see_a_reading_before_the_store_does(bench: Any) -> None:
    bench.store.down = True
    bench.send(bench.pack(0, bench.reading(0, 21.5)))
    bench.until(lambda: bench.rules.checked, "the rules ran")
    assert bench.rules.checked == [(bench.reading(0, 21.5), bench.now_us)]
    assert bench.stored() == []


def test_broken_rules_stop_nothing(bench: Any) -> None:
    bench.rules.broken = True
    bench.settled(bench.pack(0))
    assert len(bench.stored()) == 1
    assert bench.service.counters()["rules_errors"] == 1


def test_while_the_store_is_down_nothing_is_acknowledged_and_nothing_is_lost(bench: Any) -> None:
    bench.store.down = True
    tokens = [token for seq in range(50) for token in bench.send(bench.pack(seq))]
    bench.until(lambda: len(bench.rules.checked) == 50, "the rules go on")
    bench.until(lambda: not bench.service.ready()[0], "not ready")
    assert "down" in bench.service.ready()[1]
    assert (bench.source.acked, bench.acks()) == ([], [])
    bench.store.down = False
    bench.until(lambda: bench.source.acked == tokens, "acknowledged in order")
    assert len(bench.stored()) == 50
    bench.until(lambda: bench.service.ready() == (True, ""), "ready again")


def test_a_full_queue_stops_reading_and_drops_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.service.WAITING_READINGS", 20)
    monkeypatch.setattr("ingest.service.WAITING_MESSAGES", 30)
    bench.store.down = True
    for seq in range(100):
        bench.send(bench.pack(seq))
    bench.until(lambda: not bench.source.has_room, "no room")
    bench.store.down = False
    bench.until(lambda: len(bench.stored()) == 100 and bench.source.has_room, "all stored, room again")


def test_a_repeat_is_answered_again_and_stored_once(bench: Any) -> None:
    bench.settled(bench.pack(0))
    bench.until(bench.acks, "answered")
    before = len(bench.acks())
    bench.settled(bench.pack(0))
    bench.until(lambda: len(bench.acks()) > before, "answered again")
    assert bench.service.counters()["duplicates"] == 1
    assert bench.store.written_readings == 1
    assert bench.quarantine == []


def test_a_repeat_after_a_restart_is_still_a_repeat(bench: Any) -> None:
    bench.settled(bench.pack(0), bench.pack(1))
    bench.restart()
    bench.settled(bench.pack(1))
    bench.until(lambda: bench.acked() == (1, []), "answered")
    assert bench.service.counters()["duplicates"] == 1


@pytest.mark.parametrize("together", [True, False])
def test_a_known_identity_with_other_bytes_is_a_conflict(bench: Any, together: bool) -> None:
    first, second = bench.pack(0, bench.reading(0, 21.0)), bench.pack(0, bench.reading(0, 99.0))
    for part in [(first, second)] if together else [(first,), (second,)]:
        bench.settled(*part)
    assert [(item.refusal, item.payload, item.whole) for item in bench.quarantine] == [("identity conflict", second, True)]
    assert [kind for _, kind, _ in bench.rules.notices] == [NoticeKind.IDENTITY_CONFLICT]
    assert [one.value for one in bench.stored()] == [21.0]


def test_an_unknown_agents_packs_wait_in_quarantine_and_are_stored_when_it_is_enrolled(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(0, agent="agent-9"), agent="agent-9"), agent="agent-9")
    assert [(item.refusal, item.agent, item.state) for item in bench.quarantine] == [("unknown agent", "agent-9", "held")]
    assert [kind for _, kind, _ in bench.rules.notices] == [NoticeKind.UNKNOWN_AGENT]
    bench.until(lambda: bench.acked(agent="agent-9") == (0, []), "acknowledged: quarantine is as durable as the store")
    bench.restart()
    bench.until(lambda: AgentsRepository(bench.engine).get("agent-9"), "listed")
    bench.enrol("agent-9")
    bench.until(lambda: bench.stored("agent-9.hall.air_temperature"), "stored after enrolment")
    bench.until(lambda: [(item.state, item.site) for item in bench.quarantine] == [("accepted", "f1")], "marked")


def test_beyond_its_cap_an_unknown_agent_is_not_acknowledged(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [bench.pack(seq, bench.reading(seq, agent="agent-9"), agent="agent-9") for seq in range(3)]
    monkeypatch.setattr(intake, "UNKNOWN_AGENT_BYTES", 2 * len(payloads[0]))
    bench.settled(*payloads, agent="agent-9")  # the broker's window is freed all the same
    bench.until(lambda: bench.acked(agent="agent-9") == (1, []), "two of three are acknowledged")
    assert len(bench.quarantine) == 2


def test_a_refused_record_is_kept_alone_and_the_rest_of_its_pack_is_stored(bench: Any) -> None:
    records = json.loads(bench.pack(0, bench.reading(0), bench.reading(0, 60.0, quantity="sound_level_a_eq")))
    records[1]["u"] = "Cel"
    records.append({"n": "cellar/co2", "u": "ppm", "v": 500})
    bench.settled(json.dumps(records).encode())
    assert len(bench.stored()) == 1
    assert sorted((item.refusal, item.whole, item.seq) for item in bench.quarantine) == [("unknown channel", False, 0), ("wrong unit", False, 0)]
    assert all(item.detail and item.site == "f1" for item in bench.quarantine)
    bench.until(lambda: bench.acked() == (0, []), "the pack is acknowledged")


def test_a_record_in_quarantine_can_be_tried_again_by_itself(bench: Any) -> None:
    records = json.loads(bench.pack(5, bench.reading(0)))
    records.append({"n": "hall/co2", "u": "%", "v": 500, "t": 3})
    bench.settled(json.dumps(records).encode())
    base = {name: records[0][name] for name in ("bn", "bt", "boot", "seq", "sync")}
    alone = json.loads(bench.quarantine[0].payload)
    assert len(alone) == 1
    assert alone[0].items() >= {**base, "n": "hall/co2", "u": "%", "v": 500.0, "t": 3.0}.items()


def test_a_time_in_the_future_is_quarantined_and_still_runs_the_rules(bench: Any) -> None:
    ahead = bench.reading(301, 48.0)
    bench.settled(bench.pack(0, bench.reading(299, 47.0), ahead))
    assert [one.value for one in bench.stored()] == [47.0]
    assert [item.refusal for item in bench.quarantine] == ["future time"]
    assert ahead in [reading for reading, _ in bench.rules.checked]
    assert [kind for _, kind, _ in bench.rules.notices] == [NoticeKind.CLOCK_WRONG]


def test_retry_by_hand_stores_what_is_acceptable_by_now(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(600, 47.0)))
    item = bench.quarantine[0]
    bench.service.retry(item.id)
    bench.until(lambda: not bench.service._retries, "tried")
    assert (bench.stored(), bench.quarantine[0].state) == ([], "held")
    bench.clock.time_us += 10 * MINUTE_US
    bench.source.send(intake.RETRY_TOPIC, b'{"id":%d}' % item.id)
    bench.until(lambda: bench.quarantine[0].state == "accepted", "accepted")
    assert [one.value for one in bench.stored()] == [47.0]


def test_what_the_store_will_never_take_is_quarantined_and_the_rest_stored(bench: Any) -> None:
    bench.store.refuse = lambda one: one.value == 13.0
    bench.settled(bench.pack(0, bench.reading(0, 13.0), bench.reading(1, 14.0)))
    assert [one.value for one in bench.stored()] == [14.0]
    assert [(item.refusal, item.agent, item.whole) for item in bench.quarantine] == [("refused by the store", "agent-1", False)]


def test_out_of_order_packs_are_acknowledged_by_ranges(bench: Any) -> None:
    bench.settled(bench.pack(0), bench.pack(5), bench.pack(6), bench.pack(1))
    bench.until(lambda: bench.acked() == (1, [[5, 6]]), "live packs are acknowledged at once")
    bench.settled(*[bench.pack(seq) for seq in (4, 2, 3)])
    bench.until(lambda: bench.acked() == (6, []), "whole")


def test_a_hole_becomes_a_resend_request_and_a_gap_that_shrinks_when_the_packs_come(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "ASK_AFTER_S", 0.2)
    monkeypatch.setattr(holes, "RECORD_AFTER_S", 0.4)
    bench.settled(bench.pack(0), bench.pack(4))
    bench.until(bench.commands, "asked for")
    command = bench.commands()[0]
    assert (command["verb"], command["args"]) == ("resend", {"boot": "boot-1", "from": 1, "to": 3})
    gaps = GapsRepository(bench.engine)
    bench.until(lambda: gaps.of_agent("agent-1", *EVER), "recorded")
    assert [(gap.from_seq, gap.to_seq, gap.cause) for gap in gaps.of_agent("agent-1", *EVER)] == [(1, 3, "unknown")]
    bench.settled(bench.pack(1))
    assert [(gap.from_seq, gap.to_seq) for gap in gaps.of_agent("agent-1", *EVER)] == [(2, 3)]
    bench.settled(bench.pack(2), bench.pack(3))
    assert gaps.of_agent("agent-1", *EVER) == []


def test_a_declared_gap_counts_as_committed_and_a_pack_of_it_that_still_comes_is_stored(bench: Any) -> None:
    at = bench.now_us / SECOND_US
    bench.settled(bench.pack(0))
    bench.settled(event(4, "gap", at, **{"from": at - 100, "to": at - 50, "cause": "outbox_full", "from_seq": 1, "to_seq": 3}), kind="event")
    bench.until(lambda: bench.acked() == (4, []), "nobody waits for what is lost")
    gaps = GapsRepository(bench.engine)
    assert [(gap.seq, gap.cause, gap.from_seq, gap.to_seq) for gap in gaps.of_agent("agent-1", *EVER)] == [(4, "outbox_full", 1, 3)]
    assert NoticeKind.OUTBOX_FULL in [kind for _, kind, _ in bench.rules.notices]
    bench.settled(bench.pack(3))
    assert len(bench.stored()) == 2
    assert [(gap.from_seq, gap.to_seq) for gap in gaps.of_agent("agent-1", *EVER)] == [(1, 2)]


def test_a_seq_that_jumped_to_nowhere_asks_for_a_bounded_number(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "ASK_AFTER_S", 0.1)
    bench.settled(bench.pack(2**53, bench.reading(0)))
    bench.until(bench.commands, "asked for")
    assert bench.commands()[0]["args"] == {"boot": "boot-1", "from": 0, "to": holes.SEQS_AT_ONCE - 1}


@pytest.mark.parametrize("declared", [True, False])
def test_a_late_event_shrinks_its_gap_like_a_late_pack(bench: Any, monkeypatch: pytest.MonkeyPatch, declared: bool) -> None:
    monkeypatch.setattr(holes, "RECORD_AFTER_S", 0.2)
    at, gaps = bench.now_us / SECOND_US, GapsRepository(bench.engine)
    bench.settled(bench.pack(0), bench.pack(4))
    if declared:
        bench.settled(event(5, "gap", at, **{"from": 1, "to": 3, "cause": "centre"}), kind="event")
    bench.until(lambda: gaps.of_agent("agent-1", *EVER), "recorded")
    bench.settled(event(2, "alarm", at - 998, text="late"), kind="event")
    assert {(gap.from_seq, gap.to_seq) for gap in gaps.of_agent("agent-1", *EVER)} == {(1, 1), (3, 3)}
    bench.settled(event(1, "alarm", at - 999), event(3, "alarm", at - 997), kind="event")
    assert gaps.of_agent("agent-1", *EVER) == []


def test_a_gap_in_the_contracts_form_names_seqs_and_lies_between_its_neighbours(bench: Any) -> None:
    at = bench.now_us / SECOND_US
    bench.settled(bench.pack(0), bench.pack(4))
    bench.settled(event(5, "gap", at, **{"from": 1, "to": 3, "cause": "power"}), kind="event")
    bench.until(lambda: bench.acked() == (5, []), "nobody waits for what is lost")
    (gap,) = GapsRepository(bench.engine).of_agent("agent-1", *EVER)
    assert (gap.cause, gap.from_seq, gap.to_seq) == ("power", 1, 3)
    assert (gap.start_us, gap.stop_us) == (bench.now_us - 1000 * SECOND_US, bench.now_us - 996 * SECOND_US)


def test_a_gap_whose_neighbours_are_unknown_stands_at_its_event_or_where_it_says(bench: Any) -> None:
    at = bench.now_us / SECOND_US
    bench.settled(bench.pack(0), bench.pack(2))
    bench.restart()
    bench.settled(event(3, "gap", at, **{"from": 1, "to": 1, "cause": "power"}), kind="event")
    bench.settled(event(7, "gap", at, **{"from": 4, "to": 6, "start": at - 50, "stop": at - 20, "cause": "outbox_full"}), kind="event")
    bench.until(lambda: bench.acked() == (7, []), "all is settled")
    found = [(gap.from_seq, gap.to_seq, gap.start_us - bench.now_us, gap.stop_us - bench.now_us) for gap in GapsRepository(bench.engine).of_agent("agent-1", *EVER)]
    assert sorted(found) == [(1, 1, 0, 0), (4, 6, -50 * SECOND_US, -20 * SECOND_US)]


def test_an_event_that_comes_twice_counts_once(bench: Any) -> None:
    body = event(0, "gap", bench.now_us / SECOND_US, cause="power")
    bench.settled(body, kind="event")
    bench.settled(body, kind="event")
    assert bench.service.counters()["duplicates"] == 1
    assert len(GapsRepository(bench.engine).of_agent("agent-1", *EVER)) <= 1


def test_a_birth_tells_what_is_lost_for_good_and_what_can_be_brought_back(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "ASK_AFTER_S", 0.2)
    bench.send(status(bench, [{"boot": "boot-1", "from": 10, "to": 20}]), kind="status")
    gaps = GapsRepository(bench.engine)
    bench.until(lambda: gaps.of_agent("agent-1", *EVER) or bench.acks(), "recorded")
    bench.until(bench.commands, "asked for")
    assert bench.commands()[0]["args"] == {"boot": "boot-1", "from": 10, "to": 20}
    bench.until(lambda: bench.acked() == (9, []), "lost seqs are settled")
    bench.settled(*[bench.pack(seq) for seq in range(10, 21)])
    bench.until(lambda: bench.acked() == (20, []), "whole")


def test_status_and_health_are_recorded(bench: Any) -> None:
    health = {"boot": "b", "at": 1.0, "uptime_s": 5, "mqtt_version": "5", "clock_synchronised": True, "clock_offset_s": 0.0, "outbox_depth": 3, "outbox_oldest_age_s": None}
    health |= {"sensors": {}, "disk_free_bytes": 1, "cpu_temperature_c": None, "certificate_days_left": None}
    bench.send(status(bench, []), kind="status")
    bench.send(msgspec.json.encode(health), kind="health")
    agents = AgentsRepository(bench.engine)
    bench.until(lambda: (row := agents.get("agent-1")) and row.state == "online" and row.health, "online with health")
    bench.send(status(bench, [], state="offline"), kind="status")
    bench.until(lambda: agents.get("agent-1").state == "offline", "offline by its will")


def test_a_clock_event_retimes_what_that_boot_sent_with_a_wrong_clock(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(-5000, 20.0), sync=False), bench.pack(1, bench.reading(-4990, 21.0), bench.reading(9000, 22.0), sync=False))
    assert [one.counts for one in bench.stored()] == [False, False]
    bench.settled(event(2, "clock", bench.now_us / SECOND_US, offset_s=-9000.0), kind="event")
    good = [(one.time_us - bench.now_us) // SECOND_US for one in bench.stored() if one.counts]
    assert good == [-14000, -13990, 0]
    bench.until(lambda: sum(one.value is not None for one in bench.stored()) == 3, "the originals are superseded")
    assert sum(not one.counts for one in bench.stored()) == 2
    bench.until(lambda: [item.state for item in bench.quarantine] == ["accepted"], "the future record is accepted")


@pytest.mark.parametrize("restart_first", [False, True])
def test_retiming_survives_restarts_and_reaches_packs_that_come_after_the_event(bench: Any, restart_first: bool) -> None:
    bench.settled(bench.pack(0, bench.reading(-5000, 20.0), sync=False), bench.pack(1, bench.reading(-4990, 21.0), sync=False))
    if restart_first:
        bench.restart()
    bench.settled(event(3, "clock", bench.now_us / SECOND_US, offset_s=3000.0), kind="event")
    bench.restart()
    late = bench.pack(2, bench.reading(-4980, 22.0), sync=False)
    bench.settled(late)
    bench.until(lambda: sum(one.value is not None for one in bench.stored()) == 3, "each reading stands once")
    assert [((one.time_us - bench.now_us) // SECOND_US, one.value) for one in bench.stored() if one.counts] == [(-2000, 20.0), (-1990, 21.0), (-1980, 22.0)]
    assert bench.service.counters().get("reading_conflicts", 0) == 0


def test_originals_that_a_crash_left_standing_are_superseded_at_the_next_start(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settled(bench.pack(0, bench.reading(-5000, 20.0), sync=False))
    with monkeypatch.context() as patch:
        patch.setattr(Unsynchronised, "mark", lambda *_: None)
        bench.settled(event(1, "clock", bench.now_us / SECOND_US, offset_s=3000.0), kind="event")
        bench.service.stop()
    assert len([one for one in bench.stored() if one.value is not None]) == 2
    bench.restart()
    bench.until(lambda: [one.value for one in bench.stored()] == [None, 20.0], "one value is left")
    minutes = bench.store.minutes["agent-1.hall.air_temperature"]
    bench.until(lambda: [minute.valid for _, minute in sorted(minutes.items())] == [0, 1], "the minutes say the same")


def test_late_data_tell_assess_what_to_look_at_again(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(-3600), bench.reading(0)))
    bench.settled(bench.pack(1, bench.reading(-1800)))
    start_us = bench.now_us - 1800 * SECOND_US
    assert [(row.channel, row.start_us, row.stop_us) for row in TouchedRepository(bench.engine).take()] == [("agent-1.hall.air_temperature", start_us, start_us + MINUTE_US)]


def test_the_clock_closes_minutes(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(0)))
    bench.clock.time_us += 70 * SECOND_US
    bench.until(lambda: bench.store.minutes["agent-1.hall.air_temperature"], "the minute is written")


def test_others_are_woken(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(0), bench.reading(60)))
    bench.until(lambda: {topic for topic, _ in bench.source.published} >= {"osh/v1/_centre/last", "osh/v1/_centre/minute"}, "woken")


def test_an_exception_in_the_committer_restarts_it_and_loses_nothing(bench: Any) -> None:
    failures = iter([RuntimeError("broken pipe"), RuntimeError("broken again")])
    plain = bench.service._committer._ledger.commit

    def commit(batch: Any) -> None:
        for failure in failures:
            raise failure
        plain(batch)

    bench.service._committer._ledger.commit = commit
    tokens = bench.send(*[bench.pack(seq) for seq in range(5)])
    bench.until(lambda: bench.source.acked == tokens, "acknowledged after two failures")
    assert len(bench.stored()) == 5
    assert bench.service.counters()["exceptions"] == 2
    bench.until(lambda: bench.acked() == (4, []), "answered")


def test_an_exception_on_one_message_keeps_it_in_quarantine_and_goes_on(bench: Any) -> None:
    plain = bench.service._intake._accept
    bench.service._intake._accept = lambda pack, *rest: (_ for _ in ()).throw(RuntimeError("odd")) if pack.seq == 1 else plain(pack, *rest)
    bench.settled(*[bench.pack(seq) for seq in range(3)])
    assert [(item.seq, "odd" in item.detail) for item in bench.quarantine] == [(1, True)]
    assert len(bench.stored()) == 2


def test_the_heartbeat_says_ready_and_counts(bench: Any) -> None:
    bench.settled(bench.pack(0))
    services = ServicesRepository(bench.engine)
    bench.until(lambda: any(row.ready and row.counters.get("stored_readings") == 1 for row in services.all()), "heartbeat")
    bench.service.stop()
    assert [(row.name, row.ready) for row in services.all()] == [("ingest", False)]


def test_live_readings_are_counted_apart_from_backfilled_ones(bench: Any) -> None:
    bench.settled(bench.pack(0, bench.reading(0, r=(131,)), bench.reading(-5, r=(131, 132))))
    counters = bench.service.counters()
    assert (counters["stored_readings"], counters["stored_live_readings"]) == (2, 1)
