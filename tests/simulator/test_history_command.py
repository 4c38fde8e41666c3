"""`oshwatch simulate history` writes a record that `oshwatch models score` reads, and says in one line what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from oshwatch.cli import main


def run(*arguments: str) -> int:
    try:
        return int(main(list(arguments)) or 0)
    except SystemExit as ended:
        return int(ended.code or 0)


def test_a_record_goes_through_the_models(tmp_path: Path, capsys) -> None:
    record, scored = tmp_path / "record", tmp_path / "scored.csv"
    assert run("simulate", "history", "--scenario", "sensor-trouble", "--days", "1", "--interval", "60", "--out", str(record)) == 0
    assert "1 days of 35 channels, 50400 samples, 7 incidents" in capsys.readouterr().out
    assert run("models", "score", "--input", str(record / "readings.csv"), "--period", "60", "--out", str(scored)) == 0
    assert len(scored.read_text().splitlines()) == 1 + 1440


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        (["--days", "0"], "--days"),
        (["--days", "1", "--interval", "7"], "--interval"),
        (["--days", "1", "--start", "soon"], "--start"),
        (["--days", "1", "--scenario", "cold"], "--scenario"),
    ],
)
def test_a_wrong_option_ends_with_2_and_its_name(tmp_path: Path, capsys, extra: list[str], field: str) -> None:
    assert run("simulate", "history", "--out", str(tmp_path / "record"), *extra) == 2
    assert field in capsys.readouterr().err
    assert not (tmp_path / "record").exists()
