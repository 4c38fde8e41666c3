"""`oshwatch records copy`: into an empty database, of a centre that stands still."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from oshwatch.cli import run
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.records.services import ServicesRepository


@pytest.fixture
def source(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/one.db"
    engine = open_records(url)
    PeopleRepository(engine).add_user(name="linh", role="officer", grant="f1", password="a long enough one", locale="vi")
    engine.dispose()
    return url


@pytest.mark.server("postgresql")
def test_people_may_log_in_after_the_move_and_a_second_copy_is_refused(source: str, postgres: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["records", "copy", "--from", source, "--to", postgres]) == 0
    assert ", 2 rows copied, 0 tables differ, sha256 " in capsys.readouterr().out
    engine = open_records(postgres)
    user = PeopleRepository(engine).user("linh")
    engine.dispose()
    assert user is not None
    assert user.locale == "vi"
    assert run(["records", "copy", "--from", source, "--to", postgres]) == 2
    assert "is not empty (audit, users)" in capsys.readouterr().err
    assert run(["records", "copy", "--from", source, "--to", postgres, "--verify-only"]) == 0
    assert "2 rows compared, 0 tables differ" in capsys.readouterr().out


def test_a_difference_is_an_exit_code_and_a_line(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["records", "copy", "--from", source, "--to", f"sqlite:///{tmp_path}/empty.db", "--verify-only"]) == 1
    assert "differs: users\n" in capsys.readouterr().out


def test_a_centre_that_runs_is_copied_only_as_a_rehearsal(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_records(source)
    ServicesRepository(engine).heartbeat("alerts", 1, time.time_ns() // 1000, True)
    engine.dispose()
    assert run(["records", "copy", "--from", source, "--to", f"sqlite:///{tmp_path}/two.db"]) == 2
    assert "alerts ran within the last 15 s" in capsys.readouterr().err
    assert run(["records", "copy", "--from", source, "--to", f"sqlite:///{tmp_path}/two.db", "--rehearsal"]) == 0


def test_a_source_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["records", "copy", "--from", f"sqlite:///{tmp_path}/none.db", "--to", f"sqlite:///{tmp_path}/two.db"]) == 2
    assert "there is no database at" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


def test_onto_itself_is_refused(source: str) -> None:
    assert run(["records", "copy", "--from", source, "--to", source]) == 2
