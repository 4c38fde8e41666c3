"""What each boot sent with a wrong clock, and by how much it was wrong once its agent knew: re-timing survives a restart of ingest."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Engine, Row, select

from storage.records.sql import reading
from storage.records.tables import clock_events, unsynchronised

_SPANS = msgspec.json.Decoder(dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsynchronisedRow:
    """One boot. `spans` by channel: first and last time of what is stored at a wrong time and not yet superseded; `offset_us` None: not known yet."""

    agent: str
    boot: str
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    offset_us: int | None = None

    def columns(self) -> dict[str, object]:
        return {"agent": self.agent, "boot": self.boot, "spans": msgspec.json.encode(self.spans).decode(), "offset_us": self.offset_us}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEventRow:
    """What this boot sent before `seq`, unsynchronised or ahead of time, is wrong by `offset_us`."""

    agent: str
    boot: str
    seq: int
    offset_us: int


class UnsynchronisedRepository:
    """Reads them; the ledger writes them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, agent: str, boot: str) -> UnsynchronisedRow | None:
        of = select(unsynchronised).where(unsynchronised.c.agent == agent, unsynchronised.c.boot == boot)
        with reading(self._engine) as connection:
            row = connection.execute(of).first()
            return _row(row) if row else None

    def events(self, agent: str, boot: str) -> list[ClockEventRow]:
        """In the order in which the boot sent them."""
        of = select(clock_events).where(clock_events.c.agent == agent, clock_events.c.boot == boot).order_by(clock_events.c.seq)
        with reading(self._engine) as connection:
            return [ClockEventRow(**row._asdict()) for row in connection.execute(of)]

    def to_supersede(self) -> list[UnsynchronisedRow]:
        """Boots whose offset is known while what they stored at a wrong time still stands."""
        of = select(unsynchronised).where(unsynchronised.c.offset_us.is_not(None), unsynchronised.c.spans != "{}")
        with reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(of)]


def _row(row: Row[tuple[str, str, str, int | None]]) -> UnsynchronisedRow:
    return UnsynchronisedRow(agent=row.agent, boot=row.boot, spans=_SPANS.decode(row.spans), offset_us=row.offset_us)
