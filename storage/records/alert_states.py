"""What each alert is now, beside its journal: written in the transaction of its steps, read by lists, figures and the start. A stale row (`last_id` 0) is folded anew by `alerts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, select, update

from domain.times import DAY_US
from storage.records.sql import reading, upsert, writing
from storage.records.tables import alarm_days, alert_states

STALE_AT_ONCE = 1000
OPEN_STATES = ("unacknowledged", "acknowledged", "returned_unacknowledged", "latched_acknowledged", "shelved", "suppressed_by_design", "out_of_service")
"""ISA-18.2's words but `normal`: an alert is open in each of them, and the index knows them."""
FIGURED = ("zone", "type", "severity", "raised_us", "returned_us", "acknowledged_us", "acknowledged_role", "excursions", "calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """One alert. `body` is the whole of it; the other columns are what is filtered and counted by."""

    alert: str
    raised_id: int
    site: str
    zone: str
    hazard: str
    type: str
    severity: str
    state: str
    open: bool
    raised_us: int
    returned_us: int | None
    acknowledged_us: int | None
    acknowledged_role: str
    last_id: int
    excursions: int
    calls: int
    body: bytes


def put_state(connection: Connection, row: StateRow) -> None:
    """In the transaction that appends to the journal; the figures of the day it was raised on are to be made anew."""
    upsert(connection, alert_states, [asdict(row)])
    connection.execute(delete(alarm_days).where(alarm_days.c.site == row.site, alarm_days.c.day == row.raised_us // DAY_US))


def mark_stale(connection: Connection, row: StateRow) -> None:
    """For a writer that does not say what the alert is now."""
    upsert(connection, alert_states, [asdict(row)], update=["last_id"])


class AlertStatesRepository:
    """Sites None: all of them, with alerts of no site."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def stale(self) -> list[str]:
        with reading(self._engine) as connection:
            return list(connection.scalars(select(alert_states.c.alert).where(alert_states.c.last_id == 0).limit(STALE_AT_ONCE)))

    def heal(self, rows: Sequence[StateRow]) -> None:
        """Unless somebody else has by now."""
        with writing(self._engine) as connection:
            for row in rows:
                values = {name: value for name, value in asdict(row).items() if name != "alert"}
                connection.execute(update(alert_states).where(alert_states.c.alert == row.alert, alert_states.c.last_id == 0).values(values))

    def open(self, sites: Sequence[str] | None = None) -> list[bytes]:
        """In the order they were raised."""
        is_open = alert_states.c.open if sites is None else alert_states.c.site.in_(list(sites)) & alert_states.c.state.in_(OPEN_STATES)
        with reading(self._engine) as connection:  # sorted here: asked for an order, SQLite walks every alert of the site
            found = connection.execute(select(alert_states.c.raised_id, alert_states.c.body).where(is_open)).all()
        return [row.body for row in sorted(found, key=lambda row: row.raised_id)]

    def page(
        self,
        sites: Sequence[str] | None,
        *,
        severity: str | None = None,
        states: Sequence[str] | None = None,
        since_us: int | None = None,
        after: int = 0,
        limit: int = 100,
        latest: bool = False,
    ) -> list[tuple[int, bytes]]:
        """(id of the first step, body), ascending from a step id on, or the latest first. The sites are asked one by one: each has its own index."""
        found: list[tuple[int, bytes]] = []
        with reading(self._engine) as connection:
            for site in self._each(connection, sites):
                where: list[ColumnElement[bool]] = [alert_states.c.site == site]
                if severity is not None:
                    where.append(alert_states.c.severity == severity)
                first = after + 1 if since_us is None else max(after + 1, _first_since(connection, site, since_us))
                for some in [None] if states is None else states:  # each state is a run of the index
                    of = select(alert_states.c.raised_id, alert_states.c.body).where(*where, alert_states.c.raised_id >= first)
                    of = of if some is None else of.where(alert_states.c.state == some)
                    of = of if since_us is None else of.where(alert_states.c.raised_us >= since_us)
                    order = alert_states.c.raised_id.desc() if latest else alert_states.c.raised_id
                    found += [(row.raised_id, row.body) for row in connection.execute(of.order_by(order).limit(limit))]
        return sorted(found, key=lambda pair: pair[0], reverse=latest)[:limit]

    def raised_between(self, sites: Sequence[str] | None, start_us: int, stop_us: int) -> list[Row[Any]]:
        """`FIGURED` of every alarm, by when it was raised; notices are none."""
        columns = [alert_states.c[name] for name in FIGURED]
        where = [alert_states.c.raised_us >= start_us, alert_states.c.raised_us < stop_us, alert_states.c.severity != "notice"]
        with reading(self._engine) as connection:
            return [row for site in self._each(connection, sites) for row in connection.execute(select(*columns).where(alert_states.c.site == site, *where)).all()]

    def _each(self, connection: Connection, sites: Sequence[str] | None) -> list[str]:
        """Every site by skips of the index: a DISTINCT would read all of it."""
        if sites is not None:
            return list(sites)
        found: list[str] = []
        site = connection.scalar(select(func.min(alert_states.c.site)))
        while site is not None:
            found.append(site)
            site = connection.scalar(select(func.min(alert_states.c.site)).where(alert_states.c.site > site))
        return found


class AlarmDaysRepository:
    """Figures of past days, kept until one of their alerts changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def between(self, site: str, first: int, after: int) -> dict[int, bytes]:
        where = (alarm_days.c.site == site, alarm_days.c.day >= first, alarm_days.c.day < after)
        with reading(self._engine) as connection:
            return {row.day: row.body for row in connection.execute(select(alarm_days.c.day, alarm_days.c.body).where(*where))}

    def put(self, site: str, days: dict[int, bytes]) -> None:
        with writing(self._engine) as connection:
            upsert(connection, alarm_days, [{"site": site, "day": day, "body": body} for day, body in days.items()])


def _first_since(connection: Connection, site: str, since_us: int) -> int:
    """The lowest step id among what was raised from then on, by the index alone; late data are journaled long after their time.

    Of a bare column PostgreSQL would rather walk all ids from the first one until one is young enough.
    """
    times = (alert_states.c.site == site, alert_states.c.raised_us >= since_us)
    return int(connection.scalar(select(func.min(alert_states.c.raised_id + 0)).where(*times)) or 0)
