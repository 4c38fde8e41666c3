"""The whole agent as a process: bytes go in at a serial port and come out at the broker, every one of them."""

from __future__ import annotations

import csv
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.quality import Reason
from domain.reading import Reading
from edge_agent.drivers.mh_z19.codec import READ_CO2
from edge_agent.drivers.mh_z19.frames import FRAMES as CO2_FRAMES
from edge_agent.drivers.plantower.codec import ACTIVE_MODE
from edge_agent.drivers.plantower.frames import BROKEN, FRAMES

pytestmark = pytest.mark.server("mosquitto")
CAPTURES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "captures"
QUANTITIES = ("pm1", "pm2_5", "pm10")


def dust(wire: Any, interval_s: float, extra: str = "") -> str:
    return f"  - {{id: dust-1, driver: plantower, port: {wire.path}, placement: cutting-1, interval_s: {interval_s}{extra}}}\n"


def co2(wire: Any, interval_s: float, extra: str = "") -> str:
    return f"  - {{id: co2-1, driver: mh_z19, port: {wire.path}, placement: cutting-1, interval_s: {interval_s}{extra}}}\n"


def with_values(readings: list[Reading], quantity: str) -> list[float]:
    return [reading.value for reading in readings if reading.channel == f"agent-7.cutting-1.{quantity}" and reading.value is not None]


def frames_of(hexdump: Path) -> list[bytes]:
    """One reply a line: offset, bytes, text."""
    lines = [re.match(r"[0-9a-f]+: ((?:[0-9a-f]{2} )+) ", line) for line in hexdump.read_text().splitlines()]
    return [bytes.fromhex(line[1]) for line in lines if line]


def rows_of(path: Path) -> list[dict[str, str]]:
    return [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(path.read_text().splitlines())]


@pytest.mark.parametrize("pace_s", [0.0, 0.25])
def test_every_frame_that_was_sent_is_a_reading(agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None], pace_s: float) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, dust(wire, 0.25))
    agent_process.start()
    assert wire.receive(7) == ACTIVE_MODE
    sent = [bytes.fromhex(text) for text, *_ in FRAMES] * 3
    started = time.time()
    for frame in sent if pace_s else [b"".join(sent)]:
        wire.send(frame)
        time.sleep(pace_s)
    for at, quantity in enumerate(QUANTITIES):
        eventually(lambda quantity=quantity: len(with_values(centre.readings(), quantity)) == len(sent), what=f"all {quantity}")
        assert with_values(centre.readings(), quantity) == [float(row[at + 1]) for row in FRAMES] * 3
    times = [reading.time_us / 1e6 for reading in centre.readings() if reading.channel.endswith("pm1")]
    assert times == sorted(set(times))
    assert started - 0.1 <= times[0] <= times[-1] <= time.time()
    assert {reading.q for reading in centre.readings() if reading.value is not None} == {4}
    assert agent_process.stop() == 0


def test_asked_for_or_not_every_co2_answer_is_a_reading(agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]) -> None:
    asked, unasked = wires(), wires()
    sensors = co2(asked, 0.2) + co2(unasked, 10).replace("co2-1", "co2-2").replace("cutting-1", "sewing-1")
    agent_process.write_config(mosquitto.url, sensors)
    agent_process.start()
    answers = [bytes.fromhex(text) for text, _ in CO2_FRAMES]
    assert asked.receive(18)[9:18] == READ_CO2
    asked.send(answers[0])
    for answer in answers[1:]:
        assert asked.receive(9)[:9] == READ_CO2
        asked.send(answer)
    unasked.receive(18)
    unasked.send(b"".join(answers))
    eventually(lambda: with_values(centre.readings(), "co2") == [float(ppm) for _, ppm in CO2_FRAMES], what="answers to questions")
    eventually(lambda: [r.value for r in centre.readings() if r.channel == "agent-7.sewing-1.co2" and r.value] == [float(ppm) for _, ppm in CO2_FRAMES], what="unasked")


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captured frames are not here")
@pytest.mark.parametrize("name", ["PMSx003", "PMS3003", "MHZ19B"])
def test_frames_captured_from_real_sensors_come_out_as_their_values(
    agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None], name: str
) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, co2(wire, 10) if name == "MHZ19B" else dust(wire, 10))
    agent_process.start()
    wire.receive(7)
    wire.send(b"".join(frames_of(CAPTURES / f"{name}.hexdump")))
    rows = rows_of(CAPTURES / f"{name}.csv")
    columns = {"co2": "CO2"} if name == "MHZ19B" else {"pm1": "pm01", "pm2_5": "pm25", "pm10": "pm10"}
    for quantity, column in columns.items():
        eventually(lambda quantity=quantity: len(with_values(centre.readings(), quantity)) == len(rows), what=quantity)
        assert with_values(centre.readings(), quantity) == [float(row[column]) for row in rows]


def test_garbage_broken_frames_silence_and_an_unplugged_port_are_records_not_numbers(
    agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, dust(wire, 0.2, ", simulated: true"))
    agent_process.start()
    wire.receive(7)
    wire.send(b"\x42\x42\x00noise" + bytes.fromhex(BROKEN) + bytes.fromhex(FRAMES[1][0]))
    eventually(lambda: with_values(centre.readings(), "pm1") == [4.0], what="the good frame")
    broken = next(reading for reading in centre.readings() if reading.channel.endswith("pm1"))
    assert (broken.value, broken.q, broken.r) == (None, 1, (Reason.HW_FAILURE, Reason.SIMULATED))
    wire.unplug()

    def silent() -> list[Reading]:
        return [reading for reading in centre.readings() if Reason.LACK_OF_DATA_SAMPLES in reading.r and reading.channel.endswith("pm1")]

    eventually(lambda: len(silent()) >= 3, 15, "silence")
    assert {(reading.value, reading.q) for reading in silent()} == {(None, 1)}
    assert all(Reason.SIMULATED in reading.r for reading in centre.readings())


def test_killed_and_started_again_nothing_committed_is_missing_and_the_gap_is_data(
    agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, dust(wire, 1))
    agent_process.start()
    wire.receive(7)
    centre.mute = True
    for text, *_ in FRAMES[1:]:
        wire.send(bytes.fromhex(text))
    eventually(lambda: len(with_values(centre.readings(), "pm1")) == 3, what="measured")
    agent_process.kill()
    with centre.lock:
        first_boot = next(boot for boot, _ in centre.packs)
        centre.packs.clear()
    centre.mute = False
    agent_process.start()
    eventually(lambda: with_values(centre.readings(), "pm1") == [4.0, 20.0, 6.0], what="sent again, since it was not acknowledged")
    eventually(lambda: [event["type"] for event in centre.events].count("gap") == 1, what="gap")
    gap = centre.events[-1]
    assert gap["cause"] == "unknown"
    assert gap["boot"] != first_boot
    assert gap["start"] <= gap["stop"] <= time.time()


def test_a_reload_restarts_only_what_changed_and_a_bad_config_is_reported(
    agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    steady, changed = wires(), wires()
    agent_process.write_config(mosquitto.url, dust(steady, 5) + co2(changed, 5))
    agent_process.start()
    steady.receive(7)
    changed.receive(18)
    agent_process.config.write_text(agent_process.config.read_text() + "nonsense: 1\n")
    agent_process.signal(signal.SIGHUP)
    eventually(lambda: any("refused" in event["text"] and "nonsense" in event["text"] for event in centre.events), what="refusal")
    agent_process.write_config(mosquitto.url, dust(steady, 5) + co2(changed, 0.2))
    agent_process.signal(signal.SIGHUP)
    eventually(lambda: any("1 sensors stopped, 1 started" in event["text"] for event in centre.events), what="applied")
    assert READ_CO2 in changed.receive(18)
    assert steady.receive(1, 0.3) == b""
    steady.send(bytes.fromhex(FRAMES[1][0]))
    eventually(lambda: with_values(centre.readings(), "pm1") == [4.0], what="the other sensor reads on")


def test_commands_reach_the_agent(agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, co2(wire, 30))
    agent_process.start()
    wire.receive(18)
    eventually(lambda: centre.of_kind("status"), what="connected")
    for number, (verb, args) in enumerate(
        [("identify", {}), ("set-interval", {"sensor": "co2-1", "interval_s": 0.2}), ("self-destruct", {}), ("resend", {"boot": "x", "from": 0, "to": 1})]
    ):
        centre.send("agent-7", "cmd", {"id": f"c{number}", "verb": verb, "args": args, "expires": time.time() + 60})
    eventually(lambda: len(centre.of_kind("cmd/result")) == 4, what="answers")
    assert [(answer["id"], answer["state"]) for answer in centre.of_kind("cmd/result")] == [("c0", "done"), ("c1", "done"), ("c2", "refused"), ("c3", "refused")]
    assert wire.receive(18) == READ_CO2 * 2
    eventually(lambda: any(event["type"] == "config" and event.get("sensor") == "co2-1" for event in centre.events), what="told")


def test_agent_broker_and_line_fail_at_random_moments_and_all_that_was_committed_arrives(
    agent_process: Any, centre: Any, mosquitto: Any, wires: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    wire = wires()
    agent_process.write_config(mosquitto.url, dust(wire, 1))
    agent_process.start()
    wire.receive(7)
    stop = threading.Event()

    def stream() -> None:
        count = 0
        while not stop.is_set():
            words = [0, 0, 0, count % 900, 0, 0, 0, 0, 0, 0, 0, 0, 0x9700]
            body = b"\x42\x4d\x00\x1c" + b"".join(word.to_bytes(2, "big") for word in words)
            wire.send(body + (sum(body) & 0xFFFF).to_bytes(2, "big"))
            count += 1
            time.sleep(0.01)

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        for _ in range(2):
            time.sleep(0.8)
            mosquitto.kill()
            time.sleep(0.3)
            agent_process.kill()
            mosquitto.start()
            earlier = {status["boot"] for status in centre.of_kind("status")}
            agent_process.start()
        eventually(lambda: {status["boot"] for status in centre.of_kind("status")} - earlier, 20, "the last boot is up")
        time.sleep(1.0)
    finally:
        stop.set()
        thread.join()
    assert agent_process.stop() == 0
    agent_process.start()
    eventually(lambda: any(health["outbox_depth"] == 0 for health in centre.of_kind("health")[-1:]) and len({event["boot"] for event in centre.events}) == 3, 20, "drained")
    by_boot: dict[str, set[int]] = {}
    with centre.lock:
        for boot, seq in [*centre.packs, *((event["boot"], event["seq"]) for event in centre.events)]:
            by_boot.setdefault(boot, set()).add(seq)
    assert len(by_boot) == 4
    assert all(seqs == set(range(max(seqs) + 1)) for seqs in by_boot.values())
    for boot in by_boot:
        values = [reading.value for reading in centre.readings_of(boot) if reading.channel.endswith("pm1") and reading.value is not None]
        assert values == [(values[0] + at) % 900 for at in range(len(values))], "a frame is missing within a run"
