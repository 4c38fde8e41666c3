"""`oshwatch demo`, as a stranger meets it: a live floor, a heat excursion, an alert, a plug that is pulled; in a real browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from oshwatch.testing import until

BIN = Path(sys.executable).parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.server("chromium")]


@dataclass
class Demo:
    process: subprocess.Popen[bytes]
    mark: dict[str, Any]
    directory: Path

    def user(self, role: str) -> dict[str, str]:
        return next(user for user in self.mark["users"] if user["role"] == role)

    def get(self, path: str, role: str = "officer") -> Any:
        import urllib.request

        request = urllib.request.Request(f"{self.mark['url']}/api/v1/{path}", headers={"Authorization": f"Bearer {self.user(role)['token']}"})
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())

    def status(self, zone: str) -> str:
        return str(self.get(f"zones/{self.mark['site']}.{zone}/now")["status"])


def is_ready(mark: dict[str, Any]) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{mark['url']}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory = tmp_path_factory.mktemp("demo") / "data"
    log = (directory.parent / "demo.log").open("wb")
    process = subprocess.Popen([str(BIN / "oshwatch"), "demo", "--port", "0", "--data", str(directory)], stdout=log, stderr=log)
    log.close()
    file = directory / "demo.json"
    until(lambda: process.poll() is not None or (file.exists() and file.stat().st_size), 60, "demo.json is written")
    assert process.poll() is None, (directory.parent / "demo.log").read_text()[-2000:]
    mark = json.loads(file.read_text())
    until(lambda: is_ready(mark), 60, "the demo is ready")
    yield Demo(process, mark, directory)
    process.send_signal(signal.SIGINT)
    process.wait(30)


def log_in(browser: Browser, demo: Demo, role: str, **options: Any) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(f"{demo.mark['url']}/login")
    page.fill("input[name=name]", demo.user(role)["name"])
    page.fill("input[name=password]", demo.user(role)["password"])
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    return page


def heat_alert(demo: Demo) -> dict[str, Any] | None:
    alerts = demo.get(f"alerts?site={demo.mark['site']}")["items"]
    return next((alert for alert in alerts if alert["zone"].endswith(".ironing") and alert["hazard"] == "heat"), None)


def test_the_file_for_programs_is_complete_and_private(demo: Demo) -> None:
    assert (demo.directory / "demo.json").stat().st_mode & 0o777 == 0o600
    assert demo.mark.keys() == {"url", "mqtt", "site", "data", "users", "agents", "devices"}
    roles = {"officer", "worker_representative", "management_representative", "inspector", "programme", "administrator"}
    assert {user["role"] for user in demo.mark["users"]} == roles
    assert len({user["password"] for user in demo.mark["users"]}) == len(roles)
    assert len(demo.mark["devices"]) == 5
    assert all(device.startswith("/dev/pts/") for device in demo.mark["devices"])


def test_the_watchdog_runs_and_metrics_say_how_often_each_part_was_started_again(demo: Demo) -> None:
    def lines() -> list[str]:
        return httpx.get(f"{demo.mark['url']}/metrics").text.splitlines()

    until(lambda: 'oshwatch_up{part="supervisor"} 1' in lines(), 30, "the supervisor speaks")
    expected = {
        'oshwatch_up{part="watchdog"} 1',
        'oshwatch_alerting_dead{part="watchdog"} 0',
        'oshwatch_restarts_watchdog{part="supervisor"} 0',
        'oshwatch_restarts{part="supervisor"} 0',
    }
    until(lambda: expected <= set(lines()), 30, "the watchdog sees alerting alive")


def test_the_shift_so_far_is_there_and_says_that_it_is_simulated(demo: Demo) -> None:
    channel = "agent-2.sewing-1.air_temperature"
    start = time.time() - 2 * 3600

    def count() -> int:
        page = demo.get(f"channels/{channel}/readings?start={start}&stop={time.time()}&every=60s&agg=mean")
        return len([item for item in page["items"] if item["value"] is not None])

    until(lambda: count() >= 110, 60, "two hours of minutes")
    readings = demo.get(f"channels/{channel}/readings?start={start}&stop={start + 60}")["items"]
    assert readings
    assert all(131 in reading["r"] for reading in readings)
    exposures = until(lambda: demo.get(f"sites/{demo.mark['site']}/exposures")["items"], 60, "verdicts of the running shift")
    assert all(verdict["state"] != "within" or verdict["grade"] == "compliance" for verdict in exposures)


def test_an_excursion_becomes_an_alert_that_a_person_acknowledges_in_the_browser(demo: Demo, browser: Browser) -> None:
    page = log_in(browser, demo, "officer", viewport={"width": 1280, "height": 1000})
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{demo.mark['url']}/sites/{demo.mark['site']}")
    numbers = "[...document.querySelectorAll('main [data-channel] .n')].map(element => element.textContent).join()"  # not the ages, which grow by themselves
    page.wait_for_function(f"before => {numbers} !== before", arg=page.evaluate(numbers), timeout=20_000)  # without reload
    until(lambda: heat_alert(demo), 150, "a heat alert in ironing")
    page.wait_for_selector("text=Press line: Heat over the limit", timeout=20_000)  # it came by itself
    page.wait_for_selector(".uplot canvas", timeout=10_000)  # the trend is drawn
    alert = heat_alert(demo)
    assert alert is not None
    assert alert["simulated"]
    page.goto(f"{demo.mark['url']}/alerts/{alert['id']}")
    form = page.locator("form[action$='/acknowledge']").first
    form.locator("[name=text]").fill("Steam line closed, people moved to the yard")
    form.locator("button[type=submit]").click()
    page.wait_for_load_state()
    acknowledged = until(lambda: (heat_alert(demo) or {}).get("acknowledged"), 15, "the acknowledgement")
    assert (acknowledged["by"], acknowledged["role"], acknowledged["text"]) == ("officer", "officer", "Steam line closed, people moved to the yard")
    assert errors == []


def test_without_javascript_values_and_alerts_are_readable_at_360_px(demo: Demo, browser: Browser) -> None:
    until(lambda: heat_alert(demo), 150, "a heat alert in ironing")
    page = log_in(browser, demo, "officer", viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page.goto(f"{demo.mark['url']}/sites/{demo.mark['site']}")
    text = page.inner_text("main")
    assert "Heat over the limit" in text
    assert "°C" in text
    scripted = log_in(browser, demo, "officer", viewport={"width": 360, "height": 740})
    scripted.goto(f"{demo.mark['url']}/sites/{demo.mark['site']}")
    assert scripted.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("role", "place", "title"), [("inspector", "/sites", "Sites"), ("worker_representative", "/alerts", "Alerts")])
def test_every_user_has_a_door(demo: Demo, browser: Browser, role: str, place: str, title: str) -> None:
    page = log_in(browser, demo, role)
    page.goto(f"{demo.mark['url']}{place}")
    assert page.inner_text("h1") == title


def test_a_pulled_plug_makes_its_zone_unknown_within_a_minute(demo: Demo) -> None:
    until(lambda: demo.status("sewing-2") == "within", 90, "sewing line 2 is within")
    devices = json.loads((demo.directory / "devices" / "devices.json").read_text())["devices"]
    os.kill(devices["sewing-bus"]["pid"], signal.SIGKILL)
    until(lambda: demo.status("sewing-2") == "unknown", 60, "sewing line 2 is unknown")


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen([str(BIN / "oshwatch"), "demo", "--port", "0", "--data", str(tmp_path / "d")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until((tmp_path / "d" / "demo.json").exists, 60, "demo.json")
    children = subprocess.run(["pgrep", "-f", str(tmp_path / "d")], capture_output=True, text=True, check=False).stdout.split()
    assert len(children) >= 4
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    until(lambda: not subprocess.run(["pgrep", "-f", str(tmp_path / "d")], capture_output=True, text=True, check=False).stdout.split(), 15, "nothing is left")
