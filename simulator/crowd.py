"""Load: thousands of agents, each with a connection of its own, that keep what is not acknowledged and send it again; one thread drives them all.

Where the fleet measures readings, the crowd measures connections: births, wills, subscriptions, reconnection of all at once. MQTT 3.1.1 at QoS 1.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from domain.clock import Clock
from domain.messages import Ack, Held, Status
from domain.times import SECOND_US
from domain.topics import sharded_data_topic, topic
from simulator.fleet import FleetAgent, FleetPlan, channels_of

CONNECTING_MAX = 200
"""Connections that may be under way at once: as many as a listener's backlog holds."""
RESEND_US = 10 * SECOND_US
KEEPALIVE_S = 60
_CONNACK, _PUBLISH, _SUBACK = 2, 3, 9
_ack = msgspec.json.Decoder(Ack)


@dataclass(slots=True)
class CrowdAgent:
    """One agent: its packs, those that wait for the centre, and its socket."""

    number: int
    agent: FleetAgent
    packs: Iterator[tuple[int, int, bytes]]
    due_us: int = 0
    body: bytes = b""
    readings: int = 0
    seq: int = 0
    waiting: dict[int, tuple[bytes, int]] = field(default_factory=dict)  # seq → pack, when it was sent last (0: not since the connection)
    sock: socket.socket | None = None
    is_up: bool = False
    inbox: bytes = b""
    outbox: bytes = b""
    mid: int = 0
    pinged_us: int = 0

    def next_pack(self) -> bool:
        found = next(self.packs, None)
        if found is None:
            return False
        self.due_us, self.readings, self.body = found
        return True


class Crowd:
    """`run` for a while, `drop` all connections at once, `settle` until the centre has acknowledged everything."""

    def __init__(self, url: str, plan: FleetPlan, clock: Clock, boot: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 1883)
        self._clock, self._selector = clock, selectors.DefaultSelector()
        start_us, channels = clock.now_us(), channels_of(plan)
        self._agents = [self._agent(number, boot, plan, channels, start_us) for number in range(1, plan.agents + 1)]
        self._down: deque[CrowdAgent] = deque(self._agents)
        self._connecting = 0
        self.produced = 0
        """Readings."""
        self.packs = 0
        self.connects = 0
        self.sent_again = 0

    @staticmethod
    def _agent(number: int, boot: str, plan: FleetPlan, channels: Sequence[object], start_us: int) -> CrowdAgent:
        agent = FleetAgent(number, f"{boot}{number:x}", plan, channels, start_us)  # type: ignore[arg-type]
        made = CrowdAgent(number, agent, agent.packs())
        made.next_pack()
        return made

    @property
    def connected(self) -> int:
        return sum(agent.is_up for agent in self._agents)

    @property
    def waiting(self) -> int:
        """Packs that the centre has not acknowledged."""
        return sum(len(agent.waiting) for agent in self._agents)

    def connect_all(self, within_s: float) -> float:
        """How long it took until every agent was connected and subscribed."""
        began_us = self._clock.monotonic_us()
        while self.connected < len(self._agents) and self._clock.monotonic_us() - began_us < within_s * SECOND_US:
            self._turn(produce=False)
        return (self._clock.monotonic_us() - began_us) / SECOND_US

    def run(self, seconds: float) -> None:
        until_us = self._clock.monotonic_us() + round(seconds * SECOND_US)
        while self._clock.monotonic_us() < until_us:
            self._turn(produce=True)

    def settle(self, within_s: float) -> float:
        """Nothing new; how long it took until nothing waited."""
        began_us = self._clock.monotonic_us()
        while self.waiting and self._clock.monotonic_us() - began_us < within_s * SECOND_US:
            self._turn(produce=False)
        return (self._clock.monotonic_us() - began_us) / SECOND_US

    def drop(self) -> None:
        """Every connection breaks, as when a switch loses power."""
        for agent in self._agents:
            self._lose(agent)

    close = drop

    def _turn(self, *, produce: bool) -> None:
        self._connect_some()
        now_us = self._clock.now_us()
        for agent in self._agents:
            while produce and agent.due_us <= now_us and agent.body:
                self._produce(agent)
            if agent.is_up:
                self._send_again(agent, now_us)
        for key, events in self._selector.select(0.02):
            agent = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    self._writable(agent)
                if events & selectors.EVENT_READ:
                    self._readable(agent)
            except OSError:
                self._lose(agent)

    def _produce(self, agent: CrowdAgent) -> None:
        agent.waiting[agent.seq] = (agent.body, 0)
        agent.seq, self.packs, self.produced = agent.seq + 1, self.packs + 1, self.produced + agent.readings
        if not agent.next_pack():
            agent.body = b""

    def _send_again(self, agent: CrowdAgent, now_us: int) -> None:
        for seq, (body, sent_us) in agent.waiting.items():
            if now_us - sent_us < RESEND_US:
                continue
            self.sent_again += sent_us > 0
            agent.waiting[seq] = (body, now_us)
            self._publish(agent, sharded_data_topic(agent.agent.id), body)
        if now_us - agent.pinged_us > KEEPALIVE_S * SECOND_US // 2:
            agent.pinged_us = now_us
            self._send(agent, b"\xc0\x00")

    def _connect_some(self) -> None:
        while self._down and self._connecting < CONNECTING_MAX:
            agent = self._down.popleft()
            sock = socket.socket()
            sock.setblocking(False)
            agent.sock, agent.inbox, agent.outbox = sock, b"", b""
            self._connecting += 1
            with contextlib.suppress(BlockingIOError):
                sock.connect(self._address)
            agent.outbox = _connect_packet(agent.agent.id, topic(agent.agent.id, "status"), agent.agent.status("offline", self._clock.now_us()))
            self._selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, agent)

    def _lose(self, agent: CrowdAgent) -> None:
        if agent.sock is None:
            return
        self._selector.unregister(agent.sock)
        agent.sock.close()
        self._connecting -= not agent.is_up
        agent.sock, agent.is_up = None, False
        agent.waiting = {seq: (body, 0) for seq, (body, _) in agent.waiting.items()}
        self._down.append(agent)

    def _up(self, agent: CrowdAgent) -> None:
        agent.is_up = True
        self._connecting -= 1
        self.connects += 1
        agent.pinged_us = self._clock.now_us()
        held = [Held(boot=agent.agent.boot, from_=min(agent.waiting), to=agent.seq - 1)] if agent.waiting else []
        status = Status(state="online", boot=agent.agent.boot, at=self._clock.now_us() / SECOND_US, version="crowd", held=held)
        self._publish(agent, topic(agent.agent.id, "status"), msgspec.json.encode(status), retain=True)

    def _publish(self, agent: CrowdAgent, address: str, body: bytes, *, retain: bool = False) -> None:
        agent.mid = agent.mid % 65_000 + 1
        self._send(agent, _packet(0x33 if retain else 0x32, _text(address) + struct.pack(">H", agent.mid) + body))

    def _send(self, agent: CrowdAgent, data: bytes) -> None:
        was_empty, agent.outbox = not agent.outbox, agent.outbox + data
        if was_empty and agent.sock is not None:
            self._selector.modify(agent.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, agent)

    def _writable(self, agent: CrowdAgent) -> None:
        if agent.sock is not None and agent.outbox:
            agent.outbox = agent.outbox[agent.sock.send(agent.outbox) :]
        if agent.sock is not None and not agent.outbox:
            self._selector.modify(agent.sock, selectors.EVENT_READ, agent)

    def _readable(self, agent: CrowdAgent) -> None:
        if agent.sock is None:
            return
        data = agent.sock.recv(65536)
        if not data:
            self._lose(agent)
            return
        agent.inbox += data
        while (found := _split(agent.inbox)) is not None:
            head, body, agent.inbox = found
            self._heed(agent, head, body)

    def _heed(self, agent: CrowdAgent, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == _CONNACK:
            if body[1]:
                self._lose(agent)
                return
            agent.mid += 1
            self._send(agent, _packet(0x82, struct.pack(">H", agent.mid) + _text(topic(agent.agent.id, "ack")) + b"\x01"))
        elif kind == _SUBACK:
            self._up(agent)
        elif kind == _PUBLISH:
            size = struct.unpack(">H", body[:2])[0]
            at = 2 + size + (2 if head & 0x06 else 0)
            if head & 0x06:
                self._send(agent, b"\x40\x02" + body[2 + size : at])
            self._acknowledged(agent, _ack.decode(body[at:]))

    def _acknowledged(self, agent: CrowdAgent, ack: Ack) -> None:
        if ack.boot == agent.agent.boot:
            for seq in [seq for seq in agent.waiting if seq <= ack.upto or any(first <= seq <= last for first, last in ack.also)]:
                del agent.waiting[seq]


def _connect_packet(client_id: str, will_topic: str, will: bytes) -> bytes:
    """Clean session; a retained will at QoS 1."""
    flags = 0x02 | 0x04 | 0x08 | 0x20
    return _packet(0x10, _text("MQTT") + bytes([4, flags]) + struct.pack(">H", KEEPALIVE_S) + _text(client_id) + _text(will_topic) + struct.pack(">H", len(will)) + will)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(head: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([head]) + length + body


def _split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """(first byte, body, rest) of the first whole packet."""
    size, shift, at = 0, 0, 1
    while at < len(data):
        digit = data[at]
        size |= (digit & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not digit & 0x80:
            return (data[0], data[at : at + size], data[at + size :]) if len(data) >= at + size else None
    return None
