"""Results for both where one side proposes a value that makes them less strict: what holds decides, what is proposed is said beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from assess.evaluate import verdicts_of
from assess.outcome import ZoneShift
from assess.plan import Span, span_of
from domain.agreements import SIDES, ZoneRecord, sides_that
from domain.registry import Registry, Zone
from domain.verdict import Verdict

CONTESTED = "Contested: {what}, proposed by the {side} side and not agreed by the other; what held before decides."
BY_PROPOSAL = "By the proposal: {value} {unit}, bounds {low} to {high}, limit {limit}: {state}."
NOT_BY_PROPOSAL = "By the proposal this limit would not apply."
FEWER_WORKERS = "fewer persons assigned"
SENTENCES = (CONTESTED, BY_PROPOSAL, NOT_BY_PROPOSAL)


def results_of(work: ZoneShift, registry: Registry) -> list[Verdict]:
    """Every verdict of the zone's shift; where a proposal is open and would change it, it is contested and gives both results."""
    found = verdicts_of(work)
    proposed = _as_proposed(work.span, registry)
    if proposed is None:
        return found
    other = verdicts_of(
        ZoneShift(span=proposed, series=work.series, calibrations=work.calibrations, final=work.final, record_high=work.record_high, declared_gaps=work.declared_gaps)
    )
    by_key = {verdict.key: verdict for verdict in other}
    what = list(dict.fromkeys(_proposals(work.span, registry)))
    return [_both(verdict, by_key.get(verdict.key), what) for verdict in found]


def _as_proposed(span: Span, registry: Registry) -> Span | None:
    """The span as it would be; None where no proposal would change it."""
    other = registry.as_proposed()
    if other is registry:
        return None
    proposed = span_of(other, span.zone, span.shift, span.start_us, span.minutes)
    return None if proposed is None or proposed == span else proposed


def _both(verdict: Verdict, proposed: Verdict | None, what: Sequence[str]) -> Verdict:
    if proposed is not None and _counts(proposed) == _counts(verdict):
        return verdict
    return replace(verdict, contested=True, notes=[*verdict.notes, *what, NOT_BY_PROPOSAL if proposed is None else _said(proposed)])


def _counts(verdict: Verdict) -> tuple[object, ...]:
    return verdict.value, verdict.low, verdict.high, verdict.limit.value, verdict.state, verdict.workers, verdict.assumptions


def _said(verdict: Verdict) -> str:
    value, low, high, limit = (_number(number) for number in (verdict.value, verdict.low, verdict.high, verdict.limit.value))
    return BY_PROPOSAL.format(value=value, unit=verdict.unit, low=low, high=high, limit=limit, state=verdict.state.replace("_", " "))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _proposals(span: Span, registry: Registry) -> Iterator[str]:
    """The open proposals of the zone during the span, each in a sentence."""
    for snapshot in map(registry.at, [span.start_us, *registry.changes_between(span.start_us, max(span.stop_us, span.start_us + 1))]):
        zone = snapshot.zones.get(span.zone)
        for record in zone.proposals if zone else ():
            yield CONTESTED.format(what=what_changes(zone, record), side=" and ".join(sides_that(record.signatures, agree=True)) or "other")


def what_changes(zone: Zone | None, record: ZoneRecord) -> str:
    """`metabolic_rate_w 180 instead of 300`; a headcount without its numbers, since small cells stay suppressed."""
    held: Mapping[str, object] = {name: getattr(zone.spec, name) for name in record.values} if zone else {}
    changes = [f"{name} {_shown(value)} instead of {_shown(held.get(name))}" for name, value in record.values.items() if held.get(name) != value]
    return ", ".join([*changes, *([FEWER_WORKERS] if record.women is not None else [])])


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def waiting_for(record: ZoneRecord) -> list[str]:
    """Sides whose agreement is missing."""
    agreed = sides_that(record.signatures, agree=True)
    return [] if record.stands else [side for side in SIDES if side not in agreed]
