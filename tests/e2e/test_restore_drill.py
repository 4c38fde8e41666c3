"""The restore drill: a centre is backed up while it runs, dies, and is restored elsewhere; agents resume by themselves and nothing they still keep is missing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.reading import Reading
from domain.times import SECOND_US
from edge_agent.outbox import Outbox
from oshwatch.testing import FakeClock, until
from storage.timeseries.opening import open_timeseries

TICKS = 300


def site() -> dict[str, Any]:
    channels = [{"placement": "hall", "quantity": "co2", "zone": "hall", "interval_s": 1}]
    return {
        "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
        "shifts": [{"name": "A", "start": "00:00", "stop": "00:00"}],
        "zones": [{"id": "hall", "name": "Hall"}],
        "agents": [{"id": agent, "channels": channels} for agent in ("agent-1", "agent-2")],
    }


def stored(directory: Path, agent: str, start_us: int) -> list[float | None]:
    store = open_timeseries(f"sqlite:///{directory}/timeseries")
    try:
        channel = f"{agent}.hall.co2"
        return [reading.value for reading in store.read([channel], start_us, start_us + TICKS * SECOND_US).get(channel, [])]
    finally:
        store.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.server("mosquitto")
def test_a_restored_centre_gets_back_what_came_after_its_backup(make_centre: Callable[..., Any], make_edge: Callable[..., Any], mosquitto: Any, tmp_path: Path) -> None:
    start_us = (int(time.time()) - 3600) * SECOND_US
    truth = [float(400 + tick) for tick in range(TICKS)]

    def edge(agent: str) -> Any:
        (tmp_path / agent).mkdir()
        outbox = Outbox(tmp_path / agent / "outbox.db", FakeClock(start_us + TICKS * SECOND_US))
        outbox.import_boot(f"{agent}-boot", [[Reading(f"{agent}.hall.co2", start_us + tick * SECOND_US, value)] for tick, value in enumerate(truth)])
        outbox.close()
        return make_edge({"agent": agent, "data_dir": str(tmp_path / agent), "clock": {"trusted": True}, "mqtt": {"url": mosquitto.url}, "sensors": []})

    first = make_centre(mosquitto.url)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site()))
    first.command("registry", "import", str(tmp_path / "site.yaml"), "--by", "tests", "--reason", "first")
    first.start("ingest")
    edge("agent-1").start()
    until(lambda: stored(first.directory, "agent-1", start_us) == truth, 40, f"agent-1 is stored; {first.tail()}")

    backup = tmp_path / "monday.oshbackup"
    first.command("backup", "create", "--out", str(backup))
    edge("agent-2").start()
    until(lambda: stored(first.directory, "agent-2", start_us) == truth, 40, "agent-2 is stored after the backup")
    first.end("ingest", signal.SIGKILL)

    second = make_centre(mosquitto.url)
    assert "whole" in second.command("backup", "verify", str(backup))
    second.directory.rmdir()
    second.command("backup", "restore", str(backup), "--data", str(second.directory))
    assert stored(second.directory, "agent-1", start_us) == truth
    assert stored(second.directory, "agent-2", start_us) == []
    second.start("ingest")
    until(lambda: stored(second.directory, "agent-2", start_us) == truth, 60, f"agent-2 sent again what it still keeps; {second.tail()}")
