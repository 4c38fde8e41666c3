"""Records that change a verdict, by REST: dated, authored, checked by field, and signed by the side that signs."""

from __future__ import annotations

import pytest

CHANNEL = "/api/v1/channels/agent-ironing-1.ironing-1.air_temperature/calibrations"
NOISE = "/api/v1/channels/agent-sewing-1.sewing-1.sound_level_a_eq/calibrations"
HEADCOUNT, WORK, LAB = (f"/api/v1/zones/f1.ironing-1/{name}" for name in ("headcount", "work", "lab-results"))
PLAN = "/api/v1/sites/f1/monitoring-plan"
GOOD = {
    "type": "zero",
    "performed_at": "2026-11-24T02:00:00Z",
    "offset": 0.4,
    "gain": 1.0,
    "next_due": "2027-11-24",
    "by": "Quatest 3",
    "certificate": "Q3-881",
    "reason": "yearly",
}
SAMPLE = {
    "agent": "50-00-0", "method": "NIOSH 2016", "value": 0.02, "qualifier": "<", "unit": "ppm", "loq": 0.02, "start": "2026-11-24T01:00:00Z", "stop": "2026-11-24T05:00:00Z",
    "basis": "personal", "laboratory": "Vinacontrol", "flow_pre_l_min": 0.20, "flow_post_l_min": 0.18, "pump_serial": "P-7", "sampler_serial": "S-1", "custody": ["officer", "courier"],
    "task": "ironing",
}  # fmt: skip


def errors(answer) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [error["field"] for error in answer.json().get("errors", [])]


def test_a_calibration_is_appended_with_its_author(site) -> None:
    answer = site.post(CHANNEL, json=GOOD)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["author"], made["by"], made["pass"], made["reason"]) == ("in_date", "linh", "Quatest 3", True, "yearly")
    assert site.post(CHANNEL, json=GOOD).json()["id"] == made["id"]
    listed = site.get(CHANNEL, who="tran").json()
    assert (listed["state"], [item["id"] for item in listed["items"]], listed["next"]) == ("in_date", [made["id"]], None)


def test_readings_and_trend_take_a_calibration_that_lowers_them_once_both_sides_agree(site) -> None:
    waits = "waits for agreement: of the values with and without it the higher is drawn"

    def lowered():
        path = CHANNEL.replace("calibrations", "readings")
        shown, raw = (site.get(f"{path}?limit=1{raw}").json()["items"][0]["value"] for raw in ("", "&raw=true"))
        page = site.get("/zones/f1.ironing-1?trend=f1.ironing-1/ironing-1/air_temperature").text
        drawn = [value for value in site.get("/zones/f1.ironing-1/trend.json?show=f1.ironing-1/ironing-1/air_temperature").json()["values"] if value is not None]
        return raw - shown, waits in page, [round(value, 2) for value in drawn[:30]]

    _, is_said, before = lowered()
    assert not is_said
    site.post(CHANNEL, json={**GOOD, "performed_at": "2026-11-01T02:00:00Z"})
    assert lowered() == (0.0, True, before)
    (change,) = site.get("/api/v1/sites/f1/changes").json()["items"]
    site.post(f"/api/v1/sites/f1/changes/{change['id']}/agree", who="hoa", json={"agree": True})
    lower, is_said, drawn = lowered()
    assert (round(lower, 6), is_said) == (0.4, False)
    assert drawn == pytest.approx([value - 0.4 for value in before], abs=0.011)


def test_a_calibration_that_says_that_an_instrument_is_right_waits_for_the_sides(site) -> None:
    def waiting():
        return [(one["changes"][0]["kind"], one["changes"][0]["name"], one["contested"], one["waiting_for"]) for one in site.get("/api/v1/sites/f1/changes").json()["items"]]

    name = "calibration agent-ironing-1.ironing-1.air_temperature"
    assert waiting() == []
    assert site.post(CHANNEL, json=GOOD).status_code == site.post(CHANNEL, json=GOOD).status_code == 201
    assert waiting() == [("calibration", name, True, ["worker"])]
    (change,) = site.get("/api/v1/sites/f1/changes").json()["items"]
    assert (change["author"], change["reason"], change["changes"][0]["is_now"]) == ("linh", "yearly", "zero 2026-11-24T02:00:00Z (offset 0.4, gain 1)")
    assert site.post(f"/api/v1/sites/f1/changes/{change['id']}/agree", who="hoa", json={"agree": True}).status_code == 200
    assert waiting() == [("calibration", name, False, [])]
    assert site.post(CHANNEL, json={**GOOD, "type": "field_check", "offset": 0.0, "pass": False}).status_code == 201
    assert len(waiting()) == 1


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"next_due": "2026-11-25"}, "overdue"),
        ({"next_due": "2026-12-05"}, "due"),
        ({"pass": False, "type": "field_check", "offset": 0.0}, "failed"),
        ({"next_due": None}, "in_date"),
    ],
)
def test_each_record_has_its_state_today(site, changes, state) -> None:
    assert site.post(CHANNEL, json={**GOOD, **changes}).json()["state"] == state
    assert site.get(CHANNEL).json()["state"] == state


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"performed_at": "2026-11-25T09:00:00Z"}, "performed_at"),
        ({"performed_at": "last week"}, "performed_at"),
        ({"next_due": "2026-11-24T02:00:00Z"}, "next_due"),
        ({"gain": 0}, "gain"),
        ({"gain": -1.0}, "gain"),
        ({"gain": "1"}, "gain"),
        ({"type": "guess"}, "type"),
        ({"type": "bump"}, "offset"),
        ({"serial": "x"}, "serial"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused_by_its_field(site, changes, field) -> None:
    answer = site.post(CHANNEL, json={**GOOD, **changes})
    assert (answer.status_code, errors(answer)) == (422, [field])
    assert site.get(CHANNEL).json()["items"] == []


def test_a_gain_on_decibels_is_refused_and_an_offset_is_taken(site) -> None:
    assert errors(site.post(NOISE, json={**GOOD, "type": "acoustic", "gain": 1.02})) == ["gain"]
    assert site.post(NOISE, json={**GOOD, "type": "acoustic"}).status_code == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"null"])
@pytest.mark.parametrize(("method", "path"), [("POST", CHANNEL), ("POST", LAB), ("PUT", HEADCOUNT), ("PUT", WORK), ("PUT", PLAN)])
def test_bytes_that_are_no_record_are_a_problem(standing, method, path, body) -> None:
    answer = standing.request(method, path, content=body)
    assert answer.status_code == 422
    assert errors(answer)


@pytest.mark.parametrize("who", ["hoa", "minh", "tran", "lee", "root"])
@pytest.mark.parametrize(("method", "path", "body"), [("POST", CHANNEL, GOOD), ("POST", LAB, SAMPLE), ("PUT", HEADCOUNT, {"women": 1, "men": 1}), ("PUT", WORK, {})])
def test_only_the_officer_enters_records(standing, who, method, path, body) -> None:
    assert standing.request(method, path, who=who, json=body).status_code == 403


@pytest.mark.parametrize("path", [CHANNEL.replace("agent-ironing-1.ironing-1.air_temperature", "agent-k.press.co2"), *(one.replace("f1.ironing-1", "k1.press") for one in (HEADCOUNT, WORK, LAB)), PLAN.replace("f1", "k1")])  # fmt: skip
def test_records_of_another_scope_do_not_exist(standing, path) -> None:
    assert standing.get(path).status_code == 404
    method = "PUT" if path.endswith(("headcount", "work", "plan")) else "POST"
    body = (
        {"women": 1, "men": 1}
        if path.endswith("headcount")
        else {"rows": []}
        if path.endswith("plan")
        else {"clothing": "work_clothes"}
        if path.endswith("work")
        else SAMPLE
        if "lab" in path
        else GOOD
    )
    assert standing.request(method, path, json=body).status_code == 404


def test_a_higher_headcount_stands_at_once_and_a_lower_one_waits_for_the_worker_side(site) -> None:
    first = site.get(HEADCOUNT).json()
    assert (first["workers"]["women"], first["items"][0]["author"], first["items"][0]["valid_from"]) == (41, "test", None)
    more = site.request("PUT", HEADCOUNT, json={"women": 50, "men": 9, "reason": "new line"}).json()
    assert (more["workers"]["women"], more["contested"], more["items"][0]["reason"]) == (50, False, "new line")
    fewer = site.request("PUT", HEADCOUNT, json={"women": 30, "men": 9}).json()
    assert (fewer["workers"]["women"], fewer["contested"]) == (50, True)
    (proposed,) = fewer["proposed"]
    assert (proposed["agreed_by"], proposed["waiting_for"], proposed["stands"]) == (["management"], ["worker"], False)
    path = f"/api/v1/zones/f1.ironing-1/records/{proposed['id']}/agree"
    assert site.post(path, who="linh", json={}).status_code == 403
    assert site.post(path, who="minh", json={"side": "worker"}).status_code == 403
    refused = site.post(path, who="hoa", json={"agree": False, "text": "the night helpers are missing"}).json()
    assert (refused["stands"], refused["signatures"][-1]["text"]) == (False, "the night helpers are missing")
    assert site.get(HEADCOUNT).json()["contested"]
    assert site.post(path, who="hoa", json={}).json()["stands"]
    after = site.get(HEADCOUNT).json()
    assert (after["workers"]["women"], after["contested"], after["proposed"]) == (30, False, [])


def test_a_headcount_of_one_shift_leaves_the_others(site) -> None:
    found = site.request("PUT", HEADCOUNT, json={"women": 60, "men": 12, "shift": "A"}).json()
    assert (found["workers"]["women"], found["shifts"]["A"]["women"]) == (41, 60)
    assert errors(site.request("PUT", HEADCOUNT, json={"women": 60, "men": 12, "shift": "Z"})) == ["shift"]


def test_small_cells_are_suppressed_for_who_is_not_of_the_site(site) -> None:
    site.request("PUT", "/api/v1/zones/f1.gluing/headcount", json={"women": 41, "men": 4})
    assert site.get("/api/v1/zones/f1.gluing/headcount", who="hoa").json()["workers"] == {"women": 41, "men": 4, "suppressed": False}
    seen = site.get("/api/v1/zones/f1.gluing/headcount", who="tran").json()
    assert seen["workers"] == {"women": None, "men": None, "suppressed": True}
    assert all(item["workers"]["women"] is None for item in seen["items"])


@pytest.mark.parametrize(("body", "field"), [({"women": -1, "men": 0}, "women"), ({"women": 1}, "men"), ({"women": 1.5, "men": 0}, "women"), ({"women": 1, "men": 1, "name": "Hoa"}, "name"), ({"women": 1, "men": 1, "valid_from": "soon"}, "valid_from")])  # fmt: skip
def test_a_headcount_that_cannot_be_is_refused_by_its_field(standing, body, field) -> None:
    assert errors(standing.request("PUT", HEADCOUNT, json=body)) == [field]


@pytest.mark.parametrize(
    ("body", "stands"),
    [
        ({"metabolic_rate_w": 180}, False),
        ({"metabolic_rate_w": 360}, True),
        ({"metabolic_rate_measured": True}, False),
        ({"clothing": "double_layer"}, True),
        ({"acclimatised": "yes", "newcomers": 0}, False),
        ({"acclimatised": "no"}, True),
        ({"metabolic_rate_w": 360, "acclimatised": "yes", "newcomers": 2}, False),
    ],
)
def test_what_makes_heat_results_less_strict_waits_and_what_makes_them_stricter_stands(site, body, stands) -> None:
    before = site.get(WORK).json()
    found = site.request("PUT", WORK, json={**body, "reason": "walked through"}).json()
    assert (found["contested"], found["items"][0]["stands"]) == (not stands, stands)
    assert all(found[name] == (value if stands else before[name]) for name, value in body.items())


@pytest.mark.parametrize(
    ("body", "field"), [({}, "body"), ({"metabolic_rate_w": 20}, "metabolic_rate_w"), ({"clothing": "space suit"}, "clothing"), ({"acclimatised": "maybe"}, "acclimatised")]
)
def test_a_work_record_that_cannot_be_is_refused_by_its_field(standing, body, field) -> None:
    assert errors(standing.request("PUT", WORK, json=body)) == [field]


def test_a_lab_result_that_corrects_one_downwards_waits_for_the_other_side(site) -> None:
    def waiting():
        return [
            (one["changes"][0]["kind"], one["changes"][0]["was"], one["changes"][0]["is_now"], one["waiting_for"]) for one in site.get("/api/v1/sites/f1/changes").json()["items"]
        ]

    first = site.post(LAB, json={**SAMPLE, "value": 0.9, "qualifier": ""}).json()["id"]
    assert waiting() == []
    second = site.post(LAB, json={**SAMPLE, "value": 0.2, "qualifier": "", "supersedes": first}).json()["id"]
    assert waiting() == [("lab_result", "50-00-0 0.9 ppm", "50-00-0 0.2 ppm", ["worker"])]
    site.post(LAB, json={**SAMPLE, "value": 0.3, "qualifier": "", "supersedes": second})
    assert sorted(waiting())[1][1:3] == ("50-00-0 0.9 ppm", "50-00-0 0.3 ppm")  # by what both sides let stand, not by what waits


def test_a_lab_result_is_kept_with_what_makes_it_doubtful_and_superseded_by_another(site) -> None:
    made = site.post(LAB, json={**SAMPLE, "reason": "half-yearly"})
    assert made.status_code == 201
    first = made.json()
    assert (first["result"]["qualifier"], first["flow_differs_pct"], first["volume_l"], first["author"]) == ("<", 10.0, 45.6, "linh")
    assert "The flow before and after differs by more than 5 %." in first["doubtful"]
    second = site.post(LAB, json={**SAMPLE, "value": 0.03, "loq": 0.03, "supersedes": first["id"]}).json()
    found = site.get(LAB, who="hoa").json()["items"]
    assert [(item["id"], item["superseded_by"]) for item in found] == [(first["id"], second["id"]), (second["id"], None)]


@pytest.mark.parametrize(("changes", "field"), [({"agent": "50-00-1"}, "agent"), ({"worker_name": "Hoa"}, "worker_name"), ({"stop": "2026-11-24T01:00:00Z"}, "stop"), ({"basis": "somewhere"}, "basis"), ({"supersedes": 99}, "supersedes")])  # fmt: skip
def test_a_lab_result_that_cannot_be_is_refused_by_its_field(standing, changes, field) -> None:
    assert errors(standing.post(LAB, json={**SAMPLE, **changes})) == [field]


def test_without_a_plan_rows_are_proposed_from_hazards_and_sensors(standing) -> None:
    found = standing.get(PLAN).json()
    rows = {(row["zone"], row["hazard"]): row for row in found["rows"]}
    assert found["state"] == "none"
    assert all(row["proposal"] for row in rows.values())
    assert (rows[("f1.sewing-1", "noise")]["how"], rows[("f1.sewing-1", "heat")]["how"]) == ("sensor", "not_monitored")
    assert rows[("f1.sewing-1", "noise")]["height_m"] == 1.1
    assert {"zone": "f1.sewing-1", "hazard": "heat", "why": ""} in found["not_measured"]


def test_a_plan_comes_into_force_when_both_sides_have_signed_it(site) -> None:
    rows = [
        {"zone": "sewing-1", "hazard": "noise", "how": "sensor", "channels": ["agent-sewing-1.sewing-1.sound_level_a_eq"], "why": "between the two loudest machines"},
        {"zone": "sewing-1", "hazard": "heat", "how": "not_monitored", "why": "air-conditioned"},
        {"zone": "gluing", "hazard": "chemical:108-88-3", "how": "lab_sample", "every": "every 6 months"},
        {"zone": "gluing", "hazard": "noise", "how": "not_monitored", "why": "no meter yet"},
    ]
    put = site.request("PUT", PLAN, json={"rows": rows, "reason": "first plan"}).json()
    assert (put["state"], put["waiting"]["waiting_for"], put["waiting"]["author"]) == ("waiting", ["worker", "management"], "linh")
    one = site.request("PUT", PLAN, who="hoa", json={"rows": put["waiting"]["rows"] and rows, "signatures": [{"side": "worker", "agree": True, "text": "seen"}]}).json()
    assert (one["state"], one["waiting"]["agreed_by"]) == ("waiting", ["worker"])
    both = site.post(f"{PLAN}/sign", who="minh", json={"agree": True}).json()
    assert (both["state"], both["in_force"]["agreed_by"], both["waiting"]) == ("in_force", ["worker", "management"], None)
    assert {"zone": "f1.gluing", "hazard": "noise", "why": "no meter yet"} in both["not_measured"]
    assert not any(row["proposal"] for row in both["rows"])
    other = site.request("PUT", PLAN, json={"rows": rows[:1]}).json()
    assert (other["state"], len(other["in_force"]["rows"]), len(other["waiting"]["rows"])) == ("in_force", 4, 1)


@pytest.mark.parametrize(("who", "side"), [("linh", "management"), ("linh", "worker"), ("hoa", "management"), ("minh", "worker")])
def test_one_side_cannot_sign_for_the_other(standing, who, side) -> None:
    rows = [{"zone": "sewing-1", "hazard": "noise", "how": "sensor"}]
    assert standing.request("PUT", PLAN, who=who, json={"rows": rows, "signatures": [{"side": side}]}).status_code == 403
    assert standing.post(f"{PLAN}/sign", who=who, json={"side": side}).status_code == 403


@pytest.mark.parametrize("who", ["tran", "lee", "root"])
def test_inspector_programme_and_administrator_only_read_the_plan(standing, who) -> None:
    assert standing.get(PLAN, who=who).status_code == 200
    assert standing.request("PUT", PLAN, who=who, json={"rows": []}).status_code == 403
    assert standing.post(f"{PLAN}/sign", who=who, json={}).status_code == 403


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"zone": "k1.press"}, "rows[0].zone"),
        ({"hazard": "ghosts"}, "rows[0].hazard"),
        ({"channels": ["agent-gluing.gluing.co2"]}, "rows[0].channels"),
        ({"how": "not_monitored"}, "rows[0].why"),
        ({"how": "lab_sample"}, "rows[0].every"),
        ({"how": "hope"}, "rows[0].how"),
        ({"photo_sha256": "x"}, "rows[0].photo_sha256"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_place(standing, row, field) -> None:
    answer = standing.request("PUT", PLAN, json={"rows": [{"zone": "sewing-1", "hazard": "noise", "how": "sensor", **row}]})
    assert (answer.status_code, errors(answer)) == (422, [field])
