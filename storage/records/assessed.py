"""Which ended shifts were computed and when, and which are to be compared once more: found again after a restart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from storage.records.sql import reading, upsert
from storage.records.tables import assessed_shifts

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedShift:
    """One ended shift of one zone."""

    zone: str
    shift_date: str
    shift_name: str
    start_us: int
    stop_us: int
    computed_us: int
    again_us: int | None = None


class AssessedRepository:
    """Written with the verdicts of the shift, by assess alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self) -> list[AssessedShift]:
        """Those that are to be compared once more."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(assessed_shifts).where(assessed_shifts.c.again_us.is_not(None)).order_by(assessed_shifts.c.again_us))
            return [AssessedShift(**row._asdict()) for row in rows]

    def between(self, zones: Collection[str], start_us: int, stop_us: int) -> list[AssessedShift]:
        """Shifts of these zones that overlap [start, stop), by start and zone."""
        c, names = assessed_shifts.c, sorted(zones)
        found: list[AssessedShift] = []
        with reading(self._engine) as connection:
            for part in _parts(names):
                of = select(assessed_shifts).where(c.zone.in_(part), c.stop_us > start_us, c.start_us < stop_us)
                found += [AssessedShift(**row._asdict()) for row in connection.execute(of)]
        return sorted(found, key=lambda one: (one.start_us, one.zone))


def note(connection: Connection, shifts: Sequence[AssessedShift]) -> None:
    """In a transaction that stands open."""
    upsert(connection, assessed_shifts, [{name: getattr(shift, name) for name in AssessedShift.__slots__} for shift in shifts])


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE)]
