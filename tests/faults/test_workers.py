"""Several ingest workers share the agents, over mosquitto and over NATS: whoever is killed, paused, added or taken away, what was produced is stored once and in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.clock import SystemClock
from domain.topics import shard_of
from oshwatch.testing import until
from simulator.crowd import Crowd
from simulator.fleet import FleetPlan, fleet_registry
from storage.records.leases import LeasesRepository
from storage.records.ledger import LedgerRepository
from storage.records.registry import RegistryRepository
from storage.records.tables import conflicts, packs

pytestmark = [pytest.mark.server("postgresql"), pytest.mark.server("influxdb")]
SLOTS = 4
AGENTS = tuple(f"agent-{number}" for number in range(1, 9))
TAKEN_OVER_WITHIN_S = 15.0
over_both = pytest.mark.parametrize("broker", [pytest.param("mosquitto", marks=pytest.mark.server("mosquitto")), pytest.param("nats", marks=pytest.mark.server("nats"))])


@dataclass
class Workers:
    """Ingest processes by name, and agents that produce while things happen to them."""

    plant: Any
    devices: list[Any]
    server: Any
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _producing: threading.Event = field(default_factory=threading.Event)

    def start(self, *names: str, **environment: str) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("OSHWATCH_")}
        shared = {"OSHWATCH_INGEST_WORKERS": "2", "OSHWATCH_INGEST_SLOTS": str(SLOTS)}
        for name in names:
            given = {**plain, **self.plant.environment(), **shared, "OSHWATCH_INGEST_WORKER": name, **environment}
            with (self.plant.directory / "ingest.log").open("ab") as log:
                self.running[name] = subprocess.Popen([str(Path(sys.executable).parent / "oshwatch"), "serve", "ingest"], env=given, stdout=log, stderr=log)

    def end(self, name: str, sign: signal.Signals) -> None:
        process = self.running.pop(name)
        process.send_signal(sign)
        process.wait(20)

    def held(self) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for row in LeasesRepository(self.plant.engine).all():
            if row.name and row.left_us > 0:
                found[row.name] += 1
        return dict(found)

    def wait_for(self, seconds: float = 40, **held: int) -> None:
        until(lambda: self.held() == held and self.plant.ask("GET", "/readyz").status_code == 200, seconds, f"{held} at work: {self.held()} {self.plant.log()}")

    def produce(self, dice: random.Random) -> None:
        """Every agent ten times a second, until settled."""

        def run(device: Any, seed: int) -> None:
            own = random.Random(seed)
            while not self._producing.wait(own.uniform(0.05, 0.15)):
                device.tick(own)

        self._threads = [threading.Thread(target=run, args=(device, dice.randrange(2**32)), daemon=True) for device in self.devices]
        for thread in self._threads:
            thread.start()

    def served_within(self, seconds: float) -> float:
        """Until every agent has an acknowledgement for something produced from now on; how long it took."""
        began, marks = time.monotonic(), {device.agent: device.outbox.next_id() for device in self.devices}
        until(
            lambda: all(device.outbox.next_id() > marks[device.agent] and not self._waits(device, marks[device.agent]) for device in self.devices), seconds, "every agent is served"
        )
        return time.monotonic() - began

    @staticmethod
    def _waits(device: Any, mark: int) -> bool:
        return bool(device.outbox.pending("home", 1, low_id=mark, high_id=mark, skip=()))

    def settle(self) -> None:
        self._producing.set()
        for thread in self._threads:
            thread.join(5)
        for device in self.devices:
            device.wait_until_settled(60)

    def check(self, *, in_order: bool) -> None:
        """Stored = produced, once; each boot's cursor whole; in the order of its seqs."""
        produced = {key: value for device in self.devices for key, value in device.produced.items()}
        until(lambda: self.plant.stored(produced) == produced, 20, "stored is what was produced")
        cursors = LedgerRepository(self.plant.engine).cursors()
        assert {agent for agent, _ in cursors} == set(AGENTS)
        assert all(not seqs.also for seqs in cursors.values())
        with self.plant.engine.connect() as connection:
            rows = connection.execute(select(packs.c.agent, packs.c.seq, packs.c.arrived_us).order_by(packs.c.agent, packs.c.seq)).all()
            assert connection.execute(select(conflicts)).all() == []
        assert len(rows) == sum(seqs.upto + 1 for seqs in cursors.values())
        disorder = [(one, two) for one, two in pairwise(rows) if one.agent == two.agent and one.arrived_us > two.arrived_us]
        assert not in_order or disorder == []


@pytest.fixture
def chance() -> random.Random:
    """One seed a test, told when it fails."""
    seed = int(os.environ.get("OSHWATCH_FAULT_SEED", random.SystemRandom().randrange(10**6)))
    print(f"OSHWATCH_FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def workers(request: pytest.FixtureRequest, broker: str, make_plant: Callable[..., Any], make_device: Callable[..., Any], influx: Any, postgres: str) -> Iterator[Workers]:
    server = request.getfixturevalue({"mosquitto": "mosquitto", "nats": "nats_server"}[broker])
    plant = make_plant(mqtt_url=server.url, timeseries_url=influx.url, token=influx.token, database_url=postgres, agents=AGENTS, interval_s=0.1)
    made = Workers(plant, [make_device(agent, url=server.url) for agent in AGENTS], server)
    assert {shard_of(agent) % SLOTS for agent in AGENTS} == set(range(SLOTS))
    for device in made.devices:
        device.connect()
    yield made
    made._producing.set()
    for process in made.running.values():
        process.kill()
        process.wait(10)


@over_both
def test_a_worker_is_killed_and_the_other_serves_its_agents_within_15_s(workers: Workers, broker: str, chance: random.Random) -> None:
    workers.start("one", "two")
    workers.wait_for(one=2, two=2)
    workers.produce(chance)
    time.sleep(chance.uniform(1.0, 3.0))
    victim = chance.choice(["one", "two"])
    workers.end(victim, signal.SIGKILL)
    took_s = workers.served_within(TAKEN_OVER_WITHIN_S)
    workers.wait_for(**{({"one", "two"} - {victim}).pop(): 4})
    workers.start(victim)
    workers.wait_for(one=2, two=2)
    workers.settle()
    workers.check(in_order=broker == "mosquitto")  # NATS gives what was on its way again later, not first
    print(f"taken over after {took_s:.1f} s")
    assert workers.plant.metrics().get('oshwatch_slots_held{part="ingest-one"}') == 2


@over_both
def test_a_worker_is_paused_beyond_its_lease_and_writes_nothing_when_it_wakes(workers: Workers, broker: str, chance: random.Random) -> None:
    """SIGSTOP at a random moment: the other takes over with a higher epoch; SIGCONT: what the first had in hand is fenced off, and it joins anew."""
    workers.start("one", "two")
    workers.wait_for(one=2, two=2)
    workers.produce(chance)
    time.sleep(chance.uniform(1.0, 3.0))
    before = {row.slot: row.epoch for row in LeasesRepository(workers.plant.engine).all() if row.name == "one"}
    workers.running["one"].send_signal(signal.SIGSTOP)
    workers.served_within(TAKEN_OVER_WITHIN_S)
    until(lambda: workers.held() == {"two": 4}, 15, "the other has all")
    after = {row.slot: row.epoch for row in LeasesRepository(workers.plant.engine).all()}
    assert all(after[slot] > epoch for slot, epoch in before.items())
    workers.running["one"].send_signal(signal.SIGCONT)
    workers.wait_for(one=2, two=2)
    workers.settle()
    workers.check(in_order=False)
    assert workers.plant.metrics()['oshwatch_slots_taken_over{part="ingest-two"}'] >= 2


@pytest.mark.server("nats")
@pytest.mark.parametrize("broker", ["nats"])
def test_the_nats_server_is_killed_and_restarted_with_its_jetstream_store(workers: Workers, broker: str, chance: random.Random) -> None:
    """Agents speak 3.1.1 to it, having tried 5; both workers' sessions survive in the store; nothing is lost at any of three random moments."""
    workers.start("one", "two")
    workers.wait_for(one=2, two=2)
    workers.produce(chance)
    for _ in range(3):
        time.sleep(chance.uniform(0.3, 2.0))
        workers.server.kill()
        time.sleep(chance.uniform(0.0, 1.0))
        workers.server.start()
        workers.served_within(30)
    assert {device.uplink.mqtt_version for device in workers.devices} == {"3.1.1"}
    workers.settle()
    workers.check(in_order=False)


@pytest.mark.server("mosquitto")
@pytest.mark.parametrize("broker", ["mosquitto"])
def test_from_one_worker_to_two_to_three_and_back_to_one_nothing_is_lost(workers: Workers, broker: str, chance: random.Random) -> None:
    """The operator's way in docs/scaling.md: the old session ends when every slot has an owner, the slots' when one worker has all again."""
    workers.start("alone", OSHWATCH_INGEST_WORKERS="1")
    until(lambda: workers.plant.ask("GET", "/readyz").status_code == 200, 30, "one worker")
    workers.produce(chance)
    time.sleep(chance.uniform(0.5, 1.5))
    workers.start("one", "two")  # they wait for the first to stop
    time.sleep(2.0)
    assert workers.held() == {}
    workers.end("alone", signal.SIGTERM)
    workers.wait_for(one=2, two=2)
    workers.start("three")
    until(lambda: sorted(workers.held().values()) == [1, 1, 2], 30, "three share")
    for name in chance.sample(["one", "two", "three"], 2):
        workers.end(name, signal.SIGTERM)
        workers.served_within(TAKEN_OVER_WITHIN_S)
    for name in list(workers.running):
        workers.end(name, signal.SIGTERM)
    workers.start("alone", OSHWATCH_INGEST_WORKERS="1")
    workers.served_within(30)
    workers.settle()
    workers.check(in_order=False)
    until(lambda: LeasesRepository(workers.plant.engine).all() == [], 15, "no slots any more")
    for session in ("oshwatch-ingest-0", f"oshwatch-ingest-{SLOTS - 1}"):
        left = subprocess.run(["mosquitto_sub", "-p", str(workers.server.port), "-i", session, "-c", "-q", "1", "-t", "none", "-W", "1"], capture_output=True, check=False)
        assert left.stdout == b""


@over_both
def test_all_agents_lose_their_connection_and_come_back_at_once(workers: Workers, broker: str, chance: random.Random) -> None:
    """Three hundred connections, dropped twice at random moments while every agent produces; `oshwatch bench workers` does it with 5,000."""
    agents = 300
    RegistryRepository(workers.plant.engine).import_file(fleet_registry(agents, 2, 1.0), valid_from_us=None, author="tests", reason="crowd", now_us=SystemClock().now_us())
    with closing(Crowd(workers.server.url, FleetPlan(agents=agents, channels=2, rate_hz=1.0), SystemClock(), f"b{chance.randrange(10**6)}x")) as crowd:
        workers.start("one", "two")
        workers.wait_for(one=2, two=2)
        crowd.connect_all(20)
        for _ in range(2):
            crowd.run(chance.uniform(1.0, 3.0))
            crowd.drop()
            crowd.connect_all(20)
            assert crowd.connected == agents
        crowd.settle(40)
        assert crowd.waiting == 0
        cursors = {key: seqs for key, seqs in LedgerRepository(workers.plant.engine).cursors().items() if key[0].startswith("sim-")}
        assert sum(seqs.upto + 1 for seqs in cursors.values()) == crowd.packs
        assert len(cursors) == agents
        stored = workers.plant.store.read([f"sim-{number:04d}.zone-1.air_temperature" for number in range(1, agents + 1)], 0, 2**62)
        assert sum(map(len, stored.values())) == crowd.packs
