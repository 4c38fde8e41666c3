"""The live stream: what changed, to who may see it, within about a second."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from console.hub import QUEUE_MAX, Event, Listener
from console.pages.floor import LIVE_EVENTS_A_SECOND
from domain.hazards import Severity, ZoneStatus
from domain.messages import Status
from domain.scope import Role, Scope
from storage.records.agents import AgentsRepository
from storage.records.people import PeopleRepository

CHANNEL = "agent-sewing-1.sewing-1.sound_level_a_eq"


class Ear:
    """One open stream, read by a thread."""

    def __init__(self, site, who: str, query: str = "") -> None:
        self.events: list[tuple[str, dict]] = []
        self.status = 0
        self._site, self._who, self._query = site, who, query
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.until(lambda: self.status == 200)
        time.sleep(0.6)  # the first look of the poller only learns what is there

    def _listen(self) -> None:
        headers = {"Authorization": f"Bearer {self._site.factory.tokens[self._who]}"}
        try:
            with httpx.stream("GET", f"{self._site.url}/api/v1/live{self._query}", headers=headers, timeout=30) as answer:
                self.status = answer.status_code
                kind = ""
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):
                        self.events.append((kind, json.loads(line[6:])))
        except httpx.HTTPError:
            self.status = -1

    def until(self, condition, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.events
            time.sleep(0.02)

    def of(self, kind: str) -> list[dict]:
        return [data for held, data in self.events if held == kind]


@pytest.fixture
def listen(site) -> Iterator:
    return lambda who="linh", query="": Ear(site, who, query)


def test_a_new_reading_arrives(site, listen) -> None:
    ear = listen()
    site.factory.store(CHANNEL, 91.5)
    ear.until(lambda: ear.of("reading"))
    (reading,) = ear.of("reading")
    assert (reading["channel"], reading["value"], reading["q"], reading["r"]) == (CHANNEL, 91.5, 4, [131])


def test_what_is_not_new_is_not_sent(site, listen) -> None:
    ear = listen()
    time.sleep(1)
    assert ear.events == []


def test_a_zone_that_changes_arrives_with_its_windows(site, listen) -> None:
    ear = listen()
    site.factory.zone_state("f1.gluing", ZoneStatus.ACTION, [])
    ear.until(lambda: ear.of("zone"))
    assert (ear.of("zone")[0]["zone"], ear.of("zone")[0]["status"]) == ("f1.gluing", "action")


def test_alerts_and_devices_arrive(site, listen) -> None:
    ear = listen()
    id = site.factory.raise_alert("f1.gluing", "air_quality", "ventilation", Severity.ACTION, value=1200.0, unit="ppm")
    AgentsRepository(site.factory.engine).status("agent-gluing", Status(state="offline", boot="b1", at=1.0), site.factory.clock.now_us())
    ear.until(lambda: ear.of("alert") and ear.of("agent"))
    assert (ear.of("alert")[0]["id"], ear.of("alert")[0]["state"]) == (id, "unacknowledged")
    assert (ear.of("agent")[0]["agent"], ear.of("agent")[0]["state"]) == ("agent-gluing", "offline")


def test_an_open_alarm_is_heard_as_the_status_of_its_zone(site, listen) -> None:
    ear = listen()
    site.factory.raise_alert("f1.cutting-a", "air_quality", "extreme_over_ceiling", Severity.STOP, value=900_000.0, unit="ppm")
    ear.until(lambda: [zone["status"] for zone in ear.of("zone") if zone["zone"] == "f1.cutting-a"] == ["stop"], seconds=2)


def test_nothing_of_another_country_is_heard(site, listen) -> None:
    own, foreign = listen("linh"), listen("kim")
    site.factory.store(CHANNEL, 92.5)
    site.factory.store("agent-k.press.co2", 800.0)
    site.factory.raise_alert("k1.press", "air_quality", "ventilation", Severity.ACTION)
    foreign.until(lambda: foreign.of("alert") and foreign.of("reading"))
    own.until(lambda: own.of("reading"))
    assert {reading["channel"] for reading in own.of("reading")} == {CHANNEL}
    assert {reading["channel"] for reading in foreign.of("reading")} == {"agent-k.press.co2"}
    assert own.of("alert") == []


def test_a_page_hears_only_the_channels_it_shows_and_no_more_often_than_it_asks(site, listen) -> None:
    ear = listen(query=f"?site=f1&every=30s&channels={CHANNEL}")
    for value in (90.0, 91.0, 92.0):
        site.factory.store(CHANNEL, value)
        site.factory.store("agent-gluing.gluing.co2", value)
        time.sleep(0.4)
    assert [(reading["channel"], reading["value"]) for reading in ear.of("reading")] == [(CHANNEL, 90.0)]


def test_a_stream_ends_with_its_session(site, listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.hub.CHECK_S", 0.2)
    monkeypatch.setattr("console.hub.PING_S", 0.2)
    ear = listen()
    PeopleRepository(site.factory.engine).deactivate("linh")
    ear._thread.join(10)
    assert not ear._thread.is_alive()


def test_parameters_are_checked_before_the_stream_opens(standing) -> None:
    assert standing.get("/api/v1/live?every=often").json()["errors"][0]["field"] == "every"
    too_many = ",".join(f"a.p.c{number}" for number in range(501))
    assert standing.get(f"/api/v1/live?channels={too_many}").json()["errors"][0]["field"] == "channels"


def listener(**changes: object) -> Listener:
    return Listener(**{"scope": Scope(user="x", role=Role.OFFICER, grant="f1"), "site": "", "channels": frozenset(), "every_s": 1.0, "sites": frozenset({"f1"}), **changes})


def test_a_slow_listener_keeps_the_latest_and_is_told_to_look_again() -> None:
    slow = listener()
    for number in range(QUEUE_MAX + 5):
        slow.offer(Event("alert", "f1", "a", str(number)), 0.0)
    assert (len(slow.queue), slow.queue[-1], slow.dropped) == (QUEUE_MAX, ("alert", str(QUEUE_MAX + 4)), True)


def test_held_back_readings_are_released_with_their_latest_value() -> None:
    paced = listener(every_s=10.0)
    for second, text in enumerate(("a", "b", "c")):
        paced.offer(Event("reading", "f1", "ch", text), float(second))
    paced.release(5.0)
    assert [text for _, text in paced.queue] == ["a"]
    paced.release(10.0)
    assert [text for _, text in paced.queue] == ["a", "c"]


def test_who_sees_the_whole_centre_also_hears_of_unknown_devices() -> None:
    everywhere, one = listener(scope=Scope(user="x", role=Role.PROGRAMME, grant="*")), listener()
    for ear in (everywhere, one):
        ear.offer(Event("agent", "", "stranger", "{}"), 0.0)
    assert (len(everywhere.queue), len(one.queue)) == (1, 0)


def test_a_status_does_not_wait_for_its_turn() -> None:
    paced = listener(every_s=60.0)
    paced.offer(Event("zone", "f1", "z", "a"), 0.0)
    paced.offer(Event("zone", "f1", "z", "b"), 1.0)
    paced.offer(Event("zone", "f1", "z", "c", urgent=True), 2.0)
    assert [text for _, text in paced.queue] == ["a", "c"]


def test_a_page_of_twenty_zones_takes_less_than_a_kilobyte_a_second(standing) -> None:
    """As the floor asks for it: each zone with its main value and three channels, all changing with every look of two seconds."""
    zones = [f"f1.a-zone-with-a-name-{number}" for number in range(20)]
    channels = [f"agent-{number}.placement-{number}.quantity-{kind}" for number in range(20) for kind in range(3)]
    every_s = max(2, -(-(len(channels) + len(zones)) // LIVE_EVENTS_A_SECOND))
    ear, seconds, rng = listener(every_s=float(every_s), brief=True), 300, random.Random(1)
    for second in range(0, seconds, 2):
        for channel in channels:
            reading = {"channel": channel, "time": "2026-11-25T03:42:07.123Z", "value": round(rng.uniform(20, 40), 1), "q": 4, "r": [131]}
            ear.offer(Event("reading", "f1", channel, json.dumps(reading, separators=(",", ":"))), float(second))
        for zone in zones:
            window = {"hazard": "heat", "metric": "wbgt_now", "placement": "placement-12", "value": round(rng.uniform(20, 40), 1), "unit": "Cel", "status": "within"}
            state = {"zone": zone, "status": "within", "since": "2026-11-25T03:42:07.123Z", "silent": 0, "windows": [window]}
            ear.offer(Event("zone", "f1", zone, "x" * 2000, json.dumps(state, separators=(",", ":"))), float(second))
        ear.release(float(second))
    sent = sum(len(f"id: 123\nevent: {kind}\ndata: {text}\n\n") for kind, text in ear.queue)
    assert sent / seconds < 1000
    assert len(ear.queue) > 20 * seconds / every_s


def test_the_poller_survives_a_look_that_fails(site, listen, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = listen()
    working = site.hub._poll
    monkeypatch.setattr(site.hub, "_poll", lambda listeners: 1 / 0)
    ear.until(lambda: site.hub.errors > 1)
    monkeypatch.setattr(site.hub, "_poll", working)
    site.factory.store(CHANNEL, 93.5)
    ear.until(lambda: ear.of("reading"))


def test_the_console_stops_at_once_though_somebody_listens(factory, serve, caplog: pytest.LogCaptureFixture) -> None:
    with serve(factory) as site:
        ear = Ear(site, "linh")
        began = time.monotonic()
    assert time.monotonic() - began < 2.5
    ear._thread.join(5)
    assert not ear._thread.is_alive()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
