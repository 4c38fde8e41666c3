"""The chain test's own record: a proof of a channel that was asked for, and its receipt."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, insert, select, update

from domain.times import DAY_US
from storage.records.sql import reading, writing
from storage.records.tables import channel_proofs

KEPT_US = 90 * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`received_us` None: no receipt yet."""

    channel: str
    kind: str  # silent, or weekly@site
    asked_us: int
    received_us: int | None = None
    problem: str = ""
    id: int = 0


class ProofsRepository:
    """The chain test asks, each channel's own thread answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, channel: str, kind: str, now_us: int) -> None:
        with writing(self._engine) as connection:
            connection.execute(insert(channel_proofs).values(channel=channel, kind=kind, asked_us=now_us, received_us=None, problem=""))
            connection.execute(delete(channel_proofs).where(channel_proofs.c.asked_us < now_us - KEPT_US))

    def asked(self, channel: str, kind: str) -> Proof | None:
        """The latest one, if it has no receipt yet."""
        last = self.last(channel, kind)
        return last if last and last.received_us is None and not last.problem else None

    def last(self, channel: str, kind: str) -> Proof | None:
        return self._latest(channel_proofs.c.channel == channel, channel_proofs.c.kind == kind)

    def last_received(self, channel: str, kind: str) -> Proof | None:
        return self._latest(channel_proofs.c.channel == channel, channel_proofs.c.kind == kind, channel_proofs.c.received_us.is_not(None))

    def answer(self, id: int, *, received_us: int | None = None, problem: str = "") -> None:
        with writing(self._engine) as connection:
            connection.execute(update(channel_proofs).where(channel_proofs.c.id == id).values(received_us=received_us, problem=problem[:300]))

    def latest(self) -> list[Proof]:
        """The last one of each channel and kind."""
        ids = select(func.max(channel_proofs.c.id)).group_by(channel_proofs.c.channel, channel_proofs.c.kind)
        with reading(self._engine) as connection:
            rows = connection.execute(select(channel_proofs).where(channel_proofs.c.id.in_(ids)).order_by(channel_proofs.c.channel, channel_proofs.c.kind))
            return [Proof(**row._asdict()) for row in rows]

    def _latest(self, *where: object) -> Proof | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(channel_proofs).where(*where).order_by(channel_proofs.c.id.desc()).limit(1)).first()  # type: ignore[arg-type]
        return Proof(**row._asdict()) if row else None
