"""The alerts process: what assess and the wire say, followed in event time, becomes alerts; what holds no longer returns. It starts from the journal alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from alerts.forecasts import ForecastsOver
from alerts.kpi import KpiService
from alerts.notification.links import Links
from alerts.notification.pager import Pager
from alerts.notification.port import Notifier
from alerts.notification.words import Letterhead
from alerts.policies import SitePolicies
from alerts.policy import Policy
from alerts.record import Recorder
from alerts.state import Alert
from alerts.suspicions import SuspectedFaults
from alerts.systems import SystemConditions
from alerts.windows import WindowConditions
from assess.live import LiveZone
from domain.clock import Clock
from domain.registry import Snapshot
from domain.times import MINUTE_US, SECOND_US
from storage.records.agents import AgentsRepository
from storage.records.journal import Key, StepKind
from storage.records.registry import RegistryRepository
from storage.records.suspects import SuspectsRepository
from storage.timeseries.port import TimeSeries

ADD_UP_US = 5 * SECOND_US


@dataclass(slots=True)
class OpenAlerts:
    """The open alerts as this process knows them; refreshed at each tick, kept up with by its own writes."""

    recorder: Recorder
    by_key: dict[Key, Alert] = field(default_factory=dict)
    last_id: int = -1
    read_us: int = 0

    def refresh(self, now_us: int) -> None:
        """Anew when anything was appended, and once a minute: on PostgreSQL a row may appear after one with a higher id."""
        last_id = self.recorder.journal.last_id()
        if last_id == self.last_id and 0 <= now_us - self.read_us < MINUTE_US:
            return
        self.last_id, self.read_us = last_id, now_us
        self.by_key = {alert.key: alert for alert in self.recorder.states.open()}

    def put(self, alert: Alert | None) -> None:
        if alert is None:
            return
        if alert.open:
            self.by_key[alert.key] = alert
        else:
            self.by_key.pop(alert.key, None)


class AlertService:
    """Call `tick` with each new view of the floor; it is quick, and safe to repeat."""

    def __init__(
        self,
        *,
        engine: Engine,
        timeseries: TimeSeries,
        clock: Clock,
        policy: Policy,
        notifiers: Sequence[Notifier] = (),
        head: Letterhead | None = None,
        links: Links | None = None,
    ) -> None:
        self._clock, self._policy = clock, policy
        self._timeseries = timeseries
        self._recorder = Recorder(engine, clock, policy)
        self._open = OpenAlerts(self._recorder)
        self._registry = RegistryRepository(engine)
        self._agents = AgentsRepository(engine)
        self._windows = WindowConditions(self._recorder, policy)
        self._systems = SystemConditions(self._recorder, policy, clock)
        self._suspicions, self._suspects = SuspectedFaults(self._recorder, policy, engine), SuspectsRepository(engine)
        self._forecasts = ForecastsOver(self._recorder, policy, engine)
        self._figures, self._added_up_us = KpiService(engine, clock), 0
        self.pager = Pager(engine, policy, [notifier.way for notifier in notifiers], head=head, links=links)

    def tick(self, now_us: int, live: Sequence[LiveZone]) -> None:
        """One pass: conditions, system conditions, what ends by itself, and who is to be called."""
        self._open.refresh(now_us)
        if isinstance(self._policy, SitePolicies):
            self._policy.refresh(now_us)
        for zone in live:
            for alert in self._windows.follow(zone, self._open.by_key, now_us):
                self._open.put(alert)
        held = self._registry.load().at(now_us)
        for alert in self._systems.follow(now_us, live, held, self._agents.all(), self._open.by_key):
            self._open.put(alert)
        for alert in self._suspicions.follow(now_us, self._suspects.all(), held, self._open.by_key):
            self._open.put(alert)
        for alert in self._forecasts.follow(now_us, live, self._open.by_key):
            self._open.put(alert)
        self._end_by_itself(now_us, held)
        self._add_up(now_us, held)
        self.pager.call(list(self._open.by_key.values()), held, now_us)

    def _add_up(self, now_us: int, held: Snapshot) -> None:
        """Now and then a past day's figures, so that nobody waits for a year of them."""
        if 0 <= now_us - self._added_up_us < ADD_UP_US:
            return
        self._added_up_us = now_us
        for site in held.sites:
            self._figures.keep_up(site, now_us, most=1)

    @property
    def open_alerts(self) -> list[Alert]:
        """As of the last tick."""
        return list(self._open.by_key.values())

    def _end_by_itself(self, now_us: int, held: Snapshot) -> None:
        """Shelving and suppression that are over, events that have not come again, and zones that are no more."""
        for alert in list(self._open.by_key.values()):
            for until_us, kind in ((alert.shelved_until_us, StepKind.UNSHELVED), (alert.suppressed_until_us, StepKind.UNSUPPRESSED)):
                if until_us is not None and until_us <= now_us:
                    self._open.put(self._recorder.by_itself(alert, kind, until_us))
            row = self._policy.for_site(alert.site).rows.get(alert.type)
            off_us = row.level(alert.severity).off_delay_s * SECOND_US if row else 0
            if alert.active and self._systems.is_event(alert.type) and now_us - alert.seen_us > off_us:
                self._open.put(self._recorder.returned(alert, now_us))
            elif alert.active and alert.zone and alert.zone not in held.zones:
                self._open.put(self._recorder.returned(alert, now_us, why="zone retired"))
