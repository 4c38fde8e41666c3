"""What the wire says of each agent, known or waiting to be enrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, case, select

from domain.messages import Status
from storage.records.sql import insert_on, reading, writing
from storage.records.tables import agents

AgentState = Literal["online", "offline", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent; `health` is the JSON of its last health message, or ""."""

    agent: str
    state: AgentState
    boot: str
    version: str
    config: str
    last_seen_us: int
    state_since_us: int
    health: str


class AgentsRepository:
    """Every method makes the agent's row when there is none. `at_us` is arrival time and never moves `last_seen_us` back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def seen(self, agent: str, at_us: int) -> None:
        self.seen_many({agent: at_us})

    def seen_many(self, seen: Mapping[str, int]) -> None:
        """One transaction for all whose packs came since the last call."""
        if seen:
            with writing(self._engine) as connection:
                for agent, at_us in seen.items():
                    _put(connection, agent, at_us, {})

    def status(self, agent: str, status: Status, at_us: int) -> bool:
        """A birth or a will; returns whether the state changed. `state_since_us` moves only then."""
        with writing(self._engine) as connection:
            return _put_status(connection, agent, status, at_us)

    def health(self, agent: str, health: str, at_us: int) -> None:
        with writing(self._engine) as connection:
            _put(connection, agent, at_us, {"health": health})

    def said(self, said: Sequence[tuple[str, Status | str, int]]) -> None:
        """Statuses and healths of many agents in the order they came, in one transaction: thousands may come back at once."""
        with writing(self._engine) as connection:
            for agent, what, at_us in said:
                if isinstance(what, Status):
                    _put_status(connection, agent, what, at_us)
                else:
                    _put(connection, agent, at_us, {"health": what})

    def all(self) -> list[AgentRow]:
        with reading(self._engine) as connection:
            return [AgentRow(**row._asdict()) for row in connection.execute(select(agents).order_by(agents.c.agent))]

    def get(self, agent: str) -> AgentRow | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(agents).where(agents.c.agent == agent)).first()
            return AgentRow(**row._asdict()) if row else None


def _put_status(connection: Connection, agent: str, status: Status, at_us: int) -> bool:
    before = connection.execute(select(agents.c.state).where(agents.c.agent == agent)).scalar()
    values: dict[str, str | int] = {"state": status.state, "boot": status.boot, "version": status.version, "config": status.config}
    if before != status.state:
        values |= {"state_since_us": at_us}
    _put(connection, agent, at_us, values, is_sighting=status.state == "online")
    return before != status.state


def _put(connection: Connection, agent: str, at_us: int, values: Mapping[str, str | int], *, is_sighting: bool = True) -> None:
    """A will speaks for the agent but is no sign of life from it."""
    new = {"agent": agent, "state": "unknown", "boot": "", "version": "", "config": "", "health": "", "last_seen_us": at_us, "state_since_us": at_us, **values}
    statement = insert_on(connection, agents).values(new)
    changes: dict[str, object] = dict(values)
    if is_sighting:
        excluded = statement.excluded.last_seen_us
        changes["last_seen_us"] = case((excluded > agents.c.last_seen_us, excluded), else_=agents.c.last_seen_us)
    connection.execute(statement.on_conflict_do_update(index_elements=["agent"], set_=changes) if changes else statement.on_conflict_do_nothing())
