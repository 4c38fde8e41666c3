"""Meetings of the committee: an agenda that makes itself from what is open, who was there by side and sex, minutes, and the agenda kept as it was when they were closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal

import msgspec
from msgspec.structs import replace

from alerts.review.access import Transition, check
from alerts.review.book import Book, Draft, checked_text
from alerts.review.mandates import SMALLEST, Mandate
from alerts.review.model import Review, Word
from alerts.review.state import standings
from alerts.review.status import is_overdue
from domain.agreements import SIDES, Side
from domain.errors import BadInput, Conflict
from domain.registry import Committee
from domain.scope import Scope
from storage.records.committee import CommitteeEntry

ItemKind = Literal["stop_level", "reopened", "dissent", "to_sign", "overdue", "to_check", "to_verify", "no_cause", "no_action"]
ORDER: tuple[ItemKind, ...] = ("stop_level", "reopened", "dissent", "overdue", "no_cause", "no_action", "to_sign", "to_check", "to_verify")
AGENDA_MAX = 500
BOTH = "both"


class AgendaItem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is on the agenda."""

    kind: ItemKind
    review: str
    action: str = ""
    zone: str = ""
    hazard: str = ""
    text: str = ""


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was there, as their mandate stood that day."""

    mandate: str
    name: str
    side: Side
    sex: str
    elected: bool


def told_before(seats: Sequence[Seat]) -> list[str]:
    """Whose counts were told while records did not say it: the digests of sheets that were signed then stay what they are."""
    sides = [sum(seat.side == side for seat in seats) for side in SIDES]
    large = list(SIDES) if min(sides) >= SMALLEST else []
    return [*large, BOTH] if sum(sides) >= SMALLEST else []


class Called(msgspec.Struct, frozen=True, kw_only=True):
    on: str
    place: str


class Attendance(msgspec.Struct, frozen=True, kw_only=True):
    seats: list[Seat]
    told: list[str] | None = None  # whose counts by sex may be told; None in records of before, see `told_before`


class Minutes(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    agenda: list[AgendaItem]
    quorate: bool


class PaperSigned(msgspec.Struct, frozen=True, kw_only=True):
    """One side's record that its people signed the printed minutes in ink: no digital signature."""

    side: Side
    mandates: list[str]
    names: list[str]
    on: str
    digest: str  # of the sheet that was signed
    reference: str  # where the paper or its scan is
    touched: list[str] = []
    by: str = ""
    role: str = ""
    at_us: int = 0


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """A fold of its entries."""

    id: str
    site: str
    on: str
    place: str
    called_by: str
    seats: list[Seat] = []
    told: list[str] | None = None
    minutes: list[str] = []
    written_by: list[str] = []
    closed_us: int | None = None
    agenda: list[AgendaItem] = []  # as it was when it was closed
    quorate: bool = False
    papers: list[PaperSigned] = []

    @property
    def closed(self) -> bool:
        return self.closed_us is not None


def agenda(reviews: Sequence[Review], committee: Committee, today: date) -> list[AgendaItem]:
    """What is open, in the order in which it should be spoken of."""
    items = [item for review in reviews for item in _items(review, committee, today)]
    return sorted(items, key=lambda item: ORDER.index(item.kind))[:AGENDA_MAX]


def _items(review: Review, committee: Committee, today: date) -> list[AgendaItem]:
    def item(kind: ItemKind, action: str = "", text: str = "") -> AgendaItem:
        return AgendaItem(kind=kind, review=review.id, action=action, zone=review.facts.zone, hazard=review.facts.hazard, text=text)

    found: list[AgendaItem] = []
    if not review.closed:
        sides = standings(review, committee).values()
        checks: list[tuple[bool, ItemKind]] = [
            (review.facts.stop_level, "stop_level"),
            (bool(review.marks), "reopened"),
            (any(side.dissents for side in sides), "dissent"),
            (not review.causes and not review.cause_text, "no_cause"),
            (not review.actions, "no_action"),
            (not all(side.complete for side in sides), "to_sign"),
        ]
        found += [item(kind) for holds, kind in checks if holds]
    for action in review.actions:
        if is_overdue(action, today):
            found.append(item("overdue", action.id, action.text))
        elif action.word is Word.DONE:
            found.append(item("to_check", action.id, action.text))
        elif action.word is Word.CHECKED:
            found.append(item("to_verify", action.id, action.text))
    return found


def is_quorate(seats: Sequence[Seat], committee: Committee) -> bool:
    """Enough of each side, and, where numbers are to be equal, management does not outnumber the worker side."""
    there = {side: sum(seat.side == side for seat in seats) for side in SIDES}
    return min(there.values()) >= committee.quorum_each and (not committee.equal_numbers or there["management"] <= there["worker"])


class Meetings:
    """Called, noted and closed by anybody of the committee; closed minutes stay."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def call(self, scope: Scope, site: str, *, on: str, place: str = "") -> Meeting:
        self._book.site(scope, site)
        check(scope.role, Transition.MEET)
        called = Called(on=_day(on), place=checked_text(place, "place", needed=False, longest=200))
        subject = self._book.open(scope, site, "meeting", [("called", called)])
        return fold(self._book.repository.entries(subject.id))

    def one(self, scope: Scope, id: str) -> Meeting:
        subject = self._book.subject(scope, "meeting", id)
        return fold(self._book.repository.entries(subject.id))

    def of_site(self, scope: Scope, site: str) -> list[Meeting]:
        """The last called first."""
        self._book.site(scope, site)
        subjects = self._book.repository.subjects("meeting", [site])
        entries = self._book.repository.entries_of([subject.id for subject in subjects])
        return [fold(entries[subject.id]) for subject in subjects]

    def attend(self, scope: Scope, id: str, mandates: Sequence[Mandate], told: Callable[[Sequence[Seat]], list[str]]) -> Meeting:
        """Who is there; said again, it replaces what was said before."""
        seats = [Seat(mandate=one.id, name=one.name, side=one.side, sex=one.sex, elected=one.elected) for one in mandates]
        return self._take(scope, id, lambda _: [("attendance", Attendance(seats=seats, told=told(seats)))])

    def write(self, scope: Scope, id: str, text: str) -> Meeting:
        """A paragraph of the minutes; later ones stand below, none is rewritten."""
        minutes = Minutes(text=checked_text(text, "text"))
        return self._take(scope, id, lambda _: [("minutes", minutes)])

    def close(self, scope: Scope, id: str, items: Sequence[AgendaItem], committee: Committee) -> Meeting:
        """The agenda as it stands is kept with the minutes; without a quorum they say so."""

        def decide(meeting: Meeting) -> Sequence[Draft]:
            if not meeting.minutes:
                raise Conflict("there are no minutes yet")
            return [("closed", Closed(agenda=list(items), quorate=is_quorate(meeting.seats, committee)))]

        return self._take(scope, id, decide)

    def _take(self, scope: Scope, id: str, decide: Callable[[Meeting], Sequence[Draft]]) -> Meeting:
        subject = self._book.subject(scope, "meeting", id)
        check(scope.role, Transition.MEET)

        def on(before: list[CommitteeEntry]) -> Sequence[Draft]:
            meeting = fold(before)
            if meeting.closed:
                raise Conflict("its minutes are closed")
            return decide(meeting)

        return fold(self._book.change(scope, subject, on))


def fold(entries: Sequence[CommitteeEntry]) -> Meeting:
    first = msgspec.json.decode(entries[0].body, type=Called)
    meeting = Meeting(id=entries[0].subject, site=entries[0].site, on=first.on, place=first.place, called_by=entries[0].by)
    for entry in entries[1:]:
        meeting = _applied(meeting, entry)
    return meeting


def _applied(meeting: Meeting, entry: CommitteeEntry) -> Meeting:
    if entry.entry == "attendance":
        noted = msgspec.json.decode(entry.body, type=Attendance)
        return replace(meeting, seats=noted.seats, told=noted.told)
    if entry.entry == "minutes":
        return replace(meeting, minutes=[*meeting.minutes, msgspec.json.decode(entry.body, type=Minutes).text], written_by=[*meeting.written_by, entry.by])
    if entry.entry == "paper":
        paper = msgspec.json.decode(entry.body, type=PaperSigned)
        return replace(meeting, papers=[*meeting.papers, replace(paper, by=entry.by, role=entry.role, at_us=entry.recorded_us)])
    closed = msgspec.json.decode(entry.body, type=Closed)
    return replace(meeting, closed_us=entry.recorded_us, agenda=closed.agenda, quorate=closed.quorate)


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise BadInput(f"'{value}' is not a date", field="on", remedy="write 2026-12-01") from None
