"""Several processes on one journal: races, and kill -9 between the steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.actions import acknowledge
from alerts.policy import load_policy
from alerts.record import Recorder
from alerts.state import fold
from domain.clock import SystemClock
from domain.scope import Role, Scope
from storage.records.journal import JournalRepository

ROOT = Path(__file__).parents[2]
OFFICER = Scope(user="olga", role=Role.OFFICER, grant="f1")
WRITER = """
import sys
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from domain.clock import SystemClock
from domain.hazards import Severity
from storage.records.engine import open_records

engine, clock = open_records(sys.argv[1]), SystemClock()
recorder = Recorder(engine, clock, load_policy())
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[2])):
    alert = recorder.seen(Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.ACTION, event_us=clock.now_us(), value=30.0 + turn, unit="Cel"))
    print(alert.id, flush=True)
    if sys.argv[3] == "return":
        recorder.returned(alert, clock.now_us())
"""


def _writer(url: str, turns: int, then: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, url, str(turns), then], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def url(engine: Engine, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/oshwatch.db"


def test_processes_that_race_open_one_alert(engine: Engine, url: str) -> None:
    writers = [_writer(url, 1, "stay") for _ in range(3)]
    for writer in writers:
        _go(writer)
    named = {writer.communicate(timeout=60)[0].strip() for writer in writers}
    assert len(named) == 1
    journal = JournalRepository(engine)
    assert list(journal.load_open()) == list(named)
    assert len(journal.raised(None)) == 1


def test_kill_9_between_raise_acknowledge_and_return_resumes_from_the_journal(engine: Engine, url: str) -> None:
    journal = JournalRepository(engine)
    for wait_lines in (1, 2):
        writer = _writer(url, 1000, "return")
        _go(writer)
        assert writer.stdout is not None
        for _ in range(wait_lines):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate(timeout=60)
        (steps,) = journal.load_open().values()
        alert = fold(steps)
        assert steps[0].kind == "raised"
        assert len({step.id for step in steps}) == len(steps)
        alert = acknowledge(engine, SystemClock(), OFFICER, alert.id, "seen")
        resumed = Recorder(engine, SystemClock(), load_policy())
        if alert.open:
            after = resumed.returned(alert, SystemClock().now_us())
            assert after is not None
            assert (after.open, after.acknowledgements) == (False, alert.acknowledgements)
        assert journal.load_open() == {}
