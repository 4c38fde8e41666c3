"""A changed policy over what is stored: what it would have raised, beside the present one, and nothing written anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from alerts.policy import load_policy
from alerts.policy.site import LevelChange, SitePolicy, applied
from alerts.replay import Replay, replay
from domain.agreements import SIDES, Signature
from domain.hazards import Severity
from domain.quantities import Averaging
from domain.reading import Reading, minute_from
from domain.registry import CalibrationSpec, Entry
from domain.strictness import change_by
from domain.times import DAY_US, MINUTE_US, SECOND_US, to_rfc3339
from oshwatch.cli import run as command
from storage.records.journal import JournalRepository
from storage.records.registry import RegistryRepository
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import SqliteTimeSeries

START_US = 1_795_500_000_000_000 // MINUTE_US * MINUTE_US  # 2026-11-24 in the factory's morning shift
CO, CO2 = "agent-7.ironing-1.co", "agent-8.gluing-1.co2"
BASE = load_policy()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteTimeSeries]:
    store = SqliteTimeSeries(tmp_path / "series")
    yield store
    store.close()


def put(store: SqliteTimeSeries, channel: str, values: list[float]) -> None:
    """A reading each 10 s, a minute for each six of them."""
    readings = [Reading(channel=channel, time_us=START_US + (index + 1) * 10 * SECOND_US, value=value, q=4, r=()) for index, value in enumerate(values)]
    minutes = [minute_from(channel, START_US + first // 6 * MINUTE_US, readings[first : first + 6], Averaging.ARITHMETIC) for first in range(0, len(readings), 6)]
    store.write(Batch(fresh=readings, minutes=minutes))


def run(store: SqliteTimeSeries, engine: Engine, policy: SitePolicy, minutes: int) -> Replay:
    registry = RegistryRepository(engine).load()
    policies = {"present": BASE, "changed": applied(BASE, policy)}
    stop_us = START_US + minutes * MINUTE_US
    return replay(store, registry, "f1", START_US, stop_us, policies, shifts=[(START_US, stop_us)])


def test_a_ceiling_that_begins_earlier_raises_what_the_present_one_does_not(store: SqliteTimeSeries, engine: Engine) -> None:
    put(store, CO, [20.0] * 60 + [190.0] * 12 + [20.0] * 60)
    policy = SitePolicy(alarms={"ceiling_now": {Severity.STOP: LevelChange(margin=20.0)}})
    found = run(store, engine, policy, 20)
    assert found.sides["changed"].alarms == found.sides["present"].alarms + 1
    assert "ceiling_now stop" not in found.sides["present"].types
    (one,) = found.only["changed"]
    assert (one.type, one.severity, one.zone, one.value) == ("ceiling_now", "stop", "f1.ironing-1", 190.0)
    assert found.sides["changed"].per_shift_most == found.sides["changed"].alarms


def test_the_same_policy_raises_the_same_and_the_journal_of_the_centre_stays_as_it_was(store: SqliteTimeSeries, engine: Engine) -> None:
    put(store, CO, [20.0] * 30 + [260.0] * 6 + [20.0] * 90)
    found = run(store, engine, SitePolicy(), 20)
    assert found.sides["present"].types["ceiling_now stop"] == 1
    assert found.sides["present"] == found.sides["changed"]
    assert found.only == {"present": [], "changed": []}
    assert JournalRepository(engine).last_id() == 0


def test_a_longer_delay_of_a_window_is_seen(store: SqliteTimeSeries, engine: Engine) -> None:
    put(store, CO2, [600.0] * 120 + [6000.0] * 180)
    found = run(store, engine, SitePolicy(alarms={"ventilation": {Severity.ACTION: LevelChange(on_delay_s=900)}}), 50)
    assert found.sides["present"].alarms >= found.sides["changed"].alarms
    assert json.loads(msgspec.json.encode(found))["site"] == "f1"


def test_the_command_prints_both_side_by_side(store: SqliteTimeSeries, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put(store, CO, [20.0] * 30 + [190.0] * 6 + [20.0] * 30)
    policy = tmp_path / "f1.yaml"
    policy.write_text("alarms: {ceiling_now: {stop: {margin: 20}}}\n")
    monkeypatch.setenv("OSHWATCH_DATABASE_URL", str(engine.url))
    monkeypatch.setenv("OSHWATCH_TIMESERIES_URL", f"sqlite:///{tmp_path / 'series'}")
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path))
    period = ["--from", to_rfc3339(START_US), "--to", to_rfc3339(START_US + 12 * MINUTE_US)]
    assert command(["alerts", "replay", "--site", "f1", *period, "--policy", str(policy)]) == 0
    text = capsys.readouterr().out
    assert "only under the changed policy" in text
    assert "ceiling_now stop" in text
    policy.write_text("alarms: {ceiling_now: {stop: {on_delay_s: 20}}}\n")
    assert command(["alerts", "replay", "--site", "f1", *period, "--policy", str(policy)]) == 2
    assert "on_delay_s" in capsys.readouterr().err


def test_the_calibration_of_a_sensor_that_was_taken_away_since_still_corrects_the_days_before(store: SqliteTimeSeries, engine: Engine) -> None:
    put(store, CO, [180.0] * 720)
    raw, repository = run(store, engine, SitePolicy(), 118).sides["present"].types, RegistryRepository(engine)
    spec = CalibrationSpec(id="c1", channel=CO, type="span", performed_at="2026-11-23", by="lab", offset=170.0)
    record = Entry(site="f1", kind="calibration", id=spec.id, valid_from_us=0, recorded_us=START_US, author="linh", reason="", body=msgspec.json.encode(spec))
    repository.add([record])
    corrected = run(store, engine, SitePolicy(), 118).sides["present"].types
    assert corrected != raw
    repository.add([msgspec.structs.replace(record, kind="channel", id=CO, valid_from_us=START_US + 2 * DAY_US, recorded_us=START_US + 1, body=b"")])
    assert run(store, engine, SitePolicy(), 118).sides["present"].types == corrected


def test_a_calibration_that_one_side_entered_does_not_quieten_what_is_replayed(store: SqliteTimeSeries, engine: Engine) -> None:
    put(store, CO, [180.0] * 720)
    before = run(store, engine, SitePolicy(), 118).sides["present"].types
    assert before
    repository = RegistryRepository(engine)
    spec = CalibrationSpec(id="cal-low", channel=CO, type="span", performed_at="2026-11-23", by="office", offset=170.0, next_due="2027-11-23")
    record = Entry(site="f1", kind="calibration", id=spec.id, valid_from_us=0, recorded_us=START_US, author="linh", reason="", body=msgspec.json.encode(spec))
    change = change_by(repository.load(), "f1", [record])
    assert change is not None
    waits = msgspec.structs.replace(record, kind="change", id=change.id, body=msgspec.json.encode(change))
    repository.add([record, waits])
    assert run(store, engine, SitePolicy(), 118).sides["present"].types == before
    signatures = [Signature(side=side, agree=True, by=side, at="2026-11-23T01:00:00Z") for side in SIDES]
    agreed = msgspec.json.encode(msgspec.structs.replace(change, signatures=signatures))
    repository.add([msgspec.structs.replace(waits, recorded_us=START_US + 1, body=agreed)])
    assert run(store, engine, SitePolicy(), 118).sides["present"].types != before
