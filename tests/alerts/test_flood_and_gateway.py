"""Acceptance B where one test by itself shows it: a flood, a gateway that dies, and a year of nobody looking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Engine

from alerts.kpi import KpiService
from alerts.policy import load_policy
from alerts.service import AlertService
from assess.live import LiveWindow, LiveZone
from domain.hazards import Severity, ZoneStatus
from domain.messages import Status
from domain.registry import SiteFile
from domain.scope import Role
from domain.times import MINUTE_US
from domain.verdict import LimitOf
from domain.yamltext import parse_yaml
from oshwatch.testing import FakeClock, MemoryNotifier
from storage.records.agents import AgentsRepository
from storage.records.engine import open_records
from storage.records.notifications import NotificationsRepository
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository
from storage.timeseries.sqlite import SqliteTimeSeries

ZONES = 50
HAZARDS = 10


def factory() -> SiteFile:
    zones = "".join(f"  - {{id: z{number}, name: Zone {number}}}\n" for number in range(ZONES))
    channels = "".join(f"      - {{placement: z{number}, quantity: co, zone: z{number}, interval_s: 10}}\n" for number in range(ZONES))
    head = "site: {id: f1, name: F, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}\n"
    return parse_yaml(f"{head}zones:\n{zones}agents:\n  - id: gateway\n    channels:\n{channels}", SiteFile, source="f")


@pytest.fixture
def floor(tmp_path: Path, clock: FakeClock) -> Iterator[tuple[Engine, AlertService]]:
    engine = open_records(f"sqlite:///{tmp_path}/flood.db")
    RegistryRepository(engine).import_file(factory(), valid_from_us=None, author="t", reason="t", now_us=0)
    PeopleRepository(engine, clock).add_user(name="linh", role=Role.OFFICER, grant="f1", email="linh@example.org", operator="administration")
    store = SqliteTimeSeries(tmp_path / "series")
    yield engine, AlertService(engine=engine, timeseries=store, clock=clock, policy=load_policy(), notifiers=[MemoryNotifier("smtp")])
    store.close()
    engine.dispose()


def zone(number: int, at_us: int, *, over: bool, silent: bool = False) -> LiveZone:
    windows = [window(number, hazard, at_us, over=over) for hazard in range(HAZARDS)]
    status = ZoneStatus.STOP if over else ZoneStatus.WITHIN
    return LiveZone(site="f1", zone=f"f1.z{number}", at_us=at_us, shift=None, status=status, hazards={}, windows=windows, silent=[f"gateway.z{number}.co"] if silent else [])


def window(number: int, hazard: int, at_us: int, *, over: bool) -> LiveWindow:
    return LiveWindow(
        hazard=f"gas:g{hazard}", metric="stel_15min", placement="p", channels=[f"gateway.z{number}.g{hazard}"], start_us=at_us - 15 * MINUTE_US, stop_us=at_us,
        value=30.0 if over else 1.0, low=25.0, high=35.0, unit="ppm", limit=LimitOf(id="l", value=20.0, profile="p", law=False, averaging="15 min", clause="1", status="verified"),
        action_from=10.0, stop_from=20.0, status=ZoneStatus.STOP, proven=True, coverage=1.0,
    )  # fmt: skip


def heard(engine: Engine, clock: FakeClock, state: Literal["online", "offline"]) -> None:
    AgentsRepository(engine).status("gateway", Status(state=state, boot="b", at=clock.now_us() / 1_000_000), clock.now_us())


def test_500_conditions_in_a_minute_are_all_journaled_and_the_first_page_is_out_within_30_s(floor: tuple[Engine, AlertService], clock: FakeClock) -> None:
    engine, service = floor
    started = time.monotonic()
    service.tick(clock.now_us(), [zone(number, clock.now_us(), over=True) for number in range(ZONES)])
    assert time.monotonic() - started < 30
    alarms = [alert for alert in service.open_alerts if alert.severity is Severity.STOP]
    assert len(alarms) == ZONES * HAZARDS
    assert NotificationsRepository(engine).due("smtp", clock.now_us(), limit=1) != []
    values = {one.id: one.value for one in KpiService(engine, clock).kpis("f1", clock.now_us() - MINUTE_US, clock.now_us() + MINUTE_US).figures}
    assert (values["alarms"], values["floods"], values["peak_10_min"]) == (500, 1, 500)


def test_a_dead_gateway_is_one_alert_and_none_of_its_channels_nor_zones(floor: tuple[Engine, AlertService], clock: FakeClock) -> None:
    engine, service = floor
    heard(engine, clock, "online")
    for _ in range(3):
        clock.sleep(30)
        heard(engine, clock, "online")
        service.tick(clock.now_us(), [zone(number, clock.now_us(), over=False) for number in range(ZONES)])
    heard(engine, clock, "offline")
    for _ in range(8):
        clock.sleep(30)
        service.tick(clock.now_us(), [zone(number, clock.now_us(), over=False, silent=True) for number in range(ZONES)])
    assert [alert.type for alert in service.open_alerts] == ["agent_offline"]
