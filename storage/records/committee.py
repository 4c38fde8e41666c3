"""The joint committee's journal: append-only entries by subject. What a review, a meeting or a mandate is now is a fold of its entries (`alerts.review`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, insert, select, update

from storage.records.sql import insert_on, reading, writing
from storage.records.tables import committee_journal, committee_subjects

SubjectKind = Literal["review", "meeting", "account", "mandates"]
_ASK_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something before the committee; `about` names what it is about, and there is one subject of a kind about it."""

    id: str
    site: str
    kind: SubjectKind
    about: str
    opened_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeEntry:
    """One row of the journal; `id` 0 until it is appended."""

    subject: str
    site: str
    entry: str
    recorded_us: int
    by: str = ""
    role: str = ""
    inspector_only: bool = False
    body: bytes = b"{}"
    id: int = 0


Decide = Callable[[list[CommitteeEntry]], Sequence[CommitteeEntry]]


class CommitteeRepository:
    """Appends under a lock on the subject, so that two people never decide on the same old state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, subject: Subject, first: Sequence[CommitteeEntry]) -> bool:
        """A new subject with its first entries; False, and nothing written, where there is one about the same thing."""
        with writing(self._engine) as connection:
            values = {"id": subject.id, "site": subject.site, "kind": subject.kind, "about": subject.about, "opened_us": subject.opened_us}
            new = insert_on(connection, committee_subjects).on_conflict_do_nothing().values(values).returning(committee_subjects.c.id)
            added = connection.execute(new).first() is not None
            if added:
                _append(connection, first)
            return added

    def change(self, subject: str, decide: Decide) -> list[CommitteeEntry]:
        """Decide on a subject's entries, append, and answer with all of them."""
        with writing(self._engine) as connection:
            connection.execute(update(committee_subjects).where(committee_subjects.c.id == subject).values(id=subject))
            before = _of(connection, [subject]).get(subject, [])
            return [*before, *_append(connection, decide(before))]

    def subject(self, id: str) -> Subject | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(committee_subjects).where(committee_subjects.c.id == id)).first()
        return Subject(**row._asdict()) if row else None

    def about(self, kind: SubjectKind, about: str) -> Subject | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(committee_subjects).where(committee_subjects.c.kind == kind, committee_subjects.c.about == about)).first()
        return Subject(**row._asdict()) if row else None

    def subjects(self, kind: SubjectKind, sites: Sequence[str], *, after: tuple[int, str] | None = None, limit: int | None = None) -> list[Subject]:
        """Newest first; `after`: only those opened before this (opened_us, id)."""
        query = select(committee_subjects).where(committee_subjects.c.kind == kind, committee_subjects.c.site.in_(list(sites)))
        if after is not None:
            opened_us, id = after
            query = query.where((committee_subjects.c.opened_us < opened_us) | ((committee_subjects.c.opened_us == opened_us) & (committee_subjects.c.id < id)))
        query = query.order_by(committee_subjects.c.opened_us.desc(), committee_subjects.c.id.desc())
        with reading(self._engine) as connection:
            return [Subject(**row._asdict()) for row in connection.execute(query if limit is None else query.limit(limit))]

    def entries(self, subject: str) -> list[CommitteeEntry]:
        return self.entries_of([subject]).get(subject, [])

    def entries_of(self, subjects: Sequence[str]) -> dict[str, list[CommitteeEntry]]:
        """Entries by subject, in the order they were appended."""
        with reading(self._engine) as connection:
            return _of(connection, subjects)

    def since(self, site: str, entries: Sequence[str], since_us: int) -> list[CommitteeEntry]:
        """What was recorded of these kinds from an instant on, the oldest first."""
        where = (committee_journal.c.site == site, committee_journal.c.entry.in_(list(entries)), committee_journal.c.recorded_us >= since_us)
        with reading(self._engine) as connection:
            return [_entry(row) for row in connection.execute(select(committee_journal).where(*where).order_by(committee_journal.c.id))]


def _append(connection: Connection, entries: Sequence[CommitteeEntry]) -> list[CommitteeEntry]:
    appended = []
    for entry in entries:
        values = {name: getattr(entry, name) for name in ("subject", "site", "entry", "recorded_us", "by", "role", "inspector_only", "body")}
        key = connection.execute(insert(committee_journal).values(values)).inserted_primary_key
        appended.append(CommitteeEntry(**values, id=int(key[0]) if key else 0))
    return appended


def _of(connection: Connection, subjects: Sequence[str]) -> dict[str, list[CommitteeEntry]]:
    found: dict[str, list[CommitteeEntry]] = {}
    for start in range(0, len(subjects), _ASK_AT_ONCE):
        some = list(subjects[start : start + _ASK_AT_ONCE])
        for row in connection.execute(select(committee_journal).where(committee_journal.c.subject.in_(some)).order_by(committee_journal.c.id)):
            found.setdefault(row.subject, []).append(_entry(row))
    return found


def _entry(row: Row[Any]) -> CommitteeEntry:
    return CommitteeEntry(**row._asdict())
