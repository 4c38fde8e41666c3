"""A zone is never within, nor without data, while an alarm on its exposure is open and nobody has decided (contracts 3.1 and 4.1)."""

from __future__ import annotations

import re

from alerts.state import fold
from domain.hazards import Severity, ZoneStatus
from domain.times import HOUR_US

TREAT_AS_REAL = "Treat it as real: move people out now."


def extreme(site, zone: str = "f1.cutting-a") -> str:
    return site.factory.raise_alert(zone, "air_quality", "extreme_over_ceiling", Severity.STOP, value=900_000.0, unit="ppm")


def returned(site, id: str) -> None:
    recorder = site.factory.recorder
    recorder.returned(fold(recorder.journal.steps(id)), site.factory.clock.now_us())


def part(page: str, opening: str, closing: str) -> str:
    found = re.search(f"{opening}.*?{closing}", page, re.S)
    assert found is not None
    return " ".join(found[0].split())


def test_a_zone_whose_windows_are_within_is_at_stop_while_the_alarm_stands_and_the_page_says_why(site) -> None:
    extreme(site)
    now = site.get("/api/v1/zones/f1.cutting-a/now").json()
    assert (now["status"], now["hazards"]) == ("stop", {"heat": "within", "air_quality": "stop"})
    assert now["advice"].startswith(TREAT_AS_REAL)
    zones = {zone["id"]: zone["status"] for zone in site.get("/api/v1/sites/f1/zones").json()["items"]}
    assert zones["f1.cutting-a"] == "stop"
    tile = part(site.get("/sites/f1").text, '<li class="tile[^>]*data-zone="f1.cutting-a"', "</li>")
    assert "Stop work" in tile
    assert "Open alert: Air quality" in tile
    assert "Open alert: Air quality" in part(site.get("/zones/f1.cutting-a").text, '<section class="band', "</section>")


def test_a_sensor_that_dies_during_the_alarm_leaves_it_in_the_lead(site) -> None:
    site.factory.zone_state("f1.ironing-1", ZoneStatus.WITHIN, [])
    ironing = next(alert for alert in site.get("/api/v1/alerts?state=open&site=f1").json()["items"] if alert["zone"] == "f1.ironing-1")
    returned(site, ironing["id"])
    extreme(site, "f1.boiler")
    band = part(site.get("/sites/f1").text, '<section class="band', "</section>")
    assert '<section class="band stop"' in band
    assert "Boiler room" in band
    assert "Open alert: Air quality" in band


def test_a_state_that_nobody_computes_any_more_and_a_zone_that_nobody_looked_at_keep_their_alarm(site) -> None:
    extreme(site)
    extreme(site, "k1.press")
    site.factory.zone_state("f1.cutting-a", ZoneStatus.WITHIN, [], hazards={"air_quality": ZoneStatus.WITHIN}, at_us=site.factory.clock.now_us() - HOUR_US)
    assert site.get("/api/v1/zones/f1.cutting-a/now").json()["status"] == "stop"
    assert site.get("/api/v1/zones/k1.press/now", who="kim").json()["status"] == "stop"
    assert site.get("/api/v1/sites/k1", who="kim").json()["status"] == "stop"


def test_a_latched_alarm_stands_after_its_return_until_somebody_resets_it(site) -> None:
    id = extreme(site)
    returned(site, id)
    assert site.get("/api/v1/zones/f1.cutting-a/now").json()["status"] == "stop"
    assert site.post(f"/api/v1/alerts/{id}/reset", json={"text": "sensor fault, replaced"}).status_code == 200
    assert site.get("/api/v1/zones/f1.cutting-a/now").json()["status"] == "within"


def test_an_alarm_of_the_measuring_system_is_no_status_of_the_exposure(site) -> None:
    site.factory.raise_alert("f1.cutting-a", "sensor", "channel_silent", Severity.ACTION)
    assert site.get("/api/v1/zones/f1.cutting-a/now").json()["status"] == "within"
