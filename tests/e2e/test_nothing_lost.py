"""Nothing lost, first form: broker, ingest and agent killed (-9) at random moments; what the agents produced is what the store holds."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from assess.engine import Assessor
from domain.quantities import QUANTITIES as QUANTITIES_OF
from domain.reading import Reading, minute_from
from domain.times import SECOND_US, minute_of
from edge_agent.outbox import Outbox
from oshwatch.testing import FakeClock, until
from storage.records.engine import open_records
from storage.records.verdicts import VerdictRepository
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, TimeSeries

AGENTS, CHANNELS, TICKS = 4, 5, 1_000
READINGS = AGENTS * CHANNELS * TICKS
FAR_US = 9_000_000_000 * SECOND_US
QUANTITIES = ("air_temperature", "relative_humidity", "co2", "sound_level_a_eq", "pm2_5")


def site(agents: list[str]) -> dict[str, Any]:
    channels = [{"placement": "hall", "quantity": quantity, "zone": "hall", "interval_s": 1} for quantity in QUANTITIES]
    return {
        "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
        "shifts": [{"name": "A", "start": "00:00", "stop": "00:00"}],
        "zones": [{"id": "hall", "name": "Hall", "metabolic_rate_w": 180}],
        "agents": [{"id": agent, "channels": channels} for agent in agents],
    }


def produced(agent: str, start_us: int, seed: int) -> list[list[Reading]]:
    """One pack a tick, a second apart."""
    dice = random.Random(f"{seed}-{agent}")
    return [
        [Reading(f"{agent}.hall.{quantity}", start_us + tick * SECOND_US, round(dice.uniform(25, 75), 2)) for quantity in QUANTITIES]
        for tick in range(TICKS)
    ]  # fmt: skip


CHANNEL_IDS = [f"agent-{number}.hall.{quantity}" for number in range(1, AGENTS + 1) for quantity in QUANTITIES]


def count(directory: Path) -> int:
    """How many readings the store has."""
    return sum(series(directory, lambda store: store.count(CHANNEL_IDS, 0, FAR_US)).values())


def has_its_minutes(directory: Path) -> bool:
    """Whether the minute of each channel's last reading is on record."""
    last, minutes = series(directory, lambda store: (store.last(CHANNEL_IDS), store.last_minutes(CHANNEL_IDS)))
    return {channel: minute_of(reading.time_us) for channel, reading in last.items()} == minutes


def stored(directory: Path) -> dict[tuple[str, int], float | None]:
    """Every reading that the store has."""
    found = series(directory, lambda store: store.read(store.channels(), 0, FAR_US))
    return {(reading.channel, reading.time_us): reading.value for readings in found.values() for reading in readings}


def series(directory: Path, ask: Callable[[TimeSeries], Any]) -> Any:
    store = open_timeseries(f"sqlite:///{directory}/timeseries")
    try:
        return ask(store)
    finally:
        store.close()


def run(
    make_centre: Callable[..., Any], make_edge: Callable[..., Any], mosquitto: Any, tmp_path: Path, name: str, start_us: int, kills: random.Random | None
) -> tuple[Any, dict[tuple[str, int], float | None]]:
    agents = [f"agent-{number}" for number in range(1, AGENTS + 1)]
    centre = make_centre(mosquitto.url)
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(site(agents)))
    centre.command("registry", "import", str(file), "--by", "tests", "--reason", "first")
    edges, truth = [], {}
    for agent in agents:
        data_dir = tmp_path / name / agent
        data_dir.mkdir(parents=True)
        outbox = Outbox(data_dir / "outbox.db", FakeClock(start_us + TICKS * SECOND_US))
        packs = produced(agent, start_us, 7)
        outbox.import_boot(f"{agent}-boot", packs)
        outbox.close()
        truth |= {(reading.channel, reading.time_us): reading.value for pack in packs for reading in pack}
        edges.append(make_edge({"agent": agent, "data_dir": str(data_dir), "clock": {"trusted": True}, "mqtt": {"url": mosquitto.url}, "sensors": []}))
    centre.start("ingest")
    for edge in edges:
        edge.start()
    deadline = time.monotonic() + 90
    while count(centre.directory) < READINGS and time.monotonic() < deadline:
        time.sleep(0.1)
        if kills and kills.random() < 0.25:
            _kill_one(kills, centre, edges, mosquitto)
            if kills.random() < 0.05:
                kills = None
    return centre, truth


def _kill_one(dice: random.Random, centre: Any, edges: list[Any], mosquitto: Any) -> None:
    victim = dice.choice(["broker", "ingest", "agent"])
    if victim == "broker":
        mosquitto.kill()
        time.sleep(dice.uniform(0, 0.3))
        mosquitto.start()
    elif victim == "ingest":
        centre.end("ingest", signal.SIGKILL)
        time.sleep(dice.uniform(0, 0.3))
        centre.start("ingest")
    else:
        edge = dice.choice(edges)
        edge.end(signal.SIGKILL)
        time.sleep(dice.uniform(0, 0.3))
        edge.start()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.server("mosquitto")
def test_what_the_agents_produced_is_what_the_store_holds_whoever_is_killed(make_centre: Callable[..., Any], make_edge: Callable[..., Any], mosquitto: Any, tmp_path: Path) -> None:
    start_us = (int(time.time()) - 3 * 3600) * SECOND_US
    seed = random.randrange(10**6)
    centre, truth = run(make_centre, make_edge, mosquitto, tmp_path, "killed", start_us, random.Random(seed))
    assert stored(centre.directory) == truth, f"seed {seed}"
    assert len(truth) == READINGS
    until(lambda: has_its_minutes(centre.directory), 30, "whatever ingest did not get to before it was killed, it does after it was started again")
    centre.end("ingest")
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    shutil.copy(centre.directory / "oshwatch.db", undisturbed / "oshwatch.db")
    write_undisturbed(undisturbed, truth)
    now_us = int(time.time()) * SECOND_US
    killed_verdicts, plain_verdicts = verdicts(centre.directory, now_us), verdicts(undisturbed, now_us)
    assert differing(killed_verdicts, plain_verdicts) == [], f"seed {seed}"
    assert {verdict["metric"] for verdict in killed_verdicts} >= {"dose_3db", "wbgt_effective_60min_worst"}


def differing(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[tuple[str, str, Any, Any]]:
    """(zone and metric, field, here, there) of all that is not the same."""
    if len(first) != len(second):
        return [("all", "how many", len(first), len(second))]
    pairs = zip(first, second, strict=True)
    return [(f"{one['placement']} {one['metric']} {one['limit']['id']}", field, one[field], other[field]) for one, other in pairs for field in one if one[field] != other[field]]


def write_undisturbed(directory: Path, truth: dict[tuple[str, int], float | None]) -> None:
    """The same readings, written at once, with minutes made by the definition."""
    by_minute: dict[tuple[str, int], list[Reading]] = {}
    readings = [Reading(channel, time_us, value) for (channel, time_us), value in sorted(truth.items())]
    for reading in readings:
        by_minute.setdefault((reading.channel, minute_of(reading.time_us)), []).append(reading)
    averaging = {quantity: QUANTITIES_OF[quantity].averaging for quantity in QUANTITIES}
    minutes = [minute_from(channel, start_us, members, averaging[channel.rpartition(".")[2]]) for (channel, start_us), members in by_minute.items()]
    store = open_timeseries(f"sqlite:///{directory}/timeseries")
    store.write(Batch(fresh=readings, minutes=minutes))
    store.close()


def verdicts(directory: Path, now_us: int) -> list[dict[str, Any]]:
    """What assess says of a store, without when it said so."""
    store, engine = open_timeseries(f"sqlite:///{directory}/timeseries"), open_records(f"sqlite:///{directory}/oshwatch.db")
    Assessor(store, engine, FakeClock(now_us)).tick(now_us)
    found = [msgspec.to_builtins(item.verdict) for item in VerdictRepository(engine).latest(site="f1")]
    store.close()
    engine.dispose()
    for verdict in found:
        del verdict["computed_at"]
    return sorted(found, key=lambda verdict: json.dumps(verdict, sort_keys=True))
