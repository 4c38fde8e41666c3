"""What inspectors are to be told without looking: a corrective action that is overdue for so long that it is theirs, and a word that was said to the inspectorate alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec
from sqlalchemy import Engine

from alerts.notification.post import Post
from alerts.notification.words import LISTED, MORE, SEE, Letterhead, local_time
from alerts.review.model import Action, Body, Kind
from alerts.review.state import fold
from domain.registry import Snapshot
from domain.scope import Role
from domain.times import DAY_US
from storage.records.committee import CommitteeEntry, CommitteeRepository
from storage.records.notifications import Recipient

BACK_US = 2 * DAY_US
"""So far back a centre that was down looks for what it has not told."""
REASON = "inspectorate-"
"""Messages whose reason begins so stand in no delivery record that a factory reads."""

REFERRED = "Shown to you: corrective actions overdue, {site}"
REFERRED_TEXT = "These corrective actions of one review are overdue, both sides were told a week ago, and nobody has declared them done:"
ACTION = "{action}: to be done by {due}, by {owner}"
SAID_TO_YOU = "Said to the inspectorate alone, {site}"
SAID_TEXT = (
    "On {time} somebody of the joint committee added a dissent to a review, for the inspectorate alone. "
    "It stands on the review's page, where only inspectors see it. Nobody at the factory is told of it, nor of this message."
)
TEXTS = (REFERRED, REFERRED_TEXT, ACTION, SAID_TO_YOU, SAID_TEXT)


class InspectorNews:
    """`tick` every minute; one message for what became theirs of one review at one time, and never the same twice."""

    def __init__(self, engine: Engine, post: Post, head: Letterhead) -> None:
        self._committee, self._post, self._head = CommitteeRepository(engine), post, head

    def tick(self, now_us: int, held: Snapshot) -> None:
        for site in held.sites:
            entries = self._committee.since(site, [Kind.TO_INSPECTOR.value, Kind.DISSENT.value], now_us - BACK_US)
            inspectors = self._post.people(site, held, [Role.INSPECTOR]) if entries else []
            if not inspectors:
                continue
            referred = [entry for entry in entries if entry.entry == Kind.TO_INSPECTOR]
            for _, together in groupby(referred, key=lambda entry: (entry.subject, entry.recorded_us)):
                self._tell_of_actions(inspectors, list(together), held, now_us)
            for entry in entries:
                if entry.inspector_only:
                    self._tell_of_dissent(inspectors, entry, held, now_us)

    def _tell_of_actions(self, people: Sequence[Recipient], entries: Sequence[CommitteeEntry], held: Snapshot, now_us: int) -> None:
        """What one look at a review found is appended as one piece, so that no later one belongs to this message."""
        first = entries[0]
        ids = {msgspec.json.decode(entry.body, type=Body).action for entry in entries}
        actions = [action for action in fold(self._committee.entries(first.subject)).actions if action.id in ids]

        def write(person: Recipient) -> tuple[str, str]:
            lines = [self._say(person, REFERRED_TEXT), *(f"- {self._action(person, action)}" for action in actions[:LISTED])]
            lines += [self._say(person, MORE).format(n=len(actions) - LISTED)] if len(actions) > LISTED else []
            return self._say(person, REFERRED).format(site=held.sites[first.site].name), "\n".join([*lines, *self._link(person, first.subject)])

        self._post.put(people, first.site, first.subject, f"{REASON}{first.id}", now_us, write)

    def _tell_of_dissent(self, people: Sequence[Recipient], entry: CommitteeEntry, held: Snapshot, now_us: int) -> None:
        """Neither who said it nor what: a mail is read on its way."""

        def write(person: Recipient) -> tuple[str, str]:
            text = self._say(person, SAID_TEXT).format(time=local_time(held, entry.site, entry.recorded_us))
            return self._say(person, SAID_TO_YOU).format(site=held.sites[entry.site].name), "\n".join([text, *self._link(person, entry.subject)])

        self._post.put(people, entry.site, entry.subject, f"{REASON}{entry.id}", now_us, write)

    def _action(self, person: Recipient, action: Action) -> str:
        return self._say(person, ACTION).format(action=action.text, due=action.due, owner=action.owner)

    def _link(self, person: Recipient, review: str) -> list[str]:
        return [self._say(person, SEE).format(link=f"{self._head.console_url}/reviews/{review}")] if self._head.console_url else []

    def _say(self, person: Recipient, text: str) -> str:
        return self._head.say(person.locale, text)
