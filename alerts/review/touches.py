"""What administrators did to an account: it is announced to both sides, and later signatures of that account carry it."""

from __future__ import annotations

from domain.times import to_rfc3339
from storage.records.people import AuditEntry, PeopleRepository

REQUEST = "request:"
"""Author, in the audit trail, of what two worker-side holders or a third party decided; a colon is in no user's name."""
TOUCHING = ("role changed", "user deactivated", "password reset", "sessions ended", "token created")
"""Anything by which somebody else could act, or stop a person from acting, in their name."""


def touches(people: PeopleRepository, name: str) -> list[str]:
    """In words, the oldest first."""
    return [f"{to_rfc3339(entry.at_us)} {entry.action} by {entry.by or 'nobody named'}" for entry in administrative(people, [name])]


def administrative(people: PeopleRepository, names: list[str]) -> list[AuditEntry]:
    """The oldest first."""
    found = people.audit_of(names, TOUCHING)
    return [entry for entry in found if entry.by != entry.subject and not entry.by.startswith(REQUEST)]
