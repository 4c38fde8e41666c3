"""The rules that run on every reading before it is stored (decision 3): ceilings, peaks, and "extreme, or sensor fault". They write the alert journal themselves."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.ceiling_air import Air
from alerts.ceilings import ShortTermOf, Watch, profile_limits, watches
from alerts.duration import Delays, Reach, Run, reach
from alerts.places import home_of
from alerts.policies import SitePolicies, site_policies
from alerts.policy import Policy, Source
from alerts.record import Finding, Recorder
from alerts.state import Alert
from domain.clock import Clock
from domain.errors import NotReady
from domain.hazards import Severity
from domain.quality import Quality, Reason
from domain.reading import Reading
from domain.registry import Registry
from domain.times import MINUTE_US, SECOND_US
from storage.records.journal import Evidence, Key

log = logging.getLogger(__name__)

FUTURE_US = 5 * MINUTE_US
"""Contract 3.1: beyond this a time is wrong, and the reading is judged on its arrival."""
LATE_US = 120 * SECOND_US
"""With two intervals of the channel: what is older came from a backlog, and nobody is called for it."""
REFRESH_US = MINUTE_US
LOOK_US = SECOND_US
"""The registry is asked for a change once a second, not for each pack."""
_EXTREME = frozenset({int(Reason.SATURATED), int(Reason.OVER_RANGE)})
_NO_LIMIT = math.inf
LastOf = Callable[[Sequence[str]], Mapping[str, Reading]]


@dataclass(slots=True)
class _Over:
    """An excursion that runs: its alert, and how long the channel has been under again."""

    watch: Watch
    run: Run


class InstantRules:
    """`ingest.rules.InstantRules`. Safe to call from several threads."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        registry_of: Callable[[], Registry],
        *,
        policy: Policy | None = None,
        limits_of: ShortTermOf = profile_limits,
        last_of: LastOf | None = None,
    ) -> None:
        """`last_of`: the store, which also has what other workers took in."""
        self._policy = policy or site_policies(engine)
        self._recorder = Recorder(engine, clock, self._policy)
        self._clock, self._registry_of = clock, registry_of
        self._limits_of = limits_of
        self._registry: Registry | None = None
        self._fresh_until_us = self._next_look_us = 0
        self._noticed: dict[tuple[str, str], int] = {}
        self._watches: Mapping[str, Watch] = {}
        self._air, self._last_of = Air(), last_of
        self._limits: dict[str, float] = {}
        self._harmless: dict[tuple[int, ...], bool] = {}
        self._over: dict[tuple[str, str], _Over] = {}  # (channel, type)
        self._alerts: dict[Key, Alert] = {}
        self._waiting: dict[Key, Finding] = {}  # findings that the database did not take yet
        self._to_return: dict[Key, tuple[Alert, int]] = {}  # and returns
        self._next_try_us = 0
        self._late: dict[Key, int] = {}
        self._is_resumed = False
        self._lock = threading.RLock()
        self.failures = 0

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        """Run the rules; a reading that is under its ceiling costs a dictionary look-up."""
        if arrival_us >= self._fresh_until_us or self._clock.monotonic_us() >= self._next_look_us:
            self._refresh(arrival_us, readings)
        limit_of, harmless = self._limits.get, self._harmless
        for reading in readings:
            value = reading.value
            if value is None:
                continue
            if value > limit_of(reading.channel, _NO_LIMIT) or (reading.r and not harmless.get(reading.r)):
                self._look(reading, arrival_us)
        if self._waiting or self._to_return:
            self._try_again()

    def notice(self, agent: str, kind: str, text: str, at_us: int) -> None:
        """Something that only ingest can see becomes an alert of the agent; `kind` is a type of the master table."""
        row = self._policy.rows[kind]
        again_us = row.level(row.lowest).off_delay_s * SECOND_US / 3
        with self._lock:
            last_us = self._noticed.get((agent, kind))
            if last_us is not None and 0 <= at_us - last_us < again_us:
                return
            if len(self._noticed) > 10_000:
                self._noticed.clear()
            self._noticed[agent, kind] = at_us
            site, zone = home_of(self._current_registry().at(at_us), agent)
            evidence: Evidence = {"agents": [agent], "text": text[:500]}
            self._record(Finding(site=site, zone=zone, hazard=row.hazards[0], type=row.type, severity=row.lowest, event_us=at_us, evidence=evidence, momentary=True))

    def _refresh(self, arrival_us: int, readings: Sequence[Reading]) -> None:
        with self._lock:
            self._next_look_us = self._clock.monotonic_us() + LOOK_US
            registry = self._current_registry()
            if registry is self._registry and arrival_us < self._fresh_until_us and self._is_resumed:
                return
            self._registry = registry
            self._fresh_until_us = arrival_us + REFRESH_US
            self._refresh_policy(arrival_us)
            self._air.follow(registry.at(arrival_us))
            for reading in readings:
                if reading.channel in self._air.channels and not _has_wrong_time(reading, arrival_us):
                    self._air.heard(reading)
            self._hear_of_others(arrival_us)
            self._watches = watches(registry, self._limits_of, self._policy, arrival_us, self._air)
            if not self._is_resumed:
                self._resume()
            self._limits = {channel: watch.raw_set_point for channel, watch in self._watches.items()}
            self._limits.update(dict.fromkeys(self._air.channels, -math.inf))
            for channel, _ in self._over:
                self._limits[channel] = -math.inf

    def _hear_of_others(self, now_us: int) -> None:
        """Thermometers and barometers on agents of other workers, by their last readings on record."""
        unheard = self._air.unheard(now_us) if self._last_of is not None else []
        if not unheard or self._last_of is None:
            return
        try:
            for reading in self._last_of(unheard).values():
                self._air.heard(reading)
        except NotReady:
            self.failures += 1

    def _refresh_policy(self, now_us: int) -> None:
        if isinstance(self._policy, SitePolicies):
            try:
                self._policy.refresh(now_us)
            except NotReady:
                self.failures += 1

    def _current_registry(self) -> Registry:
        """Where the database does not answer, what held before holds on."""
        try:
            return self._registry_of()
        except NotReady:
            self.failures += 1
            return self._registry or Registry(())

    def _resume(self) -> None:
        """After a restart: excursions that the journal says are running go on."""
        try:
            alerts = self._recorder.states.open()
        except NotReady:
            self.failures += 1
            return
        self._is_resumed = True
        for alert in alerts:
            row = self._policy.rows.get(alert.type)
            watch = self._watches.get(alert.channel or "")
            if alert.active and watch and row and row.source in (Source.INSTANT, Source.EXTREME) and alert.key not in self._alerts:
                self._alerts[alert.key] = alert
                self._over[watch.channel, alert.type] = _Over(watch, Run(self._delays(watch.site, alert.type, alert.severity), raised_us=alert.raised_at_us))

    def _look(self, reading: Reading, arrival_us: int) -> None:
        """The slow path: over something, flagged, or in an excursion."""
        is_harmless = not _EXTREME.intersection(reading.r)
        if len(self._harmless) < 1024:
            self._harmless[reading.r] = is_harmless
        if reading.channel in self._air.channels:
            with self._lock:
                if not _has_wrong_time(reading, arrival_us) and self._air.heard(reading):
                    self._fresh_until_us = 0
            return
        watch = self._watches.get(reading.channel)
        if watch is None or reading.value is None or reading.q <= Quality.REJECTED:
            return
        with self._lock:
            if _is_late(reading, watch, arrival_us):
                self._note_late(reading, watch)
                return
            event_us = arrival_us if _has_wrong_time(reading, arrival_us) else reading.time_us
            for type, severity, where in _judged(reading.value, watch, is_extreme=not is_harmless):
                self._follow(reading, watch, type, severity, event_us, where)

    def _follow(self, reading: Reading, watch: Watch, type: str, severity: Severity, event_us: int, where: Reach) -> None:
        over = self._over.get((watch.channel, type))
        if over is None:
            if where is not Reach.OVER:
                return
            over = self._over[watch.channel, type] = _Over(watch, Run(self._delays(watch.site, type, severity)))
            self._limits[watch.channel] = -math.inf
        if over.run.last_us is not None and event_us <= over.run.last_us:
            return
        over.run.step(event_us, where, step_us=watch.patience_us)
        if over.run.raised_us is None:
            self._end(watch, type, event_us)
        elif where is Reach.OVER:
            self._record(_finding(reading, watch, type, severity, event_us))

    def _end(self, watch: Watch, type: str, event_us: int) -> None:
        """This channel is under again; the alert returns when no other channel of its zone keeps it."""
        del self._over[watch.channel, type]
        if not any(channel == watch.channel for channel, _ in self._over):
            self._limits[watch.channel] = watch.raw_set_point
        key = Key(watch.zone, watch.hazard, type)
        alert = self._alerts.get(key)
        if alert is not None and not self._runs(key):
            self._return(alert, event_us)

    def _runs(self, key: Key) -> bool:
        return any(Key(over.watch.zone, over.watch.hazard, type) == key for (_, type), over in self._over.items())

    def _return(self, alert: Alert, event_us: int) -> None:
        self._alerts.pop(alert.key, None)
        self._to_return.pop(alert.key, None)
        if isinstance(self._guarded(lambda: self._recorder.returned(alert, event_us)), NotReady):
            self._to_return[alert.key] = (alert, event_us)

    def _record(self, finding: Finding) -> None:
        known = self._alerts.get(finding.key)
        alert = self._guarded(lambda: self._recorder.seen(finding, known))
        if isinstance(alert, NotReady):
            self._waiting[finding.key] = finding
        elif alert is not None:
            self._waiting.pop(finding.key, None)
            self._alerts[finding.key] = alert

    def _note_late(self, reading: Reading, watch: Watch) -> None:
        """Late data show an excursion that is over: nobody is called, the committee reviews it."""
        value = reading.value or 0.0
        if not (value > watch.raw_set_point or (_EXTREME.intersection(reading.r) and watch.is_over_short_term(value))):
            return
        finding = _finding(reading, watch, "late_excursion", Severity.NOTICE, reading.time_us)
        last_us = self._late.get(finding.key)
        self._late[finding.key] = reading.time_us
        if last_us is not None and abs(reading.time_us - last_us) <= watch.patience_us:
            return
        alert = self._guarded(lambda: self._recorder.seen(finding))
        if isinstance(alert, Alert):
            self._guarded(lambda: self._recorder.returned(alert, reading.time_us))

    def _guarded(self, write: Callable[[], Alert | None]) -> Alert | NotReady | None:
        """A database that does not answer must not stop readings: what was found waits and is written as soon as it does."""
        try:
            return write()
        except NotReady as problem:
            self.failures += 1
            log.warning("the alert journal does not answer: %s", problem)
            return problem

    def _try_again(self) -> None:
        """Once a second, what the database did not take."""
        if self._clock.monotonic_us() < self._next_try_us:
            return
        with self._lock:
            for finding in list(self._waiting.values()):
                self._record(finding)
                alert = self._alerts.get(finding.key)
                if alert is not None and not self._runs(finding.key):
                    self._return(alert, finding.event_us)
            for alert, event_us in list(self._to_return.values()):
                self._return(alert, event_us)
            self._next_try_us = self._clock.monotonic_us() + SECOND_US

    def _delays(self, site: str, type: str, severity: Severity) -> Delays:
        return Delays(off_us=round(self._policy.for_site(site).rows[type].level(severity).off_delay_s * SECOND_US))


def _judged(value: float, watch: Watch, *, is_extreme: bool) -> Iterator[tuple[str, Severity, Reach]]:
    """Where a reading stands by each type. "At least the range end" is one alert, not two: while it lasts the others can neither begin nor end."""
    is_over_short_term = watch.is_over_short_term(value)
    yield "extreme_over_ceiling", Severity.STOP, _extreme(is_extreme, is_over_short_term)
    yield "extreme", Severity.ACTION, _extreme(is_extreme, not is_over_short_term)
    if watch.ceiling_type:
        yield watch.ceiling_type, Severity.STOP, Reach.UNKNOWN if is_extreme else reach(value, watch.raw_set_point, watch.raw_deadband)


def _extreme(is_extreme: bool, is_this: bool) -> Reach:
    if not is_extreme:
        return Reach.UNDER
    return Reach.OVER if is_this else Reach.UNKNOWN


def _has_wrong_time(reading: Reading, arrival_us: int) -> bool:
    return int(Reason.CLOCK_UNSYNCED) in reading.r or reading.time_us - arrival_us > FUTURE_US


def _is_late(reading: Reading, watch: Watch, arrival_us: int) -> bool:
    if Reason.BACKFILLED in reading.r:
        return True
    if _has_wrong_time(reading, arrival_us):
        return False
    return arrival_us - reading.time_us > LATE_US + 2 * watch.interval_us


def _finding(reading: Reading, watch: Watch, type: str, severity: Severity, event_us: int) -> Finding:
    evidence: Evidence = {"placement": watch.placement, "channels": [watch.channel], "q": reading.q, "r": [str(code) for code in reading.r]}
    notes = list(watch.notes)
    if event_us != reading.time_us:
        notes.append("clock wrong: judged by its time of arrival")
    if notes:
        evidence["notes"] = notes
    return Finding(
        site=watch.site,
        zone=watch.zone,
        hazard=watch.hazard,
        type=type,
        severity=severity,
        event_us=event_us,
        channel=watch.channel,
        value=watch.shown(reading.value or 0.0),
        unit=watch.unit,
        limit=watch.limits.instant or watch.limits.any,
        evidence=evidence,
        simulated=Reason.SIMULATED in reading.r,
    )
