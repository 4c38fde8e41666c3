"""What people do to an alert. Each is one journal row with who, role, when and why; what cannot be raises `Refused`, `BadInput`, `Conflict` or `NotFound`."""

from __future__ import annotations

from sqlalchemy import Engine

from alerts.state import DEFAULT_SHIFT_US, Alert, allowed, apply, fold
from alerts.states import state_row
from domain.clock import Clock
from domain.errors import BadInput, NotFound
from domain.registry import ShiftSpec, Snapshot
from domain.scope import Scope
from domain.shifts import current_shift, last_shift
from domain.times import MINUTE_US
from storage.records.journal import Change, Detail, JournalRepository, Step, StepKind
from storage.records.registry import RegistryRepository

TEXT_MAX = 2000


def acknowledge(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str = "", *, via: str = "") -> Alert:
    """I have seen it. Stops the paging of this side; a second time by the same person changes nothing."""
    return _take(engine, clock, scope, alert_id, StepKind.ACKNOWLEDGED, text, via=via)


def comment(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str, *, via: str = "") -> Alert:
    return _take(engine, clock, scope, alert_id, StepKind.COMMENTED, text, via=via)


def confirm(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str, *, via: str = "") -> Alert:
    """The response is done; the text says what was done."""
    return _take(engine, clock, scope, alert_id, StepKind.CONFIRMED, text, via=via)


def shelve(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str, minutes: int | None, *, via: str = "") -> Alert:
    """Quiet for a while, at most a shift; never at stop level."""
    return _take(engine, clock, scope, alert_id, StepKind.SHELVED, text, _minutes(minutes), via=via)


def unshelve(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str = "", *, via: str = "") -> Alert:
    return _take(engine, clock, scope, alert_id, StepKind.UNSHELVED, text, via=via)


def suppress_by_design(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str, minutes: int | None, *, via: str = "") -> Alert:
    """For a calibration or a closed line, at most 4 h; the text names the compensating measure, and both sides are told."""
    return _take(engine, clock, scope, alert_id, StepKind.SUPPRESSED, text, _minutes(minutes), via=via)


def end_suppression(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str = "", *, via: str = "") -> Alert:
    return _take(engine, clock, scope, alert_id, StepKind.UNSUPPRESSED, text, via=via)


def reset(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str = "", *, via: str = "") -> Alert:
    """Clear a latched alert whose condition has returned."""
    return _take(engine, clock, scope, alert_id, StepKind.RESET, text, via=via)


def out_of_service(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str, *, via: str = "") -> Alert:
    return _take(engine, clock, scope, alert_id, StepKind.OUT_OF_SERVICE, text, via=via)


def return_to_service(engine: Engine, clock: Clock, scope: Scope, alert_id: str, text: str = "", *, via: str = "") -> Alert:
    return _take(engine, clock, scope, alert_id, StepKind.RETURNED_TO_SERVICE, text, via=via)


def _minutes(minutes: int | None) -> int:
    if minutes is None or minutes <= 0:
        raise BadInput("is needed, a whole number over 0", field="minutes", remedy="say for how long")
    return minutes


def _take(engine: Engine, clock: Clock, scope: Scope, alert_id: str, kind: StepKind, text: str, minutes: int | None = None, *, via: str = "") -> Alert:
    if len(text) > TEXT_MAX:
        raise BadInput(f"longer than {TEXT_MAX} characters", field="text", remedy="shorten it")
    now_us = clock.now_us()
    held = RegistryRepository(engine).load().at(now_us)
    until_us = None if minutes is None else now_us + minutes * MINUTE_US
    before: list[Step] = []

    def decide(steps: list[Step]) -> Change:
        if not steps or not sees(scope, held, steps[0].site):
            raise NotFound(f"no alert '{alert_id}'")
        before[:] = steps
        alert = fold(steps)
        step = _step(alert, kind, now_us, scope, Detail(text=text.strip(), until_us=until_us, via=via))
        refusal = allowed(alert, step, scope.role, shift_us=_shift_us(held, alert, now_us))
        if refusal is not None:
            raise refusal
        if kind is StepKind.ACKNOWLEDGED and any(mark.by == scope.user for mark in alert.acknowledgements):
            return Change([], alert.open)
        return Change([step], apply(alert, step).open, lambda appended: state_row([*steps, *appended]))

    appended = JournalRepository(engine).change(alert_id, decide)
    return fold([*before, *appended])


def sees(scope: Scope, held: Snapshot, site: str) -> bool:
    """Whether a person may see alerts of this site; those of no site, such as an unknown device's, are for the whole-country scope."""
    spec = held.sites.get(site)
    return scope.sees(spec) if spec else scope.grant == "*"


def _step(alert: Alert, kind: StepKind, now_us: int, scope: Scope, detail: Detail) -> Step:
    return Step(
        alert=alert.id,
        site=alert.site,
        zone=alert.zone,
        hazard=alert.hazard,
        type=alert.type,
        kind=kind,
        event_us=now_us,
        recorded_us=now_us,
        by=scope.user,
        role=scope.role.value,
        detail=detail,
    )


def _shift_us(held: Snapshot, alert: Alert, now_us: int) -> int:
    """The length of the zone's running or last shift."""
    if alert.site not in held.sites:
        return DEFAULT_SHIFT_US
    plan: list[ShiftSpec] = held.shifts_of(held.zones[alert.zone]) if alert.zone in held.zones else held.shifts.get(alert.site, [])
    zone = held.timezone(alert.site)
    shift = current_shift(plan, zone, now_us) or last_shift(plan, zone, now_us)
    return shift.stop_us - shift.start_us if shift else DEFAULT_SHIFT_US
