"""One call for zones that go over together: whom it names, how long it holds, and that nobody is left uncalled by it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert

from alerts.actions import acknowledge
from alerts.joint_calls import CALLED_WITH, CLOSE_BEHIND, MOST, JointCalls
from alerts.notification.delivery import Delivery
from alerts.notification.pager import Pager
from alerts.notification.words import Letterhead
from alerts.policy import load_policy
from alerts.policy.table import DEFAULT
from alerts.record import Recorder
from alerts.replay_record import spells_of
from alerts.state import Alert
from alerts.states import AlertStates
from alerts.windows import WindowConditions
from assess.live import LiveWindow, LiveZone
from domain.errors import BadInput
from domain.hazards import Severity, ZoneStatus
from domain.scope import Role, Scope
from domain.times import HOUR_US, MINUTE_US, parse_instant
from domain.verdict import LimitOf, ShiftOf
from oshwatch.testing import FakeClock, MemoryNotifier
from storage.records.journal import JournalRepository, Key
from storage.records.registry import RegistryRepository
from storage.records.tables import users

POLICY = load_policy()
IRONING, GLUING = "f1.ironing-1", "f1.gluing-1"
MONDAY_8 = parse_instant("2026-11-23T01:00:00Z")  # 08:00 in Ho Chi Minh City
EARLY = ShiftOf(date="2026-11-23", name="A", start="2026-11-23T00:00:00Z", stop="2026-11-23T04:00:00Z")
LATE = ShiftOf(date="2026-11-23", name="B", start="2026-11-23T04:00:00Z", stop="2026-11-23T12:00:00Z")
LIMIT = LimitOf(id="rel", value=28.5, profile="us-niosh", law=False, averaging="60 min", clause="8.1", status="verified")
BEGINS, STOP = 27.5, 33.0
FAR, NEAR, OVER = 25.0, 27.0, 28.0


class Hall:
    """Two zones whose values the test sets, and an officer with a telephone."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine, self.clock, self.shift = engine, clock, EARLY
        clock.time_us = MONDAY_8
        with engine.begin() as connection:
            row = {"name": "olga", "role": "officer", "grant": "f1", "email": "olga@f1.example", "password_hash": "", "locale": "", "active": True, "created_us": 0}
            connection.execute(insert(users), [row])
        self.recorder = Recorder(engine, clock, POLICY)
        self.conditions = WindowConditions(self.recorder, POLICY)
        self.held = RegistryRepository(engine).load().latest()
        self.head = Letterhead(policy=POLICY, held=self.held)
        self.mail = MemoryNotifier("smtp")
        self.is_mail_up = True
        self.pager = Pager(engine, POLICY, [self.mail.way], head=self.head)
        self.delivery = Delivery(engine, clock, POLICY, self.mail, head=self.head)

    def minute(self, ironing: float, gluing: float | None, minutes: int = 1) -> None:
        for _ in range(minutes):
            self.clock.sleep(60)
            for zone, value in ((IRONING, ironing), (GLUING, gluing)):
                for _ in self.conditions.follow(self._live(zone, value), self.alerts(), self.clock.now_us()):
                    pass
            self.call()

    def call(self) -> None:
        self.pager.call(AlertStates(self.engine).open(), self.held, self.clock.now_us())
        if self.is_mail_up:
            self.delivery.deliver_due()

    def alerts(self) -> dict[Key, Alert]:
        return {alert.key: alert for alert in AlertStates(self.engine).open()}

    def alert(self, zone: str) -> Alert:
        return self.alerts()[Key(zone, "heat", "heat")]

    def told(self) -> list[str]:
        """What the officer heard since asked last."""
        found = [message.partition("\n")[0] for _, message in self.mail.sent]
        self.mail.sent.clear()
        return found

    def _live(self, zone: str, value: float | None) -> LiveZone:
        """Without a value it has no window."""
        now_us = self.clock.now_us()
        window = LiveWindow(
            hazard="heat", metric="wbgt_effective_60min", placement=zone, channels=["a.p.t"], start_us=now_us - HOUR_US, stop_us=now_us, value=value, low=value, high=value,
            unit="Cel", limit=LIMIT, action_from=BEGINS, stop_from=STOP, status=ZoneStatus.WITHIN, proven=False, coverage=1.0,
        )  # fmt: skip
        return LiveZone(site="f1", zone=zone, at_us=now_us, shift=self.shift, status=ZoneStatus.WITHIN, hazards={}, windows=[] if value is None else [window])


@pytest.fixture
def hall(engine: Engine, clock: FakeClock) -> Hall:
    return Hall(engine, clock)


def test_a_call_names_the_zone_close_behind_which_then_has_an_alert_and_no_call_of_its_own(hall: Hall) -> None:
    hall.minute(FAR, NEAR)
    hall.minute(OVER, NEAR, 2)
    assert hall.alert(IRONING).evidence[CLOSE_BEHIND] == [GLUING]
    assert hall.told() == ["Action: Heat over the limit, Ironing line 1; close behind: Gluing bench 1"]
    hall.minute(OVER, OVER, 10)
    gluing = hall.alert(GLUING)
    assert gluing.active
    assert gluing.evidence[CALLED_WITH] == hall.alert(IRONING).id
    assert hall.told() == []
    assert [(spell.zone, spell.is_called) for spell in spells_of(JournalRepository(hall.engine), hall.clock.now_us())] == [(IRONING, True), (GLUING, False)]


def test_zones_that_go_over_at_one_look_are_one_call(hall: Hall) -> None:
    hall.minute(FAR, FAR)
    hall.minute(OVER, OVER, 3)
    assert len(hall.alerts()) == 2
    assert len(hall.told()) == 1


def test_a_zone_that_was_far_is_called_for(hall: Hall) -> None:
    hall.minute(OVER, FAR, 3)
    assert CLOSE_BEHIND not in hall.alert(IRONING).evidence
    hall.minute(OVER, OVER, 2)
    assert [line.rpartition(", ")[2] for line in hall.told()] == ["Ironing line 1", "Gluing bench 1"]


def test_a_zone_whose_windows_are_gone_is_not_named_by_what_it_had_read_before(hall: Hall) -> None:
    hall.minute(FAR, NEAR)
    hall.minute(FAR, None, 30)
    hall.minute(OVER, None, 2)
    assert CLOSE_BEHIND not in hall.alert(IRONING).evidence


def test_a_call_names_the_closest_five_of_its_own_site_and_hazard() -> None:
    def zone(site: str, name: str) -> LiveZone:
        return LiveZone(site=site, zone=f"{site}.{name}", at_us=MONDAY_8, shift=EARLY, status=ZoneStatus.WITHIN, hazards={}, windows=[])

    def heat(name: str, site: str = "f1") -> Key:
        return Key(f"{site}.{name}", "heat", "heat")

    calls, level = JointCalls(), POLICY.rows["heat"].levels[Severity.ACTION]
    for number in (6, 5, 4, 3, 2, 1):
        calls.stands(zone("f1", f"z{number}"), heat(f"z{number}"), "A", level.close_behind * number / 6)
    calls.stands(zone("f1", "far"), heat("far"), "A", level.close_behind + 0.1)
    calls.stands(zone("f2", "near"), heat("near", "f2"), "A", 0.0)
    calls.stands(zone("f1", "dusty"), Key("f1.dusty", "dust", "limit_over"), "A", 0.0)
    calls.stands(zone("f1", "hot"), heat("hot"), "A", 0.0)
    assert calls.evidence(zone("f1", "hot"), heat("hot"), "A", level) == {CLOSE_BEHIND: [f"f1.z{number}" for number in range(1, MOST + 1)]}


def test_an_alert_that_another_process_raised_meanwhile_breaks_no_look(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    again, names = WindowConditions(hall.recorder, POLICY), []
    for _ in range(2):
        hall.clock.sleep(60)
        names += [alert.evidence[CLOSE_BEHIND] for alert in again.follow(hall._live(IRONING, OVER), {}, hall.clock.now_us()) if alert is not None]
    assert names == [[GLUING]]


def test_where_it_gets_worse_people_are_called(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.minute(OVER, OVER, 2)
    hall.told()
    assert CALLED_WITH in hall.alert(GLUING).evidence
    hall.minute(OVER, STOP + 1)
    assert hall.told() == ["STOP: Heat over the limit, Gluing bench 1"]
    assert CALLED_WITH not in hall.alert(GLUING).evidence  # by which a page knows whether to sound


def test_a_stop_that_was_named_only_close_to_action_is_called_at_once(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.told()
    hall.minute(OVER, STOP + 1)
    assert hall.alert(GLUING).severity is Severity.STOP
    assert hall.told() == ["STOP: Heat over the limit, Gluing bench 1"]


def test_a_call_holds_for_an_hour_and_for_its_shift(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.told()
    hall.minute(OVER, NEAR, 61)
    hall.told()
    hall.minute(OVER, OVER, 2)
    assert "Action: Heat over the limit, Gluing bench 1" in hall.told()


def test_people_of_the_next_shift_are_called(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.told()
    hall.shift = LATE
    hall.minute(OVER, OVER, 2)
    assert sorted(line.partition(";")[0] for line in hall.told()) == ["Action: Heat over the limit, Gluing bench 1", "Action: Heat over the limit, Ironing line 1"]


def test_a_call_holds_for_one_excursion(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.minute(OVER, OVER, 2)
    acknowledge(hall.engine, hall.clock, Scope(user="olga", role=Role.OFFICER, grant="f1"), hall.alert(GLUING).id)
    hall.minute(OVER, FAR, 12)
    assert Key(GLUING, "heat", "heat") not in hall.alerts()
    hall.told()
    hall.minute(OVER, OVER, 2)
    assert hall.told() == ["Action: Heat over the limit, Gluing bench 1"]


def test_whoever_did_not_get_the_call_that_named_it_is_called_for_the_alert_itself(hall: Hall) -> None:
    hall.is_mail_up = False
    hall.minute(OVER, NEAR, 2)
    hall.minute(OVER, OVER, 4)
    hall.is_mail_up = True
    hall.call()
    assert sorted(line.rpartition(", ")[2] for line in hall.told()) == ["Gluing bench 1", "Ironing line 1; close behind: Gluing bench 1"]


def test_a_call_that_is_on_its_way_is_waited_for(hall: Hall) -> None:
    hall.is_mail_up = False
    hall.minute(OVER, NEAR, 2)
    hall.minute(OVER, OVER, 2)
    hall.is_mail_up = True
    hall.call()
    hall.minute(OVER, OVER, 2)
    assert hall.told() == ["Action: Heat over the limit, Ironing line 1; close behind: Gluing bench 1"]


def test_when_nobody_confirms_a_response_the_next_step_is_called_for_it_too(hall: Hall) -> None:
    hall.minute(OVER, NEAR, 2)
    hall.minute(OVER, OVER, 2)
    hall.told()
    respond_by_us = hall.alert(GLUING).respond_by_us
    assert respond_by_us is not None
    hall.clock.time_us = respond_by_us + MINUTE_US
    hall.call()
    assert "Action: nobody has confirmed a response: Heat over the limit, Gluing bench 1" in hall.told()


def test_no_call_at_stop_level_holds_for_another_zone(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = DEFAULT.read_text().replace("        set_point: WBGT at which this work leaves no minute in the hour.\n", "        set_point: W\n        call_holds_min: 5\n")
    path = tmp_path_factory.mktemp("policy") / "table.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match="stop"):
        load_policy(path)
    assert all(not row.levels[Severity.STOP].call_holds_min for row in POLICY.rows.values() if Severity.STOP in row.levels)
