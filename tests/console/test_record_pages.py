"""Records on pages: everybody reads them, each form does what the REST interface does, and what is wrong is said on the page."""

from __future__ import annotations

import re

import pytest

RECORDS, PLAN = "/zones/f1.ironing-1/records", "/sites/f1/monitoring-plan"
CHANNEL = "agent-ironing-1.ironing-1.air_temperature"
LAB = {
    "agent": "108-88-3", "method": "NIOSH 1501", "qualifier": "<", "value": "0.5", "unit": "ppm", "loq": "0.5", "start": "2026-11-24T08:00:00+07:00",
    "stop": "2026-11-24T15:00:00+07:00", "basis": "personal", "laboratory": "Vinacontrol", "custody": "officer\ncourier", "task": "gluing",
}  # fmt: skip


def test_the_officer_enters_what_others_only_read(standing) -> None:
    assert 'action="/zones/f1.ironing-1/headcount"' in standing.get(RECORDS).text
    for who in ("hoa", "minh", "tran", "lee", "root"):
        page = standing.get(RECORDS, who=who).text
        assert "Records that results rest on" in page
        assert "<form" not in page.replace('<form method="post" action="/logout">', "")


def test_a_calibration_is_entered_by_a_form(site) -> None:
    fields = {"type": "zero", "performed_at": "2026-11-24", "pass": "true", "offset": "0.4", "gain": "1", "next_due": "", "by": "Quatest 3"}
    answer = site.post(f"/channels/{CHANNEL}/calibrations", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, RECORDS)
    assert "Quatest 3" in site.get(RECORDS).text
    assert site.get(f"/api/v1/channels/{CHANNEL}/calibrations").json()["items"][0]["offset"] == 0.4


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        (f"/channels/{CHANNEL}/calibrations", {"type": "zero", "performed_at": "2026-11-24", "gain": "0"}, "gain"),
        ("/zones/f1.ironing-1/headcount", {"women": "many", "men": "1"}, "women"),
        ("/zones/f1.ironing-1/work", {}, "names nothing to change"),
        ("/zones/f1.ironing-1/lab-results", {**LAB, "agent": "toluene"}, "agent"),
    ],
)
def test_what_is_wrong_in_a_form_is_said_on_the_page(standing, path, fields, said) -> None:
    answer = standing.post(path, data=fields)
    assert answer.status_code == 422
    assert said in re.search(r'<p class="notice bad" role="alert"[^>]*>([^<]*)', answer.text)[1]


def test_a_lower_headcount_is_contested_on_the_page_until_the_worker_side_agrees(site) -> None:
    site.post("/zones/f1.ironing-1/headcount", data={"women": "20", "men": "9", "reason": "two moved to cutting"})
    page = site.get(RECORDS, who="hoa").text
    assert "two moved to cutting" in page
    assert "contested" in page
    form = re.search(r'action="(/zones/f1\.ironing-1/records/rec-[0-9a-f]+/agree)"', page)[1]
    assert form not in site.get(RECORDS, who="minh").text
    assert site.post(form, who="minh", data={"agree": "true"}).status_code == 303
    assert "contested" in site.get(RECORDS).text
    assert site.post(form, who="hoa", data={"agree": "true", "text": "counted together"}).status_code == 303
    page = site.get(RECORDS).text
    assert "contested" not in page
    assert "✓ worker side, hoa" in page
    assert "counted together" in page


def test_a_lab_result_is_entered_by_a_form_and_stands_beside_the_sensors(site) -> None:
    assert site.post("/zones/f1.ironing-1/lab-results", data=LAB).status_code == 303
    page = site.get(RECORDS, who="tran").text
    assert "&lt;0.5 ppm" in page
    assert "Toluene" in page
    assert "No field blank is on record." in page
    assert site.get("/api/v1/zones/f1.ironing-1/lab-results").json()["items"][0]["result"]["custody"] == ["officer", "courier"]
    assert f'href="{RECORDS}"' in site.get("/zones/f1.ironing-1").text


def test_the_footer_says_what_is_not_measured_and_by_which_plan(site) -> None:
    def foot(path: str) -> str:
        found = re.search(r'<p data-part="not-measured">(.*?)</p>', site.get(path).text, re.DOTALL)
        return re.sub(r"<[^>]*>", "", found[1]) if found else ""

    assert "Heat (Sewing 1, Sewing 2, Gluing bench)" in foot("/sites/f1")
    assert "No monitoring plan is signed by both sides." in foot("/sites/f1")
    assert foot("/zones/f1.ironing-1") == ""
    page = site.get(PLAN).text
    fields = dict(re.findall(r'name="((?:zone|hazard|how|every|why)-\d+)"(?: value="([^"]*)")?', page))
    rows = [name.partition("-")[2] for name in fields if name.startswith("hazard-") and fields[name]]
    plan = site.get("/api/v1" + PLAN).json()["rows"]
    sent = {f"{name}-{number}": plan[int(number)][name] or "" for number in rows for name in ("zone", "hazard", "how", "every", "why")}
    sent |= {f"why-{number}": "air-conditioned" for number in rows if plan[int(number)]["how"] == "not_monitored"}
    last = len(rows)
    sent |= {f"zone-{last}": "f1.ironing-1", f"hazard-{last}": "noise", f"how-{last}": "not_monitored", f"why-{last}": "no meter yet", "reason": "first plan"}
    assert site.post(PLAN, data=sent).status_code == 303
    assert foot("/zones/f1.ironing-1") == ""
    for who in ("hoa", "minh"):
        assert "Sign for your side" in site.get(PLAN, who=who).text
        assert site.post(f"{PLAN}/sign", who=who, data={"agree": "true"}).status_code == 303
        assert "Sign for your side" not in site.get(PLAN, who=who).text
    assert "In force: both sides have signed it." in site.get(PLAN).text
    assert "Noise (Ironing line 1)" in foot("/zones/f1.ironing-1")
    assert "No monitoring plan is signed" not in foot("/sites/f1")
    kept = [row for row in site.get("/api/v1" + PLAN).json()["rows"] if row["zone"] == "f1.sewing-1" and row["hazard"] == "noise"]
    assert kept[0]["channels"] == ["agent-sewing-1.sewing-1.sound_level_a_eq"]


def test_a_plan_that_cannot_be_is_refused_on_the_page(standing) -> None:
    answer = standing.post(PLAN, data={"zone-0": "f1.sewing-1", "hazard-0": "ghosts", "how-0": "sensor", "reason": "x"})
    assert answer.status_code == 422
    assert "ghosts" in answer.text


@pytest.mark.parametrize("path", ["/zones/k1.press/records", "/sites/k1/monitoring-plan"])
def test_pages_of_another_scope_do_not_exist(standing, path) -> None:
    assert standing.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/sites/f1",
        "/zones/f1.sewing-1",
        "/zones/f1.sewing-1/records",
        PLAN,
        "/verdicts/1",
        "/alerts",
        "/sites",
        "/equipment",
        "/sites/f1/changes",
        "/sites/f1/completeness",
        "/reviews",
    ],
)
def test_the_footer_of_every_page_says_what_is_not_measured(standing, path) -> None:
    found = re.search(r'<p data-part="not-measured">(.*?)</p>', standing.get(path).text, re.DOTALL)
    assert found, path
    zones = "Sewing 1" if path.startswith("/zones/") else "Sewing 1, Sewing 2, Gluing bench"
    assert f'Heat (<span translate="no">{zones}</span>)' in found[1]


def test_of_several_sites_the_footer_says_where_to_read_it(standing) -> None:
    assert "the page of each site says what is not" in standing.get("/sites", who="lee").text
