"""The intake on its own: whatever bytes come, each message ends stored, in quarantine or as a repeat, and never as an exception."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.registry import Registry, SiteFile, entries_of
from domain.times import SECOND_US
from domain.topics import sharded_data_topic
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.quarantine import identity_of
from ingest.source import Message
from ingest.work import Work
from oshwatch.testing import FakeClock, RecordingRules

NOW_US = 1_763_802_000_000_000
SITE = {
    "site": {"id": "f1", "name": "Sunrise", "timezone": "UTC", "country": "VN"},
    "zones": [{"id": "hall", "name": "Hall"}],
    "agents": [{"id": "agent-1", "channels": [{"placement": "hall", "quantity": "co2", "zone": "hall", "interval_s": 10}]}],
}
TOPICS = ("osh/v1/agent-1/data", sharded_data_topic("agent-1"), "osh/v1/agent-1/event", "osh/v1/agent-1/status", "osh/v1/agent-1/health", "osh/v1/agent-9/data", "osh/v1/BAD/data")


def intake(digests: dict[int, bytes] | None = None) -> Intake:
    registry = Registry(entries_of(msgspec.convert(SITE, SiteFile), valid_from_us=0, recorded_us=0, author="tests", reason="tests"))

    def known(_agent: str, _boot: str, seqs: Sequence[int]) -> dict[int, bytes]:
        return {seq: digest for seq, digest in (digests or {}).items() if seq in seqs}

    clock = FakeClock(NOW_US)
    return Intake(rules=RecordingRules(), clock=clock, directory=Directory(registry, NOW_US), known={}, digests=known, bytes_held=lambda _: 0)


def message(payload: bytes, token: int, topic: str = TOPICS[0]) -> Message:
    return Message(topic, payload, token, NOW_US, 0.0)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.sampled_from(["agent-1/", "hall/co2", "ppm", "b1"]))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)), max_leaves=6)
NAMES = ("bn", "bt", "boot", "seq", "sync", "n", "u", "v", "t", "q", "r", "type", "at", "from", "to", "cause", "offset_s", "from_seq", "to_seq", "state", "held", "bu", "s", "x_")
GOOD = {"bn": "agent-1/", "bt": NOW_US / SECOND_US, "boot": "b1", "seq": 3, "sync": True, "n": "hall/co2", "u": "ppm", "v": 400.0}
RECORDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).map(lambda changes: {**GOOD, **changes})
PAYLOADS = st.one_of(
    st.binary(max_size=60),
    st.lists(RECORDS, max_size=3).map(lambda records: json.dumps(records).encode()),
    RECORDS.map(lambda record: json.dumps({"type": "gap", "at": 1.0, **record}).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TOPICS), PAYLOADS), min_size=1, max_size=6))
def test_no_bytes_break_the_intake(parts: list[tuple[str, bytes]]) -> None:
    one, work = intake(), Work()
    one.take([message(payload, token, topic) for token, (topic, payload) in enumerate(parts, start=1)], work)
    assert work.tokens == list(range(1, len(parts) + 1))
    assert one.counts["exceptions"] == 0
    accounted = len(work.packs) + len(work.quarantine) + len(work.presence) + one.counts["duplicates"]
    assert accounted + sum(payload == b"" for _, payload in parts) >= len({payload for topic, payload in parts})


def test_numbers_that_no_database_can_hold_are_refused_at_the_door() -> None:
    one, work = intake(), Work()
    huge = 2**64
    gap = {"type": "gap", "boot": "b1", "seq": 0, "at": 1e300, "from": -1e300, "to": 1e300, "from_seq": 0, "to_seq": huge}
    status = {"state": "online", "boot": "b1", "at": 1.0, "held": [{"boot": "b0", "from": 0, "to": huge}]}
    clock = {"type": "clock", "boot": "b1", "seq": 1, "at": 1.0, "offset_s": 1e300}
    one.take([message(json.dumps(body).encode(), 1, f"osh/v1/agent-1/{kind}") for kind, body in (("event", gap), ("status", status), ("event", clock))], work)
    assert [row.detail.split(":")[0] for row in work.quarantine] == ["status"]
    assert [(row.from_seq, row.to_seq) for row in work.gaps] == [(None, None)]
    assert all(abs(number) < 2**63 for row in work.gaps for number in (row.start_us, row.stop_us, row.from_seq or 0, row.to_seq or 0))
    assert (work.declared, work.retimings, work.presence) == ([], [], [])


def test_a_pack_that_changes_on_its_way_to_the_ledger_is_compared_with_the_ledger() -> None:
    body = json.dumps([GOOD]).encode()
    first, work = intake(), Work()
    first.take([message(body, 1)], work)
    digest = work.packs[0].digest
    for known, refusals in ((digest, []), (b"another", ["identity conflict"])):
        second, again = intake({3: known}), Work()
        second.declare("agent-1", "b1", 0, 9)
        second.take([message(body, 1)], again)
        assert [row.refusal for row in again.quarantine] == refusals
        assert again.answers == {("agent-1", "b1")}
        assert again.readings == []


def test_what_was_in_the_registry_when_it_was_measured_is_stored_after_its_retirement() -> None:
    site = msgspec.convert(SITE, SiteFile)
    entries = entries_of(site, valid_from_us=0, recorded_us=0, author="tests", reason="tests")
    gone = [msgspec.structs.replace(entry, valid_from_us=NOW_US - 60 * SECOND_US, body=b"") for entry in entries if entry.kind == "channel"]
    one, work = intake(), Work()
    one.directory = Directory(Registry([*entries, *gone]), NOW_US)

    def body(seq: int, seconds: int) -> bytes:
        return json.dumps([{**GOOD, "seq": seq, "bt": NOW_US / SECOND_US + seconds}]).encode()

    one.take([message(body(0, -120), 1), message(body(1, -10), 2)], work)
    assert [reading.time_us for reading in work.readings] == [NOW_US - 120 * SECOND_US]
    assert [row.refusal for row in work.quarantine] == ["unknown channel"]


def test_rules_are_told_when_each_reading_came() -> None:
    one, work = intake(), Work()
    rules: Any = one._rules
    messages = [Message(TOPICS[0], json.dumps([{**GOOD, "seq": seq}]).encode(), seq + 1, NOW_US + seq // 2, 0.0) for seq in range(4)]
    one.take(messages, work)
    assert [arrival_us - NOW_US for _, arrival_us in rules.checked] == [0, 0, 1, 1]


HEAD = b'{"bn":"agent-1/","bt":1763800000,"boot":"b1","seq":471'


@pytest.mark.parametrize(
    ("payload", "identity"),
    [
        (b"[" + HEAD + b',"n":"hall/co2"', ("b1", 471)),
        (b"x[" + HEAD + b"}]", ("b1", 471)),
        (b"[" + HEAD + b'},\xff{"boot":"b2","seq":9}]', ("b1", 471)),
        (b"[" + HEAD + b"}," + b"[" * 30_000, ("b1", 471)),
        (b"[" + HEAD, None),  # more digits may have followed
        (b"[" + HEAD.replace(b"agent-1", b"agent-2") + b"},", None),
        (b'[{"x":{"boot":"b1","seq":1},"n":', None),
        (b'[{"boot":"b 1","seq":1},', None),
        (b'[{"boot":"b1","seq":true},', None),
        (b'[{"boot":"b1","seq":' + b"9" * 5000 + b"},", None),
        (b"\x00" * 100, None),
    ],
)
def test_damaged_bytes_keep_their_identity_as_far_as_it_can_be_read(payload: bytes, identity: tuple[str, int] | None) -> None:
    assert identity_of(payload, "agent-1") == identity


@given(st.binary(max_size=80))
def test_an_identity_is_looked_for_in_any_bytes_without_an_exception(payload: bytes) -> None:
    identity_of(b"[" + HEAD[: len(payload)] + payload, "agent-1")


def test_deep_nesting_is_no_pack_and_no_exception_on_any_topic() -> None:
    one, work = intake(), Work()
    deep = b'{"boot":"b1","seq":3,"type":' + b"[" * 50_000
    one.take([message(deep, 1, f"osh/v1/agent-1/{kind}") for kind in ("data", "event", "status", "health")], work)
    assert one.counts["exceptions"] == 0
    assert not any("Recursion" in row.detail for row in work.quarantine)
    assert len(work.quarantine) == 4


@pytest.mark.parametrize("boot", ["b 1", "b\n1", "b\t", "\u00a0", "b\0"])
def test_a_boot_that_cannot_be_shown_is_refused(boot: str) -> None:
    one, work = intake(), Work()
    event = {"type": "alarm", "boot": boot, "seq": 1, "at": 1.0}
    one.take([message(json.dumps([{**GOOD, "boot": boot}]).encode(), 1), message(json.dumps(event).encode(), 2, "osh/v1/agent-1/event")], work)
    assert [(row.refusal, row.boot, row.seq) for row in work.quarantine] == [("not a pack", "", -1), ("wrong type", "", -1)]
    assert work.packs == []
