"""The agent is alone for a day, has no room left, or has the wrong time: it loses nothing without saying so, and what is live comes first."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from domain.reading import Reading
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, minute_of, parse_instant
from edge_agent.outbox import Outbox
from edge_agent.timebase import Change, Timebase
from oshwatch.testing import FakeClock, until

pytestmark = pytest.mark.server("mosquitto")
TEN = ("air_temperature", "relative_humidity", "globe_temperature", "air_speed", "co2", "sound_level_a_eq", "pm1", "pm2_5", "pm10", "illuminance")


def now_us() -> int:
    return time.time_ns() // 1000


def test_agent_offline_24_h_in_fake_time(make_plant: Callable[..., Any], make_device: Callable[..., Any]) -> None:
    """A day of packs of ten drains more than 20 times as fast as it came, while live packs are acknowledged, by `also`, within 5 s; `OSHWATCH_FAULT_EVERY_S=10` makes the day fuller."""
    every_us = int(os.environ.get("OSHWATCH_FAULT_EVERY_S", "30")) * SECOND_US
    plant, device, dice = make_plant(interval_s=every_us / SECOND_US, quantities=TEN), make_device(begin=False), random.Random(3)
    start_us = minute_of(now_us()) - DAY_US
    times = range(start_us, start_us + DAY_US, every_us)
    past = [[Reading(f"agent-1.hall.{quantity}", at_us, round(dice.uniform(20, 60), 1)) for quantity in TEN] for at_us in times]
    device.outbox.import_boot("offline", past)
    device.outbox.begin()
    device.produced |= {(reading.channel, reading.time_us): reading.value for pack in past for reading in pack}
    plant.start_ingest()
    plant.wait_until_listening()
    begun = time.monotonic()
    device.connect()
    until(lambda: device.uplink.connected, 10, "connected")

    def live() -> float:
        first, made = device.outbox.next_id(), time.monotonic()
        device.tick(dice)
        until(lambda: not device.outbox.pending("home", 1, low_id=first), 20, "a live pack is acknowledged", every_s=0.02)
        return time.monotonic() - made

    late: list[float] = []
    while device.outbox.pending("home", 1, high_id=device.outbox.next_id() - 1_000_000):
        late.append(live())
    drained_s = time.monotonic() - begun
    device.wait_until_settled()
    alone = [live() for _ in range(10)]
    print(
        f"{len(past)} packs of {len(TEN)} in {drained_s:.1f} s, {DAY_US / SECOND_US / drained_s:.0f} times as fast as they came; {len(late)} live packs meanwhile, acknowledged within "
        f"{median(late):.2f} s (median) and {max(late):.2f} s (worst); {median(alone):.2f} s with nothing else to do"
    )
    assert len(late) >= 2
    assert max(late) < 5
    assert median(late) < 2 * median(alone) + 0.5
    assert DAY_US / SECOND_US / drained_s > 20
    assert plant.stored(device.produced) == device.produced
    assert plant.completeness("agent-1.hall.co2", start_us, start_us + DAY_US)["holes"] == []


def test_outbox_at_its_cap(make_plant: Callable[..., Any], make_device: Callable[..., Any], tmp_path: Path) -> None:
    """Alarms never; the newest raw packs become minutes; a gap says so; the alert `outbox` is raised; every minute has a value."""
    plant, dice = make_plant(), random.Random(5)
    start_us = minute_of(now_us()) - HOUR_US
    clock = FakeClock(start_us)
    outbox = Outbox(tmp_path / "full.db", clock, max_mb=0.5)
    outbox.begin()
    outbox.append_event("alarm", text="hot")
    produced = {}
    for number in range(3_000):
        clock.sleep(1)
        readings = [Reading(f"agent-1.hall.{quantity}", clock.now_us(), round(dice.uniform(30, 60), 2)) for quantity in ("co2", "air_temperature", "sound_level_a_eq")]
        outbox.append(readings, commit=number % 30 == 29, flush=False)
        produced |= {(reading.channel, reading.time_us): reading.value for reading in readings}
        if number % 30 == 29:
            outbox.trim()
    assert outbox.thinned_rows > 0
    device = make_device(outbox=outbox, begin=False)
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect()
    device.wait_until_settled()
    stored = plant.stored(produced)
    raw = {key: value for key, value in stored.items() if produced.get(key) == value}
    assert len(raw) > len(produced) // 10
    assert {minute_of(time_us) for channel, time_us in stored if channel.endswith("co2")} == set(range(start_us, clock.now_us() + 1, MINUTE_US))
    found = plant.completeness("agent-1.hall.co2", start_us + SECOND_US, clock.now_us() + SECOND_US)
    lacking = sum(hole["missing"] for hole in found["holes"])
    assert {hole["cause"] for hole in found["holes"]} == {"outbox_full"}, [hole for hole in found["holes"] if hole["cause"] != "outbox_full"]
    assert found["expected"] == 3_000 == found["stored"] + lacking
    until(lambda: any(alert["hazard"] == "outbox" for alert in plant.all("alerts")), 10, "raised")


@pytest.mark.parametrize("sent_first", [False, True])
def test_clock_wrong_at_boot_then_synchronised(make_plant: Callable[..., Any], make_device: Callable[..., Any], tmp_path: Path, sent_first: bool) -> None:
    """A day off: times are rewritten before they are sent, or by the centre when they went out marked as unsynchronised; none stands in two days."""
    plant = make_plant()
    begun_us, wrong = now_us() - 60 * SECOND_US, DAY_US
    clock = FakeClock(begun_us - wrong)
    outbox = Outbox(tmp_path / "clock.db", clock)
    outbox.begin(synchronised=False)
    for number in range(30):
        clock.sleep(1)
        outbox.append([Reading("agent-1.hall.co2", clock.now_us(), 400.0 + number)], sync=False)
    right = {("agent-1.hall.co2", begun_us + (number + 1) * SECOND_US): 400.0 + number for number in range(30)}
    plant.start_ingest()
    plant.wait_until_listening()
    device = make_device(outbox=outbox, begin=False)
    device.connect()
    if sent_first:
        outbox.release_unsynchronised(2**62)
        device.uplink.look_again()
        device.wait_until_settled()
        assert len(plant.stored(dict.fromkeys(right, 0) | {(channel, time_us - wrong): 0 for channel, time_us in right})) == 30
    clock.time_us += wrong
    outbox.synchronised(wrong)
    device.uplink.look_again()
    device.wait_until_settled()
    both = {**right, **{(channel, time_us - wrong): value for (channel, time_us), value in right.items()}}
    until(lambda: {key: value for key, value in plant.stored(both).items() if value is not None} == right, 15, "each at its right time, and nowhere else")
    assert plant.completeness("agent-1.hall.co2", begun_us + SECOND_US, begun_us + 31 * SECOND_US)["stored"] == 30


class Machine:
    """A clock that an administrator sets."""

    def __init__(self) -> None:
        self.real_us, self.error_us = 0, parse_instant("2028-02-29T23:30:00Z")

    def now_us(self) -> int:
        return self.real_us + self.error_us

    def monotonic_us(self) -> int:
        return self.real_us

    def sleep(self, seconds: float) -> None:
        self.real_us += round(seconds * SECOND_US)


def test_clock_stepped_back_an_hour_on_a_leap_day(make_plant: Callable[..., Any], dice: random.Random) -> None:
    """Within a boot time never goes back: no two samples share a time, none goes to a minute that had passed. (DST is local time and changes nothing here: tests/domain/test_shifts.py.)"""
    machine = Machine()
    timebase, times = Timebase(machine, trusted=True), list[int]()
    stepped, boot = dice.randrange(100, 1_000), 0
    for number in range(3_600):
        machine.sleep(1)
        if number == stepped:
            machine.error_us -= HOUR_US
        correction = timebase.check()
        if correction is not None:
            assert correction.change is Change.STEPPED
            assert correction.offset_us == -HOUR_US
            boot, times = boot + 1, [time_us + correction.offset_us for time_us in times]  # the agent begins a new boot and tells the centre the offset
        times.append(timebase.now_us())
    assert boot == 1
    assert times == sorted(set(times))
