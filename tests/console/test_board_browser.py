"""Boards and concerns as a worker's telephone, a wall and a printer show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from console.sealing import new_key, public_key_of
from domain.hazards import ZoneStatus
from storage.records.concerns import BoardSettings, BoardsRepository, ConcernsRepository

pytestmark = [pytest.mark.server("chromium")]

AXE = Path(__file__).resolve().parents[2] / "console" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 740}
VIEWS = ("", "/wall", "/sheet", "/poster", "/paper", "/concern")
PAGES = ("/sites/f1/boards", "/sites/f1/concerns")

Open = Callable[..., Page]


@pytest.fixture
def centre(factory, serve):
    """A centre of the administration, with boards and keys."""
    zones = ["f1.ironing-1", "f1.boiler", "f1.sewing-1"]
    repository, concerns = BoardsRepository(factory.engine), ConcernsRepository(factory.engine)
    repository.make("f1", zones, by="test", now_us=0)
    repository.set_settings("f1", BoardSettings(phone="024 3826 9557", phone_of="labour inspectorate", other_contact="111"), by="test", now_us=0)
    private, public = new_key()
    for side in ("worker", "inspectorate"):
        concerns.add_key("f1", side, public_key_of(public), by="test", now_us=0)
    with serve(factory, operator="administration") as site:
        yield site, {zone: board.code for zone, board in repository.of("f1").items()}, private


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page as somebody or nobody; whatever the browser complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(site, path: str, who: str | None = None, **options: object) -> Page:
        headers = {"Authorization": f"Bearer {site.factory.tokens[who]}"} if who else {}
        context = browser.new_context(**{"viewport": PHONE, "locale": "en-GB", "extra_http_headers": headers, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") and "Failed to load resource" not in message.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site.url + path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_worker_writes_without_a_script_and_the_representative_reads_it(centre, opened: Open) -> None:
    site, codes, private = centre
    page = opened(site, f"/w/{codes['f1.ironing-1']}?lang=vi", java_script_enabled=False)
    page.get_by_role("link", name="Viết phản ánh").click()
    page.locator('input[value="smell"]').check()
    page.locator("textarea").fill("Mùi keo rất nặng")
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("Đã lưu, được niêm phong")
    assert page.context.cookies() == []
    reader = opened(site, "/sites/f1/concerns", "hoa", viewport={"width": 1100, "height": 900})
    reader.locator('input[name="key"]').fill(private)
    reader.get_by_role("button", name="Open").click()
    expect(reader.locator('[data-part="found"]')).to_contain_text("Mùi keo rất nặng")
    assert private not in reader.content()


def test_pages_fit_a_small_telephone_and_axe_finds_nothing(centre, opened: Open) -> None:
    site, codes, _ = centre
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in console/frontend")
    code = codes["f1.ironing-1"]
    for path, who in (*((f"/w/{code}{view}", None) for view in VIEWS), *((page, "hoa") for page in PAGES)):
        for scheme in ("light", "dark"):
            page = opened(site, path, who, color_scheme=scheme, bypass_csp=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
            page.add_script_tag(path=str(AXE))
            found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})")
            assert [(one["id"], one["nodes"][0]["html"][:120], one["nodes"][0].get("failureSummary", "")[:200]) for one in found["violations"]] == [], (path, scheme)
            page.context.close()


def test_a_wall_that_loses_its_connection_hides_the_last_state(centre, opened: Open) -> None:
    site, codes, _ = centre
    page = opened(site, f"/w/{codes['f1.sewing-1']}/wall", viewport={"width": 1920, "height": 1080})
    expect(page.locator('[data-status="within"]')).to_be_visible()
    page.clock.install()
    page.reload()
    page.context.set_offline(True)
    page.clock.run_for(90_000)
    expect(page.locator(".wall-offline")).to_be_visible()
    expect(page.locator('.wall-now [data-status="within"]')).to_be_hidden()


def test_a_wall_follows_the_place(centre, opened: Open) -> None:
    site, codes, _ = centre
    page = opened(site, f"/w/{codes['f1.sewing-1']}/wall", viewport={"width": 1920, "height": 1080})
    page.clock.install()
    page.reload()
    site.factory.zone_state("f1.sewing-1", ZoneStatus.STOP, [])
    page.clock.run_for(21_000)
    expect(page.locator('[data-status="stop"]')).to_be_visible(timeout=10_000)
    expect(page.locator('[data-part="rights"]')).to_be_visible()


def test_a_wall_without_a_script_asks_again_by_itself(centre, opened: Open) -> None:
    site, codes, _ = centre
    page = opened(site, f"/w/{codes['f1.sewing-1']}/wall", java_script_enabled=False)
    assert 'http-equiv="refresh"' in page.content()
    expect(page.locator(".wall-offline")).to_be_hidden()


@pytest.mark.parametrize("view", ["/sheet", "/poster", "/paper"])
def test_what_is_printed_fits_one_sheet_of_a4(centre, opened: Open, view: str) -> None:
    site, codes, _ = centre
    page = opened(site, f"/w/{codes['f1.ironing-1']}{view}")
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1


def test_a_right_to_left_language_turns_the_board_round(centre, opened: Open) -> None:
    site, codes, _ = centre
    page = opened(site, f"/w/{codes['f1.ironing-1']}?lang=ar-XB")
    sign, picture = page.locator(".sign").first.bounding_box(), page.locator(".sign svg").first.bounding_box()
    assert sign is not None
    assert picture is not None
    assert picture["x"] > sign["x"] + sign["width"] / 2
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
