"""Who is called by which channel: rosters, quiet hours, languages, links, groups, machines, and the steps of an escalation."""

from __future__ import annotations

import json
import re
import threading

import msgspec
import pytest
from sqlalchemy import Engine, insert

from alerts.actions import acknowledge
from alerts.notification.delivery import Delivery
from alerts.notification.duty import on_duty, quiet_until
from alerts.notification.links import Links, open_key
from alerts.notification.pager import OVERDUE_MAX, Pager
from alerts.notification.pagers import PagerThread
from alerts.notification.troubles import Troubles
from alerts.notification.words import Letterhead
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.states import AlertStates
from domain.hazards import Severity
from domain.registry import ShiftSpec, Snapshot
from domain.scope import Role, Scope
from domain.times import HOUR_US, parse_instant
from oshwatch.notifying import translator
from oshwatch.testing import FakeClock, MemoryNotifier, until
from storage.records.contacts import Contact, ContactsRepository, Duty
from storage.records.notifications import NotificationsRepository
from storage.records.registry import RegistryRepository
from storage.records.tables import users

POLICY = load_policy()
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
PEOPLE = [
    ("olga", "officer", "olga@f1.example", ""),
    ("oleg", "officer", "oleg@f1.example", ""),
    ("wei", "worker_representative", "wei@union.example", "vi"),
    ("minh", "management_representative", "minh@f1.example", ""),
]
MONDAY_10 = parse_instant("2026-11-23T03:00:00Z")  # 10:00 in Ho Chi Minh City, in shift A
MONDAY_23 = parse_instant("2026-11-23T16:00:00Z")


class Office:
    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine, self.clock = engine, clock
        with engine.begin() as connection:
            rows = [{"name": n, "role": r, "grant": "f1", "email": e, "password_hash": "", "locale": lang, "active": True, "created_us": 0} for n, r, e, lang in PEOPLE]
            connection.execute(insert(users), rows)
        self.recorder, self.outbox, self.contacts = Recorder(engine, clock, POLICY), NotificationsRepository(engine), ContactsRepository(engine)
        self.held = RegistryRepository(engine).load().latest()
        self.head = Letterhead(policy=POLICY, held=Snapshot(), say=translator(), console_url="https://osh.example")
        self.notifiers = [MemoryNotifier("smtp")]
        self.links = Links(b"k" * 32, "https://osh.example")
        self.troubles = Troubles(engine, clock, POLICY)
        self.deliveries: dict[str, Delivery] = {}

    def raise_alert(self, severity: Severity = Severity.ACTION, zone: str = "f1.ironing-1", hazard: str = "heat") -> Alert:
        finding = Finding(site="f1", zone=zone, hazard=hazard, type="heat", severity=severity, event_us=self.clock.now_us(), value=34.0, unit="Cel")
        alert = self.recorder.seen(finding)
        assert alert is not None
        return alert

    def page(self) -> None:
        pager = Pager(self.engine, POLICY, [one.way for one in self.notifiers], head=self.head, links=self.links)
        pager.call(AlertStates(self.engine).open(), self.held, self.clock.now_us())

    def deliver(self) -> None:
        for notifier in self.notifiers:
            delivery = self.deliveries.setdefault(notifier.name, Delivery(self.engine, self.clock, POLICY, notifier, troubles=self.troubles, head=self.head))
            delivery.deliver_due()

    def told(self, channel: str = "smtp") -> list[str]:
        """Names, since asked last."""
        self.page()
        self.deliver()
        notifier = next(one for one in self.notifiers if one.name == channel)
        found = sorted(address.partition("@")[0] for address, _ in notifier.sent)
        notifier.sent.clear()
        return found

    def on_duty(self, user: str, shift: str = "A", first: str = "2026-11-23", last: str = "2026-11-23") -> None:
        self.contacts.put_on_duty(Duty(site="f1", shift=shift, first=first, last=last, user=user, set_by="olga", set_us=0))


@pytest.fixture
def office(engine: Engine, clock: FakeClock) -> Office:
    clock.time_us = MONDAY_10
    return Office(engine, clock)


def test_of_each_role_whoever_is_on_duty_in_the_running_shift_is_called(office: Office) -> None:
    office.on_duty("oleg")
    office.raise_alert()
    assert office.told() == ["minh", "oleg"]  # nobody of the management side is on the roster: all of them


def test_outside_the_shift_of_the_roster_everybody_of_the_role_is_called(office: Office) -> None:
    office.on_duty("oleg", shift="A", last="2026-12-31")
    office.clock.time_us = MONDAY_23
    office.raise_alert()
    assert office.told() == ["minh", "oleg", "olga"]


def test_when_nobody_confirms_everybody_is_called_on_duty_or_not_and_again_each_time_the_span_is_over(office: Office) -> None:
    office.on_duty("oleg")
    alert = office.raise_alert()
    assert office.told() == ["minh", "oleg"]
    acknowledge(office.engine, office.clock, Scope(user="oleg", role=Role.OFFICER, grant="f1"), alert.id)
    for _ in range(OVERDUE_MAX):
        office.clock.sleep(30 * 60 + 1)
        assert office.told() == ["minh", "oleg", "olga", "wei"]
        assert office.told() == []
    for _ in range(3):
        office.clock.sleep(30 * 60 + 1)
        assert office.told() == []


def test_a_duty_is_over_at_its_last_date_and_a_night_shift_belongs_to_its_first(office: Office) -> None:
    zone, night = office.held.timezone("f1"), [replace_name(office.held.shifts["f1"][0])]
    duty = Duty(site="f1", shift="N", first="2026-11-23", last="2026-11-23", user="olga", set_by="", set_us=0)
    assert on_duty([duty], night, zone, parse_instant("2026-11-23T18:30:00Z")) == {"olga"}  # 01:30 on Tuesday, still Monday's shift
    assert on_duty([duty], night, zone, parse_instant("2026-11-24T18:30:00Z")) == set()


def replace_name(spec: ShiftSpec) -> ShiftSpec:
    return msgspec.structs.replace(spec, name="N", start="22:00", stop="06:00", breaks=[])


def test_quiet_hours_hold_an_action_until_they_end_and_never_a_stop(office: Office) -> None:
    office.contacts.set_contact("olga", Contact(quiet_from="22:00", quiet_to="06:00"), 0)
    office.clock.time_us = MONDAY_23
    office.raise_alert()
    assert office.told() == ["minh", "oleg"]
    office.clock.sleep(7 * 3600 - 1)
    assert office.told() == ["minh", "oleg", "wei"]  # the overdue step; olga still sleeps
    office.clock.sleep(2)
    assert set(office.told()) == {"olga"}
    office.clock.time_us = MONDAY_23 + 24 * HOUR_US
    office.raise_alert(Severity.STOP)
    assert "olga" in office.told()


def test_quiet_hours_of_everybody_are_nobodys(office: Office) -> None:
    for name, *_ in PEOPLE:
        office.contacts.set_contact(name, Contact(quiet_from="22:00", quiet_to="06:00"), 0)
    office.clock.time_us = MONDAY_23
    office.raise_alert()
    assert office.told() == ["minh", "oleg", "olga"]


def test_quiet_hours_over_midnight_end_in_the_morning(office: Office) -> None:
    zone, contact = office.held.timezone("f1"), Contact(quiet_from="22:00", quiet_to="06:00")
    assert quiet_until(contact, zone, MONDAY_23) == MONDAY_23 + 7 * HOUR_US
    assert quiet_until(contact, zone, MONDAY_23 + 4 * HOUR_US) == MONDAY_23 + 7 * HOUR_US
    assert quiet_until(contact, zone, MONDAY_10) == 0
    assert quiet_until(Contact(), zone, MONDAY_23) == 0


def test_wished_channels_hold_below_stop_level_and_at_stop_level_all_are_used(office: Office) -> None:
    office.notifiers.append(MemoryNotifier("sms", kind="phone", is_short=True))
    for name, *_ in PEOPLE:
        office.contacts.set_contact(name, Contact(phone="+84", channels=["sms"] if name == "olga" else []), 0)
    office.raise_alert()
    assert office.told() == ["minh", "oleg"]
    assert len(office.notifiers[1].sent) == 3
    office.clock.sleep(60)
    office.raise_alert(Severity.STOP)
    assert office.told() == ["minh", "oleg", "olga", "wei"]
    assert len(office.notifiers[1].sent) == 7


def test_a_text_message_is_one_line_with_a_link(office: Office) -> None:
    office.notifiers = [MemoryNotifier("sms", kind="phone", is_short=True)]
    office.contacts.set_contact("olga", Contact(phone="+84"), 0)
    office.raise_alert()
    office.page()
    office.deliver()
    (text,) = office.notifiers[0].texts
    assert re.fullmatch(r"Action: Heat over the limit, Ironing line 1\. 34 °C\. https://osh\.example/acknowledge/[\w.-]+", text)


def test_each_gets_a_link_of_their_own_that_stands_for_this_call_only(office: Office) -> None:
    alert = office.raise_alert(Severity.STOP)
    office.page()
    office.deliver()
    tokens = {address: re.search(r"/acknowledge/([\w.-]+)", text) for (address, _), text in zip(office.notifiers[0].sent, office.notifiers[0].texts, strict=True)}
    calls = {address: office.links.read(found[1], office.clock.now_us()) for address, found in tokens.items() if found}
    assert {address.partition("@")[0]: (call.alert, call.user, call.called_by) for address, call in calls.items()} == {
        name: (alert.id, name, alert.called_by) for name in ("olga", "oleg", "wei", "minh")
    }


def test_a_message_is_in_the_language_of_whoever_reads_it(office: Office) -> None:
    office.raise_alert(Severity.STOP)
    office.page()
    office.deliver()
    by_person = dict(zip([address for address, _ in office.notifiers[0].sent], office.notifiers[0].texts, strict=True))
    assert "What to do:" in by_person["olga@f1.example"]
    assert "What to do:" not in by_person["wei@union.example"]
    assert "Việc cần làm" in by_person["wei@union.example"]


def test_many_alerts_for_one_person_are_one_message_the_most_urgent_first(office: Office) -> None:
    alerts = [office.raise_alert(Severity.STOP if number == 7 else Severity.ACTION, hazard=f"gas:g{number}") for number in range(10)]
    office.page()
    office.deliver()
    (subject,) = {subject for address, subject in office.notifiers[0].sent if address == "olga@f1.example"}
    assert subject == "STOP: 10 alerts, Sunrise Garments"
    text = next(text for (address, _), text in zip(office.notifiers[0].sent, office.notifiers[0].texts, strict=True) if address == "olga@f1.example")
    assert text.splitlines()[0].startswith("STOP: ")
    assert {message.state for alert in alerts for message in office.outbox.of_alert(alert.id)} == {"sent"}


def test_after_a_group_the_next_ones_collect_and_nothing_is_lost(office: Office) -> None:
    for number in range(10):
        office.raise_alert(hazard=f"gas:g{number}")
    assert office.told() == ["minh", "oleg", "olga"]
    late = office.raise_alert(hazard="gas:late")
    assert office.told() == []
    assert {message.state for message in office.outbox.of_alert(late.id)} == {"waiting"}
    lately = office.deliveries["smtp"]._lately
    for name in lately:
        lately[name] = type(lately[name])(when - 120 for when in lately[name])
    assert office.told() == ["minh", "oleg", "olga"]


def test_a_notifier_that_hangs_holds_no_other_and_is_found_out(office: Office) -> None:
    hanging, stop = threading.Event(), threading.Event()
    office.notifiers = [MemoryNotifier("hung", held=hanging), MemoryNotifier("good")]
    office.raise_alert()
    office.page()
    threads = [Delivery(office.engine, office.clock, POLICY, notifier).start(stop) for notifier in office.notifiers]
    until(lambda: len(office.notifiers[1].sent) == 3, 20, "the good one has sent all")
    assert office.notifiers[0].sent == []
    hanging.set()
    stop.set()
    for thread in threads:
        thread.join(10)


def test_a_machine_is_told_of_each_change_of_state_and_of_the_end(office: Office) -> None:
    office.notifiers = [MemoryNotifier("plant", kind="machine"), MemoryNotifier("elsewhere", kind="machine", site="f2")]
    pager = Pager(office.engine, POLICY, [one.way for one in office.notifiers], head=office.head)
    alert = office.raise_alert()

    def step() -> None:
        for _ in range(2):
            pager.call(AlertStates(office.engine).open(), office.held, office.clock.now_us())
        office.deliver()

    step()
    acknowledge(office.engine, office.clock, OFFICER, alert.id)
    step()
    office.recorder.returned(alert, office.clock.now_us())
    step()
    bodies = [json.loads(text) for text in office.notifiers[0].texts]
    assert [body["event"] for body in bodies] == ["unacknowledged", "acknowledged", "normal"]
    assert bodies[0]["alert"]["id"] == alert.id
    assert office.notifiers[1].texts == []


def test_an_alert_that_another_process_raised_is_in_the_outbox_within_a_second(office: Office) -> None:
    pager = Pager(office.engine, POLICY, [one.way for one in office.notifiers])
    thread = PagerThread(office.engine, office.clock, pager, lambda: office.held)
    stop = threading.Event()
    running = thread.start(stop)
    alert = office.raise_alert()
    until(lambda: len(office.outbox.of_alert(alert.id)) == 3, 5, "three messages")
    stop.set()
    running.join(10)
    assert (thread.round.exceptions, thread.round.problem) == (0, "")


def test_one_alert_speaks_of_all_failing_channels_and_returns_when_all_work(office: Office) -> None:
    office.troubles.fail("smtp", "delivery", "no route", "f1")
    office.troubles.fail("sms", "chain", "no receipt")
    (alert,) = AlertStates(office.engine).open()
    assert (alert.hazard, alert.evidence["failing"]) == ("notification", ["sms", "smtp"])
    again = Troubles(office.engine, office.clock, POLICY)  # after a restart
    again.works("smtp", "delivery")
    assert AlertStates(office.engine).open()[0].active
    again.works("sms", "chain")
    assert not AlertStates(office.engine).open()[0].active


def test_the_key_of_links_is_made_once_and_nobody_else_may_read_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("data")
    assert open_key(folder) == open_key(folder)
    assert ((folder / "notification.key").stat().st_mode & 0o777, len(list(folder.iterdir()))) == (0o600, 1)


def test_a_step_that_is_past_is_cancelled_and_not_sent(office: Office) -> None:
    office.raise_alert()
    office.page()
    office.clock.sleep(60)
    alert = office.raise_alert(Severity.STOP)
    assert office.told() == ["minh", "oleg", "olga", "wei"]
    states = {message.reason.partition("-")[0]: message.state for message in office.outbox.of_alert(alert.id)}
    assert states == {"raised": "cancelled", "escalated": "sent"}


def test_a_channel_that_fails_for_all_sites_is_told_to_every_officer(office: Office) -> None:
    office.troubles.fail("sms", "chain", "no receipt")
    assert office.told() == ["minh", "oleg", "olga"]
    assert "/acknowledge/" not in office.notifiers[0].texts[0]  # who sees one site only cannot act for all


def test_a_channel_that_is_no_longer_set_up_is_nobodys_trouble(office: Office) -> None:
    office.troubles.fail("pager", "chain", "no receipt", "f1")
    again = Troubles(office.engine, office.clock, POLICY)
    again.forget_others(["smtp"])
    assert not AlertStates(office.engine).open()[0].active
