"""The pack source of a worker that holds several slots: a session of the broker for each, under the slot's own name, so that its next owner inherits what waits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from domain.topics import parse
from ingest.mqtt import MqttSource, number_of
from ingest.share import slot_of
from ingest.source import Receiver

END_WITHIN_S = 5.0


class SlotSessions:
    """`open_session(slot)` makes the source of one; their tokens carry the slot's number."""

    def __init__(self, held: Sequence[int], slots: int, open_session: Callable[[int], MqttSource]) -> None:
        self._slots = slots
        self._sources = {slot: open_session(slot) for slot in held}

    def start(self, receiver: Receiver) -> None:
        for source in self._sources.values():
            source.start(receiver)

    def ack(self, tokens: Sequence[int]) -> None:
        of: dict[int, list[int]] = defaultdict(list)
        for token in tokens:
            of[number_of(token)].append(token)
        for slot, group in of.items():
            self._sources[slot].ack(group)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """By the session of the agent's slot; the centre's own topics by the first."""
        parsed = parse(topic)
        own = self._sources.get(slot_of(parsed[0], self._slots)) if parsed else None
        return (own or next(iter(self._sources.values()))).publish(topic, payload, qos=qos, retain=retain)

    def problem(self) -> str:
        return next((problem for source in self._sources.values() if (problem := source.problem())), "")

    def counters(self) -> Mapping[str, float]:
        total: dict[str, float] = {}
        for source in self._sources.values():
            for name, count in source.counters().items():
                total[name] = total.get(name, 0.0) + count
        return total

    def stop(self) -> None:
        ending = [threading.Thread(target=source.stop, name="goodbye") for source in self._sources.values()]
        for each in ending:
            each.start()
        for each in ending:
            each.join()


def end_session(url: str, client_id: str, *, password: str = "", context: Any = None) -> bool:
    """Tell the broker to forget a session that nobody will use again: it would collect packs for ever. Whether the broker answered."""
    parts = urlsplit(url)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, protocol=paho.MQTTv311)
    if parts.username:
        client.username_pw_set(unquote(parts.username), password or unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set_context(context)
    answered = threading.Event()
    client.on_connect = lambda *_: answered.set()
    try:
        client.connect(parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883), keepalive=10)
    except OSError:
        return False
    client.loop_start()
    found = answered.wait(END_WITHIN_S)
    client.disconnect()
    client.loop_stop()
    return found
