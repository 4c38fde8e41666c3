"""From an excursion to the inspector's view: readings over a ceiling, the alert, a mail, its signed link, the return, the committee's review by two people in two browsers, printed minutes,
and what an inspector sees; once with a mail server that is there, once with one that is gone and comes back."""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, BrowserContext, Page, expect

from domain.clock import SystemClock
from domain.reading import Reading
from domain.senml import encode_pack
from domain.topics import topic
from oshwatch.testing import until
from storage.records.engine import open_records
from storage.records.people import PeopleRepository

ZONES = {"hall": "Hall", "press": "Press"}
SITE = {
    "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
    "shifts": [{"name": "A", "start": "00:00", "stop": "00:00"}],
    "zones": [{"id": id, "name": name} for id, name in ZONES.items()],
    "agents": [{"id": "agent-7", "channels": [{"placement": zone, "quantity": "co", "zone": zone, "interval_s": 1} for zone in ZONES]}],
}
PEOPLE = {"olga": ("officer", "f1"), "wei": ("worker_representative", "f1"), "minh": ("management_representative", "f1"), "tran": ("inspector", "country:VN")}
PASSWORD = "four plain words here"
MINUTES = "Quạt hút số 3 đã hỏng; sửa trước ngày mồng một."
QUIET, OVER = 4.0, 900.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.server("mosquitto"), pytest.mark.server("chromium")]


class Device:
    """An agent that says its zones' CO each second, as they are set."""

    def __init__(self, port: int) -> None:
        self.ppm = dict.fromkeys(ZONES, QUIET)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        seq = 0
        while not self._stop.wait(1):
            now_us = SystemClock().now_us()
            readings = [Reading(f"agent-7.{zone}.co", now_us, value) for zone, value in self.ppm.items()]
            self._client.publish(topic("agent-7", "data"), encode_pack("agent-7", "boot-1", seq, True, readings), qos=1)
            seq += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def device(mosquitto: Any) -> Iterator[Device]:
    made = Device(mosquitto.port)
    yield made
    made.stop()


@pytest.fixture
def centre(mosquitto: Any, make_centre: Callable[..., Any], mail: Any, tmp_path: Path) -> Any:
    (tmp_path / "f1.yaml").write_text(yaml.safe_dump(SITE, sort_keys=False))
    made = make_centre(mosquitto.url, OSHWATCH_SMTP_URL=f"smtp://127.0.0.1:{mail.port}?from=osh@f1.example")
    made.command("registry", "import", str(tmp_path / "f1.yaml"))
    engine = open_records(f"sqlite:///{made.directory}/oshwatch.db")
    people = PeopleRepository(engine)
    for name, (role, scope) in PEOPLE.items():
        people.add_user(name=name, role=role, grant=scope, password=PASSWORD, email=f"{name}@f1.example")
    engine.dispose()
    return made


@pytest.fixture
def log_in(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def entered(centre: Any, name: str, **options: Any) -> Page:
        contexts.append(browser.new_context(locale="en-GB", **options))
        page = contexts[-1].new_page()
        page.goto(f"{centre.url}/login")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_load_state()
        return page

    yield entered
    for context in contexts:
        context.close()


def test_an_excursion_comes_to_the_inspector_by_way_of_mail_and_committee(centre: Any, device: Device, mail: Any, browser: Browser, log_in: Callable[..., Page]) -> None:
    api = centre.api()
    mail.start()
    centre.start()
    centre.wait_until_ready(60)

    def alert(zone: str) -> Any:
        return next((one for one in api.all("alerts", site="f1") if one["zone"] == f"f1.{zone}" and one["type"] == "ceiling_now"), None)

    def mailed(zone: str) -> bool:
        return all(mail.to(name, ZONES[zone]) for name in ("olga", "wei", "minh"))

    until(lambda: api.get("zones/f1.press/now")["channels"], 30, f"readings are there; {centre.tail()}")
    device.ppm["hall"] = OVER
    until(lambda: alert("hall"), 30, f"the excursion is an alert; {centre.tail()}")
    until(lambda: mailed("hall"), 60, "officer and both sides have their mail")
    acknowledge_by_mail(browser, mail, "olga", "Hall", "on my way")
    assert [(one["by"], one["side"], one["text"]) for one in alert("hall")["acknowledgements"]] == [("olga", "management", "on my way")]
    device.ppm["hall"] = QUIET

    mail.stop()
    device.ppm["press"] = OVER
    raised = until(lambda: alert("press"), 30, "the second excursion is an alert although nobody can be written to")
    until(lambda: [one for one in api.all("notifications", state="waiting") if one["about"] == raised["id"] and one["tries"] > 0], 60, "tried, and kept")
    mail.start()
    until(lambda: mailed("press"), 120, f"what waited arrived; {centre.tail()}")
    acknowledge_by_mail(browser, mail, "wei", "Press", "everybody is out")
    device.ppm["press"] = QUIET

    management, worker = log_in(centre, "minh"), log_in(centre, "wei", java_script_enabled=False)
    for zone in ZONES:
        until(lambda zone=zone: alert(zone)["condition"] == "returned", 120, "it is over")  # type: ignore[misc]
    desks = {zone: review(centre, alert(zone)["id"], worker, management) for zone in ZONES}
    sign(management, worker, desks["hall"], agrees=False)
    sign(management, worker, desks["press"], agrees=True)
    worker.goto(desks["hall"])
    close(worker)
    expect(worker.get_by_role("alert")).to_contain_text("both sides agree")
    worker.goto(desks["press"])
    close(worker)
    expect(worker.locator("[data-part=closed]")).to_contain_text("wei")

    meeting = hold_meeting(centre, worker, management)
    glyphs = characters(printed(management, f"{meeting}/sheet"))
    assert set(MINUTES.replace(" ", "")) <= glyphs

    inspector = log_in(centre, "tran")
    inspector.goto(f"{centre.url}/sites")
    expect(inspector.locator("main")).to_contain_text("Sunrise")
    for zone, words in (("hall", "one fan is not enough"), ("press", "agrees")):
        inspector.goto(desks[zone])
        expect(inspector.locator("h1 + .facts")).to_contain_text("on track")
        expect(inspector.locator("[data-side=worker]")).to_contain_text(words)
        expect(inspector.locator("[data-part=trend]")).to_have_count(1)
        expect(inspector.locator("form[action$=sign]")).to_have_count(0)
    inspector.goto(meeting)
    expect(inspector.locator("main")).to_contain_text(MINUTES)


def acknowledge_by_mail(browser: Browser, mail: Any, name: str, place: str, text: str) -> None:
    """Whoever has the link is not logged in."""
    link = re.search(r"http://\S+/acknowledge/\S+", mail.to(name, place)[0].get_content())
    assert link is not None
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(link[0])
    page.locator("textarea[name=text]").fill(text)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("status")).to_contain_text("Acknowledged")
    context.close()


def review(centre: Any, alert: str, worker: Page, management: Page) -> str:
    """The worker side takes it into review and says the cause; management puts down what is to be done. Returns the desk's address."""
    worker.goto(f"{centre.url}/alerts/{alert}")
    worker.get_by_role("button", name="Take into review").click()
    desk = worker.url
    worker.locator("summary", has_text="Enter the cause").click()
    worker.get_by_label("In your own words").fill("fan 3 stood still")
    worker.locator("form[action$=cause] button").click()
    management.goto(desk)
    management.locator("summary", has_text="Enter an action").click()
    management.get_by_label("Kind of measure").select_option("engineering")
    management.get_by_label("What is to be done").fill("repair extraction fan 3")
    management.get_by_label("Who sees to it").fill("maintenance lead")
    management.get_by_label("Due on").fill(time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86_400)))
    management.locator("form[action$='/actions'] button").click()
    return desk


def sign(management: Page, worker: Page, desk: str, *, agrees: bool) -> None:
    management.goto(desk)
    expect(management.locator("[data-side=worker] form")).to_have_count(0)
    management.get_by_role("button", name="Agree and sign", exact=True).click()
    expect(management.locator("[data-side=management] .word")).to_contain_text("agrees")
    worker.goto(desk)
    expect(worker.locator("[data-side=management] form")).to_have_count(0)
    if not agrees:
        worker.get_by_label("In a sentence (needed to disagree)").fill("one fan is not enough")
    worker.get_by_role("button", name="Agree and sign" if agrees else "Disagree and sign", exact=True).click()
    expect(worker.locator("[data-side=worker] .word")).to_contain_text("agrees" if agrees else "dissents")


def close(page: Page) -> None:
    page.locator("summary", has_text="Close the review").click()
    page.locator("form[action$=close] button").click()


def hold_meeting(centre: Any, worker: Page, management: Page) -> str:
    """Mandates, a meeting with its agenda, attendance, minutes, closed; returns its address."""
    for page, chosen in ((worker, "election"), (management, "none")):
        page.goto(f"{centre.url}/sites/f1/committee")
        page.locator("summary", has_text="Enter a mandate").click()
        form = page.locator("form[action$='/mandates']")
        form.get_by_label("Name", exact=True).fill(f"Member {chosen}")
        form.get_by_label("Chosen").select_option(chosen)
        form.get_by_label("From").fill("2026-01-01")
        form.get_by_label("Last day of the term").fill("2099-12-31")
        form.get_by_role("button", name="Enter").click()
    worker.goto(f"{centre.url}/sites/f1/committee")
    worker.locator("summary", has_text="Call a meeting").click()
    worker.get_by_label("Place").fill("Canteen")
    worker.get_by_role("button", name="Call", exact=True).click()
    expect(worker.locator(".agenda")).to_contain_text("A side dissents")
    meeting = worker.url
    worker.locator("summary", has_text="Enter who is there").click()
    for box in worker.locator("form[action$=attendance] input[type=checkbox]").all():
        box.check()
    worker.locator("form[action$=attendance] button").click()
    worker.get_by_label("What was said and decided").fill(MINUTES)
    worker.get_by_role("button", name="Add to the minutes").click()
    worker.get_by_role("button", name="Close the minutes").click()
    expect(worker.locator("[data-part=present]")).to_contain_text("not elected")
    return worker.url if urlsplit(worker.url).path.startswith("/meetings/") else meeting


def printed(page: Page, address: str) -> bytes:
    page.goto(address)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    return pdf


def characters(pdf: bytes) -> set[str]:
    """Every character that a font of the document draws, by its ToUnicode maps; one without a glyph stands in none."""
    found: set[str] = set()
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            text = zlib.decompress(stream).decode("latin-1")
        except zlib.error:
            continue
        for block in re.findall(r"beginbfchar(.*?)endbfchar", text, re.DOTALL):
            found |= {bytes.fromhex(code).decode("utf-16-be") for code in re.findall(r"<[0-9A-Fa-f]+>\s+<([0-9A-Fa-f]+)>", block)}
        for block in re.findall(r"beginbfrange(.*?)endbfrange", text, re.DOTALL):
            for first, last, code in re.findall(r"<([0-9A-Fa-f]+)>\s+<([0-9A-Fa-f]+)>\s+<([0-9A-Fa-f]+)>", block):
                found |= {chr(int(code, 16) + step) for step in range(int(last, 16) - int(first, 16) + 1)}
    return found
