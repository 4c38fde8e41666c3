"""Rules on single readings, before they are stored."""

from __future__ import annotations

import timeit

import msgspec
import pytest
from sqlalchemy import Engine

from alerts.actions import acknowledge, reset
from alerts.inbox import Inbox
from alerts.instant import InstantRules
from alerts.state import Alert, fold
from domain.errors import NotReady
from domain.hazards import Severity
from domain.reading import Reading
from domain.registry import CalibrationSpec, Entry, Registry, SiteSpec
from domain.scope import Role, Scope
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from ingest.rules import InstantRules as Protocol
from ingest.rules import NoticeKind
from oshwatch.testing import FakeClock
from storage.records.journal import JournalRepository, StepKind
from storage.records.registry import RegistryRepository

CO, PEAK = "agent-7.ironing-1.co", "agent-7.ironing-1.sound_level_c_peak"
DUST, AIR, CO2 = "agent-7.ironing-1.pm2_5", "agent-7.ironing-1.air_temperature", "agent-8.gluing-1.co2"
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
ALL = Scope(user="i", role=Role.INSPECTOR, grant="*")


class Line:
    """Readings of one factory on their way in."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine, self.clock = engine, clock
        self.registry = RegistryRepository(engine)
        self.restart()

    def restart(self) -> None:
        held = self.registry.load()
        self.rules = InstantRules(self.engine, self.clock, lambda: held)

    def read(self, channel: str, *values: float, q: int = 4, r: tuple[int, ...] = (), age_s: float = 0.0, every_s: float = 10.0) -> None:
        for value in values:
            self.clock.sleep(every_s)
            now_us = self.clock.now_us()
            self.rules.check([Reading(channel, now_us - round(age_s * SECOND_US), value, q, r)], now_us)

    @property
    def open(self) -> list[Alert]:
        return Inbox(self.engine).open(ALL, self.registry.load().latest())

    @property
    def only(self) -> Alert:
        (alert,) = self.open
        return alert

    def all(self) -> list[Alert]:
        journal = JournalRepository(self.engine)
        return [fold(journal.steps(step.alert)) for step in journal.raised(None)]


@pytest.fixture
def line(engine: Engine, clock: FakeClock) -> Line:
    return Line(engine, clock)


def test_it_is_what_ingest_asks_for(line: Line) -> None:
    rules: Protocol = line.rules
    rules.check([], line.clock.now_us())
    assert line.open == []


def test_one_reading_over_the_ceiling_is_a_stop_alert_with_limit_and_channel(line: Line) -> None:
    line.read(CO, 30.0, 199.9, 200.0)
    assert line.open == []
    line.read(CO, 210.0)
    alert = line.only
    assert (alert.type, alert.severity, alert.hazard, alert.channel, alert.value) == ("ceiling_now", Severity.STOP, "gas:co", CO, 210.0)
    assert alert.limit is not None
    assert (alert.limit.id, alert.limit.value) == ("niosh-co-c", 200.0)


def test_a_peak_over_the_limit_is_a_stop_alert(line: Line) -> None:
    line.read(PEAK, 139.0, 141.0)
    assert (line.only.type, line.only.hazard) == ("peak", "noise")


def test_many_readings_over_the_ceiling_are_one_step_in_the_journal(line: Line) -> None:
    line.read(CO, *[210.0] * 20)
    assert line.only.revision == 1


def test_it_returns_after_the_off_delay_and_stays_latched(line: Line) -> None:
    line.read(CO, 210.0, *[100.0] * 6)
    assert line.only.active
    line.read(CO, 100.0, 100.0)
    alert = line.only
    assert (alert.condition, alert.latched) == ("returned", True)
    acknowledge(line.engine, line.clock, OFFICER, alert.id)
    reset(line.engine, line.clock, OFFICER, alert.id, "measured with a portable meter")
    assert line.open == []


def test_a_new_excursion_of_a_latched_alert_calls_anew(line: Line) -> None:
    line.read(CO, 210.0, *[100.0] * 9)
    acknowledge(line.engine, line.clock, OFFICER, line.only.id)
    line.read(CO, 220.0)
    assert (line.only.state, line.only.severity) == ("unacknowledged", Severity.STOP)


def test_after_kill_9_the_excursion_goes_on_and_its_return_is_seen(line: Line) -> None:
    line.read(CO, 210.0)
    acknowledge(line.engine, line.clock, OFFICER, line.only.id)
    before = line.only
    line.restart()
    line.read(CO, 212.0)
    assert line.only == before
    line.restart()
    line.read(CO, *[50.0] * 8)
    assert line.only.condition == "returned"


def test_a_pack_that_comes_again_after_people_closed_the_alert_raises_nothing(line: Line) -> None:
    line.read(CO, 210.0, *[50.0] * 8)
    acknowledge(line.engine, line.clock, OFFICER, line.only.id)
    reset(line.engine, line.clock, OFFICER, line.only.id)
    line.restart()
    line.read(CO, 210.0, age_s=90.0)
    assert line.open == []
    line.read(CO, 210.0)
    assert line.only.active


def test_a_saturated_reading_over_a_ceiling_is_extreme_or_sensor_fault_at_stop_level(line: Line) -> None:
    line.read(CO, 1000.0, q=3, r=(134,))
    alert = line.only
    assert (alert.type, alert.severity, alert.latched) == ("extreme_over_ceiling", Severity.STOP, True)


def test_a_saturated_reading_without_a_ceiling_is_an_action(line: Line) -> None:
    line.read(AIR, 85.0, q=3, r=(134, 131))
    assert (line.only.type, line.only.severity, line.only.simulated) == ("extreme", Severity.ACTION, True)
    line.read(AIR, *[30.0] * 14)
    assert line.only.condition == "returned"


def test_a_sensor_at_its_end_below_every_short_term_limit_is_an_action(line: Line) -> None:
    line.read(CO2, 5000.0, q=3, r=(134,))
    assert (line.only.type, line.only.hazard) == ("extreme", "air_quality")


def test_what_is_only_a_trend_alarms_nothing(line: Line) -> None:
    line.read(DUST, 5000.0, q=3, r=(134,))
    assert line.open == []


def test_a_rejected_value_alarms_nothing(line: Line) -> None:
    line.read(CO, 900.0, q=1, r=(1,))
    assert line.open == []


def test_a_future_stamped_or_unsynchronised_reading_is_judged_on_its_arrival(line: Line) -> None:
    line.read(CO, 210.0, age_s=-86_400.0)
    alert = line.only
    assert alert.raised_at_us == line.clock.now_us()
    assert "clock wrong" in str(alert.evidence["notes"])
    line.read(PEAK, 150.0, r=(128,), age_s=1e9)
    assert {alert.type for alert in line.open} == {"ceiling_now", "peak"}


@pytest.mark.parametrize(("age_s", "r"), [(8 * 3600.0, ()), (141.0, ()), (5.0, (132,))])
def test_late_data_page_nobody_and_leave_one_finding(line: Line, age_s: float, r: tuple[int, ...]) -> None:
    line.read(CO, 210.0, 230.0, 220.0, age_s=age_s, r=r)
    assert line.open == []
    (finding,) = line.all()
    assert (finding.type, finding.severity, finding.condition) == ("late_excursion", Severity.NOTICE, "returned")
    line.restart()
    line.read(CO, 210.0, age_s=age_s + 30, r=r)
    assert len(line.all()) == 1


def test_a_reading_two_minutes_old_is_still_live(line: Line) -> None:
    line.read(CO, 210.0, age_s=139.0)
    assert line.only.active


def calibrated(line: Line, *records: CalibrationSpec) -> None:
    entries = [Entry(site="f1", kind="calibration", id=one.id, valid_from_us=0, recorded_us=0, author="t", reason="t", body=msgspec.json.encode(one)) for one in records]
    held = Registry([*line.registry.load().entries, *entries])
    line.rules = InstantRules(line.engine, line.clock, lambda: held)


def test_corrected_values_are_judged(line: Line) -> None:
    correction = CalibrationSpec(id="c1", channel=CO, type="span", performed_at="2025-11-01T00:00:00Z", by="lab", offset=10.0, gain=2.0)
    calibrated(line, correction)
    line.read(CO, 110.0)
    assert line.open == []
    line.read(CO, 111.0)
    assert line.only.value == 202.0


def test_a_plain_date_dates_a_correction_and_a_check_after_it_leaves_it_alone(line: Line) -> None:
    span = CalibrationSpec(id="c1", channel=CO, type="span", performed_at="2025-11-01", by="lab", offset=10.0, gain=2.0)
    check = CalibrationSpec(id="c2", channel=CO, type="field_check", performed_at="2025-11-02", by="officer")
    failed = CalibrationSpec(id="c3", channel=CO, type="span", performed_at="2025-11-03", by="lab", offset=90.0, passed=False)
    calibrated(line, span, check, failed)
    line.read(CO, 110.0)
    assert line.open == []
    line.read(CO, 111.0)
    assert line.only.value == 202.0


@pytest.mark.parametrize("adopted", [[], ["not-installed"]])
def test_a_site_without_an_installed_profile_follows_the_same_reference_as_its_verdicts(line: Line, adopted: list[str]) -> None:
    site = SiteSpec(id="f1", name="Sunrise Garments", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=adopted)
    entry = Entry(site="f1", kind="site", id="f1", valid_from_us=0, recorded_us=0, author="t", reason="t", body=msgspec.json.encode(site))
    held = Registry([*line.registry.load().entries, entry])
    line.rules = InstantRules(line.engine, line.clock, lambda: held)
    line.read(CO, 210.0)
    assert line.only.limit is not None
    assert (line.only.limit.profile, line.only.limit.value) == ("us-niosh", 200.0)


def test_a_changed_registry_is_followed_at_once(line: Line) -> None:
    empty, full = Registry([]), line.registry.load()
    now = [empty]
    line.rules = InstantRules(line.engine, line.clock, lambda: now[0])
    line.read(CO, 210.0)
    assert line.open == []
    now[0] = full
    line.read(CO, 210.0)
    assert line.only.channel == CO


def test_what_only_ingest_sees_becomes_an_alert_of_the_agents_zone(line: Line) -> None:
    line.rules.notice("agent-7", NoticeKind.IDENTITY_CONFLICT, "seq 5 with other bytes", line.clock.now_us())
    line.rules.notice("agent-8", NoticeKind.OUTBOX_FULL, "gap", line.clock.now_us())
    line.rules.notice("who", NoticeKind.UNKNOWN_AGENT, "first pack", line.clock.now_us())
    found = {alert.type: (alert.hazard, alert.zone, alert.severity, alert.evidence["agents"]) for alert in line.open}
    assert found == {
        "identity_conflict": ("agent", "f1.ironing-1", Severity.ACTION, ["agent-7"]),
        "outbox_full": ("outbox", "f1.gluing-1", Severity.ACTION, ["agent-8"]),
        "unknown_agent": ("agent", "", Severity.NOTICE, ["who"]),
    }


def test_a_notice_that_repeats_is_journaled_now_and_then(line: Line) -> None:
    for _ in range(60):
        line.clock.sleep(30)
        line.rules.notice("agent-7", NoticeKind.CLOCK_WRONG, "in the future", line.clock.now_us())
    assert 2 <= line.only.revision <= 7
    assert line.only.seen_us >= line.clock.now_us() - 6 * MINUTE_US


def test_a_database_that_does_not_answer_delays_the_alert_and_loses_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.read(CO, 10.0)
    recorder = line.rules._recorder
    real = recorder.journal.change_key

    def broken(*arguments: object) -> list[object]:
        raise NotReady("down")

    monkeypatch.setattr(recorder.journal, "change_key", broken)
    line.read(CO, 250.0, *[20.0] * 9)
    assert line.rules.failures > 0
    assert line.open == []
    monkeypatch.setattr(recorder.journal, "change_key", real)
    line.read(CO, 20.0)
    assert [step.kind for step in recorder.journal.since(0)] == [StepKind.RAISED, StepKind.RETURNED]


def test_a_reading_below_its_ceiling_costs_well_under_a_microsecond(line: Line) -> None:
    now_us = line.clock.now_us()
    readings = [Reading(channel, now_us + index, 20.0, 4, (131,)) for index in range(250) for channel in (CO, PEAK, AIR, CO2)]
    line.rules.check(readings, now_us)
    slow = timeit.timeit(lambda: [line.rules._look(reading, now_us) for reading in readings[:100]], number=1) / 100
    quick = min(timeit.repeat(lambda: line.rules.check(readings, now_us), number=5, repeat=5)) / 5 / len(readings)
    print(f"{quick * 1e6:.3f} us a reading")
    assert quick < slow / 2


def test_an_old_alert_from_another_shift_is_no_repeat(line: Line) -> None:
    line.read(CO, 210.0, *[50.0] * 8)
    acknowledge(line.engine, line.clock, OFFICER, line.only.id)
    reset(line.engine, line.clock, OFFICER, line.only.id)
    line.clock.sleep(5 * HOUR_US / SECOND_US)
    line.read(CO, 210.0)
    assert len(line.all()) == 2
