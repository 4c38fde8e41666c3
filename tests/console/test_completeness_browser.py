"""The page of completeness in a real browser: what it says is what the API says, on a telephone and without scripts too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from domain.ids import channel_parts
from domain.reading import Reading
from domain.times import MINUTE_US, SECOND_US, parse_instant, to_rfc3339
from storage.records.ledger import GapRow, LedgerBatch, LedgerRepository
from storage.timeseries.port import Batch

pytestmark = [pytest.mark.server("chromium")]

CHANNEL, DAY = "agent-gluing.gluing.co2", "2026-11-24"
MIDNIGHT_US = parse_instant("2026-11-23T17:00:00Z")
"""In the factory."""
T0_US, TICK_US = MIDNIGHT_US + 10 * 60 * MINUTE_US, 10 * SECOND_US
PAGE = f"/zones/f1.gluing/completeness?date={DAY}"
CAUSES = {"power": "Power was off", "network": "No network", "unknown": "Cause not known"}


@pytest.fixture
def holed(site):
    """An hour of a day: ten minutes without power, five without network, one that nobody knows of."""
    lacking = {*range(60, 120), *range(180, 210), *range(300, 306)}
    readings = [Reading(CHANNEL, T0_US + number * TICK_US, 600.0) for number in range(360) if number not in lacking]
    site.factory.timeseries.write(Batch(fresh=readings))
    agent = channel_parts(CHANNEL)[0]
    gaps = [
        GapRow(agent=agent, boot="b1", seq=seq, sensor="", start_us=T0_US + (first - 1) * TICK_US, stop_us=T0_US + (last - 1) * TICK_US, cause=cause)
        for seq, (first, last, cause) in enumerate([(60, 120, "power"), (180, 210, "network")])
    ]
    LedgerRepository(site.factory.engine).commit(LedgerBatch(arrived_us=site.factory.clock.now_us(), gaps=gaps))
    return site


def shown(page: Page) -> tuple[tuple[int, int], list[tuple[str, int]]]:
    """(expected, stored) and (cause, missing) of each hole that is listed, as a person reads them."""
    row = page.locator(f'[data-channel-day="{CHANNEL}"]')
    numbers = [int(re.sub(r"\D", "", text)) for text in row.locator("td.num").all_inner_texts()[:2]]
    holes = page.locator(f'[data-holes-of="{CHANNEL}"]').locator("tbody tr")
    cells = [hole.locator("td").all_inner_texts() for hole in holes.all()]
    return (numbers[0], numbers[1]), [(cell[3].splitlines()[-1].strip(), int(re.sub(r"\D", "", cell[4].splitlines()[-1]))) for cell in cells]


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_says_what_the_api_says(holed, browser: Browser, width: int, javascript: bool) -> None:
    told = holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params={"start": to_rfc3339(MIDNIGHT_US), "stop": to_rfc3339(MIDNIGHT_US + 24 * 60 * MINUTE_US)}).json()
    complaints: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": 740}, locale="en-GB", java_script_enabled=javascript, extra_http_headers={"Authorization": f"Bearer {holed.factory.tokens['linh']}"}
    )
    try:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(holed.url + PAGE, wait_until="load")
        numbers, holes = shown(page)
        assert numbers == (told["expected"], told["stored"])
        assert holes == [(CAUSES[hole["cause"]], hole["missing"]) for hole in told["holes"]]
        assert {"power", "network", "unknown"} <= {hole["cause"] for hole in told["holes"]}
        assert told["expected"] == told["stored"] + sum(hole["missing"] for hole in told["holes"])
        bar = page.locator(f'[data-channel-day="{CHANNEL}"] svg.daybar')
        expect(bar.locator("rect.hole")).to_have_count(len(told["holes"]))
        box = bar.bounding_box()
        assert box
        assert box["width"] > width / 4
        assert box["x"] + box["width"] <= width
        if javascript:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="Day before").click()
        expect(page.get_by_role("heading", name="Completeness of the data").first).to_be_visible()
        expect(page.locator('input[name="date"]')).to_have_value("2026-11-23")
    finally:
        context.close()
    assert complaints == []
