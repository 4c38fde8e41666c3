"""Work that nobody entered is heard, and counts in no result until somebody enters it."""

from __future__ import annotations

import pytest

from domain.quantities import QUANTITIES
from domain.reading import Reading, minute_from
from domain.times import MINUTE_US, parse_instant
from storage.timeseries.port import Batch

CHANNEL, OVERTIME = "agent-sewing-2.sewing-2.sound_level_a_eq", "/zones/f1.sewing-2/overtime"
EVENING_US = parse_instant("2026-11-24T10:00:00Z")  # 17:00 local, an hour after the shift


def hear(site, start_us: int, minutes: int, level: float) -> None:
    averaging = QUANTITIES["sound_level_a_eq"].averaging
    found = [
        minute_from(CHANNEL, us, [Reading(CHANNEL, us + 10 * number * 1_000_000, level) for number in range(6)], averaging)
        for us in range(start_us, start_us + minutes * MINUTE_US, MINUTE_US)
    ]
    site.factory.timeseries.write(Batch(minutes=found))


def unassigned(site) -> list[dict]:
    return site.get("/api/v1" + OVERTIME).json()["unassigned"]


@pytest.fixture
def day(site):
    """A loud shift, and a quiet night."""
    hear(site, parse_instant("2026-11-24T02:00:00Z"), 300, 86.0)
    hear(site, parse_instant("2026-11-24T13:00:00Z"), 120, 48.0)
    return site


def test_a_loud_evening_is_listed_until_it_is_entered_as_overtime(day) -> None:
    assert unassigned(day) == []
    hear(day, EVENING_US, 90, 85.0)
    (found,) = unassigned(day)
    assert (found["start"], found["stop"], found["minutes"], found["channel"]) == ("2026-11-24T10:00:00Z", "2026-11-24T11:30:00Z", 90, CHANNEL)
    assert "Unassigned exposure" in day.get(OVERTIME).text
    sent = {"shift": "A", "start": "2026-11-24T10:00:00Z", "stop": "2026-11-24T11:30:00Z", "reason": "urgent order"}
    assert day.post("/api/v1" + OVERTIME, json=sent).status_code == 201
    assert unassigned(day) == []


@pytest.mark.parametrize(("minutes", "level"), [(10, 86.0), (90, 70.0)])
def test_a_short_noise_and_a_quieter_one_are_no_signs_of_work(day, minutes, level) -> None:
    hear(day, EVENING_US, minutes, level)
    assert unassigned(day) == []


def test_where_the_night_is_as_loud_as_the_shift_sound_tells_nothing(site) -> None:
    hear(site, parse_instant("2026-11-24T02:00:00Z"), 300, 86.0)
    hear(site, EVENING_US, 120, 84.0)
    assert unassigned(site) == []
