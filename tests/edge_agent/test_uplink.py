"""The way to the centre, against a real mosquitto: what is acknowledged is done, everything else comes again."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.clock import SystemClock
from domain.messages import Ack, CommandResult, Health, Status
from domain.reading import Reading
from edge_agent import window as window_module
from edge_agent.config import Destination
from edge_agent.outbox import Outbox
from edge_agent.uplink import Sources, Uplink, connection_of
from edge_agent.worker import Worker

pytestmark = pytest.mark.server("mosquitto")
T0 = 1_763_800_000_000_000


def reading(number: int) -> Reading:
    return Reading("agent-7.cutting-1.co2", T0 + number * 1_000_000, float(number))


class Rig:
    """An outbox with an uplink to a broker."""

    def __init__(self, directory: Path, url: str, *, name: str = "home", outbox: Outbox | None = None) -> None:
        self.outbox = outbox or Outbox(directory / "outbox.db", SystemClock())
        self.outbox.begin()
        self.commands: list[bytes] = []
        sources = Sources(status=self.status, health=self.health, command=self.command)
        self.uplink = Uplink("agent-7", connection_of(name, Destination(url=url), lambda _: None), self.outbox, sources, random.Random(1))
        self.worker = Worker("uplink", self.uplink)

    def status(self, state: str) -> Status:
        return Status(state=state, boot=self.outbox.boot, at=1.0, held=self.outbox.held())  # type: ignore[arg-type]

    def health(self, destination: str, version: str) -> Health:
        depth, _ = self.outbox.depth(destination)
        return Health(
            boot=self.outbox.boot, at=1.0, uptime_s=1.0, mqtt_version=version, clock_synchronised=True, clock_offset_s=0.0, outbox_depth=depth,
            outbox_oldest_age_s=None, sensors={}, disk_free_bytes=1, cpu_temperature_c=None, certificate_days_left=None,
        )  # fmt: skip

    def command(self, _destination: str, payload: bytes) -> CommandResult:
        self.commands.append(payload)
        return CommandResult(id="c1", state="done")

    def append(self, number: int) -> None:
        self.outbox.append([reading(number)])
        self.uplink.wake()

    def stop(self) -> None:
        self.worker.stop()
        assert self.worker.join(10)
        self.outbox.close()


@pytest.fixture
def rig(tmp_path: Path, mosquitto: Any) -> Iterator[Rig]:
    made = Rig(tmp_path, mosquitto.url)
    yield made
    made.stop()


def waiting(rig: Rig) -> int:
    return rig.outbox.depth("home")[0]


def test_packs_are_delivered_and_settled_by_the_centres_answer(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    for number in range(20):
        rig.append(number)
    eventually(lambda: waiting(rig) == 0, what="all acknowledged")
    assert centre.readings() == [reading(number) for number in range(20)]
    assert rig.uplink.mqtt_version == "5"


def test_birth_and_health_come_first_and_the_last_will_when_the_line_breaks(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    eventually(lambda: centre.of_kind("health"), what="first health")
    assert centre.of_kind("status")[-1]["state"] == "online"
    assert centre.of_kind("health")[0]["mqtt_version"] == "5"
    sock = rig.uplink._client.socket()  # type: ignore[union-attr]
    sock.shutdown(socket.SHUT_RDWR)
    eventually(lambda: "offline" in [status["state"] for status in centre.of_kind("status")], what="last will")
    eventually(lambda: centre.of_kind("status")[-1]["state"] == "online", what="back again")


def test_a_clean_stop_says_offline(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    eventually(lambda: centre.of_kind("status"), what="birth")
    rig.worker.stop()
    eventually(lambda: centre.of_kind("status")[-1]["state"] == "offline", what="farewell")


def test_what_the_broker_has_is_not_done(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    centre.mute = True
    rig.append(1)
    eventually(lambda: len(centre.packs) == 1, what="delivered")
    time.sleep(0.2)
    assert waiting(rig) == 1
    centre.acknowledge_all()
    eventually(lambda: waiting(rig) == 0, what="settled")


def test_without_an_answer_it_is_sent_again_unchanged(rig: Rig, centre: Any, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "RESEND_FIRST_S", 0.3)
    centre.mute = True
    rig.append(1)
    eventually(lambda: sum(kind == "data" for kind, _ in centre.messages) >= 3, what="sent again")
    assert len(centre.packs) == 1


def test_a_broker_killed_and_started_again_costs_nothing(rig: Rig, centre: Any, mosquitto: Any, eventually: Callable[..., None]) -> None:
    for number in range(300):
        rig.append(number)
        if number in (60, 180):
            mosquitto.kill()
            time.sleep(0.05)
        elif number in (100, 240):
            mosquitto.start()
    eventually(lambda: waiting(rig) == 0, 30, "all acknowledged")
    assert centre.readings() == [reading(number) for number in range(300)]


def test_what_is_live_goes_before_the_backlog(tmp_path: Path, centre: Any, mosquitto: Any, eventually: Callable[..., None]) -> None:
    outbox = Outbox(tmp_path / "outbox.db", SystemClock())
    outbox.import_boot("past", ([reading(number)] for number in range(800)))
    rig = Rig(tmp_path, mosquitto.url, outbox=outbox)
    try:
        eventually(lambda: len(centre.packs) > 10, what="the backlog flows")
        rig.append(5000)
        live = (rig.outbox.boot, 0)
        eventually(lambda: live in centre.packs, 3, "the live pack")
        assert len(centre.packs) < 700
        eventually(lambda: waiting(rig) == 0, 40, "drained")
        assert len(centre.readings()) == 801
    finally:
        rig.stop()


def test_a_run_taken_in_after_this_one_began_is_a_backlog_and_drains_unasked(tmp_path: Path, centre: Any, mosquitto: Any, eventually: Callable[..., None]) -> None:
    outbox = Outbox(tmp_path / "outbox.db", SystemClock())
    outbox.begin()
    outbox.import_boot("past", ([reading(number)] for number in range(600)))
    rig = Rig(tmp_path, mosquitto.url, outbox=outbox)
    try:
        eventually(lambda: len(centre.packs) > 10, what="the backlog flows")
        rig.append(5000)
        eventually(lambda: (outbox.boot, 0) in centre.packs, 3, "the live pack")
        assert len(centre.packs) < 500
        eventually(lambda: waiting(rig) == 0, 20, "drained")
        assert len(centre.readings()) == 601
    finally:
        rig.stop()


def test_commands_are_answered(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    eventually(lambda: rig.uplink.connected, what="connected")
    centre.send("agent-7", "cmd", {"id": "c1", "verb": "identify", "expires": 4e9})
    eventually(lambda: centre.of_kind("cmd/result") == [{"id": "c1", "state": "done", "reason": ""}], what="answer")


def test_a_callback_that_fails_is_counted_and_the_uplink_goes_on(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    eventually(lambda: rig.uplink.connected, what="connected")
    centre.client.publish("osh/v1/agent-7/ack", b"not json", qos=1).wait_for_publish(5)
    rig.append(1)
    eventually(lambda: waiting(rig) == 0, what="settled all the same")
    assert rig.uplink.callback_errors == 1
    assert any("callbacks" in problem for problem in rig.uplink.problems())


@pytest.mark.parametrize("live", [True, False])
def test_what_comes_while_the_uplink_looks_is_sent_without_another_word(rig: Rig, centre: Any, eventually: Callable[..., None], live: bool) -> None:
    """A wake-up between the look into the outbox and its end is not overheard: nothing else might ever wake the uplink."""
    eventually(lambda: rig.uplink.connected, what="connected")
    real, once, reached = rig.outbox.pending, [True], threading.Event()

    def pending(name: str, limit: int, **span: Any) -> Any:
        found = real(name, limit, **span)
        if once and not found and {"low_id", "high_id"}.issubset(span) is live:
            once.clear()
            if live:
                rig.append(2)
            else:
                rig.outbox.resend("home", rig.outbox.boot, 0, 0)
                rig.uplink.look_again()
            reached.set()
        return found

    rig.append(1)
    eventually(lambda: waiting(rig) == 0, what="the first is settled")
    before = sum(kind == "data" for kind, _ in centre.messages)
    rig.outbox.pending = pending  # type: ignore[method-assign]
    rig.uplink.look_again()
    assert reached.wait(5)
    eventually(lambda: sum(kind == "data" for kind, _ in centre.messages) == before + 1 and waiting(rig) == 0, what="sent")


def test_resend_brings_back_what_was_settled(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    for number in range(5):
        rig.append(number)
    eventually(lambda: waiting(rig) == 0, what="settled")
    before = sum(kind == "data" for kind, _ in centre.messages)
    assert rig.outbox.resend("home", rig.outbox.boot, 1, 3) == (3, 0)
    rig.uplink.look_again()
    eventually(lambda: waiting(rig) == 0 and sum(kind == "data" for kind, _ in centre.messages) == before + 3, what="sent again")


def test_resend_brings_back_at_once_what_is_still_on_its_way(rig: Rig, centre: Any, eventually: Callable[..., None]) -> None:
    centre.mute = True
    for number in range(4):
        rig.append(number)
    eventually(lambda: sum(kind == "data" for kind, _ in centre.messages) == 4, what="sent, not answered")
    assert rig.outbox.resend("home", rig.outbox.boot, 1, 2) == (2, 0)
    rig.uplink.look_again()
    eventually(lambda: sum(kind == "data" for kind, _ in centre.messages) == 6, what="sent again long before the minute is over")


def test_a_half_open_line_is_found_and_nothing_is_missing(tmp_path: Path, centre: Any, relay: Any, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.uplink.KEEPALIVE_S", 1)
    rig = Rig(tmp_path, f"mqtt://127.0.0.1:{relay.port}")
    try:
        for number in range(60):
            rig.append(number)
            if number == 20:
                relay.frozen = True
            if number == 40:
                eventually(lambda: not rig.uplink.connected, 10, "the dead line is found")
                relay.frozen = False
        eventually(lambda: waiting(rig) == 0, 20, "all acknowledged")
        assert centre.readings() == [reading(number) for number in range(60)]
    finally:
        rig.stop()


class OldBroker:
    """Speaks 3.1.1 only, as the standard says: another protocol level is refused with return code 1."""

    def __init__(self, *, hang_up: bool) -> None:
        self.hang_up, self.levels, self.published = hang_up, [], []  # type: ignore[var-annotated]
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            with line:
                self._talk(line)

    def _talk(self, line: socket.socket) -> None:
        connect = line.recv(4096)
        level = connect[connect.index(b"MQTT") + 4]
        self.levels.append(level)
        if level != 4:
            if not self.hang_up:
                line.sendall(b"\x20\x02\x00\x01")
            return
        line.sendall(b"\x20\x02\x00\x00")
        while data := line.recv(4096):
            self.published.append(data)

    def stop(self) -> None:
        self._server.close()


@pytest.mark.parametrize("hang_up", [False, True])
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_it(tmp_path: Path, eventually: Callable[..., None], hang_up: bool) -> None:
    broker = OldBroker(hang_up=hang_up)
    rig = Rig(tmp_path, f"mqtt://127.0.0.1:{broker.port}")
    try:
        rig.append(1)
        eventually(lambda: any(b"osh/v1/agent-7/data/" in data for data in broker.published), what="a pack in 3.1.1")
        assert broker.levels[:2] == [5, 4]
        assert rig.uplink.mqtt_version == "3.1.1"
    finally:
        broker.stop()
        rig.stop()


def test_two_centres_each_get_everything_and_home_waits_for_nobody(tmp_path: Path, centre: Any, mosquitto: Any, eventually: Callable[..., None]) -> None:
    outbox = Outbox(tmp_path / "outbox.db", SystemClock(), destinations=["home", "administration"])
    rig = Rig(tmp_path, mosquitto.url, outbox=outbox)
    try:
        for number in range(5):
            rig.append(number)
        eventually(lambda: waiting(rig) == 0, what="home has all")
        assert outbox.depth("administration")[0] == 5
        outbox.ack("administration", Ack(boot=outbox.boot, upto=4))
        assert outbox.depth("administration")[0] == 0
    finally:
        rig.stop()
