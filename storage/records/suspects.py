"""What the anomaly model suspects now: no verdict reads it; live windows are had with these channels replaced beside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Engine, delete, select

from storage.records.sql import reading, upsert, writing
from storage.records.tables import suspects


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """One channel under suspicion, in words a person understands."""

    channel: str
    kind: Literal["fault", "event"]
    fault_type: str
    since_us: int
    score: float
    text: str
    evidence: str = ""  # JSON of models.anomaly.Evidence


class SuspectsRepository:
    """One row a channel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert(self, found: Sequence[Suspect]) -> None:
        with writing(self._engine) as connection:
            upsert(connection, suspects, [asdict(suspect) for suspect in found])

    def replace_all(self, found: Sequence[Suspect]) -> None:
        """These and no others, in one transaction."""
        with writing(self._engine) as connection:
            connection.execute(delete(suspects))
            upsert(connection, suspects, [asdict(suspect) for suspect in found])

    def all(self, channels: Collection[str] | None = None) -> list[Suspect]:
        of = select(suspects).order_by(suspects.c.channel)
        of = of.where(suspects.c.channel.in_(channels)) if channels is not None else of
        with reading(self._engine) as connection:
            return [Suspect(**row._asdict()) for row in connection.execute(of)]
