"""Lab results, append-only: a wrong one is superseded by another, and both stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select

from domain.errors import BadInput
from domain.lab import LabResult, check_set
from domain.registry import Entry, Registry
from storage.records.paging import Page, after, page_of
from storage.records.registry import amend_with
from storage.records.sql import reading, writing
from storage.records.tables import lab_results


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabResult:
    """A result, who entered it, and what replaced it."""

    id: int
    site: str
    zone: str
    result: LabResult
    author: str
    reason: str
    recorded_us: int
    superseded_by: int | None


Get = Callable[[int], StoredLabResult | None]
Entries = Callable[[Registry, StoredLabResult, Get], Sequence[Entry]]
"""What enters the registry together with a result, from what stands there and from other results by id."""


class LabResultsRepository:
    """Of zones that the caller has already been found to see."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, site: str, zone: str, result: LabResult, *, author: str, reason: str, now_us: int, entries: Entries | None = None) -> StoredLabResult:
        """In one transaction with the `entries` that go with it. Raises `BadInput` when it supersedes what is not there, is of another zone, or was superseded before, and when it does
        not go with the rest of its set."""
        with writing(self._engine) as connection:
            _check_superseded(connection, zone, result)
            check_set(result, _standing(connection, zone, result) if result.set else [])
            values = {
                "site": site,
                "zone": zone,
                "agent": result.agent,
                "start_us": result.start_us,
                "stop_us": result.stop_us,
                "supersedes": result.supersedes,
                "author": author,
                "reason": reason,
                "recorded_us": now_us,
                "body": msgspec.json.encode(result),
            }
            (id,) = connection.execute(insert(lab_results).values(values)).inserted_primary_key or (0,)
            stored = StoredLabResult(id=id, site=site, zone=zone, result=result, author=author, reason=reason, recorded_us=now_us, superseded_by=None)
            if entries is not None:
                amend_with(connection, lambda registry: entries(registry, stored, lambda wanted: _get(connection, wanted)))
            return stored

    def of_zone(self, zone: str, *, limit: int = 100, cursor: str | None = None) -> Page[StoredLabResult]:
        """In the order in which they were entered."""
        known = after(cursor)
        of = select(lab_results).where(lab_results.c.zone == zone, lab_results.c.id > (known or 0)).order_by(lab_results.c.id).limit(limit + 1)
        with reading(self._engine) as connection:
            rows = connection.execute(of).all()
            newer = _superseded_by(connection, zone)
        found = [_stored(row, newer) for row in rows]
        return page_of(found, [one.id for one in found], limit)

    def get(self, id: int) -> StoredLabResult | None:
        """One result, whatever replaced it."""
        with reading(self._engine) as connection:
            return _get(connection, id)

    def entered_after(self, id: int) -> list[StoredLabResult]:
        """Of all zones, in the order in which they were entered; what replaced them is not said."""
        with reading(self._engine) as connection:
            return [_stored(row, {}) for row in connection.execute(select(lab_results).where(lab_results.c.id > id).order_by(lab_results.c.id))]


def _get(connection: Connection, id: int) -> StoredLabResult | None:
    row = connection.execute(select(lab_results).where(lab_results.c.id == id)).one_or_none()
    return None if row is None else _stored(row, _superseded_by(connection, row.zone))


def _superseded_by(connection: Connection, zone: str) -> dict[int, int]:
    of = select(lab_results.c.supersedes, lab_results.c.id).where(lab_results.c.zone == zone, lab_results.c.supersedes.is_not(None))
    return {int(row.supersedes): int(row.id) for row in connection.execute(of)}


def _standing(connection: Connection, zone: str, result: LabResult) -> list[LabResult]:
    """What stands of the zone's results of the same substance, but for the one that this replaces."""
    newer = _superseded_by(connection, zone)
    rows = connection.execute(select(lab_results.c.id, lab_results.c.body).where(lab_results.c.zone == zone, lab_results.c.agent == result.agent))
    return [msgspec.json.decode(row.body, type=LabResult) for row in rows if row.id not in newer and row.id != result.supersedes]


def _check_superseded(connection: Connection, zone: str, result: LabResult) -> None:
    if result.supersedes is None:
        return
    held = connection.execute(select(lab_results.c.zone).where(lab_results.c.id == result.supersedes)).scalar()
    if held != zone:
        raise BadInput(f"no result {result.supersedes} in this zone", field="supersedes", remedy="the id of the result that this one corrects")
    if result.supersedes in _superseded_by(connection, zone):
        raise BadInput(f"result {result.supersedes} was superseded before", field="supersedes", remedy="correct the one that stands now")


def _stored(row: Row[Any], newer: dict[int, int]) -> StoredLabResult:
    return StoredLabResult(
        id=row.id,
        site=row.site,
        zone=row.zone,
        result=msgspec.json.decode(row.body, type=LabResult),
        author=row.author,
        reason=row.reason,
        recorded_us=row.recorded_us,
        superseded_by=newer.get(row.id),
    )
