"""The way to one centre: MQTT 5, or 3.1.1 where the broker refuses it; live packs first, then the backlog; a row is done only when the centre says so.

One thread owns the client and does all of it, so that nothing has to be locked and no callback's exception can end it unseen. A new client is made for each
connection: what paho queued in memory is never the spool, the outbox is.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.jsontext import from_json
from domain.messages import Ack, CommandResult, Health, Status
from domain.topics import sharded_data_topic, topic
from edge_agent.backoff import FullJitter
from edge_agent.config import DEFAULT_PORTS, Destination
from edge_agent.outbox import Outbox
from edge_agent.outbox_file import SEQ_MASK, Kind, Row
from edge_agent.ranges import Ranges
from edge_agent.window import Window

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
"""The broker tells our last will after one and a half of it: offline within 30 s."""
CONNACK_WITHIN_S = 10.0
SESSION_S = 7 * 86_400
STABLE_S = 10.0
HEALTH_EVERY_S = 30.0
HEALTH_FIRST_S = 1.0
BACKLOG_PER_S = 400.0
"""Packs: a hundred times a usual agent's live rate, and no flood for a centre that many agents come back to at once."""
ON_THE_WIRE = 100
LOOK_EVERY_S = 1.0
GOODBYE_WITHIN_S = 2.0

P = ParamSpec("P")


class ConnectionFailed(Exception):
    """The broker does not answer or does not let us in; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to, with paths made absolute."""

    name: str
    host: str
    port: int
    tls: bool
    username: str
    password_file: Path | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None


def connection_of(name: str, destination: Destination, path: Callable[[str], Path | None]) -> Connection:
    parts = urlsplit(destination.url)
    return Connection(
        name=name,
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=destination.username or parts.username or "",
        password_file=path(destination.password_file),
        ca_file=path(destination.ca_file),
        cert_file=path(destination.cert_file),
        key_file=path(destination.key_file),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the agent says of itself, and does when told."""

    status: Callable[[str], Status]  # state
    health: Callable[[str, str], Health]  # destination, MQTT version
    command: Callable[[str, bytes], CommandResult | None]  # destination, payload


def guarded(call: Callable[P, None]) -> Callable[P, None]:
    """A callback whose exception is logged and counted, never lost in paho."""

    @wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            call(*args, **kwargs)
        except Exception:
            uplink = args[0]
            if isinstance(uplink, Uplink):
                uplink.callback_errors += 1
            log.exception("a callback of the uplink failed")

    return run


class Uplink:
    """Runs in a thread; `wake` may be called from any."""

    def __init__(self, agent: str, connection: Connection, outbox: Outbox, sources: Sources, chance: random.Random) -> None:
        self._agent, self._to, self._outbox, self._sources = agent, connection, outbox, sources
        self._backoff = FullJitter(chance)
        self._window = Window()
        self._sent = Ranges()
        self._client: paho.Client | None = None
        self._version = MQTTProtocolVersion.MQTTv5
        self._connected = False
        self._refusal = ""
        self._connected_at = 0.0
        self._next_health = 0.0
        self._lost_at = 0.0
        self._receive_maximum = ON_THE_WIRE
        self._live_from = 0
        self._live_waits, self._backlog_waits = True, True
        self._tokens, self._tokens_at = 0.0, 0.0
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self.callback_errors = 0
        self.denied = 0
        self.connects = 0
        self.problem = "not connected yet"

    @property
    def name(self) -> str:
        return self._to.name

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def mqtt_version(self) -> str:
        return "5" if self._version == MQTTProtocolVersion.MQTTv5 else "3.1.1"

    def problems(self) -> list[str]:
        found = [] if self._connected else [f"{self._to.name}: {self.problem}"]
        if self.denied:
            found.append(f"{self._to.name}: the broker denied {self.denied} publishes: check its access list")
        if self.callback_errors:
            found.append(f"{self._to.name}: {self.callback_errors} errors in callbacks, see the log")
        return found

    def wake(self) -> None:
        """There is something new in the outbox, or it is time to stop."""
        self._live_waits = True
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell.send(b"x")

    def look_again(self) -> None:
        """Rows of the past are to be sent (again)."""
        self._backlog_waits = True
        self.wake()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._connect(stop)
                try:
                    self._serve(stop)
                finally:
                    self._lost_at = time.monotonic()
            except (ConnectionFailed, OSError, ValueError) as error:
                self.problem = str(error) or type(error).__name__
                log.warning("%s: %s", self._to.name, self.problem)
            finally:
                self._connected = False
            if not stop.is_set():
                self._drop()
                self._wait(self._backoff.next(), stop)
        self._say_goodbye()
        self._drop()
        self._ear.close()
        self._bell.close()

    # --- connecting ---

    def _connect(self, stop: threading.Event) -> None:
        client = self._new_client()
        self._client, self._refusal = client, ""
        properties = None
        try:
            if self._version == MQTTProtocolVersion.MQTTv5:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.SessionExpiryInterval = SESSION_S
                client.connect(self._to.host, self._to.port, KEEPALIVE_S, clean_start=False, properties=properties)
            else:
                client.connect(self._to.host, self._to.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise ConnectionFailed(f"{self._to.host}:{self._to.port} cannot be reached: {error}") from None
        deadline = time.monotonic() + CONNACK_WITHIN_S
        while not self._connected and not self._refusal and not stop.is_set():
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._turn(client, min(left_s, LOOK_EVERY_S)):
                break
        if not self._connected and not stop.is_set():
            self._other_version()
            raise ConnectionFailed(self._refusal or f"{self._to.host}:{self._to.port} does not answer as an MQTT broker")

    def _new_client(self) -> paho.Client:
        clean = None if self._version == MQTTProtocolVersion.MQTTv5 else False
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self._agent, clean_session=clean, protocol=self._version, reconnect_on_failure=False)
        client.max_inflight_messages_set(0)
        client.will_set(topic(self._agent, "status"), msgspec.json.encode(self._sources.status("offline")), qos=1, retain=True)
        if self._to.username:
            client.username_pw_set(self._to.username, self._to.password_file.read_text().strip() if self._to.password_file else None)
        if self._to.tls:
            context = ssl.create_default_context(cafile=str(self._to.ca_file) if self._to.ca_file else None)
            if self._to.cert_file:
                context.load_cert_chain(self._to.cert_file, self._to.key_file)
            client.tls_set_context(context)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_publish, client.on_subscribe = self._on_message, self._on_publish, self._on_subscribe
        return client

    def _other_version(self) -> None:
        """A broker that knows only 3.1.1 answers so, or hangs up; a refusal for another reason says nothing about the version."""
        if not self._refusal or "protocol version" in self._refusal.lower():
            self._version = MQTTProtocolVersion.MQTTv311 if self._version == MQTTProtocolVersion.MQTTv5 else MQTTProtocolVersion.MQTTv5
            if self._version == MQTTProtocolVersion.MQTTv311:
                self._backoff.reset()

    @guarded
    def _on_connect(self, client: paho.Client, userdata: Any, flags: paho.ConnectFlags, reason: ReasonCode, properties: Properties | None) -> None:
        if reason.is_failure:
            self._refusal = f"{self._to.host}:{self._to.port} refuses: {reason}"
            return
        self._receive_maximum = min(ON_THE_WIRE, int(getattr(properties, "ReceiveMaximum", ON_THE_WIRE)))
        self._window.reconnected(session_present=flags.session_present, lost_s=self._lost_at)
        client.subscribe([(topic(self._agent, "ack"), 1), (topic(self._agent, "cmd"), 1)])
        client.publish(topic(self._agent, "status"), msgspec.json.encode(self._sources.status("online")), qos=1, retain=True)
        self._connected_at = time.monotonic()
        self._next_health = self._connected_at + HEALTH_FIRST_S
        self._live_from = self._outbox.next_id()
        self._live_waits = self._backlog_waits = True
        self.connects += 1
        self._connected = True
        log.info("%s: connected to %s:%d, MQTT %s", self._to.name, self._to.host, self._to.port, self.mqtt_version)

    @guarded
    def _on_disconnect(self, client: paho.Client, userdata: Any, flags: paho.DisconnectFlags, reason: ReasonCode, properties: Properties | None) -> None:
        if self._connected:
            self.problem = f"the connection to {self._to.host}:{self._to.port} was lost: {reason}"
        self._connected = False

    @guarded
    def _on_subscribe(self, client: paho.Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None) -> None:
        if any(reason.is_failure for reason in reasons):
            self.denied += 1
            log.error("%s: the broker does not let this agent subscribe to its acknowledgements or commands", self._to.name)

    # --- serving ---

    def _serve(self, stop: threading.Event) -> None:
        while self._connected and self._client is not None and not stop.is_set():
            self._publish_due(self._client)
            if not self._turn(self._client, self._wait_s()):
                break
            if time.monotonic() - self._connected_at > STABLE_S:
                self._backoff.reset()
        if not stop.is_set():
            raise ConnectionFailed(self.problem or "the connection was lost")

    def _wait_s(self) -> float:
        if self._backlog_waits and self._window.room(live=False) > 0 and self._wire_room(live=False) > 0:
            return 0.02
        return LOOK_EVERY_S

    def _turn(self, client: paho.Client, timeout_s: float) -> bool:
        """One look at the network; False when the connection is gone."""
        sock = client.socket()
        if sock is None:
            return False
        waiting_tls = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readable, writable, _ = select.select([sock, self._ear], [sock] if client.want_write() else [], [], 0.0 if waiting_tls else timeout_s)
        if self._ear in readable:
            self._ear.recv(4096)
        if sock in readable or waiting_tls:
            client.loop_read()
        if sock in writable:
            client.loop_write()
        client.loop_misc()
        return client.socket() is not None

    def _publish_due(self, client: paho.Client) -> None:
        now_s = time.monotonic()
        self._window.settled(self._outbox.take_asked(self._to.name))
        for row_id in self._window.overdue(now_s)[: self._wire_room()]:
            row = self._outbox.row(row_id)
            if row is None:
                self._window.forget(row_id)
            else:
                self._publish(client, row, now_s)
        self._publish_live(client, now_s)
        self._publish_backlog(client, now_s)
        if now_s >= self._next_health:
            self._next_health = now_s + HEALTH_EVERY_S
            client.publish(topic(self._agent, "health"), msgspec.json.encode(self._sources.health(self._to.name, self.mqtt_version)), qos=0)

    def _publish_live(self, client: paho.Client, now_s: float) -> None:
        if not self._live_waits:
            return
        self._live_waits = False  # before looking: who wakes us from now on is not overheard
        room = min(self._window.room(live=True), self._wire_room())
        if room <= 0:  # an answer makes room: what is live waits for it, before the backlog
            self._live_waits = True
            return
        rows = self._outbox.pending(self._to.name, room, low_id=self._live_from, high_id=self._live_to(), skip=self._window.ids)
        for row in rows:
            self._publish(client, row, now_s)
        if len(rows) >= room:  # more than there is room for: those are the backlog now, and what comes next is live
            self._live_from = self._outbox.next_id()
            self._backlog_waits = True

    def _publish_backlog(self, client: paho.Client, now_s: float) -> None:
        if not self._backlog_waits:
            return
        self._tokens = min(self._tokens + (now_s - self._tokens_at) * BACKLOG_PER_S, BACKLOG_PER_S / 10)
        self._tokens_at = now_s
        room = min(self._window.room(live=False), self._wire_room(live=False), int(self._tokens))
        if room <= 0:
            return
        self._backlog_waits = False
        rows = self._outbox.pending(self._to.name, room, high_id=self._live_from - 1, skip=self._window.ids)
        if len(rows) < room:
            rows += self._outbox.pending(self._to.name, room - len(rows), low_id=self._live_to() + 1, skip=self._window.ids)
        for row in rows:
            self._publish(client, row, now_s)
        self._tokens -= len(rows)
        if len(rows) == room:
            self._backlog_waits = True

    def _live_to(self) -> int:
        """The end of this run's numbers: a run that was taken in after this one began has higher ones, and is a backlog all the same."""
        return self._outbox.next_id() | SEQ_MASK

    def _wire_room(self, *, live: bool = True) -> int:
        """A backlog leaves a quarter to what is live: a small broker takes 20 at once."""
        reserve = 0 if live else self._receive_maximum // 4
        return max(self._receive_maximum - reserve - self._window.on_the_wire, 0)

    def _publish(self, client: paho.Client, row: Row, now_s: float) -> None:
        to = topic(self._agent, "event") if row.kind is Kind.EVENT else sharded_data_topic(self._agent)
        self._sent.add(row.id, row.id)
        self._window.sent(row.id, client.publish(to, row.body, qos=1).mid, now_s)

    @guarded
    def _on_publish(self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Properties | None) -> None:
        self._window.received(mid)
        if reason.is_failure:
            self.denied += 1
            if self.denied == 1:
                log.error("%s: the broker denies a publish: %s; it stays in the outbox", self._to.name, reason)

    @guarded
    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if message.topic == topic(self._agent, "ack"):
            settled = self._outbox.ack(self._to.name, from_json(message.payload, Ack), sent=self._sent)
            self._window.settled(settled)
            self._backoff.reset()  # an answer of the centre proves the whole way
        elif message.topic == topic(self._agent, "cmd") and not message.retain:
            result = self._sources.command(self._to.name, bytes(message.payload))
            if result is not None:
                client.publish(topic(self._agent, "cmd/result"), msgspec.json.encode(result), qos=1)

    # --- waiting and leaving ---

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        deadline = time.monotonic() + seconds
        while not stop.is_set() and (left_s := deadline - time.monotonic()) > 0:
            if select.select([self._ear], [], [], min(left_s, LOOK_EVERY_S))[0]:
                self._ear.recv(4096)
                stop.wait(min(left_s, 0.05))

    def _drop(self) -> None:
        """Let go of the client and its socket; without a DISCONNECT the broker tells our last will."""
        sock = self._client.socket() if self._client is not None else None
        if sock is not None:
            sock.close()
        self._client = None

    def _say_goodbye(self) -> None:
        """What is committed goes out if it goes quickly; the rest stays in the outbox. Then the status, and a clean end, so that the broker keeps the will to itself."""
        client = self._client
        if client is None or client.socket() is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._live_waits = True
            self._publish_live(client, time.monotonic())
            last = client.publish(topic(self._agent, "status"), msgspec.json.encode(self._sources.status("offline")), qos=1, retain=True)
            deadline = time.monotonic() + GOODBYE_WITHIN_S
            while not last.is_published() and time.monotonic() < deadline and self._turn(client, 0.05):
                pass
            client.disconnect()
            while client.want_write() and time.monotonic() < deadline and self._turn(client, 0.05):
                pass
