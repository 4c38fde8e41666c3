"""Worker-side accounts: made, reset and revoked by two worker-side holders together, or by the inspectorate or the programme; never by the employer's administrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace
from sqlalchemy import Engine

from alerts.review.access import Transition, check, may
from alerts.review.book import Book, Draft, checked_text
from alerts.review.touches import REQUEST, administrative
from domain.errors import BadInput, Conflict, NotFound, Refused
from domain.ids import ID_RULE, is_id
from domain.scope import Role, Scope
from storage.records.committee import CommitteeEntry, Subject
from storage.records.people import AuditEntry, PeopleRepository, User, new_password

Do = Literal["create", "reset", "revoke"]
DOES: tuple[Do, ...] = ("create", "reset", "revoke")


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    do: Do
    name: str
    why: str
    locale: str = ""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    why: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A fold of its entries: what is asked, by whom, and who agreed."""

    id: str
    site: str
    do: Do
    name: str
    why: str
    locale: str
    by: str
    role: str
    at_us: int
    agreed_by: str = ""
    done_us: int | None = None
    refused_by: str = ""

    @property
    def open(self) -> bool:
        return self.done_us is None and not self.refused_by


class Accounts:
    """`code` is the one-time code of a new or reset account: it is told once, to whoever gave the last word, and kept nowhere."""

    def __init__(self, engine: Engine, book: Book, people: PeopleRepository | None = None) -> None:
        self._book, self._people = book, people or PeopleRepository(engine)

    def holders(self, scope: Scope, site: str) -> list[User]:
        """Worker-side accounts of a site that can log in."""
        self._book.site(scope, site)
        return [user for user in self._people.list_users() if user.role is Role.WORKER_REPRESENTATIVE and user.grant == site and user.active]

    def of_site(self, scope: Scope, site: str) -> list[Request]:
        """The latest first; both sides see them."""
        self._book.site(scope, site)
        subjects = self._book.repository.subjects("account", [site])
        entries = self._book.repository.entries_of([subject.id for subject in subjects])
        return [fold(entries[subject.id]) for subject in subjects]

    def touches(self, scope: Scope, site: str) -> list[AuditEntry]:
        """What administrators did to worker-side accounts, announced to whoever sees the site: the latest first."""
        self._book.site(scope, site)
        names = [user.name for user in self._people.list_users() if user.role is Role.WORKER_REPRESENTATIVE and user.grant == site]
        return list(reversed(administrative(self._people, names)))

    def propose(self, scope: Scope, site: str, *, do: Do, name: str, why: str, locale: str = "") -> tuple[Request, str]:
        """By a worker-side holder: waits for a second one. By the inspectorate or the programme: done at once."""
        self._book.site(scope, site)
        alone = may(scope.role, Transition.ACCOUNT_DECIDE, "worker")
        if not alone:
            check(scope.role, Transition.ACCOUNT_PROPOSE, "worker")
        proposed = Proposed(do=do, name=name.strip().lower(), why=checked_text(why, "why"), locale=locale)
        self._check_target(site, proposed)
        subject = self._book.open(scope, site, "account", [("proposed", proposed)])
        if alone:
            return self._finish(scope, subject)
        return fold(self._book.repository.entries(subject.id)), ""

    def agree(self, scope: Scope, id: str) -> tuple[Request, str]:
        """The second holder's word, which carries it out."""
        subject = self._book.subject(scope, "account", id)
        alone = may(scope.role, Transition.ACCOUNT_DECIDE, "worker")
        if not alone:
            check(scope.role, Transition.ACCOUNT_AGREE, "worker")
        request = fold(self._book.repository.entries(id))
        if not alone and scope.user in (request.by, request.name):
            raise Refused("it takes two worker-side holders: another than the one who asked, and than the one whose account it is")
        return self._finish(scope, subject)

    def refuse(self, scope: Scope, id: str, why: str) -> Request:
        """Any worker-side holder, or a third party, may say no; whoever asked may take it back."""
        subject = self._book.subject(scope, "account", id)
        if not may(scope.role, Transition.ACCOUNT_DECIDE, "worker"):
            check(scope.role, Transition.ACCOUNT_AGREE, "worker")
        decided = Decided(why=checked_text(why, "why"))

        def decide(before: list[CommitteeEntry]) -> Sequence[Draft]:
            _check_open(fold(before))
            return [("refused", decided)]

        return fold(self._book.change(scope, subject, decide))

    def _finish(self, scope: Scope, subject: Subject) -> tuple[Request, str]:
        """The word is journaled before it is carried out: of two at once only one gets that far."""

        def decide(before: list[CommitteeEntry]) -> Sequence[Draft]:
            request = fold(before)
            _check_open(request)
            self._check_target(subject.site, Proposed(do=request.do, name=request.name, why=request.why))
            return [("agreed", Decided()), ("done", Decided())]

        request = fold(self._book.change(scope, subject, decide))
        return request, self._carry_out(request)

    def _carry_out(self, request: Request) -> str:
        by = f"{REQUEST}{request.id}"
        if request.do == "revoke":
            self._people.deactivate(request.name, by=by)
            return ""
        code = new_password()
        if request.do == "reset":
            self._people.reset_password(request.name, code, by=by)
        else:
            self._people.add_user(name=request.name, role=Role.WORKER_REPRESENTATIVE, grant=request.site, password=code, locale=request.locale, by=by, one_time=True)
        return code

    def _check_target(self, site: str, proposed: Proposed) -> None:
        if not is_id(proposed.name):
            raise BadInput(f"'{proposed.name}' is not a name", field="name", remedy=ID_RULE)
        user = self._people.user(proposed.name)
        if proposed.do == "create":
            if user is not None:
                raise BadInput(f"'{proposed.name}' exists already", field="name", remedy="choose another name")
            return
        if user is None or user.role is not Role.WORKER_REPRESENTATIVE or user.grant != site or not user.active:
            raise NotFound(f"no worker-side account '{proposed.name}' at this site")


def fold(entries: Sequence[CommitteeEntry]) -> Request:
    first = entries[0]
    proposed = msgspec.json.decode(first.body, type=Proposed)
    request = Request(
        id=first.subject,
        site=first.site,
        do=proposed.do,
        name=proposed.name,
        why=proposed.why,
        locale=proposed.locale,
        by=first.by,
        role=first.role,
        at_us=first.recorded_us,
    )
    for entry in entries[1:]:
        if entry.entry == "agreed":
            request = replace(request, agreed_by=entry.by)
        elif entry.entry == "done":
            request = replace(request, done_us=entry.recorded_us)
        else:
            request = replace(request, refused_by=entry.by)
    return request


def _check_open(request: Request) -> None:
    if not request.open:
        raise Conflict("it has been decided already")
