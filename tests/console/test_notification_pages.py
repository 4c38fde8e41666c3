"""Who is told: signed links, contacts, rosters and the delivery record, by page and by REST."""

from __future__ import annotations

import re

import pytest

from alerts.notification.links import VALID_US, Links, open_key
from domain.hazards import Severity
from domain.times import MINUTE_US
from storage.records.contacts import ContactsRepository
from storage.records.journal import JournalRepository
from storage.records.notifications import Message, NotificationsRepository
from storage.records.people import PeopleRepository
from storage.records.proofs import ProofsRepository

WEI = {"email": "hoa@union.example", "locale": "vi", "phone": "+84 90 1", "quiet_from": "22:00", "quiet_to": "06:00", "channels": ["sms"], "digest": False}


@pytest.fixture
def alert(site) -> str:
    return site.factory.raise_alert("f1.cutting-b", "heat", "heat", Severity.STOP, value=33.0, unit="Cel")


def link(site, alert: str, who: str, *, called_by: int | None = None, at_us: int | None = None) -> str:
    factory = site.factory
    step = JournalRepository(factory.engine).steps(alert)[0]
    key = open_key(factory.context().data_dir)
    return Links(key).write(alert, who, step.id if called_by is None else called_by, factory.clock.now_us() if at_us is None else at_us)


def steps(site, alert: str) -> list[tuple[str, str, str]]:
    return [(step.kind.value, step.by, step.detail.via) for step in JournalRepository(site.factory.engine).steps(alert)]


def test_opening_a_signed_link_acknowledges_nothing_and_names_the_person(site, alert) -> None:
    path = link(site, alert, "hoa")
    for _ in range(2):
        page = site.get(path, who=None)
        assert page.status_code == 200
    assert re.search(r"<strong translate=\"no\">hoa</strong>, [Ww]orker", page.text)
    assert f'action="{path}"' in page.text
    assert [kind for kind, _, _ in steps(site, alert)] == ["raised"]


def test_the_button_behind_a_signed_link_acknowledges_for_that_person_without_a_login(site, alert) -> None:
    path = link(site, alert, "hoa")
    answer = site.post(path, who=None, data={"text": "I am there"})
    assert answer.status_code == 200
    assert "Acknowledged" in answer.text
    assert steps(site, alert)[1:] == [("acknowledged", "hoa", "link")]
    assert 'method="post" action="/acknowledge' not in site.get(path, who=None).text


def test_a_link_that_was_changed_or_is_over_or_of_an_earlier_call_does_nothing(site, alert) -> None:
    path = link(site, alert, "hoa")
    body, _, tag = path.rpartition(".")
    late = link(site, alert, "hoa", at_us=site.factory.clock.now_us() - VALID_US - MINUTE_US)
    other = Links(b"another key of thirty-two bytes!").write(alert, "hoa", 1, site.factory.clock.now_us())
    for wrong in (f"{body}.{'A' * len(tag)}", path[:-6], "/acknowledge/x", "/acknowledge/%C3%A9.x", late, other):
        assert site.get(wrong, who=None).status_code == 404
        assert site.post(wrong, who=None).status_code == 404
    earlier = link(site, alert, "hoa", called_by=0)
    assert "called again" in site.post(earlier, who=None).text
    assert len(steps(site, alert)) == 1


def test_a_link_of_somebody_whose_account_has_ended_is_void(site, alert) -> None:
    path = link(site, alert, "hoa")
    PeopleRepository(site.factory.engine).deactivate("hoa", by="root")
    assert site.post(path, who=None).status_code == 404


def test_a_form_from_another_site_cannot_press_the_button(site, alert) -> None:
    answer = site.post(link(site, alert, "hoa"), who=None, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert len(steps(site, alert)) == 1


def test_one_says_how_one_is_reached_and_for_nobody_else(site) -> None:
    assert site.request("PUT", "/api/v1/contact", who="hoa", json=WEI).json() == WEI | {"chat": ""}
    assert site.get("/api/v1/contact", who="hoa").json()["phone"] == "+84 90 1"
    assert site.get("/api/v1/contact", who="linh").json()["phone"] == ""
    assert site.request("PUT", "/api/v1/contact", who="tran", json=WEI).json() == WEI | {"chat": ""}  # inspectors are written to, too
    assert site.request("PUT", "/api/v1/contact", who="lee", json=WEI).status_code == 403
    for wrong in ({"quiet_from": "22:00"}, {"quiet_from": "25:00", "quiet_to": "01:00"}, {"email": "no address"}, {"locale": "xx"}, {"phone": "call me"}):
        assert site.request("PUT", "/api/v1/contact", who="hoa", json=wrong).status_code == 422, wrong


def test_the_form_saves_the_same_and_an_empty_box_is_no(site) -> None:
    form = {"email": "hoa@union.example", "phone": "+84 90 1", "quiet_from": "22:00", "quiet_to": "06:00", "channels": "sms, smtp"}
    assert site.post("/notifications/contact", who="hoa", data=form).status_code == 303
    contact = ContactsRepository(site.factory.engine).contact("hoa")
    assert (contact.channels, contact.digest, contact.quiet_to) == (["sms", "smtp"], False, "06:00")
    assert 'value="hoa@union.example"' in site.get("/notifications", who="hoa").text


def test_each_side_makes_its_own_roster(site) -> None:
    duty = {"user": "hoa", "first": "2026-11-25", "last": "2026-11-27", "shift": "A"}
    made = site.post("/api/v1/sites/f1/roster", who="thao", json=duty)
    assert (made.status_code, made.json()["role"]) == (201, "worker_representative")
    assert site.post("/api/v1/sites/f1/roster", who="linh", json=duty).status_code == 422
    assert site.post("/api/v1/sites/f1/roster", who="minh", json=duty | {"user": "linh"}).status_code == 201
    assert site.post("/api/v1/sites/f1/roster", who="thao", json=duty | {"shift": "Z"}).status_code == 422
    assert site.post("/api/v1/sites/f1/roster", who="thao", json=duty | {"last": "2026-11-20"}).status_code == 422
    assert site.post(f"/api/v1/sites/f1/roster/{made.json()['id']}/end", who="linh").status_code == 403
    assert [one["user"] for one in site.get("/api/v1/sites/f1/roster").json()["items"]] == ["hoa", "linh"]
    assert site.post(f"/notifications/f1/roster/{made.json()['id']}/end", who="hoa").status_code == 303
    assert [one["user"] for one in site.get("/api/v1/sites/f1/roster").json()["items"]] == ["linh"]


def test_the_officer_sets_the_times_of_summary_and_test(site) -> None:
    times = {"digest_at": "06:45", "test_day": "fri", "test_at": "11:00"}
    assert site.request("PUT", "/api/v1/sites/f1/notification-times", json=times).json() == times
    assert site.request("PUT", "/api/v1/sites/f1/notification-times", who="hoa", json=times).status_code == 403
    assert site.request("PUT", "/api/v1/sites/f1/notification-times", json=times | {"test_day": "someday"}).status_code == 422
    assert "06:45" in site.get("/notifications").text


def test_the_delivery_record_shows_what_became_of_each_message_and_no_address(site, alert) -> None:
    outbox, now_us = NotificationsRepository(site.factory.engine), site.factory.clock.now_us()
    outbox.put(
        [Message(alert=alert, reason=f"raised-{n}", channel="smtp", recipient="hoa", subject=f"S{n}", text="t", created_us=now_us, site="f1") for n in range(3)]
        + [Message(alert="x", reason="r", channel="smtp", recipient="kim", subject="elsewhere", text="t", created_us=now_us, site="k1")]
    )
    first, second, _ = outbox.due("smtp", now_us, 3)
    outbox.sent([first.id], now_us)
    outbox.put_off([second.id], now_us + MINUTE_US, "OSError: no route")
    found = site.get("/api/v1/notifications?limit=2").json()
    assert [one["subject"] for one in found["items"]] == ["S2", "S1"]
    assert [one["subject"] for one in site.get(f"/api/v1/notifications?limit=2&cursor={found['next']}").json()["items"]] == ["S0"]
    assert [one["subject"] for one in site.get("/api/v1/notifications?state=sent").json()["items"]] == ["S0"]
    assert site.get("/api/v1/notifications?state=lost").status_code == 422
    assert site.get("/api/v1/notifications?site=k1").status_code == 404
    page = site.get("/notifications").text
    assert ("OSError: no route" in page, "elsewhere" in page, "handed over" in page) == (True, False, True)


def test_what_inspectors_alone_were_told_only_inspectors_see(site) -> None:
    outbox, now_us = NotificationsRepository(site.factory.engine), site.factory.clock.now_us()
    outbox.put([Message(alert="rev-1", reason="inspectorate-7", channel="smtp", recipient="tran", subject="Said to you", text="t", created_us=now_us, site="f1")])
    seen = {
        who: (len(site.get("/api/v1/notifications", who=who).json()["items"]), "Said to you" in site.get("/notifications", who=who).text) for who in ("linh", "hoa", "root", "tran")
    }
    assert seen == {"linh": (0, False), "hoa": (0, False), "root": (0, False), "tran": (1, True)}
    assert '<a href="/reviews/rev-1"' in site.get("/notifications", who="tran").text


def test_the_page_says_whether_the_channels_work(site) -> None:
    assert "No channel is set up" in site.get("/notifications").text
    proofs, now_us = ProofsRepository(site.factory.engine), site.factory.clock.now_us()
    proofs.ask("smtp", "silent", now_us)
    proofs.ask("all", "weekly@f1", now_us)
    proofs.ask("all", "weekly@k1", now_us)
    page = site.get("/notifications").text
    assert ("none yet" in page, "k1" in page) == (True, False)
    found = site.get("/api/v1/notification-channels").json()["items"]
    assert [(one["channel"], one["kind"], one["received_at"]) for one in found] == [("all", "weekly@f1", None), ("smtp", "silent", None)]


def test_a_reader_sees_the_record_and_no_form(standing) -> None:
    page = standing.get("/notifications", who="lee").text
    assert "/notifications/contact" not in page
    assert "Put somebody" not in page
