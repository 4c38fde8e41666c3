"""Each channel against a real server: what is sent, what is signed, what a refusal means."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from alerts.notification.config import channels_of, load_channels
from alerts.notification.http import FORM, Gateway, Webhook, sign
from alerts.notification.port import Permanent
from domain.errors import BadInput
from oshwatch.testing import FakeClock


class HttpServer:
    """Keeps what it is asked; `status` is its answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers.items()), body))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def http() -> Iterator[HttpServer]:
    server = HttpServer()
    server.thread.start()
    yield server
    server.close()


def test_a_webhook_signs_timestamp_and_body_with_hmac_sha256(http: HttpServer, clock: FakeClock) -> None:
    Webhook("control-room", f"{http.url}/hook", b"a shared secret", clock).send("", "stop: heat", '{"event":"unacknowledged"}')
    method, path, headers, body = http.asked[0]
    assert (method, path, body) == ("POST", "/hook", b'{"event":"unacknowledged"}')
    assert headers["Oshwatch-Timestamp"] == "1763800000"
    assert headers["Oshwatch-Signature"] == f"v1={sign(b'a shared secret', '1763800000', body)}"
    assert headers["Oshwatch-Signature"] != f"v1={sign(b'another secret', '1763800000', body)}"


def test_a_webhook_proves_itself_by_a_heartbeat(http: HttpServer, clock: FakeClock) -> None:
    assert Webhook("w", http.url, b"secret", clock).prove()
    assert json.loads(http.asked[0][3]) == {"event": "heartbeat"}


def test_a_gateway_fills_its_template_and_escapes_for_json(http: HttpServer) -> None:
    gateway = Gateway(
        name="sms", reaches="phone", url=f"{http.url}/send", headers={"Authorization": "Bearer {secret}"}, body='{"to": "{to}", "text": "{text}"}', secret="s3cret-key"
    )  # fmt: skip
    gateway.send("+84 90 1", "STOP", 'STOP: "Ủi 1"\n34 °C')
    _, path, headers, body = http.asked[0]
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/send", "Bearer s3cret-key", "application/json")
    assert json.loads(body) == {"to": "+84 90 1", "text": 'STOP: "Ủi 1"\n34 °C'}


def test_a_bot_takes_its_secret_in_the_address_and_a_form_as_body(http: HttpServer) -> None:
    bot = Gateway(name="bot", reaches="chat", url=f"{http.url}/bot{{secret}}/sendMessage", body="chat_id={to}&text={text}", content_type=FORM, secret="12:ab")
    bot.send("-100", "s", "a & b=ế")
    assert http.asked[0][1] == "/bot12%3Aab/sendMessage"
    assert http.asked[0][3] == b"chat_id=-100&text=a%20%26%20b%3D%E1%BA%BF"


def test_a_gateway_by_get_has_everything_in_the_address(http: HttpServer) -> None:
    Gateway(name="sms", reaches="phone", method="GET", url=f"{http.url}/?to={{to}}&m={{text}}").send("+84", "s", "a b")
    assert http.asked[0][:2] == ("GET", "/?to=%2B84&m=a%20b")


def test_a_gateway_is_proved_by_its_own_address_or_not_at_all(http: HttpServer) -> None:
    assert not Gateway(name="sms", reaches="phone", url=f"{http.url}/send").prove()
    assert Gateway(name="sms", reaches="phone", url=f"{http.url}/send", prove_url=f"{http.url}/balance").prove()
    assert [path for _, path, _, _ in http.asked] == ["/balance"]


@pytest.mark.parametrize(("status", "is_final"), [(400, True), (404, True), (302, True), (401, False), (429, False), (500, False), (503, False)])
def test_a_refusal_is_final_where_another_try_is_useless(http: HttpServer, clock: FakeClock, status: int, *, is_final: bool) -> None:
    http.status = status
    with pytest.raises(Permanent if is_final else ConnectionError):
        Webhook("w", http.url, b"secret", clock).send("", "s", "{}")
    assert len(http.asked) == 1  # a redirect is not followed


def test_a_server_that_hangs_times_out(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        Webhook("w", f"http://127.0.0.1:{silent.getsockname()[1]}", b"secret", clock, timeout_s=0.3).send("", "s", "{}")


FILE = """
gateways:
  - {name: sms, reaches: phone, url: "https://sms.example/send", body: '{"to": "{to}"}', secret_file: sms.key}
webhooks:
  - {name: control-room, url: "https://plant.example/hook", secret_file: hook.key, site: f1}
siren: {sites: [f1]}
"""


def test_the_file_of_channels_makes_them_with_secrets_from_files(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "channels.yaml").write_text(FILE)
    (tmp_path / "sms.key").write_text("sms-secret\n")
    (tmp_path / "hook.key").write_text("hook-secret\n")
    file = load_channels(tmp_path / "channels.yaml")
    sms, hook = channels_of(file, tmp_path, clock)
    assert (sms.way.name, sms.way.kind, sms.way.is_short) == ("sms", "phone", True)
    assert (hook.way.name, hook.way.kind, hook.way.site) == ("control-room", "machine", "f1")
    assert file.siren is not None
    assert "sms-secret" not in repr(sms)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (FILE.replace("control-room", "sms"), "webhooks[0].name"),
        (FILE.replace("name: sms", "name: smtp"), "gateways[0].name"),
        (FILE.replace("https://sms", "ftp://sms"), "gateways[0].url"),
        (FILE.replace("reaches: phone", "reaches: pigeon"), "gateways[0].reaches"),
        ("siren: {topic: osh/everywhere}", "siren.topic"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "channels.yaml").write_text(text)
    with pytest.raises(BadInput) as refused:
        load_channels(tmp_path / "channels.yaml")
    assert refused.value.field == field


def test_a_missing_secret_is_named(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "channels.yaml").write_text(FILE)
    with pytest.raises(BadInput) as refused:
        channels_of(load_channels(tmp_path / "channels.yaml"), tmp_path, clock)
    assert refused.value.field == "secret_file"
