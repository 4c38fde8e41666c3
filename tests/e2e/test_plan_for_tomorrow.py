"""The evening before: a weather forecast comes from a file and from an address, `oshwatch plan` and the page tell tomorrow's heat, and the page prints."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import pi, sin
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from domain.quantities import quantity_of
from domain.reading import Reading, minute_from
from domain.times import HOUR_US, MINUTE_US
from storage.records.engine import open_records
from storage.records.people import PeopleRepository
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch

ZONE, PASSWORD = ZoneInfo("Asia/Ho_Chi_Minh"), "a-long-enough-password-7"
SITE = """
site: {id: f1, name: Factory, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh], latitude: 16.5, longitude: 107.6}
shifts: [{name: A, start: "06:00", stop: "16:00"}]
zones:
  - {id: press, name: Press line, metabolic_rate_w: 300, acclimatised: "yes"}
  - {id: store, name: Store, metabolic_rate_w: 180}
agents:
  - id: agent-1
    channels: [{placement: press, quantity: wbgt, zone: press, interval_s: 900}]
"""
CHANNEL = "agent-1.press.wbgt"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.server("chromium")]


def today() -> date:
    return datetime.now(ZONE).date()


def warm(day: date) -> float:
    return Random(day.toordinal()).gauss(0.0, 2.0)


def weather(first_back: int, last_back: int) -> str:
    """Days before tomorrow, hour by hour; tomorrow itself is 5 K warmer than usual."""
    rows = ["time,air_temperature_c,relative_humidity_pct,wind_speed_ms,solar_w_m2"]
    for back in range(first_back, last_back - 1, -1):
        day = today() + timedelta(days=1 - back)
        for hour in range(24):
            air = 28.0 + (warm(day) if back else 5.0) + 3.0 * sin((hour - 8) / 12 * pi)
            rows.append(f"{day}T{hour:02d}:00,{air:.2f},65,1.5,{max(0.0, 700 * sin((hour - 6) / 12 * pi)):.0f}")
    return "\n".join(rows) + "\n"


def measured() -> Batch:
    """Four weeks of a press line in which each day is as warm as its weather."""
    quantity, minutes = quantity_of("wbgt"), []
    assert quantity is not None
    for back in range(28, 0, -1):
        day = today() - timedelta(days=back - 1)
        midnight_us = round(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) * 1_000_000
        for hour in range(6, 16):
            for minute in range(0, 60, 15):
                at_us = midnight_us + hour * HOUR_US + minute * MINUTE_US
                if at_us + HOUR_US < time.time_ns() // 1_000:
                    value = 27.0 + 0.7 * (warm(day) + 3.0 * sin((hour - 8) / 12 * pi))
                    minutes.append(minute_from(CHANNEL, at_us, [Reading(CHANNEL, at_us, value)], quantity.averaging))
    return Batch(minutes=minutes)


@pytest.fixture
def met_office() -> Iterator[str]:
    """The weather service that the site configured."""
    body = weather(0, 0).encode()

    class Weather(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/f1.csv") else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Weather) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/f1.csv?key=secret"
        server.shutdown()


def prepared(make_centre: Callable[..., Any], tmp_path: Path) -> Any:
    centre = make_centre("mqtt://127.0.0.1:9", OSHWATCH_TIMESERIES_URL=f"sqlite:///{tmp_path}/series", OSHWATCH_DATABASE_URL=f"sqlite:///{tmp_path}/records.db")
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    centre.command("registry", "import", str(tmp_path / "site.yaml"))
    series = open_timeseries(f"sqlite:///{tmp_path}/series", "")
    series.write(measured())
    series.close()
    return centre


def logged_in(browser: Browser, centre: Any, tmp_path: Path) -> Page:
    engine = open_records(f"sqlite:///{tmp_path}/records.db")
    PeopleRepository(engine).add_user(name="linh", role="officer", grant="f1", password=PASSWORD)
    engine.dispose()
    page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    page.goto(f"{centre.url}/login")
    page.fill("input[name=name]", "linh")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    return page


def press(shown: dict[str, Any]) -> dict[str, Any]:
    return next(zone for zone in shown["zones"] if zone["zone"] == "f1.press")


def test_weather_from_a_file_and_from_an_address_makes_a_plan_that_prints(make_centre: Callable[..., Any], met_office: str, tmp_path: Path, browser: Browser) -> None:
    centre = prepared(make_centre, tmp_path)
    alone = press(json.loads(centre.command("plan", "show", "--site", "f1", "--json")))
    assert alone["way"] in ("persistence", "recent_days")
    (tmp_path / "past.csv").write_text(weather(28, 1), encoding="utf-8")
    assert "stored: 672 hours" in centre.command("plan", "weather", "--site", "f1", str(tmp_path / "past.csv"))
    assert "stored: 24 hours" in centre.command("plan", "weather", "--site", "f1", met_office)
    assert b"secret" not in (tmp_path / "records.db").read_bytes()

    found = json.loads(centre.command("plan", "show", "--site", "f1", "--json"))
    zone = press(found)
    assert found["date"] == str(today() + timedelta(days=1))
    assert zone["way"] == "weather"
    assert zone["mean_errors"]["weather"] < zone["mean_errors"]["persistence"]
    truth = {hour: 27.0 + 0.7 * (5.0 + 3.0 * sin((hour - 8) / 12 * pi)) for hour in range(6, 16)}
    told = {datetime.fromisoformat(hour["start"]).astimezone(ZONE).hour: hour for hour in zone["hours"]}
    assert told.keys() == truth.keys()
    near = [abs(told[hour]["wbgt"] - truth[hour]) for hour in truth]
    assert sum(near) / len(near) < sum(abs(one["wbgt"] - truth[hour]) for hour, one in zip(truth, alone["hours"], strict=True)) / len(near)
    assert told[14]["rest"][0]["rest_min"] > told[6]["rest"][0]["rest_min"]
    assert "heavy work: move away" in centre.command("plan", "show", "--site", "f1")

    centre.start("console")
    centre.wait_until_listening(90)
    page = logged_in(browser, centre, tmp_path)
    page.goto(f"{centre.url}/sites/f1/heat-plan")
    text = page.inner_text("main")
    assert "A plan, not evidence." in text
    assert f"{told[14]['wbgt']:.1f}" in page.inner_text("[data-heat-plan='f1.press']")
    assert "No heat sensor is registered here" in page.inner_text("[data-heat-plan='f1.store']")
    page.emulate_media(media="print")
    assert not page.locator("form:visible").count(), "nothing to press on paper"
    assert page.locator(".onpaper").is_visible(), "two lines to sign"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_hours_that_are_over_are_never_read_as_tomorrows(make_centre: Callable[..., Any], tmp_path: Path) -> None:
    """A file of past days alone gives no weather for tomorrow, and the plan says so."""
    centre = prepared(make_centre, tmp_path)
    (tmp_path / "past.csv").write_text(weather(28, 2), encoding="utf-8")
    centre.command("plan", "weather", "--site", "f1", str(tmp_path / "past.csv"))
    found = json.loads(centre.command("plan", "show", "--site", "f1", "--json"))
    assert found["weather_issued"] is None
    assert press(found)["way"] in ("persistence", "recent_days")
    assert "no_weather_forecast" in press(found)["notes"]
    assert datetime.fromisoformat(found["made"]) <= datetime.now(UTC) + timedelta(minutes=1)
