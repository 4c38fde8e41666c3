"""`oshwatch demo`: the whole chain in one process tree. Every value reaches the store through a virtual device's pseudo-terminal (or, for the
part of the shift before the start, the agent's own outbox), the agent, the broker and ingest."""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from domain.clock import Clock, ScenarioClock, SystemClock
from domain.errors import BadInput, NotReady
from domain.ids import zone_id
from domain.reading import Reading
from domain.scope import Role
from domain.times import DAY_US, HOUR_US, MINUTE_US
from oshwatch.broker import CENTRE, demo_broker
from oshwatch.commands.serve import telling
from oshwatch.parts import prepare
from oshwatch.ports import Claims, wait_for_port
from oshwatch.settings import Settings, load_settings
from oshwatch.supervise import Child, Supervisor, python
from simulator.history import backfill
from simulator.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

SHIFT_AGE_US = 3 * HOUR_US
"""Contract 6: the demo's shift began 3 h before its start."""
READY_WITHIN_S = 60.0
DEFAULT_PORT = 8080
MARK = "demo.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where and when this demo plays."""

    directory: Path
    scenario: Scenario
    clock: Clock
    start_us: int
    mqtt_port: int
    passwords: Mapping[str, str]
    settings: Settings
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A virtual line: the pseudo-terminal, and the link by which an agent opens it."""

    path: str
    link: str


def demo(options: argparse.Namespace) -> int:
    scenario = load_scenario(options.scenario)
    if not options.speed > 0:
        raise BadInput("must be over 0", field="--speed", remedy="--speed 1 is real time")
    claims = Claims()
    port = _port(options.port, claims)
    directory = _directory(options.data)
    stage = _stage(scenario, directory, port, claims.any(), options.speed)
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    try:
        return _play(stage, supervisor)
    finally:
        claims.close()
        if options.data is None:
            shutil.rmtree(directory, ignore_errors=True)


def _play(stage: Stage, supervisor: Supervisor) -> int:
    started = time.monotonic()
    supervisor.start(demo_broker(stage.directory / "broker", stage.mqtt_port, stage.passwords))
    devices = _start_devices(stage, supervisor)
    engine = prepare(stage.settings)
    users = _prepare_centre(stage, engine)
    supervisor.tell = telling(engine)
    for part in ("console", "ingest", "alerts", "watchdog"):
        supervisor.start(Child(name=part, command=python("serve", part), environment=stage.environment))
    _start_agents(stage, supervisor, devices)
    _write_mark(stage, users, devices)
    if not _wait_until_ready(stage, supervisor):
        return supervisor.run()
    _greet(stage, users, time.monotonic() - started)
    return supervisor.run()


def _directory(given: Path | None) -> Path:
    if given is None:
        return Path(tempfile.mkdtemp(prefix="oshwatch-demo-"))
    directory = given.absolute()
    if directory.exists():
        inside = {path.name for path in directory.iterdir()}
        if inside and MARK not in inside:
            raise BadInput(f"{directory} holds something that is not a demo's", field="--data", remedy="name an empty or new folder")
        shutil.rmtree(directory)  # a demo always starts anew
    directory.mkdir(parents=True)
    directory.chmod(0o700)
    return directory


def _port(given: int | None, claims: Claims) -> int:
    if given is None:
        return DEFAULT_PORT if claims.take(DEFAULT_PORT) else claims.any()
    if given == 0:
        return claims.any()
    if not 0 < given < 65536 or not claims.take(given):
        raise BadInput(f"port {given} is taken or no port", field="--port", remedy="--port 0 takes a free one")
    return given


def _stage(scenario: Scenario, directory: Path, port: int, mqtt_port: int, speed: float) -> Stage:
    now_us = SystemClock().now_us()
    clock: Clock = SystemClock()
    start_us, clock_text = now_us, ""
    if speed != 1:
        start_us = now_us - DAY_US  # so that a fast scenario stays in the past for long
        clock = ScenarioClock(real_start_us=now_us, scenario_start_us=start_us, speed=speed)
        clock_text = clock.to_text()
    passwords = {user: secrets.token_urlsafe(18) for user in (CENTRE, *scenario.agents)}
    environment = {
        "OSHWATCH_MQTT_URL": f"mqtt://{CENTRE}@127.0.0.1:{mqtt_port}",
        "OSHWATCH_MQTT_PASSWORD": passwords[CENTRE],
        "OSHWATCH_DATA_DIR": str(directory / "centre"),
        "OSHWATCH_TIMESERIES_URL": f"sqlite:///{directory}/centre/timeseries",
        "OSHWATCH_DATABASE_URL": f"sqlite:///{directory}/centre/oshwatch.db",
        "OSHWATCH_CONSOLE_URL": f"http://127.0.0.1:{port}",
        "OSHWATCH_LISTEN": f"127.0.0.1:{port}",
        "OSHWATCH_OPERATOR": "administration",
        "OSHWATCH_SCENARIO_CLOCK": clock_text,
        "OSHWATCH_DEMO": "1",
    }
    _forget_other_settings()
    return Stage(
        directory=directory,
        scenario=scenario,
        clock=clock,
        start_us=start_us,
        mqtt_port=mqtt_port,
        passwords=passwords,
        settings=load_settings(environment),
        environment=environment,
    )


def _forget_other_settings() -> None:
    """A demo never touches a real installation that the caller's environment names."""
    for name in [name for name in os.environ if name.startswith("OSHWATCH_")]:
        del os.environ[name]


def _start_devices(stage: Stage, supervisor: Supervisor) -> dict[str, Device]:
    directory = stage.directory / "devices"
    directory.mkdir()
    listing = directory / "devices.json"
    command = python("simulate", "devices", "--scenario", stage.scenario.source, "--dir", str(directory))
    environment = {"OSHWATCH_SCENARIO_CLOCK": stage.environment["OSHWATCH_SCENARIO_CLOCK"], "OSHWATCH_SCENARIO_START_US": str(stage.start_us)}
    supervisor.start(Child(name="devices", command=command, environment=environment, quiet=True))
    deadline = time.monotonic() + 20
    while not listing.exists():
        if time.monotonic() > deadline or not supervisor.wait(0.05):
            raise NotReady("the virtual devices did not start; see the messages above")
    found = json.loads(listing.read_text(encoding="utf-8"))["devices"]
    return {name: Device(path=device["path"], link=device["link"]) for name, device in found.items()}


def _prepare_centre(stage: Stage, engine: Engine) -> list[dict[str, str]]:
    """Registry and people, written before any part starts."""
    from storage.records.people import PeopleRepository
    from storage.records.registry import RegistryRepository

    site = stage.scenario.site_file(stage.start_us)
    now_us = stage.clock.now_us()
    RegistryRepository(engine).import_file(site, valid_from_us=None, author="demo", reason="the demo's factory", now_us=now_us)
    people = PeopleRepository(engine)
    users = []
    for role in Role:
        password = secrets.token_urlsafe(12)
        grant = site.site.id if role.value in ("officer", "worker_representative", "management_representative") else "*"
        people.add_user(name=role.value, role=role, grant=grant, password=password, email=f"{role.value}@example.org", by="demo")
        users.append({"name": role.value, "role": role.value, "password": password, "token": people.create_token(role.value, days=1, by="demo")})
    _make_boards(engine, site.site.id, [zone_id(site.site.id, zone.id) for zone in site.zones], users, now_us)
    return users


def _make_boards(engine: Engine, site: str, zones: Sequence[str], users: Sequence[dict[str, str]], now_us: int) -> None:
    """A board for each zone, and keys with which both readers of concerns open them."""
    from console.sealing import new_key, public_key_of
    from storage.records.concerns import BoardsRepository, ConcernsRepository, Side

    BoardsRepository(engine).make(site, zones, by="demo", now_us=now_us)
    readers: dict[Side, Role] = {"worker": Role.WORKER_REPRESENTATIVE, "inspectorate": Role.INSPECTOR}
    for side, role in readers.items():
        private, public = new_key()
        ConcernsRepository(engine).add_key(site, side, public_key_of(public), by="demo", now_us=now_us)
        next(user for user in users if user["role"] == role.value)["concern_key"] = private


def _start_agents(stage: Stage, supervisor: Supervisor, devices: Mapping[str, Device]) -> None:
    ports = {name: device.link for name, device in devices.items()}
    past = dict(backfill(stage.scenario, stage.start_us, stage.start_us - SHIFT_AGE_US, stage.start_us))
    for agent in stage.scenario.agents:
        directory = stage.directory / "agents" / agent
        directory.mkdir(parents=True)
        secret = directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(stage.passwords[agent], encoding="utf-8")
        mqtt = {"url": f"mqtt://127.0.0.1:{stage.mqtt_port}", "username": agent, "password_file": str(secret)}
        config = stage.scenario.agent_config(agent, ports=ports, mqtt=mqtt, data_dir=str(directory / "data"))
        path = directory / "agent.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        _remember(stage, directory / "data", past.get(agent, []))
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(path)]
        supervisor.start(Child(name=agent, command=command, environment={"OSHWATCH_SCENARIO_CLOCK": stage.environment["OSHWATCH_SCENARIO_CLOCK"]}, quiet=True))


def _remember(stage: Stage, data_dir: Path, packs: list[list[Reading]]) -> None:
    """The shift so far, as this agent's own backlog of an earlier boot."""
    from edge_agent.outbox import Outbox

    data_dir.mkdir(parents=True, exist_ok=True)
    outbox = Outbox(data_dir / "outbox.db", stage.clock)
    outbox.import_boot(secrets.token_hex(8), packs)
    outbox.close()


def _write_mark(stage: Stage, users: list[dict[str, str]], devices: Mapping[str, Device]) -> None:
    content = {
        "url": stage.settings.console_url,
        "mqtt": f"mqtt://{CENTRE}:{stage.passwords[CENTRE]}@127.0.0.1:{stage.mqtt_port}",
        "site": stage.scenario.site_file(stage.start_us).site.id,
        "data": str(stage.directory),
        "users": users,
        "agents": stage.scenario.agents,
        "devices": [device.path for device in devices.values()],
    }
    path = stage.directory / MARK
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _wait_until_ready(stage: Stage, supervisor: Supervisor) -> bool:
    host, port = stage.settings.listen_address
    wait_for_port(host, port, READY_WITHIN_S)
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if not supervisor.wait(0.1):
            return False
        if _is_ready(stage.settings.console_url):
            return True
    log.warning("no reading from a device after %.0f s; see /readyz", READY_WITHIN_S)
    return True


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _greet(stage: Stage, users: list[dict[str, str]], seconds: float) -> None:
    title = stage.scenario.title
    print(f"\nOshwatch demo: {title} (simulated data), ready after {seconds:.1f} s\n\n  {stage.settings.console_url}\n")
    for user in users:
        print(f"  {user['role']:<28} {user['password']}")
    minutes = SHIFT_AGE_US // MINUTE_US
    print(
        f"\nLog in with a role's name and its password above. The shift began {minutes} minutes ago; data and log-ins for programs: {stage.directory / MARK}\nCtrl-C stops all of it.",
        flush=True,
    )
