"""The centre with its records on PostgreSQL: everything that a small centre on SQLite does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oshwatch.testing import until

OSHWATCH = Path(sys.executable).parent / "oshwatch"


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.server("mosquitto")
@pytest.mark.server("postgresql")
def test_a_centre_on_postgresql_stores_assesses_and_answers(make_centre: Callable[..., Any], mosquitto: Any, postgres: str, tmp_path: Path) -> None:
    centre = make_centre(mosquitto.url, OSHWATCH_DATABASE_URL=postgres)
    fleet = ["simulate", "fleet", "--agents", "3", "--channels", "4", "--rate", "1", "--mqtt", mosquitto.url]
    site = tmp_path / "fleet.yaml"
    centre.command(*fleet, "--registry", str(site))
    centre.command("registry", "import", str(site), "--by", "tests", "--reason", "first")
    api = centre.api()
    centre.start()
    centre.wait_until_ready()
    subprocess.run([OSHWATCH, *fleet, "--duration", "8"], check=True, timeout=60, capture_output=True)
    zones = api.get("sites/fleet/zones")["items"]
    channels = api.get(f"zones/{zones[0]['id']}/channels")["items"]
    until(lambda: all(len(api.get(f"channels/{channel['id']}/readings")["items"]) == 8 for channel in channels), 40, f"every reading is there; {centre.tail()}")
    until(lambda: api.get("sites/fleet/exposures")["items"], 40, f"verdicts are there; {centre.tail()}")
    assert api.get("agents")["items"]
    assert api.get("alerts")["next"] is None
    assert not (centre.directory / "oshwatch.db").exists()
