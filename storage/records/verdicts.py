"""Verdict revisions: append-only once final; while a shift runs its verdicts are updated in place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, Select, bindparam, false, func, insert, select, tuple_, update

from domain.errors import BadInput
from domain.times import DAY_US, HOUR_US, parse_instant, to_rfc3339
from domain.verdict import Verdict
from storage.records.assessed import AssessedShift, note
from storage.records.sql import reading, writing
from storage.records.tables import verdicts

_KEY = (verdicts.c.zone, verdicts.c.shift_date, verdicts.c.shift_name, verdicts.c.placement, verdicts.c.hazard, verdicts.c.metric, verdicts.c.limit_ref)
Key = tuple[str, str, str, str, str, str, str]

_LONGEST_SHIFT_US = 26 * HOUR_US
"""A day, and an hour more where the clock is set back."""
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


Withdrawn = Callable[[list[Verdict], list[Verdict]], list[Verdict]]
"""From the results of a shift and what is on record of it under no key of theirs: results that say that something is no more."""


@dataclass(frozen=True, slots=True)
class EndedShift:
    """All final results of one, the note that it was computed, and why it was."""

    results: Sequence[Verdict]
    shift: AssessedShift
    why: str


class VerdictRepository:
    """Keyed by `Verdict.key`; assess is the only writer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, verdict: Verdict, *, final: bool, why: str, computed_us: int, new_revision: bool) -> Verdict:
        return self.save_many([verdict], final=final, why=why, computed_us=computed_us, new_revision=new_revision)[0]

    def save_many(self, results: Sequence[Verdict], *, final: bool, why: str, computed_us: int, new_revision: bool) -> list[Verdict]:
        """As stored, in one transaction. What says nothing new writes nothing; a final verdict is never rewritten: a change of it is a new revision, asked for or not.

        Of two results for one key the last is saved.
        """
        saving = _Saving(final=final, why=why, computed_us=computed_us, new_revision=new_revision)
        with writing(self._engine) as connection:
            saved = saving.save(results, _held(connection, {verdict.key[:3] for verdict in results}))
            _apply(connection, [saving])
        return saved

    def save_shift(self, results: Sequence[Verdict], shift: AssessedShift, *, why: str, withdrawn: Withdrawn) -> list[Verdict]:
        """All final results of one ended shift, with those that `withdrawn` adds, and the note that it was computed: one transaction."""
        return self.save_shifts([EndedShift(results, shift, why)], withdrawn=withdrawn)[0]

    def save_shifts(self, ended: Sequence[EndedShift], *, withdrawn: Withdrawn) -> list[list[Verdict]]:
        """Those of several shifts, all in one transaction: it is kept of all or of none."""
        with writing(self._engine) as connection:
            savings = [_Saving(final=True, why=one.why, computed_us=one.shift.computed_us, new_revision=False) for one in ended]
            saved = [_save_shift(connection, one, saving, withdrawn) for one, saving in zip(ended, savings, strict=True)]
            _apply(connection, savings)
            note(connection, [one.shift for one in ended])
        return saved

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

    def get(self, id: int) -> StoredVerdict | None:
        """One revision."""
        return next(iter(self._found(select(verdicts).where(verdicts.c.id == id))), None)

    def of_key(self, key: Key) -> list[StoredVerdict]:
        """All revisions of one result, the oldest first."""
        return self._found(select(verdicts).where(*(column == value for column, value in zip(_KEY, key, strict=True))))

    def for_shifts(self, site: str, shifts: Collection[tuple[str, str]]) -> list[StoredVerdict]:
        """The latest revisions of these (date, name) of a site."""
        if not shifts:
            return []
        dates = [date for date, _ in shifts]
        return self._found(_newest([verdicts.c.site == site, *_near(min(dates), max(dates)), tuple_(verdicts.c.shift_date, verdicts.c.shift_name).in_(list(shifts))]))

    def _found(self, of: Select[Any]) -> list[StoredVerdict]:
        with reading(self._engine) as connection:
            rows = connection.execute(of.order_by(verdicts.c.shift_start_us, *_KEY, verdicts.c.revision))
            return [_stored(row) for row in rows]


def _filters(site: str | None, zones: Collection[str] | None, date: str | None, shift: str | None, hazard: str | None, start_us: int | None, stop_us: int | None) -> list[Any]:
    equal = {verdicts.c.site: site, verdicts.c.shift_date: date, verdicts.c.shift_name: shift, verdicts.c.hazard: hazard}
    found: list[Any] = [column == value for column, value in equal.items() if value is not None]
    if zones is not None:
        found.append(verdicts.c.zone.in_(zones))
    if date is not None:
        found += _near(date, date)
    if start_us is not None:
        found += [verdicts.c.shift_stop_us > start_us, verdicts.c.shift_start_us > start_us - _LONGEST_SHIFT_US]
    if stop_us is not None:
        found.append(verdicts.c.shift_start_us < stop_us)
    return found


def _near(first: str, last: str) -> list[Any]:
    """What these local dates can mean anywhere on Earth, in terms of the index on time; they decide, this only makes it quick."""
    try:
        start, stop = (parse_instant(f"{date}T00:00:00Z") for date in (first, last))
    except BadInput:
        return [false()]
    return [verdicts.c.shift_start_us > start - DAY_US, verdicts.c.shift_start_us < stop + 2 * DAY_US]


def _newest(filters: Sequence[Any]) -> Select[Any]:
    """Ids count up with revisions, and every filter is on the key or on what the key decides."""
    newest = select(func.max(verdicts.c.id)).where(*filters).group_by(*_KEY)
    return select(verdicts).where(verdicts.c.id.in_(newest))


@dataclass(frozen=True, slots=True)
class _OnRecord:
    """A latest revision, its body read only where it has to be."""

    id: int
    revision: int
    final: bool
    computed_us: int
    body: bytes

    @property
    def verdict(self) -> Verdict:
        return _DECODER.decode(self.body)

    def same(self, new: Verdict) -> Verdict | None:
        """What is on record where the new one says the same."""
        stands = msgspec.structs.replace(new, revision=self.revision, computed_at=to_rfc3339(self.computed_us))
        if msgspec.json.encode(stands) == self.body:
            return stands
        stored = self.verdict
        return stored if msgspec.structs.replace(new, revision=stored.revision, computed_at=stored.computed_at) == stored else None


_ON_RECORD = select(*_KEY, verdicts.c.id, verdicts.c.revision, verdicts.c.final, verdicts.c.computed_us, verdicts.c.body).order_by(verdicts.c.revision)


def _held(connection: Connection, shifts: Iterable[tuple[str, str, str]]) -> dict[Key, _OnRecord]:
    """The latest revision on record of each key of these shifts (zone, date, name)."""
    held: dict[Key, _OnRecord] = {}
    for zone, date, name in sorted(shifts):
        of = _ON_RECORD.where(verdicts.c.zone == zone, verdicts.c.shift_date == date, verdicts.c.shift_name == name)
        held.update((row[: len(_KEY)], _OnRecord(*row[len(_KEY) :])) for row in map(tuple, connection.execute(of)))
    return held


def _save_shift(connection: Connection, ended: EndedShift, saving: _Saving, withdrawn: Withdrawn) -> list[Verdict]:
    shift, results = ended.shift, list(ended.results)
    held = _held(connection, {(shift.zone, shift.shift_date, shift.shift_name)})
    keys = {verdict.key for verdict in results}
    return saving.save([*results, *withdrawn(results, [one.verdict for key, one in held.items() if key not in keys])], held)


@dataclass(slots=True, kw_only=True)
class _Saving:
    """What will be written of one shift, or of several with one reason."""

    final: bool
    why: str
    computed_us: int
    new_revision: bool
    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)

    def save(self, results: Sequence[Verdict], held: Mapping[Key, _OnRecord]) -> list[Verdict]:
        """Of two results for one key the last."""
        wanted = {verdict.key: verdict for verdict in results}
        saved = {key: self.take(verdict, held.get(key)) for key, verdict in wanted.items()}
        return [saved[verdict.key] for verdict in results]

    def take(self, verdict: Verdict, before: _OnRecord | None) -> Verdict:
        """The verdict as it will stand on record."""
        if before is not None and (stands := before.same(verdict)) is not None:
            if self.final and not before.final:
                self.ended.append({"row": before.id})
            return stands
        revision = 1 if before is None else before.revision + (self.new_revision or before.final)
        result = msgspec.structs.replace(verdict, revision=revision, computed_at=to_rfc3339(self.computed_us))
        values = {"final": self.final, "why": self.why, "computed_us": self.computed_us, "body": msgspec.json.encode(result)}
        if before is not None and revision == before.revision:
            self.updates.append({"row": before.id, **values})
        else:
            self.inserts.append({**_columns(result), **values})
        return result


def _apply(connection: Connection, savings: Sequence[_Saving]) -> None:
    """What all of them will write."""
    its_row = verdicts.c.id == bindparam("row")
    ended, updates, inserts = ([row for saving in savings for row in rows_of(saving)] for rows_of in (attrgetter("ended"), attrgetter("updates"), attrgetter("inserts")))
    if ended:
        connection.execute(update(verdicts).where(its_row).values(final=True), ended)
    if updates:
        connection.execute(update(verdicts).where(its_row).values({name: bindparam(name) for name in ("final", "why", "computed_us", "body")}), updates)
    if inserts:
        connection.execute(insert(verdicts), inserts)


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
