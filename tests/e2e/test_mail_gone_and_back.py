"""A mail server that goes and comes back: every message arrives once, the failure is itself an alert, and the link in the mail acknowledges for its owner; with a webhook and the siren beside it."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from alerts.notification.http import sign
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from domain.clock import SystemClock
from domain.hazards import Severity
from oshwatch.testing import until
from storage.records.engine import open_records
from storage.records.people import PeopleRepository

SITE = {
    "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
    "zones": [{"id": "hall", "name": "Hall"}, {"id": "press", "name": "Press"}],
}
SECRET = "a-secret-that-both-know"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.server("mosquitto")]


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_mail_server_goes_and_comes_back_and_the_link_acknowledges(
    mosquitto: Any, make_centre: Callable[..., Any], mail: Any, hook: tuple[str, list[tuple[dict[str, str], bytes]]], tmp_path: Path
) -> None:  # fmt: skip
    url, posts = hook
    channels = {"webhooks": [{"name": "plant", "url": url, "secret_file": "plant.key"}], "siren": {}}
    (tmp_path / "channels.yaml").write_text(yaml.safe_dump(channels))
    (tmp_path / "plant.key").write_text(SECRET)
    (tmp_path / "f1.yaml").write_text(yaml.safe_dump(SITE, sort_keys=False))
    smtp = f"smtp://127.0.0.1:{mail.port}?from=osh@f1.example"
    centre = make_centre(mosquitto.url, OSHWATCH_SMTP_URL=smtp, OSHWATCH_NOTIFY_FILE=str(tmp_path / "channels.yaml"))
    centre.command("registry", "import", str(tmp_path / "f1.yaml"))
    engine = open_records(f"sqlite:///{centre.directory}/oshwatch.db")
    people = PeopleRepository(engine)
    for name, role, language in (("olga", "officer", ""), ("wei", "worker_representative", "vi"), ("minh", "management_representative", "")):
        people.add_user(name=name, role=role, grant="f1", email=f"{name}@f1.example", locale=language)
    api = centre.api()
    mail.start()
    for part in ("console", "alerts"):
        centre.start(part)
    centre.wait_until_listening(60)
    raised = _raise(engine, "f1.hall")
    until(lambda: all(mail.to(name, "Hall") for name in ("olga", "wei", "minh")), 60, f"all three have their mail; {centre.tail()}")
    until(lambda: any(json.loads(body).get("alert", {}).get("id") == raised for _, body in posts), 30, "the webhook knows")
    headers, body = posts[-1]
    assert headers["Oshwatch-Signature"] == f"v1={sign(SECRET.encode(), headers['Oshwatch-Timestamp'], body)}"
    assert _light(mosquitto.port)["state"] == "on"

    link = re.search(r"http://\S+/acknowledge/\S+", mail.to("wei", "Hall")[0].get_content())
    assert link is not None
    with urllib.request.urlopen(link[0], timeout=20) as page:
        assert "wei" in page.read().decode()
    assert api.get(f"alerts/{raised}")["acknowledgements"] == []  # a mail program that opens links acknowledges nothing
    with urllib.request.urlopen(urllib.request.Request(link[0], data=b"text=on+my+way"), timeout=20):
        pass
    assert [(one["by"], one["side"], one["text"]) for one in api.get(f"alerts/{raised}")["acknowledgements"]] == [("wei", "worker", "on my way")]
    assert _light(mosquitto.port)["state"] == "on"

    mail.stop()
    second = _raise(engine, "f1.press")
    until(lambda: [one for one in api.all("notifications", state="waiting") if one["about"] == second and one["tries"] > 0], 60, "tried, and kept")
    until(lambda: [one for one in api.all("alerts", site="f1") if one["type"] == "notification_failed"], 60, "the failure is an alert")
    assert mail.to("olga", "Press") == []
    mail.start()
    until(lambda: all(mail.to(name, "Press") for name in ("olga", "wei", "minh")), 90, f"what waited arrived; {centre.tail()}")
    until(lambda: all(one["condition"] == "returned" for one in api.all("alerts", site="f1") if one["type"] == "notification_failed"), 60, "and the failure is over")
    sent = [(str(one["To"]), str(one["Subject"])) for one in mail.mails]
    assert sorted(sent) == sorted(set(sent))  # nothing twice
    assert {one["state"] for one in api.all("notifications", site="f1") if one["about"] == second} == {"sent"}
    engine.dispose()


def _raise(engine: Any, zone: str) -> str:
    clock = SystemClock()
    finding = Finding(site="f1", zone=zone, hazard="gas:co", type="extreme_over_ceiling", severity=Severity.STOP, event_us=clock.now_us(), value=900.0, unit="ppm")
    alert = Recorder(engine, clock, load_policy()).seen(finding)
    assert alert is not None
    return alert.id


def _light(port: int) -> dict[str, Any]:
    """What a lamp is told that has just been switched on."""
    got, heard = threading.Event(), {}

    def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        heard.update(json.loads(message.payload))
        got.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe("osh/light/v1/f1/stop", qos=1)
    client.loop_start()
    assert got.wait(20)
    client.disconnect()
    client.loop_stop()
    return heard
