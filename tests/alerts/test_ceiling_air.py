"""A ceiling in mg/m³ holds at a list's conditions: a single reading is taken there by the air of the zone, and where nobody measures it by the end that protects."""

from __future__ import annotations

import msgspec
import pytest

from alerts.inbox import Inbox
from alerts.instant import InstantRules
from domain.errors import NotReady
from domain.reading import Reading
from domain.registry import CalibrationSpec, Entry, SiteFile
from domain.scope import Role, Scope
from domain.strictness import change_by
from domain.times import DAY_US, MINUTE_US
from domain.yamltext import parse_yaml
from models.airborne.atmosphere import pressure_range
from models.airborne.conversion import mg_m3_at_reference
from oshwatch.testing import FakeClock
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository

GAS, WARM, PRESSURE = "a1.p1.concentration:7782-50-5", "a1.p1.air_temperature", "a1.p2.air_pressure"
CEILING = 2.9  # mg/m³ of chlorine, 1 ppm at 25 °C
FACTORY = """
site: {{id: f1, name: Plating, timezone: UTC, country: ET, profiles: [us-osha]{site}}}
zones: [{{id: z1, name: Bath}}]
agents:
  - id: a1
    channels:
      - {{placement: p1, quantity: "concentration:7782-50-5", unit: {unit}, zone: z1, interval_s: 10}}
      - {{placement: p1, quantity: air_temperature, zone: z1, interval_s: 10}}
      - {{placement: p2, quantity: air_pressure, zone: z1, interval_s: 10}}
"""


class Bath:
    def __init__(self, path, *, site="", unit="mg/m3", last_of=None):
        self.clock = FakeClock()
        self.engine = open_records(f"sqlite:///{path}/records.db")
        self.registry = RegistryRepository(self.engine)
        file = parse_yaml(FACTORY.format(site=site, unit=unit), SiteFile, source="f.yaml")
        self.registry.import_file(file, valid_from_us=None, author="t", reason="", now_us=self.clock.now_us())
        self.rules = InstantRules(self.engine, self.clock, self.registry.load, last_of=last_of)

    def read(self, *pairs, q=4):
        self.clock.sleep(10.0)
        now_us = self.clock.now_us()
        self.rules.check([Reading(channel, now_us, value, q, ()) for channel, value in pairs], now_us)

    def set_point(self):
        return next(watch for channel, watch in self.rules._watches.items() if channel == GAS).raw_set_point

    @property
    def open(self):
        return Inbox(self.engine).open(Scope(user="i", role=Role.INSPECTOR, grant="*"), self.registry.load().latest())


@pytest.fixture
def bath(tmp_path):
    made = []

    def make(**fields):
        made.append(Bath(tmp_path, **fields))
        return made[-1]

    yield make
    for one in made:
        one.engine.dispose()


def test_on_a_plateau_fewer_milligrams_are_over_the_ceiling(bath):
    line = bath()
    line.read((WARM, 25.0), (PRESSURE, 770.0), (GAS, 2.0))
    assert line.open == []
    line.read((GAS, 2.3))  # 3.0 mg/m³ at 1013 hPa
    (alert,) = line.open
    assert alert.value == pytest.approx(float(mg_m3_at_reference(2.3, 25.0, 770.0)), rel=1e-6)
    assert alert.value > alert.limit.value == pytest.approx(CEILING, abs=0.01)
    assert alert.evidence["notes"] == ["Held against a limit at 25 °C and 1013 hPa, from air of 25.0 °C and 770 hPa."]


def test_at_the_list_s_own_conditions_nothing_is_added(bath):
    line = bath()
    line.read((WARM, 25.0), (PRESSURE, 1013.25), (GAS, 2.85))
    assert line.open == []
    assert line.set_point() == pytest.approx(CEILING, abs=0.01)


def test_what_is_not_measured_is_taken_at_the_end_that_protects_and_said(bath):
    line = bath()
    line.read((GAS, 2.0))  # 2.0 · 318.15/298.15 · 1013.25/717 = 3.0
    (alert,) = line.open
    assert alert.evidence["notes"] == [
        "Held against a limit at 25 °C and 1013 hPa, from air of 45.0 °C and 717 hPa.",
        "Air temperature is not measured here: 45 °C is taken, the end that protects.",
        "Air pressure is not measured here: 717 hPa is taken, the end that protects.",
    ]


def test_the_altitude_of_the_site_spares_a_false_alarm(bath):
    line = bath(site=", altitude_m: 10")
    line.read((WARM, 25.0), (GAS, 2.6))
    assert line.open == []
    assert line.set_point() == pytest.approx(CEILING * pressure_range(10.0).low / 1013.25, rel=0.01)


def test_a_thermometer_that_is_heard_later_counts_at_once_and_one_that_fell_silent_no_more(bath):
    line = bath(site=", altitude_m: 0")
    line.read((GAS, 1.0))
    hot = line.set_point()
    line.read((WARM, 20.0))
    line.read((GAS, 1.0))
    cool = line.set_point()
    assert cool / hot == pytest.approx(318.15 / 293.15, rel=1e-6)
    line.clock.time_us += 30 * MINUTE_US
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(hot)


def test_a_rejected_thermometer_says_nothing(bath):
    line = bath(site=", altitude_m: 0")
    line.read((WARM, 5.0), q=1)
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(CEILING / (318.15 / 298.15) * 960.0 / 1013.25, rel=0.01)


def test_a_thermometer_whose_clock_runs_ahead_says_nothing_of_the_air_now(bath):
    line = bath(site=", altitude_m: 0")
    line.read((GAS, 1.0))
    hot = line.set_point()
    ahead = [Reading(WARM, line.clock.now_us() + DAY_US, 20.0, 4, ())]
    for _ in range(2):  # by the look at the registry, and by the quick path
        line.rules.check(ahead, line.clock.now_us())
        line.clock.time_us += MINUTE_US
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(hot)
    line.read((WARM, 20.0))
    line.read((GAS, 1.0))
    assert line.set_point() / hot == pytest.approx(318.15 / 293.15, rel=1e-6)


def test_of_a_calibration_that_waits_and_none_the_stricter_in_the_air_of_the_zone_counts(bath):
    line = bath()
    line.read((GAS, 1.0))
    without = line.set_point()
    spec = CalibrationSpec(id="c1", channel=GAS, type="span", performed_at="2025-11-01", by="office", offset=-0.6, gain=0.8, next_due="2027-11-01")
    record = Entry(site="f1", kind="calibration", id=spec.id, valid_from_us=0, recorded_us=1, author="o", reason="", body=msgspec.json.encode(spec))
    change = change_by(line.registry.load(), "f1", [record])
    assert change is not None
    line.registry.add([record, msgspec.structs.replace(record, kind="change", id=change.id, body=msgspec.json.encode(change))])
    line.clock.time_us += MINUTE_US
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(without / 0.8 - 0.6)
    assert line.set_point() < without


def test_ppm_is_compared_as_it_is(bath):
    line = bath(unit="ppm")
    line.read((GAS, 0.99))
    assert (line.open, line.set_point()) == ([], pytest.approx(1.0))
    line.read((GAS, 1.2))
    (alert,) = line.open
    assert (alert.value, "notes" in alert.evidence) == (1.2, False)


def test_a_thermometer_on_another_worker_s_agent_counts_by_what_it_put_on_record(bath):
    stored, asked = {}, []

    def last_of(channels):
        asked.append(list(channels))
        return {channel: stored[channel] for channel in channels if channel in stored}

    line = bath(site=", altitude_m: 0", last_of=last_of)
    line.read((GAS, 1.0))
    hot = line.set_point()
    for minute in range(3):
        stored[WARM] = Reading(WARM, line.clock.now_us(), 20.0, 4, ())
        line.clock.time_us += MINUTE_US
        line.read((GAS, 1.0))
        assert line.set_point() / hot == pytest.approx(318.15 / 293.15, rel=1e-6), minute
    line.read((WARM, 21.0), (PRESSURE, 1000.0))
    asked.clear()
    line.clock.time_us += MINUTE_US
    line.read((GAS, 1.0))
    assert asked == []  # what speaks here is not looked up
    line.clock.time_us += 30 * MINUTE_US
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(hot)  # of half an hour ago: too old, wherever it came from


def test_a_store_that_does_not_answer_leaves_the_end_that_protects(bath):
    def last_of(_channels):
        raise NotReady("the store does not answer")

    line = bath(site=", altitude_m: 0", last_of=last_of)
    line.read((GAS, 1.0))
    assert line.set_point() == pytest.approx(CEILING / (318.15 / 298.15) * 960.0 / 1013.25, rel=0.01)
    assert line.rules.failures > 0
