"""Alive, ready, and numbers for Prometheus: without a login, so without a name in them."""

from __future__ import annotations

import httpx
import pytest

from console.api.probes import problems_of
from console.app import create_app
from domain.errors import NotReady
from domain.times import SECOND_US
from storage.records.notifications import Message, NotificationsRepository
from storage.records.services import ServicesRepository


def problems(factory, **context: object) -> list[str]:
    return problems_of(create_app(factory.context(**context)).state.house)


def test_it_is_alive_and_ready(standing) -> None:
    assert httpx.get(f"{standing.url}/healthz").json() == {"status": "ok"}
    assert (httpx.get(f"{standing.url}/readyz").status_code, httpx.get(f"{standing.url}/readyz").json()["problems"]) == (200, [])


def test_it_is_not_ready_without_ingest(site, beat) -> None:
    beat(site.factory, ready=False, problem="the broker does not answer")
    answer = httpx.get(f"{site.url}/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["ingest: the broker does not answer"])


def test_an_old_heartbeat_is_none(factory, beat) -> None:
    beat(factory, age_s=31)
    assert problems(factory) == ["ingest: no heartbeat for 30 s"]


@pytest.mark.parametrize(("stored", "expected"), [(0, ["ingest: no reading from a device is stored yet"]), (1, [])])
def test_the_demo_waits_for_its_first_reading(factory, beat, stored: int, expected: list[str]) -> None:
    beat(factory, stored_live_readings=stored)
    assert problems(factory, wait_for_reading=True) == expected


def test_a_database_that_does_not_answer_is_named(factory) -> None:
    def check() -> None:
        raise NotReady("connection refused")

    assert problems(factory, checks={"broker": check}) == ["broker: connection refused"]


def test_metrics_count_and_name_no_place(standing) -> None:
    text = httpx.get(f"{standing.url}/metrics").text
    assert 'oshwatch_packs{part="ingest"} 40' in text
    assert 'oshwatch_up{part="ingest"} 1' in text
    assert not any(word in text for word in ("f1", "ironing", "agent-", "air_temperature"))


def test_metrics_tell_the_outbox_as_it_is_and_channels_by_kind(site, beat) -> None:
    now_us = site.factory.clock.now_us()
    late = Message(alert="a1", reason="raised-1", channel="f1-hook", recipient="f1-hook", subject="s", text="t", created_us=now_us - 90 * SECOND_US, site="f1")
    NotificationsRepository(site.factory.engine).put([late])
    counters = {"notification_sent:email": 7.0, "pager_done": 3.0, "No metric": 1.0, "x:f1-hook": 1.0}
    ServicesRepository(site.factory.engine).heartbeat("alerts", 1, site.factory.context().wall.now_us(), True, "", counters)
    lines = httpx.get(f"{site.url}/metrics").text.splitlines()
    assert {"oshwatch_notification_waiting 1", 'oshwatch_notification_sent{part="alerts",kind="email"} 7', 'oshwatch_pager_done{part="alerts"} 3'} <= set(lines)
    assert any(line.startswith("oshwatch_notification_oldest_seconds 9") for line in lines)
    assert not any("f1" in line or "No metric" in line for line in lines)
