"""Open alerts that a zone's status may not fall below: what a person or a peer has yet to decide holds, whatever the windows say by now (contracts 3.1 and 4.1)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.state import Alert
from assess.live import LiveZone
from domain.hazards import SYSTEM_HAZARDS, Severity, ZoneStatus, worst


def stands(alert: Alert) -> bool:
    """Whether it holds its zone's status: an alarm about exposure, there or latched, that nobody has suppressed."""
    is_exposure = alert.severity is not Severity.NOTICE and alert.hazard not in SYSTEM_HAZARDS
    return bool(alert.zone) and is_exposure and alert.open and (alert.active or alert.latched) and alert.suppression == "none"


def with_alerts(live: LiveZone, alerts: Iterable[Alert]) -> LiveZone:
    """Each hazard is the worst of its windows and of the alerts that stand."""
    hazards = dict(live.hazards)
    for alert in alerts:
        hazards[alert.hazard] = worst([hazards.get(alert.hazard, ZoneStatus.WITHIN), ZoneStatus(alert.severity.value)])
    return msgspec.structs.replace(live, hazards=hazards, status=worst([live.status, *hazards.values()]))
