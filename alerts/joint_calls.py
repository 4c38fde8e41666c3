"""One call for what has one cause: a call names the zones that are close behind, and while it holds they are not called for again at action level. Each keeps an alert of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from alerts.policy import Level
from alerts.state import CALLED_WITH, Alert
from assess.live import LiveZone
from domain.hazards import Severity
from domain.times import MINUTE_US
from storage.records.journal import Evidence, Key, Step, StepKind

CLOSE_BEHIND = "close_behind"
BEGINS = (StepKind.RAISED, StepKind.REACTIVATED, StepKind.ESCALATED)
NAMED = "named in an earlier call"
MOST = 5
"""So many zones one line can name."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """How a zone stood when it was looked at last."""

    site: str
    shift: str
    below: float  # where action begins, in the window's unit; negative: over it


@dataclass(frozen=True, slots=True)
class _Call:
    alert: str
    shift: str  # of the zone that it named: the next one has other people
    until_us: int


@dataclass(slots=True)
class JointCalls:
    """Kept in memory: after a restart a zone is called for once more than it would have been."""

    _stands: dict[Key, _Stand] = field(default_factory=dict)
    _calls: dict[Key, _Call] = field(default_factory=dict)

    def stands(self, zone: LiveZone, key: Key, shift: str, below: float | None) -> None:
        """`below` None: nothing is known, or it has its alert."""
        if below is None:
            self._stands.pop(key, None)
        else:
            self._stands[key] = _Stand(zone.site, shift, below)

    def evidence(self, zone: LiveZone, key: Key, shift: str, level: Level) -> Evidence:
        """What an alert that is raised now has to say of calls: by which it was named, or whom it names."""
        call = self._calls.pop(key, None)
        if call is not None and call.shift == shift and zone.at_us <= call.until_us:
            return {CALLED_WITH: call.alert, "notes": [NAMED]}
        behind = sorted((stand.below, other.zone) for other, stand in self._stands.items() if self._is_behind(zone, key, other, stand, level))
        return {CLOSE_BEHIND: [name for _, name in behind[:MOST]]} if behind else {}

    def raised(self, alert: Alert, level: Level, at_us: int) -> None:
        """It called people: who is named need not be called for."""
        named = alert.evidence.get(CLOSE_BEHIND)
        if alert.called_for is not StepKind.RAISED or not isinstance(named, list):
            return
        for zone in named:
            key = Key(zone, alert.hazard, alert.type)
            if key in self._stands:  # another process may have raised it, and named zones that were not looked at here yet
                self._calls[key] = _Call(alert.id, self._stands[key].shift, at_us + level.call_holds_min * MINUTE_US)

    @staticmethod
    def _is_behind(zone: LiveZone, key: Key, other: Key, stand: _Stand, level: Level) -> bool:
        return other.zone != key.zone and other[1:] == key[1:] and stand.site == zone.site and stand.below <= level.close_behind


def is_call(step: Step) -> bool:
    """Whether people are called for an alarm that comes or rises by this step."""
    return step.kind is not StepKind.RAISED or CALLED_WITH not in step.detail.evidence


def calls_of(steps: Iterable[Step]) -> int:
    """How often people were called for an alert as it came, came again or rose; a notice calls nobody, and that nobody answered is no new alarm."""
    return sum(step.kind in BEGINS and step.detail.severity is not Severity.NOTICE and is_call(step) for step in steps)


def named_by(alert: Alert) -> str:
    """The alert whose call named this one; "" where people are called for it itself."""
    found = alert.evidence.get(CALLED_WITH)
    return found if isinstance(found, str) and alert.called_for is StepKind.RAISED else ""
