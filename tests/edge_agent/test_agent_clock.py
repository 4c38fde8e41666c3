"""An agent whose clock is wrong at boot: it measures, waits, and sends right times once the clock is set."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent import agent as agent_module
from edge_agent.agent import Agent
from edge_agent.drivers.plantower.frames import FRAMES

pytestmark = pytest.mark.server("mosquitto")


@dataclass
class SettableClock:
    """The machine's clock, wrong by `error_us` until somebody sets it."""

    error_us: int = 0

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self.error_us

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_a_boot_with_a_wrong_clock_waits_and_is_sent_with_the_right_times(
    tmp_path: Path, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "HOUSEKEEPING_S", 0.1)
    wire, clock, synchronised = wires(), SettableClock(-86_400_000_000), [False]
    config = tmp_path / "agent.yaml"
    config.write_text(f'agent: agent-7\ndata_dir: data\nmqtt: {{url: "{mosquitto.url}"}}\nsensors:\n  - {{id: d, driver: plantower, port: {wire.path}, placement: cutting-1}}\n')
    agent = Agent(config, clock, version="test", chance=random.Random(1), synchronised=lambda: synchronised[0])
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        wire.receive(7)
        sent_at = time.time()
        wire.send(bytes.fromhex(FRAMES[1][0]))
        eventually(lambda: any(health["outbox_depth"] == 1 for health in centre.of_kind("health")), what="it says that a pack waits")
        assert centre.packs == {}
        assert centre.of_kind("health")[-1]["clock_synchronised"] is False
        clock.error_us = 0
        synchronised[0] = True
        eventually(lambda: len(centre.readings()) == 3, what="the pack")
        first = centre.readings()[0]
        assert (first.q, first.r) == (4, ())
        assert abs(first.time_us / 1e6 - sent_at) < 1.0
        eventually(lambda: [event["type"] for event in centre.events] == ["clock"], what="clock event")
        assert centre.events[0]["offset_s"] == pytest.approx(86_400, abs=0.5)
    finally:
        agent.stop()
        thread.join(15)
    assert not thread.is_alive()
