"""`oshwatch plan`: a forecast from a file or an address, and what is said where nothing is known."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from oshwatch.cli import run

SITE = """
site: {id: f1, name: Factory, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh], latitude: 16.5, longitude: 107.6}
shifts: [{name: A, start: "07:00", stop: "09:00"}]
zones: [{id: z1, name: Zone, metabolic_rate_w: 300}]
"""


def table() -> str:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()  # the house's own clock stamps the forecast
    return "time,air_temperature_c,relative_humidity_pct,wind_speed_ms\n" + "".join(f"{tomorrow}T{hour:02d}:00Z,30,70,1\n" for hour in range(24))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OSHWATCH_DATABASE_URL", f"sqlite:///{tmp_path}/oshwatch.db")
    monkeypatch.setenv("OSHWATCH_TIMESERIES_URL", f"sqlite:///{tmp_path}/series")
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert run(["registry", "import", str(tmp_path / "site.yaml")]) == 0
    return tmp_path


@pytest.fixture
def address() -> Iterator[str]:
    """Somebody's forecast over HTTP; any other path is not there."""
    body = table().encode()

    class Weather(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.startswith("/f1.csv")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(body if found else b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Weather) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_forecast_comes_from_a_file_and_the_plan_says_that_nothing_was_measured(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "met.csv").write_text(table(), encoding="utf-8")
    assert run(["plan", "weather", "--site", "f1", str(house / "met.csv")]) == 0
    assert "stored: 24 hours" in capsys.readouterr().out
    assert run(["plan", "show", "--site", "f1", "--json"]) == 1
    plan = json.loads(capsys.readouterr().out)
    assert plan["weather_issued"] is not None
    assert plan["zones"][0]["notes"] == ["no_sensor"]
    assert [hour["wbgt"] for hour in plan["zones"][0]["hours"]] == [None, None]
    assert run(["plan", "show", "--site", "f1"]) == 1
    assert "a plan, not evidence" in capsys.readouterr().out


def test_a_forecast_comes_from_an_address_whose_key_is_not_kept(house: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "weather", "--site", "f1", f"{address}/f1.csv?key=secret"]) == 0
    assert "24 hours" in capsys.readouterr().out
    assert b"secret" not in (house / "oshwatch.db").read_bytes()


@pytest.mark.parametrize("path", ["/other.csv", ":0/f1.csv"])
def test_an_address_that_does_not_answer_is_one_line_and_a_try_again(house: Path, address: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = f"{address}{path}" if path.startswith("/") else "http://127.0.0.1:1/f1.csv"
    assert run(["plan", "weather", "--site", "f1", source]) == 1
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "named"), [(["--site", "f9"], "no site 'f9'"), (["--site", "f1", "--issued", "soon"], "issued")])
def test_wrong_use_is_one_line(house: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "met.csv").write_text(table(), encoding="utf-8")
    assert run(["plan", "weather", str(house / "met.csv"), *arguments]) == 2
    assert named in capsys.readouterr().err
    assert run(["plan", "weather", "--site", "f1", str(house / "none.csv")]) == 2
