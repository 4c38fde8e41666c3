"""The next day's heat plan by REST and on its page: a forecast goes in, tomorrow's hours come out, and what nobody can know is called unknown."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from domain.quantities import quantity_of
from domain.reading import Reading, minute_from
from domain.times import DAY_US, HOUR_US, MINUTE_US, parse_instant, to_rfc3339
from storage.timeseries.port import Batch

MIDNIGHT_US = parse_instant("2026-11-25T17:00:00Z")  # of 26 November in Ho Chi Minh City; now is 10:42 of the day before
HEAT = {"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 35.0, "air_speed": 0.3}
HEADER = "time,air_temperature_c,relative_humidity_pct,wind_speed_ms,solar_w_m2"
PLAN, WEATHER = "/api/v1/sites/f1/heat-plan", "/api/v1/sites/f1/weather-forecast"

AXE = Path(__file__).resolve().parents[2] / "console" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def warm(day: int) -> float:
    return random.Random(day).gauss(0.0, 2.0)


def at(back: int, hour: int) -> int:
    return MIDNIGHT_US - back * DAY_US + hour * HOUR_US


def weather(first: int, last: int, more: float = 0.0) -> str:
    """Days back from the planned one, in hours."""
    rows = [
        f"{to_rfc3339(at(back, hour))},{28 + (warm(back) if back else more) + 3 * math.sin((hour - 8) / 12 * math.pi):.2f},70,1.5,{max(0.0, 700 * math.sin((hour - 6) / 12 * math.pi)):.0f}"
        for back in range(first, last - 1, -1)
        for hour in range(24)
    ]
    return "\n".join([HEADER, *rows])


@pytest.fixture
def hot(site):
    """Three weeks of ironing, in which each day is as warm as the weather; the cutting hall has measured for three days."""
    minutes = []
    for zone, days in (("ironing-1", 21), ("cutting-a", 3)):
        for quantity, level in HEAT.items():
            channel, averaging = f"agent-{zone}.{zone}.{quantity}", quantity_of(quantity).averaging
            for back in range(days + 1, 1, -1):
                more = warm(back) if quantity.endswith("temperature") else 0.0
                for hour in range(7, 16):
                    value = level + more + (3 * math.sin((hour - 8) / 12 * math.pi) if quantity.endswith("temperature") else 0.0)
                    minutes += [
                        minute_from(channel, at(back, hour) + minute * MINUTE_US, [Reading(channel, at(back, hour) + minute * MINUTE_US, value)], averaging) for minute in range(46)
                    ]
    site.factory.timeseries.write(Batch(minutes=minutes))
    return site


def zone(answer, id: str):
    return next(one for one in answer.json()["zones"] if one["zone"] == id)


def test_a_forecast_goes_in_and_tomorrows_hours_come_out(hot) -> None:
    stored = hot.post(WEATHER, content=weather(22, 0, more=4.0), headers={"content-type": "text/csv"})
    assert (stored.status_code, stored.json()["hours"], stored.json()["by"]) == (201, 23 * 24, "linh")
    assert hot.get(WEATHER, who="hoa").json() == stored.json()
    answer = hot.get(PLAN, who="hoa")
    assert answer.json()["date"] == "2026-11-26"
    assert "not evidence" in answer.json()["statement"]
    ironing = zone(answer, "f1.ironing-1")
    assert ironing["way"] == "weather"
    assert ironing["mean_errors"]["weather"] < ironing["mean_errors"]["persistence"]
    assert [hour["start"] for hour in ironing["hours"]] == [to_rfc3339(at(0, hour)) for hour in range(7, 16)]
    for hour in ironing["hours"]:
        assert hour["low"] < hour["wbgt"] < hour["high"]
        assert [rest["limit"] for rest in hour["rest"]] == ["niosh-ral", "niosh-rel"]
        assert hour["rest"][0]["rest_min"] >= hour["rest"][1]["rest_min"]


def test_what_nobody_can_know_is_unknown_and_says_why(hot) -> None:
    hot.post(WEATHER, content=weather(22, 0))
    answer = hot.get(PLAN)
    for id, note in (("f1.cutting-a", "too_little_history"), ("f1.sewing-1", "no_sensor")):
        found = zone(answer, id)
        assert note in found["notes"]
        assert {hour["wbgt"] for hour in found["hours"]} == {None}
        assert all(hour["rest"] == [] for hour in found["hours"])


def test_the_same_forecast_twice_is_there_once(hot) -> None:
    body = '{"issued": "2026-11-25T02:00:00Z", "source": "met", "hours": [{"time": "2026-11-26T07:00", "air_temperature_c": 30, "relative_humidity_pct": 70, "wind_speed_ms": 1}]}'
    first, again = hot.post(WEATHER, content=body), hot.post(WEATHER, content=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["first"] == "2026-11-26T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (HEADER + "\n2026-11-26T07:00,30,170,1,0\n", "2: relative_humidity_pct"),
        (HEADER.replace("time,", "") + "\n", "1: time"),
        ("", "1: time"),
        ('{"hours": [{"time": "2026-11-26T07:00", "air_temperature_c": 30}]}', "hours[0].relative_humidity_pct"),
        (b"\xff\xfe\x00", "body"),
    ],
)
def test_what_is_wrong_in_a_forecast_is_named(standing, body: str | bytes, named: str) -> None:
    answer = standing.post(WEATHER, content=body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.parametrize("who", ["hoa", "minh", "tran", "lee", "root"])
def test_only_an_officer_hands_in_the_weather(standing, who: str) -> None:
    assert standing.post(WEATHER, who=who, content=weather(0, 0)).status_code == 403


def test_a_foreign_site_has_no_plan(standing) -> None:
    for path in ("/api/v1/sites/k1/heat-plan", "/api/v1/sites/k1/weather-forecast", "/sites/k1/heat-plan", "/api/v1/sites/f9/heat-plan"):
        assert standing.get(path, who="linh").status_code == 404, path
    assert standing.post("/api/v1/sites/k1/weather-forecast", content=weather(0, 0)).status_code == 404


@pytest.mark.parametrize("date", ["2026-11-24", "2026-12-24", "tomorrow"])
def test_a_day_that_is_over_or_too_far_has_no_plan(standing, date: str) -> None:
    assert standing.get(PLAN, params={"date": date}).status_code == 422


def test_the_page_says_what_it_is_and_takes_a_file(hot) -> None:
    page = hot.get("/sites/f1/heat-plan")
    assert "A plan, not evidence." in page.text
    assert "No weather forecast has this day" in page.text
    sent = hot.post("/sites/f1/heat-plan", files={"file": ("met.csv", weather(22, 0, more=4.0), "text/csv")}, data={"source": "Met office"}, follow_redirects=True)
    assert sent.status_code == 200
    assert 'data-heat-plan="f1.ironing-1"' in sent.text
    assert "Too few days were measured here" in sent.text
    assert hot.get(WEATHER).json()["source"] == "Met office"
    wrong = hot.post("/sites/f1/heat-plan", files={"file": ("met.csv", HEADER + "\nsoon,1,1,1,1", "text/csv")})
    assert wrong.status_code == 422
    assert "is not a time" in wrong.text


def test_who_may_not_hand_in_sees_no_form_and_is_refused(hot) -> None:
    assert "Hand in a weather forecast" not in hot.get("/sites/f1/heat-plan", who="hoa").text
    assert hot.post("/sites/f1/heat-plan", who="hoa", files={"file": ("met.csv", weather(0, 0), "text/csv")}).status_code == 403


def test_the_floor_leads_to_the_plan(standing) -> None:
    assert 'href="/sites/f1/heat-plan"' in standing.get("/sites/f1").text


def test_every_sentence_of_the_plan_is_there_in_vietnamese(hot) -> None:
    page = hot.get("/sites/f1/heat-plan?lang=vi").text
    assert "Kế hoạch nắng nóng" in page
    for english in ("A plan, not evidence", "Too few days were measured", "How to read it", "Agreed the evening before"):
        assert english not in page


def opened(browser: Browser, site, **options: object) -> Page:
    headers = {"Authorization": f"Bearer {site.factory.tokens['linh']}"}
    page = browser.new_context(**{"locale": "en-GB", "extra_http_headers": headers, **options}).new_page()
    page.goto(f"{site.url}/sites/f1/heat-plan", wait_until="load")
    return page


@pytest.mark.server("chromium")
def test_without_javascript_a_file_is_handed_in_and_the_plan_prints_without_its_forms(hot, browser: Browser) -> None:
    page = opened(browser, hot, java_script_enabled=False)
    page.get_by_text("Hand in a weather forecast").click()
    page.locator("input[type=file]").set_input_files({"name": "met.csv", "mimeType": "text/csv", "buffer": weather(22, 0, more=-3.5).encode()})
    page.get_by_role("button", name="Hand in").click()
    ironing = page.locator("[data-heat-plan='f1.ironing-1']")
    expect(ironing.locator("tbody tr")).to_have_count(9)
    expect(ironing.locator("[data-part=moves]")).to_contain_text("07:00")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    expect(page.get_by_text("Agreed the evening before")).to_be_visible()
    expect(page.locator("[data-part=statement]")).to_be_visible()


@pytest.mark.server("chromium")
def test_the_plan_fits_a_small_telephone_and_axe_finds_nothing(hot, browser: Browser) -> None:
    hot.post(WEATHER, content=weather(22, 0))
    page = opened(browser, hot, viewport={"width": 360, "height": 700}, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in console/frontend")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
