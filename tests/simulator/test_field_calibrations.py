"""A factory's record holds the calibrations that its people would have entered, with the error that such a comparison leaves."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from domain.sitefile import parse_site_file
from domain.times import DAY_US, HOUR_US, MINUTE_US
from simulator.factory.calibrations import AFTER_START_US, COMPARED_US, COMPARISON, REFERENCE, FieldCalibrations
from simulator.factory.export import write_record
from simulator.factory.layout import Channel
from simulator.factory.record import Record
from simulator.scenario import load_scenario

START_US = 1_777_600_000_000_000
MONTH = load_scenario("garment-month")
STEPS = 1440
TIMES = START_US // DAY_US * DAY_US + np.arange(STEPS, dtype=np.int64) * MINUTE_US
BEGINS_US = 7 * HOUR_US


def compared(off: float, *, every: int = 30, days: int = 1, count: int = 1, faulty_days: frozenset[int] = frozenset(), quantity: str = "air_temperature") -> FieldCalibrations:
    channels = [Channel(f"a.p-{number}.{quantity}", quantity, 0, f"p-{number}", 2.0, False) for number in range(count)]
    found, true = FieldCalibrations(7, channels, every, BEGINS_US), np.full((STEPS, count), 30.0)
    for day in range(days):
        faults = np.full((STEPS, count), 5 if day in faulty_days else 0, dtype=np.int32)
        found.day(day, TIMES + day * DAY_US, true + off, true, faults)
    return found


def days_of(found: FieldCalibrations) -> list[int]:
    first = datetime.fromtimestamp(TIMES[0] / 1e6).astimezone()
    return [(datetime.fromisoformat(record.performed_at) - first).days for record in found.records]


def test_what_is_found_is_corrected_up_to_the_error_of_reference_and_comparison() -> None:
    offsets = np.array([record.offset for record in compared(1.5, count=300).records])
    assert offsets.mean() == pytest.approx(1.5, abs=4 * REFERENCE["air_temperature"])  # one reference for all
    assert offsets.std() == pytest.approx(COMPARISON["air_temperature"], rel=0.2)


def test_an_instrument_is_compared_on_the_first_day_and_each_so_many_after() -> None:
    found = compared(0.3, every=30, days=70)
    assert days_of(found) == [0, 30, 60]
    assert [record.next_due for record in found.records[:2]] == [record.performed_at for record in found.records[1:]]


def test_one_with_a_fault_waits_for_the_next_day() -> None:
    assert days_of(compared(0.3, every=30, days=40, faulty_days=frozenset({0, 1}))) == [2, 32]


def test_only_the_hour_of_the_comparison_counts() -> None:
    channels = [Channel("a.p.air_temperature", "air_temperature", 0, "p", 2.0, False)]
    found, true = FieldCalibrations(7, channels, 30, BEGINS_US), np.full((STEPS, 1), 30.0)
    since_us = TIMES - TIMES[0] - BEGINS_US - AFTER_START_US
    rows = (since_us >= 0) & (since_us < COMPARED_US)
    found.day(0, TIMES, np.where(rows[:, None], 30.0, 99.0), true, np.zeros((STEPS, 1), dtype=np.int32))
    assert abs(found.records[0].offset) < 1.0


@pytest.mark.parametrize(("every", "quantity"), [(0, "air_temperature"), (30, "pm2_5")])
def test_nothing_is_entered_where_nobody_calibrates_or_no_reference_exists(every: int, quantity: str) -> None:
    assert compared(0.3, every=every, quantity=quantity).records == []


def test_the_records_registry_holds_them_and_can_be_read(tmp_path: Path) -> None:
    course = msgspec.structs.replace(MONTH.course, calibrated_every_days=1, posts=[])
    write_record(Record(msgspec.structs.replace(MONTH, course=course), START_US, 2, 60.0), tmp_path)
    file = parse_site_file((tmp_path / "site.yaml").read_text(), "site.yaml")
    heat = [record for record in file.calibrations if record.channel == "agent-1.ironing.globe_temperature"]
    assert len(heat) == 2
    assert all(record.passed and abs(record.offset) < 1.5 for record in heat)
