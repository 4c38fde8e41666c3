"""What a changed policy would have raised over what is stored, beside what the present one would have: both judge the same windows and readings, in journals of their own."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from alerts.history import History, Stored
from alerts.joint_calls import is_call
from alerts.kpi import quantile
from alerts.policy import Policy
from alerts.trial import Trial, TrialClock
from domain.hazards import Severity
from domain.registry import Registry
from domain.times import DAY_US, MINUTE_US, to_rfc3339
from storage.records.engine import open_records
from storage.records.journal import Step, StepKind
from storage.timeseries.port import TimeSeries

COMES = (StepKind.RAISED, StepKind.ESCALATED, StepKind.REACTIVATED)
NOT_REPLAYED = "alarms of devices, messages and forecasts: what the wire said at the time is not kept"
SAME_US = 5 * MINUTE_US


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that came, or rose to a higher severity."""

    at: str
    zone: str
    hazard: str
    type: str
    severity: str
    value: float | None
    at_us: int
    is_called: bool = True  # else an earlier call had named it


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One policy over the period."""

    alarms: int
    types: dict[str, int]  # `type severity`
    zones: dict[str, int]
    per_shift_p95: float | None  # calls
    per_shift_most: float | None
    came: list[Came]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    site: str
    start: str
    stop: str
    sides: dict[str, Side]
    only: dict[str, list[Came]]  # what came under this policy and not under the other, within five minutes
    not_replayed: str = NOT_REPLAYED


def replay(
    timeseries: TimeSeries,
    registry: Registry,
    site: str,
    start_us: int,
    stop_us: int,
    policies: Mapping[str, Policy],
    *,
    shifts: Sequence[tuple[int, int]] = (),
    progress: Callable[[int], None] = lambda _now_us: None,
) -> Replay:
    """By name of the policy. It writes nothing but in a folder that goes again."""
    with tempfile.TemporaryDirectory(prefix="oshwatch-replay-") as folder:
        clock = TrialClock(start_us)
        trials = {name: Trial(open_records(f"sqlite:///{Path(folder)}/{number}.db"), clock, policy, registry) for number, (name, policy) in enumerate(policies.items())}
        for now_us, live, readings in History(Stored(timeseries), registry, site).minutes(start_us, stop_us):
            clock.at_us = now_us
            for trial in trials.values():
                trial.look(live, readings, now_us)
            if now_us % DAY_US < MINUTE_US or now_us + MINUTE_US > stop_us:
                progress(now_us)
        came = {name: _came(trial) for name, trial in trials.items()}
        for trial in trials.values():
            trial.engine.dispose()
    sides = {name: _side(found, shifts) for name, found in came.items()}
    only = {name: _only(found, [one for other, rest in came.items() if other != name for one in rest]) for name, found in came.items()}
    return Replay(site=site, start=to_rfc3339(start_us), stop=to_rfc3339(stop_us), sides=sides, only=only)


def _came(trial: Trial) -> list[Came]:
    found: list[Came] = []
    severity: dict[str, Severity] = {}
    last = 0
    while steps := trial.recorder.journal.since(last):
        last = steps[-1].id
        found += [_as_came(step, severity) for step in steps if step.kind in COMES]
    return [one for one in found if one.severity != Severity.NOTICE]


def _as_came(step: Step, severity: dict[str, Severity]) -> Came:
    known = severity.setdefault(step.alert, step.detail.severity or Severity.NOTICE)
    severity[step.alert] = max(known, step.detail.severity or known, key=lambda one: one.rank)
    return Came(
        at=to_rfc3339(step.event_us),
        zone=step.zone,
        hazard=step.hazard,
        type=step.type,
        severity=severity[step.alert].value,
        value=step.detail.value,
        at_us=step.event_us,
        is_called=is_call(step),
    )


def _side(came: Sequence[Came], shifts: Sequence[tuple[int, int]]) -> Side:
    by_shift = [float(sum(start <= one.at_us < stop and one.is_called for one in came)) for start, stop in shifts]
    return Side(
        alarms=len(came),
        types=dict(Counter(f"{one.type} {one.severity}" for one in came).most_common()),
        zones=dict(Counter(one.zone for one in came).most_common()),
        per_shift_p95=quantile(by_shift, 0.95),
        per_shift_most=max(by_shift, default=None),
        came=list(came),
    )


def _only(came: Sequence[Came], others: Sequence[Came]) -> list[Came]:
    return [one for one in came if not any(_is_same(one, other) for other in others)]


def _is_same(one: Came, other: Came) -> bool:
    return (one.zone, one.hazard, one.type, one.severity) == (other.zone, other.hazard, other.type, other.severity) and abs(one.at_us - other.at_us) <= SAME_US
