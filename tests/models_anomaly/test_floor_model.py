"""Samples and minutes together: slow drift is told of the sensor that drifts, and with its evidence."""

from __future__ import annotations

import numpy as np
import pytest

from models.anomaly import ChannelInfo, FloorModel

DAY = 288
CHANNELS = [ChannelInfo(id=f"a{n}.p.air_temperature", quantity="air_temperature", zone=f"s.z{n}", agent=f"a{n}", interval_s=300) for n in range(5)]


def rooms(days: int) -> tuple[np.ndarray, np.ndarray]:
    dice, rows = np.random.default_rng(1), np.arange(days * DAY)
    weather = 25 + 3 * np.sin(2 * np.pi * rows / DAY)
    return (rows + 1) * 300_000_000, np.round(weather[:, None] + dice.normal(0, 0.1, (len(rows), 5)), 2)


def test_of_rooms_of_which_one_drifts_that_one_is_named_and_says_why() -> None:
    times, values = rooms(4)
    values[2 * DAY :, 2] += 6 * np.arange(2 * DAY) / DAY
    model = FloorModel(CHANNELS)
    model.run(times[: 3 * DAY], values[: 3 * DAY])
    (found,) = model.suspects()
    assert (found.channel, found.kind, found.fault_type) == (CHANNELS[2].id, "fault", "drift")
    assert found.evidence is not None
    assert found.evidence.high is not None
    assert found.evidence.value is not None
    assert found.evidence.value > found.evidence.high
    assert set(found.evidence.peers) == {channel.id for channel in CHANNELS} - {CHANNELS[2].id}


def test_rooms_without_a_fault_are_not_suspected() -> None:
    times, values = rooms(3)
    model = FloorModel(CHANNELS)
    model.run(times, values)
    assert model.suspects() == []


def troubled(days: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """One sticks, one is off, one has holes."""
    times, values = rooms(days)
    values[-80:, 0] = values[-80, 0]
    values[-40:, 3] += 6.0
    values[::7, 4] = np.nan
    return times, values


def called(order: list[int], shift_us: int = 0, days: int = 2) -> set[tuple[str, str, str, int]]:
    times, values = troubled(days)
    model = FloorModel([CHANNELS[index] for index in order])
    model.run(times + shift_us, values[:, order])
    return {(found.channel, found.kind, found.fault_type, found.since_us - shift_us) for found in model.suspects()}


@pytest.fixture(scope="module")
def plain() -> set[tuple[str, str, str, int]]:
    return called([0, 1, 2, 3, 4])


@pytest.mark.parametrize(("order", "shift_min"), [([4, 2, 0, 1, 3], 0), ([0, 1, 2, 3, 4], 345), ([3, 4, 1, 0, 2], -570)])
def test_another_time_zone_and_another_order_of_channels_change_nothing(plain: set[tuple[str, str, str, int]], order: list[int], shift_min: int) -> None:
    assert {found[0] for found in plain} == {"a0.p.air_temperature", "a3.p.air_temperature"}
    assert called(order, shift_min * 60_000_000) == plain


def test_a_channel_of_nothing_but_holes_changes_nothing_of_the_others() -> None:
    times, values = troubled()
    gone = values.copy()
    gone[:, 2] = np.nan
    model = FloorModel(CHANNELS)
    model.run(times, gone)
    score, p_fault, p_event = model.samples.scores()
    assert np.isfinite([score, p_fault, p_event]).all()
    assert {found.channel for found in model.suspects()} == {"a0.p.air_temperature", "a3.p.air_temperature"}
