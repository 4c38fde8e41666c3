"""What both sides of the committee are to be told without an alert: overdue corrective actions, and what was done to a worker-side account."""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import Engine

from alerts.notification.post import BOTH_SIDES, Post
from alerts.notification.words import SEE, Letterhead, local_time
from alerts.review.model import Body, Kind
from alerts.review.state import fold
from alerts.review.touches import administrative
from domain.registry import Snapshot
from domain.scope import Role
from domain.times import DAY_US
from storage.records.committee import CommitteeEntry, CommitteeRepository
from storage.records.notifications import Recipient
from storage.records.people import AuditEntry, PeopleRepository

BACK_US = 2 * DAY_US
"""So far back a centre that was down looks for what it has not told."""

OVERDUE = "Corrective action overdue, {site}"
OVERDUE_TEXT = "A corrective action that the committee agreed on is overdue: {action}. It was to be done by {due}, by {owner}."
TO_INSPECTOR = "Corrective action shown to the inspector, {site}"
TO_INSPECTOR_TEXT = "A corrective action is overdue for so long that the labour inspector sees it: {action}. It was to be done by {due}, by {owner}."
TOUCHED = "A worker-side account was touched, {site}"
TOUCHED_TEXT = "On {time} an administrator did this to the worker-side account {name}: {what}, by {by}. Later signatures of this account carry a mark. If you did not expect it, speak about it in the committee."
TEXTS = (OVERDUE, OVERDUE_TEXT, TO_INSPECTOR, TO_INSPECTOR_TEXT, TOUCHED, TOUCHED_TEXT)
_NEWS = {Kind.OVERDUE: (OVERDUE, OVERDUE_TEXT), Kind.TO_INSPECTOR: (TO_INSPECTOR, TO_INSPECTOR_TEXT)}


class CommitteeNews:
    """`tick` every minute; the outbox keeps what was told from being told again."""

    def __init__(self, engine: Engine, post: Post, head: Letterhead) -> None:
        self._committee, self._people = CommitteeRepository(engine), PeopleRepository(engine)
        self._post, self._head = post, head

    def tick(self, now_us: int, held: Snapshot) -> None:
        for site in held.sites:
            for entry in self._committee.since(site, [kind.value for kind in _NEWS], now_us - BACK_US):
                self._tell_of_action(entry, *_NEWS[Kind(entry.entry)], held, now_us)
            self._tell_of_accounts(site, held, now_us)

    def _tell_of_action(self, entry: CommitteeEntry, subject: str, text: str, held: Snapshot, now_us: int) -> None:
        body = msgspec.json.decode(entry.body, type=Body)
        action = next((one for one in fold(self._committee.entries(entry.subject)).actions if one.id == body.action), None)
        if action is None:
            return
        name = held.sites[entry.site].name

        def write(person: Recipient) -> tuple[str, str]:
            lines = [self._say(person, text).format(action=action.text, due=action.due, owner=action.owner)]
            lines += [self._say(person, SEE).format(link=f"{self._head.console_url}/reviews/{entry.subject}")] if self._head.console_url else []
            return self._say(person, subject).format(site=name), "\n".join(lines)

        self._post.put(self._post.people(entry.site, held), entry.site, entry.subject, f"committee-{entry.id}", now_us, write)

    def _tell_of_accounts(self, site: str, held: Snapshot, now_us: int) -> None:
        names = [user.name for user in self._people.list_users() if user.role is Role.WORKER_REPRESENTATIVE and user.grant == site]
        for touch in administrative(self._people, names) if names else []:
            if abs(now_us - touch.at_us) <= BACK_US:
                self._tell_of_account(site, touch, held, now_us)

    def _tell_of_account(self, site: str, touch: AuditEntry, held: Snapshot, now_us: int) -> None:
        known_by = hashlib.sha256(f"{touch.at_us} {touch.by} {touch.action} {touch.subject}".encode()).hexdigest()[:24]

        def write(person: Recipient) -> tuple[str, str]:
            values = {"time": local_time(held, site, touch.at_us), "name": touch.subject, "what": self._say(person, touch.action), "by": touch.by or "-"}
            return self._say(person, TOUCHED).format(site=held.sites[site].name), self._say(person, TOUCHED_TEXT).format(**values)

        self._post.put(self._post.people(site, held, BOTH_SIDES), site, site, f"account-{known_by}", now_us, write)

    def _say(self, person: Recipient, text: str) -> str:
        return self._head.say(person.locale, text)
