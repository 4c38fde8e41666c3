"""Drift monitors in the running system: what they add up, keep and tell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from alerts.model_monitor import FILE, Kept, ModelMonitor, kept_of
from domain.times import DAY_US, HOUR_US
from models.anomaly.monitor import Day, Drift

DAY = 20_000


class Models:
    """What the running models would say."""

    def __init__(self) -> None:
        self.onsets: Counter[str] = Counter()
        self.start, self.tally = 1, np.zeros((48, 3), dtype=np.int64)
        self.chances: dict[str, list[float]] = {}

    def tallies(self) -> tuple[int, list[str], npt.NDArray[np.int64]] | None:
        return self.start, ["co2", "co2", "pm10"], self.tally.copy()

    def take_chances(self) -> dict[str, list[float]]:
        found, self.chances = self.chances, {}
        return found


@pytest.fixture
def models() -> Models:
    return Models()


def day(folder: Path, number: int = DAY) -> Day:
    return kept_of(folder).days[number]


def test_minutes_suspicions_and_chances_add_up_by_day_and_quantity(models: Models, tmp_path: Path) -> None:
    monitor = ModelMonitor(tmp_path, models, models)
    monitor.tick(DAY * DAY_US)
    for hour in (1, 2):
        models.tally[7] += [60, 60, 60]
        models.onsets["co2"] += 1
        models.chances = {"wbgt_now": [12.0, 2.0, 1.5, 3.0]}
        monitor.tick(DAY * DAY_US + hour * HOUR_US)
    found = day(tmp_path)
    assert found.minutes == {"co2": 240, "pm10": 120}
    assert found.scores["co2"][7] == 240
    assert found.suspicions == {"co2": 2}
    assert found.forecasts == {"wbgt_now": [24.0, 4.0, 3.0, 6.0]}


def test_a_model_that_starts_anew_counts_nothing_twice(models: Models, tmp_path: Path) -> None:
    models.tally[3] += 500
    models.onsets["co2"] += 4
    monitor = ModelMonitor(tmp_path, models, models)
    monitor.tick(DAY * DAY_US)
    models.start, models.tally = 2, models.tally + 100
    monitor.tick(DAY * DAY_US + HOUR_US)
    assert day(tmp_path).minutes == {}
    assert day(tmp_path).suspicions == {}


def test_what_was_added_up_outlives_a_restart_and_five_weeks_are_kept(models: Models, tmp_path: Path) -> None:
    monitor = ModelMonitor(tmp_path, models, models)
    for number in range(40):
        models.onsets["co2"] += 1
        monitor.tick((DAY + number) * DAY_US)
    again = ModelMonitor(tmp_path, Models(), Models())
    again.tick((DAY + 40) * DAY_US)
    assert sorted(kept_of(tmp_path).days) == list(range(DAY + 5, DAY + 41))
    assert day(tmp_path, DAY + 39).suspicions == {"co2": 1}


def test_a_drift_is_logged_once_counted_and_kept(models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    days = {DAY - back: Day(forecasts={"stel_15min": [288.0, 200.0, 60.0, 20.0]}) for back in range(1, 8)}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(Kept(days=days)))
    monitor = ModelMonitor(tmp_path, models, models)
    for hour in range(3):
        monitor.tick(DAY * DAY_US + hour * HOUR_US)
    assert monitor.counters() == {"models_drifted": 1.0}
    assert kept_of(tmp_path).drifts == [Drift(what="chances", subject="stel_15min", value=0.625, before=0.0)]
    assert caplog.text.count("a model has drifted") == 1


def test_a_broken_file_is_said_and_the_monitors_begin_anew(models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_text("{")
    ModelMonitor(tmp_path, models, models).tick(DAY * DAY_US)
    assert "begin anew" in caplog.text
    assert list(kept_of(tmp_path).days) == [DAY]


def test_scores_of_a_model_with_other_bins_are_left_out(models: Models, tmp_path: Path) -> None:
    days = {number: Day(scores={"co2": [9] * 12}, minutes={"co2": 60}) for number in (DAY - 1, DAY)}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(Kept(days=days)))
    monitor = ModelMonitor(tmp_path, models, models)
    monitor.tick(DAY * DAY_US)
    models.tally[7] += [60, 60, 60]
    monitor.tick(DAY * DAY_US + HOUR_US)
    assert day(tmp_path, DAY - 1).scores == {}
    assert (len(day(tmp_path).scores["co2"]), day(tmp_path).scores["co2"][7]) == (48, 120)
