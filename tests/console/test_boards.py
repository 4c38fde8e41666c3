"""A zone's board: open to whoever holds its code, true while it is true, and about the place alone."""

from __future__ import annotations

import html
import re

import msgspec
import pytest

from domain.hazards import ZoneStatus
from domain.times import HOUR_US
from models.rights import all_rights, rights_of
from storage.records.concerns import BoardSettings, BoardsRepository

VIEWS = ("", "/wall", "/sheet", "/poster", "/paper")


def codes(site) -> dict[str, str]:
    """Made by the officer, as the page has them."""
    assert site.post("/sites/f1/boards").status_code == 303
    return {zone: board.code for zone, board in BoardsRepository(site.factory.engine).of("f1").items()}


@pytest.fixture(scope="module")
def hung(filled, copy_factory, serve, tmp_path_factory: pytest.TempPathFactory):
    """One console for the tests that only look."""
    with copy_factory(filled, tmp_path_factory.mktemp("hung"), speed=0.001) as factory, serve(factory) as site:
        codes(site)
        yield site


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("view", VIEWS)
def test_a_board_opens_without_a_login_and_leaves_no_cookie(hung, view: str) -> None:
    code = codes(hung)["f1.ironing-1"]
    answer = hung.get(f"/w/{code}{view}?lang=vi", who=None)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert 'lang="vi"' in answer.text
    assert "f1.ironing-1" not in answer.headers.values()


def test_at_stop_level_the_right_to_leave_stands_before_everything_else_with_its_source(hung) -> None:
    page = hung.get(f"/w/{codes(hung)['f1.ironing-1']}", who=None).text
    assert 'data-status="stop"' in page
    assert page.index('data-part="rights"') < page.index('data-part="hazards"')
    assert "84/2015/QH13" in page
    assert "unverified" in text_of(page)
    assert "C155" in page


@pytest.mark.parametrize("view", ["", "/wall"])
def test_what_is_not_known_is_never_shown_as_within(hung, view: str) -> None:
    page = hung.get(f"/w/{codes(hung)['f1.boiler']}{view}", who=None).text
    assert 'data-status="unknown"' in page
    assert 'class="band board-band within"' not in page
    assert "No data" in text_of(page)


def test_a_state_that_nobody_computed_lately_is_not_shown_as_live(site) -> None:
    factory = site.factory
    code = codes(site)["f1.cutting-a"]
    assert 'data-status="within"' in site.get(f"/w/{code}", who=None).text
    factory.zone_state("f1.cutting-a", ZoneStatus.WITHIN, [], at_us=factory.clock.now_us() - HOUR_US)
    page = site.get(f"/w/{code}", who=None).text
    assert 'data-status="unknown"' in page
    assert "25.9" not in page


def test_a_board_names_no_person_and_counts_none(site) -> None:
    """Nine men and forty-one women work there; who acknowledged an alert is no business of a wall."""
    code = codes(site)["f1.ironing-1"]
    alert = site.get("/api/v1/alerts?site=f1").json()["items"][0]["id"]
    site.post(f"/api/v1/alerts/{alert}/acknowledge", json={"text": "seen it"})
    for view in VIEWS:
        text = text_of(site.get(f"/w/{code}{view}", who=None).text)
        assert "linh" not in text
        assert "seen it" not in text
        assert not re.search(r"\b(41|9) (women|men|workers|persons)", text)


def test_results_of_the_last_shifts_stand_on_the_sheet(hung) -> None:
    text = text_of(hung.get(f"/w/{codes(hung)['f1.ironing-1']}/sheet", who=None).text)
    assert "over the limit" in text
    assert "30.9" in text
    assert "28.2" in text


def test_the_poster_carries_the_code_as_a_picture(hung) -> None:
    code = codes(hung)["f1.sewing-1"]
    page = hung.get(f"/w/{code}/poster", who=None).text
    assert '<path class="qrline"' in page
    assert f"{hung.url}/w/{code}" in page


def test_codes_cannot_be_guessed_and_a_replaced_one_opens_nothing(site) -> None:
    before = codes(site)
    assert len(set(before.values())) == 7
    assert all(len(code) >= 20 for code in before.values())
    assert codes(site) == before, "a code stays until somebody replaces it"
    assert site.post("/sites/f1/boards", who="hoa", data={"zone": "f1.sewing-1"}).status_code == 303
    assert site.get(f"/w/{before['f1.sewing-1']}", who=None).status_code == 404
    after = {zone: board.code for zone, board in BoardsRepository(site.factory.engine).of("f1").items()}
    assert site.get(f"/w/{after['f1.sewing-1']}", who=None).status_code == 200
    assert after | {"f1.sewing-1": ""} == before | {"f1.sewing-1": ""}


@pytest.mark.parametrize("code", ["", "nonsense", "f1.sewing-1", "../sites/f1"])
def test_a_wrong_code_says_nothing(standing, code: str) -> None:
    assert standing.get(f"/w/{code}", who=None).status_code in (404, 303)


def test_the_board_says_whom_to_call_and_only_the_worker_side_or_the_inspectorate_says_whom(site) -> None:
    code = codes(site)["f1.sewing-1"]
    given = {"phone": "024 3826 9557", "phone_of": "labour inspectorate", "representatives": "canteen, Mondays"}
    for who in ("linh", "minh", "root", "lee"):
        assert site.post("/sites/f1/boards/settings", who=who, data=given).status_code == 403
    assert site.post("/sites/f1/boards/settings", who="hoa", data=given).status_code == 303
    assert BoardsRepository(site.factory.engine).settings("f1") == BoardSettings(**given)
    text = text_of(site.get(f"/w/{code}", who=None).text)
    assert all(value in text for value in given.values())
    assert "run by the factory" in text


def test_each_view_says_that_it_is_no_safety_function(hung) -> None:
    code = codes(hung)["f1.sewing-1"]
    assert all("Not a safety function" in hung.get(f"/w/{code}{view}", who=None).text for view in VIEWS)


def test_a_country_without_a_clause_of_its_own_has_the_conventions_and_says_so(site) -> None:
    repository = BoardsRepository(site.factory.engine)
    repository.make("k1", ["k1.press"], by="test", now_us=0)
    text = text_of(site.get(f"/w/{repository.of('k1')['k1.press'].code}", who=None).text)
    assert "C155" in text
    assert "No clause of this country" in text
    assert "84/2015" not in text


def test_every_right_names_its_source_and_what_was_seen_of_it() -> None:
    assert all(right.title and right.clause and right.seen for right in all_rights())
    assert [right.country for right in rights_of("XX")] == ["*"]
    assert all(msgspec.to_builtins(right)["status"] in ("verified", "unverified") for right in all_rights())
