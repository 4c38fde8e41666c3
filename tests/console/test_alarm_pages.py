"""The alarm table, a site's policy and the figures: the same by REST and on pages, each role with its part."""

from __future__ import annotations

import re

import pytest

POLICY, KPIS = "/sites/f1/alarm-policy", "/sites/f1/alarm-kpis"
STRICTER = "alarms: {heat: {action: {margin: 0.5, responses: {vi: Cho nghỉ ở nơi mát}}}}"
SLOWER = {"alarms": {"heat": {"action": {"on_delay_s": 300}}}, "reason": "the press makes short peaks"}


def test_the_table_shows_every_alarm_and_who_may_do_what(standing) -> None:
    page = standing.get("/alarms").text
    assert page.count('aria-labelledby="t-') > 20
    for word in ("Acute danger", "Likely cause", "Time to respond", "Who may do what to an alert", "WBGT at which this work leaves no minute in the hour."):
        assert word in page
    assert "Bảng cảnh báo tổng" in standing.get("/alarms?lang=vi").text


def test_a_site_without_a_policy_holds_to_the_table(standing) -> None:
    found = standing.get(f"/api/v1{POLICY}").json()
    assert (found["contested"], found["in_force"], found["waiting"]) == (False, None, None)
    assert found["paging"]["stop"] == ["officer", "worker_representative", "management_representative"]
    assert "The master alarm table, unchanged." in standing.get(POLICY).text


def test_a_less_strict_policy_waits_for_the_other_side_and_is_contested_until_then(site) -> None:
    found = site.request("PUT", f"/api/v1{POLICY}", who="minh", json=SLOWER).json()
    assert (found["contested"], found["less_strict"], found["waiting"]["waiting_for"]) == (True, ["heat.action.on_delay_s"], ["worker"])
    assert next(one for one in found["levels"] if (one["type"], one["severity"]) == ("heat", "action"))["on_delay_s"] == 30
    page = site.get(POLICY, who="hoa").text
    assert "contested" in page
    assert "heat.action.on_delay_s" in page
    assert f'action="{POLICY}/sign"' in page
    assert f'action="{POLICY}/sign"' not in site.get(POLICY, who="minh").text
    assert site.post(f"/api/v1{POLICY}/sign", who="minh", json={"side": "worker", "agree": True}).status_code == 403
    assert site.post(f"{POLICY}/sign", who="hoa", data={"agree": "true", "text": "for the press only"}).status_code == 303
    found = site.get(f"/api/v1{POLICY}").json()
    assert (found["contested"], found["in_force"]["agreed_by"]) == (False, ["worker", "management"])
    assert next(one for one in found["levels"] if (one["type"], one["severity"]) == ("heat", "action"))["on_delay_s"] == 300


def test_a_stricter_policy_is_entered_by_a_form_and_its_words_are_read_in_their_language(site) -> None:
    answer = site.post(POLICY, data={"policy": STRICTER.replace(", responses: {vi: Cho nghỉ ở nơi mát}", ""), "reason": "early warning"})
    assert (answer.status_code, answer.headers["location"]) == (303, POLICY)
    assert "early warning" in site.get(POLICY).text
    assert site.get(f"/api/v1{POLICY}").json()["in_force"]["policy"]["alarms"] == {"heat": {"action": {"margin": 0.5}}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alarms: {heat: {stop: {on_delay_s: 60}}}", "on_delay_s"),
        ("alarms: {nothing: {stop: {}}}", "nothing"),
        ("alarms: [", "policy"),
        ("paging: {stop: [officer]}", "paging.stop"),
    ],
)
def test_what_no_site_may_agree_to_is_said_on_the_page_with_the_text_kept(standing, text: str, said: str) -> None:
    answer = standing.post(POLICY, data={"policy": text, "reason": "try"})
    assert answer.status_code == 422
    assert said in re.search(r'<p class="notice bad" role="alert"[^>]*>([^<]*)', answer.text)[1]
    assert text.split(":", maxsplit=1)[0] in re.search(r'<textarea name="policy"[^>]*>([^<]*)', answer.text)[1]


@pytest.mark.parametrize("who", ["tran", "lee", "root"])
def test_who_only_reads_is_refused_and_sees_no_form(standing, who: str) -> None:
    assert standing.request("PUT", f"/api/v1{POLICY}", who=who, json=SLOWER).status_code == 403
    assert standing.get(POLICY, who=who).text.count("<form") == 1


def test_the_figures_are_those_of_the_api_and_none_is_of_a_person(standing) -> None:
    found = standing.get(f"/api/v1{KPIS}").json()
    assert {"alarms", "per_shift_p95", "periods_over_10", "peak_10_min", "stale", "chattering"} <= {one["id"] for one in found["figures"]}
    assert all(one["definition"] for one in found["figures"])
    assert next(one for one in found["figures"] if one["id"] == "alarms")["value"] > 0
    page = standing.get(KPIS).text
    assert "Alarms in an officer&#39;s shift, 95th percentile" in page or "Alarms in an officer's shift, 95th percentile" in page
    assert "linh" not in page.replace('<strong translate="no">linh</strong>', "")


@pytest.mark.parametrize("query", ["from=2026-11-24&to=2026-11-20", "from=2020-01-01&to=2026-11-20", "from=yesterday"])
def test_a_wrong_period_is_refused(standing, query: str) -> None:
    assert standing.get(f"{KPIS}?{query}").status_code == 422


def test_figures_and_policy_of_another_site_are_not_there(standing) -> None:
    for path in ("/api/v1/sites/k1/alarm-policy", "/api/v1/sites/k1/alarm-kpis", "/sites/k1/alarm-policy", "/sites/k1/alarm-kpis"):
        assert standing.get(path).status_code == 404


def test_a_notice_is_in_no_list_of_alarms_until_it_is_asked_for(site) -> None:
    from domain.hazards import Severity

    id = site.factory.raise_alert("f1.ironing-1", "heat", "late_excursion", Severity.NOTICE)
    assert id not in site.get("/alerts").text
    assert id in site.get("/alerts?severity=notice").text


@pytest.mark.parametrize("path", ["/alarms", POLICY, KPIS, "/alerts", "/reviews", "/sites/f1/committee", "/sites/f1/boards", "/sites/f1/concerns", "/notifications", "/login"])
def test_each_page_of_alerts_and_committee_names_the_version_that_made_it(standing, path: str) -> None:
    assert re.search(r"Oshwatch \d+\.\d+", standing.get(path).text), path
