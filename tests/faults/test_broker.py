"""The broker fails: killed while ingest is away, restarted again and again, or cut off without a word."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from domain.times import SECOND_US
from oshwatch.testing import until

pytestmark = pytest.mark.server("mosquitto")


def test_broker_killed_while_ingest_is_down_and_restarted_with_its_default_persistence(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], mosquitto: Any, dice: random.Random
) -> None:
    plant, devices = make_plant(), [make_device("agent-1"), make_device("agent-2")]
    plant.start_ingest()
    plant.wait_until_listening()
    for device in devices:
        device.connect()
    at = dice.randrange(100, 300)
    for number in range(400):
        for device in devices:
            device.tick(dice)
        if number == at - dice.randrange(1, 90):
            plant.end_ingest()
        if number == at:
            plant.end_ingest()
            mosquitto.kill()
        if number == at + 50:
            mosquitto.start()
        time.sleep(0.003)
    plant.start_ingest()
    for device in devices:
        device.wait_until_settled()
    produced = devices[0].produced | devices[1].produced
    assert plant.stored(produced) == produced


def test_broker_restarted_50_times(make_plant: Callable[..., Any], make_device: Callable[..., Any], mosquitto: Any) -> None:
    plant, device, dice = make_plant(), make_device(), random.Random(1)
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect()
    for number in range(50):
        mosquitto.kill()
        mosquitto.start()
        device.tick(dice)
        if number % 10 == 9:
            device.wait_until_settled(40)  # ingest has subscribed again, or nobody would answer
    device.tick(dice)
    device.wait_until_settled(40)
    assert plant.stored(device.produced) == device.produced
    until(lambda: plant.metrics().get('oshwatch_reconnects{part="ingest"}', 0) >= 5, 10, "reconnects are counted")
    until(lambda: plant.metrics()['oshwatch_last_message_age_s{part="ingest"}'] < 30, 10, "the age of the last message is told")


def test_network_cut_with_no_fin_for_30_s_at_1_hz(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], relay: Any, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it thirty times as fast: keep-alive 1 s, samples at 20 Hz, the line dead for 2 s."""
    monkeypatch.setattr("edge_agent.uplink.KEEPALIVE_S", 1)
    plant, device = make_plant(interval_s=0.05), make_device()
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect(f"mqtt://127.0.0.1:{relay.port}")
    begun_us, cut = time.time_ns() // 1000, dice.randrange(20, 40)
    for number in range(120):
        device.tick(dice)
        relay.frozen = cut <= number < cut + 40
        time.sleep(0.05)
    device.wait_until_settled()
    assert plant.stored(device.produced) == device.produced
    last_us = max(time_us for _, time_us in device.produced)
    found = plant.completeness("agent-1.hall.co2", begun_us, last_us + SECOND_US // 20)
    assert [hole for hole in found["holes"] if hole["missing"] > 10] == []  # a busy machine may skip a beat, a dead line may not
