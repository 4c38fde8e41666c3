"""A small registry in a real records database, and a service on memory doubles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from domain.reading import Reading
from domain.registry import SiteFile
from domain.senml import encode_pack
from domain.times import SECOND_US
from ingest.service import IngestService
from oshwatch.testing import FakeClock, MemorySource, MemoryTimeSeries, RecordingRules
from storage.records.engine import open_records
from storage.records.quarantine import QuarantineItem, QuarantineRepository
from storage.records.registry import RegistryRepository

NOW_US = 1_763_802_000_000_000
QUANTITIES = ("air_temperature", "sound_level_a_eq", "co2")


def site_file(agents: list[str], site: str = "f1") -> SiteFile:
    channels = [{"placement": "hall", "quantity": quantity, "zone": "hall", "interval_s": 10} for quantity in QUANTITIES]
    content: dict[str, Any] = {
        "site": {"id": site, "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN"},
        "zones": [{"id": "hall", "name": "Hall"}],
        "agents": [{"id": agent, "channels": channels} for agent in agents],
    }
    return msgspec.convert(content, SiteFile)


def enrol(engine: Engine, *agents: str, site: str = "f1") -> None:
    RegistryRepository(engine).import_file(site_file(list(agents), site), valid_from_us=None, author="tests", reason="first", now_us=NOW_US)


def until(condition: Callable[[], Any], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def reading(seconds: float, value: float | None = 20.0, *, agent: str = "agent-1", quantity: str = "air_temperature", q: int = 4, r: tuple[int, ...] = ()) -> Reading:
    return Reading(f"{agent}.hall.{quantity}", NOW_US + round(seconds * SECOND_US), value, q, r)


def pack(seq: int, *readings: Reading, boot: str = "boot-1", agent: str = "agent-1", sync: bool = True) -> bytes:
    return encode_pack(agent, boot, seq, sync, list(readings or [reading(seq - 1000, 20.0 + seq / 10, agent=agent)]))


@dataclass
class Bench:
    """A service and everything around it."""

    engine: Engine
    clock: FakeClock
    store: MemoryTimeSeries
    source: MemorySource
    rules: RecordingRules
    service: IngestService
    started: list[IngestService] = field(default_factory=list)
    reading = staticmethod(reading)
    pack = staticmethod(pack)
    until = staticmethod(until)
    now_us = NOW_US

    def enrol(self, *agents: str, site: str = "f1") -> None:
        enrol(self.engine, *agents, site=site)

    def send(self, *payloads: bytes, agent: str = "agent-1", kind: str = "data") -> list[int]:
        return self.source.send(f"osh/v1/{agent}/{kind}", *payloads)

    def settled(self, *payloads: bytes, agent: str = "agent-1", kind: str = "data") -> None:
        """Send and wait until all of it is acknowledged."""
        tokens = self.send(*payloads, agent=agent, kind=kind)
        until(lambda: set(tokens) <= set(self.source.acked), "all is acknowledged")

    def restart(self) -> None:
        self.service.stop()
        self.source = MemorySource(self.clock)
        self.service = IngestService(source=self.source, timeseries=self.store, engine=self.engine, clock=self.clock, rules=self.rules)
        self.started.append(self.service)
        self.service.start()

    @property
    def quarantine(self) -> list[QuarantineItem]:
        return list(reversed(list(QuarantineRepository(self.engine).list(None, limit=200).items)))

    def acks(self, agent: str = "agent-1") -> list[Any]:
        return [msgspec.json.decode(payload) for topic, payload in self.source.published if topic == f"osh/v1/{agent}/ack"]

    def acked(self, boot: str = "boot-1", agent: str = "agent-1") -> tuple[int, list[list[int]]]:
        found = [ack for ack in self.acks(agent) if ack["boot"] == boot]
        return (found[-1]["upto"], found[-1]["also"]) if found else (-2, [])

    def commands(self, agent: str = "agent-1") -> list[Any]:
        return [msgspec.json.decode(payload) for topic, payload in self.source.published if topic == f"osh/v1/{agent}/cmd"]

    def stored(self, channel: str = "agent-1.hall.air_temperature") -> list[Reading]:
        return sorted(self.store.readings[channel].values(), key=lambda one: one.time_us)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    enrol(engine, "agent-1", "agent-2")
    yield engine
    engine.dispose()


@pytest.fixture
def bench(engine: Engine) -> Iterator[Bench]:
    clock, store, rules = FakeClock(NOW_US), MemoryTimeSeries(), RecordingRules()
    source = MemorySource(clock)
    service = IngestService(source=source, timeseries=store, engine=engine, clock=clock, rules=rules)
    made = Bench(engine, clock, store, source, rules, service, [service])
    service.start()
    yield made
    for one in made.started:
        one.stop()
