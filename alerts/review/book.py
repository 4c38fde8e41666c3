"""What meetings, mandates and accounts share: finding what the caller may see, and appending under a lock."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Engine

from domain.clock import Clock
from domain.errors import BadInput, NotFound
from domain.registry import SiteSpec, Snapshot
from domain.scope import Scope
from storage.records.committee import CommitteeEntry, CommitteeRepository, Subject, SubjectKind

TEXT_MAX = 4000
Draft = tuple[str, msgspec.Struct]
"""The word of an entry, and its body."""


class Book:
    """The committee's journal, for the kinds of subject that a site's people open themselves."""

    def __init__(self, engine: Engine, clock: Clock, held: Callable[[], Snapshot]) -> None:
        self.repository = CommitteeRepository(engine)
        self._clock, self._held = clock, held

    @property
    def now_us(self) -> int:
        return self._clock.now_us()

    def held(self) -> Snapshot:
        return self._held()

    def site(self, scope: Scope, site: str) -> SiteSpec:
        spec = self._held().sites.get(site)
        if spec is None or not scope.sees(spec):
            raise NotFound(f"no site '{site}'")
        return spec

    def subject(self, scope: Scope, kind: SubjectKind, id: str) -> Subject:
        """Raises `NotFound` also for one that the caller may not see."""
        subject = self.repository.subject(id)
        spec = self._held().sites.get(subject.site) if subject else None
        if subject is None or subject.kind != kind or spec is None or not scope.sees(spec):
            raise NotFound(f"no {kind} '{id}'")
        return subject

    def open(self, scope: Scope, site: str, kind: SubjectKind, drafts: Sequence[Draft], *, about: str = "") -> Subject:
        """A new subject with its first entries; where there is one about the same thing, that, with nothing added."""
        id = f"{kind[:3]}-{secrets.token_hex(8)}"
        subject = Subject(id=id, site=site, kind=kind, about=about or id, opened_us=self.now_us)
        if not self.repository.open(subject, [self.entry(subject, draft, scope) for draft in drafts]):
            found = self.repository.about(kind, subject.about)
            assert found is not None
            return found
        return subject

    def change(self, scope: Scope, subject: Subject, decide: Callable[[list[CommitteeEntry]], Sequence[Draft]]) -> list[CommitteeEntry]:
        return self.repository.change(subject.id, lambda before: [self.entry(subject, draft, scope) for draft in decide(before)])

    def entry(self, subject: Subject, draft: Draft, scope: Scope) -> CommitteeEntry:
        word, body = draft
        return CommitteeEntry(subject=subject.id, site=subject.site, entry=word, recorded_us=self.now_us, by=scope.user, role=scope.role.value, body=msgspec.json.encode(body))


def checked_text(value: str, field: str, *, needed: bool = True, longest: int = TEXT_MAX) -> str:
    value = value.strip()
    if needed and not value:
        raise BadInput("is empty", field=field, remedy="say it in a sentence")
    if len(value) > longest:
        raise BadInput("is too long", field=field, remedy=f"at most {longest} characters")
    return value
