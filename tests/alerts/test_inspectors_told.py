"""Inspectors are written to: what was referred to them, and what was said to them alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine

from alerts.notification.delivery import Delivery
from alerts.notification.inspectorate import BACK_US, REASON, InspectorNews
from alerts.notification.post import Post
from alerts.notification.words import Letterhead
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.review.desk import Desk
from alerts.review.model import Control
from alerts.review.status import GRACE_US
from alerts.review.sweep import ReviewSweep
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.times import DAY_US, SECOND_US
from oshwatch.notifying import translator
from oshwatch.testing import FakeClock, MemoryNotifier
from storage.records.contacts import Contact, ContactsRepository
from storage.records.notifications import Message, NotificationsRepository
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository

PEOPLE = {
    "hoa": (Role.WORKER_REPRESENTATIVE, "f1", ""),
    "minh": (Role.MANAGEMENT_REPRESENTATIVE, "f1", ""),
    "tran": (Role.INSPECTOR, "country:VN", "vi"),
    "binh": (Role.INSPECTOR, "country:VN", "en"),
    "kim": (Role.INSPECTOR, "country:KH", ""),
}


@dataclass
class Inspectorate:
    """A factory's review desk, the sweep that refers, and the news."""

    engine: Engine
    clock: FakeClock
    smtp: MemoryNotifier = field(default_factory=lambda: MemoryNotifier("smtp"))
    sms: MemoryNotifier = field(default_factory=lambda: MemoryNotifier("sms", kind="phone", is_short=True))

    def __post_init__(self) -> None:
        people = PeopleRepository(self.engine, self.clock)
        for name, (role, grant, locale) in PEOPLE.items():
            people.add_user(name=name, role=role, grant=grant, email=f"{name}@example.org", locale=locale)
        self.desk = Desk(self.engine, self.clock, self.held)
        self.sweep = ReviewSweep(self.engine, self.clock, self.held)
        self.head = Letterhead(policy=load_policy(), held=Snapshot(), say=translator(), console_url="https://osh.example")
        self.post = Post(self.engine, [self.smtp.way, self.sms.way])

    def held(self) -> Snapshot:
        return RegistryRepository(self.engine).load().at(self.clock.now_us())

    def who(self, name: str) -> Scope:
        role, grant, _ = PEOPLE[name]
        return Scope(user=name, role=role, grant=grant)

    def review(self, *actions: str) -> str:
        finding = Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.STOP, event_us=self.clock.now_us(), value=33.0, unit="Cel")
        alert = Recorder(self.engine, self.clock, load_policy()).seen(finding)
        assert alert is not None
        id = self.desk.open_alert(self.who("hoa"), alert.id).id
        for text in actions:
            self.desk.add_action(self.who("minh"), id, control=Control.ENGINEERING, text=text, owner="maintenance", due="2025-12-01")
        return id

    def pass_(self, *, days: float = 0) -> None:
        """A look of the sweep and of the news, which a new process makes each time."""
        self.clock.sleep(days * DAY_US / SECOND_US)
        self.sweep.look(self.clock.now_us())
        InspectorNews(self.engine, self.post, self.head).tick(self.clock.now_us(), self.held())

    def written(self) -> list[Message]:
        outbox = NotificationsRepository(self.engine)
        return [message for way in ("smtp", "sms") for message in outbox.due(way, 2**60) if message.reason.startswith(REASON)]


@pytest.fixture
def office(engine: Engine, clock: FakeClock) -> Inspectorate:
    return Inspectorate(engine, clock)


def test_an_action_that_becomes_the_inspectors_is_mailed_to_those_who_see_the_site_once_and_in_their_language(office: Inspectorate) -> None:
    id = office.review("second fan", "shade over the roof")
    office.pass_(days=30)
    assert office.written() == []
    for _ in range(4):
        office.pass_(days=GRACE_US / DAY_US / 4)
    for _ in range(3):
        office.pass_(days=0.2)
    told = {message.recipient: message for message in office.written()}
    assert (told.keys(), len(office.written())) == ({"tran", "binh"}, 2)
    assert told["binh"].subject == "Shown to you: corrective actions overdue, Sunrise Garments"
    for part in ("second fan: to be done by 2025-12-01, by maintenance", "shade over the roof", f"https://osh.example/reviews/{id}"):
        assert part in told["binh"].text
    assert "Sunrise Garments" in told["tran"].subject
    assert told["tran"].subject != told["binh"].subject


def test_an_action_that_is_referred_later_is_told_by_a_message_of_its_own(office: Inspectorate) -> None:
    id = office.review("second fan")
    office.pass_(days=30)
    office.desk.add_action(office.who("minh"), id, control=Control.ENGINEERING, text="new duct", owner="maintenance", due="2025-12-26")
    office.pass_(days=8)
    office.pass_(days=8)
    texts = [message.text for message in office.written() if message.recipient == "binh"]
    assert [("second fan" in text, "new duct" in text) for text in texts] == [(True, False), (False, True)]


def test_a_word_to_the_inspectorate_alone_is_told_without_who_said_it_or_what(office: Inspectorate) -> None:
    id = office.review()
    office.desk.dissent(office.who("hoa"), id, "the fan was switched off before the visit", to_inspectorate=True)
    office.desk.dissent(office.who("hoa"), id, "we disagree")
    office.pass_()
    told = office.written()
    assert {message.recipient for message in told} == {"tran", "binh"}
    assert len(told) == 2
    for message in told:
        assert not any(secret in f"{message.subject} {message.text}" for secret in ("hoa", "switched off", "worker", "disagree"))


def test_inspectors_are_reached_by_the_channel_that_they_wish_and_a_changed_wish_tells_nothing_twice(office: Inspectorate) -> None:
    contacts = ContactsRepository(office.engine)
    contacts.set_contact("binh", Contact(phone="+84 90 1", channels=["sms"]), 0)
    id = office.review()
    office.desk.dissent(office.who("hoa"), id, "not true", to_inspectorate=True)
    office.pass_()
    contacts.set_contact("binh", Contact(), 0)
    office.pass_()
    assert {(message.channel, message.recipient) for message in office.written()} == {("smtp", "tran"), ("sms", "binh")}
    assert len(office.written()) == 2


def test_the_channels_own_thread_delivers_it_and_a_failing_channel_keeps_it(office: Inspectorate) -> None:
    office.desk.dissent(office.who("hoa"), office.review(), "not true", to_inspectorate=True)
    office.pass_()
    delivery = Delivery(office.engine, office.clock, load_policy(), office.smtp, head=office.head)
    office.smtp.problem = OSError("no route")
    delivery.deliver_due()
    assert office.smtp.sent == []
    office.smtp.problem = None
    office.clock.sleep(60)
    delivery.deliver_due()
    assert sorted(address for address, _ in office.smtp.sent) == ["binh@example.org", "tran@example.org"]


def test_a_centre_that_was_down_for_longer_than_it_looks_back_does_not_write_of_old_things(office: Inspectorate) -> None:
    office.desk.dissent(office.who("hoa"), office.review(), "not true", to_inspectorate=True)
    office.clock.sleep(BACK_US / SECOND_US + 60)
    office.pass_()
    assert office.written() == []
