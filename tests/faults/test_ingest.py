"""Ingest fails: killed again and again, or struck by an exception in any of its threads or callbacks."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from typing import Any

import pytest

from domain.clock import SystemClock
from domain.quantities import Averaging
from domain.reading import Reading, minute_from
from domain.times import MINUTE_US, SECOND_US, minute_of
from edge_agent.window import LIMIT as WINDOW
from ingest.mqtt import MqttSource
from ingest.service import IngestService
from oshwatch.testing import RecordingRules, until

pytestmark = pytest.mark.server("mosquitto")
PACKS, OF = 2_000, 100
READINGS = PACKS * OF


@pytest.mark.slow
def test_ingest_killed_4_times_during_200_000_readings(make_plant: Callable[..., Any], make_device: Callable[..., Any], dice: random.Random) -> None:
    """Every pack is a second of a hundred samples of one channel; minutes are counted as well as samples, and a stop alert is raised once."""
    plant, device = make_plant(interval_s=0.01), make_device()
    start_us = minute_of(SystemClock().now_us() - 3600 * SECOND_US)
    channel = "agent-1.hall.co2"
    truth = [Reading(channel, start_us + number * SECOND_US // OF, round(dice.uniform(400, 900), 1)) for number in range(READINGS)]
    device.outbox.import_boot("past", (truth[first : first + OF] for first in range(0, READINGS, OF)))
    device.make([Reading("agent-1.hall.co", SystemClock().now_us(), 400.0)])
    plant.start_ingest()
    device.connect()
    for left in sorted(dice.sample(range(2 * WINDOW, PACKS), 4), reverse=True):  # by what is acknowledged, not by time: a loaded machine has done nothing yet
        device.wait_until_settled(60, left=left)
        plant.end_ingest(signal.SIGKILL)
        assert device.waiting > 0
        plant.start_ingest()
    device.wait_until_settled(90)
    found = plant.store.read([channel], start_us, start_us + READINGS * SECOND_US // OF + 1)[channel]
    assert found == truth
    api = plant.all(f"channels/{channel}/readings", start=start_us / SECOND_US, stop=start_us / SECOND_US + 60)
    assert [item["value"] for item in api] == [reading.value for reading in truth[: 60 * OF]]
    stop_us = minute_of(truth[-1].time_us)
    expected = [
        minute_from(channel, at, truth[(at - start_us) * OF // SECOND_US : (at - start_us) * OF // SECOND_US + 60 * OF], Averaging.ARITHMETIC)
        for at in range(start_us, stop_us, MINUTE_US)
    ]
    until(lambda: plant.store.read_minutes([channel], start_us, stop_us).get(channel) == expected, 20, "each minute once, and right")
    assert plant.completeness(channel, start_us, truth[-1].time_us + SECOND_US // OF)["holes"] == []
    assert len([alert for alert in plant.all("alerts") if alert["hazard"] == "gas:co"]) == 1


def once(real: Callable[..., Any]) -> Callable[..., Any]:
    """The first call fails."""
    left = [RuntimeError("struck")]

    def call(*arguments: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return real(*arguments, **named)

    return call


STRUCK = {
    "intake": lambda service: (service._intake, "_accept"),
    "merger": lambda service: (service._merger, "prepare"),
    "writer": lambda service: (service._writer._timeseries, "write"),
    "ledger": lambda service: (service._committer, "commit"),
    "housekeeper": lambda service: (service._registry, "version"),
    "receiver": lambda service: (service._source, "_on_frames"),
}


@pytest.mark.parametrize("part", STRUCK)
def test_an_exception_in_any_callback(make_plant: Callable[..., Any], make_device: Callable[..., Any], mosquitto: Any, part: str, caplog: pytest.LogCaptureFixture) -> None:
    """The part goes on or starts again, says so in a metric and the log, and nothing is lost."""
    plant, device, dice, clock = make_plant(), make_device(), random.Random(3), SystemClock()
    source = MqttSource(mosquitto.url, clock=clock)
    service = IngestService(source=source, timeseries=plant.store, engine=plant.engine, clock=clock, rules=RecordingRules())
    held, name = STRUCK[part](service)
    if part == "receiver":
        source._client.on_frames = once(source._on_frames)
    else:
        setattr(held, name, once(getattr(held, name)))
    service.start()
    try:
        device.connect()
        for _ in range(20):
            device.tick(dice)
        until(lambda: service.counters()["exceptions"] >= 1, 20, "it is counted")
        device.wait_until_settled(30)
        assert any("struck" in (record.exc_text or "") + record.getMessage() for record in caplog.records)
        if part == "intake":  # what could not be processed is kept, not dropped
            kept = plant.all("quarantine")
            for item in kept:
                service.retry(item["id"])
            until(lambda: all(item["state"] == "accepted" for item in plant.all("quarantine")), 10, "tried again")
        until(lambda: plant.stored(device.produced) == device.produced, 10, "all is stored")
        until(lambda: service.ready()[0], 10, "ready again")
    finally:
        service.stop()
