"""What is said of a zone now: by assess, unless it said it too long ago, and by the alerts that stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from alerts.standing import with_alerts
from alerts.state import Alert
from assess.live import LiveZone
from domain.hazards import ZoneStatus
from domain.times import SECOND_US

STATE_MAX_AGE_US = 180 * SECOND_US
"""A state that assess has not looked at for three minutes says nothing about now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """A zone's state and since when it has its status; `live` as assess last said it, however old, `now` as it counts."""

    live: LiveZone
    now: LiveZone
    since_us: int
    is_known: bool  # assess speaks, or an alert stands
    held: Sequence[str] = ()  # hazards whose status rests on an open alert alone

    @property
    def status(self) -> ZoneStatus:
        return self.now.status


def live_row(zone: str, live: LiveZone | None, since_us: int, alerts: Sequence[Alert], now_us: int) -> LiveRow:
    """`live` None: assess has not looked yet, so that the alerts alone speak."""
    said = live or _unseen(zone, alerts)
    is_fresh = live is not None and now_us - live.at_us <= STATE_MAX_AGE_US
    measured = said if is_fresh else _forgotten(said)
    now = with_alerts(measured, alerts)
    if now.status is not measured.status or not is_fresh:
        since_us = min((alert.raised_at_us for alert in alerts if alert.severity.value == now.status.value), default=since_us)
    held = [hazard for hazard, status in now.hazards.items() if status is not measured.hazards.get(hazard)]
    return LiveRow(live=said, now=now, since_us=since_us, is_known=is_fresh or bool(alerts), held=held)


def _forgotten(live: LiveZone) -> LiveZone:
    return msgspec.structs.replace(live, status=ZoneStatus.UNKNOWN, hazards=dict.fromkeys(live.hazards, ZoneStatus.UNKNOWN), windows=[])


def _unseen(zone: str, alerts: Sequence[Alert]) -> LiveZone:
    first = alerts[0]
    return LiveZone(site=first.site, zone=zone, at_us=first.changed_at_us, shift=None, status=ZoneStatus.UNKNOWN, hazards={}, windows=[], simulated=first.simulated)
