"""What a clock that ran ahead sent: refused as it came, and stored at its right time once the device says by how much it was wrong, whichever of the two comes first."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.times import SECOND_US


def clock_event(bench: Any, seq: int, offset_s: float) -> bytes:
    return msgspec.json.encode({"type": "clock", "boot": "boot-1", "seq": seq, "at": bench.now_us / SECOND_US, "offset_s": offset_s})


def ahead(bench: Any, seq: int, *seconds: float) -> bytes:
    found: bytes = bench.pack(seq, *(bench.reading(each, 20.0 + seq) for each in seconds))
    return found


def seconds_stored(bench: Any) -> list[int]:
    return [(one.time_us - bench.now_us) // SECOND_US for one in bench.stored()]


def test_a_pack_and_the_clock_event_behind_it_in_one_commit(bench: Any) -> None:
    data, events = "osh/v1/agent-1/data", "osh/v1/agent-1/event"
    messages = [(data, ahead(bench, 0, 3000)), (data, ahead(bench, 1, 3001)), (events, clock_event(bench, 2, -3600.0))]
    tokens = [token for topic, payload in messages for token in bench.source.send(topic, payload)]
    bench.until(lambda: set(tokens) <= set(bench.source.acked), "acknowledged")
    assert seconds_stored(bench) == [-600, -599]
    bench.until(lambda: [item for item in bench.quarantine if item.state == "held"] == [], "nothing is left in quarantine")


def test_a_pack_that_comes_after_the_event_that_tells_of_it(bench: Any) -> None:
    """The broker died with it and it was sent again; what the boot sends after the event is not the event's matter."""
    bench.settled(ahead(bench, 0, 3000))
    bench.settled(clock_event(bench, 2, -3600.0), kind="event")
    bench.settled(ahead(bench, 1, 3001), ahead(bench, 3, 3003))
    assert seconds_stored(bench) == [-600, -599]
    assert [(item.seq, item.state) for item in bench.quarantine if item.state == "held"] == [(3, "held")]


def test_more_than_a_portion_of_them(bench: Any) -> None:
    bench.settled(ahead(bench, 0, *range(3000, 3600)))
    bench.settled(clock_event(bench, 1, -3600.0), kind="event")
    assert seconds_stored(bench) == list(range(-600, 0))


def held(bench: Any) -> list[int]:
    return [item.seq for item in bench.quarantine if item.state == "held"]


def test_a_pack_that_comes_after_the_event_and_a_restart_of_ingest(bench: Any) -> None:
    bench.settled(ahead(bench, 0, 3000))
    bench.settled(clock_event(bench, 2, -3600.0), kind="event")
    bench.restart()
    bench.settled(ahead(bench, 1, 3001), ahead(bench, 3, 3003))
    assert seconds_stored(bench) == [-600, -599]
    assert held(bench) == [3]


def test_a_retry_after_its_time_has_come_stores_it_at_the_time_that_the_event_tells(bench: Any) -> None:
    """The event told of two hours too little at first: what it said then was no acceptable time either."""
    bench.settled(clock_event(bench, 2, -3600.0), kind="event")
    bench.settled(ahead(bench, 1, 7200))
    bench.restart()
    assert held(bench) == [1]
    bench.clock.sleep(7201)
    bench.service.retry(bench.quarantine[0].id)
    bench.until(lambda: held(bench) == [], "accepted")
    assert seconds_stored(bench) == [3600]


def test_a_retry_without_an_event_waits_for_its_own_time(bench: Any) -> None:
    bench.settled(ahead(bench, 0, 3000))
    bench.service.retry(bench.quarantine[0].id)
    bench.until(lambda: bench.service.counters().get("retried"), "tried")
    bench.settled(ahead(bench, 1, 0))
    assert held(bench) == [0]
    bench.clock.sleep(3000)
    bench.service.retry(bench.quarantine[0].id)
    bench.until(lambda: held(bench) == [], "accepted")
    assert seconds_stored(bench) == [0, 3000]


def test_a_clock_that_nobody_mends_does_not_fill_the_memory(bench: Any) -> None:
    for seq in range(30):
        bench.settled(ahead(bench, seq, 3000 + seq))
    on_their_way = bench.service._merger._ahead_of_time._on_their_way
    assert len(on_their_way[("agent-1", "boot-1")]) <= 2
