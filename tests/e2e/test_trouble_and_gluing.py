"""The demo's scenarios `sensor-trouble` and `gluing-without-extraction`, played fast and brought forward: what API and pages call each thing, beside what the scenario says
that it is. (With their own times, and every sample of theirs, the model is held against them in tests/models_anomaly.)"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from oshwatch.testing import until
from simulator.scenario import Truth, load_scenario

BIN = Path(sys.executable).parent
SPEED = 8
BEFORE_S = {"sensor-trouble": 1_800, "gluing-without-extraction": 840}
"""By so much an event begins earlier, so that its first part lies in the hours that the demo has behind it."""
LATE_MIN = {"stuck": 12.0, "spike": 12.0, "bias": 12.0, "noise": 12.0, "unplugged": 6.0, "ventilation_stops": 40.0}
"""Twice what docs/models/results.md states of each kind and more: the demo's own clock hurries."""
TYPES = {"unplugged": {"dropout"}, "stuck": {"stuck"}, "spike": {"spike"}, "bias": {"bias"}, "noise": {"noise"}}
GAPS = ("fault", "dropout")
"""A machine with too much to do leaves out samples of a hurried demo, and that is what they are then called."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Played:
    """A running demo, and every suspicion and alert that was ever seen of it."""

    process: subprocess.Popen[bytes]
    directory: Path
    scenario: str
    suspects: dict[tuple[str, str, str], float] = field(default_factory=dict)  # channel, kind, type → since, seconds after the start
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mark(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "demo.json").read_text()))

    @property
    def zones(self) -> list[str]:
        return [area.zone.id for area in load_scenario(self.scenario).areas]

    def ask(self, path: str) -> Any:
        token = next(user["token"] for user in self.mark["users"] if user["role"] == "officer")
        request = urllib.request.Request(f"{self.mark['url']}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def answers(self) -> bool:
        try:
            return bool(self.ask("sites")["items"]) and self.ask(f"zones/demo.{self.zones[0]}/now")["shift"] is not None
        except (OSError, urllib.error.URLError, ValueError):
            return False

    @cached_property
    def start_s(self) -> float:
        """The scenario's start: its shift began three hours before it."""
        shift = self.ask(f"zones/demo.{self.zones[0]}/now")["shift"]
        return datetime.fromisoformat(shift["start"]).timestamp() + 3 * 3_600.0

    def look(self) -> None:
        """Remembers what is suspected now, and which alerts there are; one that its limit raised and that is not shown is remembered too."""
        for zone in self.zones:
            for one in self.ask(f"zones/demo.{zone}/now")["suspects"]:
                since_s = datetime.fromisoformat(one["since"]).timestamp() - self.start_s
                self.suspects.setdefault((one["channel"], one["kind"], one["fault_type"]), since_s)
        for alert in self.ask("alerts?site=demo")["items"]:
            self.alerts[alert["id"]] = alert
            if alert["limit"] is not None and (alert["suppression"] != "none" or (alert["condition"] == "active" and alert["state"] not in ("unacknowledged", "acknowledged"))):
                self.hidden.append(alert)

    def called(self, channel: str) -> set[tuple[str, str]]:
        """But for gaps, where no sensor is unplugged."""
        found = {(kind, type_) for one, kind, type_ in self.suspects if one == channel}
        return found - {GAPS} or found


def brought_forward(name: str, path: Path) -> str:
    """The same scenario with less to wait for."""
    text = yaml.safe_load(resources.files("simulator.scenarios").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    for event in text["events"]:
        event["start_s"] -= BEFORE_S[name]
        event["duration_s"] += BEFORE_S[name]
    path.write_text(yaml.safe_dump(text))
    return str(path)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[str], Played]]:
    started: list[Played] = []

    def start(name: str) -> Played:
        scenario = brought_forward(name, tmp_path / f"{name}.yaml")
        directory, log = tmp_path / "data", (tmp_path / "demo.log").open("wb")
        command = [str(BIN / "oshwatch"), "demo", "--port", "0", "--data", str(directory), "--scenario", scenario, "--speed", str(SPEED)]
        played = Played(subprocess.Popen(command, stdout=log, stderr=log), directory, scenario)
        log.close()
        started.append(played)
        mark = directory / "demo.json"
        until(lambda: played.process.poll() is not None or (mark.exists() and mark.stat().st_size), 90, "demo.json is written")
        assert played.process.poll() is None, (tmp_path / "demo.log").read_text()[-2000:]
        until(played.answers, 180, "the demo answers, and knows its shift")
        return played

    yield start
    for played in started:
        if played.process.poll() is None:
            played.process.send_signal(signal.SIGINT)
            played.process.wait(30)


def watch(played: Played, truths: list[Truth]) -> None:
    """Until everything that the scenario says has been called something."""

    def is_told() -> bool:
        played.look()
        return all(any(played.called(channel) - ({GAPS} if truth.type != "unplugged" else set()) for channel in truth.channels) for truth in truths)

    until(is_told, 420, f"each of {[truth.id for truth in truths]} is called something; seen {played.suspects}", every_s=2.0)
    time.sleep(5.0)  # a second thought shows as well
    played.look()


def page(browser: Browser, played: Played, zone: str) -> str:
    user = next(user for user in played.mark["users"] if user["role"] == "officer")
    opened = browser.new_context().new_page()
    opened.goto(f"{played.mark['url']}/login")
    opened.fill("input[name=name]", user["name"])
    opened.fill("input[name=password]", user["password"])
    opened.click("main button[type=submit]")
    opened.wait_for_load_state()
    opened.goto(f"{played.mark['url']}/zones/demo.{zone}")
    return opened.inner_text("main")


@pytest.mark.server("chromium")
def test_broken_sensors_are_called_broken_and_what_happened_an_event_and_no_limit_alarm_is_silenced(play: Callable[[str], Played], browser: Browser) -> None:
    played = play("sensor-trouble")
    truths = list(load_scenario(played.scenario).truths())
    watch(played, truths)
    for truth in truths:
        for channel in truth.channels:
            expected = {("fault", type_) for type_ in TYPES[truth.type]} if truth.truth == "fault" else {("event", "")}
            assert played.called(channel) == expected, truth.id
        late_min = min(played.suspects[key] for key in played.suspects if key[0] in truth.channels and (key[1:] != GAPS or truth.type == "unplugged")) - truth.start_s
        assert late_min / 60.0 <= LATE_MIN[truth.type], truth.id
    troubled = {channel for truth in truths for channel in truth.channels}
    assert {channel for channel, *what in played.suspects if tuple(what) != GAPS} <= troubled, "nothing else is called anything"
    assert not played.hidden
    heat = [alert for alert in played.alerts.values() if alert["zone"] == "demo.cutting" and alert["type"] == "heat"]
    assert heat, "a reading over the limit raises its alarm, also where its sensor is called broken"
    assert "agent-3.cutting.air_temperature" in heat[0]["evidence"]["channels"]
    told = {alert["zone"] for alert in played.alerts.values() if alert["type"] == "suspected_fault"}
    assert told >= {truth.zone if truth.zone.startswith("demo.") else f"demo.{truth.zone}" for truth in truths if truth.truth == "fault"}
    text = page(browser, played, "boiler-room")
    assert "stuck at" in text


def test_extraction_that_fails_is_an_event_and_no_fault(play: Callable[[str], Played]) -> None:
    played = play("gluing-without-extraction")
    truths = list(load_scenario(played.scenario).truths())
    watch(played, truths)
    found = {key: since_s for key, since_s in played.suspects.items() if key[1:] != GAPS}
    assert {(channel, kind) for channel, kind, _ in found} == {(channel, "event") for truth in truths for channel in truth.channels}
    (since_s,) = found.values()
    assert (since_s - truths[0].start_s) / 60.0 <= LATE_MIN["ventilation_stops"]
    assert not played.hidden
