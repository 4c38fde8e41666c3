"""The agent installs and runs on a machine that has the base dependencies and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER_ONLY = ("numpy", "sklearn", "fastapi", "sqlalchemy", "influxdb_client", "amqtt")


def installed(directory: Path) -> Path:
    """A fresh venv with the project in it; returns its bin folder. Skips without a way to the packages."""
    uv = Path(sys.executable).parent / "uv"
    tool = str(uv) if uv.exists() else shutil.which("uv")
    python = directory / "venv" / "bin" / "python"
    if tool:
        subprocess.run([tool, "venv", "-q", "--python", sys.executable, str(directory / "venv")], check=True)
        install = [tool, "pip", "install", "-q", "--python", str(python), str(ROOT)]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
        install = [str(python), "-m", "pip", "install", "-q", str(ROOT)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr.lower() for word in ("connection", "resolve host", "network", "timed out")):
        pytest.skip(f"no package index: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return python.parent


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_agent_runs_in_a_bare_venv(tmp_path: Path) -> None:
    bin_folder = installed(tmp_path)
    config = tmp_path / "agent.yaml"
    config.write_text((ROOT / "edge_agent/drivers/modbus/sample.yaml").read_text())
    checked = subprocess.run([str(bin_folder / "oshwatch-edge"), "check", "--config", str(config)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "7 channels" in checked.stdout
    code = f"import importlib.util as u, edge_agent.agent; print([name for name in {SERVER_ONLY!r} if u.find_spec(name)])"
    found = subprocess.run([str(bin_folder / "python"), "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert found.stdout.strip() == "[]"
