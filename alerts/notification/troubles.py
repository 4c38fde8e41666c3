"""Channels that do not work: one alert (hazard `notification`) for as long as any of them fails, whoever found it out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from sqlalchemy import Engine

from alerts.policy import Policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from domain.clock import Clock
from storage.records.journal import Evidence, Key

TYPE = "notification_failed"


class Troubles:
    """Shared by the channels' threads, the chain test and the siren."""

    def __init__(self, engine: Engine, clock: Clock, policy: Policy, home: Callable[[], str] = str) -> None:
        self._recorder, self._clock, self._policy, self._home = Recorder(engine, clock, policy), clock, policy, home
        self._lock = threading.Lock()
        self._failing: dict[tuple[str, str], str] | None = None  # (channel, who found it) → what is wrong
        self._alert: Alert | None = None

    def fail(self, channel: str, source: str, error: str, site: str = "") -> None:
        """This channel does not work, as `source` (delivery, chain, silence) saw it."""
        with self._lock:
            failing = self._known()
            failing[channel, source] = error
            self._alert = self._recorder.seen(self._finding((channel, source), error, site), self._alert) or self._alert

    def works(self, channel: str, source: str) -> None:
        """What `source` found wrong is over; the alert returns when nothing is wrong any more."""
        with self._lock:
            failing = self._known()
            was = failing.pop((channel, source), None)
            if was is None or self._alert is None:
                return
            if failing:
                self._alert = self._recorder.seen(self._finding(*next(iter(failing.items())), self._alert.site), self._alert) or self._alert
            else:
                self._recorder.returned(self._alert, self._clock.now_us())
                self._alert = None

    def forget_others(self, channels: Collection[str]) -> None:
        """A channel that the settings no longer name is nobody's trouble."""
        with self._lock:
            gone = [which for which in self._known() if which[0] not in channels]
        for channel, source in gone:
            self.works(channel, source)

    def _known(self) -> dict[tuple[str, str], str]:
        """After a restart what the open alert says counts as found by everybody, until each has seen it work."""
        if self._failing is None:
            self._alert = next((alert for alert in self._recorder.states.open() if alert.type == TYPE and alert.active), None)
            found = self._alert.evidence.get("channels") if self._alert else None
            pairs = [str(one).partition(" ") for one in found] if isinstance(found, list) else []
            self._failing = {(channel, source): "" for channel, _, source in pairs}
        return self._failing

    def _finding(self, which: tuple[str, str], error: str, site: str) -> Finding:
        """`channels`: each with who found it out; another one is news to whoever has acknowledged."""
        row, found = self._policy.rows[TYPE], sorted(self._known())
        evidence: Evidence = {
            "channel": which[0],
            "error": error[:300],
            "failing": sorted({name for name, _ in found}),
            "channels": [f"{name} {source}" for name, source in found],
        }
        key = Key("", row.hazards[0], row.type)
        where = self._alert.site if self._alert else site or self._home()
        return Finding(site=where, zone=key.zone, hazard=key.hazard, type=key.type, severity=row.lowest, event_us=self._clock.now_us(), evidence=evidence)
