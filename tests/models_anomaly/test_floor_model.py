"""Samples and minutes together: slow drift is told of the sensor that drifts, and with its evidence."""

from __future__ import annotations

import numpy as np

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
