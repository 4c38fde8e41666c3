"""Load as the wire sees it: what a fleet publishes is what its plan says, no more and no less, and a centre could not tell it from agents."""

from __future__ import annotations

import threading
import time
from collections import Counter

import msgspec
import paho.mqtt.client as mqtt
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from domain.clock import SystemClock
from domain.errors import BadInput, NotReady
from domain.ids import channel_id
from domain.quality import Reason
from domain.senml import MAX_PACK_BYTES, decode_pack
from domain.sitefile import parse_site_file
from domain.topics import parse
from simulator.fleet import FleetAgent, FleetPlan, channels_of, fleet_registry, run_fleet

START_US = 1_763_800_000_123_457


def everything_from(url: str) -> tuple[mqtt.Client, list[tuple[str, bytes]]]:
    """A subscriber to all agents' topics, and the list that it fills."""
    got: list[tuple[str, bytes]] = []
    subscribed = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: got.append((message.topic, message.payload))
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda client, *_: client.subscribe("osh/v1/#", qos=1)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.loop_start()
    assert subscribed.wait(10)
    return client, got


def wait_for(got: list[tuple[str, bytes]], count: int) -> None:
    """The broker acknowledges to one client before it delivers to the other."""
    deadline = time.monotonic() + 20
    while len(got) < count and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.server("mosquitto")
def test_a_fleet_publishes_every_reading_of_its_plan_once(mosquitto) -> None:
    listener, got = everything_from(mosquitto.url)
    plan = FleetPlan(agents=7, channels=5, rate_hz=10, packs_of=12, duration_s=1.3)
    summary = run_fleet(plan, mosquitto.url, SystemClock())
    wait_for(got, summary.packs + 2 * 7)
    packs = [decode_pack(payload, agent) for agent, kind, payload in ((*parse(topic), payload) for topic, payload in got) if kind == "data"]
    listener.disconnect()
    listener.loop_stop()

    readings = Counter((reading.channel, reading.time_us) for pack in packs for reading in pack.readings)
    assert len(readings) == sum(readings.values()) == summary.readings == 7 * 5 * 13
    assert summary.packs == summary.acknowledged == len(packs)
    assert summary.refused == 0


@pytest.mark.server("mosquitto")
def test_every_agent_says_that_it_comes_and_that_it_goes(mosquitto) -> None:
    listener, got = everything_from(mosquitto.url)
    summary = run_fleet(FleetPlan(agents=3, channels=2, rate_hz=20, duration_s=0.2), mosquitto.url, SystemClock())
    wait_for(got, summary.packs + 2 * 3)
    states = [(topic, b"online" in payload) for topic, payload in got if topic.endswith("/status")]
    listener.disconnect()
    listener.loop_stop()
    for number in (1, 2, 3):
        assert [online for topic, online in states if topic == f"osh/v1/sim-000{number}/status"] == [True, False]


@pytest.mark.server("mosquitto")
def test_a_fleet_without_an_end_stops_when_told(mosquitto) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    summary = run_fleet(FleetPlan(agents=2, channels=3, rate_hz=50), mosquitto.url, SystemClock(), stop=stop)
    assert 0 < summary.readings < 2 * 3 * 50 * 10
    assert summary.acknowledged == summary.packs


@settings(deadline=None)
@given(channels=st.integers(1, 60), packs_of=st.integers(0, 200), rate_hz=st.floats(0.1, 100), seconds=st.floats(0.5, 5), number=st.integers(1, 3))
def test_packs_are_an_agents_own_whatever_the_plan(channels: int, packs_of: int, rate_hz: float, seconds: float, number: int) -> None:
    plan = FleetPlan(agents=3, channels=channels, rate_hz=rate_hz, packs_of=packs_of, duration_s=seconds + 1 / rate_hz)
    agent = FleetAgent(number, "b3f1", plan, channels_of(plan), START_US)
    packs = [(due_us, count, payload, decode_pack(payload, agent.id)) for due_us, count, payload in agent.packs()]

    assert [pack.seq for *_, pack in packs] == list(range(len(packs)))
    for due_us, count, payload, pack in packs:
        assert (pack.boot, pack.sync, pack.refused) == ("b3f1", True, [])
        assert len(pack.readings) == count
        assert max(reading.time_us for reading in pack.readings) == due_us
        assert len(payload) <= MAX_PACK_BYTES
    assert len({(reading.channel, reading.time_us) for *_, pack in packs for reading in pack.readings}) == channels * plan.ticks


def test_a_centre_that_has_the_fleets_registry_knows_every_reading() -> None:
    file = fleet_registry(2, 40, interval_s=2.0)
    known = {channel_id(agent.id, channel.placement, channel.quantity) for agent in file.agents for channel in agent.channels}
    plan = FleetPlan(agents=2, channels=40, rate_hz=0.5, duration_s=4)
    sent = [
        reading
        for number in (1, 2)
        for *_, payload in FleetAgent(number, "b", plan, channels_of(plan), START_US).packs()
        for reading in decode_pack(payload, f"sim-000{number}").readings
    ]
    assert {reading.channel for reading in sent} == known
    assert parse_site_file(yaml.safe_dump(msgspec.to_builtins(file)), "fleet.yaml") == file


def test_every_reading_of_a_fleet_says_that_it_is_simulated() -> None:
    plan = FleetPlan(agents=1, channels=28, rate_hz=1, duration_s=2)
    readings = [reading for *_, payload in FleetAgent(1, "b", plan, channels_of(plan), START_US).packs() for reading in decode_pack(payload, "sim-0001").readings]
    assert {reading.r for reading in readings} == {(int(Reason.SIMULATED),)}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"agents": 0}, "--agents"),
        ({"agents": 10_000}, "--agents"),
        ({"channels": 0}, "--channels"),
        ({"rate_hz": float("nan")}, "--rate"),
        ({"packs_of": -1}, "--packs-of"),
        ({"packs_of": 5_000}, "--packs-of"),
        ({"duration_s": 0.01}, "--duration"),
    ],
)
def test_a_plan_that_cannot_be_names_its_option(wrong: dict[str, float], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        FleetPlan(**{"agents": 2, "channels": 3, "rate_hz": 1.0, **wrong})
    assert caught.value.field == field


def test_no_broker_is_an_answer_not_a_traceback() -> None:
    with pytest.raises(NotReady, match=r"no broker answers at 127\.0\.0\.1:1"):
        run_fleet(FleetPlan(agents=1, channels=1, rate_hz=1, duration_s=1), "mqtt://127.0.0.1:1", SystemClock())


def test_an_address_that_is_no_brokers_is_refused() -> None:
    with pytest.raises(BadInput, match="no broker's URL"):
        run_fleet(FleetPlan(agents=1, channels=1, rate_hz=1, duration_s=1), "http://127.0.0.1:1883", SystemClock())
