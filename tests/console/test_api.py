"""The REST interface of contract 4 beside readings: field by field where other programs rely on it."""

from __future__ import annotations

import json

import msgspec
import pytest

from assess.live import LiveWindow
from domain.hazards import Severity, ZoneStatus
from domain.messages import Status
from domain.quality import Reason
from domain.times import HOUR_US, MINUTE_US, parse_instant
from domain.verdict import Verdict
from storage.records.agents import AgentsRepository
from storage.records.ledger import LedgerBatch, LedgerRepository, QuarantineRow
from storage.records.people import PeopleRepository
from storage.records.verdicts import VerdictRepository
from storage.records.zone_states import ZoneStatesRepository


def test_a_site_says_where_and_when_it_works(standing) -> None:
    site = standing.get("/api/v1/sites/f1").json()
    assert (site["id"], site["name"], site["timezone"], site["country"], site["status"]) == ("f1", "Sunrise Garments", "Asia/Ho_Chi_Minh", "VN", "stop")
    assert site["shifts"][0]["breaks"] == [["11:30", "12:15"]]


def test_zones_carry_what_results_rest_on_and_hide_small_groups(standing) -> None:
    zones = {zone["id"]: zone for zone in standing.get("/api/v1/sites/f1/zones").json()["items"]}
    assert zones["f1.ironing-1"]["metabolic_rate_w"] == 300
    assert zones["f1.ironing-1"]["workers"] == {"women": 41, "men": 9, "suppressed": False}
    assert zones["f1.gluing"]["workers"] == {"women": None, "men": None, "suppressed": True}
    assert zones["f1.boiler"]["status"] == "unknown"


def test_channels_carry_unit_interval_and_instrument(standing) -> None:
    channel = standing.get("/api/v1/zones/f1.ironing-1/channels").json()["items"][0]
    assert (channel["id"], channel["unit"], channel["interval_s"]) == ("agent-ironing-1.ironing-1.air_temperature", "Cel", 10)
    assert channel["instrument"]["model"] == "sht45"


def test_now_says_status_values_age_and_what_to_do(standing) -> None:
    now = standing.get("/api/v1/zones/f1.ironing-1/now").json()
    assert {"zone", "status", "since", "channels", "verdicts", "suspects", "forecasts", "advice"} <= set(now)
    assert (now["status"], now["hazards"]) == ("stop", {"heat": "stop"})
    assert now["advice"].startswith("Stop work here")
    value = next(channel for channel in now["channels"] if channel["quantity"] == "air_temperature")
    assert value["r"] == [Reason.SIMULATED]
    assert 0 <= value["age_s"] < 60
    assert now["simulated"]


def test_within_needs_no_advice_and_suspects_change_nothing(standing) -> None:
    now = standing.get("/api/v1/zones/f1.cutting-a/now").json()
    assert (now["status"], now["advice"]) == ("within", "")
    assert [(suspect["kind"], suspect["fault_type"]) for suspect in now["suspects"]] == [("fault", "flat_line")]


def test_a_silent_zone_is_unknown_with_its_last_value_and_age(standing) -> None:
    now = standing.get("/api/v1/zones/f1.boiler/now").json()
    assert now["status"] == "unknown"
    assert all(not channel["fresh"] and channel["age_s"] > 43 * 60 for channel in now["channels"])
    assert len(now["silent"]) == 2


def test_windows_carry_their_times_as_the_contract_writes_them(standing) -> None:
    window = standing.get("/api/v1/zones/f1.cutting-a/now").json()["windows"][0]
    assert list(window) == [
        "hazard", "metric", "placement", "channels", "start", "stop", "value", "low", "high", "unit", "limit", "action_from", "stop_from", "status", "proven", "coverage", "reasons",
    ]  # fmt: skip
    assert parse_instant(window["stop"]) - parse_instant(window["start"]) == HOUR_US


def test_a_sensor_that_only_says_that_it_cannot_read_grows_old_and_silent(site) -> None:
    channel = "agent-boiler.boiler.air_temperature"
    site.factory.store(channel, None, q=1, r=(Reason.HW_FAILURE,))
    now = site.get("/api/v1/zones/f1.boiler/now").json()
    shown = next(shown for shown in now["channels"] if shown["channel"] == channel)
    assert channel in now["silent"]
    assert (shown["fresh"], shown["value"] is not None, shown["age_s"] > 43 * 60) == (False, True, True)
    assert (shown["q"], shown["r"]) == (1, [Reason.HW_FAILURE])
    assert "hardware failure" in site.get("/zones/f1.boiler").text


def test_a_state_that_nobody_computes_any_more_is_unknown(site) -> None:
    row = ZoneStatesRepository(site.factory.engine).get("f1.cutting-a")
    live = json.loads(row.body)
    windows = [msgspec.convert(window, LiveWindow) for window in live["windows"]]
    site.factory.zone_state("f1.cutting-a", ZoneStatus.WITHIN, windows, at_us=site.factory.clock.now_us() - 4 * MINUTE_US)
    now = site.get("/api/v1/zones/f1.cutting-a/now").json()
    assert (now["status"], now["windows"], now["since"]) == ("unknown", [], None)
    assert now["advice"].startswith("No data is not safe")


def test_exposures_have_every_field_of_the_contract(standing) -> None:
    items = standing.get("/api/v1/sites/f1/exposures").json()["items"]
    assert len(items) == 6
    for item in items:
        assert set(Verdict.__struct_encode_fields__) <= set(item)
    noise = next(item for item in items if item["hazard"] == "noise" and item["zone"] == "f1.sewing-2")
    assert (noise["value"], noise["state"], noise["limit"]["value"]) == (112.0, "indeterminate", 100.0)


@pytest.mark.parametrize(
    ("query", "number"), [("zone=ironing-1", 1), ("zone=f1.ironing-1", 1), ("hazard=noise", 2), ("date=2026-11-25", 6), ("date=2026-11-20", 0), ("hazard=dust", 0)]
)
def test_exposures_are_filtered(standing, query: str, number: int) -> None:
    assert len(standing.get(f"/api/v1/sites/f1/exposures?{query}").json()["items"]) == number


@pytest.mark.parametrize(("query", "field"), [("date=tomorrow", "date"), ("revisions=some", "revisions")])
def test_wrong_filters_are_named(standing, query: str, field: str) -> None:
    answer = standing.get(f"/api/v1/sites/f1/exposures?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_the_latest_revision_is_shown_and_all_on_demand(site) -> None:
    repository = VerdictRepository(site.factory.engine)
    verdict = repository.latest(site="f1", zones=["f1.ironing-1"])[0].verdict
    repository.save(msgspec.structs.replace(verdict, value=31.5), final=True, why="late data", computed_us=1, new_revision=True)
    latest = site.get("/api/v1/sites/f1/exposures?zone=ironing-1").json()["items"]
    every = site.get("/api/v1/sites/f1/exposures?zone=ironing-1&revisions=all").json()["items"]
    assert [(item["revision"], item["value"]) for item in latest] == [(2, 31.5)]
    assert [item["revision"] for item in every] == [1, 2]


def alerts(site, query: str = "") -> list[dict]:
    return site.get(f"/api/v1/alerts{query}").json()["items"]


def test_an_alert_is_acknowledged_in_the_name_of_who_is_logged_in(site) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "stop")
    answer = site.post(f"/api/v1/alerts/{alert['id']}/acknowledge", who="hoa", json={"text": "people are out"}).json()
    assert answer["acknowledged"] | {"at": ""} == {"by": "hoa", "role": "worker_representative", "side": "worker", "at": "", "text": "people are out"}
    assert answer["state"] == "acknowledged"
    assert answer["revision"] == alert["revision"] + 1


@pytest.mark.parametrize(("action", "body"), [("comment", {}), ("confirm", {"text": " "}), ("shelve", {"minutes": 30})])
def test_a_reason_is_asked_for_where_the_standard_wants_one(site, action: str, body: dict) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "action")
    answer = site.post(f"/api/v1/alerts/{alert['id']}/{action}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "text")
    assert "sentence" in answer.json()["detail"]


@pytest.mark.parametrize("action", ["unshelve", "reset", "return-to-service"])
def test_what_does_not_fit_the_state_of_an_alert_is_a_conflict(site, action: str) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "action")
    assert site.post(f"/api/v1/alerts/{alert['id']}/{action}", json={"text": "x"}).status_code == 409


def test_what_a_role_may_not_do_is_forbidden(site) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "action")
    assert site.post(f"/api/v1/alerts/{alert['id']}/out-of-service", who="hoa", json={"text": "x"}).status_code == 403


def test_a_stop_level_alert_is_never_shelved(site) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "stop")
    answer = site.post(f"/api/v1/alerts/{alert['id']}/shelve", json={"text": "too loud", "minutes": 30})
    assert (answer.status_code, "never shelved" in answer.json()["detail"]) == (403, True)


def test_shelving_and_its_end(site) -> None:
    alert = next(alert for alert in alerts(site) if alert["severity"] == "action")
    shelved = site.post(f"/api/v1/alerts/{alert['id']}/shelve", json={"text": "being repaired", "minutes": 30}).json()
    assert (shelved["suppression"], shelved["state"]) == ("shelved", "shelved")
    assert site.post(f"/api/v1/alerts/{alert['id']}/unshelve").json()["suppression"] == "none"


@pytest.mark.parametrize("body", [b"{", b'"text"', b'{"text":3}', b'{"comment":"x"}', b'{"minutes":"many"}', b"\xff", b'{"text":"' + b"x" * 20_000 + b'"}'])
def test_a_body_that_is_no_such_body_is_refused(standing, body: bytes) -> None:
    alert = alerts(standing)[0]["id"]
    answer = standing.post(f"/api/v1/alerts/{alert}/acknowledge", content=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")


def test_an_action_that_does_not_exist_is_not_found(standing) -> None:
    answer = standing.post(f"/api/v1/alerts/{alerts(standing)[0]['id']}/delete", json={"text": "x"})
    assert answer.status_code == 404


@pytest.mark.parametrize(("query", "number"), [("?severity=stop", 1), ("?state=unacknowledged", 3), ("?state=closed", 0), ("?since=2026-11-25T03:42:00Z", 0), ("?site=f1", 3)])
def test_alerts_are_filtered(standing, query: str, number: int) -> None:
    assert len(alerts(standing, query)) == number


@pytest.mark.parametrize(("query", "field"), [("severity=high", "severity"), ("state=sleeping", "state"), ("since=dawn", "since"), ("cursor=a-b", "cursor")])
def test_wrong_alert_filters_are_named(standing, query: str, field: str) -> None:
    answer = standing.get(f"/api/v1/alerts?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_alerts_come_in_pages(standing) -> None:
    first = standing.get("/api/v1/alerts?limit=2").json()
    rest = standing.get(f"/api/v1/alerts?limit=2&cursor={first['next']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_devices_waiting_to_be_enrolled_are_shown_to_who_can_enrol_them(standing) -> None:
    waiting = {who: [agent["agent"] for agent in standing.get("/api/v1/agents", who=who).json()["items"] if not agent["enrolled"]] for who in ("linh", "root", "lee")}
    assert waiting == {"linh": [], "root": ["agent-stranger"], "lee": ["agent-stranger"]}


def test_a_device_that_has_gone_silent_is_shown_offline_as_alerts_say(site) -> None:
    AgentsRepository(site.factory.engine).status("agent-late", Status(state="online", boot="b1", at=1.0), site.factory.clock.now_us() - 6 * MINUTE_US)
    device = next(device for device in site.get("/api/v1/agents", who="lee").json()["items"] if device["agent"] == "agent-late")
    assert (device["state"], device["since"]) == ("offline", device["last_seen"])
    page = site.get("/equipment", who="lee").text
    row = page[page.index("agent-late") :]
    assert "offline" in row[: row.index("</tr>")]


def test_devices_say_how_they_are(standing) -> None:
    agents = {agent["agent"]: agent for agent in standing.get("/api/v1/agents").json()["items"]}
    assert "agent-k" not in agents
    assert (agents["agent-boiler"]["state"], agents["agent-gluing"]["state"], agents["agent-gluing"]["version"]) == ("offline", "online", "0.1.0")


@pytest.fixture
def refused(site):
    rows = [
        QuarantineRow(agent="agent-gluing", site="f1", boot="b1", seq=7, refusal="wrong unit", detail="unit 'F'", payload=b"[]", whole=False, digest=b"1"),
        QuarantineRow(agent="agent-stranger", site="", boot="b1", seq=8, refusal="unknown agent", detail="", payload=b"[]", whole=True, digest=b"2"),
        QuarantineRow(agent="agent-k", site="k1", boot="b1", seq=9, refusal="not finite", detail="", payload=b"[]", whole=True, digest=b"3"),
    ]
    LedgerRepository(site.factory.engine).commit(LedgerBatch(arrived_us=site.factory.clock.now_us(), quarantine=rows))
    return site


def test_what_was_refused_is_shown_with_its_reason(refused) -> None:
    (item,) = refused.get("/api/v1/quarantine").json()["items"]
    assert (item["agent"], item["reason"], item["detail"], item["state"], item["bytes"]) == ("agent-gluing", "wrong unit", "unit 'F'", "held", 2)
    assert {item["agent"] for item in refused.get("/api/v1/quarantine", who="root").json()["items"]} == {"agent-gluing", "agent-stranger"}
    assert len(refused.get("/api/v1/quarantine", who="lee").json()["items"]) == 3


def test_a_retry_is_passed_on_to_ingest_and_audited(refused) -> None:
    (item,) = refused.get("/api/v1/quarantine").json()["items"]
    assert refused.post(f"/api/v1/quarantine/{item['id']}/retry").json()["id"] == item["id"]
    assert refused.factory.retried == [item["id"]]
    entry = PeopleRepository(refused.factory.engine).audit_entries(1)[0]
    assert (entry.by, entry.action, entry.subject) == ("linh", "quarantine retried", str(item["id"]))


def test_a_foreign_entry_cannot_be_retried(refused) -> None:
    foreign = next(item["id"] for item in refused.get("/api/v1/quarantine", who="lee").json()["items"] if item["agent"] == "agent-k")
    assert refused.post(f"/api/v1/quarantine/{foreign}/retry", who="linh").status_code == 404
    assert refused.post("/api/v1/quarantine/999/retry", who="linh").status_code == 404
    assert refused.factory.retried == []


def test_a_raised_alert_has_the_shape_of_the_contract(site) -> None:
    id = site.factory.raise_alert("f1.gluing", "air_quality", "ventilation", Severity.ACTION, value=1250.0, unit="ppm")
    alert = site.get(f"/api/v1/alerts/{id}").json()
    assert set(alert) == {
        "id", "site", "zone", "hazard", "channel", "type", "severity", "condition", "acknowledgements", "acknowledged", "latched", "suppression", "confirmed", "state",
        "raised_at", "returned_at", "respond_by", "value", "unit", "limit", "evidence", "simulated", "revision",
    }  # fmt: skip
    assert parse_instant(alert["raised_at"]) < site.factory.clock.now_us()
