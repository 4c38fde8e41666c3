"""`oshwatch doctor` on the ways to reach people: settings, the other side, and who could be called; nothing is sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine

from domain.clock import SystemClock
from domain.registry import SiteFile
from domain.scope import Role
from domain.times import HOUR_US
from domain.yamltext import parse_yaml
from oshwatch.channels import Note, channel_checks
from oshwatch.cli import run
from oshwatch.settings import Settings, load_settings
from storage.records.contacts import Contact, ContactsRepository
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.records.proofs import ProofsRepository
from storage.records.registry import RegistryRepository

SITE = "site: {id: f1, name: Sunrise, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}\nzones: [{id: a, name: A}]"
NOBODY = "http://127.0.0.1:1/x"


class Mail:
    """Takes everything but what `refuse` says; counts what it was handed."""

    def __init__(self) -> None:
        self.mails, self.refuse = 0, ""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(self, server: object, session: object, envelope: object, address: str, options: object) -> str:  # noqa: N802 - aiosmtpd's name
        return self.refuse or "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails += 1
        return "250 kept"


@pytest.fixture
def mail() -> Iterator[Mail]:
    server = Mail()
    server.controller.start()
    yield server
    server.controller.stop()


class Gateway:
    """Answers with `status`, and keeps the methods and paths it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status, outer = 200, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.command, self.path))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(5)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    RegistryRepository(engine).import_file(parse_yaml(SITE, SiteFile, source="t"), valid_from_us=None, author="t", reason="t", now_us=SystemClock().now_us())
    yield engine
    engine.dispose()


@pytest.fixture
def look(engine: Engine, tmp_path: Path) -> Callable[..., dict[str, str | None]]:
    """Each check's answer, under a file of channels and settings."""

    def settings(channels: str, **given: str) -> Settings:
        environment = {"OSHWATCH_DATA_DIR": str(tmp_path), **{f"OSHWATCH_{name.upper()}": value for name, value in given.items()}}
        if channels:
            (tmp_path / "secret").write_text("long-enough-a-secret")
            (tmp_path / "notify.yaml").write_text(channels)
            environment["OSHWATCH_NOTIFY_FILE"] = str(tmp_path / "notify.yaml")
        return load_settings(environment)

    def checked(channels: str = "", **given: str) -> dict[str, str | None]:
        return {name: check() for name, check in channel_checks(settings(channels, **given), lambda: engine)}

    return checked


def sms(url: str, prove_url: str = "", secret: str = "secret") -> str:
    return f"gateways: [{{name: sms, reaches: phone, url: '{url}', body: x, secret_file: {secret}, prove_url: '{prove_url}'}}]"


def test_a_centre_without_any_channel_is_wrong(look) -> None:
    found = look()
    assert "nobody is told" in found["mail"]
    assert not isinstance(found["mail"], Note)
    assert "no channel" in found["people to call"]


def test_a_mail_server_that_takes_us_is_well_and_gets_no_mail(look, mail: Mail) -> None:
    assert look(smtp_url=f"smtp://127.0.0.1:{mail.port}?from=osh@f1.example")["mail"] is None
    assert mail.mails == 0


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("smtp://127.0.0.1:1?from=osh@f1.example", "nothing listens there"),
        ("smtp://no-such-host.invalid:25?from=osh@f1.example", "no such host"),
        ("smtps://127.0.0.1:{port}?from=osh@f1.example", "no TLS"),
        ("smtp://olga:pw@127.0.0.1:{port}?from=osh@f1.example", "offers no login"),
    ],
)
def test_what_stands_between_us_and_the_mail_server_has_a_remedy(look, mail: Mail, url: str, remedy: str) -> None:
    assert remedy in look(smtp_url=url.format(port=mail.port))["mail"]


def test_a_sender_that_the_mail_server_refuses_is_named_as_such(look, mail: Mail) -> None:
    mail.refuse = "550 no relaying"
    found = look(smtp_url=f"smtp://127.0.0.1:{mail.port}?from=osh@f1.example")["mail"]
    assert "550 no relaying" in found
    assert "check ?from=" in found


def test_a_gateway_is_asked_at_its_own_address_for_it_and_nothing_is_sent(look, gateway: Gateway) -> None:
    assert look(sms(f"{gateway.url}/send", f"{gateway.url}/balance"))["channel sms"] is None
    assert gateway.asked == [("GET", "/balance")]
    gateway.status = 401
    assert "check secret_file" in look(sms(f"{gateway.url}/send", f"{gateway.url}/balance"))["channel sms"]
    gateway.status = 404
    assert "prove_url answers 404" in look(sms(f"{gateway.url}/send", f"{gateway.url}/balance"))["channel sms"]


def test_without_such_an_address_only_the_host_is_known_to_answer(look, gateway: Gateway) -> None:
    found = look(sms(f"{gateway.url}/send"))["channel sms"]
    assert isinstance(found, Note)
    assert "weekly test" in found
    assert gateway.asked == []
    assert "nothing listens" in look(sms(NOBODY))["channel sms"]


def test_a_webhook_is_connected_to_and_not_called(look, gateway: Gateway) -> None:
    assert look(f"webhooks: [{{name: hook, url: '{gateway.url}/hook', secret_file: secret}}]")["channel hook"] is None
    assert gateway.asked == []


def test_a_file_that_does_not_parse_is_one_line_with_file_line_and_remedy(look) -> None:
    found = look("gateways:\n- {name: smtp, reaches: phone, url: 'https://x'}")["channels"]
    assert "notify.yaml:2" in found
    assert "'smtp' is taken" in found
    assert "give each channel its own name" in found


def test_a_secret_that_is_missing_spoils_its_own_channel_and_no_other(tmp_path: Path, engine: Engine, gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    (tmp_path / "notify.yaml").write_text(f"{sms(gateway.url, secret='gone')}\nwebhooks: [{{name: hook, url: '{gateway.url}', secret_file: secret}}]")
    (tmp_path / "secret").write_text("long-enough-a-secret")
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OSHWATCH_NOTIFY_FILE", str(tmp_path / "notify.yaml"))
    monkeypatch.setenv("OSHWATCH_MQTT_URL", "mqtt://127.0.0.1:1")
    assert run(["doctor"]) == 1
    lines = {line[7:].partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["channel sms"].startswith("wrong  channel sms: ")
    assert "check the path and its permissions" in lines["channel sms"]
    assert lines["channel hook"] == "ok     channel hook"
    assert lines["watchdog"].startswith("wrong  watchdog: has never run here")
    assert lines["watchdog's address"].startswith("ok     watchdog's address: OSHWATCH_WATCHDOG_URL is not set")


def test_what_the_running_centre_last_heard_of_a_channel_is_told(look, engine: Engine, gateway: Gateway) -> None:
    proofs, channels = ProofsRepository(engine), sms(f"{gateway.url}/send", f"{gateway.url}/balance")
    proofs.ask("sms", "silent", HOUR_US)
    first = proofs.asked("sms", "silent")
    proofs.answer(first.id, received_us=HOUR_US)
    proofs.ask("sms", "silent", 2 * HOUR_US)
    proofs.answer(proofs.asked("sms", "silent").id, problem="ConnectionError: 503")
    assert "no receipt since 1970-01-01T01:00:00" in look(channels)["channel sms"]
    proofs.ask("sms", "silent", 2 * HOUR_US + 1)
    assert look(channels)["channel sms"] is None


def test_sites_that_a_channel_names_have_to_be_registered(look) -> None:
    found = look(f"webhooks: [{{name: hook, url: '{NOBODY}', secret_file: secret, site: f2}}]\nsiren: {{sites: [f1, f3]}}")
    assert "not registered: f2, f3" in found["sites of channels"]


def test_each_role_that_is_called_at_stop_level_needs_somebody_with_an_address(look, engine: Engine, mail: Mail, gateway: Gateway) -> None:
    url, people = f"smtp://127.0.0.1:{mail.port}?from=osh@f1.example", PeopleRepository(engine)
    people.add_user(name="olga", role=Role.OFFICER, grant="f1", email="olga@f1.example")
    people.add_user(name="wei", role=Role.WORKER_REPRESENTATIVE, grant="f1")
    people.add_user(name="minh", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f2", email="minh@f2.example")
    assert look(smtp_url=url)["people to call"].startswith("f1: no worker representative and no management representative can be reached by smtp;")
    people.add_user(name="mai", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f1", email="mai@f1.example")
    ContactsRepository(engine).set_contact("wei", Contact(phone="+84 90 1"), 0)
    assert "no worker representative can be reached" in look(smtp_url=url)["people to call"]
    assert look(sms(gateway.url), smtp_url=url)["people to call"] is None


def test_the_watchdog_s_address_is_connected_to_and_not_called(look, gateway: Gateway) -> None:
    assert isinstance(look()["watchdog's address"], Note)
    assert look(watchdog_url=gateway.url)["watchdog's address"] is None
    assert gateway.asked == []
    assert "nothing listens" in look(watchdog_url=NOBODY)["watchdog's address"]


@pytest.mark.server("mosquitto")
def test_a_siren_that_the_brokers_rights_silence_is_wrong_and_says_which_right_is_missing(look, mosquitto) -> None:
    assert look("siren: {}", mqtt_url=mosquitto.url)["siren"] is None
    mosquitto.stop()
    (mosquitto.directory / "acl").write_text("topic readwrite osh/v1/#\n")
    config = mosquitto.directory / "mosquitto.conf"
    config.write_text(config.read_text() + f"acl_file {mosquitto.directory}/acl\n")
    mosquitto.start()
    assert "topic readwrite osh/light/v1/#" in str(look("siren: {sites: [f1]}", mqtt_url=mosquitto.url)["siren"])
    mosquitto.stop()
    assert "does not let us in" in str(look("siren: {}", mqtt_url=mosquitto.url)["siren"])
