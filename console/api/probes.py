"""Probes at the root: alive, ready, and numbers for Prometheus. They need no login, so they say nothing of sites, zones or channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from console.context import House, house_of
from console.security import PUBLIC
from domain.errors import NotReady
from domain.senml import Refusal
from domain.times import SECOND_US
from storage.records.notifications import NotificationsRepository, Waiting
from storage.records.services import ServiceRow

router = APIRouter(tags=["probes"], dependencies=[Depends(PUBLIC)])

HEARTBEAT_MAX_AGE_US = 30 * SECOND_US
INGEST = "ingest"
STOPPED = "stopped"
FIRST_READING = "stored_live_readings"
_METRIC = re.compile(r"([a-z_][a-z0-9_]*)(?::([a-z]+))?")


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """`problems` says in words what is not ready."""

    ready: bool
    problems: list[str]


@router.get("/healthz")
def healthz() -> Response:
    """This process answers."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """200 when broker and databases answer and ingest is at work; in the demo after the first reading from a device."""
    problems = problems_of(house_of(request))
    return Response(msgspec.json.encode(Readiness(ready=not problems, problems=problems)), 503 if problems else 200, media_type="application/json")


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Counters of every running part."""
    house = house_of(request)
    lines = ["# TYPE oshwatch_up gauge", "# TYPE oshwatch_ready gauge"]
    for row in house.stores.services.all():
        fresh = house.context.wall.now_us() - row.at_us <= HEARTBEAT_MAX_AGE_US
        lines += [f'oshwatch_up{{part="{row.name}"}} {int(fresh)}', f'oshwatch_ready{{part="{row.name}"}} {int(fresh and row.ready)}']
        lines += [line for name, value in sorted(row.counters.items()) if (line := counter_line(row.name, name, value))]
    lines += notification_lines(NotificationsRepository(house.context.engine).waiting(house.context.clock.now_us()), house.context.clock.now_us())
    lines += quarantine_lines(house.stores.quarantine.counts())
    lines += ["# TYPE oshwatch_live_listeners gauge", f"oshwatch_live_listeners {house.hub.listeners}", f"oshwatch_live_errors {house.hub.errors}"]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def counter_line(part: str, name: str, value: float) -> str:
    """A part's own counter; `name:kind` carries its kind as a label; what is no name of a metric is left out."""
    match = _METRIC.fullmatch(name)
    kind = f',kind="{match[2]}"' if match and match[2] else ""
    return f'oshwatch_{match[1]}{{part="{part}"{kind}}} {value:g}' if match else ""


def notification_lines(waiting: Waiting, now_us: int) -> list[str]:
    """The outbox as it is, also when nobody empties it."""
    oldest_s = (now_us - waiting.oldest_us) / SECOND_US if waiting.oldest_us is not None else 0.0
    return [
        "# TYPE oshwatch_notification_waiting gauge",
        f"oshwatch_notification_waiting {waiting.count}",
        "# TYPE oshwatch_notification_oldest_seconds gauge",
        f"oshwatch_notification_oldest_seconds {max(0.0, oldest_s):g}",
    ]


def quarantine_lines(held: Mapping[str, int]) -> list[str]:
    """What waits in quarantine now, by reason; ingest's own counters say how much came since it started."""
    reasons = {refusal.value: 0 for refusal in Refusal} | dict(held)
    return ["# TYPE oshwatch_quarantine_held gauge", *(f'oshwatch_quarantine_held{{reason="{reason.replace(" ", "_")}"}} {count}' for reason, count in sorted(reasons.items()))]


def problems_of(house: House) -> list[str]:
    """Everything that stands in the way, not only the first."""
    services: list[ServiceRow] = []

    def records() -> None:
        services.extend(house.stores.services.all())

    checks: dict[str, Callable[[], None]] = {"records": records, "time series": house.context.timeseries.ping, **house.context.checks}
    problems = [problem for name, check in checks.items() if (problem := _problem(name, check))]
    return [*problems, *_ingest(house, services)]


def _problem(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as error:
        return f"{name}: {error}"
    return ""


def _ingest(house: House, services: list[ServiceRow]) -> list[str]:
    """One worker has all agents, or several share them: then those that live must hold every slot."""
    rows = [row for row in services if row.name.partition("-")[0] == INGEST]
    if not rows:
        return ["ingest: has not started"]
    alive = [row for row in rows if house.context.wall.now_us() - row.at_us <= HEARTBEAT_MAX_AGE_US and row.problem != STOPPED]
    if not alive:
        stopped = any(row.problem == STOPPED and house.context.wall.now_us() - row.at_us <= HEARTBEAT_MAX_AGE_US for row in rows)
        return [f"ingest: {STOPPED}" if stopped else "ingest: no heartbeat for 30 s"]
    not_ready = [f"{row.name}: {row.problem or 'not ready'}" for row in alive if not row.ready]
    if not_ready:
        return not_ready
    slots, held = max(row.counters.get("slots", 0) for row in alive), sum(row.counters.get("slots_held", 0) for row in alive)
    if held < slots:
        return [f"ingest: {slots - held:g} of {slots:g} shares of the agents have no worker"]
    if house.context.wait_for_reading and not any(row.counters.get(FIRST_READING) for row in alive):
        return ["ingest: no reading from a device is stored yet"]
    return []
