"""A laboratory sample in the results: entered by REST, in exposures, on its page and in its files."""

from __future__ import annotations

import csv
import io
import re

import pytest

from assess.engine import Assessor
from domain.times import HOUR_US, to_rfc3339

TOLUENE = "108-88-3"


@pytest.fixture(scope="module")
def sampled(filled, serve, tmp_path_factory, copy_factory):
    """A console after the officer has entered a sample of the running shift, and assess has looked."""
    with copy_factory(filled, tmp_path_factory.mktemp("sampled"), speed=0.001) as factory, serve(factory) as site:
        now_us = factory.clock.now_us()
        body = {
            "agent": TOLUENE,
            "method": "NIOSH 1501",
            "value": 24.0,
            "unit": "ppm",
            "start": to_rfc3339(now_us - HOUR_US),
            "stop": to_rfc3339(now_us - HOUR_US // 2),
            "basis": "personal",
            "laboratory": "Vinacontrol",
            "accreditation": "VILAS 001",
            "sampler": "charcoal tube",
            "blank": 0.1,
            "uncertainty_pct": 25.0,
            "task": "gluing soles",
            "reason": "report 7",
        }
        answer = site.post("/api/v1/zones/f1.ironing-1/lab-results", json=body)
        assert answer.status_code == 201, answer.text
        Assessor(factory.timeseries, factory.engine, factory.clock).tick()
        yield site


def result(site):
    found = site.get("/api/v1/sites/f1/exposures?zone=f1.ironing-1&hazard=chemical:108-88-3").json()["items"]
    return next(verdict for verdict in found if verdict["metric"] == "twa" and verdict["placement"] == "sample-1")


def address(site):
    verdict = result(site)
    limit = f"{verdict['limit']['profile']}/{verdict['limit']['id']}"
    query = {"date": verdict["shift"]["date"], "shift": verdict["shift"]["name"], "hazard": verdict["hazard"], "metric": "twa", "limit": limit, "placement": "sample-1"}
    answer = site.get("/zones/f1.ironing-1/verdicts", params=query)
    assert answer.status_code == 303
    return answer.headers["location"]


def test_a_sample_stands_among_the_exposures_with_its_basis(sampled):
    verdict = result(sampled)
    assert (verdict["basis"], verdict["unit"], verdict["state"]) == ("personal", "ppm", "not_assessable")
    assert verdict["low"] == pytest.approx((18.0 - 0.1) * 30 / verdict["expected"])
    assert verdict["valid"] == 30
    assert "gluing soles" not in str(verdict)


def test_its_page_shows_laboratory_method_and_how_the_number_was_made(sampled):
    page = sampled.get(address(sampled)).text
    for text in ("Vinacontrol (VILAS 001)", "NIOSH 1501", "24 ppm ± 25 %", "charcoal tube", "Laboratory sample 1: 30 min by NIOSH 1501.", "not that it is kept"):
        assert text in page, text
    assert re.search(r"at least \d[\d.]*\u00a0ppm", page)  # most of the shift was not sampled, and nobody agreed a worst case
    assert "No minutes are on record for this result." in page
    assert re.search(r"<td[^>]*>Missing minutes</td>", page)


def test_its_files_say_the_same(sampled):
    path = f"/api/v1{address(sampled)}"
    shown = sampled.get(path).json()
    assert (shown["sample"]["id"], shown["sample"]["result"]["value"], shown["verdict"]["low"]) == (1, 24.0, result(sampled)["low"])
    assert shown["method"].startswith("The sample's concentration")
    rows = dict(csv.reader(io.StringIO(sampled.get(f"{path}?format=csv").text)))
    assert rows["sample.result.laboratory"] == "Vinacontrol"
    assert float(rows["verdict.low"]) == shown["verdict"]["low"]


def test_the_inspector_sees_it_and_a_stranger_does_not(sampled):
    assert sampled.get(address(sampled), who="tran").status_code in (200, 404)
    assert sampled.get(address(sampled), who=None).status_code in (303, 401)
