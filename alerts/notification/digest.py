"""One message a day for each site: what is open, what the last day brought, what maintenance should look at, when the next test is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Engine

from alerts.notification.post import Post
from alerts.notification.words import LEVELS, LISTED, MORE, NOT_SAFETY, SEE, Letterhead, local_time, zone_of
from alerts.state import Alert
from alerts.states import AlertStates
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.shifts import local_instant
from domain.times import DAY_US, HOUR_US, to_datetime
from models.anomaly.monitor import Drift
from storage.records.contacts import ContactsRepository
from storage.records.notifications import Recipient
from storage.records.suspects import Suspect, SuspectsRepository

LATEST_US = 6 * HOUR_US
"""A centre that was down in the morning still sends it, but not in the night."""

SUBJECT = "Daily summary, {site}, {date}"
OPEN = "Open alerts: {n}"
NOTHING_OPEN = "No alert is open."
RAISED = "In the last 24 hours {n} alarms were raised, {stop} of them at stop level."
MAINTENANCE = "For maintenance, suspected by a model and silencing nothing:"
NO_SUSPECT = "No channel is suspected."
SUSPECT = "{channel}: {what}, since {time}"
DRIFTED = "A model no longer sees what it learned from; have its sensors looked at, or teach it anew (it silences nothing):"
DRIFTS = {
    "scores": "{subject}: scores have moved (stability index {value}, over {before})",
    "rate": "{subject}: {value} suspicions per sensor and week, {before} before",
    "chances": "{subject}: forecast chances are off by {value} on average",
}
NEXT_TEST = "The weekly alarm test, which people hear: {day}, {time}."
DAYS = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday"}
FAULTS = {"stuck": "stuck", "drift": "drift", "bias": "bias", "spike": "spikes", "noise": "noise", "dropout": "dropouts", "unknown": "unknown"}
TEXTS = (SUBJECT, OPEN, NOTHING_OPEN, RAISED, MAINTENANCE, NO_SUSPECT, SUSPECT, DRIFTED, *DRIFTS.values(), NEXT_TEST, *DAYS.values(), *FAULTS.values())


class Digest:
    """`tick` every minute or so; the outbox keeps a second one of the same day away."""

    def __init__(self, engine: Engine, post: Post, head: Letterhead, drifted: Callable[[], Sequence[Drift]] = tuple) -> None:
        self._drifted = drifted
        self._states, self._suspects, self._contacts = AlertStates(engine), SuspectsRepository(engine), ContactsRepository(engine)
        self._post, self._head = post, head
        self._put: dict[str, str] = {}  # site → local date

    def tick(self, now_us: int, held: Snapshot) -> None:
        for site in held.sites:
            zone = held.timezone(site)
            today = to_datetime(now_us).astimezone(zone).date()
            due_us = local_instant(today, self._contacts.times(site).digest_at, zone)
            if due_us <= now_us < due_us + LATEST_US and self._put.get(site) != today.isoformat():
                self._write(site, today.isoformat(), held, now_us)
                self._put[site] = today.isoformat()

    def _write(self, site: str, date: str, held: Snapshot, now_us: int) -> None:
        people = [person for person in self._post.people(site, held) if person.contact.digest]
        if not people:
            return
        is_open = sorted((alert for alert in self._states.open([site]) if alert.severity is not Severity.NOTICE), key=lambda alert: -alert.severity.rank)
        raised = [row.severity for row in self._states.rows.raised_between([site], now_us - DAY_US, now_us)]
        here = {channel.id for zone in held.zones_of(site) for channel in held.channels_of(zone.id)}
        suspects = [suspect for suspect in self._suspects.all() if suspect.channel in here and suspect.kind == "fault"]
        head = Letterhead(policy=self._head.policy, held=held, say=self._head.say, console_url=self._head.console_url)

        def write(person: Recipient) -> tuple[str, str]:
            lines = self._lines(head, person.locale, site, is_open, raised, suspects)
            return head.say(person.locale, SUBJECT).format(site=held.sites[site].name, date=date), "\n".join(lines)

        self._post.put(people, site, site, f"digest-{date}", now_us, write)

    def _lines(self, head: Letterhead, language: str, site: str, is_open: Sequence[Alert], raised: Sequence[str], suspects: Sequence[Suspect]) -> Iterator[str]:
        def say(text: str) -> str:
            return head.say(language, text)

        yield say(OPEN).format(n=len(is_open)) if is_open else say(NOTHING_OPEN)
        for alert in is_open[:LISTED]:
            yield f"- {say(LEVELS[alert.severity])}: {say(head.policy.rows[alert.type].title)}, {zone_of(head, alert)}, {local_time(head.held, site, alert.raised_at_us)}"
        if len(is_open) > LISTED:
            yield say(MORE).format(n=len(is_open) - LISTED)
        yield say(RAISED).format(n=len(raised), stop=raised.count(Severity.STOP.value))
        yield ""
        yield say(MAINTENANCE) if suspects else say(NO_SUSPECT)
        for suspect in suspects:
            what = say(FAULTS.get(suspect.fault_type, suspect.fault_type or suspect.kind))
            yield "- " + say(SUSPECT).format(channel=suspect.channel, what=what, time=local_time(head.held, site, suspect.since_us))
        drifted = self._drifted()
        if drifted:
            yield from ("", say(DRIFTED))
        for drift in drifted:
            yield "- " + say(DRIFTS[drift.what]).format(subject=drift.subject, value=f"{drift.value:g}", before=f"{drift.before:g}")
        times = self._contacts.times(site)
        yield ""
        yield say(NEXT_TEST).format(day=say(DAYS[times.test_day]), time=times.test_at)
        if head.console_url:
            yield say(SEE).format(link=f"{head.console_url}/alerts?site={site}")
        yield from ("", say(NOT_SAFETY))
