"""Proof that people would be reached: a silent heartbeat by every channel, one announced test a week that people hear, and an alert where either is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import Engine

from alerts.notification.post import BOTH_SIDES, Post
from alerts.notification.troubles import Troubles
from alerts.notification.words import Say, in_english
from domain.clock import Clock, speed_of
from domain.registry import DAYS, Snapshot
from domain.scope import Role
from domain.shifts import local_instant
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, to_datetime
from storage.records.contacts import ContactsRepository, SiteTimes
from storage.records.notifications import NotificationsRepository, Recipient
from storage.records.proofs import ProofsRepository

SILENT, WEEKLY = "silent", "weekly"
EVERY_US = 5 * MINUTE_US
MISSED_US = 3 * EVERY_US
"""One receipt may be late; three are not."""
SILENCE_US = 2 * MINUTE_US
"""A message that nobody takes up for so long means that the channel's thread hangs."""
WEEKLY_WITHIN_US = 15 * MINUTE_US
WEEKLY_LATEST_US = HOUR_US

TEST = "TEST: weekly alarm test, {site}"
TEST_TEXT = (
    "This is the announced weekly test of the alarm chain. Nothing has happened and nothing is to be done. Whoever should have got this message and did not: tell the OSH officer."
)
NOT_MADE = "the weekly test was not made"
TEXTS = (TEST, TEST_TEXT)


class ChainTest:
    """`tick` every few seconds."""

    def __init__(
        self, engine: Engine, clock: Clock, post: Post, troubles: Troubles, *, say: Say = in_english, channels: Sequence[str] = (), sound: Callable[[str], None] | None = None
    ) -> None:  # fmt: skip
        self._proofs, self._contacts, self._outbox = ProofsRepository(engine), ContactsRepository(engine), NotificationsRepository(engine)
        self._clock, self._post, self._troubles, self._say = clock, post, troubles, say
        self._channels, self._sound = channels or [way.name for way in post.ways], sound
        self._speed = speed_of(clock)
        self._started_us: int | None = None

    def tick(self, now_us: int, held: Snapshot) -> None:
        self._started_us = now_us if self._started_us is None else self._started_us
        for channel in self._channels:
            self._silent(channel, now_us)
        self._hanging(now_us)
        for site in held.sites:
            self._weekly(site, held, now_us)

    def _silent(self, channel: str, now_us: int) -> None:
        every_us, last = round(EVERY_US * self._speed), self._proofs.last(channel, SILENT)
        if last is None or now_us - last.asked_us >= every_us:
            self._proofs.ask(channel, SILENT, now_us)
        received = self._proofs.last_received(channel, SILENT)
        since_us = max(received.asked_us if received else 0, self._started_us or 0)
        if now_us - since_us > MISSED_US * self._speed:
            why = last.problem if last and last.problem else "no receipt"
            self._troubles.fail(channel, "chain", f"no heartbeat came through for {(now_us - since_us) // MINUTE_US} minutes: {why}")
        elif received is not None and last is not None and received.id == last.id:
            self._troubles.works(channel, "chain")

    def _hanging(self, now_us: int) -> None:
        oldest = self._outbox.oldest_due(now_us)
        for channel in self._channels:
            late_us = now_us - oldest.get(channel, now_us)
            if late_us > SILENCE_US * self._speed:
                self._troubles.fail(channel, "silence", f"a message waits for {late_us // SECOND_US} s and nobody takes it up")
            else:
                self._troubles.works(channel, "silence")

    def _weekly(self, site: str, held: Snapshot, now_us: int) -> None:
        planned_us = last_planned(self._contacts.times(site), held, site, now_us)
        last = self._proofs.last("all", f"{WEEKLY}@{site}")
        done = last is not None and last.asked_us >= planned_us
        late_us = now_us - planned_us
        if not done and late_us < WEEKLY_LATEST_US:
            self._make(site, held, now_us)
        elif not done and last is not None and late_us < DAY_US:
            self._troubles.fail("all", f"{WEEKLY}@{site}", NOT_MADE, site)
        elif last is not None and last.received_us is None and not last.problem and now_us - last.asked_us > WEEKLY_WITHIN_US:
            self._conclude(last.id, site, last.asked_us, now_us)

    def _make(self, site: str, held: Snapshot, now_us: int) -> None:
        self._proofs.ask("all", f"{WEEKLY}@{site}", now_us)
        name = held.sites[site].name

        def write(person: Recipient) -> tuple[str, str]:
            return self._say(person.locale, TEST).format(site=name), self._say(person.locale, TEST_TEXT)

        people = self._post.people(site, held, [*BOTH_SIDES, Role.ADMINISTRATOR])
        self._post.put(people, site, site, _reason(now_us), now_us, write, every_way=True)
        if self._sound is None:
            return
        try:
            self._sound(site)
            self._troubles.works("siren", f"{WEEKLY}@{site}")
        except OSError as error:
            self._troubles.fail("siren", f"{WEEKLY}@{site}", f"the test sound did not get through: {error}", site)

    def _conclude(self, id: int, site: str, asked_us: int, now_us: int) -> None:
        """Every channel by which somebody was to be reached has reached somebody."""
        messages = self._post.of(site, _reason(asked_us))
        by_channel = {channel: [message for message in messages if message.channel == channel] for channel in {message.channel for message in messages}}
        silent = sorted(channel for channel, of in by_channel.items() if not any(message.state == "sent" for message in of))
        self._proofs.answer(id, received_us=None if silent else now_us, problem=f"nothing came through by {', '.join(silent)}" if silent else "")
        for channel in silent:
            self._troubles.fail(channel, f"{WEEKLY}@{site}", "the weekly test did not come through", site)
        for channel in by_channel.keys() - set(silent):
            self._troubles.works(channel, f"{WEEKLY}@{site}")
        self._troubles.works("all", f"{WEEKLY}@{site}")


def last_planned(times: SiteTimes, held: Snapshot, site: str, now_us: int) -> int:
    """The last instant at which this site's test was to be made."""
    zone = held.timezone(site)
    today = to_datetime(now_us).astimezone(zone).date()
    for back in range(8):
        day = today - timedelta(days=back)
        at_us = local_instant(day, times.test_at, zone)
        if DAYS[day.weekday()] == times.test_day and at_us <= now_us:
            return at_us
    raise AssertionError("a week has every day")


def _reason(at_us: int) -> str:
    return f"test-{to_datetime(at_us):%Y%m%dT%H%M%S}"
