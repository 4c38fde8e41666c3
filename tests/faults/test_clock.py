"""A device's clock is an hour ahead over the end of a leap day, and is set back while it measures: agent, broker and centre for real, twenty times as fast."""

from __future__ import annotations

import os
import pty
import random
import threading
import time
import tty
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from domain.times import HOUR_US, MINUTE_US, SECOND_US, minute_of, parse_instant, to_rfc3339
from edge_agent.agent import Agent
from ingest.mqtt import MqttSource
from ingest.rules import NoticeKind
from ingest.service import IngestService
from oshwatch.testing import RecordingRules, until

pytestmark = pytest.mark.server("mosquitto")
MIDNIGHT_US = parse_instant("2028-02-29T17:00:00Z")
"""The leap day ends in the factory (UTC+7)."""
CHANNEL = "agent-1.hall.pm1"


class Machine:
    """A clock that runs fast, and by how much it is wrong."""

    speed = 20.0

    def __init__(self, start_us: int) -> None:
        self.error_us = 0
        self.be(start_us)

    def be(self, at_us: int) -> None:
        self._start_us = at_us - self.monotonic_us()

    def now_us(self) -> int:
        return self._start_us + self.monotonic_us() + self.error_us

    def monotonic_us(self) -> int:
        return round(time.monotonic() * self.speed * SECOND_US)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


def frame(count: int) -> bytes:
    words = [0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0, 0, 0x9700]
    body = b"\x42\x4d\x00\x1c" + b"".join(word.to_bytes(2, "big") for word in words)
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_clock_an_hour_ahead_is_set_back_over_the_end_of_a_leap_day(
    make_plant: Callable[..., Any], mosquitto: Any, relay: Any, line: tuple[int, str], tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it measured before stands at the right times afterwards, in the right days and minutes; what came with an hour to come was refused and raised, not believed."""
    monkeypatch.setattr("edge_agent.agent.HOUSEKEEPING_S", 0.1)
    machine = Machine(MIDNIGHT_US - HOUR_US)
    plant = make_plant(clock=machine, quantities=("pm1", "pm2_5", "pm10"))
    rules = RecordingRules()
    service = IngestService(source=MqttSource(mosquitto.url, clock=machine), timeseries=plant.store, engine=plant.engine, clock=machine, rules=rules)
    service.start()
    until(lambda: service.ready()[0], 20, "ingest is ready")
    machine.be(MIDNIGHT_US - 90 * SECOND_US)
    wrong = Machine(MIDNIGHT_US - 90 * SECOND_US)
    wrong.error_us = HOUR_US
    config = tmp_path / "agent.yaml"
    sensor = f"{{id: dust, driver: plantower, port: {line[1]}, placement: hall, interval_s: 1}}"
    config.write_text(f'agent: agent-1\ndata_dir: data\nclock: {{trusted: true}}\nmqtt: {{url: "{mosquitto.url}"}}\nsensors: [{sensor}]\n')
    agent = Agent(config, wrong, version="1", chance=random.Random(1))
    thread = threading.Thread(target=agent.run)
    thread.start()
    sent: dict[float, int] = {}
    stepped = dice.randrange(40, 90)
    try:
        os.read(line[0], 64)  # its greeting
        for count in range(1, 201):
            if count == stepped:
                wrong.error_us = 0
            sent[float(count)] = machine.now_us()
            os.write(line[0], frame(count))
            time.sleep(0.05)
        until(lambda: agent._outbox.depth("home")[0] == 0, 30, "all is acknowledged")
        right = {"start": to_rfc3339(MIDNIGHT_US - 10 * MINUTE_US), "stop": to_rfc3339(MIDNIGHT_US + 30 * MINUTE_US)}

        def stored() -> list[tuple[float, int]]:
            items = plant.all(f"channels/{CHANNEL}/readings", **right)
            return [(item["value"], parse_instant(item["time"])) for item in items if item["value"] is not None]

        until(lambda: {value for value, _ in stored()} == sent.keys(), 15, "each stands at its right time")
        found = stored()
    finally:
        agent.stop()
        thread.join(20)
        service.stop()
    assert [value for value, _ in found] == sorted(sent)
    assert all(before < after for (_, before), (_, after) in pairwise(found))
    assert max(abs(at - sent[value]) for value, at in found) < 40 * SECOND_US  # two seconds of a busy machine
    assert any(kind is NoticeKind.CLOCK_WRONG for _, kind, _ in rules.notices)
    assert plant.all("quarantine", state="held") == []
    ahead = {"start": to_rfc3339(MIDNIGHT_US + 50 * MINUTE_US), "stop": to_rfc3339(MIDNIGHT_US + 100 * MINUTE_US)}
    assert [item for item in plant.all(f"channels/{CHANNEL}/readings", **ahead) if item["value"] is not None] == []
    minutes = plant.store.read_minutes([CHANNEL], MIDNIGHT_US - HOUR_US, MIDNIGHT_US + 2 * HOUR_US)[CHANNEL]
    closed = [minute for minute in minutes if minute.start_us < minute_of(found[-1][1])]
    counted = Counter(minute_of(time_us) for _, time_us in found)
    assert {minute.start_us: minute.valid for minute in closed if minute.valid} == {at: count for at, count in counted.items() if at < minute_of(found[-1][1])}
    assert {minute.start_us < MIDNIGHT_US for minute in closed if minute.valid} == {True, False}
