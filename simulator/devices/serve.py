"""All lines of a scenario, one process each. A device that is killed stays dead: that is how a test pulls a plug."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from domain.clock import Clock
from domain.errors import NotReady
from simulator.scenario import Line, Scenario, load_scenario

OPEN_WITHIN_S = 20.0
LISTING = "devices.json"
WATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class Served:
    """A running line."""

    line: Line
    link: Path
    process: subprocess.Popen[bytes]

    def to_json(self) -> dict[str, object]:
        zones = sorted({unit.zone for unit in self.line.units})
        return {"path": os.path.realpath(self.link), "link": str(self.link), "pid": self.process.pid, "kind": self.line.kind, "agent": self.line.agent, "zones": zones}


class DeviceFarm:
    """Starts, names and ends the processes."""

    def __init__(self, scenario: Scenario, directory: Path, start_us: int) -> None:
        self._scenario, self._directory, self._start_us = scenario, directory, start_us
        self._served: dict[str, Served] = {}

    def start(self) -> dict[str, dict[str, object]]:
        """By line id: path, link, pid, kind, agent, zones. Raises `NotReady` when a device does not open its line."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for line in self._scenario.lines:
            link = self._directory / line.id
            link.unlink(missing_ok=True)
            self._served[line.id] = Served(line, link, self._spawn(line, link))
        deadline = time.monotonic() + OPEN_WITHIN_S
        for served in self._served.values():
            while not served.link.exists():
                if time.monotonic() > deadline or served.process.poll() is not None:
                    self.stop()
                    raise NotReady(f"the virtual device '{served.line.id}' did not open its line")
                time.sleep(0.02)
        return self.listing()

    def listing(self) -> dict[str, dict[str, object]]:
        return {id: served.to_json() for id, served in self._served.items()}

    def pids(self) -> Mapping[str, int]:
        return {id: served.process.pid for id, served in self._served.items()}

    def kill(self, line: str) -> None:
        """Pull the plug."""
        self._served[line].process.kill()
        self._served[line].process.wait()

    def drop_dead(self) -> None:
        """The kernel gives a dead device's number to the next that asks: its link goes, so that no agent reads a stranger's line."""
        for served in self._served.values():
            if served.process.poll() is not None:
                served.link.unlink(missing_ok=True)

    def stop(self) -> None:
        for served in self._served.values():
            served.process.kill()
        for served in self._served.values():
            served.process.wait()
            served.link.unlink(missing_ok=True)

    def _spawn(self, line: Line, link: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "simulator.devices.device", "--scenario", self._scenario.source, "--line", line.id, "--link", str(link), "--start-us", str(self._start_us)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def run_devices(scenario_name: str, directory: Path, clock: Clock, start_us: int | None = None) -> None:
    """Prints the devices as one line of JSON, writes the same to DIR/devices.json, and serves until SIGTERM or SIGINT."""
    ended = threading.Event()

    def handle(signum: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    farm = DeviceFarm(load_scenario(scenario_name), directory.absolute(), clock.now_us() if start_us is None else start_us)
    text = json.dumps({"devices": farm.start()})
    part = directory / f"{LISTING}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(directory / LISTING)
    print(text, flush=True)  # noqa: T201 - what the command is for
    while not ended.wait(WATCH_S):
        farm.drop_dead()
    farm.stop()
