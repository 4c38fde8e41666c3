"""One policy tried on the past: conditions and instant rules as they run in the house, in a journal of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from alerts import actions
from alerts.instant import InstantRules
from alerts.policy import Policy
from alerts.record import Recorder
from alerts.service import OpenAlerts
from alerts.state import Alert
from alerts.systems import SystemConditions
from alerts.windows import WindowConditions
from assess.live import LiveZone
from domain.hazards import Severity
from domain.reading import Reading
from domain.registry import Registry
from domain.scope import Role, Scope
from domain.times import MINUTE_US
from storage.records.journal import Key

ROUND_US = 5 * MINUTE_US
"""How often the officer of a trial looks: what is over is acknowledged, what is latched and over is reset."""


@dataclass(slots=True)
class TrialClock:
    """Stands at the minute that is replayed."""

    at_us: int

    def now_us(self) -> int:
        return self.at_us

    def monotonic_us(self) -> int:
        return self.at_us

    def sleep(self, seconds: float) -> None:
        self.at_us += round(seconds * 1_000_000)


@dataclass(slots=True)
class Trial:
    """One policy with a journal of its own."""

    engine: Engine
    clock: TrialClock
    policy: Policy
    registry: Registry
    recorder: Recorder = field(init=False)
    windows: WindowConditions = field(init=False)
    instant: InstantRules = field(init=False)
    alerts: dict[Key, Alert] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.engine, self.clock, self.policy)
        self.windows = WindowConditions(self.recorder, self.policy)
        self.instant = InstantRules(self.engine, self.clock, lambda: self.registry, policy=self.policy)

    def look(self, live: Sequence[LiveZone], readings: Sequence[Reading], now_us: int) -> None:
        self.instant.check(readings, now_us)
        for zone in live:
            for alert in self.windows.follow(zone, self.alerts, now_us):
                self.put(alert)

    def put(self, alert: Alert | None) -> None:
        if alert is not None and alert.open:
            self.alerts[alert.key] = alert
        elif alert is not None:
            self.alerts.pop(alert.key, None)


@dataclass(slots=True)
class StaffedTrial:
    """A trial with silent sensors, and with somebody who answers: what nobody acknowledges would stay open, and what comes again would be one alert."""

    trial: Trial
    officer: Scope
    systems: SystemConditions = field(init=False)
    _rounds: int = 0

    def __post_init__(self) -> None:
        self.systems = SystemConditions(self.trial.recorder, self.trial.policy, self.trial.clock)

    def look(self, live: Sequence[LiveZone], readings: Sequence[Reading], now_us: int) -> None:
        """Agents are taken as heard: a record has no wire."""
        trial = self.trial
        trial.look(live, readings, now_us)
        for alert in self.systems.follow(now_us, live, trial.registry.at(now_us), (), trial.alerts):
            trial.put(alert)
        if now_us // ROUND_US != self._rounds:
            self._rounds = now_us // ROUND_US
            self._round(now_us)

    def _round(self, now_us: int) -> None:
        """Instant rules keep their alerts to themselves, so that the journal is asked."""
        opened = OpenAlerts(self.trial.recorder)
        opened.refresh(now_us)
        self.trial.alerts = opened.by_key
        for alert in list(opened.by_key.values()):
            if alert.severity is Severity.NOTICE or now_us - alert.called_at_us < ROUND_US:
                continue
            if not alert.acknowledgements:
                self.trial.put(actions.acknowledge(self.trial.engine, self.trial.clock, self.officer, alert.id))
            elif alert.latched and not alert.active:
                self.trial.put(actions.reset(self.trial.engine, self.trial.clock, self.officer, alert.id))


def officer_of(site: str) -> Scope:
    return Scope(user="officer", role=Role.OFFICER, grant=site)
