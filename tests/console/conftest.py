"""A small factory in fresh stores, filled through the storage rooms as ingest, assess and alerts would, and the console in front of it."""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import Engine

from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from assess.live import LiveWindow, LiveZone
from console.app import ConsoleContext, create_app
from console.hub import Hub
from console.server import ConsoleServer
from domain.clock import ScenarioClock
from domain.hazards import Severity, ZoneStatus
from domain.messages import Status
from domain.quantities import quantity_of
from domain.reading import Reading, minute_from
from domain.registry import ALWAYS_US, SiteFile
from domain.times import HOUR_US, MINUTE_US, SECOND_US, parse_instant, to_rfc3339
from domain.verdict import Assumptions, Bounds, ChannelOf, LimitOf, Part, ShiftOf, Verdict, Window, WorkersOf
from storage.records.agents import AgentsRepository
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.records.registry import RegistryRepository
from storage.records.services import ServicesRepository
from storage.records.suspects import Suspect, SuspectsRepository
from storage.records.verdicts import VerdictRepository
from storage.records.zone_states import ZoneStateRow, ZoneStatesRepository
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, TimeSeries

NOW_US = parse_instant("2026-11-25T03:42:07Z")  # 10:42 in Ho Chi Minh City, a Wednesday
SHIFT_START_US, SHIFT_STOP_US = parse_instant("2026-11-25T00:00:00Z"), parse_instant("2026-11-25T09:00:00Z")
SIMULATED = 131

PEOPLE = {
    "linh": ("officer", "f1"),
    "hoa": ("worker_representative", "f1"),
    "minh": ("management_representative", "f1"),
    "thao": ("worker_representative", "f1"),
    "tran": ("inspector", "country:VN"),
    "kim": ("inspector", "country:KH"),
    "lee": ("programme", "*"),
    "root": ("administrator", "f1"),
}
PASSWORD = "four plain words here"

HEAT = ("air_temperature", "relative_humidity", "globe_temperature", "air_speed")
ZONES = [
    # id, name, plan, quantities, level (°C over the start of the day, or the value itself)
    ("cutting-a", "Cutting A", [0, 0, 36, 44], (*HEAT, "pm2_5"), 26.8),
    ("cutting-b", "Cutting B", [36, 0, 32, 44], HEAT, 27.4),
    ("ironing-1", "Ironing line 1", [68, 0, 32, 60], HEAT, 34.7),
    ("sewing-1", "Sewing 1", [0, 44, 22, 56], ("sound_level_a_eq",), 82.1),
    ("sewing-2", "Sewing 2", [22, 44, 23, 56], ("sound_level_a_eq",), 86.4),
    ("gluing", "Gluing bench", [45, 44, 23, 56], ("tvoc_isobutylene", "co2"), 640.0),
    ("boiler", "Boiler room", [68, 60, 32, 40], ("air_temperature", "relative_humidity"), 33.0),
]


def registry_file() -> SiteFile:
    """The factory of these tests, as its registry file says it."""
    return msgspec.convert(
        {
            "site": {"id": "f1", "name": "Sunrise Garments", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
            "shifts": [{"name": "A", "start": "07:00", "stop": "16:00", "breaks": [["11:30", "12:15"]]}],
            "zones": [
                {"id": id, "name": name, "plan": plan, "metabolic_rate_w": 300, "workers": {"women": 41, "men": 9 if id != "gluing" else 3}, "hazards": ["heat"]}
                for id, name, plan, _, _ in ZONES
            ],
            "agents": [
                {
                    "id": f"agent-{id}",
                    "channels": [
                        {"placement": id, "quantity": quantity, "zone": id, "interval_s": 10, "instrument": {"model": "sht45", "serial": "0xA1"}, "height_m": 1.1}
                        for quantity in quantities
                    ],
                }
                for id, _, _, quantities, _ in ZONES
            ],
        },
        SiteFile,
    )


def other_file() -> SiteFile:
    """A factory in another country, which most of these people may not see."""
    return msgspec.convert(
        {
            "site": {"id": "k1", "name": "Mekong Shoes", "timezone": "Asia/Phnom_Penh", "country": "KH"},
            "zones": [{"id": "press", "name": "Press"}],
            "agents": [{"id": "agent-k", "channels": [{"placement": "press", "quantity": "co2", "zone": "press", "interval_s": 10}]}],
        },
        SiteFile,
    )


@dataclass(slots=True)
class Factory:
    """Stores, clock and the secrets of the people in them."""

    engine: Engine
    timeseries: TimeSeries
    clock: ScenarioClock
    directory: Path
    tokens: dict[str, str] = field(default_factory=dict)
    retried: list[int] = field(default_factory=list)
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.engine, self.clock, load_policy())

    def context(self, url: str = "http://testserver", **changes: object) -> ConsoleContext:
        return ConsoleContext(
            engine=self.engine,
            timeseries=self.timeseries,
            clock=self.clock,
            console_url=url,
            version="0.1",
            poll_s=0.2,
            retry_quarantine=self.retried.append,
            data_dir=self.directory,
            **changes,
        )

    def store(self, channel: str, value: float | None, *, at_us: int | None = None, q: int = 4, r: tuple[int, ...] = (SIMULATED,)) -> Reading:
        reading = Reading(channel, self.clock.now_us() if at_us is None else at_us, value, q, r)
        self.timeseries.write(Batch(fresh=[reading]))
        return reading

    def zone_state(self, zone: str, status: ZoneStatus, windows: list[LiveWindow], *, hazards: dict[str, ZoneStatus] | None = None, at_us: int | None = None) -> None:
        at = self.clock.now_us() if at_us is None else at_us
        live = LiveZone(
            site=zone.split(".", maxsplit=1)[0],
            zone=zone,
            at_us=at,
            shift=SHIFT,
            status=status,
            hazards=hazards or {window.hazard: status for window in windows},
            windows=windows,
            simulated=True,
        )
        ZoneStatesRepository(self.engine).save_many([ZoneStateRow(zone=zone, site=live.site, status=status.value, at_us=at, body=msgspec.json.encode(live))])

    def raise_alert(self, zone: str, hazard: str, type: str, severity: Severity, **further: object) -> str:
        finding = Finding(
            site=zone.split(".", maxsplit=1)[0], zone=zone, hazard=hazard, type=type, severity=severity, event_us=self.clock.now_us() - 11 * MINUTE_US, simulated=True, **further
        )
        alert = self.recorder.seen(finding)
        assert alert is not None
        return alert.id


SHIFT = ShiftOf(date="2026-11-25", name="A", start=to_rfc3339(SHIFT_START_US), stop=to_rfc3339(SHIFT_STOP_US))
HEAT_LIMIT = LimitOf(id="niosh-rel", value=28.2, profile="us-niosh", law=False, averaging="60 min time-weighted", clause="NIOSH 2016-106, ch. 8", status="verified")
NOISE_LIMIT = LimitOf(id="niosh-dose", value=100.0, profile="us-niosh", law=False, averaging="8 h, 3 dB exchange", clause="NIOSH 98-126, 1.1", status="verified")


def window(
    zone: str, hazard: str, metric: str, value: float | None, status: ZoneStatus, *, unit: str = "Cel", action: float | None = 29.0, stop: float | None = 32.0, proven: bool = False
) -> LiveWindow:
    placement = zone.split(".")[1]
    quantities = next(quantities for id, _, _, quantities, _ in ZONES if id == placement)
    return LiveWindow(
        hazard=hazard,
        metric=metric,
        placement=placement,
        channels=[f"agent-{placement}.{placement}.{quantity}" for quantity in quantities],
        start_us=NOW_US - HOUR_US,
        stop_us=NOW_US,
        value=value,
        low=None if value is None else value - 0.8,
        high=None if value is None else value + 0.9,
        unit=unit,
        limit=HEAT_LIMIT if hazard == "heat" else NOISE_LIMIT,
        action_from=action,
        stop_from=stop,
        status=status,
        proven=proven,
        coverage=0.98,
    )


def verdict(zone: str, hazard: str, metric: str, value: float, low: float, high: float, unit: str, limit: LimitOf, state: str, **changes: object) -> Verdict:
    return msgspec.structs.replace(
        Verdict(
            site=zone.split(".", maxsplit=1)[0], zone=zone, placement=zone.split(".")[1], hazard=hazard, metric=metric, basis="area", shift=SHIFT,
            window=Window(start=to_rfc3339(NOW_US - HOUR_US), stop=to_rfc3339(NOW_US)), value=value, low=low, high=high, unit=unit,
            bounds=Bounds(kind="worst_case", parts=[Part(cause="sensor", low=low - value, high=high - value)]), limit=limit, state=state, over_action_level="yes",
            coverage=0.97, expected=222, valid=215, max_gap_min=2, grade="screening", calibration="in_date", workers=WorkersOf(women=41, men=9, suppressed=False),
            channels=[ChannelOf(id=f"agent-{zone.split('.')[1]}.{zone.split('.')[1]}.air_temperature", instrument="sht45", serial="0xA1", calibration_id=None)],
            assumptions=Assumptions(metabolic_rate_w=300, clothing="work_clothes", acclimatised="unknown", exposure_min=177), method="wbgt-bernard-1999@1",
        ),
        **changes,
    )  # fmt: skip


def fill(factory: Factory) -> None:
    """Three and a half hours of a shift, the states that follow from it, and the alerts."""
    engine, now_us = factory.engine, factory.clock.now_us()
    registry = RegistryRepository(engine)
    for file in (registry_file(), other_file()):
        registry.import_file(file, valid_from_us=ALWAYS_US, author="test", reason="", now_us=now_us)
    people = PeopleRepository(engine)
    for name, (role, grant) in PEOPLE.items():
        people.add_user(name=name, role=role, grant=grant, password=PASSWORD if name == "linh" else None, locale="")
        factory.tokens[name] = people.create_token(name, by="test")
    _fill_timeseries(factory, now_us)
    _fill_states(factory)
    beat(factory)
    agents = AgentsRepository(engine)
    for id, *_ in ZONES:
        agents.status(f"agent-{id}", Status(state="online" if id != "boiler" else "offline", boot="b1", at=now_us / 1e6, version="0.1.0"), now_us)
    agents.seen("agent-stranger", now_us)


def beat(factory: Factory, *, ready: bool = True, problem: str = "", age_s: float = 0, **counters: float) -> None:
    """Ingest's heartbeat."""
    at_us = time.time_ns() // 1000 - round(age_s * SECOND_US)
    ServicesRepository(factory.engine).heartbeat("ingest", os.getpid(), at_us, ready, problem, counters or {"stored_live_readings": 12, "packs": 40})


def _fill_timeseries(factory: Factory, now_us: int) -> None:
    rng = random.Random(7)
    readings, minutes = [], []
    for id, _, _, quantities, level in ZONES:
        until_us = now_us if id != "boiler" else now_us - 44 * MINUTE_US
        for quantity in quantities:
            channel, of = f"agent-{id}.{id}.{quantity}", quantity_of(quantity)
            for start_us in range(SHIFT_START_US, until_us - MINUTE_US, MINUTE_US):
                values = [_course(quantity, level, (start_us - SHIFT_START_US) / (now_us - SHIFT_START_US), rng) for _ in range(6)]
                held = [Reading(channel, start_us + step * 10 * SECOND_US, value, 4, (SIMULATED,)) for step, value in enumerate(values)]
                minutes.append(minute_from(channel, start_us, held, of.averaging))
                if start_us >= until_us - 12 * MINUTE_US:
                    readings += held
            readings.append(Reading(channel, until_us - 4 * SECOND_US, _course(quantity, level, 1.0, rng), 4, (SIMULATED,)))
    factory.timeseries.write(Batch(fresh=sorted(readings, key=lambda reading: (reading.channel, reading.time_us)), minutes=minutes))


def _course(quantity: str, level: float, share: float, rng: random.Random) -> float:
    if quantity == "relative_humidity":
        return round(61 + 6 * share + rng.gauss(0, 0.4), 1)
    if quantity == "air_speed":
        return round(0.25 + abs(rng.gauss(0, 0.03)), 2)
    if quantity == "pm2_5":
        return round(38 + 12 * math.sin(9 * share) + rng.gauss(0, 2), 0)
    if quantity == "co2":
        return round(700 + 350 * share + rng.gauss(0, 8), 0)
    if quantity == "tvoc_isobutylene":
        return round(max(0.1, 6 + 5 * math.sin(14 * share) + rng.gauss(0, 0.4)), 1)
    if quantity == "sound_level_a_eq":
        return round(level + 1.5 * math.sin(30 * share) + rng.gauss(0, 0.6), 1)
    warm = level + (2.5 if quantity == "globe_temperature" else 1.0)
    return round(warm - 4 * (1 - share) ** 1.5 + rng.gauss(0, 0.08), 2)


def _fill_states(factory: Factory) -> None:
    S = ZoneStatus
    factory.zone_state(
        "f1.cutting-a", S.WITHIN, [window("f1.cutting-a", "heat", "wbgt_now", 25.9, S.WITHIN), window("f1.cutting-a", "heat", "wbgt_effective_60min", 25.7, S.WITHIN)]
    )
    factory.zone_state("f1.cutting-b", S.WITHIN, [window("f1.cutting-b", "heat", "wbgt_now", 26.6, S.WITHIN)])
    factory.zone_state(
        "f1.ironing-1", S.STOP, [window("f1.ironing-1", "heat", "wbgt_now", 32.4, S.STOP, proven=True), window("f1.ironing-1", "heat", "wbgt_effective_60min", 30.9, S.ACTION)]
    )
    factory.zone_state("f1.sewing-1", S.WITHIN, [window("f1.sewing-1", "noise", "leq_now", 82.1, S.WITHIN, unit="dB", action=None, stop=None)])
    factory.zone_state("f1.sewing-2", S.ACTION, [window("f1.sewing-2", "noise", "dose_3db", 112.0, S.ACTION, unit="%", action=100.0, stop=None)])
    ventilation = window("f1.gluing", "air_quality", "mean_1h", 980.0, S.WITHIN, unit="ppm", action=1000.0, stop=None)
    factory.zone_state("f1.gluing", S.UNKNOWN, [ventilation], hazards={"air_quality": S.WITHIN, "chemical:108-88-3": S.UNKNOWN})
    factory.zone_state("f1.boiler", S.UNKNOWN, [], hazards={"heat": S.UNKNOWN})
    saved = [
        verdict("f1.ironing-1", "heat", "wbgt_effective_60min_worst", 30.9, 29.9, 31.8, "Cel", HEAT_LIMIT, "exceeds"),
        verdict("f1.cutting-a", "heat", "wbgt_effective_60min_worst", 25.7, 24.8, 26.6, "Cel", HEAT_LIMIT, "within"),
        verdict("f1.cutting-b", "heat", "wbgt_effective_60min_worst", 27.9, 27.0, 28.8, "Cel", HEAT_LIMIT, "indeterminate"),
        verdict("f1.sewing-2", "noise", "dose_3db", 112.0, 71.0, 164.0, "%", NOISE_LIMIT, "indeterminate"),
        verdict("f1.sewing-1", "noise", "dose_3db", 31.0, 20.0, 45.0, "%", NOISE_LIMIT, "indeterminate"),
        verdict(
            "f1.boiler",
            "heat",
            "wbgt_effective_60min_worst",
            29.4,
            28.0,
            36.0,
            "Cel",
            HEAT_LIMIT,
            "not_assessable",
            coverage=0.61,
            valid=136,
            reasons=["Fewer than 75 % of the minutes are valid."],
        ),
    ]
    VerdictRepository(factory.engine).save_many(saved, final=False, why="shift running", computed_us=NOW_US, new_revision=False)
    factory.raise_alert("f1.ironing-1", "heat", "heat", Severity.STOP, value=32.4, unit="Cel", limit=HEAT_LIMIT, evidence={"proven": True})
    factory.raise_alert("f1.sewing-2", "noise", "noise_dose", Severity.ACTION, value=112.0, unit="%", limit=NOISE_LIMIT, evidence={"proven": False})
    factory.raise_alert("f1.boiler", "sensor", "zone_no_data", Severity.ACTION)
    factory.raise_alert("k1.press", "sensor", "channel_silent", Severity.ACTION)
    suspect = Suspect(
        channel="agent-cutting-a.cutting-a.pm2_5",
        kind="fault",
        fault_type="flat_line",
        since_us=NOW_US - HOUR_US,
        score=0.93,
        text="Has not moved for an hour while its neighbours did.",
    )
    SuspectsRepository(factory.engine).upsert([suspect])


def open_factory(directory: Path, *, speed: float = 1.0) -> Factory:
    """The stores in a directory; the clock stands at 10:42 local and runs from there at its speed."""
    engine = open_records(f"sqlite:///{directory}/oshwatch.db")
    timeseries = open_timeseries(f"sqlite:///{directory}/series")
    return Factory(engine, timeseries, ScenarioClock(real_start_us=time.time_ns() // 1000, scenario_start_us=NOW_US, speed=speed), directory)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Filled once; each test that changes something gets a copy."""
    factory = open_factory(tmp_path_factory.mktemp("filled"))
    fill(factory)
    factory.timeseries.close()
    factory.engine.dispose()
    return factory.directory, factory.tokens


@contextmanager
def copied(filled: tuple[Path, dict[str, str]], directory: Path, *, speed: float = 1.0) -> Iterator[Factory]:
    shutil.copytree(filled[0], directory, dirs_exist_ok=True)
    factory = open_factory(directory, speed=speed)
    factory.tokens = filled[1]
    beat(factory)
    yield factory
    factory.timeseries.close()
    factory.engine.dispose()


@pytest.fixture
def factory(filled: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Factory]:
    with copied(filled, tmp_path / "stores") as factory:
        yield factory


@dataclass(slots=True)
class Site:
    """A console that really listens, and a client for each person."""

    url: str
    factory: Factory
    client: httpx.Client
    hub: Hub

    def get(self, path: str, who: str | None = "linh", **options: object) -> httpx.Response:
        return self.request("GET", path, who, **options)

    def post(self, path: str, who: str | None = "linh", **options: object) -> httpx.Response:
        return self.request("POST", path, who, **options)

    def request(self, method: str, path: str, who: str | None = "linh", *, headers: dict[str, str] | None = None, **options: object) -> httpx.Response:
        self.client.cookies.clear()
        auth = {"Authorization": f"Bearer {self.factory.tokens[who]}"} if who else {}
        return self.client.request(method, path, headers={**auth, **(headers or {})}, **options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(factory: Factory, **changes: object) -> Iterator[Site]:
    """uvicorn in a thread, as the front door runs it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(factory.context(url, pseudo_locale=True, **changes))
    server = ConsoleServer(app, host="127.0.0.1", port=port, log_level="error")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "uvicorn does not start"
        time.sleep(0.02)
    with httpx.Client(base_url=url, timeout=20) as client:
        yield Site(url, factory, client, app.state.house.hub)
    server.handle_exit(signal.SIGTERM, None)
    thread.join(10)


@pytest.fixture
def site(factory: Factory) -> Iterator[Site]:
    """A console of this test's own, to change things in."""
    with serve(factory) as site:
        yield site


@pytest.fixture(scope="session")
def standing(filled: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One console for all tests that only look; its time all but stands still, so that it looks the same to the first and the last of them."""
    with copied(filled, tmp_path_factory.mktemp("standing"), speed=0.001) as factory, serve(factory) as site:
        beat(factory, age_s=-3600)
        yield site


@pytest.fixture(name="beat")
def beat_fixture():
    return beat


@pytest.fixture(name="serve", scope="session")
def serve_fixture():
    return serve


@pytest.fixture(name="copy_factory", scope="session")
def copy_factory_fixture():
    return copied
