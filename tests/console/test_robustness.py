"""Whatever is asked, the answer is an answer: never a 500, never a page that is not well-formed JSON where JSON is promised."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NASTY = st.one_of(
    st.text(max_size=30),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        [
            "f1",
            "f1.ironing-1",
            "agent-gluing.gluing.co2",
            "*",
            "..",
            "%00",
            "null",
            "1e400",
            "NaN",
            "-1",
            "2026-11-25T03:30:00Z",
            "all",
            "9" * 400,
            "1m",
            "' OR 1=1 --",
            "\x00",
            "\ud7ff",
        ]
    ),
)


@pytest.fixture(scope="module")
def operations(standing):
    document = standing.get("/api/v1/openapi.json").json()
    return [(method, path, spec.get("parameters", [])) for path, item in document["paths"].items() for method, spec in item.items() if not path.endswith("/live")]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_request_is_answered_with_a_500(standing, operations, data: st.DataObject) -> None:
    method, path, parameters = data.draw(st.sampled_from(operations))
    address = re.sub(r"\{\w+\}", lambda _: quote(data.draw(NASTY), safe=""), path)
    query = {item["name"]: data.draw(NASTY) for item in parameters if item["in"] == "query" and data.draw(st.booleans())}
    answer = standing.request(method.upper(), address, params=query, who="lee")
    assert answer.status_code < 500, (method, address, query, answer.text)
    if answer.headers.get("content-type", "").endswith("json"):
        answer.json()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_page_fails_on_what_stands_in_its_address(standing, data: st.DataObject) -> None:
    path = data.draw(
        st.sampled_from(
            [
                "/sites/{}",
                "/zones/{}",
                "/alerts/{}",
                "/zones/{}/trend.json",
                "/sites/f1?trend={}",
                "/zones/f1.gluing?trend={}",
                "/alerts?site={}",
                "/alerts?show={}",
                "/login?next={}",
                "/?lang={}",
            ]
        )
    )
    answer = standing.get(path.format(quote(data.draw(NASTY), safe="")))
    assert answer.status_code < 500, answer.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_any_body_is_answered(standing, body: bytes) -> None:
    assert standing.post("/api/v1/alerts/a0/comment", content=body).status_code in (403, 404, 422)


DEEP = b"[" * 30_000 + b"]" * 30_000


@pytest.mark.parametrize("body", [DEEP, b'{"x": ' + DEEP + b"}", b'{"text": "\xff"}'])
def test_a_body_that_no_reader_can_follow_is_answered_by_every_route(standing, operations, body: bytes) -> None:
    for method, path, _ in operations:
        if method in ("post", "put", "patch"):
            answer = standing.request(method.upper(), re.sub(r"\{\w+\}", "f1", path), content=body, who="lee")
            assert answer.status_code < 500, (method, path, answer.text)
