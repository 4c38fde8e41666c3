"""`oshwatch grafana` as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def oshwatch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GRAFANA_")}
    return subprocess.run([sys.executable, "-m", "oshwatch", *arguments], env=clean | environment, capture_output=True, text=True, timeout=60, check=False)


def test_render_names_every_file_that_it_wrote(tmp_path: Path) -> None:
    done = oshwatch("grafana", "render", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 3


def test_apply_without_a_token_says_which_is_missing() -> None:
    done = oshwatch("grafana", "apply", "--url", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "GRAFANA_TOKEN" in done.stderr


def test_apply_to_a_grafana_that_is_not_there_ends_with_one_line_and_1() -> None:
    done = oshwatch("grafana", "apply", "--url", "http://127.0.0.1:1", GRAFANA_TOKEN="t")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "does not answer" in done.stderr


def test_a_data_source_without_a_password_is_refused() -> None:
    done = oshwatch("grafana", "apply", "--url", "http://127.0.0.1:1", GRAFANA_TOKEN="t", GRAFANA_INFLUXDB_URL="http://influxdb:8086")
    assert done.returncode == 2
    assert "GRAFANA_INFLUXDB_PASSWORD" in done.stderr
