"""The committee at its table: two people on two sessions, in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from storage.records.people import PeopleRepository

pytestmark = [pytest.mark.server("chromium")]

AXE = Path(__file__).resolve().parents[2] / "console" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, TABLET = {"width": 360, "height": 740}, {"width": 820, "height": 1180}
CODE, PASSWORD = "one two three four five", "a chosen pass phrase"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082")

Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page as somebody; whatever the browser complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(site, path: str, who: str | None = None, **options: object) -> Page:
        headers = {"extra_http_headers": {"Authorization": f"Bearer {site.factory.tokens[who]}"}} if who else {}
        context = browser.new_context(**{"viewport": TABLET, "locale": "en-GB", **headers, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site.url + path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def log_in(opened: Open, site, name: str, path: str, **options: object) -> Page:
    """With a one-time code that is replaced at once, as a representative does."""
    people = PeopleRepository(site.factory.engine)
    people.reset_password(name, CODE, by="request:test")
    site.factory.tokens = {**site.factory.tokens, name: people.create_token(name, by=name)}
    page = opened(site, path, **options)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(CODE)
    page.get_by_role("button", name="Log in").click()
    page.locator("input[name=old]").fill(CODE)
    page.locator("input[name=new]").fill(PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.goto(site.url + path)
    return page


def reviewed(site) -> str:
    """A stop-level review with a cause, an action and a photo."""
    alert = next(one["id"] for one in site.get("/api/v1/alerts?site=f1").json()["items"] if one["severity"] == "stop")
    id = site.post("/api/v1/reviews", "hoa", json={"alert": alert}).json()["id"]
    site.post(f"/api/v1/reviews/{id}/cause", "hoa", json={"causes": ["ventilation_weak"], "text": "fan 3 stood still"})
    site.post(f"/api/v1/reviews/{id}/actions", "minh", json={"control": "engineering", "text": "second fan", "owner": "maintenance", "due": "2026-12-01"})
    site.post(f"/api/v1/reviews/{id}/evidence?name=fan.png&text=blades+bent", "hoa", content=PNG)
    members(site)
    return id


def members(site) -> None:
    """Two mandates, one of them of nobody's choosing."""
    for who, side, chosen, sex in (("hoa", "worker", "election", "woman"), ("minh", "management", "none", "man")):
        body = {"name": who.title(), "side": side, "chosen": chosen, "sex": sex, "since": "2026-01-01", "until": "2027-12-31", "account": who}
        site.post("/api/v1/sites/f1/mandates", who, json=body)


def meeting_of(site) -> str:
    mandates = [one["id"] for one in site.get("/api/v1/sites/f1/mandates").json()["items"]]
    id = site.post("/api/v1/sites/f1/meetings", "linh", json={"on": "2026-11-25", "place": "Canteen"}).json()["id"]
    site.post(f"/api/v1/meetings/{id}/attendance", "linh", json={"mandates": mandates})
    site.post(f"/api/v1/meetings/{id}/minutes", "linh", json={"text": "We looked at fan 3."})
    return id


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_management_signs_the_worker_side_dissents_the_minutes_print_and_the_inspector_reads(site, opened: Open, javascript: bool) -> None:
    plain = {"java_script_enabled": javascript}
    management = log_in(opened, site, "minh", "/alerts", **plain)
    worker = log_in(opened, site, "hoa", "/alerts", **plain)

    worker.get_by_role("link", name="Ironing line 1").first.click()
    worker.get_by_role("button", name="Take into review").click()
    expect(worker.get_by_role("heading", level=1)).to_contain_text("Ironing line 1")
    desk = worker.url
    worker.locator("summary", has_text="Enter the cause").click()
    worker.get_by_label("ventilation missing, weak or off").check()
    worker.get_by_label("In your own words").fill("fan 3 stood still")
    worker.locator("form[action$=cause] button").click()

    management.goto(desk)
    management.locator("summary", has_text="Enter an action").click()
    management.get_by_label("Kind of measure").select_option("engineering")
    management.get_by_label("What is to be done").fill("repair extraction fan 3")
    management.get_by_label("Who sees to it").fill("maintenance lead")
    management.get_by_label("Due on").fill("2026-12-01")
    management.locator("form[action$='/actions'] button").click()
    expect(management.locator("[data-part=meaning]")).to_contain_text("waives no right and moves no duty from the employer")
    expect(management.locator("[data-side=worker] form")).to_have_count(0)
    management.get_by_role("button", name="Agree and sign", exact=True).click()
    expect(management.locator("[data-side=management] .word")).to_contain_text("agrees")

    worker.goto(desk)
    worker.get_by_label("In a sentence (needed to disagree)").fill("one fan is not enough")
    worker.get_by_role("button", name="Disagree and sign").click()
    expect(worker.locator("[data-side=worker] .word")).to_contain_text("one fan is not enough")
    worker.locator("summary", has_text="Close the review").click()
    worker.locator("form[action$=close] button").click()
    expect(worker.get_by_role("alert")).to_contain_text("both sides agree")

    members(site)
    meeting = meeting_of(site)
    management.goto(f"{site.url}/meetings/{meeting}")
    expect(management.locator(".agenda")).to_contain_text("A side dissents")
    management.emulate_media(media="print")
    expect(management.locator("[data-part=present]")).to_contain_text("not elected")
    expect(management.locator(".nav")).to_be_hidden()
    expect(management.locator("form[action$=minutes]")).to_be_hidden()
    expect(management.locator(".onpaper")).to_contain_text("Draft")

    inspector = opened(site, desk.removeprefix(site.url), "tran", **plain)
    expect(inspector.locator("h1 + .facts")).to_contain_text("on track")
    expect(inspector.locator("[data-side=worker]")).to_contain_text("one fan is not enough")
    expect(inspector.locator("form[action$=sign]")).to_have_count(0)


def test_one_tablet_is_passed_round_and_everybody_signs_with_their_own_name(site, opened: Open) -> None:
    id = reviewed(site)
    people = PeopleRepository(site.factory.engine)
    for name in ("minh", "hoa"):
        people.reset_password(name, CODE, by="request:test")
        people.choose_password(name, CODE, PASSWORD)
    tablet = opened(site, f"/login?next=/reviews/{id}", java_script_enabled=False)
    for name, side in (("minh", "management"), ("hoa", "worker")):
        tablet.get_by_label("Name").fill(name)
        tablet.get_by_label("Password").fill(PASSWORD)
        tablet.get_by_role("button", name="Log in").click()
        tablet.get_by_role("button", name="Agree and sign", exact=True).click()
        expect(tablet.locator(f"[data-side={side}] .word")).to_contain_text(name)
        tablet.get_by_role("button", name="Pass the tablet on").click()
        expect(tablet.get_by_role("heading", level=1)).to_contain_text("Log in")
    tablet.goto(f"{site.url}/reviews/{id}")
    expect(tablet.get_by_role("heading", level=1)).to_contain_text("Log in")


def test_each_side_records_that_the_printed_sheet_was_signed_in_ink(site, opened: Open) -> None:
    members(site)
    meeting = meeting_of(site)
    site.post(f"/api/v1/meetings/{meeting}/close", "linh")
    sheet = opened(site, f"/meetings/{meeting}/sheet", "hoa", java_script_enabled=False)
    sheet.emulate_media(media="print")
    expect(sheet.locator("[data-part=sheet]")).to_contain_text("not elected")
    expect(sheet.locator(".ink .line")).to_have_count(4)
    expect(sheet.get_by_role("status")).to_be_hidden()
    digest = sheet.locator("[data-part=digest]").inner_text()
    assert digest.replace(" ", "") == site.get(f"/api/v1/meetings/{meeting}").json()["digest"]

    worker = opened(site, f"/meetings/{meeting}", "hoa", java_script_enabled=False)
    worker.locator("summary", has_text="Record that your side signed").click()
    worker.get_by_label("Hoa", exact=True).check()
    worker.get_by_label("Digest as it stands").fill("0000 1111 2222 3333")
    worker.get_by_label("Where the paper").fill("folder 4")
    worker.get_by_role("button", name="Record it").click()
    expect(worker.get_by_role("alert")).to_contain_text("the paper says something else")
    worker.locator("summary", has_text="Record that your side signed").click()
    worker.get_by_label("Hoa", exact=True).check()
    worker.get_by_label("Digest as it stands").fill(digest[:19])
    worker.get_by_label("Where the paper").fill("folder 4")
    worker.get_by_role("button", name="Record it").click()
    expect(worker.locator("[data-paper=worker]")).to_contain_text("Hoa · kept at folder 4")

    inspector = opened(site, f"/meetings/{meeting}", "tran")
    expect(inspector.locator("[data-part=paper]")).to_contain_text("no digital signature")
    expect(inspector.locator("[data-part=paper]")).to_contain_text("Nobody has recorded that the sheet was signed")
    expect(inspector.locator("form[action$=paper]")).to_have_count(0)


def test_evidence_is_sent_from_the_page_and_comes_back(site, opened: Open, tmp_path: Path) -> None:
    id = reviewed(site)
    page = opened(site, f"/reviews/{id}", "hoa")
    photo = tmp_path / "bent.png"
    photo.write_bytes(PNG + b"\0")
    page.locator("summary", has_text="Add evidence").click()
    page.locator("form[action$=evidence] input[type=file]").first.set_input_files(photo)
    page.locator("form[action$=evidence] button").first.click()
    link = page.get_by_role("link", name="bent.png")
    expect(link).to_be_visible()
    assert site.get(link.get_attribute("href"), "minh").content == PNG + b"\0"


def test_two_worker_side_holders_make_an_account_on_two_sessions(site, opened: Open) -> None:
    first = opened(site, "/sites/f1/committee", "hoa")
    first.locator("summary", has_text="Ask for a change").click()
    first.get_by_label("Name of the account").fill("thu")
    first.locator("form[action$=accounts] textarea").fill("elected in November")
    first.get_by_role("button", name="Ask", exact=True).click()
    expect(first.get_by_text("waits for a second worker-side holder")).to_be_visible()
    management = opened(site, "/sites/f1/committee", "minh")
    expect(management.get_by_text("waits for a second worker-side holder")).to_be_visible()
    expect(management.get_by_role("button", name="Agree, and do it")).to_have_count(0)
    second = opened(site, "/sites/f1/committee", "thao")
    second.get_by_role("button", name="Agree, and do it").click()
    expect(second.locator("[data-part=code]")).to_contain_text(re.compile("thu: [0-9a-f]{4}-"))
    first.reload()
    expect(first.locator("main")).not_to_contain_text("One-time code")


def pages(site) -> list[str]:
    id = reviewed(site)
    site.post(f"/api/v1/reviews/{id}/sign", "minh", json={"side": "management", "agree": True})
    site.post(f"/api/v1/reviews/{id}/sign", "hoa", json={"side": "worker", "agree": False, "text": "not enough"})
    site.post(f"/api/v1/reviews/{id}/dissent", "hoa", json={"text": "still hot"})
    site.post("/api/v1/sites/f1/accounts", "hoa", json={"do": "create", "name": "thu", "why": "elected"})
    draft, closed = meeting_of(site), meeting_of(site)
    minutes = site.post(f"/api/v1/meetings/{closed}/close", "linh").json()
    own = [seat["mandate"] for seat in minutes["present"] if seat["side"] == "management"]
    site.post(f"/api/v1/meetings/{closed}/paper", "minh", json={"side": "management", "mandates": own, "on": "2026-11-25", "digest": minutes["digest"], "reference": "folder 4"})
    return ["/reviews", f"/reviews/{id}", "/sites/f1/committee", f"/meetings/{draft}", f"/meetings/{closed}", f"/meetings/{closed}/sheet"]


def test_every_page_fits_a_phone_passes_axe_and_is_translated(site, opened: Open) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in console/frontend")
    paths = pages(site)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for who in ("hoa", "tran"):
        page = opened(site, "/reviews", who, viewport=PHONE, bypass_csp=True)
        for path in paths:
            page.goto(site.url + path, wait_until="load")
            page.evaluate("for (const element of document.querySelectorAll('details')) element.open = true")
            page.add_script_tag(path=str(AXE))
            found = page.evaluate("rules => axe.run({runOnly: rules})", rules)
            assert [(violation["id"], [node["target"] for node in violation["nodes"]]) for violation in found["violations"]] == [], path
            heights = page.evaluate(
                "[...document.querySelectorAll('main .button, main select, main label.tick')].filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)"
            )
            assert min(heights, default=40) >= 40, path
            for language in ("en", "vi", "ar-XB"):
                page.goto(f"{site.url}{path}?lang={language}", wait_until="load")
                page.evaluate("for (const element of document.querySelectorAll('details')) element.open = true")
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], (path, language)
            assert untranslated(page) == [], path
            sides = page.evaluate("[...document.querySelectorAll('.pairs dd')].filter(e => e.offsetParent).map(e => getComputedStyle(e)).map(s => s.textAlign + ' ' + s.direction)")
            assert set(sides) <= {"start rtl", "right ltr", "right rtl"}, path


def untranslated(page: Page) -> list[str]:
    """Texts of the pseudo-locale page that never went through a catalogue."""
    texts = page.evaluate(
        """() => { const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const found = [];
        while (walker.nextNode()) { const node = walker.currentNode; if (node.textContent.trim() && !node.parentElement.closest('[translate=no], script, style, textarea, [aria-hidden=true]')) found.push(node.textContent.trim()); }
        return found; }"""
    )
    return [text for text in texts if re.search(r"[A-Za-z]{2}", re.sub(r"⟦[^⟧]*⟧", "", text))]


def test_the_desk_can_be_worked_by_keyboard_alone(site, opened: Open) -> None:
    id = reviewed(site)
    page = opened(site, f"/reviews/{id}", "hoa")
    text = page.get_by_label("In a sentence (needed to disagree)")
    text.focus()
    page.keyboard.type("one fan is not enough")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Agree and sign", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-side=worker] .word")).to_contain_text("dissents")
