"""The pack source on a real mosquitto, and the packet splitter on every way a stream can be cut."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import SystemClock
from ingest.mqtt import MqttSource
from ingest.source import Message
from ingest.tap import Frame, Splitter


class Inbox:
    """A receiver that keeps messages, and has room unless told otherwise."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.room = True
        self.fail_next = False

    def deliver(self, messages: list[Message]) -> None:
        if self.fail_next:
            self.fail_next = False
            raise RuntimeError("a bug in a callback")
        self.messages += messages

    def has_room(self) -> bool:
        return self.room

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


def until(condition: Callable[[], Any], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


@pytest.fixture
def start(mosquitto: Any) -> Any:
    started: list[MqttSource] = []

    def begin(inbox: Inbox, **options: Any) -> MqttSource:
        source = MqttSource(mosquitto.url, clock=SystemClock(), dice=random.Random(1), **options)
        source.start(inbox)
        started.append(source)
        until(lambda: source.problem() == "", "connected")
        return source

    yield begin
    for source in started:
        source.stop()


@pytest.fixture
def publisher(mosquitto: Any) -> Any:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="publisher", clean_session=False)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    until(client.is_connected, "the publisher is connected")
    yield lambda *payloads, topic="osh/v1/agent-1/data": [client.publish(topic, payload, qos=1).wait_for_publish(10) for payload in payloads]
    client.disconnect()
    client.loop_stop()


def packet(head: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, byte = size >> 7, size & 0x7F
        length.append(byte | 0x80 if size else byte)
        if not size:
            return bytes([head]) + bytes(length) + body


PUBLISHES = st.tuples(st.binary(min_size=1, max_size=20), st.integers(0, 65535), st.one_of(st.binary(max_size=300), st.just(b"x" * 20_000)))
OTHERS = st.sampled_from([b"\xd0\x00", b"\x40\x02\x00\x07", b"\x90\x03\x00\x01\x01"])


@given(st.lists(st.one_of(PUBLISHES, OTHERS), max_size=12), st.data())
def test_a_stream_is_split_alike_wherever_it_is_cut(packets: list[Any], data: st.DataObject) -> None:
    stream, frames_due, other_due = b"", [], b""
    for one in packets:
        if isinstance(one, bytes):
            stream, other_due = stream + one, other_due + one
            continue
        topic, mid, payload = one
        head, ident = (0x32, mid.to_bytes(2, "big")) if mid else (0x30, b"")
        stream += packet(head, len(topic).to_bytes(2, "big") + topic + ident + payload)
        frames_due.append((topic, mid, payload))
    splitter, frames, other = Splitter(), [], b""
    while stream:
        size = data.draw(st.integers(1, min(len(stream), 30_000)))
        found: list[Frame] = []
        other += splitter.feed(stream[:size], found)
        frames += found
        stream = stream[size:]
    assert (frames, other) == (frames_due, other_due)


@pytest.mark.server("mosquitto")
@pytest.mark.parametrize("tapped", [True, False])
def test_messages_come_in_order_and_acknowledged_ones_do_not_come_again(start: Any, publisher: Any, tapped: bool) -> None:
    first = Inbox()
    source = start(first, tapped=tapped)
    sent = [b"%d" % number for number in range(300)]
    publisher(*sent)
    until(lambda: first.payloads == sent, "all came")
    source.ack([message.token for message in first.messages[:200]])
    time.sleep(0.2)
    source.stop()
    second = Inbox()
    start(second, tapped=tapped)
    until(lambda: len(second.payloads) >= 100, "the rest comes again")
    time.sleep(0.2)
    assert second.payloads[-100:] == sent[200:]
    assert not tapped or len(second.payloads) == 100


@pytest.mark.server("mosquitto")
def test_what_is_acknowledged_before_a_stop_is_told_to_the_broker(start: Any, publisher: Any) -> None:
    first = Inbox()
    source = start(first)
    publisher(*[b"%d" % number for number in range(50)])
    until(lambda: len(first.messages) == 50, "all came")
    source.ack([message.token for message in first.messages])
    source.stop()
    second = Inbox()
    start(second)
    publisher(b"last")
    until(lambda: second.payloads, "the next comes")
    assert second.payloads == [b"last"]


@pytest.mark.server("mosquitto")
def test_an_acknowledgement_of_an_earlier_connection_is_never_sent(start: Any, publisher: Any, mosquitto: Any) -> None:
    inbox = Inbox()
    source = start(inbox)
    publisher(b"one", b"two")
    until(lambda: len(inbox.messages) == 2, "both came")
    stale = [message.token for message in inbox.messages]
    rival = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="oshwatch-ingest", clean_session=False)
    rival.connect("127.0.0.1", mosquitto.port)  # the broker closes the first connection of the two
    rival.loop()
    until(lambda: source.problem() != "", "disconnected")
    rival.disconnect()
    until(lambda: len(inbox.messages) >= 4, "both came again", 20)
    source.ack(stale)
    until(lambda: source.counters()["stale_acks"] == 2, "left out")
    source.stop()
    again = Inbox()
    start(again)
    until(lambda: again.payloads == [b"one", b"two"], "still the broker's")


@pytest.mark.server("mosquitto")
def test_an_exception_in_the_receiver_is_counted_and_the_message_comes_again(start: Any, publisher: Any) -> None:
    inbox = Inbox()
    source = start(inbox)
    inbox.fail_next = True
    publisher(b"one")
    until(lambda: inbox.payloads == [b"one"], "it came again on a new connection")
    assert source.counters()["exceptions"] == 1


@pytest.mark.server("mosquitto")
def test_without_room_nothing_is_read_and_the_connection_lives(start: Any, publisher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.mqtt.KEEPALIVE_S", 1)
    inbox = Inbox()
    source = start(inbox)
    inbox.room = False
    time.sleep(0.1)
    publisher(*[b"%d" % number for number in range(10)])
    time.sleep(3.5)  # the broker drops a silent client after 1.5 keepalives
    assert inbox.messages == []
    inbox.room = True
    until(lambda: len(inbox.messages) == 10, "read on")
    assert source.counters()["reconnects"] == 0


@pytest.mark.server("mosquitto")
def test_it_subscribes_again_after_each_restart_of_the_broker(start: Any, mosquitto: Any) -> None:
    inbox = Inbox()
    source = start(inbox)
    for number in range(5):
        mosquitto.kill()
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)  # it forgets the session too
        mosquitto.start()
        until(lambda: source.problem() == "", "connected again", 20)
        subprocess.run(["mosquitto_pub", "-p", str(mosquitto.port), "-t", "osh/v1/agent-1/data", "-q", "1", "-m", str(number)], check=True)
        until(lambda number=number: inbox.payloads[-1:] == [b"%d" % number], "it came")
    assert source.counters()["reconnects"] >= 5


@pytest.mark.server("mosquitto")
def test_it_publishes_from_any_thread(start: Any, mosquitto: Any) -> None:
    inbox = Inbox()
    source = start(inbox, subscriptions=["osh/v1/+/ack"])
    threads = [threading.Thread(target=lambda n=n: [source.publish(f"osh/v1/agent-{n}/ack", b"%d" % i, qos=1) for i in range(50)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(inbox.messages) == 200, "all came back")
    mosquitto.stop()
    until(lambda: source.problem() != "", "notices")
    assert source.publish("osh/v1/agent-1/ack", b"x", qos=1) is False


def test_a_broker_that_is_not_there_is_a_problem_in_plain_words() -> None:
    source = MqttSource("mqtt://127.0.0.1:9", clock=SystemClock())
    source.start(Inbox())
    until(lambda: "cannot be reached" in source.problem(), "says so")
    source.stop()
