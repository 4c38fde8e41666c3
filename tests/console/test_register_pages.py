"""Changes, overtime and registers on pages: everybody reads them, each form does what the REST interface does, and what is wrong is said on the page."""

from __future__ import annotations

import re
import time

import msgspec
import pytest

from storage.records.registry import RegistryRepository

REGISTER, OVERTIME, CHANGES = "/sites/f1/register", "/zones/f1.ironing-1/overtime", "/sites/f1/changes"
GLUE = {"name": "Contact glue", "supplier": "Hoa Chat JSC", "zone:f1.gluing": "1", "mixture": "108-88-3 0.2 0.8 0.5\n110-54-3 0 0.8", "reason": "stock-taking", "cas": ""}
EVENING = {"shift": "A", "start": "2026-11-24T16:30", "stop": "2026-11-24T18:30", "reason": "urgent order"}


def problem(answer) -> str:
    assert answer.status_code == 422
    return re.search(r'<p class="notice bad" role="alert"[^>]*>([^<]*)', answer.text)[1]


@pytest.mark.parametrize(("page", "heading"), [(REGISTER, "Hazardous substances and waste"), (OVERTIME, "Overtime"), (CHANGES, "Changes that need both sides")])
def test_everybody_of_the_scope_reads_the_pages(standing, page, heading) -> None:
    for who in ("linh", "hoa", "minh", "tran", "lee", "root"):
        assert f"<h1>{heading}</h1>" in standing.get(page, who=who).text
    assert standing.get(page, who="kim").status_code == 404


def test_the_pages_are_reached_from_those_that_they_belong_to(standing) -> None:
    plan, records = standing.get("/sites/f1/monitoring-plan").text, standing.get("/zones/f1.ironing-1/records").text
    assert all(f'href="{page}"' in plan for page in (REGISTER, CHANGES))
    assert all(f'href="{page}"' in records for page in (REGISTER, CHANGES, OVERTIME))


def test_a_product_with_its_components_is_entered_by_a_form_and_retired(site) -> None:
    assert site.post("/sites/f1/substances", data=GLUE).status_code == 303
    page = site.get(REGISTER, who="tran").text
    assert "Contact glue" in page
    assert "108-88-3  0.2-0.8, RF 0.5" in page
    assert "Gluing bench" in page
    assert "<form" not in page.replace('<form method="post" action="/logout">', "")
    action = re.search(r'action="(/sites/f1/substances/sub-[0-9a-f]+/retire)"', site.get(REGISTER).text)[1]
    assert site.post(action, data={"reason": "used up"}).status_code == 303
    assert "used up" in site.get(REGISTER).text
    assert site.post("/sites/f1/waste", data={"kind": "Solvent rags", "amount": "30", "zone:f1.gluing": "1", "reason": "x"}).status_code == 303
    assert "Solvent rags" in site.get(REGISTER).text


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/sites/f1/substances", {**GLUE, "cas": "108-88-4"}, "check digit"),
        ("/sites/f1/substances", {**GLUE, "mixture": "108-88-3 some"}, "mixture[0]"),
        ("/sites/f1/waste", {"kind": "rags", "amount": "much"}, "amount"),
        (OVERTIME, {**EVENING, "stop": "2026-11-24T10:00"}, "stop"),
        (OVERTIME, {**EVENING, "start": "soon"}, "start"),
        ("/zones/f1.ironing-1/work", {"acclimatised": "yes", "reason": "x"}, "newcomers"),
    ],
)
def test_what_is_wrong_in_a_form_is_said_on_the_page(standing, path, fields, said) -> None:
    assert said in problem(standing.post(path, data=fields))


def test_overtime_is_entered_in_the_site_s_time_and_taken_back_by_both(site) -> None:
    assert site.post(OVERTIME, who="hoa", data=EVENING).status_code == 303
    assert site.get("/api/v1" + OVERTIME).json()["items"][0]["start"] == "2026-11-24T09:30:00Z"
    for who in ("minh", "hoa"):
        action = re.search(rf'action="({OVERTIME}/ot-[0-9a-f]+/withdraw)"', site.get(OVERTIME, who=who).text)[1]
        assert site.post(action, who=who, data={"agree": "true", "text": "wrong day"}).status_code == 303
    page = site.get(OVERTIME).text
    assert "withdrawn" in page
    assert "✓ worker side, hoa" in page


def test_each_side_signs_an_import_on_its_page(site) -> None:
    repository, now_us = RegistryRepository(site.factory.engine), site.factory.clock.now_us()
    file = repository.export("f1", now_us)
    zones = [msgspec.structs.replace(zone, metabolic_rate_w=180.0) if zone.id == "ironing-1" else zone for zone in file.zones]
    repository.import_file(msgspec.structs.replace(file, zones=zones), valid_from_us=None, author="boss", reason="new figures", now_us=now_us)
    time.sleep(1.1)  # the console looks at the registry once a second
    page = site.get(CHANGES).text
    assert "Work rate, W" in page
    assert "300 → 180" in page
    for who in ("hoa", "minh"):
        action = re.search(rf'action="({CHANGES}/chg-[0-9a-f]+/agree)"', site.get(CHANGES, who=who).text)[1]
        assert site.post(action, who=who, data={"agree": "true"}).status_code == 303
        assert "Agree for my side" not in site.get(CHANGES, who=who).text
    assert "contested</span>" not in site.get(CHANGES).text
