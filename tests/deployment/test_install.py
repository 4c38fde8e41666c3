"""scripts/install with a stand-in for pip and npm: hashes are always asked for, nothing is done twice, and what changed is done again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the script looks at, with a .venv whose python only notes what it is asked."""
    for name in ("scripts/install", "pyproject.toml", "apt-packages.txt", "requirements/run.txt", "requirements/dev.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "console" / "frontend").mkdir(parents=True)
    (tmp_path / "console" / "frontend" / "live.js").write_text("1")
    stand_in(tmp_path / ".venv" / "bin" / "python", f'echo "python $*" >> {tmp_path}/calls')
    stand_in(tmp_path / "tools" / "npm", f'echo "npm $*" >> {tmp_path}/calls; mkdir -p ../static/built node_modules')
    for tool in ("go", "cargo", "mosquitto", "mosquitto_sub", "chromium", "docker-compose", "node", "openssl"):
        stand_in(tmp_path / "tools" / tool, "true")
    stand_in(tmp_path / "scripts" / "influxd", f"echo influxd >> {tmp_path}/calls")
    return tmp_path


def stand_in(path: Path, does: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def install(project: Path, what: str) -> list[str]:
    """What was called."""
    calls = project / "calls"
    calls.unlink(missing_ok=True)
    done = subprocess.run(["bash", project / "scripts" / "install", what], env={"PATH": f"{project}/tools:/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return calls.read_text().splitlines() if calls.exists() else []


def test_packages_come_with_hashes_and_the_project_without_dependencies(project: Path) -> None:
    packages, itself, *frontend = install(project, "run")
    assert packages == "python -m pip install --quiet --require-hashes -r requirements/run.txt"
    assert "--no-deps --no-build-isolation -e ." in itself
    assert frontend == ["npm ci --ignore-scripts --silent", "npm run --silent build"]


def test_nothing_is_done_when_nothing_changed(project: Path) -> None:
    install(project, "run")
    assert install(project, "run") == []


def test_what_changed_is_done_again_and_only_that(project: Path) -> None:
    install(project, "run")
    (project / "console" / "frontend" / "live.js").write_text("2")
    assert [call.split()[0] for call in install(project, "run")] == ["npm", "npm"]
    with (project / "requirements" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    assert [call.split()[0] for call in install(project, "run")] == ["python", "python"]


def test_what_dev_installed_is_enough_to_run(project: Path) -> None:
    called = install(project, "dev")
    assert "influxd" in called
    assert any("requirements/dev.txt" in call for call in called)
    assert install(project, "run") == []


def test_a_failed_installation_is_tried_again(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    works = python.read_text()
    stand_in(python, "exit 1")
    failed = subprocess.run(["bash", project / "scripts" / "install", "run"], env={"PATH": f"{project}/tools:/usr/bin:/bin"}, capture_output=True, timeout=60, check=False)
    assert failed.returncode != 0
    python.write_text(works)
    assert any("requirements/run.txt" in call for call in install(project, "run"))


def test_pages_that_cannot_be_built_stop_a_developer_but_not_a_demo(project: Path) -> None:
    stand_in(project / "tools" / "npm", "exit 1")
    install(project, "run")
    failed = subprocess.run(
        ["bash", project / "scripts" / "install", "dev"], env={"PATH": f"{project}/tools:/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 1
    assert "was not built" in failed.stderr


def test_it_says_how_it_is_used() -> None:
    done = subprocess.run(["bash", ROOT / "scripts" / "install", "everything"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: scripts/install run|dev\n")


def test_every_script_is_sound_shell_and_executable() -> None:
    for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
        assert path.stat().st_mode & 0o100, path
        if "bash" in path.read_text().splitlines()[0]:
            assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
            assert "set -euo pipefail" in path.read_text()
