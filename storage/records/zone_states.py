"""The live state of each zone as assess last computed it, for the floor and the API; the body stays bytes, since storage knows nothing of assess."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, case, select

from storage.records.sql import insert_on, reading, writing
from storage.records.tables import zone_states


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStateRow:
    """One zone's state to be saved; `body` is the JSON of assess.live.LiveZone, `at_us` its time."""

    zone: str
    site: str
    status: str
    at_us: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneState:
    """One zone's state on record; `since_us`: since when it has this status."""

    zone: str
    site: str
    status: str
    since_us: int
    computed_us: int
    body: bytes


class ZoneStatesRepository:
    """One row a zone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save_many(self, states: Sequence[ZoneStateRow]) -> None:
        """One transaction; `since_us` moves only when the status does."""
        if not states:
            return
        with writing(self._engine) as connection:
            statement = insert_on(connection, zone_states)
            new = statement.excluded
            since = case((new.status == zone_states.c.status, zone_states.c.since_us), else_=new.since_us)
            changes = {"site": new.site, "status": new.status, "since_us": since, "computed_us": new.computed_us, "body": new.body}
            rows = [{"zone": state.zone, "site": state.site, "status": state.status, "since_us": state.at_us, "computed_us": state.at_us, "body": state.body} for state in states]
            connection.execute(statement.on_conflict_do_update(index_elements=["zone"], set_=changes), rows)

    def all(self, sites: Collection[str] | None = None) -> list[ZoneState]:
        of = select(zone_states).order_by(zone_states.c.zone)
        of = of.where(zone_states.c.site.in_(sites)) if sites is not None else of
        with reading(self._engine) as connection:
            return [ZoneState(**row._asdict()) for row in connection.execute(of)]

    def get(self, zone: str) -> ZoneState | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(zone_states).where(zone_states.c.zone == zone)).first()
            return ZoneState(**row._asdict()) if row else None
