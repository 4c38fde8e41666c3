"""What a person sees, in a real browser against a console that really listens."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from domain.hazards import Severity, ZoneStatus

pytestmark = [pytest.mark.server("chromium")]

FRONTEND = Path(__file__).resolve().parents[2] / "console" / "frontend"
STATIC = FRONTEND.parent / "static"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 740}
PAGES = (
    "/sites/f1",
    "/zones/f1.ironing-1",
    "/zones/f1.boiler",
    "/zones/f1.ironing-1/records",
    "/sites/f1/monitoring-plan",
    "/verdicts/1",
    "/alerts",
    "/alarms",
    "/sites/f1/alarm-policy",
    "/sites/f1/alarm-kpis",
    "/sites",
    "/equipment",
    "/notifications",
    "/zones/f1.gluing/completeness",
)
PAGE_MAX_BYTES = 60_000


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Browser:
    if not (STATIC / "built" / "live.js").exists():
        pytest.skip("the pages' script is not built: npm ci && npm run build in console/frontend")
    return browser


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page as somebody; whatever the browser complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(site, path: str, who: str = "linh", *, fake_time: bool = False, **options: object) -> Page:
        headers = {"Authorization": f"Bearer {site.factory.tokens[who]}"}
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "extra_http_headers": headers, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if fake_time:
            page.clock.install()
        page.goto(site.url + path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def live(page: Page) -> None:
    """The stream is open and its poller has had its first look."""
    expect(page.locator("body:not(.offline)")).to_be_attached()
    page.wait_for_function(
        "performance.getEntriesByType('resource').some(entry => entry.name.includes('/sites/') || entry.name.includes('/alerts') || entry.name.includes('/zones/'))"
    )
    page.wait_for_timeout(900)


def test_values_change_without_a_reload(site, opened: Open) -> None:
    page = opened(site, "/zones/f1.sewing-1")
    live(page)
    page.evaluate("window.untouched = true")
    value = page.locator('[data-channel="agent-sewing-1.sewing-1.sound_level_a_eq"] .n')
    site.factory.store("agent-sewing-1.sewing-1.sound_level_a_eq", 97.3)
    expect(value).to_have_text("97.3")
    assert page.evaluate("window.untouched")


def test_a_zone_that_turns_bad_changes_its_tile_and_the_band(site, opened: Open) -> None:
    page = opened(site, "/sites/f1")
    live(page)
    expect(page.locator(".band")).not_to_contain_text("Cutting A")
    site.factory.zone_state("f1.cutting-a", ZoneStatus.STOP, [])
    expect(page.locator('[data-zone="f1.cutting-a"].tile')).to_contain_text("Stop work")
    expect(page.locator(".band")).to_contain_text("Cutting A")


def test_a_new_alert_appears_and_is_acknowledged_with_a_name_and_a_comment(site, opened: Open) -> None:
    page = opened(site, "/sites/f1", who="hoa")
    live(page)
    site.factory.raise_alert("f1.gluing", "air_quality", "ventilation", Severity.ACTION, value=1250.0, unit="ppm")
    alert = page.locator("li.alert", has_text="Gluing bench")
    expect(alert).to_contain_text("Stale air")
    alert.locator("summary", has_text="Acknowledge").click()
    alert.locator("textarea").fill("windows opened")
    alert.get_by_role("button", name="I have seen this").click()
    expect(page.locator("li.alert", has_text="Gluing bench")).to_contain_text("windows opened")
    expect(page.locator("li.alert", has_text="Gluing bench")).to_contain_text("hoa, worker representative")


def test_what_is_being_typed_survives_the_arrival_of_news(site, opened: Open) -> None:
    page = opened(site, "/sites/f1")
    live(page)
    alert = page.locator("li.alert", has_text="Ironing line 1")
    alert.locator("summary", has_text="Acknowledge").click()
    alert.locator("textarea").fill("half a sen")
    site.factory.raise_alert("f1.gluing", "air_quality", "ventilation", Severity.ACTION, value=1250.0, unit="ppm")
    expect(page.locator("li.alert", has_text="Gluing bench")).to_be_visible()
    expect(alert.locator("textarea")).to_have_value("half a sen")
    expect(alert.locator("textarea")).to_be_focused()
    page.keyboard.type("tence")
    expect(alert.locator("textarea")).to_have_value("half a sentence")


def test_the_trend_is_drawn_and_can_be_read_off(standing, opened: Open) -> None:
    page = opened(standing, "/sites/f1")
    canvas = page.locator(".chart.live canvas")
    expect(canvas).to_be_visible()
    inked = "canvas => { const c = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let n = 0; for (let i = 3; i < c.length; i += 4) n += c[i] > 0; return n; }"
    page.wait_for_function(f"({inked})(document.querySelector('.chart.live canvas')) > 500")
    page.locator(".chart .u-over").hover(position={"x": 150, "y": 60})
    expect(page.locator(".chart .tip")).to_have_text(re.compile(r"^\d\d:\d\d\s+\d\d\.\d$"))


def test_a_lost_stream_is_told_and_values_age(site, opened: Open) -> None:
    page = opened(site, "/sites/f1", fake_time=True)
    value = page.locator('[data-zone="f1.cutting-a"] .value .n')
    expect(value).to_have_class("n")
    page.route("**/*", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow'))")
    expect(page.locator(".reconnecting").first).to_be_visible()
    page.clock.fast_forward(40_000)
    expect(value).to_have_class("n stale")
    expect(page.locator('[data-zone="f1.cutting-a"] .age')).to_contain_text(re.compile(r"[4-9]\d s"))


def test_a_hidden_tab_closes_its_stream(site, opened: Open) -> None:
    page = opened(site, "/sites/f1")
    live(page)
    hub = site.hub
    assert hub.listeners == 1
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
    for _ in range(100):
        if hub.listeners == 0:
            break
        page.wait_for_timeout(50)
    assert hub.listeners == 0


@pytest.mark.parametrize("language", ["en", "vi", "ar-XB"])
def test_nothing_scrolls_sideways_on_a_phone(standing, opened: Open, language: str) -> None:
    page = opened(standing, "/login", who="root", viewport=PHONE)
    for path in PAGES:
        page.goto(f"{standing.url}{path}?lang={language}", wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


def test_buttons_and_fields_are_large_enough_for_a_thumb(standing, opened: Open) -> None:
    page = opened(standing, "/sites/f1", viewport=PHONE, has_touch=True)
    heights = page.evaluate("[...document.querySelectorAll('.button, select, input:not([type=hidden])')].filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)")
    assert heights
    assert min(heights) >= 40


@pytest.mark.parametrize("path", ["/sites/f1", "/alerts", "/zones/f1.ironing-1"])
def test_without_javascript_values_alerts_and_trend_are_there(standing, opened: Open, path: str) -> None:
    page = opened(standing, path, java_script_enabled=False)
    expect(page.locator("main")).to_contain_text("32.4")
    expect(page.get_by_text("Heat over the limit").first).to_be_visible()
    if path != "/alerts":
        assert page.locator("svg.fallback polyline").first.get_attribute("points")


def test_without_javascript_an_alert_can_be_acknowledged(site, opened: Open) -> None:
    page = opened(site, "/sites/f1", java_script_enabled=False)
    alert = page.locator("li.alert", has_text="Sewing 2")
    alert.locator("summary", has_text="Acknowledge").click()
    alert.locator("textarea").fill("looking at it")
    alert.get_by_role("button", name="I have seen this").click()
    expect(page.locator("li.alert", has_text="Sewing 2")).to_contain_text("looking at it")


@pytest.mark.parametrize(
    ("scheme", "rules"), [("light", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]), ("dark", {"type": "rule", "values": ["color-contrast"]})]
)
def test_axe_finds_no_violation(standing, opened: Open, scheme: str, rules: object) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in console/frontend")
    alert = standing.get("/api/v1/alerts").json()["items"][0]["id"]
    page = opened(standing, "/login", color_scheme=scheme, bypass_csp=True)
    for path in (*PAGES, "/login", "/password", f"/alerts/{alert}", "/nothing-here"):
        page.goto(standing.url + path, wait_until="load")
        page.evaluate("for (const element of document.querySelectorAll('details')) element.open = true")
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("rules => axe.run({runOnly: rules})", rules)
        assert [(violation["id"], [node["target"] for node in violation["nodes"]]) for violation in found["violations"]] == [], path


def test_the_whole_page_weighs_less_than_sixty_kilobytes(standing, opened: Open) -> None:
    bodies: dict[str, int] = {}
    page = opened(standing, "/login")
    page.on("response", lambda answer: bodies.update({answer.url: len(gzip.compress(answer.body()))}) if "/live" not in answer.url.split("?")[0][-5:] else None)
    page.goto(f"{standing.url}/sites/f1", wait_until="load")
    expect(page.locator(".chart.live canvas")).to_be_visible()
    assert any("live.js" in url for url in bodies)
    assert sum(bodies.values()) < PAGE_MAX_BYTES, bodies


def test_a_person_logs_in_and_out(site, browser: Browser) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/sites/f1")
    page.get_by_label("Name").fill("linh")
    page.get_by_label("Password").fill("four plain words here")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Sunrise Garments")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    context.close()
