"""The figures by which the plant is set beside real series are right on series whose figures are known; the real ones are read when they are there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from simulator.factory.likeness import BEGIN, END, Series, figures, main, real, table

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "anomaly"


def test_figures_of_a_known_series() -> None:
    random = np.random.default_rng(5)
    hours = np.arange(7 * 24 * 60) / 60
    course = 5 * np.sin(2 * np.pi * hours / 24)
    values = np.stack([course + offset + random.normal(0, 0.2, len(hours)) for offset in (0.0, 3.0)], axis=1)
    values[100:200, 0] = np.nan
    found = figures(Series("known", "air_temperature", 60.0, values))
    assert found.swing == pytest.approx(2 * 5 * np.cos(np.pi * 0.05), rel=0.03)
    assert found.lags[1] == pytest.approx(np.cos(2 * np.pi / 24), abs=0.01)
    assert found.lags[3] == pytest.approx(1.0, abs=0.01)
    assert found.spread < 0.2
    assert found.noise == pytest.approx(0.2, rel=0.12)


def test_one_sensor_has_no_neighbour_and_the_table_says_so() -> None:
    assert "| - |" in table([Series("one", "co2", 600.0, np.random.default_rng(1).normal(size=(600, 1)))])


def test_without_the_data_it_says_so(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["likeness", "--data", str(tmp_path / "nothing")])
    main()
    assert "not here" in capsys.readouterr().out


def test_the_note_has_the_row_of_every_real_series_that_is_there() -> None:
    if not DATA.is_dir():
        pytest.skip("the public series are not here")
    note = (ROOT / "docs" / "plant.md").read_text(encoding="utf-8")
    measured = note[note.index(BEGIN) : note.index(END)]
    rows = table(list(real(DATA))).splitlines()[2:]
    assert len(rows) == 8
    assert set(rows) <= set(measured.splitlines())


def test_the_note_says_that_a_month_is_made_within_a_minute() -> None:
    note = (ROOT / "docs" / "plant.md").read_text(encoding="utf-8")
    found = re.search(r"30 days of 160 channels at 10 s: 41472000 samples with their truth in ([\d.]+) s", note)
    assert found is not None
    assert float(found[1]) <= 60
