"""A small house: one site in Viet Nam, one shift, zones and channels as a test wants them, with minutes made to measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from assess.engine import Assessor
from assess.evaluate import verdicts_of
from assess.minutes import read_series
from assess.outcome import ZoneShift
from assess.plan import span_of
from domain.agreements import Side, Signature, SiteChange
from domain.quality import Reason
from domain.quantities import quantity_of
from domain.reading import Minute, Reading, minute_from
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Entry, Instrument, Registry, ShiftSpec, SiteFile, SiteSpec, Workers, ZoneSpec, entries_of
from domain.shifts import Shift, shift_on
from domain.times import MINUTE_US, SECOND_US
from domain.verdict import Verdict
from oshwatch.testing import FakeClock, MemoryTimeSeries
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository
from storage.timeseries.port import Batch

DAY = date(2026, 11, 23)
GOOD = {"class": "compliance"}
HEAT = {"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 36.0, "air_speed": 0.3}


@dataclass
class House:
    """Registry, store and shift of a test."""

    zone: dict[str, Any] = field(default_factory=dict)
    shift: dict[str, Any] = field(default_factory=dict)
    interval_s: float = 10.0
    store: MemoryTimeSeries = field(default_factory=MemoryTimeSeries)
    channels: list[ChannelSpec] = field(default_factory=list)
    calibrations: list[CalibrationSpec] = field(default_factory=list)
    profiles: list[str] = field(default_factory=lambda: ["us-niosh"])
    more: list[AgentSpec] = field(default_factory=list)  # further agents
    samples: Callable[[Any], Any] = lambda _span: ()

    def channel(self, quantity: str, *, placement: str = "p1", **fields: Any) -> str:
        """Declare a channel of a good instrument, calibrated and agreed by both sides, unless told otherwise."""
        instrument = fields.pop("instrument", {"model": "m", "serial": f"s-{placement}-{quantity}", "grade": "compliance", "globe_diameter_mm": 150.0})
        calibrated = fields.pop("calibrated", True)
        spec = ChannelSpec(
            placement=placement,
            quantity=quantity,
            zone=fields.pop("zone", "z1"),
            interval_s=fields.pop("interval_s", self.interval_s),
            instrument=Instrument(**instrument) if instrument else None,
            agreed_by=fields.pop("agreed_by", ["worker side", "management"]),
            **fields,
        )
        self.channels.append(spec)
        name = f"a1.{placement}.{quantity}"
        if calibrated:
            self.calibrations.append(CalibrationSpec(id=f"cal-{len(self.calibrations)}", channel=name, type="factory", performed_at="2026-06-01", by="lab", next_due="2027-06-01"))
        return name

    @property
    def file(self) -> SiteFile:
        zone = {"metabolic_rate_w": 300.0, "acclimatised": "yes", "workers": Workers(women=41, men=9), **self.zone}
        shift = {"name": "A", "start": "07:00", "stop": "15:00", **self.shift}
        return SiteFile(
            site=SiteSpec(id="f1", name="Factory", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=self.profiles),
            shifts=[ShiftSpec(**shift)],
            zones=[ZoneSpec(id="z1", name="Zone 1", **zone)],
            agents=[AgentSpec(id="a1", channels=self.channels), *self.more],
            calibrations=self.calibrations,
        )

    @property
    def entries(self) -> list[Entry]:
        return entries_of(self.file, valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason="")

    @property
    def plan(self) -> Shift:
        shift = shift_on(self.file.shifts[0], DAY, _zone("Asia/Ho_Chi_Minh"))
        assert shift is not None
        return shift

    def minute(self, channel: str, index: int, value: float, *, samples: int | None = None, r: tuple[int, ...] = (), q: int = 4) -> Minute:
        """A minute of equal samples, `index` minutes into the shift."""
        quantity = quantity_of(channel.split(".")[2])
        assert quantity is not None
        start_us = self.plan.start_us + index * MINUTE_US
        count = round(60 / self.interval_s) if samples is None else samples
        step_us = MINUTE_US // max(round(60 / self.interval_s), 1)
        readings = [Reading(channel, start_us + number * step_us, value, q, r) for number in range(count)]
        return minute_from(channel, start_us, readings, quantity.averaging)

    def fill(self, channel: str, values: Iterable[float | None] | float, *, minutes: int | None = None, first: int = 0, r: tuple[int, ...] = ()) -> None:
        """Write minutes from the shift's start on; None leaves a hole."""
        length = len(self.plan.minutes) if minutes is None else minutes
        series = [values] * length if isinstance(values, int | float) else list(values)
        found = [self.minute(channel, first + index, value, r=r) for index, value in enumerate(series) if value is not None]
        self.store.write(Batch(minutes=found))

    def now(self, channel: str, value: float | None, at_us: int, *, q: int = 4, r: tuple[int, ...] = ()) -> None:
        self.store.write(Batch(fresh=[Reading(channel, at_us, value, q, r)]))

    def heat(self, *, placement: str = "p1", values: Mapping[str, float] = HEAT, fill: bool = True, **fields: Any) -> list[str]:
        names = [self.channel(quantity, placement=placement, **fields) for quantity in values]
        if fill:
            for name, value in zip(names, values.values(), strict=True):
                self.fill(name, value)
        return names

    def verdicts(self, *, extra: Iterable[Entry] = (), minutes: int | None = None, final: bool = True) -> dict[str, Verdict]:
        """All verdicts of the shift by `metric/limit id`; `placement/` in front for another placement than p1."""
        registry = Registry([*self.entries, *extra])
        length = len(self.plan.minutes) if minutes is None else minutes
        span = span_of(registry, "f1.z1", self.plan, self.plan.start_us, length)
        assert span is not None
        series = read_series(self.store, sorted(span.channels), self.plan.start_us, length)
        calibrations: dict[str, list[CalibrationSpec]] = {}
        for record in self.calibrations:
            calibrations.setdefault(record.channel, []).append(record)
        found = verdicts_of(ZoneShift(span=span, series=series, calibrations=calibrations, final=final, samples=self.samples))
        return {("" if one.placement in ("p1", "") else f"{one.placement}/") + f"{one.metric}/{one.limit.id}": one for one in found}

    def change(self, at_minute: int, **zone: Any) -> list[Entry]:
        """The zone with other values from a minute of the shift on."""
        changed = House(zone={**self.zone, **zone}, shift=self.shift, channels=self.channels)
        us = self.plan.start_us + at_minute * MINUTE_US
        return [entry for entry in entries_of(changed.file, valid_from_us=us, recorded_us=us, author="t", reason="") if entry.kind == "zone"]


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def make_house() -> Callable[..., House]:
    return House


@dataclass
class Floor:
    """A house with a records database and a running assessor."""

    house: House
    engine: Engine
    clock: FakeClock
    registry: RegistryRepository

    def start(self) -> Assessor:
        return Assessor(self.house.store, self.engine, self.clock)

    def at(self, minute: float) -> int:
        """Set the clock to a minute of the shift."""
        self.clock.time_us = self.house.plan.start_us + round(minute * 60 * SECOND_US)
        return self.clock.time_us

    def enrol(self) -> None:
        self.registry.add(self.house.entries)

    def ended(self) -> Assessor:
        """An enrolled house whose assessor saw the shift end and kept its results as final."""
        self.enrol()
        assessor = self.start()
        for minute in (470.3, 481.0, 483.0):
            self.at(minute)
            assessor.tick()
        self.at(490)
        return assessor

    def sign(self, change: SiteChange, *sides: Side) -> None:
        """The word of these sides on a change."""
        signed = replace(change, signatures=[Signature(side=side, agree=True, by=side, at="2026-11-23T01:00:00Z") for side in sides])
        valid_from_us, body = change.milder[0].valid_from_us, msgspec.json.encode(signed)
        self.registry.add([Entry(site="f1", kind="change", id=change.id, valid_from_us=valid_from_us, recorded_us=self.clock.now_us(), author="x", reason="", body=body)])


@pytest.fixture
def floor(house: House, tmp_path: Path) -> Iterator[Floor]:
    engine = open_records(f"sqlite:///{tmp_path}/records.db")
    yield Floor(house, engine, FakeClock(), RegistryRepository(engine))
    engine.dispose()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def simulated() -> tuple[int, ...]:
    return (int(Reason.SIMULATED),)
