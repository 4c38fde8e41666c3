"""How fast alarming is on this machine: 20,000 channels under policy, a year of 10,000 alerts a day, and the start after a million transitions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Engine, text

from alerts.bench_records import fresh_records, settle
from alerts.inbox import Inbox
from alerts.kpi import KpiService
from alerts.policies import site_policies
from alerts.record import Finding, Recorder
from alerts.service import OpenAlerts
from alerts.state import fold
from alerts.states import AlertStates
from alerts.trial import TrialClock
from alerts.windows import WindowConditions
from assess.live import LiveWindow, LiveZone
from domain.hazards import Severity, ZoneStatus
from domain.registry import SiteFile
from domain.scope import Role, Scope
from domain.times import DAY_US, MINUTE_US
from domain.verdict import LimitOf
from domain.yamltext import parse_yaml
from storage.records.journal import JournalRepository
from storage.records.registry import RegistryRepository

CHANNELS, ZONES = 20_000, 2_000
A_DAY, DAYS = 10_000, 365
TRANSITIONS, A_LIFE = 1_000_000, 4
START_US = 1_767_225_600_000_000  # 2026-01-01
SITE = "site: {id: f1, name: F, timezone: Asia/Ho_Chi_Minh, country: VN}\nzones: [{id: a, name: A}]\n"


def alert_rates(days: int = DAYS, server: str = "") -> list[dict[str, float | str]]:
    """Seconds and milliseconds; each the median of several. `server`: a PostgreSQL where databases may be made; else SQLite."""
    stages: list[Callable[[Engine], dict[str, float | str]]] = [_policy, lambda engine: _journal(engine, days), _start]
    found = []
    for stage in stages:
        with fresh_records(server) as engine:
            found.append({"records": engine.dialect.name, **stage(engine)})
    return found


def _policy(engine: Engine) -> dict[str, float | str]:
    """Minutes of a floor where every hundredth window is over its limit."""
    clock = TrialClock(START_US)
    conditions, alerts = WindowConditions(Recorder(engine, clock, site_policies(engine)), site_policies(engine)), OpenAlerts(Recorder(engine, clock, site_policies(engine)))
    seconds = []
    for minute in range(8):
        clock.at_us = START_US + minute * MINUTE_US
        zones = [_zone(number, clock.at_us) for number in range(ZONES)]
        started = time.perf_counter()
        alerts.refresh(clock.at_us)
        for zone in zones:
            for alert in conditions.follow(zone, alerts.by_key, clock.at_us):
                alerts.put(alert)
        seconds.append(time.perf_counter() - started)
    return {"bench": "policy", "channels": CHANNELS, "open_alerts": len(alerts.by_key), "minute_s": round(statistics.median(seconds[3:]), 3)}


def _zone(number: int, at_us: int) -> LiveZone:
    windows = [_window(number, channel, at_us) for channel in range(CHANNELS // ZONES)]
    return LiveZone(site="f1", zone=f"f1.z{number}", at_us=at_us, shift=None, status=ZoneStatus.WITHIN, hazards={}, windows=windows)


def _window(zone: int, channel: int, at_us: int) -> LiveWindow:
    is_over = (zone * 10 + channel) % 100 == 0
    return LiveWindow(
        hazard=f"gas:g{channel}",
        metric="stel_15min",
        placement="p",
        channels=[f"a.p{zone}.g{channel}"],
        start_us=at_us - 15 * MINUTE_US,
        stop_us=at_us,
        value=12.0 if is_over else 5.0,
        low=4.0,
        high=14.0,
        unit="ppm",
        limit=LimitOf(id="l", value=10.0, profile="p", law=False, averaging="15 min", clause="1", status="verified"),
        action_from=10.0,
        stop_from=20.0,
        status=ZoneStatus.WITHIN,
        proven=False,
        coverage=1.0,
    )


def _journal(engine: Engine, days: int) -> dict[str, float | str]:
    """A year of alerts: one in five hundred is open, one in twenty at stop level."""
    clock = TrialClock(START_US + days * DAY_US - MINUTE_US)
    RegistryRepository(engine).import_file(parse_yaml(SITE, SiteFile, source="bench"), valid_from_us=None, author="bench", reason="bench", now_us=0)
    body = _body(engine, clock)
    with engine.begin() as connection:
        connection.execute(text(_FILL), {"n": days * A_DAY, "start": START_US, "step": DAY_US // A_DAY, "body": body})
    settle(engine)
    inbox, scope, held = Inbox(engine), Scope(user="b", role=Role.OFFICER, grant="f1"), RegistryRepository(engine).load().at(clock.at_us)
    kpis = KpiService(engine, clock)
    started = time.perf_counter()
    while kpis.keep_up("f1", clock.at_us, 50):
        pass
    filled_s = time.perf_counter() - started
    ran = {
        "list_ms": lambda: inbox.page(scope, held, site="f1"),
        "latest_ms": lambda: inbox.latest(scope, held, since_us=clock.at_us - 14 * DAY_US, limit=200),
        "open_ms": lambda: inbox.page(scope, held, site="f1", state="open"),
        "stop_ms": lambda: inbox.page(scope, held, site="f1", severity=Severity.STOP),
        "shelved_ms": lambda: inbox.page(scope, held, site="f1", state="shelved"),
        "since_week_ms": lambda: inbox.page(scope, held, site="f1", since_us=clock.at_us - 7 * DAY_US),
        "kpi_year_ms": lambda: kpis.kpis("f1", START_US, clock.at_us),
        "kpi_4_weeks_ms": lambda: kpis.kpis("f1", clock.at_us - 28 * DAY_US, clock.at_us),
    }
    found: dict[str, float | str] = {"bench": "journal", "alerts": days * A_DAY, "keep_up_s": round(filled_s, 1)}
    found.update({name: round(1000 * _median(do), 1) for name, do in ran.items()})
    return found


def _start(engine: Engine) -> dict[str, float | str]:
    """A million transitions of a quarter as many alerts, of which one in a hundred is open: the start as it is, the first one where every open alert is stale, and a fold of them all."""
    clock = TrialClock(START_US)
    _body(engine, clock)
    with engine.begin() as connection:
        detail = connection.execute(text("SELECT body FROM alert_journal ORDER BY id LIMIT 1")).scalar()
        connection.execute(text("DELETE FROM alert_journal"))
        connection.execute(text(_FILL_JOURNAL), {"n": TRANSITIONS, "start": START_US, "body": detail})
        connection.execute(text(_FILL_STALE), {"nothing": b""})
    settle(engine)
    started = time.perf_counter()
    AlertStates(engine).heal()
    healed = time.perf_counter() - started
    started = time.perf_counter()
    opened = OpenAlerts(Recorder(engine, clock, site_policies(engine)))
    opened.refresh(START_US)
    seconds = time.perf_counter() - started
    started, cpu = time.perf_counter(), time.process_time()
    journal, ids = JournalRepository(engine), [f"j{number}" for number in range(TRANSITIONS // A_LIFE)]
    folded = sum(len([fold(steps) for steps in journal.steps_of(ids[first : first + 1000]).values()]) for first in range(0, len(ids), 1000))
    return {
        "bench": "start",
        "transitions": TRANSITIONS,
        "open_alerts": len(opened.by_key),
        "start_s": round(seconds, 2),
        "first_start_s": round(healed, 2),
        "folded": folded,
        "fold_all_s": round(time.perf_counter() - started, 2),
        "fold_all_cpu_s": round(time.process_time() - cpu, 2),
    }


def _median(do: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _body(engine: Engine, clock: TrialClock) -> bytes:
    """What one alert weighs."""
    finding = Finding(
        site="f1", zone="f1.a", hazard="heat", type="heat", severity=Severity.ACTION, event_us=START_US, value=30.0, unit="Cel",
        evidence={"metric": "wbgt_effective_60min", "placement": "a", "channels": ["a.a.t", "a.a.rh"], "coverage": 0.98, "certainty": "proven"},
    )  # fmt: skip
    recorder = Recorder(engine, clock, site_policies(engine))
    alert = recorder.seen(finding)
    if alert is None:
        raise AssertionError(finding)
    body = msgspec.json.encode(fold(recorder.journal.steps(alert.id)))
    with engine.begin() as connection:
        for table in ("alert_states", "open_alerts"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - two names of our own
    return body


_FILL = """
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :n)
INSERT INTO alert_states (alert, raised_id, site, zone, hazard, type, severity, state, open, raised_us, returned_us, acknowledged_us, acknowledged_role, last_id, excursions, body)
SELECT 'b' || i, 4 * i + 1, 'f1', 'f1.z' || (i % 200), 'heat', 'heat' || (i % 12), CASE WHEN i % 20 = 0 THEN 'stop' ELSE 'action' END,
  CASE WHEN i % 500 = 0 AND i > :n - 100000 THEN (CASE WHEN i % 10000 = 0 THEN 'shelved' ELSE 'acknowledged' END) ELSE 'normal' END, i % 500 = 0 AND i > :n - 100000, :start + i * :step,
  CASE WHEN i % 500 = 0 THEN NULL ELSE :start + i * :step + 900000000 END, :start + i * :step + 60000000 * (i % 17), 'officer', 4 * i + 4, 1, :body FROM n"""

_FILL_JOURNAL = """
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :n)
INSERT INTO alert_journal (id, alert, site, zone, hazard, type, step, event_us, recorded_us, "by", role, body)
SELECT i + 1, 'j' || (i / 4), 'f1', 'f1.z' || (i / 4), 'heat', 'heat', CASE i % 4 WHEN 0 THEN 'raised' WHEN 1 THEN 'revised' WHEN 2 THEN 'acknowledged' ELSE
  (CASE WHEN (i / 4) % 100 = 0 THEN 'commented' ELSE 'returned' END) END, :start + i, :start + i, CASE i % 4 WHEN 2 THEN 'linh' ELSE '' END,
  CASE i % 4 WHEN 2 THEN 'officer' ELSE '' END, :body FROM n"""

_FILL_STALE = """
INSERT INTO alert_states (alert, raised_id, site, zone, hazard, type, severity, state, open, raised_us, acknowledged_role, last_id, excursions, body)
SELECT alert, id, site, zone, hazard, type, '', '', false, event_us, '', 0, 1, :nothing FROM alert_journal WHERE step = 'raised' AND id % 400 = 1"""
