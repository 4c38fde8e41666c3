"""Who is called, by a real mail server, and what happens when it fails, refuses or hangs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as email_policy

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, insert

from alerts.actions import acknowledge, confirm, suppress_by_design
from alerts.notification.delivery import Delivery
from alerts.notification.mail import SmtpNotifier
from alerts.notification.pager import Pager
from alerts.notification.port import Permanent, Way
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert, fold
from domain.errors import BadInput
from domain.hazards import Severity
from domain.scope import Role, Scope
from oshwatch.testing import FakeClock, MemoryNotifier
from storage.records.journal import JournalRepository
from storage.records.notifications import NotificationsRepository
from storage.records.registry import RegistryRepository
from storage.records.tables import users

POLICY = load_policy()
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
WORKER = Scope(user="wei", role=Role.WORKER_REPRESENTATIVE, grant="f1")
PEOPLE = [
    ("olga", Role.OFFICER, "f1", "olga@f1.example"),
    ("wei", Role.WORKER_REPRESENTATIVE, "f1", "wei@union.example"),
    ("minh", Role.MANAGEMENT_REPRESENTATIVE, "f1", "minh@f1.example"),
    ("else", Role.OFFICER, "f2", "else@f2.example"),
    ("ina", Role.INSPECTOR, "*", "ina@gov.example"),
    ("mute", Role.OFFICER, "f1", ""),
]


class MailServer:
    """aiosmtpd on a free port, keeping what it takes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer: str | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer:
            return self.answer
        self.mails.append(BytesParser(policy=email_policy).parsebytes(envelope.content))  # type: ignore[attr-defined, arg-type]
        return "250 kept"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?from=osh@f1.example"

    @property
    def addressees(self) -> list[str]:
        return sorted(str(mail["To"]) for mail in self.mails)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.controller.start()
    yield server
    server.controller.stop()


class Office:
    """Alerts, pager and deliveries of one site."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine, self.clock = engine, clock
        with engine.begin() as connection:
            rows = [{"name": n, "role": r, "grant": g, "email": e, "password_hash": "", "locale": "", "active": True, "created_us": 0} for n, r, g, e in PEOPLE]
            connection.execute(insert(users), rows)
        self.recorder = Recorder(engine, clock, POLICY)
        self.outbox = NotificationsRepository(engine)
        self.held = RegistryRepository(engine).load().latest()

    def raise_alert(self, severity: Severity = Severity.ACTION) -> Alert:
        self.clock.sleep(60)
        finding = Finding(
            site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=severity, event_us=self.clock.now_us(), value=34.0, unit="Cel",
            evidence={"certainty": "probably over, not proven"},
        )  # fmt: skip
        alert = self.recorder.seen(finding)
        assert alert is not None
        return alert

    def page(self, *channels: str) -> None:
        """As a process that has just started: nothing in memory."""
        alerts = [fold(steps) for steps in JournalRepository(self.engine).load_open().values()]
        Pager(self.engine, POLICY, [Way(name=name) for name in channels or ("wire",)]).call(alerts, self.held, self.clock.now_us())

    def delivery(self, notifier: object) -> Delivery:
        return Delivery(self.engine, self.clock, POLICY, notifier)  # type: ignore[arg-type]

    def open(self) -> list[Alert]:
        return [fold(steps) for steps in JournalRepository(self.engine).load_open().values()]


@pytest.fixture
def office(engine: Engine, clock: FakeClock) -> Office:
    return Office(engine, clock)


def test_an_action_reaches_the_officer_and_the_management_side_of_that_site_by_mail(office: Office, mail: MailServer) -> None:
    alert = office.raise_alert()
    office.page("smtp")
    office.delivery(SmtpNotifier(mail.url)).deliver_due()
    assert mail.addressees == ["minh@f1.example", "olga@f1.example"]
    first = mail.mails[0]
    text = first.get_content()
    assert first["Subject"] == "Action: Heat over the limit, Ironing line 1"
    assert all(part in text for part in ("What to do:", "34 °C", "probably over, not proven", alert.id, "not a safety function"))
    assert {message.state for message in office.outbox.of_alert(alert.id)} == {"sent"}


def test_a_stop_level_alert_reaches_the_worker_side_when_raised(office: Office, mail: MailServer) -> None:
    office.raise_alert(Severity.STOP)
    office.page("smtp")
    office.delivery(SmtpNotifier(mail.url)).deliver_due()
    assert mail.addressees == ["minh@f1.example", "olga@f1.example", "wei@union.example"]


def test_nobody_is_called_twice_for_the_same_step_whatever_restarts(office: Office) -> None:
    office.raise_alert()
    wire = MemoryNotifier("wire")
    for _ in range(3):
        office.page()
        office.delivery(wire).deliver_due()
    assert len(wire.sent) == 2


def test_an_escalation_calls_again_and_the_other_side_too(office: Office) -> None:
    wire = MemoryNotifier("wire")
    for severity in (Severity.ACTION, Severity.STOP):
        office.raise_alert(severity)
        office.page()
        office.delivery(wire).deliver_due()
    told = [address for address, _ in wire.sent]
    assert (sorted(told[:2]), sorted(told[2:])) == (["minh@f1.example", "olga@f1.example"], ["minh@f1.example", "olga@f1.example", "wei@union.example"])


def test_an_acknowledgement_stops_what_was_not_sent_yet(office: Office) -> None:
    alert = office.raise_alert()
    office.page()
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    wire = MemoryNotifier("wire")
    office.delivery(wire).deliver_due()
    office.page()
    office.delivery(wire).deliver_due()
    assert wire.sent == []
    assert {message.state for message in office.outbox.of_alert(alert.id)} == {"cancelled"}


def test_at_stop_level_one_sides_acknowledgement_does_not_silence_the_other(office: Office) -> None:
    alert = office.raise_alert(Severity.STOP)
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    wire = MemoryNotifier("wire")
    office.page()
    office.delivery(wire).deliver_due()
    assert [address for address, _ in wire.sent] == ["wei@union.example"]


def test_no_confirmed_response_in_time_calls_the_next_step_also_when_acknowledged(office: Office) -> None:
    alert = office.raise_alert()
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    office.clock.sleep(31 * 60)
    wire = MemoryNotifier("wire")
    for _ in range(2):
        office.page()
        office.delivery(wire).deliver_due()
    assert sorted(address for address, _ in wire.sent) == ["minh@f1.example", "olga@f1.example", "wei@union.example"]
    assert "nobody has confirmed a response" in wire.sent[0][1]


def test_a_confirmed_response_calls_nobody_further(office: Office) -> None:
    alert = office.raise_alert()
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    confirm(office.engine, office.clock, OFFICER, alert.id, "press shielded")
    office.clock.sleep(31 * 60)
    office.page()
    assert office.outbox.of_alert(alert.id) == []


def test_of_a_suppression_by_design_both_sides_are_told_and_then_nobody_is_called(office: Office) -> None:
    alert = office.raise_alert(Severity.STOP)
    suppress_by_design(office.engine, office.clock, OFFICER, alert.id, "line closed for calibration; a portable meter stands here", 60)
    wire = MemoryNotifier("wire")
    for _ in range(2):
        office.page()
        office.delivery(wire).deliver_due()
    assert sorted(address for address, _ in wire.sent) == ["minh@f1.example", "olga@f1.example", "wei@union.example"]
    assert all("suppressed by design" in subject for _, subject in wire.sent)


def test_data_lost_during_an_alert_calls_again(office: Office) -> None:
    alert = office.raise_alert()
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    wire = MemoryNotifier("wire")
    office.page()
    office.clock.sleep(60)
    office.recorder.data_lost(alert, office.clock.now_us())
    office.page()
    office.delivery(wire).deliver_due()
    assert wire.sent
    assert all("data lost" in subject for _, subject in wire.sent)


def test_a_notifier_that_fails_is_tried_again_with_back_off_and_the_others_go_on(office: Office) -> None:
    alert = office.raise_alert()
    office.page("bad", "good")
    bad, good = MemoryNotifier("bad", problem=OSError("no route")), MemoryNotifier("good")
    deliveries = [office.delivery(bad), office.delivery(good)]
    for delivery in deliveries:
        delivery.deliver_due()
    assert len(good.sent) == 2
    waiting = [message for message in office.outbox.of_alert(alert.id) if message.channel == "bad"]
    assert {(message.state, message.tries, message.last_error) for message in waiting} == {("waiting", 1, "OSError: no route")}
    assert office.outbox.due("bad", office.clock.now_us()) == []
    office.clock.sleep(6)
    bad.problem = None
    deliveries[0].deliver_due()
    assert len(bad.sent) == 2


def test_a_failing_notifier_is_itself_an_alert_which_goes_out_by_the_others_and_returns(office: Office) -> None:
    office.raise_alert()
    office.page("bad", "good")
    bad, good = MemoryNotifier("bad", problem=OSError("no route")), MemoryNotifier("good")
    failing = office.delivery(bad)
    for _ in range(3):
        failing.deliver_due()
        office.clock.sleep(20)
    (failure,) = [alert for alert in office.open() if alert.type == "notification_failed"]
    assert (failure.hazard, failure.site, failure.evidence["channel"]) == ("notification", "f1", "bad")
    office.page("bad", "good")
    assert {message.channel for message in office.outbox.of_alert(failure.id)} == {"good"}
    office.delivery(good).deliver_due()
    assert any("Message was not delivered" in subject for _, subject in good.sent)
    bad.problem = None
    office.clock.sleep(700)
    office.delivery(bad).deliver_due()  # as after a restart
    assert not next(alert for alert in office.open() if alert.id == failure.id).active


def test_a_refused_address_is_final_and_an_alert(office: Office, mail: MailServer) -> None:
    alert = office.raise_alert()
    office.page("smtp")
    mail.answer = "554 no such user"
    office.delivery(SmtpNotifier(mail.url)).deliver_due()
    assert {message.state for message in office.outbox.of_alert(alert.id)} == {"failed"}
    assert "notification_failed" in {alert.type for alert in office.open()}


def test_a_full_mailbox_is_tried_again(office: Office, mail: MailServer) -> None:
    alert = office.raise_alert()
    office.page("smtp")
    mail.answer = "452 try later"
    office.delivery(SmtpNotifier(mail.url)).deliver_due()
    assert {message.state for message in office.outbox.of_alert(alert.id)} == {"waiting"}


def test_a_mail_server_that_hangs_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        notifier = SmtpNotifier(f"smtp://127.0.0.1:{silent.getsockname()[1]}?from=osh@f1.example", timeout_s=0.3)
        begun = time.monotonic()
        with pytest.raises(OSError, match="timed out"):
            notifier.send("olga@f1.example", "s", "t")
        assert time.monotonic() - begun < 5


def test_the_delivery_thread_survives_whatever_goes_wrong_and_stops_when_told(office: Office, mail: MailServer) -> None:
    delivery = office.delivery(SmtpNotifier(mail.url))
    real, calls = delivery._outbox.due, [0]

    def due(*arguments: object) -> object:
        calls[0] += 1
        if calls[0] == 1:
            raise RuntimeError("once")
        return real(*arguments)  # type: ignore[arg-type]

    delivery._outbox.due = due  # type: ignore[method-assign, assignment]
    stop = threading.Event()
    thread = delivery.start(stop)
    office.raise_alert()
    office.page("smtp")
    _wait(lambda: len(mail.mails) == 2)
    stop.set()
    thread.join(5)
    assert (thread.is_alive(), delivery.round.exceptions, delivery.counts["sent"]) == (False, 1, 2)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://host:25", "smtp://host:25?from=nobody"])
def test_a_wrong_smtp_url_is_refused_by_name(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        SmtpNotifier(url)
    assert refused.value.field == "OSHWATCH_SMTP_URL"


def test_a_permanent_refusal_is_not_tried_again(office: Office) -> None:
    alert = office.raise_alert()
    office.page()
    wire = MemoryNotifier("wire", problem=Permanent("gone"))
    office.delivery(wire).deliver_due()
    office.clock.sleep(3600)
    wire.problem = None
    office.delivery(wire).deliver_due()
    assert wire.sent == []
    assert {message.state for message in office.outbox.of_alert(alert.id)} == {"failed"}


def _wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
