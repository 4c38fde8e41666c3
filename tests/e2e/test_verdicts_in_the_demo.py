"""What the demo's verdicts do when a plug is pulled, when three hours of data come late, and when a calibration expires; asked for through the API alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from oshwatch.testing import until

BIN = Path(sys.executable).parent
SPEED = 60
RUNNING = "The shift is running: the result covers it up to now."
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Demo:
    """A running `oshwatch demo` and a caller of its API."""

    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def mark(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "demo.json").read_text()))

    def ask(self, path: str, body: dict[str, Any] | None = None, role: str = "officer") -> Any:
        token = next(user["token"] for user in self.mark["users"] if user["role"] == role)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.mark['url']}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def verdicts(self, zone: str, metric: str, revisions: str = "latest") -> list[dict[str, Any]]:
        page = self.ask(f"sites/demo/exposures?zone=demo.{zone}{'&revisions=all' if revisions == 'all' else ''}")
        return [verdict for verdict in page["items"] if verdict["metric"] == metric]

    def status(self, zone: str) -> str:
        return str(self.ask(f"zones/demo.{zone}/now")["status"])

    def answers(self) -> bool:
        try:
            return bool(self.ask("sites")["items"])
        except (OSError, urllib.error.URLError, ValueError):
            return False


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo of a scenario, ready to be asked unless told otherwise; ends it afterwards."""
    started: list[Demo] = []

    def start(scenario: dict[str, Any], *options: str, wait: bool = True) -> Demo:
        file, directory = tmp_path / "scenario.yaml", tmp_path / "data"
        file.write_text(yaml.safe_dump(scenario))
        log = (tmp_path / "demo.log").open("wb")
        command = [str(BIN / "oshwatch"), "demo", "--port", "0", "--data", str(directory), "--scenario", str(file), *options]
        demo = Demo(subprocess.Popen(command, stdout=log, stderr=log), directory)
        log.close()
        started.append(demo)
        if wait:
            wait_for(demo)
        return demo

    def wait_for(demo: Demo) -> None:
        file = demo.directory / "demo.json"
        until(lambda: demo.process.poll() is not None or (file.exists() and file.stat().st_size), 60, "demo.json is written")
        assert demo.process.poll() is None, (tmp_path / "demo.log").read_text()[-2000:]
        until(demo.answers, 60, "the demo answers")

    start.wait_for = wait_for  # type: ignore[attr-defined]
    yield start
    for demo in started:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGINT)
            demo.process.wait(30)


def scenario(hours: int = 5, **more: Any) -> dict[str, Any]:
    """Two lines of sewing machines, each with a sound level meter on an agent of its own."""
    zone = {"metabolic_rate_w": 180, "hazards": ["noise"], "empty_in_breaks": True}
    physics = {"machine_db": 79.0}
    return {
        "id": "two-lines",
        "title": "Two lines",
        "description": "Nothing happens but what the test does.",
        "seed": 5,
        "site": {"id": "demo", "name": "Sunrise Garments", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
        "climate": {"mean_c": 25.5, "swing_c": 4.0, "humidity_pct": 62},
        "shift": {"hours": hours, "break_after_min": 182, "break_min": 45},
        "areas": [{"zone": {"id": name, "name": name, **zone}, "physics": physics} for name in ("left", "right")],
        "lines": [
            {
                "id": f"{name}-bus",
                "agent": f"agent-{name}",
                "kind": "modbus",
                "interval_s": 10,
                "units": [{"unit": 1, "profile": "sound-level-meter", "placement": name, "zone": name, "class": "compliance"}],
            }
            for name in ("left", "right")
        ],
        **more,
    }


def test_a_pulled_plug_ends_not_assessable_with_its_reason_and_is_never_green(start_demo: Callable[..., Demo]) -> None:
    pulled = {"id": "plug", "line": "left-bus", "unit": 1, "kind": "unplugged", "start_s": -1500, "duration_s": 20_000}
    demo = start_demo(scenario(faults=[pulled], shift={"hours": 9, "break_after_min": 400, "break_min": 30}), "--speed", str(SPEED))
    seen: list[tuple[str, str, str, int]] = []

    def looked() -> tuple[str, str, str, int]:
        left, right = demo.verdicts("left", "dose_3db"), demo.verdicts("right", "dose_3db")
        if left and right:
            seen.append((demo.status("left"), left[0]["state"], right[0]["state"], left[0]["valid"]))
        return seen[-1] if seen else ("", "", "", 0)

    until(lambda: looked()[1] == "indeterminate" and seen[-1][3] >= 150, 60, "the shift so far is there, and can be assessed")
    until(lambda: looked()[1:3] == ("not_assessable", "indeterminate"), 100, "the zone without a sensor is not assessable, the other one is")
    assert not {status for status, *_ in seen} & {"within"}
    assert {state for _, state, *_ in seen} <= {"indeterminate", "not_assessable"}
    verdict = demo.verdicts("left", "dose_3db")[0]
    assert verdict["coverage"] < 0.75
    assert "Fewer than 75 % of the minutes are valid." in verdict["reasons"]
    assert any(reason.startswith("Longest gap: ") for reason in verdict["reasons"])
    assert verdict["max_gap_min"] >= 25


def agent_process(directory: Path, agent: str) -> int | None:
    """The process that runs this agent's config."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"edge_agent" in words and str(directory / "agents" / agent / "agent.yaml").encode() in words:
            return int(path.parent.name)
    return None


def test_three_hours_that_arrive_after_the_shift_revise_its_verdict_and_it_says_so(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo(scenario(hours=4), "--speed", str(SPEED), wait=False)
    pid = int(until(lambda: agent_process(demo.directory, "agent-left"), 60, "the agent's process"))
    os.kill(pid, signal.SIGSTOP)  # before it has sent what it holds: three hours of an earlier run
    try:
        start_demo.wait_for(demo)  # type: ignore[attr-defined]
        until(lambda: finals(demo, "left"), 110, "the shift has ended")
        (before,) = finals(demo, "left")
        assert (before["state"], before["valid"], before["revision"]) == ("not_assessable", 0, 1)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: finals(demo, "left")[-1]["valid"] >= 170, 60, "a revision with the late data")
    revisions = finals(demo, "left")
    assert revisions[0] == before
    assert [one["revision"] for one in revisions] == list(range(1, len(revisions) + 1))
    assert (revisions[-1]["state"], revisions[-1]["coverage"] >= 0.75) == ("indeterminate", True)
    told = explained(demo, before["limit"]["id"])["revisions"]
    assert any(change["field"] == "state" for one in told for change in one["changes"])
    assert all("late data for agent-left.left.sound_level_a_eq " in one["why"] for one in told[1:])


def explained(demo: Demo, limit: str) -> dict[str, Any]:
    """The page of numbers of the left zone's dose: the ids of results count up, and the newest revision of it is the last."""
    newest: dict[str, Any] = {}
    for id in range(1, 200):
        try:
            found = demo.ask(f"verdicts/{id}")
        except urllib.error.HTTPError:
            break
        verdict = found["verdict"]
        if (verdict["zone"], verdict["metric"], verdict["limit"]["id"]) == ("demo.left", "dose_3db", limit):
            newest = found
    return newest


def finals(demo: Demo, zone: str) -> list[dict[str, Any]]:
    """Every revision of the zone's dose since its shift has ended, the first first."""
    return [one for one in demo.verdicts(zone, "dose_3db", "all") if RUNNING not in one["reasons"]]


def test_when_a_calibration_expires_the_grade_drops_and_within_is_not_said_any_more(start_demo: Callable[..., Demo], tmp_path: Path) -> None:
    """A meter that is no simulation, beside the demo's own: what is simulated never has a grade to lose."""
    demo = start_demo(scenario(hours=9))
    enrol_meter(demo, tmp_path)
    publish(demo, minutes=175)
    channel = "meter-7.corner.wbgt"
    body = {"type": "factory", "performed_at": "2026-06-01", "pass": True, "by": "Quatest 3", "certificate": "c-17", "reason": "yearly calibration"}

    def verdict() -> dict[str, Any]:
        found = [one for one in demo.verdicts("right", "wbgt_effective_60min_worst") if one["placement"] == "corner" and one["limit"]["id"] == "niosh-rel"]
        return found[0] if found else {}

    until(lambda: verdict().get("valid", 0) >= 170, 40, "the meter's minutes have a verdict")
    assert (verdict()["calibration"], verdict()["grade"]) == ("unknown", "screening")
    demo.ask(f"channels/{channel}/calibrations", {**body, "next_due": rfc3339(time.time() + 20)})
    until(lambda: verdict()["contested"], 20, "nobody but who entered it has agreed")
    assert (verdict()["calibration"], verdict()["grade"]) == ("unknown", "screening")
    (change,) = (one["id"] for one in demo.ask("sites/demo/changes")["items"] if one["contested"] and "calibration" in one["changes"][0]["name"])
    for side in ("worker", "management"):
        demo.ask(f"sites/demo/changes/{change}/agree", {"agree": True}, role=f"{side}_representative")
    until(lambda: verdict()["calibration"] == "due", 20, "the calibration holds")
    good = verdict()
    assert (good["grade"], good["state"]) == ("compliance", "within")
    until(lambda: verdict()["calibration"] == "overdue", 120, "the calibration has expired")
    late = verdict()
    assert (late["grade"], late["state"]) == ("screening", "indeterminate")
    assert late["high"] > good["high"]
    assert "Calibration: overdue." in late["reasons"]


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def enrol_meter(demo: Demo, tmp_path: Path) -> None:
    """The demo's registry with one more device in it, from before the shift on."""
    environment = {**os.environ, "OSHWATCH_DATA_DIR": str(demo.directory / "centre"), "OSHWATCH_DATABASE_URL": f"sqlite:///{demo.directory}/centre/oshwatch.db"}

    def command(*words: str) -> str:
        done = subprocess.run([BIN / "oshwatch", "registry", *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    site = yaml.safe_load(command("export", "--site", "demo"))
    spec = {"placement": "corner", "quantity": "wbgt", "zone": "right", "interval_s": 60, "instrument": {"model": "wbgt-meter", "serial": "m7", "class": "compliance"}}
    site["agents"].append({"id": "meter-7", "channels": [{**spec, "agreed_by": ["worker side", "management"]}]})
    right = next(zone for zone in site["zones"] if zone["id"] == "right")
    right |= {"metabolic_rate_measured": True, "acclimatised": "yes", "hazards": ["noise", "heat"]}
    file = tmp_path / "meter.yaml"
    file.write_text(yaml.safe_dump({**site, "valid_from": rfc3339(time.time() - 4 * 3600)}))
    command("import", str(file), "--by", "tests", "--reason", "a meter of our own")


def publish(demo: Demo, *, minutes: int) -> None:
    """One pack of the last hours, a value a minute."""
    import paho.mqtt.client as paho

    now = int(time.time() // 60) * 60
    pack: list[dict[str, Any]] = [{"n": "corner/wbgt", "u": "Cel", "v": 22.0, "t": -60 * age + 5} for age in range(minutes, 0, -1)]
    pack[0] |= {"bn": "meter-7/", "bt": now, "boot": "m7-1", "seq": 0, "sync": True}
    address = urlsplit(demo.mark["mqtt"])
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="meter-7")
    client.username_pw_set(address.username, address.password)
    client.connect(str(address.hostname), int(address.port or 0))
    client.loop_start()
    client.publish("osh/v1/meter-7/data", json.dumps(pack), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
