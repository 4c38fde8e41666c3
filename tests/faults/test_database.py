"""The database fails in every way a database fails; nothing is lost, instant alerts are on time, and one bad point stops nobody."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.reading import Reading
from domain.times import HOUR_US, MINUTE_US, minute_of
from oshwatch.testing import until

pytestmark = [pytest.mark.server("mosquitto"), pytest.mark.server("influxdb")]
WAY_S = float(os.environ.get("OSHWATCH_FAULT_WAY_S", "1.5"))
"""How long each way of failing lasts; a minute of it all is the same waits, more of them."""
RATE_S = 0.03


def over_the_ceiling(agent: str) -> list[Reading]:
    """400 ppm of carbon monoxide: above every profile's ceiling, so the rule that runs before the write must speak."""
    return [Reading(f"{agent}.hall.co", time.time_ns() // 1000, 400.0)]


def run(device: Any, dice: random.Random, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        device.tick(dice)
        time.sleep(RATE_S)


def keep_for(influx: Any, seconds: int) -> None:
    """The bucket's retention: InfluxDB refuses what is older, with a 422 that counts what it dropped and stored the rest of the body."""
    with httpx.Client(base_url=influx.http, headers={"Authorization": f"Token {influx.token}"}) as client:
        (found,) = client.get("/api/v2/buckets", params={"name": influx.bucket}).json()["buckets"]
        rule = {"type": "expire", "everySeconds": seconds, **({"shardGroupDurationSeconds": 3600} if seconds else {})}
        assert client.patch(f"/api/v2/buckets/{found['id']}", json={"retentionRules": [rule]}).status_code == 200


def test_database_down_for_60_s_refuses_then_times_out_then_returns_503_then_400_on_one_bad_point(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], database: Any, influx: Any, dice: random.Random
) -> None:
    """In any order, slow at times, and a point that it will never take comes in the middle of it; `OSHWATCH_FAULT_WAY_S=15` makes it a minute."""
    plant, device = make_plant(timeseries_url=database.url, token=database.token), make_device()
    keep_for(influx, 3600)
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect()
    run(device, dice, 1.0)
    device.wait_until_settled()
    bad = ("agent-1.hall.co2", time.time_ns() // 1000 - 2 * HOUR_US)
    begun, already, warned = time.monotonic(), len(device.produced), False
    for way in dice.sample(["refuse", "hang", "busy", "slow"], 4):
        database.be(way)
        run(device, dice, WAY_S / 2)
        if way != "slow" and not warned:
            warned = True
            device.make(over_the_ceiling("agent-1"))
            asked = time.monotonic()
            until(lambda: any(alert["hazard"] == "gas:co" for alert in plant.all("alerts")), 5, "the instant alert comes while the database is away")
            assert time.monotonic() - asked < 5
            device.make([Reading(*bad, 800.0), Reading("agent-1.hall.air_temperature", bad[1] + 2 * HOUR_US, 30.5)])
        run(device, dice, WAY_S / 2)
    down_s, packs = time.monotonic() - begun, (len(device.produced) - already) // 3
    database.be("fine")
    device.wait_until_settled()
    drained_s = time.monotonic() - database.wrote_at
    print(f"down {down_s:.1f} s, {packs} packs, {len(device.produced) - already} readings; drained in {drained_s:.2f} s from its first answer")
    assert drained_s <= down_s / 5
    assert plant.stored(device.produced) == {key: value for key, value in device.produced.items() if key != bad}
    (held,) = plant.all("quarantine", state="held")
    assert (held["agent"], held["reason"], held["whole"]) == ("agent-1", "refused by the store", False)
    assert "retention" in held["detail"]
    assert len([alert for alert in plant.all("alerts") if alert["hazard"] == "gas:co"]) == 1
    keep_for(influx, 0)
    assert plant.ask("POST", f"quarantine/{held['id']}/retry").status_code == 200
    until(lambda: plant.all("quarantine", state="held") == [], 15, "accepted once the bucket keeps it")
    assert plant.stored(device.produced) == device.produced


def test_one_bad_point_is_quarantined_alone_and_stored_by_a_retry_after_the_fix(make_plant: Callable[..., Any], make_device: Callable[..., Any], database: Any) -> None:
    plant, device, dice = make_plant(timeseries_url=database.url, token=database.token), make_device(), random.Random(2)
    plant.start_ingest()
    plant.wait_until_listening()
    database.poison = b"13.1313"
    database.be("picky")
    for _ in range(30):
        device.tick(dice)
    now_us = time.time_ns() // 1000
    bad = ("agent-1.hall.co2", now_us)
    device.make([Reading(*bad, 13.1313), Reading("agent-1.hall.air_temperature", now_us, 30.5)])
    for _ in range(30):
        device.tick(dice)
    device.connect()
    device.wait_until_settled()
    assert plant.stored(device.produced) == {key: value for key, value in device.produced.items() if key != bad}
    (held,) = plant.all("quarantine", state="held")
    assert (held["agent"], held["reason"], held["whole"]) == ("agent-1", "refused by the store", False)
    until(lambda: plant.metrics().get('oshwatch_quarantine_held{reason="refused_by_the_store"}') == 1, 5, "counted by its reason")
    counted = [reading for reading in plant.stored(device.produced) if reading[0] == bad[0] and minute_of(reading[1]) == minute_of(now_us)]
    later_us = minute_of(now_us) + 2 * MINUTE_US
    device.make([Reading(bad[0], later_us, 500.0)])  # closes the minute
    until(lambda: minute_at(plant, bad) == len(counted), 20, f"the minute counts the {len(counted)} that are stored")
    database.be("fine")
    assert plant.ask("POST", f"quarantine/{held['id']}/retry").status_code == 200
    until(lambda: plant.all("quarantine", state="held") == [], 15, "accepted")
    assert plant.stored(device.produced) == device.produced
    until(lambda: minute_at(plant, bad) == len(counted) + 1, 20, "the minute counts it too")


def minute_at(plant: Any, key: tuple[str, int]) -> int:
    start_us = minute_of(key[1])
    return sum(minute.valid for minute in plant.store.read_minutes([key[0]], start_us, start_us + MINUTE_US).get(key[0], []))
