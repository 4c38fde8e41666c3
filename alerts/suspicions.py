"""Suspicions of the anomaly model as alerts of their zone: notices, and actions only where they have proved right. They silence no limit and change no verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Engine

from alerts.policy import AlarmRow, Policy
from alerts.record import Finding, Recorder, members
from alerts.state import Alert
from domain.clock import Clock
from domain.errors import BadInput
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.times import MINUTE_US
from storage.records.alarm_feedback import AlarmFeedbackRepository, Judgement
from storage.records.journal import Key
from storage.records.suspects import Suspect

TYPE = "suspected_fault"
ENOUGH = 20
SHARE_RIGHT = 0.9
LOOK_US = MINUTE_US


def severity_of(row: AlarmRow, right: int, looked_at: int) -> Severity:
    """A model's alert is a notice until enough of them at this site were looked at and nine in ten were right; never stop."""
    is_proved = looked_at >= ENOUGH and right >= SHARE_RIGHT * looked_at
    return Severity.ACTION if is_proved and Severity.ACTION in row.levels else Severity.NOTICE


def judge(
    engine: Engine, clock: Clock, scope: Scope, alert: Alert, policy: Policy, *, is_true: bool, text: str = "", is_over: bool = False, is_checked: bool = False
) -> list[Judgement]:
    """Somebody looked: the alert of a model was right, or not. Returns all that was said of it."""
    row = policy.rows.get(alert.type)
    if row is None or row.source != "model":
        raise BadInput("is not the alert of a model", field="alert", remedy="write a comment instead")
    kept = AlarmFeedbackRepository(engine)
    said = Judgement(
        alert=alert.id,
        site=alert.site,
        type=alert.type,
        is_true=is_true,
        by=scope.user,
        role=scope.role.value,
        at_us=clock.now_us(),
        text=text,
        is_over=is_over,
        is_checked=is_checked,
    )
    kept.add(said)
    return kept.all(alert.id)


def is_over_limit(alert: Alert, alerts: Iterable[Alert], policy: Policy) -> bool:
    """Whether a limit is exceeded in the zone of a model's alert: then a word that its sensor is broken is no small word."""
    return any(other.zone == alert.zone and other.active and other.limit is not None and policy.rows[other.type].source != "model" for other in alerts if other.type in policy.rows)


def settled(judgements: Sequence[Judgement]) -> bool | None:
    """What holds of one alert: True, the sensor is broken; False, it is not; None, open.

    While a limit is exceeded a fault needs a check in the field or the word of both sides. That it was no fault needs both sides always: it makes the model speak less.
    """
    latest = {Role(said.role).side: said for said in judgements}
    both = {"worker", "management"} <= set(latest)
    words = [said for side, said in latest.items() if side]
    if both and not any(said.is_true for said in words):
        return False
    faults = [said for said in latest.values() if said.is_true]
    is_enough = bool(faults) and (any(said.is_checked for said in faults) or not any(said.is_over for said in judgements) or (both and len(faults) >= 2))
    return True if is_enough and all(said.is_true for said in words) else None


def proved(judgements: Iterable[Judgement]) -> dict[tuple[str, str], tuple[int, int]]:
    """(site, type) → (right, looked at), in which a proof once reached is lost only to what both sides said.

    An open word counts against a proof that is still to be made, and is left out of one that is.
    """
    by_alert: dict[str, list[Judgement]] = {}
    held: dict[tuple[str, str], dict[str, bool | None]] = {}
    reached: dict[tuple[str, str], bool] = {}
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for said in judgements:
        key = (said.site, said.type)
        by_alert.setdefault(said.alert, []).append(said)
        held.setdefault(key, {})[said.alert] = settled(by_alert[said.alert])
        words = list(held[key].values())
        right, wrong = words.count(True), words.count(False)
        looked_at = right + wrong + (0 if reached.get(key) else words.count(None))
        counts[key] = (right, looked_at)
        reached[key] = looked_at >= ENOUGH and right >= SHARE_RIGHT * looked_at
    return counts


class SuspectedFaults:
    """One alert a zone speaks of all its suspected sensors."""

    def __init__(self, recorder: Recorder, policy: Policy, engine: Engine) -> None:
        self._recorder, self._policy, self._feedback = recorder, policy, AlarmFeedbackRepository(engine)
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}
        self._next_us = 0

    def follow(self, now_us: int, suspects: Sequence[Suspect], held: Snapshot, alerts: Mapping[Key, Alert]) -> Iterator[Alert | None]:
        """One look; yields the alerts that it touched."""
        if now_us >= self._next_us or self._next_us - now_us > LOOK_US:
            self._counts, self._next_us = proved(self._feedback.all()), now_us + LOOK_US
        by_zone: dict[str, list[str]] = {}
        for suspect in suspects:
            channel = held.channels.get(suspect.channel)
            if channel is not None and suspect.kind == "fault":
                by_zone.setdefault(channel.zone, []).append(channel.id)
        row = self._policy.rows[TYPE]
        running = {key.zone: alert for key, alert in alerts.items() if key.type == TYPE and alert.active}
        for zone, channels in by_zone.items():
            yield self._seen(row, held.zones[zone].site, zone, sorted(channels), now_us, alerts.get(Key(zone, row.hazards[0], TYPE)))
        for zone, alert in running.items():
            if zone not in by_zone:
                yield self._recorder.returned(alert, now_us)

    def _seen(self, row: AlarmRow, site: str, zone: str, channels: list[str], now_us: int, alert: Alert | None) -> Alert | None:
        severity = severity_of(row, *self._counts.get((site, TYPE), (0, 0)))
        if alert is not None and alert.active and members(alert.evidence) == set(channels) and severity.rank <= alert.severity.rank:
            return alert
        return self._recorder.seen(
            Finding(site=site, zone=zone, hazard=row.hazards[0], type=TYPE, severity=severity, event_us=now_us, evidence={"channels": list(channels)}), alert
        )
