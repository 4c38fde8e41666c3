"""What people do at the review desk. Each command checks the table of access, decides under the review's lock and appends; nothing is ever rewritten."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import Engine

from alerts.review.access import Transition, check, side_for
from alerts.review.causes import causes_for
from alerts.review.facts import FactsSource, about, started_us, what_changed
from alerts.review.files import EvidenceFiles, clean_name
from alerts.review.model import Body, Classification, Control, Facts, Kind, Review, Word
from alerts.review.state import State, check_closing, check_signing, digest_of, fold, ppe_alone, state_of
from alerts.review.touches import touches
from domain.clock import Clock
from domain.errors import BadInput, Conflict, NotFound, Refused
from domain.registry import Committee, Snapshot
from domain.scope import Role, Scope
from domain.times import DAY_US
from storage.records.committee import CommitteeEntry, CommitteeRepository, Subject
from storage.records.people import Operator, PeopleRepository

TEXT_MAX = 2000
PERIOD_MAX_US = 400 * DAY_US
ACTIONS_MAX, FILES_MAX = 100, 200

_WORD_BY: dict[Word, Transition] = {Word.DONE: Transition.DONE, Word.CHECKED: Transition.CHECK, Word.VERIFIED: Transition.VERIFY, Word.NOT_DONE: Transition.OBJECT}
Decide = Callable[[Review], Sequence[tuple[Kind, Body]]]


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `next` goes back as `cursor`."""

    items: list[Review]
    next: str | None


class Desk:
    """Commands and views of reviews, for one person at a time."""

    def __init__(self, engine: Engine, clock: Clock, held: Callable[[], Snapshot], files: EvidenceFiles | None = None, operator: Operator = "administration") -> None:
        self._repository, self._facts, self._people = CommitteeRepository(engine), FactsSource(engine), PeopleRepository(engine)
        self._clock, self._held, self._files, self._operator = clock, held, files, operator

    def open_period(self, scope: Scope, site: str, start_us: int, stop_us: int) -> list[Review]:
        """Alarms and findings of a period become review items; those that are there already stay as they are. Answers with what is new."""
        self._site(scope, site)
        check(scope.role, Transition.OPEN)
        if not 0 < stop_us - start_us <= PERIOD_MAX_US:
            raise BadInput("is no period of at most 400 days", field="to", remedy="from is inclusive, to exclusive")
        opened = [self._open(scope, site, facts) for _, facts in self._facts.of_period(site, start_us, stop_us)]
        return [review for review in opened if review is not None]

    def open_alert(self, scope: Scope, alert: str) -> Review:
        """One alert, of whatever severity; the review that is there already, where there is one."""
        return self._open_one(scope, self._facts.of_alert(alert), f"no alert '{alert}'")

    def open_verdict(self, scope: Scope, verdict: int) -> Review:
        return self._open_one(scope, self._facts.of_verdict(verdict), f"no result '{verdict}'")

    def one(self, scope: Scope, id: str) -> Review:
        """As it is on record, its facts brought up to date; raises `NotFound` also for one that the caller may not see."""
        self._subject(scope, id)
        return self._shown(scope, self._refreshed(id))

    def page(self, scope: Scope, *, site: str | None = None, state: State | None = None, since_us: int | None = None, cursor: str | None = None, limit: int = 100) -> Page:
        """Of all sites that the caller may see."""
        held = self._held()
        sites = [spec.id for spec in held.sites.values() if scope.sees(spec) and site in (None, spec.id)]
        kept: list[Review] = []
        after = _after(cursor)
        while True:
            found = self._repository.subjects("review", sites, after=after, limit=limit)
            entries = self._repository.entries_of([subject.id for subject in found])
            for subject in found:
                review = fold(entries[subject.id], inspector=scope.role is Role.INSPECTOR)
                if (state is None or state_of(review, self.rule(subject.site)) == state) and (since_us is None or started_us(review.facts) >= since_us):
                    if len(kept) == limit and after is not None:
                        return Page(kept, f"{after[0]}.{after[1]}")
                    kept.append(review)
                after = (subject.opened_us, subject.id)
            if len(found) < limit:
                return Page(kept, None)

    def of_site(self, scope: Scope, site: str) -> list[Review]:
        """All of one site."""
        self._site(scope, site)
        found, cursor = [], None
        while True:
            page = self.page(scope, site=site, cursor=cursor, limit=500)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    def history(self, scope: Scope, id: str) -> list[CommitteeEntry]:
        """Who did what, without what was told to the inspectorate alone."""
        self._subject(scope, id)
        return [entry for entry in self._repository.entries(id) if scope.role is Role.INSPECTOR or not entry.inspector_only]

    def set_cause(self, scope: Scope, id: str, causes: Sequence[str], text: str, classification: Classification = "exposure") -> Review:
        """Why it happened, and what it was. Calling it something else than an exposure takes effect when both sides agree."""
        text = _text(text, "text", needed=False)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            unknown = set(causes) - set(causes_for(review.facts.hazard))
            if unknown:
                raise BadInput(f"no cause '{min(unknown)}'", field="causes", remedy="one of " + ", ".join(causes_for(review.facts.hazard)))
            if not causes and not text:
                raise BadInput("is empty", field="causes", remedy="choose one, or say it in your own words")
            if ("other" in causes or classification != "exposure") and not text:
                raise BadInput("is empty", field="text", remedy="say it in a sentence")
            return [(Kind.CAUSE, Body(causes=sorted(set(causes)), text=text, classification=classification))]

        return self._open_take(scope, id, Transition.CAUSE, decide)

    def add_action(self, scope: Scope, id: str, *, control: Control, text: str, owner: str, due: str, why_ppe_alone: str = "") -> Review:
        """A corrective action. Where protective equipment is all there is, somebody has to say why."""
        text, owner = _text(text, "text"), _text(owner, "owner")
        why, due = _text(why_ppe_alone, "why_ppe_alone", needed=False), _day(due)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            if len(review.actions) >= ACTIONS_MAX:
                raise Conflict(f"a review has at most {ACTIONS_MAX} actions")
            if control is Control.PPE and (not review.actions or ppe_alone(review.actions)) and not why:
                raise BadInput("is empty", field="why_ppe_alone", remedy="say why no measure above protective equipment in the hierarchy is possible")
            body = Body(action=_new_id("act"), control=control, text=text, owner=owner, due=due, why_ppe_alone=why)
            return [(Kind.ACTION, body)]

        return self._open_take(scope, id, Transition.ACTION, decide)

    def say(self, scope: Scope, id: str, action: str, word: Word, text: str = "") -> Review:
        """A word on an action: done (self-declared), checked by the worker side, verified by a third party, or not done. Also after the review is closed."""
        transition = _WORD_BY.get(word)
        if transition is None:
            raise BadInput(f"'{word}' is no word of anybody's", field="word", remedy="one of " + ", ".join(_WORD_BY))
        text = _text(text, "text", needed=word is Word.NOT_DONE)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            if review.action(action) is None:
                raise NotFound(f"no action '{action}'")
            return [(Kind.SAID, Body(action=action, word=word, text=text))]

        return self._take(scope, id, transition, side_for(scope.role, transition), decide)

    def add_evidence(self, scope: Scope, id: str, content: bytes, name: str, *, action: str = "", text: str = "") -> Review:
        """A photo or a PDF, kept with its hash. Of the review itself while it is open; of an action at any time."""
        if self._files is None:
            raise Refused("this console keeps no files: it has no data directory")
        self._subject(scope, id)
        check(scope.role, Transition.EVIDENCE)
        text = _text(text, "text", needed=False)
        digest, media_type = self._files.keep(content)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            if action and review.action(action) is None:
                raise NotFound(f"no action '{action}'")
            if not action and review.closed:
                raise Conflict("it is closed; reopen it, or give the evidence to an action")
            if len(review.files) >= FILES_MAX:
                raise Conflict(f"a review keeps at most {FILES_MAX} files")
            if any(file.sha256 == digest and file.action == action for file in review.files):
                return []
            return [(Kind.EVIDENCE, Body(sha256=digest, name=clean_name(name), media_type=media_type, size=len(content), action=action, text=text))]

        return self._take(scope, id, Transition.EVIDENCE, "", decide)

    def evidence(self, scope: Scope, id: str, digest: str) -> tuple[bytes, str, str]:
        """(content, media type, name) of a file of this review."""
        review = self.one(scope, id)
        file = next((file for file in review.files if file.sha256 == digest), None)
        if file is None or self._files is None:
            raise NotFound("no such file")
        return self._files.read(digest), file.media_type, file.name

    def sign(self, scope: Scope, id: str, *, side: str, agree: bool, text: str = "", digest: str = "") -> Review:
        """One person's word for their own side, bound to the hash of what the review says now; `digest`: what they saw."""
        text = _text(text, "text", needed=not agree)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            check_signing(review)
            now = digest_of(review)
            if digest and digest != now:
                raise Conflict("it has changed since you looked at it: read it again before you sign")
            touched = touches(self._people, scope.user)
            return [(Kind.SIGNED, Body(side=side, agree=agree, text=text, digest=now, touched=touched))]

        self._subject(scope, id)
        check(scope.role, Transition.SIGN, side)
        self._refreshed(id)
        return self._open_take(scope, id, Transition.SIGN, decide, side)

    def dissent(self, scope: Scope, id: str, text: str, *, to_inspectorate: bool = False) -> Review:
        """A later word against, at any time; told to both sides, or to the inspectorate alone."""
        transition = Transition.DISSENT_TO_INSPECTORATE if to_inspectorate else Transition.DISSENT
        text = _text(text, "text")
        if to_inspectorate and self._operator == "factory":
            raise Refused("this centre is run by the factory and no inspector works on it: say it on the administration's centre, on paper or by telephone")
        side = scope.role.side
        return self._take(scope, id, transition, side, lambda _: [(Kind.DISSENT, Body(side=side, text=text))], inspector_only=to_inspectorate)

    def close(self, scope: Scope, id: str, text: str = "") -> Review:
        """Both sides have signed; at stop level, or where it is reclassified, both agree."""
        text = _text(text, "text", needed=False)

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            check_closing(review, self.rule(review.site))
            return [(Kind.CLOSED, Body(text=text, digest=digest_of(review)))]

        self._subject(scope, id)
        check(scope.role, Transition.CLOSE, scope.role.side)
        self._refreshed(id)
        return self._take(scope, id, Transition.CLOSE, scope.role.side, decide)

    def reopen(self, scope: Scope, id: str, text: str) -> Review:
        text = _text(text, "text")

        def decide(review: Review) -> Sequence[tuple[Kind, Body]]:
            if not review.closed:
                raise Conflict("it is not closed")
            return [(Kind.REOPENED, Body(text=text))]

        return self._take(scope, id, Transition.REOPEN, side_for(scope.role, Transition.REOPEN), decide)

    def refresh(self, id: str) -> Review:
        """The system's look at whether the data behind a review has changed; one that was signed is opened again with a mark."""
        return fold(self._refreshed(id))

    def rule(self, site: str) -> Committee:
        spec = self._held().sites.get(site)
        return spec.committee_rule if spec else Committee()

    def _open_one(self, scope: Scope, found: tuple[str, Facts] | None, missing: str) -> Review:
        if found is None:
            raise NotFound(missing)
        site, facts = found
        spec = self._held().sites.get(site)
        if spec is None or not scope.sees(spec):
            raise NotFound(missing)
        check(scope.role, Transition.OPEN)
        review = self._open(scope, site, facts)
        if review is not None:
            return review
        subject = self._repository.about("review", about(facts))
        assert subject is not None
        return self.one(scope, subject.id)

    def _open(self, scope: Scope, site: str, facts: Facts) -> Review | None:
        now_us, id = self._clock.now_us(), _new_id("rev")
        entry = self._entry(Subject(id=id, site=site, kind="review", about=about(facts), opened_us=now_us), Kind.OPENED, Body(facts=facts), scope)
        opened = self._repository.open(Subject(id=id, site=site, kind="review", about=about(facts), opened_us=now_us), [entry])
        return fold([entry]) if opened else None

    def _refreshed(self, id: str) -> list[CommitteeEntry]:
        entries = self._repository.entries(id)
        known = fold(entries).facts
        if self._facts.now(known) == known:
            return entries
        subject = self._repository.subject(id)
        assert subject is not None

        def decide(before: list[CommitteeEntry]) -> Sequence[CommitteeEntry]:
            review = fold(before)
            now = self._facts.now(review.facts)
            changed = what_changed(review.facts, now)
            return [self._entry(subject, Kind.FACTS, Body(facts=now, text=", ".join(changed)))] if changed else []

        return self._repository.change(id, decide)

    def _open_take(self, scope: Scope, id: str, transition: Transition, decide: Decide, side: str = "") -> Review:
        """For what is not done to a closed review."""

        def still_open(review: Review) -> Sequence[tuple[Kind, Body]]:
            if review.closed:
                raise Conflict("it is closed; reopen it first")
            return decide(review)

        return self._take(scope, id, transition, side, still_open)

    def _take(self, scope: Scope, id: str, transition: Transition, side: str, decide: Decide, *, inspector_only: bool = False) -> Review:
        subject = self._subject(scope, id)
        check(scope.role, transition, side)

        def on(before: list[CommitteeEntry]) -> Sequence[CommitteeEntry]:
            return [self._entry(subject, kind, body, scope, inspector_only=inspector_only) for kind, body in decide(fold(before))]

        return self._shown(scope, self._repository.change(id, on))

    def _shown(self, scope: Scope, entries: Sequence[CommitteeEntry]) -> Review:
        return fold(entries, inspector=scope.role is Role.INSPECTOR)

    def _subject(self, scope: Scope, id: str) -> Subject:
        subject = self._repository.subject(id)
        spec = self._held().sites.get(subject.site) if subject else None
        if subject is None or subject.kind != "review" or spec is None or not scope.sees(spec):
            raise NotFound(f"no review '{id}'")
        return subject

    def _site(self, scope: Scope, site: str) -> None:
        spec = self._held().sites.get(site)
        if spec is None or not scope.sees(spec):
            raise NotFound(f"no site '{site}'")

    def _entry(self, subject: Subject, kind: Kind, body: Body, scope: Scope | None = None, *, inspector_only: bool = False) -> CommitteeEntry:
        return CommitteeEntry(
            subject=subject.id,
            site=subject.site,
            entry=kind.value,
            recorded_us=self._clock.now_us(),
            by=scope.user if scope else "",
            role=scope.role.value if scope else "",
            inspector_only=inspector_only,
            body=msgspec.json.encode(body),
        )


def _new_id(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(8)}"


def _text(value: str, field: str, *, needed: bool = True) -> str:
    value = value.strip()
    if needed and not value:
        raise BadInput("is empty", field=field, remedy="say it in a sentence")
    if len(value) > TEXT_MAX:
        raise BadInput("is too long", field=field, remedy=f"at most {TEXT_MAX} characters")
    return value


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise BadInput(f"'{value}' is not a date", field="due", remedy="write 2026-12-01") from None


def _after(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    opened, _, id = cursor.partition(".")
    if not (opened.isascii() and opened.isdigit() and len(opened) <= 18 and id):
        raise BadInput(f"'{cursor[:40]}' is no cursor of ours", field="cursor", remedy="take it from `next` of the page before")
    return int(opened), id
