"""The committee by REST: two sides, two accounts, and what a third party sees."""

from __future__ import annotations

import hashlib

import pytest

from alerts.review.desk import Desk
from domain.hazards import Severity
from domain.scope import Role, Scope
from storage.records.registry import RegistryRepository

PHOTO = b"\xff\xd8\xff" + bytes(200)
ACTION = {"control": "engineering", "text": "a second fan", "owner": "maintenance", "due": "2026-12-01"}


def stop_alert(site) -> str:
    return next(one["id"] for one in site.get("/api/v1/alerts?site=f1").json()["items"] if one["severity"] == "stop")


@pytest.fixture
def opened(site):
    """A stop-level review with a cause and an action."""
    answer = site.post("/api/v1/reviews", "hoa", json={"alert": stop_alert(site)})
    assert answer.status_code == 201
    id = answer.json()["id"]
    assert site.post(f"/api/v1/reviews/{id}/cause", "hoa", json={"causes": ["ventilation_weak"], "text": "fan 3 stood still"}).status_code == 200
    assert site.post(f"/api/v1/reviews/{id}/actions", "minh", json=ACTION).status_code == 201
    return id


def sign(site, id: str, who: str, side: str, agree: bool, text: str = "", **more: str):
    return site.post(f"/api/v1/reviews/{id}/sign", who, json={"side": side, "agree": agree, "text": text, **more})


def test_a_period_becomes_review_items_once(site) -> None:
    body = {"site": "f1", "from": "2026-11-24T00:00:00Z", "to": "2026-11-26T00:00:00Z"}
    first = site.post("/api/v1/reviews", "minh", json=body)
    assert first.status_code == 201
    assert {one["severity"] for one in first.json()["items"]} == {"stop", "action"}
    assert site.post("/api/v1/reviews", "hoa", json=body).json() == {"items": [], "next": None}
    listed = site.get("/api/v1/reviews?site=f1&limit=2", "hoa").json()
    rest = site.get(f"/api/v1/reviews?site=f1&cursor={listed['next']}", "hoa").json()
    assert {one["id"] for one in listed["items"] + rest["items"]} == {one["id"] for one in first.json()["items"]}
    assert rest["next"] is None


def test_management_signs_worker_side_dissents_and_the_inspector_reads_both(site, opened: str) -> None:
    assert sign(site, opened, "minh", "management", True).status_code == 200
    assert sign(site, opened, "hoa", "worker", False, "one fan is not enough").status_code == 200
    assert site.post(f"/api/v1/reviews/{opened}/close", "minh").status_code == 409
    seen = site.get(f"/api/v1/reviews/{opened}", "tran").json()
    assert [(one["side"], one["agree"], one["text"], one["stands"]) for one in seen["signatures"]] == [
        ("management", True, "", True),
        ("worker", False, "one fan is not enough", True),
    ]
    assert (seen["state"], seen["cap_status"]) == ("dissent", "on_track")
    assert {one["digest"] for one in seen["signatures"]} == {seen["digest"]}


@pytest.mark.parametrize(("who", "side"), [("minh", "worker"), ("hoa", "management"), ("linh", "management"), ("tran", "worker"), ("lee", "management"), ("root", "worker")])
def test_nobody_signs_for_the_other_side(site, opened: str, who: str, side: str) -> None:
    answer = sign(site, opened, who, side, True)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")


def test_a_page_that_is_out_of_date_is_not_signed(site, opened: str) -> None:
    seen = site.get(f"/api/v1/reviews/{opened}", "hoa").json()["digest"]
    site.post(f"/api/v1/reviews/{opened}/actions", "minh", json=ACTION)
    assert sign(site, opened, "hoa", "worker", True, digest=seen).status_code == 409


def test_both_sides_close_a_stop_level_review_and_new_data_opens_it(site, opened: str) -> None:
    sign(site, opened, "minh", "management", True)
    sign(site, opened, "hoa", "worker", True)
    assert site.post(f"/api/v1/reviews/{opened}/close", "hoa", json={"text": "agreed"}).json()["state"] == "closed"
    alert = site.get(f"/api/v1/reviews/{opened}").json()["alert"]
    site.factory.recorder.returned(site_alert(site, alert), site.factory.clock.now_us())
    again = site.get(f"/api/v1/reviews/{opened}", "minh").json()
    assert (again["state"], again["marks"][0]["by"]) == ("reopened", None)
    assert not any(one["stands"] for one in again["signatures"])


def site_alert(site, id: str):
    from alerts.state import fold
    from storage.records.journal import JournalRepository

    return fold(JournalRepository(site.factory.engine).steps(id))


def test_protective_equipment_alone_asks_why(site) -> None:
    id = site.post("/api/v1/reviews", "hoa", json={"alert": stop_alert(site)}).json()["id"]
    answer = site.post(f"/api/v1/reviews/{id}/actions", "minh", json={**ACTION, "control": "ppe"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "why_ppe_alone")


def test_actions_stand_in_the_order_of_the_hierarchy(site, opened: str) -> None:
    for control in ("ppe", "substitution", "administrative", "elimination"):
        answer = site.post(f"/api/v1/reviews/{opened}/actions", "minh", json={**ACTION, "control": control})
    assert [one["control"] for one in answer.json()["actions"]] == ["elimination", "substitution", "engineering", "administrative", "ppe"]


def test_three_words_belong_to_three_parties(site, opened: str) -> None:
    action = site.get(f"/api/v1/reviews/{opened}").json()["actions"][0]["id"]
    words = [("hoa", "done", 403), ("minh", "verified", 403), ("minh", "done", 200), ("minh", "checked", 403), ("hoa", "checked", 200), ("tran", "verified", 200)]
    for who, word, status in words:
        assert site.post(f"/api/v1/reviews/{opened}/actions/{action}/say", who, json={"word": word}).status_code == status, (who, word)
    seen = site.get(f"/api/v1/reviews/{opened}", "tran").json()
    assert (seen["actions"][0]["word"], seen["cap_status"]) == ("verified", "initial_cap_completed")


def test_evidence_comes_back_under_its_hash_and_only_photos_and_papers_are_taken(site, opened: str) -> None:
    answer = site.post(f"/api/v1/reviews/{opened}/evidence?name=fan.jpg", "hoa", content=PHOTO)
    (file,) = answer.json()["evidence"]
    assert (answer.status_code, file["sha256"]) == (201, hashlib.sha256(PHOTO).hexdigest())
    back = site.get(f"/api/v1/reviews/{opened}/evidence/{file['sha256']}", "tran")
    assert (back.content, back.headers["content-type"]) == (PHOTO, "image/jpeg")
    assert site.get(f"/api/v1/reviews/{opened}/evidence/{'0' * 64}", "tran").status_code == 404
    assert site.post(f"/api/v1/reviews/{opened}/evidence?name=x.html", "hoa", content=b"<html>").status_code == 422
    assert site.post(f"/api/v1/reviews/{opened}/evidence?name=x.jpg", "hoa", content=b"\xff\xd8\xff" + bytes(11 * 1024 * 1024)).status_code == 422


def test_a_word_to_the_inspectorate_reaches_nobody_else(site, opened: str) -> None:
    desk = Desk(site.factory.engine, site.factory.clock, lambda: RegistryRepository(site.factory.engine).load().at(site.factory.clock.now_us()))
    desk.dissent(Scope(user="hoa", role=Role.WORKER_REPRESENTATIVE, grant="f1"), opened, "we were told to sign", to_inspectorate=True)
    for who in ("hoa", "minh", "linh", "root", "lee"):
        assert "told to sign" not in site.get(f"/api/v1/reviews/{opened}", who).text
        assert "told to sign" not in site.get("/api/v1/reviews", who).text
        assert "told to sign" not in site.get(f"/reviews/{opened}", who).text
    assert "told to sign" in site.get(f"/api/v1/reviews/{opened}", "tran").text


def test_the_factorys_own_centre_says_where_else_to_go(site, opened: str) -> None:
    answer = site.post(f"/api/v1/reviews/{opened}/dissent", "hoa", json={"text": "help", "to": "inspectorate"})
    assert answer.status_code == 403
    assert "run by the factory" in answer.json()["detail"]
    assert site.post(f"/api/v1/reviews/{opened}/dissent", "hoa", json={"text": "not enough"}).json()["dissents"][0]["to"] == "both"


@pytest.mark.parametrize("path", ["", "/sign", "/dissent", "/close", "/cause", "/actions", "/evidence/00"])
def test_a_foreign_review_does_not_exist(site, opened: str, path: str) -> None:
    method = "POST" if path and not path.startswith("/evidence") else "GET"
    for id in (opened, "rev-0000"):
        bodies = {"/sign": {"side": "worker", "agree": True}, "/dissent": {"text": "x"}, "/actions": ACTION}
        answer = site.request(method, f"/api/v1/reviews/{id}{path}", "kim", json=bodies.get(path, {})) if method == "POST" else site.get(f"/api/v1/reviews/{id}{path}", "kim")
        assert answer.status_code == 404, id


def test_mandates_say_who_was_chosen_by_nobody_and_hide_small_shares(site) -> None:
    mandate = {"name": "Hoa", "side": "worker", "chosen": "none", "sex": "woman", "since": "2026-01-01", "until": "2027-12-31", "account": "hoa"}
    assert site.post("/api/v1/sites/f1/mandates", "minh", json=mandate).status_code == 403
    assert site.post("/api/v1/sites/f1/mandates", "hoa", json=mandate).status_code == 201
    seen = site.get("/api/v1/sites/f1/mandates", "minh").json()
    assert [(one["name"], one["elected"], one["holds"]) for one in seen["items"]] == [("Hoa", False, True)]
    assert seen["committee"] == {"women": None, "all": None, "share": None, "suppressed": True}
    assert seen["workforce"]["share"] == pytest.approx(seen["workforce"]["women"] / seen["workforce"]["all"])
    for number in range(5):
        site.post("/api/v1/sites/f1/mandates", "tran", json={**mandate, "name": f"M{number}", "side": "management", "chosen": "election", "sex": "man"})
    assert site.get("/api/v1/sites/f1/mandates", "minh").json()["committee"]["share"] is None  # five men of six: the other side is one woman
    for who, side, status in (("minh", "worker", 403), ("tran", "worker", 403), ("hoa", "worker", 200)):
        assert site.post("/api/v1/sites/f1/mandates/release", who, json={"side": side}).status_code == status
    told = site.get("/api/v1/sites/f1/mandates", "minh").json()
    assert (told["committee"]["share"], told["released"]) == (pytest.approx(1 / 6), ["worker"])
    assert site.post("/sites/f1/mandates/release", "hoa", data={"released": "no"}).status_code == 303
    taken_back = site.get("/api/v1/sites/f1/mandates", "minh").json()
    assert (taken_back["committee"]["share"], taken_back["released"]) == (None, [])
    ended = site.post(f"/api/v1/sites/f1/mandates/{seen['items'][0]['id']}/end", "hoa", json={"on": "2026-11-01", "why": "left"}).json()
    assert (ended["holds"], ended["ended"]) == (False, "2026-11-01")
    assert site.get("/api/v1/sites/f1/mandates", "kim").status_code == 404


def test_a_meetings_agenda_makes_itself_and_is_kept_with_the_minutes(site, opened: str) -> None:
    ids = {}
    for who, side, sex in (("hoa", "worker", "woman"), ("minh", "management", "man")):
        mandate = {"name": who, "side": side, "chosen": "election", "sex": sex, "since": "2026-01-01", "until": "2027-12-31"}
        ids[who] = site.post("/api/v1/sites/f1/mandates", who, json=mandate).json()["id"]
    meeting = site.post("/api/v1/sites/f1/meetings", "linh", json={"on": "2026-11-25", "place": "canteen"}).json()
    assert {"stop_level", "to_sign"} <= {one["kind"] for one in meeting["agenda"]}
    path = f"/api/v1/meetings/{meeting['id']}"
    assert site.post(f"{path}/attendance", "linh", json={"mandates": ["man-unknown"]}).status_code == 422
    there = site.post(f"{path}/attendance", "linh", json={"mandates": list(ids.values())}).json()["attendance"]
    untold = {"present": 1, "woman": None, "man": None, "not_said": None, "suppressed": True}
    assert there == {"worker": untold, "management": {"present": 1, "woman": 0, "man": 1, "not_said": 0, "suppressed": False}, "both": {**untold, "present": 2}}
    assert site.post(f"{path}/close", "minh").status_code == 409
    site.post(f"{path}/minutes", "hoa", json={"text": "We looked at the fan."})
    closed = site.post(f"{path}/close", "minh").json()
    assert closed["quorate"] is True
    sign(site, opened, "hoa", "worker", True)
    sign(site, opened, "minh", "management", True)
    assert site.get(path, "tran").json()["agenda"] == closed["agenda"]
    assert site.post(f"{path}/minutes", "hoa", json={"text": "more"}).status_code == 409
    assert site.post("/api/v1/sites/f1/meetings", "tran", json={"on": "2026-11-25"}).status_code == 403


def test_a_representatives_sex_is_told_to_their_own_side_and_to_nobody_else(site) -> None:
    for who, side, sex in (("hoa", "worker", "woman"), ("minh", "management", "man")):
        mandate = {"name": who, "side": side, "chosen": "election", "sex": sex, "since": "2026-01-01", "until": "2027-12-31"}
        assert site.post("/api/v1/sites/f1/mandates", who, json=mandate).json()["sex"] == sex
    seen = {who: {one["name"]: one["sex"] for one in site.get("/api/v1/sites/f1/mandates", who).json()["items"]} for who in ("hoa", "minh", "linh", "tran", "lee", "root")}
    third = {"hoa": None, "minh": None}
    management = {"hoa": None, "minh": "man"}
    assert seen == {"hoa": {"hoa": "woman", "minh": None}, "minh": management, "linh": management, "tran": third, "lee": third, "root": third}


def test_the_sheet_is_what_its_digest_is_of_and_each_side_records_its_own_ink(site) -> None:
    ids = {}
    for who, side, sex in (("hoa", "worker", "woman"), ("minh", "management", "man")):
        mandate = {"name": who, "side": side, "chosen": "election", "sex": sex, "since": "2026-01-01", "until": "2027-12-31"}
        ids[who] = site.post("/api/v1/sites/f1/mandates", who, json=mandate).json()["id"]
    meeting = site.post("/api/v1/sites/f1/meetings", "linh", json={"on": "2026-11-20"}).json()
    path = f"/api/v1/meetings/{meeting['id']}"
    assert (meeting["digest"], site.get(f"{path}/sheet", "hoa").status_code, site.get(f"/meetings/{meeting['id']}/sheet", "hoa").status_code) == (None, 409, 409)
    site.post(f"{path}/attendance", "linh", json={"mandates": list(ids.values())})
    site.post(f"{path}/minutes", "hoa", json={"text": "We looked at the fan."})
    site.post(f"{path}/close", "minh")
    digest = hashlib.sha256(site.get(f"{path}/sheet", "tran").content).hexdigest()
    said = {"side": "worker", "mandates": [ids["hoa"]], "on": "2026-11-21", "digest": digest, "reference": "folder 4"}
    assert site.post(f"{path}/paper", "minh", json=said).status_code == 403
    assert site.post(f"{path}/paper", "hoa", json={**said, "digest": "0" * 64}).status_code == 422
    assert site.post(f"{path}/paper", "kim", json=said).status_code == 404
    (paper,) = site.post(f"{path}/paper", "hoa", json=said).json()["signed_on_paper"]
    assert (paper["side"], paper["names"], paper["on"], paper["by"], paper["digest"]) == ("worker", ["hoa"], "2026-11-21", "hoa", digest)
    assert site.get(path, "tran").json()["digest"] == digest


def test_management_may_not_outnumber_the_worker_side(site) -> None:
    mandates = [
        site.post(
            "/api/v1/sites/f1/mandates", "tran", json={"name": f"m{n}", "side": side, "chosen": "election", "sex": "man", "since": "2026-01-01", "until": "2027-12-31"}
        ).json()["id"]
        for n, side in enumerate(("worker", "management", "management"))
    ]
    meeting = site.post("/api/v1/sites/f1/meetings", "linh", json={"on": "2026-11-25"}).json()["id"]
    site.post(f"/api/v1/meetings/{meeting}/attendance", "linh", json={"mandates": mandates})
    site.post(f"/api/v1/meetings/{meeting}/minutes", "linh", json={"text": "short"})
    assert site.post(f"/api/v1/meetings/{meeting}/close", "linh").json()["quorate"] is False


def test_a_worker_side_account_takes_two_worker_side_holders(site) -> None:
    ask = {"do": "create", "name": "thu", "why": "elected in November"}
    for who in ("minh", "linh", "root"):
        assert site.post("/api/v1/sites/f1/accounts", who, json=ask).status_code == 403
    request = site.post("/api/v1/sites/f1/accounts", "hoa", json=ask).json()
    assert (request["state"], request["code"]) == ("waiting", None)
    for who in ("hoa", "minh", "root"):
        assert site.post(f"/api/v1/accounts/{request['id']}/agree", who).status_code == 403
    done = site.post(f"/api/v1/accounts/{request['id']}/agree", "thao").json()
    assert (done["state"], done["agreed_by"]) == ("done", "thao")
    assert site.post("/login", None, data={"name": "thu", "password": done["code"]}).headers["location"] == "/password?name=thu"
    assert site.post(f"/api/v1/accounts/{request['id']}/agree", "thao").status_code == 409
    listed = site.get("/api/v1/sites/f1/accounts", "minh").json()["items"]
    assert [(one["name"], one["by"], one["code"]) for one in listed] == [("thu", "hoa", None)]


def test_nobody_agrees_to_the_loss_of_their_own_account_nor_is_asked(site) -> None:
    request = site.post("/api/v1/sites/f1/accounts", "hoa", json={"do": "revoke", "name": "thao", "why": "left"}).json()
    assert site.post(f"/api/v1/accounts/{request['id']}/agree", "thao").status_code == 403
    assert site.post(f"/api/v1/accounts/{request['id']}/agree", "tran").json()["state"] == "done"
    assert site.get("/api/v1/sites", "thao").status_code == 401


def test_the_inspectorate_resets_alone_and_old_sessions_and_tokens_end(site) -> None:
    answer = site.post("/api/v1/sites/f1/accounts", "tran", json={"do": "reset", "name": "thao", "why": "lost the phone"})
    assert (answer.json()["state"], bool(answer.json()["code"])) == ("done", True)
    assert site.get("/api/v1/sites", "thao").status_code == 401
    assert site.post("/api/v1/sites/f1/accounts", "tran", json={"do": "reset", "name": "minh", "why": "x"}).status_code == 404


def test_every_administrative_touch_is_told_to_both_sides_and_marks_signatures(site, opened: str) -> None:
    signature = sign(site, opened, "hoa", "worker", True).json()["signatures"][-1]
    assert any("token created by test" in touch for touch in signature["touched"])
    for who in ("hoa", "minh"):
        touches = site.get("/api/v1/sites/f1/accounts", who).json()["touches"]
        assert ("hoa", "token created", "test") in {(one["account"], one["action"], one["by"]) for one in touches}


def test_figures_of_fewer_than_five_reviews_are_not_told(site, opened: str) -> None:
    few = site.get("/api/v1/sites/f1/committee", "tran").json()["figures"]
    assert (few["suppressed"], few["reviews"], few["sides"]["worker"]["signed"]) == (True, None, None)
    for number in range(4):
        alert = site.factory.raise_alert(f"f1.{('cutting-a', 'cutting-b', 'gluing', 'sewing-1')[number]}", "heat", "heat", Severity.ACTION, value=29.0, unit="Cel")
        site.post("/api/v1/reviews", "hoa", json={"alert": alert})
    enough = site.get("/api/v1/sites/f1/committee", "tran").json()["figures"]
    assert (enough["suppressed"], enough["reviews"], enough["actions"]) == (False, 5, 1)
    assert not any(name in site.get("/api/v1/sites/f1/committee", "tran").text for name in ("hoa", "minh", "linh"))
