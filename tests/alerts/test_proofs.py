"""What goes out by itself: the chain test, the daily summary, the committee's news, and the dead man's switch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert

from alerts.actions import acknowledge
from alerts.notification.chain import EVERY_US, WEEKLY_WITHIN_US, ChainTest, last_planned
from alerts.notification.committee import CommitteeNews
from alerts.notification.delivery import Delivery
from alerts.notification.digest import Digest
from alerts.notification.mail import SmtpNotifier
from alerts.notification.post import Post
from alerts.notification.troubles import Troubles
from alerts.notification.watchdog import DEAD_US, TROUBLED_US, Watchdog
from alerts.notification.words import Letterhead
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.states import AlertStates
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_instant
from models.anomaly.monitor import Drift
from oshwatch.notifying import translator
from oshwatch.testing import FakeClock, MemoryNotifier
from storage.records.contacts import Contact, ContactsRepository, SiteTimes
from storage.records.notifications import NotificationsRepository
from storage.records.people import PeopleRepository
from storage.records.proofs import ProofsRepository
from storage.records.registry import RegistryRepository
from storage.records.services import ServicesRepository
from storage.records.suspects import Suspect, SuspectsRepository
from storage.records.tables import users

POLICY = load_policy()
PEOPLE = [("olga", "officer", ""), ("wei", "worker_representative", "vi"), ("minh", "management_representative", ""), ("adam", "administrator", "")]
SUNDAY = parse_instant("2026-11-22T03:00:00Z")  # 10:00 in Ho Chi Minh City
MONDAY_10 = SUNDAY + DAY_US


class Centre:
    """One site, its people, two channels, and what goes out by itself."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine, self.clock = engine, clock
        with engine.begin() as connection:
            rows = [
                {"name": n, "role": r, "grant": "f1", "email": f"{n}@f1.example", "password_hash": "", "locale": lang, "active": True, "created_us": 0} for n, r, lang in PEOPLE
            ]
            connection.execute(insert(users), rows)
        self.notifiers = [MemoryNotifier("smtp"), MemoryNotifier("sms", kind="phone", is_short=True)]
        self.contacts, self.proofs, self.outbox = ContactsRepository(engine), ProofsRepository(engine), NotificationsRepository(engine)
        self.contacts.set_contact("olga", Contact(phone="+84"), 0)
        self.troubles = Troubles(engine, clock, POLICY)
        self.head = Letterhead(policy=POLICY, held=Snapshot(), say=translator(), console_url="https://osh.example")
        self.held = RegistryRepository(engine).load().latest()
        self.post = Post(engine, [one.way for one in self.notifiers])
        self.sounds: list[str] = []
        self.chain = ChainTest(engine, clock, self.post, self.troubles, say=self.head.say, sound=self.sounds.append)
        self.deliveries = [Delivery(engine, clock, POLICY, one, troubles=self.troubles, head=self.head) for one in self.notifiers]

    def pass_(self, seconds: float = 0, *, deliver: bool = True) -> None:
        self.clock.sleep(seconds)
        self.chain.tick(self.clock.now_us(), self.held)
        for delivery in self.deliveries if deliver else ():
            delivery.deliver_due()
            delivery.prove_when_asked()

    def failed(self) -> Alert | None:
        return next((alert for alert in AlertStates(self.engine).open() if alert.type == "notification_failed" and alert.active), None)


@pytest.fixture
def centre(engine: Engine, clock: FakeClock) -> Iterator[Centre]:
    clock.time_us = SUNDAY
    return Centre(engine, clock)


def test_a_silent_heartbeat_goes_through_every_channel_every_few_minutes_and_leaves_a_receipt(centre: Centre) -> None:
    for _ in range(12):
        centre.pass_(60)
    receipts = {proof.channel: proof.received_us for proof in centre.proofs.latest() if proof.kind == "silent"}
    assert receipts.keys() == {"smtp", "sms"}
    assert all(received is not None and centre.clock.now_us() - received <= EVERY_US for received in receipts.values())
    assert [one.sent for one in centre.notifiers] == [[], []]  # nobody notices
    assert centre.failed() is None


def test_a_missed_heartbeat_is_an_alert_that_names_the_channel_and_returns(centre: Centre) -> None:
    centre.pass_()
    centre.notifiers[0].problem = OSError("no route")
    for _ in range(20):
        centre.pass_(60)
    failed = centre.failed()
    assert failed is not None
    assert (failed.hazard, failed.evidence["failing"]) == ("notification", ["smtp"])
    assert "no route" in str(failed.evidence["error"])
    centre.notifiers[0].problem = None
    for _ in range(7):
        centre.pass_(60)
    assert centre.failed() is None


def test_a_thread_that_hangs_gives_no_receipt_and_that_is_an_alert(centre: Centre) -> None:
    for _ in range(18):
        centre.pass_(60, deliver=False)
    failed = centre.failed()
    assert failed is not None
    assert failed.evidence["failing"] == ["sms", "smtp"]


def test_a_message_that_nobody_takes_up_is_an_alert(centre: Centre) -> None:
    centre.post.put(centre.post.people("f1", centre.held), "f1", "f1", "digest-x", centre.clock.now_us(), lambda _: ("s", "t"))
    for _ in range(4):
        centre.pass_(45, deliver=False)
    failed = centre.failed()
    assert failed is not None
    assert failed.evidence["channels"] == ["smtp silence"]
    centre.pass_()
    centre.pass_(5)
    assert centre.failed() is None


def test_once_a_week_at_its_time_people_and_siren_are_tested_and_the_receipt_is_kept(centre: Centre) -> None:
    centre.clock.time_us = MONDAY_10 - MINUTE_US
    centre.proofs.ask("all", "weekly@f1", centre.clock.now_us() - 7 * DAY_US)
    centre.proofs.answer(centre.proofs.latest()[0].id, received_us=1)
    centre.pass_()
    assert centre.sounds == []
    for _ in range(30):
        centre.pass_(60)
    assert centre.sounds == ["f1"]
    assert sorted(address for address, _ in centre.notifiers[0].sent) == [f"{name}@f1.example" for name in ("adam", "minh", "olga", "wei")]
    assert [address for address, _ in centre.notifiers[1].sent] == ["+84"]
    subjects = dict(centre.notifiers[0].sent)
    assert subjects["olga@f1.example"] == "TEST: weekly alarm test, Sunrise Garments"
    assert subjects["wei@f1.example"].startswith("THỬ:")
    weekly = centre.proofs.last("all", "weekly@f1")
    assert weekly is not None
    assert weekly.received_us is not None
    assert centre.failed() is None


def test_a_weekly_test_that_does_not_come_through_is_an_alert(centre: Centre) -> None:
    centre.clock.time_us = MONDAY_10
    centre.notifiers[1].problem = OSError("gateway down")
    for _ in range(WEEKLY_WITHIN_US // MINUTE_US + 3):
        centre.pass_(60)
    failed = centre.failed()
    assert failed is not None
    assert "sms weekly@f1" in failed.evidence["channels"]  # type: ignore[operator]


def test_a_weekly_test_that_was_missed_is_an_alert_until_the_next_one(centre: Centre) -> None:
    centre.proofs.ask("all", "weekly@f1", MONDAY_10 - 7 * DAY_US)
    centre.proofs.answer(centre.proofs.latest()[0].id, received_us=1)
    centre.clock.time_us = MONDAY_10 + 2 * HOUR_US  # the centre was down at ten
    centre.pass_()
    failed = centre.failed()
    assert failed is not None
    assert failed.evidence["channels"] == ["all weekly@f1"]
    centre.clock.time_us = MONDAY_10 + 7 * DAY_US
    for _ in range(20):
        centre.pass_(60)
    assert centre.failed() is None


def test_a_new_installation_has_missed_nothing(centre: Centre) -> None:
    centre.clock.time_us = MONDAY_10 + 3 * HOUR_US
    centre.pass_()
    assert centre.failed() is None


@pytest.mark.parametrize(
    ("day", "time", "planned"), [("sun", "09:59", SUNDAY - MINUTE_US), ("sun", "10:01", SUNDAY - 7 * DAY_US + MINUTE_US), ("mon", "10:00", MONDAY_10 - 7 * DAY_US)]
)
def test_the_last_planned_test_is_in_local_time(centre: Centre, day: str, time: str, planned: int) -> None:
    assert last_planned(SiteTimes(test_day=day, test_at=time), centre.held, "f1", SUNDAY) == planned


def test_the_daily_summary_goes_out_once_at_local_time_in_each_language_with_the_suspicions(centre: Centre) -> None:
    digest = Digest(centre.engine, centre.post, centre.head)
    finding = Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.STOP, event_us=SUNDAY, value=34.0, unit="Cel")
    Recorder(centre.engine, centre.clock, POLICY).seen(finding)
    SuspectsRepository(centre.engine).upsert(
        [Suspect(channel="agent-7.ironing-1.co", kind="fault", fault_type="stuck", since_us=SUNDAY, score=0.9, text="")]
    )  # fmt: skip
    centre.contacts.set_contact("minh", Contact(digest=False), 0)
    at_us = parse_instant("2026-11-23T00:29:00Z")
    for minute in range(5):
        digest.tick(at_us + minute * MINUTE_US, centre.held)
    Digest(centre.engine, centre.post, centre.head).tick(at_us + 10 * MINUTE_US, centre.held)  # after a restart
    centre.clock.time_us = at_us + 11 * MINUTE_US
    centre.pass_()
    sent = dict(zip([address for address, _ in centre.notifiers[0].sent], centre.notifiers[0].texts, strict=True))
    assert sent.keys() == {"olga@f1.example", "wei@f1.example"}
    for part in (
        "Open alerts: 1",
        "- STOP: Heat over the limit, Ironing line 1, 2026-11-22 10:00",
        "1 alarms were raised, 1 of them",
        "agent-7.ironing-1.co: stuck",
        "Monday, 10:00",
    ):
        assert part in sent["olga@f1.example"]
    assert "Cảnh báo đang mở: 1" in sent["wei@f1.example"]


def test_the_daily_summary_says_which_model_has_drifted(centre: Centre) -> None:
    drifts = [Drift(what="rate", subject="co2", value=1.5, before=0.2), Drift(what="chances", subject="stel_15min", value=-0.3, before=0.0)]
    at_us = parse_instant("2026-11-23T00:30:00Z")
    Digest(centre.engine, centre.post, centre.head, lambda: drifts).tick(at_us, centre.held)
    centre.clock.time_us = at_us + MINUTE_US
    centre.pass_()
    texts = "\n".join(centre.notifiers[0].texts)
    assert "- co2: 1.5 suspicions per sensor and week, 0.2 before" in texts
    assert "- stel_15min: forecast chances are off by -0.3 on average" in texts


def test_a_centre_that_was_down_in_the_morning_sends_no_summary_in_the_night(centre: Centre) -> None:
    Digest(centre.engine, centre.post, centre.head).tick(parse_instant("2026-11-23T08:00:00Z"), centre.held)
    assert centre.outbox.due("smtp", 2**60) == []


def test_what_an_administrator_did_to_a_worker_side_account_is_announced_to_both_sides_once(centre: Centre) -> None:
    people = PeopleRepository(centre.engine, centre.clock)
    people.end_sessions("wei", by="adam")
    news = CommitteeNews(centre.engine, centre.post, centre.head)
    for _ in range(3):
        news.tick(centre.clock.now_us(), centre.held)
    centre.pass_()
    told = centre.notifiers[0].sent
    assert sorted(address for address, _ in told) == ["minh@f1.example", "olga@f1.example", "wei@f1.example"]
    assert all("sessions ended" in text or "adam" in text for text in centre.notifiers[0].texts)


def test_what_people_did_to_their_own_account_is_announced_to_nobody(centre: Centre) -> None:
    PeopleRepository(centre.engine, centre.clock).end_sessions("wei", by="wei")
    CommitteeNews(centre.engine, centre.post, centre.head).tick(centre.clock.now_us(), centre.held)
    assert centre.outbox.due("smtp", 2**60) == []


class Guard:
    """A watchdog on a fake clock beside a heartbeat that a test beats."""

    def __init__(self, engine: Engine, clock: FakeClock, *, mail: object) -> None:
        self.clock, self.services, self.calls = clock, ServicesRepository(engine), 0
        self.watchdog = Watchdog(engine, clock, mail=mail, addresses=["plant@f1.example"], call=self._call, say=translator())  # type: ignore[arg-type]

    def _call(self) -> None:
        self.calls += 1

    def pass_(self, seconds: int, *, alive: bool, problem: str = "") -> None:
        for _ in range(seconds // 5):
            self.clock.sleep(5)
            if alive:
                self.services.heartbeat("alerts", 1, self.clock.now_us(), not problem, problem)
            self.watchdog.look()


def test_while_alerting_lives_the_outside_address_is_called_every_minute(centre: Centre) -> None:
    mail = MemoryNotifier()
    guard = Guard(centre.engine, centre.clock, mail=mail)
    guard.pass_(600, alive=True)
    assert (guard.calls, mail.sent) == (10, [])


def test_when_alerting_is_dead_the_calls_stop_and_people_are_written_to_directly_in_their_language(centre: Centre) -> None:
    mail = MemoryNotifier()
    guard = Guard(centre.engine, centre.clock, mail=mail)
    guard.pass_(60, alive=True)
    calls = guard.calls
    guard.pass_(DEAD_US // SECOND_US + 60, alive=False)
    assert guard.calls - calls <= 1
    told = dict(mail.sent)
    assert told.keys() == {"plant@f1.example", "olga@f1.example", "wei@f1.example", "minh@f1.example", "adam@f1.example"}
    assert (told["olga@f1.example"], told["wei@f1.example"]) == ("Oshwatch: ALERTING IS DEAD", "Oshwatch: HỆ THỐNG CẢNH BÁO ĐÃ NGỪNG")
    guard.pass_(600, alive=False)
    assert len(mail.sent) == 5  # said once an hour
    guard.pass_(60, alive=True)
    assert len(mail.sent) == 10
    assert "works again" in mail.sent[-5][1]
    assert guard.calls > calls


def test_a_process_that_beats_and_cannot_do_its_work_is_dead_after_a_while(centre: Centre) -> None:
    mail = MemoryNotifier()
    guard = Guard(centre.engine, centre.clock, mail=mail)
    guard.pass_(TROUBLED_US // SECOND_US - 30, alive=True, problem="RuntimeError in floor")
    assert mail.sent == []
    guard.pass_(60, alive=True, problem="RuntimeError in floor")
    assert "RuntimeError in floor" in mail.texts[0]


def test_a_mail_server_that_is_away_gets_the_news_when_it_is_back_and_each_address_once(centre: Centre) -> None:
    mail = MemoryNotifier(problem=OSError("no route"))
    guard = Guard(centre.engine, centre.clock, mail=mail)
    guard.pass_(200, alive=False)
    mail.problem = None
    guard.pass_(60, alive=False)
    assert len(mail.sent) == len({address for address, _ in mail.sent}) == 5


def test_the_mail_server_proves_itself_without_a_mail(centre: Centre) -> None:
    with pytest.raises(OSError, match="refused"):
        SmtpNotifier("smtp://127.0.0.1:1?from=osh@f1.example").prove()


def test_an_acknowledged_alert_stays_in_the_summary_while_it_is_open(centre: Centre) -> None:
    finding = Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.ACTION, event_us=SUNDAY, value=31.0, unit="Cel")
    alert = Recorder(centre.engine, centre.clock, POLICY).seen(finding)
    assert alert is not None
    acknowledge(centre.engine, centre.clock, Scope(user="olga", role=Role.OFFICER, grant="f1"), alert.id)
    Digest(centre.engine, centre.post, centre.head).tick(parse_instant("2026-11-23T00:31:00Z"), centre.held)
    assert "Open alerts: 1" in next(message.text for message in centre.outbox.due("smtp", 2**60) if message.recipient == "olga")
