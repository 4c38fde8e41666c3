"""The dead man's switch: a process of its own that notices that alerting is dead, stops calling the outside address, and writes to people directly, past every other part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from urllib.request import Request, urlopen

from sqlalchemy import Engine

from alerts.notification.port import Notifier
from domain.clock import Clock
from domain.errors import NotReady
from domain.scope import Role
from domain.times import MINUTE_US, SECOND_US, to_rfc3339
from storage.records.notifications import NotificationsRepository, Recipient
from storage.records.services import ServicesRepository

log = logging.getLogger(__name__)

LOOK_S = 5.0
CALL_US = MINUTE_US
"""The outside address is called so often; its owner raises the alarm when the calls stop."""
DEAD_US = 60 * SECOND_US
"""A heartbeat comes every 2 s, and a restart takes a few."""
TROUBLED_US = 5 * MINUTE_US
AGAIN_US = 60 * MINUTE_US
TIMEOUT_S = 10
ALERTS = "alerts"
TOLD = (Role.OFFICER, Role.ADMINISTRATOR, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE)

DEAD = "Oshwatch: ALERTING IS DEAD"
DEAD_TEXT = (
    "The alarm system of this centre has stopped: {why}. Until it runs again nobody is called when a limit is exceeded. Watch by other means, and tell whoever runs the centre."
)
BACK = "Oshwatch: alerting works again"
BACK_TEXT = "The alarm system of this centre runs again since {time}. Look at what happened meanwhile."
TEXTS = (DEAD, DEAD_TEXT, BACK, BACK_TEXT)


class Watchdog:
    """`look` every few seconds, by the real clock: a scenario's clock says nothing about a process that hangs."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        mail: Notifier | None,
        addresses: Sequence[str] = (),
        call: Callable[[], None] | None = None,
        say: Callable[[str, str], str] = lambda _, text: text,
    ) -> None:
        self._services, self._outbox = ServicesRepository(engine), NotificationsRepository(engine)
        self._clock, self._mail, self._addresses, self._call, self._say = clock, mail, addresses, call, say
        self._started_us = clock.now_us()
        self._troubled_us: int | None = None
        self._called_us = self._told_us = 0
        self._owed: set[str] = set()  # addresses that the last word has not reached
        self._dead = ""
        self._people: list[Recipient] = []  # as last known: the database may be what is dead
        self.calls = self.failures = self.mails = 0

    def counters(self) -> dict[str, float]:
        return {"watchdog_calls": float(self.calls), "watchdog_failures": float(self.failures), "watchdog_mails": float(self.mails), "alerting_dead": float(bool(self._dead))}

    def look(self) -> None:
        now_us = self._clock.now_us()
        why = self._why_dead(now_us)
        if why:
            self._is_dead(why, now_us)
        elif self._dead:
            log.warning("alerting works again")
            self._dead, self._owed = "", set()
            self._tell(BACK, lambda text: text.format(time=to_rfc3339(now_us)), BACK_TEXT, self._everybody())
        if not why and self._call is not None and now_us - self._called_us >= CALL_US:
            self._call_outside(self._call, now_us)

    def _is_dead(self, why: str, now_us: int) -> None:
        if not self._dead or now_us - self._told_us >= AGAIN_US:
            log.error("alerting is dead: %s", why)
            self._dead, self._told_us, self._owed = why, now_us, set(self._everybody())
        if self._owed:  # a mail server that is away gets another try at the next look
            self._owed -= self._tell(DEAD, lambda text: text.format(why=self._dead), DEAD_TEXT, {to: language for to, language in self._everybody().items() if to in self._owed})

    def _why_dead(self, now_us: int) -> str:
        try:
            row = next((row for row in self._services.all() if row.name == ALERTS), None)
            self._people = self._outbox.recipients(TOLD)
        except NotReady as error:
            return self._after_a_while(str(error), now_us, DEAD_US)
        seen_us = row.at_us if row else self._started_us
        if now_us - max(seen_us, self._started_us) > DEAD_US:
            return f"no sign of life since {to_rfc3339(seen_us)}"
        if row is not None and not row.ready:
            return self._after_a_while(row.problem, now_us, TROUBLED_US)
        self._troubled_us = None
        return ""

    def _after_a_while(self, problem: str, now_us: int, patience_us: int) -> str:
        self._troubled_us = now_us if self._troubled_us is None else self._troubled_us
        return problem if now_us - self._troubled_us > patience_us else ""

    def _call_outside(self, call: Callable[[], None], now_us: int) -> None:
        try:
            call()
            self._called_us = now_us
            self.calls += 1
        except (OSError, ValueError) as error:
            self.failures += 1
            log.warning("the watchdog's address does not answer: %s", error)

    def _everybody(self) -> dict[str, str]:
        """Address → language."""
        return {**dict.fromkeys(self._addresses, ""), **{person.email: person.locale for person in self._people if person.email}}

    def _tell(self, subject: str, fill: Callable[[str], str], text: str, people: dict[str, str]) -> set[str]:
        """Who was reached."""
        reached = set()
        for address, language in people.items() if self._mail else ():
            try:
                if self._mail is not None:
                    self._mail.send(address, self._say(language, subject), fill(self._say(language, text)))
                    reached.add(address)
                    self.mails += 1
            except Exception as error:  # noqa: BLE001 - foreign code on a network; the next address, and this one at the next look
                self.failures += 1
                log.warning("watchdog's mail to %s: %s", address, error)
        return reached


def caller(url: str) -> Callable[[], None]:
    """One GET of an address whose owner raises the alarm when the calls stop."""

    def call() -> None:
        with urlopen(Request(url, method="GET"), timeout=TIMEOUT_S) as answer:  # noqa: S310 - settings take http and https only
            answer.read(1024)

    return call
