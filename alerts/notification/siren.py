"""Siren and tower light over MQTT: a retained state for each severity and site, on for as long as the alerts say so. It follows the alerts, not the outbox: nobody's message turns it off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
import paho.mqtt.client as mqtt
from sqlalchemy import Engine

from alerts.notification.port import Way
from alerts.notification.troubles import Troubles
from alerts.rounds import Round
from alerts.state import Alert
from alerts.states import AlertStates
from domain.clock import Clock
from domain.hazards import SYSTEM_HAZARDS, Severity
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.times import DAY_US, SECOND_US, to_rfc3339
from storage.records.people import PeopleRepository

TOPIC = "osh/light/v1/{site}"
EVERY_S = 1.0
AGAIN_US = 60 * SECOND_US
"""A state is said again so often, for a broker that lost what it kept."""
ACK_S = 5.0
FAILS_US = 15 * SECOND_US
PATIENCE_S = 60.0
AWAITED_US = 7 * DAY_US
"""How far back an alert that is over but not acknowledged by both sides keeps the light on."""
LIGHTS = (Severity.STOP, Severity.ACTION)


class Broker(Protocol):
    """What the light needs of MQTT."""

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Returns when the broker has handed it on; raises OSError otherwise."""
        ...


class MqttBroker:
    """A client of the centre that hears itself: MQTT 3.1.1 acknowledges also what the broker's rights refuse. It connects by itself, and again."""

    def __init__(self, client: mqtt.Client, host: str, port: int, *, ack_s: float = ACK_S) -> None:
        self._client, self._ack_s = client, ack_s
        self._one_at_a_time, self._changed = threading.Lock(), threading.Condition()
        self._topics: set[str] = set()
        self._awaited: tuple[str, bytes] | None = None
        client.on_message, client.on_connect = self._on_message, self._on_connect
        client.reconnect_delay_set(1, 10)
        client.connect_async(host, port, keepalive=20)
        client.loop_start()

    def wait_until_connected(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(self._client.is_connected, seconds)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self._client.is_connected():
            raise ConnectionError("the broker is not connected")
        with self._one_at_a_time:
            self._listen(topic)
            with self._changed:
                self._awaited = (topic, payload)
            self._hand_over(topic, payload, retain)
            with self._changed:
                if not self._changed.wait_for(lambda: self._awaited is None, self._ack_s):
                    raise PermissionError(
                        f"the broker takes {topic} and hands it to nobody: its rights must let the centre's user write and read it (in mosquitto's acl `topic readwrite osh/light/v1/#`)"
                    )

    def _listen(self, topic: str) -> None:
        if topic not in self._topics:
            self._topics.add(topic)
            self._client.subscribe(topic, qos=1)

    def _hand_over(self, topic: str, payload: bytes, retain: bool) -> None:
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        try:
            sent.wait_for_publish(self._ack_s)
        except (RuntimeError, ValueError) as error:
            raise ConnectionError(str(error)) from None
        if not sent.is_published():
            raise TimeoutError("the broker did not take the state in time")

    def _on_connect(self, client: mqtt.Client, userdata: object, flags: object, reason: mqtt.ReasonCode, properties: object) -> None:  # type: ignore[name-defined]
        for topic in list(self._topics):
            client.subscribe(topic, qos=1)
        with self._changed:
            self._changed.notify_all()

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        """What was retained before is not what was said now."""
        with self._changed:
            if not message.retain and self._awaited == (message.topic, message.payload):
                self._awaited = None
                self._changed.notify_all()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Light(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A retained payload."""

    state: str
    since: str = ""
    alerts: int = 0
    simulated: bool = False


class Siren:
    """`tick` compares what should be lit with what was said last."""

    def __init__(self, engine: Engine, clock: Clock, broker: Broker, troubles: Troubles, held: Callable[[], Snapshot], *, topic: str = TOPIC, sites: Sequence[str] = ()) -> None:
        self.way = Way(name="siren", kind="machine")
        self._states, self._people = AlertStates(engine), PeopleRepository(engine)
        self._clock, self._broker, self._troubles, self._held = clock, broker, troubles, held
        self._topic, self._sites = topic, sites
        self._said: dict[str, tuple[bytes, int]] = {}
        self._refused: dict[str, tuple[OSError, int]] = {}
        self._failing_since_us: int | None = None
        self.said = self.failures = 0
        self.round = Round(name="siren", every_s=EVERY_S, do=lambda: self.tick(clock.now_us()), patience_s=PATIENCE_S)

    def start(self, stop: threading.Event) -> threading.Thread:
        return self.round.start(stop)

    def counters(self) -> dict[str, float]:
        return {"siren_said": float(self.said), "siren_failures": float(self.failures)}

    def tick(self, now_us: int) -> None:
        held = self._held()
        sites = [site for site in held.sites if not self._sites or site in self._sites]
        alerts = [*self._states.open(sites), *self._one_sided(sites, now_us)]
        problems: list[tuple[str, OSError]] = []
        for site in sites:
            sides = self._sides(site, held)
            for severity in LIGHTS:
                lit = [alert for alert in alerts if alert.site == site and alert.severity is severity and is_lit(alert, sides)]
                try:
                    self._say(f"{self._topic.format(site=site)}/{severity.value}", _light(lit), now_us)
                except OSError as error:
                    problems.append((site, error))
        if problems:
            self._has_failed(*problems[0], now_us)
        else:
            self._failing_since_us = None
            self._troubles.works(self.way.name, "delivery")

    def sound(self, site: str) -> None:
        """The announced test: a short sound, not retained. Raises OSError."""
        self._broker.publish(f"{self._topic.format(site=site)}/test", b'{"state":"test","seconds":5}', retain=False)

    def send(self, address: str, subject: str, text: str) -> None:
        """The test is the only message by which a siren is addressed: `address` is its site."""
        self.sound(address)

    def prove(self) -> bool:
        """The broker takes a heartbeat, which lights nothing."""
        held = self._held()
        for site in held.sites:
            if not self._sites or site in self._sites:
                self._broker.publish(f"{self._topic.format(site=site)}/heartbeat", b'{"at":%d}' % (self._clock.now_us() // SECOND_US), retain=False)
        return True

    def _say(self, topic: str, light: Light, now_us: int) -> None:
        """What the broker's rights refuse is tried again after a while only, so that other sites' lights do not wait for it."""
        payload = msgspec.json.encode(light)
        said, at_us = self._said.get(topic, (b"", 0))
        if payload == said and now_us - at_us < AGAIN_US:
            return
        refused = self._refused.get(topic)
        if refused and now_us - refused[1] < FAILS_US:
            raise refused[0]
        try:
            self._broker.publish(topic, payload, retain=True)
        except PermissionError as error:
            self._refused[topic] = (error, now_us)
            raise
        self._refused.pop(topic, None)
        self._said[topic] = (payload, now_us)
        self.said += 1

    def _has_failed(self, site: str, error: OSError, now_us: int) -> None:
        if not isinstance(error, PermissionError):
            self._said.clear()  # a broker that was away may have lost what it kept
        self.failures += 1
        self._failing_since_us = now_us if self._failing_since_us is None else self._failing_since_us
        if now_us - self._failing_since_us >= FAILS_US:
            self._troubles.fail(self.way.name, "delivery", f"{type(error).__name__}: {error}", site)

    def _one_sided(self, sites: Sequence[str], now_us: int) -> list[Alert]:
        found = self._states.page(sites, severity=Severity.STOP.value, since_us=now_us - AWAITED_US, limit=1000, latest=True)
        return [alert for _, alert in found if not alert.open and alert.is_one_sided]

    def _sides(self, site: str, held: Snapshot) -> set[str]:
        """Sides that have somebody who can acknowledge."""
        people = [user for user in self._people.list_users() if user.active and user.role is not Role.ADMINISTRATOR]
        spec = held.sites[site]
        return {user.role.side for user in people if user.role.side and Scope(user=user.name, role=user.role, grant=user.grant).sees(spec)}


def is_lit(alert: Alert, sides: Iterable[str]) -> bool:
    """Stop: until the condition is over and every side has acknowledged; one side does not turn it off for the other. Action: until somebody has acknowledged, or it is over."""
    if alert.hazard in SYSTEM_HAZARDS or alert.suppression != "none":
        return False
    if alert.severity is Severity.STOP:
        return alert.active or alert.latched or not all(alert.heard_by(side) for side in sides)
    return alert.active and not alert.acknowledgements


def _light(lit: Sequence[Alert]) -> Light:
    if not lit:
        return Light(state="off")
    return Light(state="on", since=to_rfc3339(min(alert.raised_at_us for alert in lit)), alerts=len(lit), simulated=all(alert.simulated for alert in lit))
