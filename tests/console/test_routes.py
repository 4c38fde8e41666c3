"""Every route declares who may use it; who may not, learns nothing."""

from __future__ import annotations

import json

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from console.app import create_app
from console.problems import MEDIA_TYPE
from console.security import GRANTED, HEADERS, Permission, Public, Require
from domain.scope import Role

BOARDS = {"/w/{code}", "/w/{code}/wall", "/w/{code}/sheet", "/w/{code}/poster", "/w/{code}/paper", "/w/{code}/concern"}
"""Workers have no accounts: who can read the code on the wall of a zone sees that zone, and may write without a name. A code is 120 random bits, and opens nothing else."""
OPEN_TO_ALL = {"/healthz", "/readyz", "/metrics", "/login", "/logout", "/password", "/api/v1/openapi.json", "/acknowledge/{token}"} | BOARDS


def declared(route: APIRoute) -> list[Permission]:
    return [dependency.call.permission for dependency in route.dependant.dependencies if isinstance(dependency.call, Require | Public)]


@pytest.fixture(scope="session")
def routes(standing):
    app = create_app(standing.factory.context())
    return app.routes


def test_every_route_declares_one_permission(routes) -> None:
    undeclared = [route.path for route in routes if not isinstance(route, Mount) and (not isinstance(route, APIRoute) or len(declared(route)) != 1)]
    assert undeclared == []


def test_only_the_named_routes_are_public(routes) -> None:
    public = {route.path for route in routes if isinstance(route, APIRoute) and declared(route) == [Permission.PUBLIC]}
    assert public == OPEN_TO_ALL
    assert {route.path for route in routes if isinstance(route, Mount)} == {"/static"}


def test_what_changes_something_asks_for_more_than_reading(routes) -> None:
    changing = {
        route.path: declared(route)[0] for route in routes if isinstance(route, APIRoute) and route.methods - {"GET", "HEAD"} and declared(route)[0] is not Permission.PUBLIC
    }
    assert set(changing.values()) == set(Permission) - {Permission.READ, Permission.PUBLIC}
    assert "/api/v1/alerts/{alert}/{action}" in changing


def test_nobody_gets_in_without_a_login(routes, standing) -> None:
    asked = 0
    for route in routes:
        if not isinstance(route, APIRoute) or route.path in OPEN_TO_ALL:
            continue
        path = route.path.replace(":path", "").format(
            site="f1", zone="f1.ironing-1", channel="agent-gluing.gluing.co2", alert="a0", action="acknowledge", id="1", record="rec-1", change="chg-1", path="Things"
        )
        asked += 1
        for method in route.methods:
            answer = standing.request(method, path, who=None)
            if path.startswith("/api/"):
                assert (answer.status_code, answer.headers["content-type"]) == (401, MEDIA_TYPE), path
                assert answer.headers["www-authenticate"].startswith("Bearer")
            else:
                assert answer.status_code == 303, path
                assert answer.headers["location"].startswith("/login"), path
    assert asked > 20


@pytest.mark.parametrize("secret", ["x", "nonsense", "osh_nonsense"])
def test_a_wrong_token_is_401(standing, secret: str) -> None:
    answer = standing.request("GET", "/api/v1/sites", who=None, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert answer.json()["title"] == "Not logged in"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/sites/k1",
        "/api/v1/sites/k1/zones",
        "/api/v1/zones/k1.press/channels",
        "/api/v1/zones/k1.press/now",
        "/api/v1/channels/agent-k.press.co2/readings",
        "/api/v1/sites/k1/exposures",
        "/api/v1/alerts?site=k1",
        "/api/v1/live?site=k1",
        "/api/v1/sites/f1/exposures?zone=k1.press",
        "/sites/k1",
        "/zones/k1.press",
        "/zones/k1.press/trend.json",
        "/sites/k1/plan.css",
    ],
)
def test_what_is_in_another_scope_does_not_exist(standing, path: str) -> None:
    assert standing.get(path, who="linh").status_code == 404
    assert standing.get(path.replace("k1.press", "f9.nothing").replace("k1", "f9").replace("agent-k.", "agent-z."), who="linh").status_code == 404


def test_a_foreign_alert_does_not_exist_and_cannot_be_acknowledged(standing) -> None:
    foreign = standing.get("/api/v1/alerts", who="kim").json()["items"][0]["id"]
    assert standing.get(f"/api/v1/alerts/{foreign}", who="linh").status_code == 404
    assert standing.post(f"/api/v1/alerts/{foreign}/acknowledge", who="linh", json={"text": ""}).status_code == 404


@pytest.mark.parametrize(("who", "sites"), [("linh", ["f1"]), ("tran", ["f1"]), ("kim", ["k1"]), ("lee", ["k1", "f1"])])
def test_each_sees_the_sites_of_their_scope(standing, who: str, sites: list[str]) -> None:
    assert [site["id"] for site in standing.get("/api/v1/sites", who=who).json()["items"]] == sites


@pytest.mark.parametrize("who", ["tran", "lee", "root"])
def test_inspector_programme_and_administrator_only_read_alerts(standing, who: str) -> None:
    alert = standing.get("/api/v1/alerts?site=f1", who=who).json()["items"][0]["id"]
    answer = standing.post(f"/api/v1/alerts/{alert}/acknowledge", who=who, json={"text": "seen"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, MEDIA_TYPE)


@pytest.mark.parametrize("who", ["hoa", "minh", "tran", "lee"])
def test_quarantine_is_retried_by_officer_and_administrator_only(standing, who: str) -> None:
    assert standing.post("/api/v1/quarantine/1/retry", who=who).status_code == 403


def test_every_role_is_granted_reading() -> None:
    assert GRANTED[Permission.READ] == set(Role)


def test_every_answer_carries_the_security_headers(standing) -> None:
    for path in ("/login", "/sites/f1", "/api/v1/sites", "/nope", "/static/oshwatch.css", "/api/v1/nope"):
        answer = standing.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
    assert "unsafe-inline" not in HEADERS["Content-Security-Policy"]


def test_answers_for_one_person_are_not_kept_by_caches(standing) -> None:
    assert standing.get("/api/v1/sites").headers["cache-control"] == "no-store"
    assert "no-store" not in standing.get("/static/oshwatch.css?v=1").headers["cache-control"]


def test_unknown_paths_are_problems_for_programs_and_pages_for_people(standing) -> None:
    assert standing.get("/api/v1/nope").headers["content-type"] == MEDIA_TYPE
    page = standing.get("/nope")
    assert (page.status_code, "<h1>Nothing here</h1>" in page.text) == (404, True)


def test_the_document_describes_every_api_route(standing, routes) -> None:
    document = standing.get("/api/v1/openapi.json", who=None).json()
    api = {route.path.replace(":path", "") for route in routes if isinstance(route, APIRoute) and route.path.startswith("/api/") and route.include_in_schema}
    assert set(document["paths"]) >= api
    references = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert references <= set(document["components"]["schemas"])
