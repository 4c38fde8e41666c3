"""The outbox: numbered without holes, a cursor for each destination, nothing gone without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.messages import Ack, Held
from domain.quality import Reason
from domain.reading import Reading
from domain.senml import MAX_PACK_BYTES, decode_pack
from edge_agent.outbox import PACK_READINGS, Outbox
from edge_agent.outbox_file import Kind, Row
from oshwatch.testing import FakeClock

T0 = 1_763_800_000_000_000
MINUTE = 60_000_000


def reading(number: int, value: float | None = 600.0, r: tuple[int, ...] = ()) -> Reading:
    return Reading("agent-7.cutting-1.co2", T0 + number * 1_000_000, value, 4 if value is not None else 1, r)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(T0)


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Callable[..., Outbox]:
    def make_one(**options: Any) -> Outbox:
        return Outbox(tmp_path / "outbox.db", clock, **options)

    return make_one


def body(row: Row) -> Any:
    return json.loads(row.body)


def events(outbox: Outbox, destination: str = "home") -> list[dict[str, Any]]:
    return [body(row) for row in outbox.pending(destination, 1000) if row.kind is Kind.EVENT]


def test_packs_are_numbered_from_zero_without_a_hole(make: Callable[..., Outbox]) -> None:
    outbox = make()
    outbox.begin()
    assert [outbox.append([reading(number)]) for number in range(5)] == [0, 1, 2, 3, 4]
    rows = outbox.pending("home", 10)
    assert [row.seq for row in rows] == [0, 1, 2, 3, 4]
    pack = decode_pack(rows[3].body, "agent-7")
    assert (pack.boot, pack.seq, pack.sync, pack.readings) == (outbox.boot, 3, True, [reading(3)])


def test_many_readings_become_several_packs_that_the_contract_allows(make: Callable[..., Outbox]) -> None:
    outbox = make()
    placement = "p" * 63
    many = [Reading(f"agent-7.{placement}.co2", T0 + number, None, 1, tuple(range(128, 191))) for number in range(2 * PACK_READINGS + 1)]
    outbox.append(many)
    rows = outbox.pending("home", 100)
    assert all(len(row.body) <= MAX_PACK_BYTES for row in rows)
    assert [reading for row in rows for reading in decode_pack(row.body, "agent-7").readings] == many


def test_an_event_takes_its_number_from_the_same_counter(make: Callable[..., Outbox]) -> None:
    outbox = make()
    outbox.append([reading(0)])
    assert outbox.append_event("config", text="applied") == 1
    assert outbox.append([reading(1)]) == 2
    assert events(outbox) == [{"type": "config", "boot": outbox.boot, "seq": 1, "at": T0 / 1e6, "text": "applied"}]


def test_only_the_centres_acknowledgement_settles_a_row(make: Callable[..., Outbox]) -> None:
    outbox = make()
    for number in range(6):
        outbox.append([reading(number)])
    settled = outbox.ack("home", Ack(boot=outbox.boot, upto=1, also=[(3, 3), (5, 99)]))
    assert len(settled) == 4
    assert [row.seq for row in outbox.pending("home", 10)] == [2, 4]
    assert len(outbox.ack("home", Ack(boot=outbox.boot, upto=1))) == 0
    assert len(outbox.ack("home", Ack(boot="another", upto=5))) == 0
    assert len(outbox.ack("home", Ack(boot=outbox.boot, upto=-1))) == 0


def test_what_is_not_yet_written_cannot_be_acknowledged(make: Callable[..., Outbox]) -> None:
    outbox = make()
    outbox.append([reading(0)])
    outbox.ack("home", Ack(boot=outbox.boot, upto=1000))
    outbox.append([reading(1)])
    assert [row.seq for row in outbox.pending("home", 10)] == [1]


def test_each_destination_has_a_cursor_of_its_own(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make(destinations=["home", "administration"], keep_hours=0)
    for number in range(3):
        outbox.append([reading(number)])
    outbox.ack("home", Ack(boot=outbox.boot, upto=2))
    clock.sleep(1)
    outbox.trim()
    assert outbox.pending("home", 10) == []
    assert [row.seq for row in outbox.pending("administration", 10)] == [0, 1, 2]
    outbox.ack("administration", Ack(boot=outbox.boot, upto=1))
    outbox.trim()
    assert outbox.held() == [Held(boot=outbox.boot, from_=2, to=2)]


def test_cursors_and_rows_survive_a_restart_and_the_boot_is_another(make: Callable[..., Outbox]) -> None:
    first = make()
    for number in range(4):
        first.append([reading(number)])
    boot = first.boot
    first.ack("home", Ack(boot=boot, upto=1))
    first.close()
    second = make()
    assert second.boot != boot
    assert [(row.seq, second.boot_of(row)) for row in second.pending("home", 10)][:2] == [(2, boot), (3, boot)]


def test_acknowledged_rows_are_kept_for_three_days_for_resend(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make()
    outbox.append([reading(0)])
    outbox.ack("home", Ack(boot=outbox.boot, upto=0))
    clock.sleep(71 * 3600)
    outbox.append([reading(1)])
    outbox.trim()
    assert outbox.resend("home", outbox.boot, 0, 0) == (1, 0)
    assert [row.seq for row in outbox.pending("home", 10)] == [0, 1]
    outbox.ack("home", Ack(boot=outbox.boot, upto=1))
    clock.sleep(2 * 3600)
    outbox.trim()
    assert outbox.held() == [Held(boot=outbox.boot, from_=1, to=1)]
    assert outbox.append([reading(2)]) == 2


def test_resend_of_what_is_gone_is_declared_in_that_boots_own_counter(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make(keep_hours=0)
    for number in range(4):
        outbox.append([reading(number)])
    boot = outbox.boot
    outbox.ack("home", Ack(boot=boot, upto=1))
    clock.sleep(1)
    outbox.trim()
    outbox.begin(after_stop=False)
    outbox.append([reading(9)])
    assert outbox.resend("home", boot, 0, 2) == (1, 2)
    (gap,) = events(outbox)
    assert (gap["boot"], gap["seq"], gap["from"], gap["to"]) == (boot, 4, 0, 1)
    assert outbox.resend("home", "unheard-of", 0, 5) == (0, 0)


def test_a_restart_says_since_when_nothing_was_measured(make: Callable[..., Outbox], clock: FakeClock) -> None:
    first = make(machine=lambda: "kernel-1")
    first.append([reading(0)])
    del first  # died
    clock.sleep(90)
    second = make(machine=lambda: "kernel-1")
    second.begin()
    (died,) = events(second)
    assert (died["type"], died["start"], died["stop"], died["cause"]) == ("gap", T0 / 1e6, T0 / 1e6 + 90, "unknown")
    second.append([reading(91)])
    del second
    third = make(machine=lambda: "kernel-2")
    third.begin()
    assert events(third)[-1]["cause"] == "power"
    third.close()
    fourth = make(machine=lambda: "kernel-3")
    fourth.begin()
    assert (events(fourth)[-1]["cause"], events(fourth)[-1]["text"]) == ("unknown", "the agent was stopped and started again")


def test_a_first_start_has_no_gap(make: Callable[..., Outbox]) -> None:
    outbox = make()
    outbox.begin()
    assert outbox.pending("home", 10) == []


def test_an_imported_boot_is_sent_as_if_it_had_been_measured(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make()
    past = [[reading(number, r=(Reason.SIMULATED, Reason.BACKFILLED))] for number in range(-1200, 0)]
    assert outbox.import_boot("past", past) == 1200
    with pytest.raises(ValueError, match="already"):
        outbox.import_boot("past", past)
    outbox.close()
    agent = make()
    agent.begin()
    agent.append([reading(0)])
    rows = agent.pending("home", 2000)
    assert [decode_pack(row.body, "agent-7").readings[0] for row in rows[:1200]] == [pack[0] for pack in past]
    assert [row.kind for row in rows[1200:]] == [Kind.PACK]


def test_over_the_cap_the_oldest_packs_go_and_events_stay_and_the_gap_is_named(make: Callable[..., Outbox]) -> None:
    outbox = make(max_mb=1)
    outbox.append_event("alarm", text="evacuate")
    count = 0
    for number in range(100):
        for part in range(40):
            outbox.append([reading(number * 40 + part)] * 8, commit=False)
            count += 1
        outbox.commit()
        outbox.trim()
    rows = outbox.pending("home", 100_000)
    gaps = [event for event in events_of(rows) if event["type"] == "gap"]
    assert [event["text"] for event in events_of(rows) if event["type"] == "alarm"] == ["evacuate"]
    lost = {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}
    kept = {row.seq for row in rows}
    assert lost
    assert not lost & kept
    assert lost | kept == set(range(max(kept) + 1))
    assert {gap["cause"] for gap in gaps} == {"outbox_full"}
    first = min(gaps, key=lambda gap: gap["from"])
    assert (first["start"], first["from"]) == (T0 / 1e6, 1)
    assert outbox.dropped_rows == len(lost)
    assert any("full" in problem for problem in outbox.problems())


def events_of(rows: list[Row]) -> list[dict[str, Any]]:
    return [body(row) for row in rows if row.kind is Kind.EVENT]


def test_over_the_cap_home_loses_nothing_that_another_destination_has_not_taken(make: Callable[..., Outbox]) -> None:
    outbox = make(max_mb=1, destinations=["home", "administration"])
    for number in range(4000):
        outbox.append([reading(number)] * 8, commit=False)
    outbox.commit()
    outbox.ack("home", Ack(boot=outbox.boot, upto=2999))
    outbox.trim()
    assert {row.seq for row in outbox.pending("home", 5000) if row.kind is Kind.PACK} == set(range(3000, 4000))
    assert len(outbox.pending("administration", 5000)) < 4000


def test_over_the_cap_what_everybody_has_goes_without_a_gap(make: Callable[..., Outbox]) -> None:
    outbox = make(max_mb=1)
    for number in range(4000):
        outbox.append([reading(number)] * 8, commit=False)
    outbox.commit()
    outbox.ack("home", Ack(boot=outbox.boot, upto=3500))
    outbox.trim()
    assert events(outbox) == []
    assert len(outbox.pending("home", 5000)) == 499


def test_an_unsynchronised_boot_waits_and_is_retimed_when_the_clock_is_set(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make()
    outbox.begin(synchronised=False)
    outbox.append([reading(0)], sync=False)
    outbox.append([reading(1)], sync=False)
    assert outbox.pending("home", 10) == []
    assert outbox.depth("home") == (2, T0)
    outbox.synchronised(3600_000_000)
    rows = outbox.pending("home", 10)
    packs = [decode_pack(row.body, "agent-7") for row in rows[:2]]
    assert [(pack.seq, pack.sync, pack.readings[0]) for pack in packs] == [
        (number, True, Reading("agent-7.cutting-1.co2", T0 + 3600_000_000 + number * 1_000_000, 600.0)) for number in (0, 1)
    ]
    assert (body(rows[2])["type"], body(rows[2])["offset_s"]) == ("clock", 3600.0)


def test_after_a_quarter_of_an_hour_unsynchronised_rows_go_out_marked_and_stay_as_they_were(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make()
    outbox.begin(synchronised=False)
    outbox.append([reading(0)], sync=False)
    clock.sleep(16 * 60)
    outbox.append([reading(960)], sync=False)
    outbox.release_unsynchronised(clock.now_us() - 15 * MINUTE)
    (released,) = outbox.pending("home", 10)
    pack = decode_pack(released.body, "agent-7")
    assert (pack.sync, pack.readings[0].r) == (False, (Reason.CLOCK_UNSYNCED,))
    outbox.synchronised(-5_000_000)
    rows = outbox.pending("home", 10)
    assert rows[0].body == released.body
    assert decode_pack(rows[1].body, "agent-7").readings[0].time_us == T0 + 955_000_000


def test_the_opening_gap_keeps_its_start_when_the_clock_is_set(make: Callable[..., Outbox], clock: FakeClock) -> None:
    first = make()
    first.append([reading(0)])
    del first
    clock.time_us = 1_000_000_000  # no battery: 1970
    second = make()
    second.begin(synchronised=False)
    second.append([Reading("agent-7.cutting-1.co2", 1_001_000_000, 1.0)], sync=False)
    second.synchronised(T0 + 600_000_000 - 1_000_000_000)
    gap = next(event for event in events(second) if event["type"] == "gap")
    assert (gap["start"], gap["stop"]) == (T0 / 1e6, T0 / 1e6 + 600)


def test_depth_says_how_many_wait_and_since_when(make: Callable[..., Outbox], clock: FakeClock) -> None:
    outbox = make()
    assert outbox.depth("home") == (0, None)
    outbox.append([reading(0)])
    clock.sleep(5)
    outbox.append([reading(5)])
    assert outbox.depth("home") == (2, T0)
    outbox.ack("home", Ack(boot=outbox.boot, upto=0))
    assert outbox.depth("home") == (1, T0 + 5_000_000)


def test_a_run_of_which_nothing_is_left_is_forgotten_and_the_next_one_starts_clean(make: Callable[..., Outbox], clock: FakeClock) -> None:
    first = make(keep_hours=0)
    first.append([reading(0)])
    boot = first.boot
    first.close()
    second = make(keep_hours=0)
    second.begin(after_stop=False)
    second.append([reading(1)])
    second.ack("home", Ack(boot=boot, upto=0))
    clock.sleep(1)
    second.trim()
    assert [held.boot for held in second.held()] == [second.boot]
    assert second.resend("home", boot, 0, 0) == (0, 0)
    second.close()
    third = make(keep_hours=0)
    assert [(row.seq, third.boot_of(row)) for row in third.pending("home", 10)] == [(0, second_boot(third))]


def second_boot(outbox: Outbox) -> str:
    (held,) = outbox.held()
    return held.boot


def test_setting_the_clock_drops_no_record_not_even_one_the_centre_will_refuse(make: Callable[..., Outbox]) -> None:
    outbox = make()
    outbox.begin(synchronised=False)
    outbox.append([reading(0, -5.0), reading(1, None, (Reason.HW_FAILURE,))], sync=False)
    outbox.synchronised(1_000_000)
    records = body(outbox.pending("home", 1)[0])
    assert [(record.get("v"), record.get("r")) for record in records] == [(-5.0, None), (None, [Reason.HW_FAILURE])]
