"""What could not be accepted, and why; ingest's ledger puts it in, this reads it, counts it and marks what a retry accepted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, Row, Select, func, select, update

from domain.errors import NotFound
from storage.records.paging import MAX_LIMIT, Page, after, page_of
from storage.records.sql import reading, writing
from storage.records.tables import quarantine

State = Literal["held", "accepted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineItem:
    """One pack (`whole`) or one record; `times` counts how often the same came."""

    id: int
    agent: str
    site: str
    boot: str
    seq: int
    refusal: str
    detail: str
    payload: bytes
    whole: bool
    digest: bytes
    arrived_us: int
    state: State
    times: int


class QuarantineRepository:
    """Nothing is ever deleted here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, sites: Collection[str] | None, *, state: State | None = None, agent: str | None = None, limit: int = 100, cursor: str | None = None) -> Page[QuarantineItem]:
        """Newest first. `sites` None: all, also what unknown agents sent; else those sites alone."""
        limit = min(max(limit, 1), MAX_LIMIT)
        of = _of(sites).order_by(quarantine.c.id.desc()).limit(limit + 1)
        of = of.where(quarantine.c.state == state) if state else of
        of = of.where(quarantine.c.agent == agent) if agent else of
        before = after(cursor)
        of = of.where(quarantine.c.id < before) if before is not None else of
        items = self._items(of)
        return page_of(items, [item.id for item in items], limit)

    def get(self, id: int, sites: Collection[str] | None = None) -> QuarantineItem:
        """Raises `NotFound`, also for what lies outside `sites`."""
        found = self._items(_of(sites).where(quarantine.c.id == id))
        if not found:
            raise NotFound(f"nothing in quarantine with id {id}")
        return found[0]

    def held(self, refusals: Collection[str] | None = None, *, agent: str | None = None, after_id: int = 0, limit: int = 500) -> Sequence[QuarantineItem]:
        """What waits for its cause to go, oldest first, a portion at a time: ask again with the last id."""
        of = select(quarantine).where(quarantine.c.state == "held", quarantine.c.id > after_id).order_by(quarantine.c.id).limit(limit)
        of = of.where(quarantine.c.refusal.in_(refusals)) if refusals is not None else of
        return self._items(of.where(quarantine.c.agent == agent) if agent else of)

    def mark(self, id: int, state: State, *, site: str | None = None) -> None:
        """`site` names where it belongs once its agent is known."""
        with writing(self._engine) as connection:
            connection.execute(update(quarantine).where(quarantine.c.id == id).values(state=state, **({} if site is None else {"site": site})))

    def bytes_held(self, agent: str) -> int:
        of = select(func.coalesce(func.sum(func.length(quarantine.c.payload)), 0)).where(quarantine.c.agent == agent, quarantine.c.state == "held")
        with reading(self._engine) as connection:
            return int(connection.execute(of).scalar_one())

    def counts(self, sites: Collection[str] | None = None, *, state: State = "held") -> dict[str, int]:
        """How many by refusal."""
        of = select(quarantine.c.refusal, func.count()).where(quarantine.c.state == state).group_by(quarantine.c.refusal)
        of = of.where(quarantine.c.site.in_(sites)) if sites is not None else of
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(of)}

    def _items(self, of: Select[Any]) -> Sequence[QuarantineItem]:
        with reading(self._engine) as connection:
            return [_item(row) for row in connection.execute(of)]


def _of(sites: Collection[str] | None) -> Select[Any]:
    return select(quarantine) if sites is None else select(quarantine).where(quarantine.c.site.in_(sites))


def _item(row: Row[Any]) -> QuarantineItem:
    return QuarantineItem(**row._asdict())
