"""Verdict revisions: append-only once final; while a shift runs its verdicts are updated in place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, Select, func, insert, select, tuple_, update

from domain.times import parse_instant, to_rfc3339
from domain.verdict import Verdict
from storage.records.sql import reading, writing
from storage.records.tables import verdicts

_KEY = (verdicts.c.zone, verdicts.c.shift_date, verdicts.c.shift_name, verdicts.c.placement, verdicts.c.hazard, verdicts.c.metric, verdicts.c.limit_ref)
_DECODER = msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict and how it came about; its own `revision` and `computed_at` are those stored."""

    id: int
    verdict: Verdict
    final: bool
    why: str
    computed_us: int
    shift_start_us: int
    shift_stop_us: int


class VerdictRepository:
    """Keyed by `Verdict.key`; assess is the only writer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, verdict: Verdict, *, final: bool, why: str, computed_us: int, new_revision: bool) -> Verdict:
        return self.save_many([verdict], final=final, why=why, computed_us=computed_us, new_revision=new_revision)[0]

    def save_many(self, results: Sequence[Verdict], *, final: bool, why: str, computed_us: int, new_revision: bool) -> list[Verdict]:
        """As stored, in one transaction. What says nothing new writes nothing; a final verdict is never rewritten: a change of it is a new revision, asked for or not."""
        with writing(self._engine) as connection:
            return [_save(connection, verdict, final, why, computed_us, new_revision) for verdict in results]

    def latest(
        self,
        *,
        site: str | None = None,
        zones: Collection[str] | None = None,
        date: str | None = None,
        shift: str | None = None,
        hazard: str | None = None,
        start_us: int | None = None,
        stop_us: int | None = None,
    ) -> list[StoredVerdict]:
        """The latest revision of each, by shift and zone; `start_us`, `stop_us`: shifts that overlap [start, stop)."""
        return self._found(_newest(_filters(site, zones, date, shift, hazard, start_us, stop_us)))

    def revisions(
        self,
        *,
        site: str | None = None,
        zones: Collection[str] | None = None,
        date: str | None = None,
        shift: str | None = None,
        hazard: str | None = None,
        start_us: int | None = None,
        stop_us: int | None = None,
    ) -> list[StoredVerdict]:
        """All revisions, the oldest of each first."""
        return self._found(select(verdicts).where(*_filters(site, zones, date, shift, hazard, start_us, stop_us)))

    def for_shifts(self, site: str, shifts: Collection[tuple[str, str]]) -> list[StoredVerdict]:
        """The latest revisions of these (date, name) of a site."""
        if not shifts:
            return []
        return self._found(_newest([verdicts.c.site == site, tuple_(verdicts.c.shift_date, verdicts.c.shift_name).in_(list(shifts))]))

    def _found(self, of: Select[Any]) -> list[StoredVerdict]:
        with reading(self._engine) as connection:
            rows = connection.execute(of.order_by(verdicts.c.shift_start_us, *_KEY, verdicts.c.revision))
            return [_stored(row) for row in rows]


def _filters(site: str | None, zones: Collection[str] | None, date: str | None, shift: str | None, hazard: str | None, start_us: int | None, stop_us: int | None) -> list[Any]:
    equal = {verdicts.c.site: site, verdicts.c.shift_date: date, verdicts.c.shift_name: shift, verdicts.c.hazard: hazard}
    found: list[Any] = [column == value for column, value in equal.items() if value is not None]
    if zones is not None:
        found.append(verdicts.c.zone.in_(zones))
    if start_us is not None:
        found.append(verdicts.c.shift_stop_us > start_us)
    if stop_us is not None:
        found.append(verdicts.c.shift_start_us < stop_us)
    return found


def _newest(filters: Sequence[Any]) -> Select[Any]:
    """Ids count up with revisions, and every filter is on the key or on what the key decides."""
    newest = select(func.max(verdicts.c.id)).where(*filters).group_by(*_KEY)
    return select(verdicts).where(verdicts.c.id.in_(newest))


def _save(connection: Connection, verdict: Verdict, final: bool, why: str, computed_us: int, new_revision: bool) -> Verdict:
    latest = select(verdicts).where(*(column == value for column, value in zip(_KEY, verdict.key, strict=True))).order_by(verdicts.c.revision.desc()).limit(1)
    row = connection.execute(latest).first()
    before = _stored(row) if row else None
    if before is not None and _same(before.verdict, verdict):
        if final and not before.final:
            connection.execute(update(verdicts).where(verdicts.c.id == before.id).values(final=True))
        return before.verdict
    revision = 1 if before is None else before.verdict.revision + (new_revision or before.final)
    result = msgspec.structs.replace(verdict, revision=revision, computed_at=to_rfc3339(computed_us))
    values = {"final": final, "why": why, "computed_us": computed_us, "body": msgspec.json.encode(result)}
    if before is not None and revision == before.verdict.revision:
        connection.execute(update(verdicts).where(verdicts.c.id == before.id).values(values))
    else:
        connection.execute(insert(verdicts).values({**_columns(result), **values}))
    return result


def _same(stored: Verdict, new: Verdict) -> bool:
    return msgspec.structs.replace(new, revision=stored.revision, computed_at=stored.computed_at) == stored


def _columns(verdict: Verdict) -> dict[str, Any]:
    return {
        "site": verdict.site,
        "shift_start_us": parse_instant(verdict.shift.start),
        "shift_stop_us": parse_instant(verdict.shift.stop),
        "revision": verdict.revision,
        **{column.name: value for column, value in zip(_KEY, verdict.key, strict=True)},
    }


def _stored(row: Row[Any]) -> StoredVerdict:
    return StoredVerdict(
        id=row.id,
        verdict=_DECODER.decode(row.body),
        final=row.final,
        why=row.why,
        computed_us=row.computed_us,
        shift_start_us=row.shift_start_us,
        shift_stop_us=row.shift_stop_us,
    )
