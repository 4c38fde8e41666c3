"""How each representative was chosen, for how long, and the women's share on the committee beside their share of the workforce (row 42)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal

import msgspec
from msgspec.structs import replace

from alerts.review.access import Transition, check
from alerts.review.book import Book, Draft, checked_text
from domain.agreements import SIDES, Side
from domain.errors import BadInput, Conflict, NotFound
from domain.registry import Snapshot
from domain.scope import Scope
from storage.records.committee import CommitteeEntry

Chosen = Literal["election", "union", "none"]
CHOSEN: tuple[Chosen, ...] = ("election", "union", "none")
Sex = Literal["woman", "man", "not_said"]
SEXES: tuple[Sex, ...] = ("woman", "man", "not_said")
SMALLEST = 5
"""Shares of fewer persons than this are not told."""
NAME_MAX = 100


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """One representative's mandate; it is ended, never removed."""

    id: str
    name: str
    side: Side
    chosen: Chosen
    sex: Sex
    since: str  # local dates; both inclusive
    until: str
    account: str = ""  # the name with which they log in
    by: str = ""
    at_us: int = 0
    ended: str = ""  # the date on which it was ended before its term

    @property
    def elected(self) -> bool:
        """Whether workers chose: by a vote, or by their union."""
        return self.chosen != "none"

    def holds(self, day: str) -> bool:
        return self.since <= day <= (min(self.ended, self.until) if self.ended else self.until)


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """A side lets its own counts by sex be told, however few they are, or no longer."""

    side: Side
    released: bool


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    mandate: str
    on: str
    why: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Women among some persons; None where there are fewer than five, or nobody counted them."""

    women: int | None
    all: int | None
    share: float | None
    suppressed: bool


def share_of(women: int, all: int) -> Share:
    """Of none there is no share; of fewer than five it is not told."""
    if all < SMALLEST:
        return Share(women=None, all=None, share=None, suppressed=all > 0)
    return Share(women=women, all=all, share=women / all, suppressed=False)


def workforce_share(held: Snapshot, site: str) -> Share:
    """All zones' headcounts together, as they are registered. Zones whose own counts are not told are left out where the whole less the others would tell them."""
    counts = [zone.spec.workers for zone in held.zones_of(site) if zone.spec.workers is not None]
    told = [one for one in counts if _is_large(one.women, one.men)]
    hidden = [one for one in counts if not _is_large(one.women, one.men)]
    if len(hidden) > 1 and _is_large(sum(one.women for one in hidden), sum(one.men for one in hidden)):
        told = counts
    if hidden and not told:
        return Share(women=None, all=None, share=None, suppressed=True)
    women = sum(one.women for one in told)
    return share_of(women, women + sum(one.men for one in told))


def _is_large(*cells: int) -> bool:
    return all(cell == 0 or cell >= SMALLEST for cell in cells)


class Mandates:
    """Entered by each side for itself, or by a third party."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def of_site(self, scope: Scope, site: str) -> list[Mandate]:
        """All, the oldest first."""
        self._book.site(scope, site)
        return fold(self._entries(site))

    def enter(self, scope: Scope, site: str, *, name: str, side: Side, chosen: Chosen, sex: Sex, since: str, until: str, account: str = "") -> Mandate:
        self._book.site(scope, site)
        check(scope.role, Transition.MANDATE, side)
        first, last = _day(since, "since"), _day(until, "until")
        if last < first:
            raise BadInput("is before its beginning", field="until", remedy="the last day of the term")
        mandate = Mandate(
            id=f"man-{secrets.token_hex(8)}",
            name=checked_text(name, "name", longest=NAME_MAX),
            side=side,
            chosen=chosen,
            sex=sex,
            since=first,
            until=last,
            account=checked_text(account, "account", needed=False, longest=64),
            by=scope.user,
            at_us=self._book.now_us,
        )
        self._append(scope, site, lambda _: [("mandate", mandate)])
        return mandate

    def end(self, scope: Scope, site: str, id: str, *, on: str, why: str) -> Mandate:
        """Before its term; by the same side, or a third party."""
        self._book.site(scope, site)
        ended = Ended(mandate=id, on=_day(on, "on"), why=checked_text(why, "why"))

        def decide(before: list[CommitteeEntry]) -> Sequence[Draft]:
            mandate = _one(fold(before), id)
            check(scope.role, Transition.MANDATE, mandate.side)
            if mandate.ended:
                raise Conflict("it has been ended already")
            return [("ended", ended)]

        return _one(fold(self._append(scope, site, decide)), id)

    def release(self, scope: Scope, site: str, *, side: Side, released: bool) -> set[Side]:
        """By a side for itself alone; what was told before stays on paper."""
        self._book.site(scope, site)
        check(scope.role, Transition.RELEASE, side)
        return _released(self._append(scope, site, lambda _: [("released", Released(side=side, released=released))]))

    def released(self, scope: Scope, site: str) -> set[Side]:
        self._book.site(scope, site)
        return _released(self._entries(site))

    def _append(self, scope: Scope, site: str, decide: Callable[[list[CommitteeEntry]], Sequence[Draft]]) -> list[CommitteeEntry]:
        subject = self._book.open(scope, site, "mandates", [], about=site)
        return self._book.change(scope, subject, decide)

    def _entries(self, site: str) -> list[CommitteeEntry]:
        subject = self._book.repository.about("mandates", site)
        return self._book.repository.entries(subject.id) if subject else []


def fold(entries: Sequence[CommitteeEntry]) -> list[Mandate]:
    found: dict[str, Mandate] = {}
    for entry in entries:
        if entry.entry == "mandate":
            mandate = msgspec.json.decode(entry.body, type=Mandate)
            found[mandate.id] = mandate
        elif entry.entry == "ended":
            ended = msgspec.json.decode(entry.body, type=Ended)
            found[ended.mandate] = replace(found[ended.mandate], ended=ended.on)
    return list(found.values())


def _released(entries: Sequence[CommitteeEntry]) -> set[Side]:
    said = [msgspec.json.decode(entry.body, type=Released) for entry in entries if entry.entry == "released"]
    return {side for side, released in {one.side: one.released for one in said}.items() if released}


def balance(mandates: Sequence[Mandate]) -> dict[Side, int]:
    """Seats of each side."""
    return {side: sum(one.side == side for one in mandates) for side in SIDES}


def _one(mandates: Sequence[Mandate], id: str) -> Mandate:
    found = next((one for one in mandates if one.id == id), None)
    if found is None:
        raise NotFound(f"no mandate '{id}'")
    return found


def _day(value: str, field: str) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise BadInput(f"'{value}' is not a date", field=field, remedy="write 2026-12-01") from None
