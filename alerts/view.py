"""An alert as contract 4 shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.state import Alert, Mark
from domain.times import to_rfc3339


def to_json(alert: Alert) -> dict[str, Any]:
    """Plain data for REST and the live stream; times are RFC 3339."""
    first = alert.acknowledged
    return {
        "id": alert.id,
        "site": alert.site,
        "zone": alert.zone,
        "hazard": alert.hazard,
        "channel": alert.channel,
        "type": alert.type,
        "severity": alert.severity.value,
        "condition": alert.condition,
        "acknowledgements": [_mark(mark) for mark in alert.acknowledgements],
        "acknowledged": _mark(first) if first else None,
        "latched": alert.latched,
        "suppression": alert.suppression,
        "confirmed": _mark(alert.confirmed) if alert.confirmed else None,
        "state": alert.state,
        "raised_at": to_rfc3339(alert.raised_at_us),
        "returned_at": _time(alert.returned_at_us),
        "respond_by": _time(alert.respond_by_us),
        "value": alert.value,
        "unit": alert.unit,
        "limit": msgspec.to_builtins(alert.limit),
        "evidence": msgspec.to_builtins(alert.evidence),
        "simulated": alert.simulated,
        "revision": alert.revision,
    }


def _mark(mark: Mark) -> dict[str, str]:
    return {"by": mark.by, "role": mark.role, "side": mark.side, "at": to_rfc3339(mark.at_us), "text": mark.text}


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else to_rfc3339(time_us)
