"""Changes of imports, overtime, registers and the further values of a zone, by REST: dated, authored, checked by field, signed by the side that signs."""

from __future__ import annotations

import time

import msgspec
import pytest

from domain.registry import SiteFile
from storage.records.registry import RegistryRepository

API = "/api/v1"
CHANGES, SUBSTANCES, WASTE = (f"{API}/sites/f1/{name}" for name in ("changes", "substances", "waste"))
OVERTIME, WORK, HEADCOUNT = (f"{API}/zones/f1.ironing-1/{name}" for name in ("overtime", "work", "headcount"))
PLAN = f"{API}/sites/f1/monitoring-plan"
TOLUENE = {
    "name": "Toluene, technical", "cas": "108-88-3", "supplier": "Hoa Chat JSC", "sds_date": "2026-01-10", "sds_sha256": "a" * 64, "amount": 20, "unit": "l", "storage": "cage 2",
    "zones": ["gluing"], "reason": "stock-taking",
}  # fmt: skip
EVENING = {"shift": "A", "start": "2026-11-24T16:30:00+07:00", "stop": "2026-11-24T18:30:00+07:00", "reason": "urgent order"}


def fields_of(answer) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json()["errors"]]


def imported(site, change) -> None:
    """The factory's file again, changed."""
    repository = RegistryRepository(site.factory.engine)
    now_us = site.factory.clock.now_us()
    file = msgspec.to_builtins(repository.export("f1", now_us))
    change(file)
    repository.import_file(msgspec.convert(file, SiteFile), valid_from_us=None, author="boss", reason="new figures", now_us=now_us)
    time.sleep(1.1)  # the console looks at the registry once a second


def put(site, path: str, **options):
    return site.request("PUT", path, **options)


def cooler(file) -> None:
    file["zones"][2]["metabolic_rate_w"] = 180.0


def test_an_import_that_makes_results_milder_waits_for_both_sides(site) -> None:
    assert site.get(CHANGES).json() == {"items": [], "next": None}
    imported(site, cooler)
    (change,) = site.get(CHANGES, who="tran").json()["items"]
    assert (change["contested"], change["waiting_for"], change["author"], change["reason"]) == (True, ["worker", "management"], "boss", "new figures")
    assert [(one["id"], one["name"], one["was"], one["is_now"]) for one in change["changes"]] == [("f1.ironing-1", "metabolic_rate_w", "300", "180")]
    assert site.get(WORK).json()["metabolic_rate_w"] == 180
    path = f"{CHANGES}/{change['id']}/agree"
    assert site.post(path, json={"agree": True}).status_code == 403
    assert site.post(path, who="minh", json={"side": "worker"}).status_code == 403
    for who, waiting in (("minh", ["worker"]), ("hoa", [])):
        answer = site.post(path, who=who, json={"agree": True, "text": "measured together"}).json()
        assert (answer["waiting_for"], answer["contested"]) == (waiting, bool(waiting))
    assert site.post(path, who="hoa", json={"agree": False}).json()["contested"]
    assert site.post(f"{CHANGES}/chg-0/agree", who="hoa", json={}).status_code == 404


def test_overtime_is_entered_by_any_side_and_taken_back_by_both(site) -> None:
    made = site.post(OVERTIME, who="hoa", json=EVENING)
    assert made.status_code == 201
    record = made.json()
    assert (record["date"], record["minutes"], record["stands"], record["author"], record["reason"]) == ("2026-11-24", 120, True, "hoa", "urgent order")
    assert site.post(OVERTIME, who="hoa", json=EVENING).json()["id"] == record["id"]
    assert len(site.get(OVERTIME, who="tran").json()["items"]) == 1
    path = f"{OVERTIME}/{record['id']}/withdraw"
    assert site.post(path, json={}).status_code == 403
    assert site.post(path, who="minh", json={"text": "nobody stayed"}).json()["stands"]
    assert not site.post(path, who="hoa", json={"text": "wrong day"}).json()["stands"]
    assert site.post(path, who="hoa", json={}).status_code == 409


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop": "2026-11-24T16:00:00+07:00"}, "stop"),
        ({"stop": "2026-11-25T16:00:00+07:00"}, "stop"),
        ({"stop": "2026-11-25T08:00:00+07:00"}, "start"),  # into the next shift
        ({"start": "2026-12-24T16:30:00+07:00", "stop": "2026-12-24T17:00:00+07:00"}, "start"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-11-24T16:30:00"}, "start"),
        ({"date": "2026-11-18"}, "date"),
        ({"date": "tuesday"}, "date"),
        ({"shift": " "}, "shift"),
        ({"worker": "Lan"}, "worker"),
    ],
)
def test_overtime_that_cannot_be_is_refused_by_its_field(site, changes, field) -> None:
    assert fields_of(site.post(OVERTIME, json={**EVENING, **changes})) == [field]
    assert site.get(OVERTIME).json()["items"] == []


def test_a_substance_is_listed_replaced_and_retired_and_never_gone(site) -> None:
    first = site.post(SUBSTANCES, json=TOLUENE).json()
    assert (first["zones"], first["author"], first["reason"], first["until"]) == (["f1.gluing"], "linh", "stock-taking", None)
    second = site.post(SUBSTANCES, json={**TOLUENE, "amount": 5, "replaces": first["id"]}).json()
    standing, replaced = site.get(SUBSTANCES, who="tran").json()["items"]
    assert (standing["id"], standing["amount"], replaced["id"], replaced["until"] is not None) == (second["id"], 5, first["id"], True)
    assert fields_of(site.post(f"{SUBSTANCES}/{second['id']}/retire", json={})) == ["reason"]
    assert site.post(f"{SUBSTANCES}/{second['id']}/retire", json={"reason": "used up"}).json()["retired_reason"] == "used up"
    assert site.post(f"{SUBSTANCES}/{second['id']}/retire", json={"reason": "used up"}).status_code == 409
    assert site.post(f"{SUBSTANCES}/sub-0/retire", json={"reason": "x"}).status_code == 404
    assert [one["until"] is None for one in site.get(SUBSTANCES).json()["items"]] == [False, False]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cas": "108-88-4"}, "cas"),
        ({"cas": ""}, "cas"),
        ({"cas": "toluene"}, "cas"),
        ({"name": "  "}, "name"),
        ({"amount": -1}, "amount"),
        ({"unit": "bottles"}, "unit"),
        ({"sds_date": "2027-01-01"}, "sds_date"),
        ({"sds_date": "last year"}, "sds_date"),
        ({"sds_sha256": "abc"}, "sds_sha256"),
        ({"zones": ["gluing", "attic"]}, "zones[1]"),
        ({"replaces": "sub-1"}, "replaces"),
        ({"mixture": [{"cas": "108-88-3", "least_share": 0.6, "most_share": 0.4}]}, "mixture[0].most_share"),
        ({"mixture": [{"cas": "108-88-3", "most_share": 0.4}]}, "mixture"),
        ({"mixture": [{"cas": "108-88-3"}, {"cas": "108-88-3"}]}, "mixture[1].cas"),
        ({"mixture": [{"cas": "108-88-3", "response_factor": 0}]}, "mixture[0].response_factor"),
        ({"worker": "Lan"}, "worker"),
    ],
)
def test_a_substance_that_cannot_be_is_refused_by_its_field(site, changes, field) -> None:
    assert fields_of(site.post(SUBSTANCES, json={**TOLUENE, **changes})) == [field]
    assert site.get(SUBSTANCES).json()["items"] == []


def test_what_is_used_is_proposed_for_the_plan_and_said_not_to_be_measured(site) -> None:
    glue = {"name": "Contact glue", "mixture": [{"cas": "108-88-3", "most_share": 0.8, "response_factor": 0.5}, {"cas": "110-54-3", "most_share": 0.6}], "zones": ["gluing"]}
    site.post(SUBSTANCES, json=glue)
    site.post(SUBSTANCES, json={"name": "Formalin", "cas": "50-00-0", "zones": ["sewing-1"]})
    plan = site.get(PLAN).json()
    rows = {(row["zone"], row["hazard"]): (row["how"], row["why"]) for row in plan["rows"]}
    assert rows[("f1.gluing", "chemical:108-88-3")] == rows[("f1.gluing", "chemical:110-54-3")] == ("not_monitored", "register: Contact glue")
    assert rows[("f1.sewing-1", "gas:formaldehyde")] == ("not_monitored", "register: Formalin")
    assert ("f1.gluing", "chemical:108-88-3") in {(one["zone"], one["hazard"]) for one in plan["not_measured"]}


def test_a_process_proposes_its_hazards(site) -> None:
    imported(site, lambda file: file["zones"][3].update(process="sewing"))
    rows = {(row["zone"], row["hazard"]): row["how"] for row in site.get(PLAN).json()["rows"]}
    assert (rows[("f1.sewing-1", "dust")], rows[("f1.sewing-1", "noise")]) == ("not_monitored", "sensor")


def test_waste_is_kept_with_who_took_it(site) -> None:
    made = site.post(WASTE, json={"kind": "Solvent rags", "amount": 30, "container": "drum 4", "last_pick_up": "2026-11-02", "taken_by": "URENCO", "zones": ["gluing"]})
    assert made.status_code == 201
    assert site.get(WASTE, who="hoa").json()["items"][0]["taken_by"] == "URENCO"
    assert fields_of(site.post(WASTE, json={"kind": "Sludge", "taken_by": "URENCO"})) == ["last_pick_up"]
    assert fields_of(site.post(WASTE, json={"kind": ""})) == ["kind"]
    assert site.post(f"{WASTE}/{made.json()['id']}/retire", json={"reason": "emptied"}).json()["retired_by"] == "linh"


@pytest.mark.parametrize("path", [SUBSTANCES, WASTE])
def test_only_the_officer_writes_in_the_register(site, path) -> None:
    for who in ("hoa", "minh", "tran", "root"):
        assert site.post(path, who=who, json={"name": "x", "kind": "x", "cas": "108-88-3"}).status_code == 403


@pytest.mark.parametrize("path", ["sites/k1/changes", "sites/k1/substances", "sites/k1/waste", "zones/k1.press/overtime"])
def test_another_site_s_records_do_not_exist(site, path) -> None:
    assert site.get(f"{API}/{path}").status_code == 404


def test_acclimatisation_needs_a_count_of_newcomers_and_both_sides(site) -> None:
    assert fields_of(put(site, WORK, json={"acclimatised": "yes", "reason": "x"})) == ["newcomers"]
    proposed = put(site, WORK, json={"acclimatised": "yes", "newcomers": 2, "reason": "two started today"}).json()
    assert (proposed["acclimatised"], proposed["contested"]) == ("unknown", True)
    record = proposed["proposed"][0]["id"]
    for who in ("hoa", "minh"):
        site.post(f"{API}/zones/f1.ironing-1/records/{record}/agree", who=who, json={})
    held = site.get(WORK).json()
    assert (held["acclimatised"], held["newcomers"], held["contested"]) == ("yes", 2, False)
    assert site.get(WORK, who="tran").json()["newcomers"] is None
    assert not any("newcomers" in item["values"] for item in site.get(WORK, who="tran").json()["items"])


def test_newcomers_of_a_shift_are_part_of_its_headcount(site) -> None:
    counted = {"women": 41, "men": 9, "shift": "A", "newcomers": 3, "reason": "three started"}
    assert put(site, HEADCOUNT, json=counted).json()["newcomers"] == {"A": 3}
    fewer = put(site, HEADCOUNT, json={**counted, "newcomers": 1}).json()
    assert (fewer["newcomers"], fewer["contested"]) == ({"A": 3}, True)
    assert site.get(HEADCOUNT, who="tran").json()["newcomers"] == {}
    assert fields_of(put(site, HEADCOUNT, json={**counted, "newcomers": 60})) == ["newcomers"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rest_zone": "attic"}, "rest_zone"),
        ({"rest_zone": "ironing-1"}, "rest_zone"),
        ({"protector_attenuation_db": 60, "protector": "muffs"}, "protector_attenuation_db"),
        ({"protector_attenuation_db": 20}, "protector"),
        ({"newcomers": -1}, "newcomers"),
    ],
)
def test_further_values_that_cannot_be_are_refused_by_their_field(site, body, field) -> None:
    assert fields_of(put(site, WORK, json={**body, "reason": "x"})) == [field]


def test_protectors_and_a_rest_place_wait_for_the_other_side(site) -> None:
    found = put(site, WORK, json={"rest_zone": "cutting-a", "protector_attenuation_db": 18.5, "protector": "foam plugs, fit-tested", "reason": "declared"}).json()
    assert (found["rest_zone"], found["protector_attenuation_db"], found["contested"]) == (None, None, True)
    for who in ("minh", "hoa"):
        site.post(f"{API}/zones/f1.ironing-1/records/{found['proposed'][0]['id']}/agree", who=who, json={})
    held = site.get(WORK).json()
    assert (held["rest_zone"], held["protector_attenuation_db"], held["protector"]) == ("cutting-a", 18.5, "foam plugs, fit-tested")
