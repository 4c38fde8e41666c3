"""Pages without JavaScript: everything that matters stands in the HTML."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from console.chart import GAP_US, Line, Series, draw
from console.formats import Formats
from console.i18n import load_catalogues
from console.words import PARTLY_UNKNOWN, SEVERITY, STATUS, state_name
from domain.hazards import Severity, ZoneStatus
from domain.scope import Role
from domain.times import HOUR_US, MINUTE_US, parse_instant

TZ = ZoneInfo("Asia/Ho_Chi_Minh")
START = parse_instant("2026-11-25T00:00:00Z")


@pytest.mark.parametrize(("who", "lands"), [("linh", "/floor"), ("hoa", "/alerts"), ("minh", "/alerts"), ("tran", "/sites"), ("lee", "/sites"), ("root", "/floor")])
def test_each_role_begins_at_its_own_door(standing, who: str, lands: str) -> None:
    assert standing.get("/", who=who).headers["location"] == lands


def test_who_has_one_site_goes_straight_to_its_floor(standing) -> None:
    assert standing.get("/floor", who="linh").headers["location"] == "/sites/f1"
    assert standing.get("/floor", who="lee").headers["location"] == "/sites"


def test_the_band_names_the_worst_zone_and_what_to_do(standing) -> None:
    page = standing.get("/sites/f1").text
    band = page[page.index('class="band') : page.index("</section>", page.index('class="band'))]
    assert "Stop work" in band
    assert "Ironing line 1" in band
    assert "Stop work here and move everyone out" in band
    assert "Sewing 2" in band


def test_every_status_has_a_shape_and_a_word() -> None:
    assert set(STATUS) == set(ZoneStatus)
    assert set(SEVERITY) == set(Severity)
    for marks in (STATUS, SEVERITY):
        assert len({mark.icon for mark in marks.values()}) == len({mark.word for mark in marks.values()}) == len(marks)


def test_every_tile_carries_its_shape_and_word(standing) -> None:
    page = standing.get("/sites/f1").text
    tiles = re.findall(r'<li class="tile (\w+) .*?</li>\s*(?=<li class="tile|</ul>)', page, re.S)
    whole = re.findall(r'<li class="tile .*?class="status">(.*?)</p>', page, re.S)
    assert len(tiles) == len(whole) == 7
    for status, words in zip(tiles, whole, strict=True):
        assert STATUS[status].icon in words
        assert STATUS[status].word in words or PARTLY_UNKNOWN.word in words


def test_where_sensors_speak_but_a_hazard_is_not_measured_the_tile_says_which(standing) -> None:
    page = standing.get("/sites/f1").text
    gluing = page[page.index('data-zone="f1.gluing"') :][:1500]
    assert PARTLY_UNKNOWN.word in gluing
    assert "not measured: Toluene" in gluing
    assert "stale" not in gluing[: gluing.index("</p>")]
    assert "What is not measured is not safe" in standing.get("/zones/f1.gluing").text


def test_a_silent_zone_shows_no_data_and_how_old_its_last_value_is(standing) -> None:
    page = standing.get("/sites/f1").text
    boiler = page[page.index('data-zone="f1.boiler"') :][:1500]
    assert "No data" in boiler
    assert "last value" in boiler
    assert "44 min" in boiler
    assert 'class="n stale"' in boiler


def test_simulated_data_is_called_simulated(standing) -> None:
    for path in ("/sites/f1", "/zones/f1.ironing-1", "/alerts"):
        assert "Simulated data" in standing.get(path).text, path


def test_the_trend_is_drawn_with_its_limits_on_their_lines(standing) -> None:
    page = standing.get("/sites/f1").text
    assert page.count('class="series"') >= 1
    assert "Action from 29.0" in page
    assert "Stop from 32.0" in page


def test_a_trend_only_sensor_has_no_limit_line(standing) -> None:
    page = standing.get("/zones/f1.cutting-a?trend=f1.cutting-a/cutting-a/pm2_5").text
    assert "trend only: no limit" in page
    assert 'class="limit' not in page[page.index('id="h-trend"') : page.index("</figure>")]


def test_over_without_proof_says_both(standing) -> None:
    assert "probably over, not proven" in standing.get("/sites/f1").text
    assert state_name("indeterminate", 112, 100) == "probably over, not proven"
    assert state_name("indeterminate", 90, 100) == "not proven"
    assert state_name("exceeds", 112, 100) == "over the limit"


def test_each_page_says_what_it_is_not(standing) -> None:
    for path in ("/sites/f1", "/zones/f1.gluing", "/alerts", "/sites", "/equipment", "/login"):
        assert "Not a safety function" in standing.get(path).text, path


def test_names_are_text_and_never_markup(site) -> None:
    alert = site.get("/api/v1/alerts").json()["items"][0]["id"]
    site.post(f"/api/v1/alerts/{alert}/comment", json={"text": "<script>alert(1)</script>"})
    page = site.get(f"/alerts/{alert}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def test_an_alert_is_acknowledged_by_a_plain_form_and_the_journal_says_who(site) -> None:
    alert = next(item["id"] for item in site.get("/api/v1/alerts").json()["items"] if item["severity"] == "stop")
    answer = site.post(f"/alerts/{alert}/acknowledge", who="minh", data={"text": "line stopped", "back": "/sites/f1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sites/f1")
    page = site.get(f"/alerts/{alert}").text
    journal = page[page.index('class="journal"') :]
    assert "minh" in journal
    assert "management representative" in journal
    assert "line stopped" in journal


def test_a_person_is_offered_only_what_they_may_do(standing) -> None:
    stop = next(item["id"] for item in standing.get("/api/v1/alerts").json()["items"] if item["severity"] == "stop")
    offers = {who: set(re.findall(rf'action="/alerts/{stop}/([\w-]+)"', standing.get(f"/alerts/{stop}", who=who).text)) for who in ("linh", "hoa", "tran")}
    assert offers == {"linh": {"acknowledge", "comment", "confirm", "suppress-by-design"}, "hoa": {"acknowledge", "comment", "confirm"}, "tran": set()}


def test_an_action_level_alert_may_be_shelved_and_taken_out_of_service_by_the_officer(standing) -> None:
    alert = next(item["id"] for item in standing.get("/api/v1/alerts").json()["items"] if item["severity"] == "action")
    offers = {who: set(re.findall(rf'action="/alerts/{alert}/([\w-]+)"', standing.get(f"/alerts/{alert}", who=who).text)) for who in ("linh", "hoa")}
    assert offers["linh"] - offers["hoa"] == {"out-of-service", "suppress-by-design"}
    assert "shelve" in offers["hoa"]


def test_a_site_that_sends_nothing_stands_above_one_within_its_limits(standing) -> None:
    page = standing.get("/sites", who="lee").text
    assert page.index("Sunrise Garments") < page.index("Mekong Shoes")
    mekong = page[page.index("Mekong Shoes") :]
    assert "No data" in mekong
    assert "0\u00a0%" in mekong


def test_the_site_list_counts_zones_in_its_own_words_and_says_what_is_simulated(standing) -> None:
    page = standing.get("/sites", who="lee").text
    sunrise = " ".join(page[page.index("Sunrise Garments") : page.index("Mekong Shoes")].split())
    assert "4 of 7 zones not within limits" in sunrise
    assert "Simulated data" in sunrise


def test_the_legend_names_every_word_that_a_tile_may_carry(standing) -> None:
    page = standing.get("/sites/f1").text
    legend = page[page.index('class="legend"') :]
    legend = legend[: legend.index("</ul>")]
    assert all(mark.word in legend for mark in (*STATUS.values(), PARTLY_UNKNOWN))


def test_filters_of_the_alert_list(standing) -> None:
    assert standing.get("/alerts?severity=stop").text.count('<li class="alert"') == 1
    assert standing.get("/alerts?show=all").text.count('<li class="alert"') == 3
    assert standing.get("/alerts?show=sideways").status_code == 422


def test_the_plan_is_a_sheet_of_its_own(standing) -> None:
    sheet = standing.get("/sites/f1/plan.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert ".plan .z-ironing-1 { left: 68%; top: 0%;" in sheet.text
    assert "style=" not in standing.get("/sites/f1").text


def test_pages_work_when_the_script_was_never_built(site, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr("console.pages.render.STATIC", tmp_path)
    page = site.get("/sites/f1").text
    assert "built/live.js" not in page
    assert "32.4" in page


def test_every_role_has_a_word() -> None:
    from console.words import ROLES

    assert set(ROLES) == set(Role)


def series(points: list[tuple[int, float]], *lines: Line) -> Series:
    return Series(points=points, start_us=START, stop_us=START + 9 * HOUR_US, lines=lines)


def test_a_hole_in_the_data_is_a_hole_in_the_line() -> None:
    early = [(START + minute * MINUTE_US, 25.0) for minute in range(10)]
    late = [(START + HOUR_US + minute * MINUTE_US, 26.0) for minute in range(10)]
    assert len(draw(series(early + late), TZ).paths) == 2
    assert len(draw(series(early), TZ).paths) == 1
    assert late[0][0] - early[-1][0] > GAP_US


def test_hours_stand_where_they_are_in_the_sites_own_time() -> None:
    ticks = draw(series([(START, 25.0)]), TZ).x_ticks
    assert [tick.text for tick in ticks] == ["08:00", "10:00", "12:00", "14:00", "16:00"]
    assert ticks[-1].at == "100.00%"


def test_values_and_limits_lie_within_the_picture() -> None:
    drawing = draw(series([(START, 25.0), (START + HOUR_US, 29.6)], Line(29.0, "action", "a"), Line(32.0, "stop", "s")), TZ)
    assert drawing.low < 25.0
    assert drawing.high > 32.0
    assert [line.kind for line in drawing.lines] == ["stop", "action"]
    assert drawing.stop_from is not None


def test_a_flat_line_and_a_single_point_can_be_drawn() -> None:
    assert draw(series([(START, 0.0)]), TZ).paths == ["0.0,1000.0 0.0,1000.0"]
    assert draw(series([(START, 25.0), (START + HOUR_US, 25.0)]), TZ).y_ticks


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(29.44, "Cel", "29.4\u00a0°C"), (112.0, "%", "112\u00a0%"), (1250.0, "ppm", "1,250\u00a0ppm"), (0.25, "ppm", "0.2\u00a0ppm"), (None, "Cel", "—")],
)
def test_numbers_as_people_read_them(value: float | None, unit: str, text: str) -> None:
    assert Formats(load_catalogues()["en"]).measure(value, unit) == text


def test_the_same_number_in_vietnamese() -> None:
    assert Formats(load_catalogues()["vi"]).measure(29.44, "Cel") == "29,4\u00a0°C"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (99, "99 s"), (100, "1 min"), (5999, "99 min"), (6000, "1 h"), (200_000, "2 d")])
def test_ages(seconds: int, text: str) -> None:
    assert Formats(load_catalogues()["en"]).age(seconds * 1_000_000) == text


def test_nearly_complete_is_not_shown_as_complete() -> None:
    formats = Formats(load_catalogues()["en"])
    assert (formats.percent(0.999), formats.percent(1.0)) == ("99\u00a0%", "100\u00a0%")
