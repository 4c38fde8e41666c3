"""Heartbeat and counters of each running part, for /readyz, /metrics and `oshwatch doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Engine, select

from storage.records.sql import reading, upsert, writing
from storage.records.tables import services

_COUNTERS = msgspec.json.Decoder(dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """One part as it last spoke; `at_us` is real time, also under a scenario clock; `problem` says why it is not ready."""

    name: str
    pid: int
    at_us: int
    ready: bool
    problem: str
    counters: Mapping[str, float] = field(default_factory=dict)


class ServicesRepository:
    """One row a part: ingest, alerts, console."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def heartbeat(self, name: str, pid: int, at_us: int, ready: bool, problem: str = "", counters: Mapping[str, float] | None = None) -> None:
        row = {"name": name, "pid": pid, "at_us": at_us, "ready": ready, "problem": problem, "counters": msgspec.json.encode(dict(counters or {})).decode()}
        with writing(self._engine) as connection:
            upsert(connection, services, [row])

    def all(self) -> list[ServiceRow]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(services).order_by(services.c.name)).all()
        return [ServiceRow(**{**row._asdict(), "counters": _COUNTERS.decode(row.counters)}) for row in rows]
