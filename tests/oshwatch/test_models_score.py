"""`oshwatch models score`: a file in, the same rows out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from oshwatch.cli import run


def write(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def rooms(tmp_path: Path) -> tuple[Path, list[Path]]:
    dice = np.random.default_rng(4)
    weather = 25 + 4 * np.sin(np.arange(1_200) / 45)
    values = np.round(weather[:, None] + dice.normal(0, 0.1, (1_200, 4)), 2)
    values[1_000:1_100, 0] = values[1_000, 0]
    files = [write(tmp_path / f"room-{n}.csv", ["time", f"t{n}"], [[1_700_000_000 + 300 * row, values[row, n]] for row in range(1_200)]) for n in range(4)]
    return files[0], files[1:]


def test_a_stuck_sensor_among_peers_is_named(tmp_path: Path) -> None:
    given, peers = rooms(tmp_path)
    out = tmp_path / "out.csv"
    assert run(["models", "score", "--input", str(given), "--period", "300", "--peers", *map(str, peers), "--out", str(out)]) == 0
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1_200
    assert list(rows[0]) == ["time", "t0", "score", "p_fault", "p_event", "fault_type", "culprit", "alarm"]
    assert {row["alarm"] for row in rows[:1_000]} == {"0"}
    assert (rows[1_050]["fault_type"], rows[1_050]["culprit"], rows[1_050]["alarm"]) == ("stuck", "t0", "1")
    assert float(rows[1_050]["p_fault"]) > 0.5 > float(rows[1_050]["p_event"])


@pytest.mark.parametrize(
    ("header", "rows", "told"),
    [
        (["when", "t"], [[0, 1]], "first line"),
        (["time", "t"], [[60, 1], [0, 1]], "time order"),
        (["time", "t"], [[0, "warm"]], "no number"),
        (["time", "t"], [["noon", 1]], "no time"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], header: list[str], rows: list[list[object]], told: str) -> None:
    given = write(tmp_path / "in.csv", header, rows)
    assert run(["models", "score", "--input", str(given), "--period", "60", "--out", str(tmp_path / "out.csv")]) == 2
    assert told in capsys.readouterr().err
