"""Changing the language changes nothing else: what was chosen on the page stays chosen."""

from __future__ import annotations

import html
import re

import pytest


def address(text: str, tag: str) -> str:
    found = re.search(rf'<a href="([^"]*)" lang="{tag}"', text)
    assert found
    return html.unescape(found[1])


@pytest.mark.parametrize(("query", "kept"), [("", "?"), ("?show=all&severity=stop", "?show=all&severity=stop&"), ("?site=f1&lang=en", "?site=f1&")])
def test_the_link_to_another_language_keeps_what_was_chosen(standing, query: str, kept: str) -> None:
    link = address(standing.get(f"/alerts{query}", headers={"Accept-Language": "en"}).text, "vi")
    assert link == f"{kept}lang=vi"
    assert '<html lang="vi"' in standing.get(f"/alerts{link}").text


def test_a_message_of_what_went_wrong_does_not_follow_into_the_other_language(standing) -> None:
    assert address(standing.get("/alerts/none-such?problem=wrong", headers={"Accept-Language": "en"}).text, "vi") == "?lang=vi"


def test_the_banner_counts_one_alert_as_one(site) -> None:
    waiting = [alert["id"] for alert in site.get("/api/v1/alerts?state=unacknowledged").json()["items"]]
    for alert in waiting[1:]:
        site.post(f"/api/v1/alerts/{alert}/acknowledge", json={"text": "seen"})
    text = site.get("/alerts", headers={"Accept-Language": "en"}).text
    assert re.search(r"<span data-count>(.*?)</span>", text)[1] == "1 alert waits for somebody to acknowledge it."
