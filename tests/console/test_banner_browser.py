"""The banner of alerts that wait, in a real browser: there without JavaScript, up to date with it, and heard where somebody turned sound on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from domain.hazards import Severity

pytestmark = [pytest.mark.server("chromium")]


def opened(browser: Browser, site, **options: object) -> Page:
    headers = {"Authorization": f"Bearer {site.factory.tokens['linh']}"}
    page = browser.new_context(**{"locale": "en-GB", "extra_http_headers": headers, **options}).new_page()
    page.clock.install()
    page.goto(f"{site.url}/equipment", wait_until="load")
    return page


def heard(page: Page) -> int:
    return int(page.locator("[data-banner]").get_attribute("data-sounded") or 0)


def test_without_javascript_the_banner_says_how_many_wait_and_offers_no_sound(site, browser: Browser) -> None:
    headers = {"Authorization": f"Bearer {site.factory.tokens['linh']}"}
    page = browser.new_context(java_script_enabled=False, extra_http_headers=headers, locale="en-GB").new_page()
    page.goto(f"{site.url}/equipment", wait_until="load")
    banner = page.locator("[data-banner]")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("alerts wait for somebody to acknowledge them")
    assert banner.locator("button").is_hidden()


def test_a_new_alert_is_in_the_banner_and_heard_when_sound_is_on(site, browser: Browser) -> None:
    page = opened(browser, site)
    banner = page.locator("[data-banner]")
    before = banner.locator("[data-count]").inner_text()
    button = banner.locator("button")
    expect(button).to_have_text("Turn sound on")
    assert banner.get_attribute("data-sounded") is None  # nothing sounds before somebody has turned it on
    button.click()
    expect(button).to_have_text("Turn sound off")
    sounded = int(banner.get_attribute("data-sounded") or 0)
    site.factory.raise_alert("f1.cutting-b", "noise", "peak", Severity.STOP, value=141.0, unit="dB")
    page.clock.run_for(11_000)
    expect(banner.locator("[data-count]")).not_to_have_text(before)
    expect(banner).to_have_class("banner stop")
    assert int(banner.get_attribute("data-sounded") or 0) > sounded
    button.click()
    expect(button).to_have_text("Turn sound on")


def test_nothing_moves_for_whoever_wants_no_motion(site, browser: Browser) -> None:
    site.factory.raise_alert("f1.cutting-b", "noise", "peak", Severity.STOP, value=141.0, unit="dB")
    for motion, name in (("reduce", "none"), ("no-preference", "banner-call")):
        page = opened(browser, site, reduced_motion=motion)
        expect(page.locator("[data-banner]")).to_have_class("banner stop")
        assert page.locator("[data-banner]").evaluate("element => getComputedStyle(element).animationName") == name


def test_what_an_earlier_call_had_named_is_shown_and_not_heard_again_but_at_stop_level(site, browser: Browser) -> None:
    page, waiting = opened(browser, site), list[dict[str, object]]()
    page.route("**/api/v1/alerts?state=unacknowledged", lambda route: route.fulfill(json={"items": waiting, "next": None}))
    page.route("**/api/v1/alerts?state=returned_unacknowledged", lambda route: route.fulfill(json={"items": [], "next": None}))
    banner = page.locator("[data-banner]")
    banner.locator("button").click()
    for severity, evidence, sounds in (("action", {}, True), ("action", {"called_with": "a-1"}, False), ("stop", {"called_with": "a-1"}, True)):
        page.clock.run_for(21_000)
        page.wait_for_timeout(300)
        before = heard(page)
        waiting.append({"id": f"a-{len(waiting) + 1}", "severity": severity, "evidence": evidence})
        page.clock.run_for(11_000)
        expect(banner.locator("[data-count]")).to_contain_text("1 alert waits" if len(waiting) == 1 else f"{len(waiting)} alerts wait")
        assert (heard(page) > before) is sounds
