"""The process tree: a child that dies comes back, all stop together, none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from oshwatch.supervise import Child, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"


def test_a_child_that_dies_is_started_again() -> None:
    supervisor = Supervisor()
    child = Child(name="sleeper", command=SLEEP)
    supervisor.start(child)
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait(3.0)
    assert child.process is not None
    assert child.process.pid != first
    assert child.restarts == 1
    supervisor.stop()
    supervisor.run()
    assert child.process.poll() is not None


def test_bad_input_of_a_child_stops_the_tree_with_its_code() -> None:
    supervisor = Supervisor()
    other = Child(name="sleeper", command=SLEEP)
    supervisor.start(other)
    supervisor.start(Child(name="wrong", command=[sys.executable, "-c", "raise SystemExit(2)"]))
    assert supervisor.run() == 2
    assert other.process is not None
    assert other.process.poll() is not None


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_parent(sign: signal.Signals, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        from oshwatch.supervise import Child, Supervisor
        supervisor = Supervisor()
        supervisor.stop_on_signals()
        child = Child(name="sleeper", command={SLEEP!r})
        supervisor.start(child)
        open({str(tmp_path / "pid")!r}, "w").write(str(child.process.pid) + "\\n")
        raise SystemExit(supervisor.run())
    """)
    parent = subprocess.Popen([sys.executable, "-c", script])
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    parent.send_signal(sign)
    parent.wait(15)
    until(lambda: not alive(pid))


def test_it_tells_how_often_each_child_was_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oshwatch.supervise.TELL_EVERY_S", 0.0)
    told: list[dict[str, float]] = []

    def tell(counters: Mapping[str, float]) -> None:
        told.append(dict(counters))
        if counters["restarts"] >= 2:
            supervisor.stop()

    supervisor = Supervisor(tell)
    supervisor.start(Child(name="ingest host-1", command=[sys.executable, "-c", "raise SystemExit(1)"]))
    assert supervisor.run() == 0
    assert told[0]["restarts"] == 0
    assert told[-1] == {"restarts": 2.0, "restarts_ingest_host_1": 2.0}
