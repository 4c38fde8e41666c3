"""The trend on the page of an alert and of its review: what was measured around it, against the limit it was over; without JavaScript."""

from __future__ import annotations

import re

import pytest

from domain.hazards import Severity
from domain.verdict import LimitOf
from storage.records.notifications import Message, NotificationsRepository

PEAK = LimitOf(id="niosh-ceiling", value=33.0, profile="us-niosh", law=False, averaging="instantaneous", clause="ch. 8", status="verified")
DOSE = LimitOf(id="niosh-dose", value=84.0, profile="us-niosh", law=False, averaging="8 h, 3 dB exchange", clause="1.1", status="verified")
"""Its number would lie among the levels that are drawn."""


def figure(page: str) -> str:
    found = re.search(r'<figure class="chart" data-part="trend">.*?</figure>', page, re.DOTALL)
    return found[0] if found else ""


def heat_alert(site) -> dict[str, object]:
    return next(one for one in site.get("/api/v1/alerts?site=f1").json()["items"] if one["hazard"] == "heat" and one["zone"] == "f1.ironing-1")


def test_an_alert_shows_its_trend_with_the_limit_on_its_line(site) -> None:
    alert = heat_alert(site)
    drawn = figure(site.get(f"/alerts/{alert['id']}").text)
    assert 'class="series"' in drawn
    assert f"Limit {alert['limit']['value']:.1f}" in drawn
    assert "WBGT" in re.search(r'aria-label="([^"]+)"', drawn)[1]
    assert re.findall(r'text-anchor="middle">([^<]+)<', drawn) == ["10:00"]  # raised at 10:31 and lasting at 10:42: from 9:31 on, until now


def test_the_review_desk_shows_the_same_trend(site) -> None:
    alert = heat_alert(site)
    id = site.post("/api/v1/reviews", "hoa", json={"alert": alert["id"]}).json()["id"]
    drawn = figure(site.get(f"/reviews/{id}", "hoa").text)
    assert 'class="series"' in drawn
    assert f"Limit {alert['limit']['value']:.1f}" in drawn


def test_an_alert_of_one_sensor_shows_that_sensor_and_no_limit_of_another_unit(site) -> None:
    channel = "agent-ironing-1.ironing-1.air_temperature"
    own = site.factory.raise_alert("f1.ironing-1", "heat", "extreme_over_ceiling", Severity.STOP, channel=channel, value=34.0, unit="Cel", limit=PEAK)
    drawn = figure(site.get(f"/alerts/{own}").text)
    assert "Limit 33.0" in drawn
    noise = site.factory.raise_alert("f1.sewing-1", "noise", "noise_dose", Severity.ACTION, value=130.0, unit="%", limit=DOSE)
    drawn = figure(site.get(f"/alerts/{noise}").text)
    assert 'class="series"' in drawn
    assert 'class="limit' not in drawn


def test_the_timeline_says_which_roles_were_told_and_by_which_channel(site) -> None:
    alert = heat_alert(site)
    messages = [Message(alert=str(alert["id"]), reason="raised", channel="mail", recipient=name, subject="s", text="t", created_us=1, site="f1") for name in ("linh", "hoa")]
    repository, now_us = NotificationsRepository(site.factory.engine), site.factory.clock.now_us()
    repository.put(messages)
    page = site.get(f"/alerts/{alert['id']}").text
    assert "told by" not in page  # nobody was yet
    repository.sent([message.id for message in repository.of_alert(str(alert["id"]))], now_us)
    page = site.get(f"/alerts/{alert['id']}").text
    told = re.sub("<[^>]+>", "", page[page.index("told by") :])[:80]
    assert told.startswith("told by mail: OSH officer, worker representative (2)")
    site.post(f"/api/v1/alerts/{alert['id']}/acknowledge", "hoa", json={"text": "on my way"})
    page = site.get(f"/alerts/{alert['id']}").text
    journal = page[page.index('data-part="journal"') :]
    assert 0 < journal.index("told by") < journal.index("on my way")
    review = site.post("/api/v1/reviews", "hoa", json={"alert": alert["id"]}).json()["id"]
    assert "told by" in site.get(f"/reviews/{review}", "tran").text


@pytest.mark.parametrize("zone", ["f1.gone", "f1.cutting-a"])
def test_where_nothing_of_the_hazard_is_on_record_no_trend_is_drawn(site, zone: str) -> None:
    alert = site.factory.raise_alert(zone, "gas:co", "ceiling_now", Severity.STOP, value=900.0, unit="ppm")
    page = site.get(f"/alerts/{alert}")
    assert page.status_code == 200
    assert figure(page.text) == ""
