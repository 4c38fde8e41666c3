"""A suspected sensor never silences a limit: both looks are had, as measured and with it replaced, and the higher one counts; verdicts are of what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assess.suspected import _guess
from domain.hazards import ZoneStatus
from domain.times import MINUTE_US
from storage.records.suspects import Suspect, SuspectsRepository
from storage.records.verdicts import VerdictRepository


def suspect(floor, channel: str, minute: float, kind: str = "fault") -> None:
    since_us = floor.house.plan.start_us + round(minute * MINUTE_US)
    SuspectsRepository(floor.engine).replace_all([Suspect(channel=channel, kind=kind, fault_type="stuck", since_us=since_us, score=9.0, text="stuck")])


def dose(zone):
    return next(window for window in zone.windows if window.metric == "dose_3db")


def look(floor, assessor, minute: float):
    floor.at(minute)
    (zone,) = assessor.tick()
    return zone


@pytest.fixture
def noisy(floor):
    """88 dB until minute 100, then a sensor that reads 40 dB: 42 % of the dose as measured, 125 % at minute 300 if it goes on."""
    channel = floor.house.channel("sound_level_a_eq")
    floor.house.fill(channel, [88.0] * 100 + [40.0] * 380)
    floor.enrol()
    return channel


def test_a_sensor_suspected_to_read_too_low_does_not_silence_the_limit(floor, noisy) -> None:
    assessor = floor.start()
    assert dose(look(floor, assessor, 299.5)).status is ZoneStatus.WITHIN
    suspect(floor, noisy, 100)
    zone = look(floor, assessor, 300.5)
    assert dose(zone).status is ZoneStatus.ACTION
    assert zone.hazards["noise"] is ZoneStatus.ACTION
    assert dose(zone).value == pytest.approx(124, abs=3)
    said = next(reason for reason in dose(zone).reasons if reason.startswith("Suspected"))
    assert f"{noisy}. As measured 4" in said
    assert "the higher one counts" in said
    SuspectsRepository(floor.engine).replace_all([])
    assert dose(look(floor, assessor, 301.5)).status is ZoneStatus.WITHIN


def test_a_sensor_suspected_to_read_too_high_still_drives_the_alert(floor) -> None:
    channel = floor.house.channel("sound_level_a_eq")
    floor.house.fill(channel, [70.0] * 100 + [96.0] * 380)
    floor.enrol()
    suspect(floor, channel, 100)
    found = dose(look(floor, floor.start(), 200.5))
    assert (found.status, found.value > 100) == (ZoneStatus.ACTION, True)


def test_a_suspected_event_replaces_nothing(floor, noisy) -> None:
    suspect(floor, noisy, 100, kind="event")
    found = dose(look(floor, floor.start(), 300.5))
    assert (found.status, [reason for reason in found.reasons if reason.startswith("Suspected")]) == (ZoneStatus.WITHIN, [])


def test_of_a_suspected_sensor_without_a_past_nothing_is_said_to_be_replaced(floor, noisy) -> None:
    other = floor.house.channel("sound_level_a_eq", placement="p2")
    floor.house.fill(other, [None] * 100 + [80.0] * 380)
    floor.registry.add(floor.house.entries)
    since_us = floor.house.plan.start_us + 100 * MINUTE_US
    SuspectsRepository(floor.engine).replace_all([Suspect(channel=each, kind="fault", fault_type="stuck", since_us=since_us, score=9.0, text="stuck") for each in (noisy, other)])
    for channel, value in ((noisy, 40.0), (other, 84.0)):
        floor.house.now(channel, value, floor.at(300.5))
    found = {window.placement: window for window in look(floor, floor.start(), 300.5).windows if window.metric == "leq_now"}
    assert any(reason.startswith("Suspected") for reason in found["p1"].reasons)
    assert (found["p2"].value, [reason for reason in found["p2"].reasons if reason.startswith("Suspected")]) == (84.0, [])


def test_verdicts_are_of_what_was_measured_alone(floor, noisy) -> None:
    suspect(floor, noisy, 100)
    look(floor, floor.start(), 300.5)
    running = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == "dose_3db"]
    assert running
    assert all(verdict.value < 60 for verdict in running)


def test_it_moves_as_the_trusted_ones_did_since_and_without_a_past_it_is_what_they_read() -> None:
    own, other = np.array([20.0, 20.0, 5.0, 5.0]), np.array([18.0, 18.0, 21.0, np.nan])
    assert _guess(own, [other], 2).tolist() == [20.0, 20.0, 23.0, 20.0]
    assert _guess(own, [], 2).tolist() == [20.0] * 4
    assert np.array_equal(_guess(own, [other], 0), other, equal_nan=True)
    assert _guess(own, [], 0) is None


@given(level=st.floats(-20, 120), minutes=st.integers(2, 200), first=st.integers(1, 199))
def test_a_steady_sensor_that_fails_is_replaced_by_its_steady_level(level: float, minutes: int, first: int) -> None:
    own = np.full(minutes, level)
    own[min(first, minutes - 1) :] = 1e6
    assert np.allclose(_guess(own, [], min(first, minutes - 1)), level)
