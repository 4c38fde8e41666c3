"""Siren and tower light on a real mosquitto: a retained state that follows the alerts and nobody's message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, insert

from alerts.actions import acknowledge
from alerts.notification.siren import MqttBroker, Siren
from alerts.notification.troubles import Troubles
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.states import AlertStates
from domain.errors import Conflict
from domain.hazards import Severity
from domain.registry import SiteFile
from domain.scope import Role, Scope
from domain.yamltext import parse_yaml
from oshwatch.testing import FakeClock, until
from storage.records.registry import RegistryRepository
from storage.records.tables import users

POLICY = load_policy()
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
WORKER = Scope(user="wei", role=Role.WORKER_REPRESENTATIVE, grant="f1")
TOPIC = "osh/light/v1/f1/stop"


class Lamp:
    """A light on the wall: what it was told last, after it has been switched on anew."""

    def __init__(self, port: int) -> None:
        self.port = port

    def state(self, topic: str = TOPIC) -> dict[str, Any]:
        got, heard = threading.Event(), {}
        client = mqtt.Client(CallbackAPIVersion.VERSION2)

        def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
            heard.update(json.loads(message.payload))
            got.set()

        client.on_message = on_message
        client.connect("127.0.0.1", self.port)
        client.subscribe(topic, qos=1)
        client.loop_start()
        assert got.wait(10)
        client.disconnect()
        client.loop_stop()
        return heard


class Wall:
    """What a test needs: the siren, its lamp, and alerts."""

    def __init__(self, engine: Engine, clock: FakeClock, broker: MqttBroker, port: int) -> None:
        self.engine, self.clock = engine, clock
        rows = [(user, role, "f1") for user, role in (("olga", "officer"), ("wei", "worker_representative"))]
        with engine.begin() as connection:
            made = [{"name": n, "role": r, "grant": g, "email": "", "password_hash": "", "locale": "", "active": True, "created_us": 0} for n, r, g in rows]
            connection.execute(insert(users), made)
        self.recorder = Recorder(engine, clock, POLICY)
        self.siren = Siren(engine, clock, broker, Troubles(engine, clock, POLICY), lambda: RegistryRepository(engine).load().latest())
        self.lamp = Lamp(port)

    def raise_alert(self, severity: Severity = Severity.STOP) -> Alert:
        finding = Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=severity, event_us=self.clock.now_us(), value=34.0, unit="Cel")
        alert = self.recorder.seen(finding)
        assert alert is not None
        return alert

    def look(self) -> None:
        self.clock.sleep(1)
        self.siren.tick(self.clock.now_us())


@pytest.fixture
def wall(engine: Engine, clock: FakeClock, mosquitto: Any) -> Iterator[Wall]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="siren")
    broker = MqttBroker(client, "127.0.0.1", mosquitto.port)
    until(client.is_connected, 20, "connected")
    yield Wall(engine, clock, broker, mosquitto.port)
    broker.close()


@pytest.mark.server("mosquitto")
def test_one_sides_acknowledgement_does_not_silence_the_light(wall: Wall) -> None:
    wall.look()
    assert wall.lamp.state()["state"] == "off"
    alert = wall.raise_alert()
    wall.look()
    assert (wall.lamp.state()["state"], wall.lamp.state()["alerts"]) == ("on", 1)
    acknowledge(wall.engine, wall.clock, OFFICER, alert.id)
    wall.look()
    assert wall.lamp.state()["state"] == "on"
    acknowledge(wall.engine, wall.clock, WORKER, alert.id)
    wall.look()
    assert wall.lamp.state()["state"] == "on"  # both have heard, and it is still there
    wall.recorder.returned(alert, wall.clock.now_us())
    wall.look()
    assert wall.lamp.state()["state"] == "off"


@pytest.mark.server("mosquitto")
def test_the_light_stays_after_the_condition_until_the_other_side_has_acknowledged_too(wall: Wall) -> None:
    alert = wall.raise_alert()
    acknowledge(wall.engine, wall.clock, OFFICER, alert.id)
    wall.recorder.returned(alert, wall.clock.now_us())
    assert not next(found for _, found in AlertStates(wall.engine).page(["f1"]) if found.id == alert.id).open
    wall.look()
    assert wall.lamp.state()["state"] == "on"
    acknowledge(wall.engine, wall.clock, WORKER, alert.id)
    wall.look()
    assert wall.lamp.state()["state"] == "off"
    with pytest.raises(Conflict):
        acknowledge(wall.engine, wall.clock, Scope(user="minh", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f1"), alert.id)


@pytest.mark.server("mosquitto")
def test_an_action_lights_its_own_lamp_until_somebody_acknowledges(wall: Wall) -> None:
    alert = wall.raise_alert(Severity.ACTION)
    wall.look()
    assert (wall.lamp.state("osh/light/v1/f1/action")["state"], wall.lamp.state()["state"]) == ("on", "off")
    acknowledge(wall.engine, wall.clock, OFFICER, alert.id)
    wall.look()
    assert wall.lamp.state("osh/light/v1/f1/action")["state"] == "off"


@pytest.mark.server("mosquitto")
def test_a_broker_that_is_away_is_an_alert_and_the_state_is_said_again_when_it_is_back(wall: Wall, mosquitto: Any) -> None:
    wall.look()
    mosquitto.kill()
    wall.raise_alert()
    until(lambda: not wall.siren._broker._client.is_connected(), 20, "gone")  # type: ignore[attr-defined]
    for _ in range(20):
        wall.look()
    failed = [alert for alert in AlertStates(wall.engine).open() if alert.type == "notification_failed"]
    assert [alert.evidence["channel"] for alert in failed] == ["siren"]
    mosquitto.start()
    until(wall.siren._broker._client.is_connected, 30, "back")  # type: ignore[attr-defined]
    wall.look()
    assert wall.lamp.state()["state"] == "on"
    assert not next(alert for alert in AlertStates(wall.engine).open() if alert.type == "notification_failed").active


@pytest.mark.server("mosquitto")
def test_the_test_sounds_shortly_and_is_not_retained(wall: Wall) -> None:
    heard: list[tuple[str, bool]] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.append((message.topic, message.retain))
    client.connect("127.0.0.1", wall.lamp.port)
    client.subscribe("osh/light/v1/f1/test", qos=1)
    client.loop_start()
    until(lambda: (wall.siren.sound("f1"), heard)[1], 10, "the test is heard")
    client.disconnect()
    client.loop_stop()
    assert heard[0] == ("osh/light/v1/f1/test", False)


@pytest.mark.server("mosquitto")
def test_a_broker_that_takes_a_state_and_hands_it_to_nobody_is_an_alert_and_other_sites_still_light(engine: Engine, clock: FakeClock, mosquitto: Any) -> None:
    add_site(engine, "f2")
    acl = mosquitto.directory / "acl"
    acl.write_text("topic readwrite osh/v1/#\ntopic readwrite osh/light/v1/f2/#\ntopic read osh/light/v1/f1/#\n")
    mosquitto.stop()
    config = mosquitto.directory / "mosquitto.conf"
    config.write_text(config.read_text() + f"acl_file {acl}\n")
    mosquitto.start()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="siren")
    broker = MqttBroker(client, "127.0.0.1", mosquitto.port, ack_s=0.5)
    try:
        until(client.is_connected, 20, "connected")
        wall = Wall(engine, clock, broker, mosquitto.port)
        for _ in range(20):
            wall.look()
        (failed,) = [alert for alert in AlertStates(engine).open() if alert.type == "notification_failed"]
        assert failed.evidence["channel"] == "siren"
        assert "topic readwrite osh/light" in str(failed.evidence)
        assert wall.lamp.state("osh/light/v1/f2/stop")["state"] == "off"
        with pytest.raises(PermissionError, match="hands it to nobody"):
            wall.siren.prove()
    finally:
        broker.close()


def add_site(engine: Engine, id: str) -> None:
    text = f"site: {{id: {id}, name: {id}, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}}\nzones: [{{id: a, name: A}}]"
    RegistryRepository(engine).import_file(parse_yaml(text, SiteFile, source="t"), valid_from_us=None, author="t", reason="t", now_us=0)
