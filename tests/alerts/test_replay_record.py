"""A simulated factory's record under a policy: what is read of it, what counts as true, missed, chattering, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from alerts.policy import load_policy
from alerts.recorded import Recorded, registry_of
from alerts.replay_record import Load, Spell, chattering, judged, run_record
from assess.minutes import Series
from domain.hazards import Severity
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from oshwatch.cli import run as command

START_US = 1_795_539_600_000_000  # 2026-11-25, 00:00 in Ho Chi Minh City
CO, LEVEL = "agent-1.press.co", "agent-1.press.sound_level_a_eq"
STEP_S = 30
STEPS = 86_400 // STEP_S
SITE = {
    "site": {"id": "f1", "name": "F", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
    "shifts": [{"name": "A", "start": "07:00", "stop": "16:00"}],
    "zones": [{"id": "press", "name": "Press", "metabolic_rate_w": 180}],
    "agents": [
        {"id": "agent-1", "channels": [{"placement": "press", "quantity": quantity, "zone": "press", "interval_s": STEP_S} for quantity in ("co", "sound_level_a_eq")]},
        {"id": "agent-2", "channels": [{"placement": "spare", "quantity": "co", "zone": "press", "interval_s": STEP_S}]},
    ],
}


def write(folder: Path, said: dict[str, np.ndarray], true: dict[str, np.ndarray], **registry: object) -> Path:
    """A day; a row group."""
    folder.mkdir(exist_ok=True)
    (folder / "site.yaml").write_text(yaml.safe_dump(SITE | registry))
    times = pa.array(START_US + np.arange(STEPS, dtype=np.int64) * STEP_S * SECOND_US).cast(pa.timestamp("us", tz="UTC"))
    for name, columns in (("readings", said), ("true", true)):
        pq.write_table(pa.table({"time": times, **{channel: pa.array(values, pa.float32(), from_pandas=True) for channel, values in columns.items()}}), folder / f"{name}.parquet")
    return folder


def steady(value: float) -> np.ndarray:
    return np.full(STEPS, value)


def with_spell(base: float, high: float, from_h: float, minutes: float) -> np.ndarray:
    values = steady(base)
    first = round(from_h * 3600 / STEP_S)
    values[first : first + round(minutes * 60 / STEP_S)] = high
    return values


def series_of(folder: Path, channel: str, minutes: int = 10) -> Series:
    return Recorded(folder).series([channel], START_US, minutes)[channel]


def load_of(folder: Path) -> Load:
    policy, stop_us = load_policy(), START_US + 12 * HOUR_US
    said, true = (run_record(folder, table, policy, START_US + 7 * HOUR_US, stop_us, agents=["agent-1"], every_us=5 * MINUTE_US) for table in ("readings", "true"))
    return judged(folder, said, true, policy, START_US + 7 * HOUR_US, stop_us, agents=["agent-1"])


def test_samples_add_up_to_minutes_by_the_rule_of_their_quantity(tmp_path: Path) -> None:
    level, co = steady(80.0), steady(10.0)
    level[1], co[1], co[2:4] = 90.0, 20.0, np.nan
    folder = write(tmp_path, {CO: co, LEVEL: level}, {CO: co, LEVEL: level})
    assert series_of(folder, CO).value[0] == 15.0
    assert series_of(folder, CO).top[0] == 20.0
    assert list(series_of(folder, CO).samples[:3]) == [2, 0, 2]
    assert np.isnan(series_of(folder, CO).value[1])
    assert series_of(folder, LEVEL).value[0] == pytest.approx(10 * np.log10((1e8 + 1e9) / 2))


def test_a_missing_sample_is_no_reading(tmp_path: Path) -> None:
    co = steady(10.0)
    co[3] = np.nan
    folder = write(tmp_path, {CO: co}, {CO: co})
    found = Recorded(folder).readings([CO, "agent-9.not.there"], START_US, START_US + 5 * STEP_S * SECOND_US)
    assert [(reading.time_us - START_US) // (STEP_S * SECOND_US) for reading in found[CO]] == [0, 1, 2, 4]
    assert registry_of(folder).latest().channels[CO].zone == "f1.press"


def test_an_alarm_that_the_truth_would_raise_too_is_true(tmp_path: Path) -> None:
    co = with_spell(5.0, 260.0, 9, 10)
    found = load_of(write(tmp_path, {CO: co, LEVEL: steady(70)}, {CO: co, LEVEL: steady(70)}))
    assert (found.stops, found.stops_true, found.false_pages, found.missed) == (1, 1, 0, [])
    assert found.excursions >= 1
    assert found.per_shift_p95 == found.alarms


def test_a_sensor_that_cries_alone_is_a_false_page_and_what_it_does_not_see_is_missed(tmp_path: Path) -> None:
    said, true = with_spell(5.0, 260.0, 8, 10), with_spell(5.0, 260.0, 10.5, 10)
    found = load_of(write(tmp_path, {CO: said, LEVEL: steady(70)}, {CO: true, LEVEL: steady(70)}))
    assert (found.stops, found.stops_true) == (1, 0)
    assert found.false_pages == found.stops + found.actions - found.actions_true
    assert len(found.missed) == found.excursions >= 1
    assert found.false_pages_a_week == pytest.approx(found.false_pages * 7 / found.days)


def test_a_stop_where_it_was_action_is_overstated_and_the_other_way_round_understated(tmp_path: Path) -> None:
    much, most = steady(150.0), with_spell(150.0, 260.0, 10, 10)
    found = load_of(write(tmp_path / "a", {CO: most, LEVEL: steady(70)}, {CO: much, LEVEL: steady(70)}))
    assert (found.overstated, found.stops_true, found.false_pages) == (found.stops, 0, 0)
    assert found.stops >= 1
    found = load_of(write(tmp_path / "b", {CO: much, LEVEL: steady(70)}, {CO: most, LEVEL: steady(70)}))
    assert found.missed == []
    assert len(found.understated) >= 1


def test_a_silent_sensor_is_an_alarm_and_no_false_page(tmp_path: Path) -> None:
    co = steady(5.0)
    co[1100:1200] = np.nan
    found = load_of(write(tmp_path, {CO: co, LEVEL: steady(70)}, {CO: steady(5.0), LEVEL: steady(70)}))
    assert found.types == {"channel_silent action": 1}
    assert found.false_pages == 0


def calibrated(at: str) -> list[dict[str, object]]:
    return [{"id": "c1", "channel": CO, "type": "span", "performed_at": at, "by": "somebody", "offset": 255.0}]


def test_what_a_sensor_says_is_corrected_by_its_calibration_and_the_truth_is_not(tmp_path: Path) -> None:
    said, true = {CO: steady(260.0), LEVEL: steady(70)}, {CO: steady(260.0), LEVEL: steady(70)}
    assert load_of(write(tmp_path / "a", said, true, calibrations=[])).missed == []
    found = load_of(write(tmp_path / "b", said, true, calibrations=calibrated("2026-11-24")))
    assert (found.stops, found.actions) == (0, 0)
    assert len(found.missed) == found.excursions >= 1


def test_a_calibration_changes_no_window_of_a_day_before_it_was_done(tmp_path: Path) -> None:
    said = {CO: steady(260.0), LEVEL: steady(70)}
    found = load_of(write(tmp_path, said, said, calibrations=calibrated("2026-11-26")))
    assert found.stops == found.stops_true >= 1
    assert found.missed == []


def test_three_in_a_row_chatter_and_two_do_not() -> None:
    def spell(at_min: int) -> Spell:
        return Spell(zone="z", hazard="heat", type="heat", severity=Severity.ACTION, start_us=at_min * MINUTE_US, stop_us=at_min * MINUTE_US)

    assert chattering([spell(at) for at in (0, 20, 45, 300, 320)]) == {"z heat action": 3}
    assert chattering([spell(at) for at in (0, 20, 300, 320)]) == {}


def test_the_command_prints_the_row_of_each_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    co = with_spell(5.0, 260.0, 9, 10)
    folder = write(tmp_path, {CO: co, LEVEL: steady(70)}, {CO: co, LEVEL: steady(70)})
    asked = ["alerts", "replay", "--record", str(folder), "--from", "2026-11-25T08:30:00+07:00", "--to", "2026-11-25T10:00:00+07:00", "--every", "10"]
    assert command([*asked, "--agents", "agent-1"]) == 0
    assert "stop alarms that are true" in capsys.readouterr().out
    assert command([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["channels"] == 3
    assert command([*asked, "--agents", "agent-7"]) == 2
    assert "agent-1, agent-2" in capsys.readouterr().err
    assert command(["alerts", "replay", "--record", str(tmp_path / "nothing")]) == 2
    assert command(["alerts", "replay", "--site", "f1"]) == 2
    assert "--from" in capsys.readouterr().err
