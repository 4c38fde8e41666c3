"""Retention rules and legal holds: how long readings and minutes of a site and quantity are kept, and what nobody may delete meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Engine, insert, select, update

from domain.errors import BadInput, NotFound
from storage.records.sql import reading, writing
from storage.records.tables import holds, retention_rules

ANY = "*"
READINGS_DAYS_MIN = 45
"""A month's results may be contested, and a correction needs the samples."""
HoldKind = Literal["review", "evidence", "inspector"]
"""An open review, an evidence pack, an inspector's request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    site: str  # or "*"
    quantity: str  # or "*"
    readings_days: int
    minutes_days: int
    set_us: int
    set_by: str
    reason: str

    @property
    def text(self) -> str:
        return f"{self.site} {self.quantity}: readings {self.readings_days} d, minutes {self.minutes_days} d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Everything of a site in [start, stop)."""

    id: int
    site: str
    kind: HoldKind
    start_us: int
    stop_us: int
    reference: str
    placed_us: int
    placed_by: str
    released_us: int | None
    released_by: str
    release_reason: str


class RetentionRepository:
    """Rules are appended, holds are placed and released; nothing is taken back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, rule: RetentionRule) -> None:
        if rule.readings_days < READINGS_DAYS_MIN:
            raise BadInput(f"{rule.readings_days} days", field="readings-days", remedy=f"give {READINGS_DAYS_MIN} or more: corrections and reviews need the samples")
        if rule.minutes_days < rule.readings_days:
            raise BadInput("minutes would go before the readings they stand for", field="minutes-days", remedy="give as many days as for readings, or more")
        values = {name: getattr(rule, name) for name in ("site", "quantity", "readings_days", "minutes_days", "set_us", "set_by", "reason")}
        with writing(self._engine) as connection:
            connection.execute(insert(retention_rules).values(values))

    def rules(self) -> list[RetentionRule]:
        """Those that count now, by site and quantity."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(retention_rules).order_by(retention_rules.c.id)).all()
        latest = {(row.site, row.quantity): RetentionRule(**{name: value for name, value in row._asdict().items() if name != "id"}) for row in rows}
        return [latest[key] for key in sorted(latest)]

    def place(self, *, site: str, kind: HoldKind, start_us: int, stop_us: int, reference: str, by: str, at_us: int) -> Hold:
        if kind not in get_args(HoldKind):
            raise BadInput(f"'{kind}' is no kind of hold", field="kind", remedy=", ".join(get_args(HoldKind)))
        if start_us >= stop_us:
            raise BadInput("ends before it starts", field="stop", remedy="give a later end")
        values = {"site": site, "kind": kind, "start_us": start_us, "stop_us": stop_us, "reference": reference, "placed_us": at_us, "placed_by": by}
        with writing(self._engine) as connection:
            done = connection.execute(insert(holds).values({**values, "released_by": "", "release_reason": ""}))
            (id,) = done.inserted_primary_key or (0,)
        return Hold(**values, id=id, released_us=None, released_by="", release_reason="")  # type: ignore[arg-type]

    def release(self, id: int, *, by: str, reason: str, at_us: int) -> None:
        open_ = update(holds).where(holds.c.id == id, holds.c.released_us.is_(None)).values(released_us=at_us, released_by=by, release_reason=reason)
        with writing(self._engine) as connection:
            if not connection.execute(open_).rowcount:
                raise NotFound(f"no open hold {id}")

    def holds(self, site: str | None = None, *, released: bool = False) -> list[Hold]:
        """Open ones, or all with `released`."""
        of = select(holds).order_by(holds.c.id)
        of = of if released else of.where(holds.c.released_us.is_(None))
        of = of if site is None else of.where(holds.c.site == site)
        with reading(self._engine) as connection:
            return [Hold(**row._asdict()) for row in connection.execute(of)]


def rule_for(rules: list[RetentionRule], site: str, quantity: str) -> RetentionRule | None:
    """The closest one: of the site and quantity, of the site, of the quantity, of all."""
    known = {(rule.site, rule.quantity): rule for rule in rules}
    return next((known[key] for key in ((site, quantity), (site, ANY), (ANY, quantity), (ANY, ANY)) if key in known), None)
