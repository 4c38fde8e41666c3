"""The command line: exit codes, one line on stderr, an example in every help."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.cli import main

GOOD = 'agent: agent-7\ndata_dir: data\nmqtt: {url: "mqtt://127.0.0.1:1"}\nsensors:\n  - {id: dust-1, driver: plantower, port: /dev/none, placement: cutting-1, interval_s: 10}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_config_is_said_to_be_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(config)]) == 0
    assert "good: 1 sensors, 3 channels, 1 destination" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_config_is_one_line_with_file_line_and_field_and_exit_2(config: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    config.write_text(GOOD.replace("interval_s: 10", "interval_s: -1"))
    assert main([command, "--config", str(config)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"oshwatch-edge: {config}:5: sensors[0].interval_s: ")
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_how_big_a_buffer_must_be_grows_with_hours_and_is_compared_with_the_config(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outbox", "--hours", "72", "--config", str(config)]) == 0
    assert "3 channels, 777,600 readings" in capsys.readouterr().out
    config.write_text(GOOD + "outbox: {max_mb: 5}\n")
    assert main(["outbox", "--hours", "72", "--config", str(config)]) == 1
    assert "too little" in capsys.readouterr().out
    assert main(["outbox", "--hours", "1", "--sensors", "2", "--rate", "0.5"]) == 0
    assert "2 channels, 3,600 readings" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["outbox"]])
def test_every_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "example:  oshwatch-edge" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["run"], ["outbox", "--hours", "-1"], ["outbox", "--hours", "x"], ["fly"]])
def test_wrong_use_is_exit_2(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "oshwatch-edge" in capsys.readouterr().err


def test_a_broken_scenario_clock_is_named(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OSHWATCH_SCENARIO_CLOCK", "soon")
    assert main(["run", "--config", str(config)]) == 2
    assert "OSHWATCH_SCENARIO_CLOCK" in capsys.readouterr().err


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_without_broker_or_sensor_it_runs_says_what_it_does_and_stops_cleanly(config: Path, sign: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-m", "edge_agent.cli", "run", "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "agent-7: 1 sensors, 3 channels" in line
    process.send_signal(sign)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_checking_a_config_imports_no_server_library() -> None:
    code = "import sys; import edge_agent.cli, edge_agent.agent; print([name for name in ('numpy', 'fastapi', 'sqlalchemy', 'sklearn', 'pydantic') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
