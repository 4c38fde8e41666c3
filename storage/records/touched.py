"""Spans that late data or a changed registry touched: assess takes them, recomputes, and clears what it has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from storage.records.ledger import TouchedRow
from storage.records.sql import reading, writing
from storage.records.tables import touched

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One span of one channel."""

    id: int
    channel: str
    start_us: int
    stop_us: int
    arrived_us: int


class TouchedRepository:
    """A queue that survives a kill: what was taken and not cleared is taken again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, rows: Sequence[TouchedRow], arrived_us: int) -> None:
        if rows:
            values = [{"channel": row.channel, "start_us": row.start_us, "stop_us": row.stop_us, "arrived_us": arrived_us} for row in rows]
            with writing(self._engine) as connection:
                connection.execute(touched.insert(), values)

    def take(self, limit: int = 1_000) -> list[Touched]:
        """The oldest; they stay until cleared."""
        with reading(self._engine) as connection:
            return [Touched(**row._asdict()) for row in connection.execute(select(touched).order_by(touched.c.id).limit(limit))]

    def clear(self, ids: Sequence[int]) -> None:
        with writing(self._engine) as connection:
            for start in range(0, len(ids), _AT_ONCE):
                connection.execute(delete(touched).where(touched.c.id.in_(ids[start : start + _AT_ONCE])))
