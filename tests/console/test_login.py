"""Login, sessions, and forms that other sites send."""

from __future__ import annotations

import httpx
import pytest

PASSWORD = "four plain words here"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(site):
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client


def log_in(browser: httpx.Client, **further: str) -> httpx.Response:
    return browser.post("/login", data={"name": "linh", "password": PASSWORD, **further}, headers=SAME)


def test_a_session_cookie_is_for_this_site_and_no_script(browser) -> None:
    answer = log_in(browser)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert browser.get("/sites/f1").status_code == 200


def test_over_https_the_cookie_never_travels_in_the_clear(factory) -> None:
    from console.app import create_app

    app = create_app(factory.context("https://osh.example.org"))
    assert app.state.house.context.cookie.startswith("__Host-")
    assert app.state.house.context.secure


def test_after_login_one_lands_where_one_wanted_to_go(browser) -> None:
    assert browser.get("/zones/f1.gluing?trend=x").headers["location"] == "/login?next=/zones/f1.gluing%3Ftrend%3Dx"
    assert log_in(browser, next="/zones/f1.gluing").headers["location"] == "/zones/f1.gluing"


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_login_leads_to_no_other_site(browser, elsewhere: str) -> None:
    assert log_in(browser, next=elsewhere).headers["location"] == "/"


def test_a_wrong_password_is_told_without_saying_which_half_is_wrong(browser) -> None:
    one = browser.post("/login", data={"name": "linh", "password": "wrong"}, headers=SAME)
    other = browser.post("/login", data={"name": "nobody", "password": "wrong"}, headers=SAME)
    assert one.status_code == other.status_code == 401
    assert "The name or the password is wrong." in one.text
    assert "The name or the password is wrong." in other.text


def test_guessing_is_slowed_down(browser) -> None:
    for _ in range(5):
        browser.post("/login", data={"name": "linh", "password": "guess"}, headers=SAME)
    answer = log_in(browser)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300


def test_logging_out_ends_the_session_at_the_server(browser) -> None:
    log_in(browser)
    token = dict(browser.cookies)
    browser.post("/logout", headers=SAME)
    assert httpx.get(f"{browser.base_url}/sites/f1", cookies=token).status_code == 303


def test_a_session_ends_when_the_role_changes(browser, site) -> None:
    from storage.records.people import PeopleRepository

    log_in(browser)
    PeopleRepository(site.factory.engine).change_role("linh", role="officer", grant="k1")
    assert browser.get("/sites/f1").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {}],
    ids=["cross-site", "same-site", "foreign origin", "opaque origin", "no sign of origin"],
)
def test_a_form_from_another_site_is_refused(browser, headers: dict[str, str]) -> None:
    log_in(browser)
    alert = browser.get("/api/v1/alerts").json()["items"][0]["id"]
    for path in (f"/alerts/{alert}/acknowledge", f"/api/v1/alerts/{alert}/acknowledge"):
        assert browser.post(path, headers=headers).status_code == 403
    assert browser.get(f"/api/v1/alerts/{alert}").json()["acknowledged"] is None


@pytest.mark.parametrize("own", ["Sec-Fetch-Site", "Origin"])
def test_ones_own_form_is_taken(browser, own: str) -> None:
    log_in(browser)
    alert = browser.get("/api/v1/alerts").json()["items"][0]["id"]
    headers = {"Sec-Fetch-Site": "same-origin"} if own == "Sec-Fetch-Site" else {"Origin": str(browser.base_url).rstrip("/")}
    assert browser.post(f"/alerts/{alert}/acknowledge", data={"text": "on my way"}, headers=headers).status_code == 303
    assert browser.get(f"/api/v1/alerts/{alert}").json()["acknowledged"]["text"] == "on my way"


def test_a_login_sent_from_another_site_is_refused(browser) -> None:
    answer = browser.post("/login", data={"name": "linh", "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_one_time_code_only_opens_the_way_to_ones_own_password(browser, site) -> None:
    from storage.records.people import PeopleRepository

    PeopleRepository(site.factory.engine).add_user(name="lan", role="worker_representative", grant="f1", password="abcd-ef01-2345-6789", one_time=True)
    answer = browser.post("/login", data={"name": "lan", "password": "abcd-ef01-2345-6789"}, headers=SAME)
    assert answer.headers["location"] == "/password?name=lan"
    assert "set-cookie" not in answer.headers
    weak = browser.post("/password", data={"name": "lan", "old": "abcd-ef01-2345-6789", "new": "short"}, headers=SAME)
    assert weak.status_code == 422
    done = browser.post("/password", data={"name": "lan", "old": "abcd-ef01-2345-6789", "new": "my very own words"}, headers=SAME)
    assert done.status_code == 303
    assert browser.get("/alerts").status_code == 200
