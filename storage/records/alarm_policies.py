"""A site's alarm policies, append-only: a signature appends the policy anew with it; the latest row of a policy counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, insert, select

from storage.records.sql import reading, writing
from storage.records.tables import alarm_policies


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    site: str
    policy: str
    valid_from_us: int
    recorded_us: int
    author: str
    reason: str
    body: bytes


class AlarmPoliciesRepository:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: PolicyRow) -> None:
        values = {name: getattr(row, name) for name in PolicyRow.__slots__}
        with writing(self._engine) as connection:
            connection.execute(insert(alarm_policies).values(values))

    def of_site(self, site: str) -> list[PolicyRow]:
        """The latest row of each policy, in the order in which they were first entered."""
        latest: dict[str, PolicyRow] = {}
        columns = [alarm_policies.c[name] for name in PolicyRow.__slots__]
        with reading(self._engine) as connection:
            for row in connection.execute(select(*columns).where(alarm_policies.c.site == site).order_by(alarm_policies.c.id)):
                latest[row.policy] = PolicyRow(**row._asdict())
        return list(latest.values())

    def sites(self) -> list[str]:
        with reading(self._engine) as connection:
            return list(connection.scalars(select(alarm_policies.c.site).distinct()))

    def last_id(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.coalesce(func.max(alarm_policies.c.id), 0))) or 0)
