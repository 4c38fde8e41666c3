"""Acceptance A through a real mosquitto and the embedded store: poison does not stop the stream, a kill -9 loses nothing, nor does a store that is away."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from sqlalchemy import Engine

from domain.clock import SystemClock
from domain.quantities import Averaging
from domain.reading import Reading, minute_from
from domain.senml import encode_pack
from domain.seqset import SeqSet
from domain.times import MINUTE_US, SECOND_US, minute_of
from ingest.mqtt import MqttSource
from ingest.service import IngestService
from oshwatch.testing import MemoryTimeSeries, RecordingRules
from storage.records.ledger import LedgerRepository
from storage.records.quarantine import QuarantineRepository
from storage.timeseries.sqlite import SqliteTimeSeries

WORKER = Path(__file__).with_name("worker.py")
pytestmark = pytest.mark.server("mosquitto")


def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@dataclass
class Agents:
    """What agents do: publish, read acknowledgements, and send again what is not acknowledged."""

    client: paho.Client
    acked: dict[tuple[str, str], SeqSet] = field(default_factory=dict)

    def publish(self, payload: bytes, agent: str = "agent-1", kind: str = "data") -> None:
        self.client.publish(f"osh/v1/{agent}/{kind}", payload, qos=1)

    def has(self, agent: str, boot: str, seqs: range) -> bool:
        acked = self.acked.get((agent, boot), SeqSet())
        return all(seq in acked for seq in seqs)

    def send_again(self, bodies: list[tuple[str, str, int, bytes]]) -> bool:
        """As an agent does with what is not acknowledged; True when nothing is left."""
        left = [(agent, body) for agent, boot, seq, body in bodies if not self.has(agent, boot, range(seq, seq + 1))]
        for agent, body in left:
            self.publish(body, agent)
        return not left

    def heard(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        ack = msgspec.json.decode(message.payload)
        self.acked[(message.topic.split("/")[2], ack["boot"])] = SeqSet(ack["upto"], [tuple(pair) for pair in ack["also"]])


@pytest.fixture
def agents(mosquitto: Any) -> Iterator[Agents]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="agents", clean_session=False)
    client.max_queued_messages_set(0)
    made = Agents(client)
    client.on_message = made.heard
    client.on_connect = lambda client, *_: client.subscribe("osh/v1/+/ack", 1)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    until(client.is_connected, "the agents are connected")
    yield made
    client.disconnect()
    client.loop_stop()


def base(seq: int, **others: Any) -> dict[str, Any]:
    return {"bn": "agent-1/", "bt": time.time() - 60, "boot": "poison", "seq": seq, "sync": True, "n": "hall/air_temperature", "u": "Cel", "v": 21.0, **others}


POISON: list[tuple[str, str, Any]] = [
    ("nothing at all", "empty", b""),
    ("an empty list", "empty", b"[]"),
    ("no JSON", "not json", b"\x00\xffgarbage"),
    ("a truncated pack", "not json", b'[{"bn":"agent-1/","bt":1'),
    ("a NaN", "not json", lambda seq: msgspec.json.encode([base(seq)]).replace(b"21.0", b"NaN")),
    ("an infinity", "not json", lambda seq: msgspec.json.encode([base(seq)]).replace(b"21.0", b"Infinity")),
    ("64 KiB and one byte", "too large", lambda seq: msgspec.json.encode([base(seq)]).ljust(64 * 1024 + 1)),
    ("too many records", "too many records", lambda seq: msgspec.json.encode([base(seq)] + [{"n": "hall/co2", "u": "ppm", "v": 1}] * 1000)),
    ("wrong types", "wrong type", lambda seq: msgspec.json.encode([base(seq, v="hot")])),
    ("another agent's base name", "identity conflict", lambda seq: msgspec.json.encode([base(seq, bn="agent-2/")])),
    ("a wrong unit", "wrong unit", lambda seq: msgspec.json.encode([base(seq, u="degF")])),
    ("a sentinel", "implausible value", lambda seq: msgspec.json.encode([base(seq, v=-1000.99)])),
    ("a time in the future", "future time", lambda seq: msgspec.json.encode([base(seq, bt=time.time() + 3600)])),
    ("a relative time", "relative time", lambda seq: msgspec.json.encode([base(seq, bt=0)])),
    ("an unknown channel", "unknown channel", lambda seq: msgspec.json.encode([base(seq, n="cellar/co2", u="ppm")])),
    ("an unknown quantity", "unknown quantity", lambda seq: msgspec.json.encode([base(seq, n="hall/happiness", u="1")])),
    ("a feature we refuse", "unsupported senml feature", lambda seq: msgspec.json.encode([base(seq, bu="Cel")])),
    ("a trailing comma", "not json", lambda seq: msgspec.json.encode([base(seq)])[:-1] + b",]"),
    ("the end cut off", "not json", lambda seq: msgspec.json.encode([base(seq)])[:-5]),
    ("a byte in front", "not json", lambda seq: b"\x00" + msgspec.json.encode([base(seq)])),
    ("bytes of another encoding", "not json", lambda seq: msgspec.json.encode([base(seq)])[:-1] + b',{"n":"h\xe9"}]'),
    ("deep nesting", "not a pack", lambda seq: msgspec.json.encode([base(seq)])[:-1] + b"," + b"[" * 20_000 + b"]" * 20_000 + b"]"),
    ("a number where a list is due", "not a pack", b"17"),
]


@pytest.fixture
def service(mosquitto: Any, engine: Engine, tmp_path: Path) -> Iterator[tuple[IngestService, SqliteTimeSeries, RecordingRules]]:
    store, rules, clock = SqliteTimeSeries(tmp_path), RecordingRules(), SystemClock()
    service = IngestService(source=MqttSource(mosquitto.url, clock=clock), timeseries=store, engine=engine, clock=clock, rules=rules)
    service.start()
    until(lambda: service.ready()[0], "ready")
    yield service, store, rules
    service.stop()
    store.close()


def test_poison_is_kept_with_its_reason_acknowledged_and_counted_and_the_stream_goes_on(
    service: tuple[IngestService, SqliteTimeSeries, RecordingRules], agents: Agents, engine: Engine, mosquitto: Any
) -> None:
    ingest, store, _rules = service
    now_us = SystemClock().now_us()
    good = 0
    with_identity = []
    for seq, (_, _, payload) in enumerate(POISON):
        agents.publish(payload(seq) if callable(payload) else payload)
        with_identity += [seq] if callable(payload) else []
        agents.publish(encode_pack("agent-1", "good", good, True, [Reading("agent-1.hall.co2", now_us - good * SECOND_US, 400.0 + good)]))
        good += 1
    agents.publish(msgspec.json.encode([base(0, boot="stranger", bn="agent-9/")]), agent="agent-9")
    agents.publish(encode_pack("agent-1", "good", 3, True, [Reading("agent-1.hall.co2", now_us - 3 * SECOND_US, 999.0)]))  # known identity, other bytes
    until(lambda: agents.has("agent-1", "good", range(good)), "the stream goes on")
    until(lambda: all(agents.has("agent-1", "poison", range(seq, seq + 1)) for seq in with_identity), "poison with an identity is acknowledged")
    until(lambda: agents.has("agent-9", "stranger", range(1)), "the unknown agent is acknowledged")
    items = list(QuarantineRepository(engine).list(None, limit=200).items)
    found = sorted(item.refusal for item in items)
    assert found == sorted([refusal for _, refusal, _ in POISON] + ["unknown agent", "identity conflict"])
    assert all(item.detail and item.state == "held" for item in items)
    assert len(store.read(["agent-1.hall.co2"], 0, 2**62)["agent-1.hall.co2"]) == good
    counters = ingest.counters()
    assert counters["quarantined"] == len(POISON) + 2
    assert counters["quarantined_not_json"] == sum(refusal == "not json" for _, refusal, _ in POISON)
    assert counters["exceptions"] == 0
    ingest.stop()
    late = subprocess.run(
        ["mosquitto_sub", "-p", str(mosquitto.port), "-i", "oshwatch-ingest", "-c", "-q", "1", "-t", "osh/v1/+/data/#", "-W", "1"], capture_output=True, check=False
    )
    assert late.stdout == b""  # the broker holds nothing back: all of it was acknowledged


def produced(agent: str, start_us: int, packs: int, dice: random.Random) -> list[list[Reading]]:
    channels = [f"{agent}.hall.air_temperature", f"{agent}.hall.co2"]
    return [[Reading(channel, start_us + tick * SECOND_US, round(dice.uniform(20, 60), 2)) for channel in channels] for tick in range(packs)]


def start_worker(url: str, directory: Path) -> subprocess.Popen[bytes]:
    with (directory / "worker.log").open("ab") as log:
        return subprocess.Popen([sys.executable, str(WORKER), url, str(directory)], stdout=log, stderr=log, env={"PYTHONPATH": str(Path(__file__).parents[2])})


@pytest.mark.timeout(120)
def test_ingest_killed_at_random_moments_stores_what_was_published_once(mosquitto: Any, agents: Agents, engine: Engine, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    start_us = minute_of(SystemClock().now_us() - 3600 * SECOND_US)
    packs = {agent: produced(agent, start_us, 1_000, dice) for agent in ("agent-1", "agent-2")}
    worker = start_worker(mosquitto.url, tmp_path)
    bodies = [(agent, "boot", seq, encode_pack(agent, "boot", seq, True, packs[agent][seq])) for seq in range(1_000) for agent in packs]
    kills = sorted(dice.sample(range(100, len(bodies)), 3))
    for number, (agent, _boot, _seq, body) in enumerate(bodies):
        agents.publish(body, agent)
        if number % 50 == 49:
            time.sleep(0.02)
        if number in kills:
            time.sleep(dice.uniform(0.0, 0.5))
            worker.kill()
            worker.wait()
            worker = start_worker(mosquitto.url, tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not agents.send_again(bodies):
            assert time.monotonic() < deadline, f"not all is acknowledged; seed {seed}: {(tmp_path / 'worker.log').read_text()[-2000:]}"
            time.sleep(1)
        truth = {(one.channel, one.time_us): one for group in packs.values() for readings in group for one in readings}
        store = SqliteTimeSeries(tmp_path)
        channels = sorted({channel for channel, _ in truth})
        assert {(one.channel, one.time_us): one for found in store.read(channels, 0, 2**62).values() for one in found} == truth
        stop_us = start_us + 1_000 * SECOND_US
        expected = {
            (channel, at): minute_from(channel, at, [truth[key] for key in truth if key[0] == channel and minute_of(key[1]) == at], Averaging.ARITHMETIC)
            for channel in channels
            for at in range(start_us, stop_us, MINUTE_US)
        }
        until(lambda: {(one.channel, one.start_us): one for found in store.read_minutes(channels, 0, 2**62).values() for one in found} == expected, "the same minutes", 15)
        assert {key: (seqs.upto, seqs.also) for key, seqs in LedgerRepository(engine).cursors().items()} == {(agent, "boot"): (999, []) for agent in packs}
        store.close()
    finally:
        worker.terminate()
        worker.wait(15)


def test_a_store_that_is_away_costs_nothing_and_alerts_are_on_time(mosquitto: Any, agents: Agents, engine: Engine) -> None:
    store, rules, clock = MemoryTimeSeries(), RecordingRules(), SystemClock()
    service = IngestService(source=MqttSource(mosquitto.url, clock=clock), timeseries=store, engine=engine, clock=clock, rules=rules)
    service.start()
    until(lambda: service.ready()[0], "ready")
    packs = produced("agent-1", clock.now_us() - 600 * SECOND_US, 600, random.Random(1))
    try:
        store.down = True
        for seq, readings in enumerate(packs):
            agents.publish(encode_pack("agent-1", "boot", seq, True, readings))
        until(lambda: len(rules.checked) == 1_200, "the rules run while the store is down")
        assert agents.acked == {}
        until(lambda: not service.ready()[0], "it says so")
        store.slow_s, store.down = 0.05, False
        until(lambda: agents.has("agent-1", "boot", range(600)), "drained")
        assert sum(len(found) for found in store.readings.values()) == 1_200
    finally:
        service.stop()
