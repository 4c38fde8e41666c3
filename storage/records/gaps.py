"""Spans without samples and why, for completeness and for what a person asks about a hole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from storage.records.sql import reading
from storage.records.tables import gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A declared gap (`seq` of its event) or one that the centre found (-1); `sensor` "": the whole agent."""

    id: int
    agent: str
    boot: str
    seq: int
    sensor: str
    start_us: int
    stop_us: int
    from_seq: int | None
    to_seq: int | None
    cause: str
    text: str
    arrived_us: int


class GapsRepository:
    """Reads them; the ledger writes and shrinks them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def between(self, agents: Collection[str] | None, start_us: int, stop_us: int) -> list[Gap]:
        """All of these agents (None: of any) that overlap [start, stop), by start."""
        of = select(gaps).where(gaps.c.start_us < stop_us, gaps.c.stop_us > start_us).order_by(gaps.c.start_us, gaps.c.id)
        of = of if agents is None else of.where(gaps.c.agent.in_(agents))
        with reading(self._engine) as connection:
            return [_gap(row) for row in connection.execute(of)]

    def of_agent(self, agent: str, start_us: int, stop_us: int) -> list[Gap]:
        return self.between([agent], start_us, stop_us)


def fill(connection: Connection, agent: str, boot: str, seq: int, start_us: int, stop_us: int) -> int:
    """A pack of a declared gap arrived after all: takes its seq, and at an end its span, out of the gap; one in the middle parts the gap. Returns how many gaps it touched."""
    inside = select(gaps).where(gaps.c.agent == agent, gaps.c.boot == boot, gaps.c.from_seq <= seq, gaps.c.to_seq >= seq)
    found = connection.execute(inside).all()
    for row in found:
        gap = _gap(row)
        rest = _rest(gap, seq, start_us, stop_us)
        if not rest:
            connection.execute(delete(gaps).where(gaps.c.id == gap.id))
            continue
        connection.execute(update(gaps).where(gaps.c.id == gap.id).values(rest[0]))
        if len(rest) > 1:
            copied = {name: value for name, value in row._asdict().items() if name != "id"}
            connection.execute(insert(gaps).values({**copied, **rest[1]}))
    return len(found)


def _gap(row: Row[Any]) -> Gap:
    return Gap(**{**row._asdict(), "from_seq": row.from_seq if row.from_seq >= 0 else None})


def _rest(gap: Gap, seq: int, start_us: int, stop_us: int) -> list[dict[str, Any]]:
    parts = []
    if gap.from_seq is not None and gap.from_seq < seq:
        parts.append({"from_seq": gap.from_seq, "to_seq": seq - 1, "start_us": gap.start_us, "stop_us": _within(gap, start_us)})
    if gap.to_seq is not None and gap.to_seq > seq:
        parts.append({"from_seq": seq + 1, "to_seq": gap.to_seq, "start_us": _within(gap, stop_us), "stop_us": gap.stop_us})
    return parts


def _within(gap: Gap, time_us: int) -> int:
    return min(max(time_us, gap.start_us), gap.stop_us)
