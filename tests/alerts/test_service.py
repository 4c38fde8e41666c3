"""From the live view and the wire to alerts, and back after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from sqlalchemy import Engine

from alerts.actions import acknowledge, confirm, out_of_service, reset, return_to_service, shelve, unshelve
from alerts.inbox import Inbox
from alerts.policy import load_policy
from alerts.service import AlertService
from alerts.state import DATA_LOST, Alert
from assess.live import LiveWindow, LiveZone
from domain.errors import BadInput, Conflict, NotFound, Refused
from domain.hazards import Severity, ZoneStatus
from domain.messages import Health, Status
from domain.scope import Role, Scope
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from domain.verdict import LimitOf, ShiftOf
from oshwatch.testing import FakeClock
from storage.records.agents import AgentsRepository
from storage.records.journal import JournalRepository, Key, StepKind
from storage.records.registry import RegistryRepository

ZONE = "f1.ironing-1"
HEAT = Key(ZONE, "heat", "heat")
AIR = "agent-7.ironing-1.air_temperature"
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
WORKER = Scope(user="wei", role=Role.WORKER_REPRESENTATIVE, grant="f1")
LIMIT = LimitOf(id="rel", value=28.2, profile="us-niosh", law=False, averaging="60 min", clause="8.1", status="verified")
SHIFT = ShiftOf(date="2025-11-22", name="A", start="2025-11-22T00:00:00Z", stop="2025-11-22T09:00:00Z")


def window(
    value: float | None, stop_us: int, *, metric: str = "wbgt_effective_60min", hazard: str = "heat", action: float = 27.5, stop: float | None = 33.0, proven: bool = False
) -> LiveWindow:
    return LiveWindow(
        hazard=hazard, metric=metric, placement="ironing-1", channels=[AIR], start_us=stop_us - HOUR_US, stop_us=stop_us, value=value, low=value, high=value, unit="Cel",
        limit=LIMIT, action_from=action, stop_from=stop, status=ZoneStatus.WITHIN, proven=proven, coverage=1.0,
    )  # fmt: skip


@dataclass
class Floor:
    """A zone whose value the test sets minute by minute."""

    engine: Engine
    clock: FakeClock
    service: AlertService = field(init=False)
    silent: list[str] = field(default_factory=list)
    shift: ShiftOf | None = SHIFT
    metric: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()
        self.agents = AgentsRepository(self.engine)
        self.alive()

    def restart(self) -> None:
        self.service = AlertService(engine=self.engine, timeseries=None, clock=self.clock, policy=load_policy())  # type: ignore[arg-type]

    def alive(self, *agents: str) -> None:
        for agent in agents or ("agent-7", "agent-8"):
            self.agents.seen(agent, self.clock.now_us())

    def minute(self, *values: float | None, alive: bool = True) -> None:
        """One minute for each value; None: nothing valid in the window."""
        for value in values:
            self.clock.sleep(60)
            if alive:
                self.alive()
            self.tick([window(value, self.clock.now_us(), **self.metric)])  # type: ignore[arg-type]

    def tick(self, windows: list[LiveWindow], zone: str = ZONE) -> None:
        now_us = self.clock.now_us()
        live = LiveZone(site="f1", zone=zone, at_us=now_us, shift=self.shift, status=ZoneStatus.WITHIN, hazards={}, windows=windows, silent=list(self.silent))
        self.service.tick(now_us, [live])

    def alert(self, key: Key = HEAT) -> Alert | None:
        return next((alert for alert in self.open() if alert.key == key), None)

    def open(self) -> list[Alert]:
        return Inbox(self.engine).open(Scope(user="x", role=Role.INSPECTOR, grant="*"), RegistryRepository(self.engine).load().latest())

    def kinds(self, alert: Alert) -> list[StepKind]:
        return [step.kind for step in JournalRepository(self.engine).steps(alert.id)]


@pytest.fixture
def floor(engine: Engine, clock: FakeClock) -> Floor:
    return Floor(engine, clock)


def existing(alert: Alert | None) -> Alert:
    assert alert is not None
    return alert


def test_over_the_limit_for_the_on_delay_raises_with_limit_and_evidence(floor: Floor) -> None:
    floor.minute(29.0)
    assert floor.alert() is None
    floor.minute(29.0)
    alert = existing(floor.alert())
    assert (alert.severity, alert.condition, alert.value, alert.limit) == (Severity.ACTION, "active", 29.0, LIMIT)
    assert alert.evidence["certainty"] == "probably over, not proven"
    assert alert.respond_by_us == floor.clock.now_us() + 30 * MINUTE_US


def test_a_short_excursion_raises_nothing(floor: Floor) -> None:
    floor.minute(29.0, 27.0, 29.0, 27.0, 29.0, 27.0)
    assert floor.open() == []


def test_it_returns_after_the_off_delay_under_the_deadband_and_waits_for_an_acknowledgement(floor: Floor) -> None:
    floor.minute(*[29.0] * 3, *[27.3] * 12, *[26.0] * 10)
    assert existing(floor.alert()).active
    floor.minute(26.0)
    assert existing(floor.alert()).state == "returned_unacknowledged"
    acknowledge(floor.engine, floor.clock, OFFICER, existing(floor.alert()).id, "seen")
    assert floor.alert() is None


def test_proof_and_a_rising_value_revise_the_same_alert(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0, 29.1, 31.5)
    alert = existing(floor.alert())
    assert (alert.value, floor.kinds(alert)) == (31.5, [StepKind.RAISED, StepKind.REVISED])


def test_stop_level_escalates_the_same_alert_at_once_and_clears_acknowledgements(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    first = existing(floor.alert())
    acknowledge(floor.engine, floor.clock, OFFICER, first.id, "on my way")
    floor.minute(33.5)
    alert = existing(floor.alert())
    assert (alert.id, alert.severity, alert.acknowledgements) == (first.id, Severity.STOP, [])


def test_an_acknowledged_alert_is_not_raised_again_while_it_lasts(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    alert = acknowledge(floor.engine, floor.clock, OFFICER, existing(floor.alert()).id)
    floor.minute(*[29.0] * 10)
    assert existing(floor.alert()).revision == alert.revision


def test_a_new_excursion_of_an_open_alert_calls_anew(floor: Floor) -> None:
    floor.minute(*[29.0] * 3, *[26.0] * 11, *[29.0] * 3)
    alert = existing(floor.alert())
    assert (alert.state, floor.kinds(alert)) == ("unacknowledged", [StepKind.RAISED, StepKind.RETURNED, StepKind.REACTIVATED])


def test_a_sensor_that_dies_during_an_alert_never_clears_it(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    floor.silent = [AIR]
    floor.minute(None, *[26.0] * 20, None)
    alert = existing(floor.alert())
    assert (alert.condition, alert.evidence["notes"]) == ("active", [DATA_LOST])
    assert floor.kinds(alert).count(StepKind.DATA_LOST) == 1


def test_a_window_that_disappears_keeps_its_alert(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    for _ in range(15):
        floor.clock.sleep(60)
        floor.tick([])
    assert DATA_LOST in existing(floor.alert()).evidence["notes"]  # type: ignore[operator]


def test_a_blind_window_still_escalates(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    floor.silent = [AIR]
    floor.minute(34.0)
    assert existing(floor.alert()).severity is Severity.STOP


def test_a_limit_for_single_readings_is_left_to_the_instant_rules_but_for_its_action_level(floor: Floor) -> None:
    ceiling = msgspec.structs.replace(LIMIT, id="c", averaging="at no time")
    for action, expected in ((200.0, []), (100.0, [("ceiling", Severity.ACTION)])):
        for _ in range(3):
            floor.clock.sleep(60)
            floor.alive()
            over = window(250.0, floor.clock.now_us(), metric="ceiling", hazard="gas:co", action=action, stop=200.0)
            floor.tick([msgspec.structs.replace(over, limit=ceiling)])
        assert [(alert.type, alert.severity) for alert in floor.open()] == expected


def test_two_results_of_one_hazard_over_their_limits_are_one_alert_with_the_worse(floor: Floor) -> None:
    for _ in range(6):
        floor.clock.sleep(60)
        floor.alive()
        now_us = floor.clock.now_us()
        floor.tick(
            [window(86.0, now_us, metric="lex_8h", hazard="noise", action=85.0, stop=None), window(130.0, now_us, metric="dose_3db", hazard="noise", action=100.0, stop=None)]
        )
    (alert,) = floor.open()
    assert (alert.value, alert.evidence["metric"], alert.revision) == (130.0, "dose_3db", 1)


def test_a_dose_alert_returns_at_the_end_of_the_shift(floor: Floor) -> None:
    floor.metric = {"metric": "dose_3db", "hazard": "noise", "action": 100.0, "stop": None}
    floor.minute(120.0, 121.0, 122.0, 123.0)
    key = Key(ZONE, "noise", "noise_dose")
    assert existing(floor.alert(key)).active
    floor.shift = None
    floor.clock.sleep(60)
    floor.tick([])
    alert = existing(floor.alert(key))
    assert (alert.condition, alert.evidence["returned_by"]) == ("returned", "end of the shift")


def test_after_a_restart_the_state_is_the_journal(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    before = acknowledge(floor.engine, floor.clock, OFFICER, existing(floor.alert()).id)
    floor.restart()
    floor.minute(29.0, 26.0, 29.0)
    assert msgspec.structs.replace(existing(floor.alert()), evidence={}) == msgspec.structs.replace(before, evidence={})
    floor.restart()
    floor.minute(*[26.0] * 11)
    assert floor.alert() is None


def test_ticks_minutes_apart_see_one_excursion(floor: Floor) -> None:
    for _ in range(4):
        floor.clock.sleep(300)
        floor.alive()
        floor.tick([window(29.0, floor.clock.now_us())])
    assert existing(floor.alert()).active


def test_one_silent_channel_on_a_live_device_is_an_alert(floor: Floor) -> None:
    floor.silent = [AIR]
    floor.minute(26.0, 26.0)
    (alert,) = floor.open()
    assert (alert.type, alert.channel, alert.evidence["channels"]) == ("channel_silent", AIR, [AIR])
    floor.silent = []
    for _ in range(31):
        floor.minute(26.0, 26.0)
    assert not existing(floor.alert(alert.key)).active


def test_a_sensor_that_comes_and_goes_is_one_alert(floor: Floor) -> None:
    for _ in range(4):
        floor.silent = [AIR]
        floor.minute(26.0, 26.0, 26.0)
        floor.silent = []
        for _ in range(9):
            floor.minute(26.0, 26.0)
    (alert,) = floor.open()
    assert floor.kinds(alert).count(StepKind.RAISED) == 1
    assert StepKind.RETURNED not in floor.kinds(alert)


def test_another_silent_channel_joins_and_is_news_to_whoever_acknowledged(floor: Floor) -> None:
    floor.silent = [AIR]
    floor.minute(26.0, 26.0)
    (alert,) = floor.open()
    acknowledge(floor.engine, floor.clock, OFFICER, alert.id)
    floor.silent = [AIR, "agent-7.ironing-1.co"]
    floor.minute(26.0, 26.0)
    (joined,) = floor.open()
    assert (joined.id, joined.state, joined.evidence["channels"]) == (alert.id, "unacknowledged", sorted(floor.silent))


def test_a_zone_without_any_data_is_one_alert(floor: Floor) -> None:
    floor.silent = [channel.id for channel in RegistryRepository(floor.engine).load().latest().channels_of(ZONE)]
    floor.minute(None, None, None)
    assert [alert.type for alert in floor.open()] == ["zone_no_data"]


def test_power_off_is_one_alert_of_the_device_and_none_of_its_channels(floor: Floor) -> None:
    floor.silent = [channel.id for channel in RegistryRepository(floor.engine).load().latest().channels_of(ZONE)]
    for _ in range(8):
        floor.clock.sleep(30)
        floor.alive("agent-8")
        floor.tick([window(None, floor.clock.now_us())])
    (alert,) = floor.open()
    assert (alert.type, alert.zone, alert.evidence["agents"]) == ("agent_offline", ZONE, ["agent-7"])
    assert alert.raised_at_us <= floor.clock.now_us()


@dataclass
class FastClock(FakeClock):
    speed: float = 30.0


def test_in_a_fast_scenario_silence_is_judged_in_real_time(engine: Engine) -> None:
    """At 30 times, 5 minutes of the scenario are 10 real seconds: parts that pass messages on are not silent."""
    floor = Floor(engine, FastClock())
    floor.minute(26.0)
    floor.clock.sleep(300)
    floor.tick([])
    assert floor.open() == []
    for _ in range(8):
        floor.clock.sleep(60)
        floor.tick([])
    assert {alert.type for alert in floor.open()} == {"agent_offline"}


def test_a_zone_has_a_minute_to_be_heard_after_the_start_and_none_once_it_was(floor: Floor) -> None:
    channels = [channel.id for channel in RegistryRepository(floor.engine).load().latest().channels_of(ZONE)]

    def look(silent: list[str], seconds: int) -> list[str]:
        floor.silent = silent
        for _ in range(seconds // 10):
            floor.clock.sleep(10)
            floor.alive()
            floor.tick([])
        return [alert.type for alert in floor.open()]

    assert look(channels, 110) == []
    assert look(channels, 30) == ["zone_no_data"]


def test_a_zone_that_was_heard_and_falls_silent_has_no_such_grace(floor: Floor) -> None:
    floor.minute(26.0)
    floor.silent = [channel.id for channel in RegistryRepository(floor.engine).load().latest().channels_of(ZONE)]
    for _ in range(8):
        floor.clock.sleep(10)
        floor.alive()
        floor.tick([])
    assert [alert.type for alert in floor.open()] == ["zone_no_data"]


def test_a_last_will_says_offline_within_a_minute_and_a_birth_ends_it(floor: Floor) -> None:
    floor.agents.status("agent-7", Status(state="offline", boot="b", at=0), floor.clock.now_us())
    for _ in range(3):
        floor.clock.sleep(20)
        floor.alive("agent-8")
        floor.tick([])
    assert [alert.type for alert in floor.open()] == ["agent_offline"]
    floor.agents.status("agent-7", Status(state="online", boot="c", at=0), floor.clock.now_us())
    floor.minute(26.0, 26.0)
    assert [alert.condition for alert in floor.open()] == ["returned"]


def test_an_agent_that_is_never_acknowledged_raises_and_one_that_drains_does_not(floor: Floor) -> None:
    start_s = floor.clock.now_us() / SECOND_US
    for minute in range(25):
        floor.clock.sleep(60)
        now_s = floor.clock.now_us() / SECOND_US
        ages = {"agent-7": now_s - start_s + 900, "agent-8": 7200.0}
        for agent, age in ages.items():
            health = Health(
                boot="b", at=now_s, uptime_s=minute, mqtt_version="5", clock_synchronised=True, clock_offset_s=0, outbox_depth=9, outbox_oldest_age_s=age, sensors={},
                disk_free_bytes=1, cpu_temperature_c=None, certificate_days_left=None,
            )  # fmt: skip
            floor.agents.health(agent, msgspec.json.encode(health).decode(), floor.clock.now_us())
        floor.tick([])
    assert [(alert.type, alert.evidence["agents"]) for alert in floor.open()] == [("outbox_stuck", ["agent-7"])]


def test_shelving_ends_by_itself_and_is_refused_at_stop_level(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    alert = existing(floor.alert())
    assert shelve(floor.engine, floor.clock, OFFICER, alert.id, "steam trap is being changed", 10).state == "shelved"
    floor.minute(*[29.0] * 9)
    assert existing(floor.alert()).suppression == "shelved"
    floor.minute(29.0)
    assert existing(floor.alert()).suppression == "none"
    floor.minute(33.5)
    for scope in (OFFICER, WORKER):
        with pytest.raises(Refused, match="never shelved"):
            shelve(floor.engine, floor.clock, scope, alert.id, "no", 10)


def test_a_shelf_is_at_most_a_shift_and_has_a_reason(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    alert = existing(floor.alert())
    with pytest.raises(BadInput, match="540 minutes"):
        shelve(floor.engine, floor.clock, OFFICER, alert.id, "long", 541)
    with pytest.raises(BadInput, match="why"):
        shelve(floor.engine, floor.clock, OFFICER, alert.id, " ", 5)
    with pytest.raises(BadInput, match="minutes"):
        shelve(floor.engine, floor.clock, OFFICER, alert.id, "x", None)
    shelve(floor.engine, floor.clock, OFFICER, alert.id, "x", 540)
    assert unshelve(floor.engine, floor.clock, OFFICER, alert.id).suppression == "none"


def test_out_of_service_and_back(floor: Floor) -> None:
    floor.silent = [AIR]
    floor.minute(26.0, 26.0)
    (alert,) = floor.open()
    assert out_of_service(floor.engine, floor.clock, OFFICER, alert.id, "sensor sent in for repair").state == "out_of_service"
    with pytest.raises(Refused, match="officer"):
        return_to_service(floor.engine, floor.clock, WORKER, alert.id)
    assert return_to_service(floor.engine, floor.clock, OFFICER, alert.id).state == "unacknowledged"


def test_a_second_acknowledgement_by_the_same_person_changes_nothing_and_each_side_is_kept(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    alert = existing(floor.alert())
    for scope in (OFFICER, OFFICER, WORKER):
        alert = acknowledge(floor.engine, floor.clock, scope, alert.id, "seen")
    assert [(mark.by, mark.side) for mark in alert.acknowledgements] == [("olga", "management"), ("wei", "worker")]
    assert confirm(floor.engine, floor.clock, WORKER, alert.id, "press shielded").confirmed


def test_reset_of_what_is_not_latched_is_refused(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    with pytest.raises(Conflict, match="not latched"):
        reset(floor.engine, floor.clock, OFFICER, existing(floor.alert()).id)


@pytest.mark.parametrize("grant", ["f2", "country:KH"])
def test_an_alert_of_another_site_is_not_found(floor: Floor, grant: str) -> None:
    floor.minute(29.0, 29.0, 29.0)
    stranger = Scope(user="s", role=Role.OFFICER, grant=grant)
    held = RegistryRepository(floor.engine).load().latest()
    with pytest.raises(NotFound):
        acknowledge(floor.engine, floor.clock, stranger, existing(floor.alert()).id)
    with pytest.raises(NotFound):
        Inbox(floor.engine).one(stranger, held, existing(floor.alert()).id)
    assert Inbox(floor.engine).open(stranger, held) == []
    assert Inbox(floor.engine).page(stranger, held).alerts == []


def test_an_unknown_alert_is_not_found(floor: Floor) -> None:
    with pytest.raises(NotFound):
        acknowledge(floor.engine, floor.clock, OFFICER, "a0000000000000000")


def test_pages_filter_and_go_on_at_the_cursor(floor: Floor) -> None:
    held = RegistryRepository(floor.engine).load().latest()
    inbox = Inbox(floor.engine)
    for _ in range(5):
        floor.minute(29.0, 29.0, 29.0)
        acknowledge(floor.engine, floor.clock, OFFICER, existing(floor.alert()).id)
        floor.minute(*[26.0] * 11)
    floor.minute(29.0, 29.0, 29.0)
    first = inbox.page(OFFICER, held, limit=4)
    second = inbox.page(OFFICER, held, limit=4, cursor=first.next)
    assert [len(first.alerts), len(second.alerts), second.next] == [4, 2, None]
    raised = [alert.raised_at_us for alert in [*first.alerts, *second.alerts]]
    assert raised == sorted(raised)
    assert [alert.id for alert in inbox.page(OFFICER, held, state="open", limit=4).alerts] == [existing(floor.alert()).id]
    assert len(inbox.page(OFFICER, held, state="normal").alerts) == 5
    assert len(inbox.page(OFFICER, held, since_us=raised[3]).alerts) == 3
    assert inbox.page(OFFICER, held, severity=Severity.STOP).alerts == []
    for wrong in ({"state": "glad"}, {"cursor": "x"}):
        with pytest.raises(BadInput):
            inbox.page(OFFICER, held, **wrong)


def test_a_retired_zone_takes_its_condition_with_it(floor: Floor) -> None:
    floor.minute(29.0, 29.0, 29.0)
    registry = RegistryRepository(floor.engine)
    zone = next(entry for entry in registry.load().entries if entry.kind == "zone" and entry.id == ZONE)
    registry.add([msgspec.structs.replace(zone, body=b"", valid_from_us=floor.clock.now_us(), recorded_us=floor.clock.now_us())])
    floor.clock.sleep(60)
    floor.service.tick(floor.clock.now_us(), [])
    assert existing(floor.alert()).condition == "returned"
