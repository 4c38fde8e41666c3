"""Order does not matter: the same packs in any order, twice, hours late, looked at by assess in between: the same readings, minutes and verdicts."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assess.engine import Assessor
from domain.reading import Reading
from domain.registry import SiteFile
from domain.senml import encode_pack
from domain.times import HOUR_US, MINUTE_US, SECOND_US, parse_instant
from ingest.service import IngestService
from oshwatch.testing import FakeClock, MemorySource, RecordingRules, until
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository
from storage.records.verdicts import VerdictRepository
from storage.timeseries.sqlite import SqliteTimeSeries

AGENT = "agent-1"
SHIFT_US = parse_instant("2026-11-25T00:00:00Z")
SHIFT_MIN = 60
TICK_US = 10 * SECOND_US
NORMAL = {"sound_level_a_eq": 84.0, "co2": 900.0, "air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 36.0, "air_speed": 0.3}
CHANNELS = [f"{AGENT}.hall.{quantity}" for quantity in NORMAL]
SITE: dict[str, Any] = {
    "site": {"id": "f1", "name": "Sunrise", "timezone": "UTC", "country": "VN", "profiles": ["us-niosh"]},
    "shifts": [{"name": "A", "start": "00:00", "stop": "01:00"}],
    "zones": [{"id": "hall", "name": "Hall", "metabolic_rate_w": 300, "clothing": "work_clothes", "acclimatised": "unknown"}],
    "agents": [{"id": AGENT, "channels": [{"placement": "hall", "quantity": quantity, "zone": "hall", "interval_s": 10} for quantity in NORMAL]}],
}


def packs(seed: int) -> list[bytes]:
    """A pack each minute of a shift of one hour; some values are missing, a few minutes too."""
    dice, found = random.Random(seed), []
    for minute in range(SHIFT_MIN):
        ticks = [SHIFT_US + minute * MINUTE_US + tick * TICK_US for tick in range(6)]
        readings = [
            Reading(
                f"{AGENT}.hall.{quantity}",
                at_us,
                None if (failed := dice.random() < 0.02) else round(value * dice.uniform(0.97, 1.03), 2),
                1 if failed else 4,
                (13,) if failed else (),
            )
            for at_us in ticks
            for quantity, value in NORMAL.items()
        ]
        if dice.random() > 0.05:
            found.append(encode_pack(AGENT, "boot-1", minute, True, readings))
    return found


def outcome(arrivals: list[list[bytes]]) -> tuple[Any, Any, list[dict[str, Any]]]:
    """Readings, minutes and verdicts after these batches; assess looks after each, the last ones hours after the shift."""
    with tempfile.TemporaryDirectory() as name:
        engine, store, clock = open_records(f"sqlite:///{name}/records.db"), SqliteTimeSeries(Path(name) / "series"), FakeClock(SHIFT_US + 2 * MINUTE_US)
        RegistryRepository(engine).import_file(msgspec.convert(SITE, SiteFile), valid_from_us=None, author="tests", reason="first", now_us=SHIFT_US)
        source = MemorySource(clock)
        service = IngestService(source=source, timeseries=store, engine=engine, clock=clock, rules=RecordingRules())
        assessor = Assessor(store, engine, clock)
        service.start()
        try:
            for number, batch in enumerate(arrivals):
                clock.time_us = SHIFT_US + (SHIFT_MIN + 1) * MINUTE_US + number * HOUR_US
                tokens = source.send(f"osh/v1/{AGENT}/data", *batch)
                until(lambda tokens=tokens: set(tokens) <= set(source.acked), 20, "all is acknowledged")
                assessor.tick()
        finally:
            service.stop()
        for hours in (8, 20):
            clock.time_us = SHIFT_US + hours * HOUR_US
            assessor.tick()
        read, minutes = store.read(CHANNELS, 0, clock.time_us), store.read_minutes(CHANNELS, 0, clock.time_us)
        verdicts = [msgspec.to_builtins(row.verdict) for row in VerdictRepository(engine).latest(site="f1")]
        store.close()
        engine.dispose()
    for verdict in verdicts:
        del verdict["computed_at"], verdict["revision"]
    return read, minutes, sorted(verdicts, key=lambda verdict: (verdict["metric"], verdict["limit"]["id"]))


@pytest.mark.slow
@settings(max_examples=5, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_packs_in_any_order_twice_and_hours_late_give_the_same_readings_minutes_and_verdicts(seed: int, batches: int) -> None:
    dice, sent = random.Random(seed), packs(seed)
    arrivals = sent + dice.choices(sent, k=len(sent) // 2)
    dice.shuffle(arrivals)
    size = -(-len(arrivals) // batches)
    disturbed = outcome([arrivals[at : at + size] for at in range(0, len(arrivals), size)])
    plain = outcome([sent])
    assert disturbed[0] == plain[0]
    assert disturbed[1] == plain[1]
    assert disturbed[2] == plain[2]
    assert {verdict["hazard"] for verdict in plain[2]} >= {"heat", "noise", "air_quality"}
