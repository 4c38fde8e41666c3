"""What goes over the wire about notification."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from storage.records.contacts import Contact


class MessageJson(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person or machine; `about` is an alert, a review, or the site."""

    id: int
    site: str
    about: str
    reason: str
    channel: str
    recipient: str
    subject: str
    state: str
    tries: int
    error: str
    created_at: str
    sent_at: str | None


class ProofJson(msgspec.Struct, frozen=True, kw_only=True):
    """The last proof: `silent` of one channel, or `weekly@site` of all."""

    channel: str
    kind: str
    asked_at: str
    received_at: str | None
    problem: str


class ContactBody(Contact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    email: Annotated[str, Meta(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    locale: Annotated[str, Meta(max_length=16)] = ""


class ContactJson(Contact, frozen=True, kw_only=True):
    email: str = ""
    locale: str = ""


class DutyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`shift` empty: all shifts; `last` empty: one day."""

    user: str
    first: str
    last: str = ""
    shift: str = ""


class DutyJson(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    shift: str
    first: str
    last: str
    user: str
    role: str
    set_by: str


class RosterJson(msgspec.Struct, frozen=True, kw_only=True):
    items: list[DutyJson]
