"""The review desk, meetings, mandates and accounts, built once from the console's stores."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from alerts.review.accounts import Accounts
from alerts.review.attendance import committee_share, told_of
from alerts.review.book import Book
from alerts.review.desk import Desk
from alerts.review.files import EvidenceFiles
from alerts.review.kpi import Figures, figures
from alerts.review.mandates import Mandate, Mandates, Share
from alerts.review.meetings import AgendaItem, Meeting, Meetings, agenda
from alerts.review.paper import Papers
from alerts.review.status import today_in
from alerts.review.touches import touches
from console.context import ConsoleContext
from console.sources import Sources
from domain.agreements import Side
from domain.errors import BadInput
from domain.registry import Committee
from domain.scope import Scope
from storage.records.people import PeopleRepository

FILES = "review-evidence"


class CommitteeRooms:
    """Every method takes the caller's scope first."""

    def __init__(self, context: ConsoleContext, sources: Sources, people: PeopleRepository) -> None:
        self._clock, self._sources = context.clock, sources
        files = EvidenceFiles(Path(context.data_dir) / FILES) if context.data_dir else None
        book = Book(context.engine, context.clock, sources.snapshot)
        self.desk = Desk(context.engine, context.clock, sources.snapshot, files, context.operator)
        self.mandates, self.meetings = Mandates(book), Meetings(book)
        self.accounts = Accounts(context.engine, book, people)
        self._papers = Papers(book, lambda name: touches(people, name))

    def rule(self, site: str) -> Committee:
        return self.desk.rule(site)

    def today(self, site: str) -> date:
        """The local date at the site."""
        return today_in(self._sources.timezone(site), self._clock.now_us())

    def figures(self, scope: Scope, site: str) -> Figures:
        return figures(self.desk.of_site(scope, site), self.rule(site), self.today(site))

    def agenda(self, scope: Scope, meeting: Meeting) -> list[AgendaItem]:
        """As it was when the minutes were closed; until then, what is open now."""
        if meeting.closed:
            return meeting.agenda
        return agenda(self.desk.of_site(scope, meeting.site), self.rule(meeting.site), self.today(meeting.site))

    def attend(self, scope: Scope, id: str, ids: list[str]) -> Meeting:
        """By mandates that hold on the day of the meeting."""
        meeting = self.meetings.one(scope, id)
        holding = {one.id: one for one in self.mandates.of_site(scope, meeting.site) if one.holds(meeting.on)}
        unknown = [one for one in ids if one not in holding]
        if unknown:
            raise BadInput(f"'{unknown[0]}' is no mandate that holds on {meeting.on}", field="mandates", remedy="enter the mandate first")
        released = self.mandates.released(scope, meeting.site)
        return self.meetings.attend(scope, id, [holding[one] for one in dict.fromkeys(ids)], lambda seats: told_of(seats, list(holding.values()), released))

    def women(self, scope: Scope, site: str) -> Share:
        """Their share on the committee, as far as it may be told."""
        return committee_share(self.holding(scope, site), self.mandates.released(scope, site))

    def close_meeting(self, scope: Scope, id: str) -> Meeting:
        meeting = self.meetings.one(scope, id)
        return self.meetings.close(scope, id, self.agenda(scope, meeting), self.rule(meeting.site))

    def sign_paper(self, scope: Scope, id: str, *, side: Side, mandates: list[str], on: str, digest: str, reference: str) -> Meeting:
        """A side's record that its people signed the printed minutes."""
        today = self.today(self.meetings.one(scope, id).site)
        return self._papers.record(scope, id, side=side, mandates=mandates, on=on, digest=digest, reference=reference, today=today)

    def holding(self, scope: Scope, site: str) -> list[Mandate]:
        """Mandates that hold today."""
        today = self.today(site).isoformat()
        return [one for one in self.mandates.of_site(scope, site) if one.holds(today)]
