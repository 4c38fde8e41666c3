"""The demo's broker: nobody without a password, each agent only on its own topics; mosquitto and amqtt alike."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from oshwatch import broker
from oshwatch.ports import free_port, wait_for_port

PASSWORDS = {"_centre": "c-secret", "agent-1": "a-secret", "agent-2": "b-secret"}


@pytest.fixture(params=["mosquitto", "amqtt"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    if request.param == "mosquitto" and not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")):
        pytest.skip("no mosquitto; amqtt is tested")
    number = free_port()
    child = broker.demo_broker(tmp_path / "broker", number, PASSWORDS) if request.param == "mosquitto" else broker._amqtt(_made(tmp_path / "broker"), number, PASSWORDS)
    process = subprocess.Popen(child.command, stderr=subprocess.DEVNULL)
    wait_for_port("127.0.0.1", number, 15)
    yield number
    process.terminate()
    process.wait(10)


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def connect(port: int, user: str, password: str) -> tuple[mqtt.Client, bool]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=user or "nobody")
    if user:
        client.username_pw_set(user, password)
    answered, accepted = threading.Event(), []
    client.on_connect = lambda c, u, f, reason, p: (accepted.append(not reason.is_failure), answered.set())
    client.on_disconnect = lambda c, u, f, reason, p: answered.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    answered.wait(10)
    return client, accepted == [True]


@pytest.mark.server("mosquitto")
@pytest.mark.parametrize(("user", "password"), [("", ""), ("agent-1", "wrong"), ("admin", "admin")])
def test_nobody_gets_in_without_the_right_password(port: int, user: str, password: str) -> None:
    client, accepted = connect(port, user, password)
    client.loop_stop()
    assert not accepted


@pytest.mark.server("mosquitto")
def test_an_agent_writes_only_to_its_own_topics(port: int) -> None:
    centre, _ = connect(port, "_centre", "c-secret")
    heard: list[str] = []
    subscribed, ended = threading.Event(), threading.Event()
    centre.on_subscribe = lambda *arguments: subscribed.set()
    centre.on_message = lambda c, u, message: (heard.append(message.topic), message.topic.endswith("event") and ended.set())
    centre.subscribe("osh/v1/#", 1)
    assert subscribed.wait(10)
    centre.subscribe("osh/light/v1/#", 1)
    agent, accepted = connect(port, "agent-1", "a-secret")
    assert accepted
    agent.publish("osh/light/v1/f1/stop", b"x", 1).wait_for_publish(10)
    centre.publish("osh/light/v1/f1/action", b"x", 1).wait_for_publish(10)
    for topic in ("osh/v1/agent-2/data", "osh/v1/agent-1/ack", "osh/v1/agent-1/data/07", "osh/v1/agent-1/data", "osh/v1/_centre/last", "osh/v1/agent-1/event"):
        agent.publish(topic, b"x", 1).wait_for_publish(10)
    assert ended.wait(10)
    for client in (agent, centre):
        client.disconnect()
        client.loop_stop()
    assert heard == ["osh/light/v1/f1/action", "osh/v1/agent-1/data/07", "osh/v1/agent-1/data", "osh/v1/agent-1/event"]


def test_the_password_file_is_for_its_owner_and_holds_no_password(tmp_path: Path) -> None:
    write: Callable[..., object] = broker.demo_broker
    write(tmp_path, 1, PASSWORDS)
    file = tmp_path / "passwords"
    assert file.stat().st_mode & 0o077 == 0
    assert "secret" not in file.read_text()
