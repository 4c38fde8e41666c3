"""Alerts from the running windows of assess: over what begins `action` or `stop`, for as long as the table's delays ask, in event time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.duration import STEP_US, Delays, Reach, Run, Tracker, reach
from alerts.joint_calls import JointCalls
from alerts.policy import AlarmRow, Level, Policy, Source
from alerts.record import Finding, Recorder
from alerts.shift_ends import Told
from alerts.state import Alert
from assess.live import LiveWindow, LiveZone
from domain.hazards import Severity
from domain.times import SECOND_US, to_rfc3339
from models.limits.profile import AVERAGING_TEXT
from storage.records.journal import Evidence, Key

PROBABLY = "probably over, not proven"
INSTANTANEOUS = AVERAGING_TEXT["instantaneous"]
LEVELS = (Severity.ACTION, Severity.STOP)


@dataclass(slots=True)
class _Watched:
    """One window, followed against its two set-points."""

    row: AlarmRow
    shift: str
    trackers: dict[Severity, Tracker] = field(default_factory=dict)
    window: LiveWindow | None = None
    severity: Severity | None = None
    is_blind: bool = False
    is_under: bool = False  # of its action level


class WindowConditions:
    """Follows every window of every zone."""

    def __init__(self, recorder: Recorder, policy: Policy) -> None:
        self._recorder, self._policy = recorder, policy
        self._zones: dict[str, dict[tuple[Key, str], _Watched]] = {}  # zone → (key of the alert, which window)
        self._last_us: dict[str, int] = {}
        self._calls = JointCalls()
        self._told = Told()

    def follow(self, zone: LiveZone, alerts: Mapping[Key, Alert], now_us: int) -> Iterator[Alert | None]:
        """One look at one zone; yields the alerts that it touched."""
        step_us = max(STEP_US, 3 * (zone.at_us - self._last_us.get(zone.zone, zone.at_us)) // 2)
        self._last_us[zone.zone] = zone.at_us
        watched = self._zones.setdefault(zone.zone, {})
        ended = self._ended(zone, watched, alerts)
        self._end_shift(zone, watched, ended)
        seen = {self._see(zone, window, watched, alerts, step_us) for window in zone.windows}
        self._miss(zone, watched, seen, step_us)
        keys = {key for key, _ in watched}
        keys |= {key for key, alert in alerts.items() if key.zone == zone.zone and alert.active and self._is_window(alert)}
        for key in keys:
            alert, own = alerts.get(key), _of(watched, key)
            if any(_holds(entry) for entry in own):
                self._calls.stands(zone, key, _shift(zone), None if alert is not None and alert.active else _below(own))
            if alert is not None and key in ended and not _is_at_stop(own):
                yield self._recorder.returned(alert, zone.at_us, why="end of the shift")
            else:
                yield self._conclude(zone, key, own, alert)
            if key in self._told:
                self._told.look(key, zone.at_us, step_us, is_under=_is_under(own))

    def _ended(self, zone: LiveZone, watched: Mapping[tuple[Key, str], _Watched], alerts: Mapping[Key, Alert]) -> set[Key]:
        """Exposure ends with the shift, danger does not: what is at stop level stays, and so does what nobody can see."""
        past = [key for key, alert in alerts.items() if key.zone == zone.zone and self._ends_with_shift(alert) and alert.evidence.get("shift") != _shift(zone)]
        return {key for key in past if not _is_blind(own := _of(watched, key)) and not _is_at_stop(own)}

    def _end_shift(self, zone: LiveZone, watched: Mapping[tuple[Key, str], _Watched], ended: Collection[Key]) -> None:
        """What ended begins anew at action level: in a shift at once, outside shifts only after it was under."""
        if zone.shift:
            self._told.begin_shift(zone.zone)
        for key in ended:
            own = _of(watched, key)
            for entry in own:
                entry.trackers[Severity.ACTION] = _tracker(entry.row.levels[Severity.ACTION])
            if not zone.shift:
                self._told.add(key, max(entry.trackers[Severity.ACTION].settled.delays.off_us for entry in own), zone.at_us)

    def _see(self, zone: LiveZone, window: LiveWindow, zone_watched: dict[tuple[Key, str], _Watched], alerts: Mapping[Key, Alert], step_us: int) -> tuple[Key, str]:
        row = self._policy.for_site(zone.site).window_row(window.hazard, window.metric)
        key = Key(zone.zone, window.hazard, row.type)
        which = (key, f"{window.metric}/{window.placement}/{window.limit.profile + '/' + window.limit.id if window.limit else ''}")
        shift = _shift(zone)
        watched = zone_watched.get(which)
        if watched is None or watched.row != row or (row.ends_with_shift and watched.shift != shift):
            watched = zone_watched[which] = _Watched(row, shift, _trackers(row, alerts.get(key), shift))
        watched.window = window
        watched.is_blind = window.value is None or bool(set(window.channels) & set(zone.silent))
        watched.severity = None
        for severity, set_point in _set_points(window):
            if severity in watched.trackers and self._is_over(key, watched, severity, set_point, step_us):
                watched.severity = severity
        return which

    def _is_over(self, key: Key, watched: _Watched, severity: Severity, set_point: float | None, step_us: int) -> bool:
        """Whether the excursion runs. A window that silent channels feed can raise, but not return."""
        window = watched.window
        if window is None:
            return False
        where = Reach.UNKNOWN
        if set_point is not None and window.value is not None:
            level = watched.row.level(severity)
            where = reach(window.value, level.begins(set_point), max(level.deadband, level.deadband_share * abs(set_point)))
        elif set_point is None and window.value is not None:
            where = Reach.UNDER
        if watched.is_blind and where is not Reach.OVER:
            where = Reach.UNKNOWN
        if severity is Severity.ACTION:
            watched.is_under = where is Reach.UNDER
            where = Reach.BAND if where is Reach.OVER and key in self._told else where
        return watched.trackers[severity].add(window.stop_us, where, step_us).raised_us is not None

    def _miss(self, zone: LiveZone, zone_watched: dict[tuple[Key, str], _Watched], seen: set[tuple[Key, str]], step_us: int) -> None:
        """Windows that are not there any more: a dose ends with its shift, any other is blind."""
        shift = _shift(zone)
        for which, watched in list(zone_watched.items()):
            if which in seen:
                continue
            if watched.row.ends_with_shift and watched.shift != shift:
                del zone_watched[which]
            else:
                watched.is_blind = True
                watched.severity = max(
                    (level for level, tracker in watched.trackers.items() if tracker.add(zone.at_us, Reach.UNKNOWN, step_us).raised_us is not None),
                    key=lambda level: level.rank,
                    default=None,
                )

    def _conclude(self, zone: LiveZone, key: Key, watched: list[_Watched], alert: Alert | None) -> Alert | None:
        over = [entry for entry in watched if entry.severity is not None]
        row = self._policy.rows[key.type]
        if over:
            return self._keep(zone, key, over, alert)
        if alert is None or not alert.active:
            return None
        if row.ends_with_shift and alert.evidence.get("shift") != _shift(zone):
            return self._recorder.returned(alert, zone.at_us, why="end of the shift")
        if _is_blind(watched):
            return self._recorder.data_lost(alert, zone.at_us)
        stop_us = max(entry.window.stop_us for entry in watched if entry.window is not None)
        return self._recorder.returned(alert, max(stop_us, alert.raised_at_us))

    def _keep(self, zone: LiveZone, key: Key, over: list[_Watched], alert: Alert | None) -> Alert | None:
        worst = max(over, key=lambda entry: (entry.severity.rank if entry.severity else 0, _excess(entry)))
        if worst.window is None or worst.severity is None:
            return alert
        if alert is not None and alert.active:
            alert = self._recorder.data_lost(alert, zone.at_us) if _is_blind(over) else self._recorder.data_back(alert, zone.at_us)
        if worst.window.value is None:
            return alert
        finding = _finding(zone, key, worst.window, worst.severity)
        if alert is not None or worst.severity is not Severity.ACTION or not _holds(worst):
            return self._recorder.seen(finding, alert)
        level = worst.row.levels[Severity.ACTION]
        finding = replace(finding, evidence={**finding.evidence, **self._calls.evidence(zone, key, _shift(zone), level)})
        raised = self._recorder.seen(finding)
        if raised is not None:
            self._calls.raised(raised, level, zone.at_us)
        return raised

    def _ends_with_shift(self, alert: Alert) -> bool:
        level = self._policy.rows[alert.type].levels.get(Severity.ACTION) if alert.active and self._is_window(alert) else None
        return level is not None and level.ends_with_shift

    def _is_window(self, alert: Alert) -> bool:
        row = self._policy.rows.get(alert.type)
        return row is not None and row.source is Source.WINDOW


def _set_points(window: LiveWindow) -> Iterator[tuple[Severity, float | None]]:
    """A limit for single readings is the instant rules' matter; of it only an action level below it is followed here."""
    if window.limit is None or window.limit.averaging != INSTANTANEOUS:
        yield from ((Severity.ACTION, window.action_from), (Severity.STOP, window.stop_from))
    elif window.action_from is not None and window.stop_from is not None and window.action_from < window.stop_from:
        yield Severity.ACTION, window.action_from


def _trackers(row: AlarmRow, alert: Alert | None, shift: str) -> dict[Severity, Tracker]:
    """An alert that the journal knows as active is taken up as raised, so that it returns only after the off-delay."""
    is_running = alert is not None and alert.active and (not row.ends_with_shift or alert.evidence.get("shift") == shift)
    trackers = {}
    for severity in LEVELS:
        if severity in row.levels:
            trackers[severity] = _tracker(row.levels[severity], alert.raised_at_us if alert and is_running and alert.severity.rank >= severity.rank else None)
    return trackers


def _tracker(level: Level, raised_us: int | None = None) -> Tracker:
    delays = Delays(on_us=round(level.on_delay_s * SECOND_US), off_us=round(level.off_delay_s * SECOND_US))
    return Tracker(Run(delays, raised_us=raised_us))


def _shift(zone: LiveZone) -> str:
    return f"{zone.shift.date} {zone.shift.name}" if zone.shift else ""


def _of(watched: Mapping[tuple[Key, str], _Watched], key: Key) -> list[_Watched]:
    return [entry for (owner, _), entry in watched.items() if owner == key]


def _is_blind(own: Sequence[_Watched]) -> bool:
    return all(entry.is_blind for entry in own)


def _is_at_stop(own: Sequence[_Watched]) -> bool:
    return any(entry.severity is Severity.STOP for entry in own)


def _is_under(own: Sequence[_Watched]) -> bool:
    """Whether all that can be seen is."""
    return not _is_blind(own) and all(entry.is_blind or entry.is_under for entry in own)


def _holds(entry: _Watched) -> bool:
    """Whether a call for it holds for other zones too."""
    level = entry.row.levels.get(Severity.ACTION)
    return level is not None and level.call_holds_min > 0


def _below(watched: Sequence[_Watched]) -> float | None:
    """How far the window that is closest lies below where action begins; below zero is over it. What cannot be seen now is not known."""
    level = watched[0].row.levels[Severity.ACTION]
    windows = [entry.window for entry in watched if entry.window is not None and not entry.is_blind]
    return min((level.begins(one.action_from) - one.value for one in windows if one.value is not None and one.action_from is not None), default=None)


def _excess(entry: _Watched) -> float:
    window = entry.window
    if window is None or window.value is None:
        return float("-inf")
    set_point = window.stop_from if entry.severity is Severity.STOP else window.action_from
    return window.value / set_point if set_point else window.value


def _finding(zone: LiveZone, key: Key, window: LiveWindow, severity: Severity) -> Finding:
    evidence: Evidence = {
        "metric": window.metric,
        "placement": window.placement,
        "channels": list(window.channels),
        "window_start": to_rfc3339(window.start_us),
        "window_stop": to_rfc3339(window.stop_us),
        "low": window.low,
        "high": window.high,
        "coverage": window.coverage,
        "certainty": "proven" if window.proven else PROBABLY,
        "shift": _shift(zone),
    }
    if window.reasons:
        evidence["reasons"] = list(window.reasons)
    return Finding(
        site=zone.site,
        zone=zone.zone,
        hazard=key.hazard,
        type=key.type,
        severity=severity,
        event_us=window.stop_us,
        channel=window.channels[0] if len(window.channels) == 1 else None,
        value=window.value,
        unit=window.unit,
        limit=window.limit,
        evidence=evidence,
        simulated=zone.simulated,
    )
