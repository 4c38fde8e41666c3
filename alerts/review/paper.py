"""Minutes that were signed in ink: what the sheet says and its digest, and each side's record that its people signed the paper. No digital signature: what was signed is on the paper alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import msgspec

from alerts.review.access import Transition, check
from alerts.review.attendance import attendance
from alerts.review.book import Book, Draft, checked_text
from alerts.review.meetings import Meeting, PaperSigned, fold
from alerts.review.state import canonical
from domain.agreements import Side
from domain.errors import BadInput, Conflict
from domain.scope import Scope
from domain.times import to_rfc3339
from storage.records.committee import CommitteeEntry

DIGEST_LEAST = 16
"""So many characters of the digest a person types from the sheet: nobody hits them by chance."""
REFERENCE_MAX = 300


def sheet_of(meeting: Meeting) -> bytes:
    """What the sheet says, in one spelling, whoever prints it and in whichever language; raises `Conflict` until the minutes are closed."""
    if meeting.closed_us is None:
        raise Conflict("its minutes are not closed yet")
    content: dict[str, Any] = {
        "meeting": meeting.id,
        "site": meeting.site,
        "on": meeting.on,
        "place": meeting.place,
        "called_by": meeting.called_by,
        "present": [{"mandate": seat.mandate, "name": seat.name, "side": seat.side, "elected": seat.elected} for seat in meeting.seats],
        "attendance": msgspec.to_builtins(attendance(meeting.seats, meeting.told)),
        "agenda": msgspec.to_builtins(meeting.agenda),
        "minutes": [{"text": text, "by": by} for text, by in zip(meeting.minutes, meeting.written_by, strict=True)],
        "quorate": meeting.quorate,
        "closed_at": to_rfc3339(meeting.closed_us),
    }
    return canonical(content)


def sheet_digest(meeting: Meeting) -> str:
    """SHA-256 of `sheet_of`, in hex: it is printed on the sheet."""
    return hashlib.sha256(sheet_of(meeting)).hexdigest()


class Papers:
    """Each side records for its own people, and may record again: nothing is rewritten."""

    def __init__(self, book: Book, touched: Callable[[str], list[str]]) -> None:
        self._book, self._touched = book, touched

    def record(self, scope: Scope, id: str, *, side: Side, mandates: Sequence[str], on: str, digest: str, reference: str, today: date) -> Meeting:
        """Who of one's own side signed the sheet with this digest, and when; `reference`: where the paper or its scan is."""
        subject = self._book.subject(scope, "meeting", id)
        check(scope.role, Transition.PAPER, side)
        reference, typed = checked_text(reference, "reference", needed=False, longest=REFERENCE_MAX), re.sub(r"[\s·-]", "", digest).lower()

        def decide(before: list[CommitteeEntry]) -> Sequence[Draft]:
            meeting = fold(before)
            known = sheet_digest(meeting)
            if len(typed) < DIGEST_LEAST or not known.startswith(typed):
                raise BadInput(
                    "is not what these minutes' sheet carries",
                    field="digest",
                    remedy=f"at least {DIGEST_LEAST} characters from the paper; if they differ, the paper says something else",
                )
            names = _names(meeting, side, mandates)
            signed = PaperSigned(side=side, mandates=list(names), names=list(names.values()), on=_day(on, meeting.on, today), digest=known, reference=reference)
            return [("paper", msgspec.structs.replace(signed, touched=self._touched(scope.user)))]

        return fold(self._book.change(scope, subject, decide))


def _names(meeting: Meeting, side: Side, mandates: Sequence[str]) -> dict[str, str]:
    """Mandate → name, of those of this side who were there."""
    there = {seat.mandate: seat.name for seat in meeting.seats if seat.side == side}
    unknown = [one for one in mandates if one not in there]
    if unknown or not mandates:
        raise BadInput("names nobody of your side who was there" if unknown else "is empty", field="mandates", remedy="choose who of your side signed the paper")
    return {one: there[one] for one in dict.fromkeys(mandates)}


def _day(value: str, first: str, today: date) -> str:
    try:
        day = date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise BadInput(f"'{value}' is not a date", field="on", remedy="write 2026-12-01") from None
    if not first <= day <= today.isoformat():
        raise BadInput("is before the meeting or still to come", field="on", remedy="the day on which they signed")
    return day
