"""Spans that late data or a changed registry touched: assess takes them, recomputes, and clears what it has done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine, delete, select

from storage.records.ledger import TouchedRow, touched_row
from storage.records.sql import reading, writing
from storage.records.tables import touched

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One span of one channel; `id`: of the commit that brought it."""

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
            with writing(self._engine) as connection:
                connection.execute(touched.insert(), touched_row(rows, arrived_us))

    def take(self, known: Collection[int] = (), limit: int = 500) -> list[Touched]:
        """Of the oldest commits that are not known yet; they stay until cleared."""
        with reading(self._engine) as connection:
            fresh = [id for id in connection.execute(select(touched.c.id).order_by(touched.c.id)).scalars() if id not in known][:limit]
            found = connection.execute(select(touched).where(touched.c.id.in_(fresh)).order_by(touched.c.id)).all() if fresh else []
        spans = [(row, msgspec.json.decode(row.body, type=list[tuple[str, int, int]])) for row in found]
        return [Touched(id=row.id, channel=channel, start_us=start_us, stop_us=stop_us, arrived_us=row.arrived_us) for row, some in spans for channel, start_us, stop_us in some]

    def clear(self, ids: Sequence[int]) -> None:
        with writing(self._engine) as connection:
            for start in range(0, len(ids), _AT_ONCE):
                connection.execute(delete(touched).where(touched.c.id.in_(ids[start : start + _AT_ONCE])))
