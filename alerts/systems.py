"""Alerts about the measuring system itself: silent channels, zones without data, devices offline or not delivering. What is silent because something above it is silent is inhibited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from alerts.duration import STEP_US, Delays, Reach, Run, Tracker
from alerts.places import home_of
from alerts.policy import Policy
from alerts.presence import is_offline, is_unheard
from alerts.record import Finding, Recorder, members
from alerts.state import Alert
from assess.live import LiveZone
from domain.clock import Clock, speed_of
from domain.messages import Health
from domain.registry import Snapshot
from domain.times import MINUTE_US, SECOND_US
from storage.records.agents import AgentRow
from storage.records.journal import Key

STUCK_AGE_S = 600.0
GRACE_US = 60 * SECOND_US
"""Of real time after the start: what has not been heard since then is not known to be silent."""
EVENTS = ("unknown_agent", "identity_conflict", "clock_wrong", "outbox_full")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A condition of one member (a channel, a zone, an agent) at this look."""

    type: str
    site: str
    zone: str
    member: str
    where: Reach


class SystemConditions:
    """Follows every channel, zone and agent of the registry."""

    def __init__(self, recorder: Recorder, policy: Policy, clock: Clock) -> None:
        self._recorder, self._policy, self._clock = recorder, policy, clock
        self._started_us: int | None = None
        self._heard: set[str] = set()  # zones that had data since the start
        self._trackers: dict[tuple[str, str, float, float], Tracker] = {}  # (type, member, delays)
        self._oldest_us: dict[str, tuple[float, int]] = {}  # agent → (oldest kept reading, since when it is the same)
        self._last_us: int | None = None
        self._health = msgspec.json.Decoder(Health)

    def is_event(self, type: str) -> bool:
        return type in EVENTS

    def follow(self, now_us: int, live: Sequence[LiveZone], held: Snapshot, agents: Sequence[AgentRow], alerts: Mapping[Key, Alert]) -> Iterator[Alert | None]:
        """One look at everything; yields the alerts that it touched."""
        step_us = STEP_US if self._last_us is None else max(STEP_US, 3 * (now_us - self._last_us) // 2)
        self._last_us = now_us
        offline = {row.agent for row in agents if is_offline(row, now_us, self._clock)} & held.agents.keys()
        unheard = offline | {row.agent for row in agents if is_unheard(row, now_us, self._clock)}
        seen = [*self._of_agents(now_us, held, agents, offline), *self._after_the_start(_of_zones(live, held, unheard), now_us)]
        raised: dict[Key, set[str]] = {}
        sites: dict[Key, str] = {}
        for look in seen:
            key = Key(look.zone, self._policy.rows[look.type].hazards[0], look.type)
            sites[key] = look.site
            members_of = raised.setdefault(key, set())
            if self._is_raised(look, now_us, step_us, alerts.get(key)):
                members_of.add(look.member)
        for key, of in raised.items():
            yield self._conclude(key, sites[key], of, now_us, alerts.get(key), live)

    def _after_the_start(self, looks: Iterator[_Seen], now_us: int) -> Iterator[_Seen]:
        """A zone counts as without data only when it has had some, or has had the time to send it."""
        self._started_us = now_us if self._started_us is None else self._started_us
        is_early = now_us - self._started_us < GRACE_US * speed_of(self._clock)
        for look in looks:
            if look.type == "zone_no_data" and look.where is Reach.UNDER:
                self._heard.add(look.zone)
            yield replace(look, where=Reach.UNKNOWN) if look.type == "zone_no_data" and is_early and look.zone not in self._heard else look

    def _is_raised(self, look: _Seen, now_us: int, step_us: int, alert: Alert | None) -> bool:
        row = self._policy.for_site(look.site).rows[look.type]
        level = row.level(row.lowest)
        which = (look.type, look.member, level.on_delay_s, level.off_delay_s)
        if which not in self._trackers:
            is_running = alert is not None and alert.active and look.member in members(alert.evidence)
            delays = Delays(on_us=round(level.on_delay_s * SECOND_US), off_us=round(level.off_delay_s * SECOND_US))
            self._trackers[which] = Tracker(Run(delays, raised_us=alert.raised_at_us if alert and is_running else None))
        return self._trackers[which].add(now_us, look.where, step_us).raised_us is not None

    def _conclude(self, key: Key, site: str, of: set[str], now_us: int, alert: Alert | None, live: Sequence[LiveZone]) -> Alert | None:
        if of:
            row = self._policy.rows[key.type]
            name = "zones" if key.type == "zone_no_data" else "channels" if key.hazard == "sensor" else "agents"
            found = sorted(of)
            is_simulated = any(zone.simulated for zone in live if zone.zone == key.zone)
            channel = found[0] if key.type == "channel_silent" else None
            finding = Finding(
                site=site,
                zone=key.zone,
                hazard=key.hazard,
                type=key.type,
                severity=row.lowest,
                event_us=now_us,
                channel=channel,
                evidence={name: list(found)},
                simulated=is_simulated,
            )
            return self._recorder.seen(finding, alert)
        if alert is not None and alert.active:
            return self._recorder.returned(alert, now_us)
        return None

    def _of_agents(self, now_us: int, held: Snapshot, agents: Sequence[AgentRow], offline: set[str]) -> Iterator[_Seen]:
        for row in agents:
            if row.agent not in held.agents:
                continue
            site, zone = home_of(held, row.agent)
            yield _Seen("agent_offline", site, zone, row.agent, _over(row.agent in offline))
            stuck = Reach.UNKNOWN if row.agent in offline else _over(self._is_stuck(row, now_us))
            yield _Seen("outbox_stuck", site, zone, row.agent, stuck)

    def _is_stuck(self, row: AgentRow, now_us: int) -> bool:
        """Whether the oldest reading that an agent keeps is old and stays the same: a backlog that drains moves on."""
        if not row.health:
            return False
        try:
            health = self._health.decode(row.health)
        except msgspec.ValidationError:
            return False
        age_s = health.outbox_oldest_age_s
        if age_s is None or age_s < STUCK_AGE_S:
            self._oldest_us.pop(row.agent, None)
            return False
        oldest_s = health.at - age_s
        known = self._oldest_us.get(row.agent)
        if known is None or abs(known[0] - oldest_s) > 1.0:
            self._oldest_us[row.agent] = (oldest_s, now_us)
            return False
        return now_us - known[1] > MINUTE_US


def _of_zones(live: Sequence[LiveZone], held: Snapshot, unheard: set[str]) -> Iterator[_Seen]:
    """A zone without any data is one alert; a silent channel in a zone with data is another; neither where its agent is not heard."""
    for zone in live:
        channels = held.channels_of(zone.zone)
        watched = [channel.id for channel in channels if channel.agent not in unheard]
        silent = set(zone.silent)
        is_dark = bool(watched) and silent.issuperset(watched)
        if channels:
            yield _Seen("zone_no_data", zone.site, zone.zone, zone.zone, _over(is_dark) if watched else Reach.UNKNOWN)
        for channel in channels:
            is_inhibited = channel.agent in unheard or is_dark
            where = Reach.UNKNOWN if is_inhibited and channel.id in silent else _over(channel.id in silent)
            yield _Seen("channel_silent", zone.site, zone.zone, channel.id, where)


def _over(is_there: bool) -> Reach:
    return Reach.OVER if is_there else Reach.UNDER
