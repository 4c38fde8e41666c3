"""The pack source on an MQTT broker: paho speaks the protocol, this thread drives it, and a tap takes the packs out of the stream before paho sees them.

paho's loop is driven through its public interface for external loops (`socket`, `loop_read`, `loop_write`, `loop_misc`, `want_write`), so that all reading and
writing is done by one thread; its own `loop_start` dies silently on an exception. MQTT 3.1.1: version 5 costs paho 40 µs a message and brings nothing here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import select
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from domain.clock import Clock
from domain.topics import SUBSCRIPTIONS
from ingest.intake import RETRY_TOPIC
from ingest.source import Message, Receiver
from ingest.tap import Frame, Tap

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
"""A half-open connection is noticed after at most two of these: an agent's outbox bridges it."""
BACKOFF_FROM_S, BACKOFF_TO_S = 0.2, 15.0
PAUSE_S = 0.05
OUT_WINDOW, OUT_QUEUE = 200, 5_000
"""Acknowledgements and commands on their way to the broker; what finds no room is said again later."""
GOODBYE_S = 3.0
_SELECT_S = 1.0
_PINGREQ = b"\xc0\x00"
_TOPICS_MAX = 100_000
_NUMBER_SHIFT = 40
"""Above the connections that a session can see; a packet id stands below them."""
_OK = MQTTErrorCode.MQTT_ERR_SUCCESS


class _Client(paho.Client):
    """paho with a tap on its socket. Should paho stop calling `_create_socket`, packs come through `on_message`, more slowly."""

    tap: Tap | None = None
    on_frames: Any = None

    def _create_socket(self) -> Any:
        sock: Any = super()._create_socket()
        self.tap = Tap(sock, self.on_frames) if self.on_frames else None
        return self.tap or sock


class MqttSource:
    """A persistent session under a stable client id; `start` returns at once and the connection is kept up by a thread of its own.

    Where several sessions share the agents: `number` marks this one's tokens, messages on topics that are not `mine` are another's and acknowledged unread,
    and no connection is made without a `permit`, since it would throw out whoever uses the session now.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        client_id: str = "oshwatch-ingest",
        password: str = "",
        ca_file: str = "",
        cert_file: str = "",
        key_file: str = "",
        subscriptions: Sequence[str] = (*SUBSCRIPTIONS, RETRY_TOPIC),
        dice: random.Random | None = None,
        tapped: bool = True,
        number: int = 0,
        mine: Callable[[str], bool] | None = None,
        permit: Callable[[], bool] = lambda: True,
    ) -> None:
        parts = urlsplit(url)
        self._clock, self._subscriptions, self._dice = clock, subscriptions, dice or random.Random()  # noqa: S311 - jitter
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, protocol=paho.MQTTv311, manual_ack=True)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), password or unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set_context(tls_context(ca_file, cert_file, key_file))
        self._client.max_inflight_messages_set(OUT_WINDOW)
        self._client.max_queued_messages_set(OUT_QUEUE)
        self._client.on_frames = self._on_frames if tapped else None
        self._client.on_message = self._on_message
        self._client.on_connect, self._client.on_subscribe, self._client.on_disconnect = self._on_connect, self._on_subscribe, self._on_disconnect
        self._client.on_socket_register_write = lambda *_: self._wake()
        self._receiver: Receiver
        self._topics: dict[bytes, str] = {}
        self._acks: deque[int] = deque()
        self._unsent = b""
        self._mine, self._permit = mine, permit
        self._epoch = number << _NUMBER_SHIFT
        self._connected = False
        self._problem = "not started"
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._failures = 0
        self._counters = {"exceptions": 0.0, "reconnects": 0.0, "stale_acks": 0.0, "others_messages": 0.0}
        self._last_ping_s = 0.0

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._problem = f"connecting to {self._host}:{self._port}"
        self._thread.start()

    def ack(self, tokens: Sequence[int]) -> None:
        self._acks.extend(tokens)
        self._wake()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        if not self._connected:
            return False
        return self._client.publish(topic, payload, qos=qos, retain=retain).rc == _OK

    def problem(self) -> str:
        return self._problem

    def counters(self) -> Mapping[str, float]:
        return dict(self._counters)

    def stop(self) -> None:
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(10)
        if not self._thread.is_alive():
            read, write, self._wake_read, self._wake_write = self._wake_read, self._wake_write, -1, -1
            for descriptor in (read, write):
                if descriptor >= 0:
                    os.close(descriptor)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it has ended
            os.write(self._wake_write, b"!")

    def _run(self) -> None:
        connections = 0
        while not self._stopping.is_set():
            if not self._permit():
                self._problem = "not sure that this share of the agents is still this worker's"
                self._stopping.wait(PAUSE_S)
                continue
            try:
                self._connect()
                connections += 1
                self._counters["reconnects"] = float(connections - 1)
                self._converse()
            except (OSError, ssl.SSLError) as error:
                self._problem = f"the broker {self._host}:{self._port} cannot be reached: {error}"
            except Exception as error:
                self._counters["exceptions"] += 1
                self._problem = f"receiving failed: {error!r}"
                log.exception("receiving failed; connecting anew")
            self._hang_up()
            self._failures += 1
            if not self._stopping.is_set():
                ceiling = min(BACKOFF_TO_S, BACKOFF_FROM_S * 2 ** min(self._failures - 1, 10))
                self._stopping.wait(ceiling * self._dice.uniform(0.5, 1.0))

    def _connect(self) -> None:
        self._epoch += 1
        self._unsent = b""
        self._client.connect(self._host, self._port, keepalive=KEEPALIVE_S)

    def _converse(self) -> None:
        """Until the connection is lost or the service stops."""
        client = self._client
        while not self._stopping.is_set():
            sock: Any = client.socket()
            if sock is None:
                return
            room = self._receiver.has_room()
            writes = [sock] if self._unsent or client.want_write() else []
            more = room and client.tap is not None and client.tap.has_more
            wait_s = 0.0 if more else _SELECT_S if room else PAUSE_S
            readable, writable, _ = select.select([sock, self._wake_read] if room else [self._wake_read], writes, [], wait_s)
            if self._wake_read in readable:
                _drain(self._wake_read)
            if (more or sock in readable) and self._receiver.has_room() and self._read() != _OK:
                return
            if self._write(bool(writable)) != _OK:
                return
            if not room:
                self._keep_alive_unread()
            elif client.loop_misc() != _OK:
                return

    def _read(self) -> MQTTErrorCode:
        tap = self._client.tap
        if tap is None:
            return self._client.loop_read()
        tap.pump()
        while tap.has_bytes_for_paho:
            code = self._client.loop_read()
            if code != _OK or self._client.socket() is None:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
        return _OK

    def _write(self, writable: bool) -> MQTTErrorCode:
        """paho's packets and acknowledgements in turn, never one inside the other."""
        if self._unsent and not (writable and self._send(self._unsent)):
            return _OK
        if self._client.want_write() and (code := self._client.loop_write()) != _OK:
            return code
        if self._acks and not self._client.want_write():
            self._send(self._take_acks())
        return _OK

    def _take_acks(self) -> bytes:
        """All PUBACKs that wait, in one piece. An id of an earlier connection may by now stand for another message."""
        packets = []
        for _ in range(len(self._acks)):
            token = self._acks.popleft()
            if token >> 16 == self._epoch:
                packets.append(b"\x40\x02" + (token & 0xFFFF).to_bytes(2, "big"))
            else:
                self._counters["stale_acks"] += 1
        return b"".join(packets)

    def _send(self, data: bytes) -> bool:
        """Whether all of it went out; the rest waits in `_unsent`."""
        sock = self._client.socket()
        try:
            sent = sock.send(data) if sock is not None and data else 0
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        self._unsent = data[sent:]
        return not self._unsent

    def _keep_alive_unread(self) -> None:
        """While reading is stopped the answer to a ping stays unread: tell the broker that we live, and do not let paho count."""
        now_s = time.monotonic()
        if now_s - self._last_ping_s > KEEPALIVE_S / 2 and not self._unsent and not self._client.want_write():
            self._last_ping_s = now_s
            self._send(_PINGREQ)

    def _hang_up(self) -> None:
        self._connected = False
        if self._stopping.is_set():
            self._say_goodbye()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _say_goodbye(self) -> None:
        """Acknowledgements first; the answer to a ping says that the broker has read them, so that none comes again to who takes over at once."""
        try:
            if self._client.is_connected():
                self._write(True)
                if not self._unsent and self._send(_PINGREQ):
                    self._await_ping()
                self._client.disconnect()
                self._client.loop_write()
        except (OSError, ValueError):
            log.debug("the connection was gone already; the broker keeps what was not acknowledged")

    def _await_ping(self) -> None:
        tap, deadline = self._client.tap, time.monotonic() + GOODBYE_S
        while tap is not None and not tap.has_bytes_for_paho and time.monotonic() < deadline:
            select.select([tap], [], [], PAUSE_S)
            tap.pump()

    def _on_frames(self, frames: list[Frame]) -> None:
        arrived_us, received_s, epoch = self._clock.now_us(), time.monotonic(), self._epoch << 16
        messages = [Message(self._topic(topic), payload, epoch | mid if mid else 0, arrived_us, received_s) for topic, mid, payload in frames]
        self._receiver.deliver(messages) if self._mine is None else self._deliver_mine(messages, self._mine)

    def _deliver_mine(self, messages: list[Message], mine: Callable[[str], bool]) -> None:
        """What is another's goes back at once: its owner has it from a session of its own."""
        kept = [message for message in messages if mine(message.topic)]
        if kept:
            self._receiver.deliver(kept)
        if len(kept) < len(messages):
            self._counters["others_messages"] += len(messages) - len(kept)
            self._acks.extend(message.token for message in messages if message.token and not mine(message.topic))

    def _topic(self, raw: bytes) -> str:
        text = self._topics.get(raw)
        if text is None:
            if len(self._topics) >= _TOPICS_MAX:
                self._topics.clear()
            text = self._topics[raw] = raw.decode(errors="replace")
        return text

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        token = self._epoch << 16 | message.mid if message.qos else 0
        messages = [Message(message.topic, bytes(message.payload), token, self._clock.now_us(), time.monotonic())]
        self._receiver.deliver(messages) if self._mine is None else self._deliver_mine(messages, self._mine)

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._problem = f"the broker {self._host}:{self._port} refused the connection: {reason}"
            return
        client.subscribe([(topic, 1) for topic in self._subscriptions])

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._subscriptions, reasons, strict=False) if reason.is_failure]
        if refused:
            self._problem = f"the broker refused the subscription to {', '.join(refused)}: check its access list"
            log.error("%s", self._problem)
            return
        self._connected, self._problem, self._failures = True, "", 0

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._connected:
            self._problem = f"the broker {self._host}:{self._port} closed the connection: {reason}"
        self._connected = False


def number_of(token: int) -> int:
    """Which session a token came from."""
    return token >> (_NUMBER_SHIFT + 16)


def _drain(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 65536)


def tls_context(ca_file: str, cert_file: str, key_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    if cert_file:
        context.load_cert_chain(cert_file, key_file or None)
    return context
