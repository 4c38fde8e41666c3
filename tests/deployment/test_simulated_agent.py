"""The simulated agent of docker-compose.yml, run as the container runs it, against the broker as it is shipped."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from domain.sitefile import parse_site_file

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "firmware_configs" / "containers" / "simulated_agent.py"
AGENT = "agent-1"


def test_its_registry_file_is_one_that_the_centre_takes() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "site"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True)
    file = parse_site_file(done.stdout, "stdin")
    assert AGENT in {agent.id for agent in file.agents}


@pytest.mark.server("mosquitto")
def test_it_enters_over_tls_with_its_own_password_and_sends_readings_that_are_marked_simulated(make_secrets, start_broker, tmp_path: Path) -> None:
    secrets = make_secrets("--agent", AGENT)
    broker = start_broker(secrets)
    packs: list[list[dict]] = []
    online, arrived = threading.Event(), threading.Event()

    def hear(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        content = json.loads(message.payload)
        if message.topic.endswith("/status") and content["state"] == "online":
            online.set()
        if "/data" in message.topic:
            packs.append(content)
            arrived.set()

    centre = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="centre")
    centre.username_pw_set("_centre", broker.password("_centre"))
    centre.tls_set(str(secrets / "ca.crt"))
    centre.on_message = hear
    centre.connect("localhost", broker.tls_port)
    centre.subscribe([(f"osh/v1/{AGENT}/status", 1), (f"osh/v1/{AGENT}/data/#", 1)])
    centre.loop_start()
    command = [
        sys.executable,
        SCRIPT,
        "run",
        "--mqtt",
        f"mqtts://localhost:{broker.tls_port}",
        "--ca-file",
        secrets / "ca.crt",
        "--password-file",
        secrets / f"mqtt_{AGENT}",
        "--data",
        tmp_path,
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    try:
        assert online.wait(30), (tmp_path / "log").read_text()
        assert arrived.wait(30), (tmp_path / "log").read_text()
        assert any(tmp_path.joinpath("agent").rglob("*.db*")), "the container's health check looks for the outbox there"
    finally:
        process.terminate()
        process.wait(30)
        centre.disconnect()
        centre.loop_stop()
    assert all(131 in record["r"] for record in packs[0])
