"""Results for both where one side proposes a value that makes them less strict: what holds decides, what is proposed is said beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

from msgspec.structs import replace

from assess.evaluate import verdicts_of
from assess.outcome import ZoneShift
from assess.plan import Span, shifts_of, span_of
from domain.agreements import LAB_RESULT, SIDES, Milder, ZoneRecord, sides_that
from domain.ids import zone_id
from domain.milder_records import CALIBRATION, RECORDS
from domain.registry import Registry, Zone
from domain.shifts import Shift
from domain.times import DAY_US, MINUTE_US, minute_of
from domain.verdict import Grade, State, Verdict

CONTESTED = "Contested: {what}, proposed by the {side} side and not agreed by the other; what held before decides."
BY_PROPOSAL = "By the proposal: {value} {unit}, bounds {low} to {high}, limit {limit}: {state}."
NOT_BY_PROPOSAL = "By the proposal this limit would not apply."
FEWER_WORKERS = "fewer persons assigned"
APPLIED = "Contested: {what}, by a change of the registry that both sides have not agreed to. It is applied; what held before stands beside it."
BEFORE = "By what held before: {value} {unit}, bounds {low} to {high}, limit {limit}: {state}."
LEFT_OUT = "This result stands by what held before; by the change it would be left out."
ENTERED = "Contested: {what}, entered and not agreed to by both sides; of the results with and without it the stricter decides."
WITH_IT = "With it: {value} {unit}, bounds {low} to {high}, limit {limit}: {state}."
WITHOUT_IT = "Without it: {value} {unit}, bounds {low} to {high}, limit {limit}: {state}."
SENTENCES = (CONTESTED, BY_PROPOSAL, NOT_BY_PROPOSAL, APPLIED, BEFORE, LEFT_OUT, ENTERED, WITH_IT, WITHOUT_IT)
STRICTEST: tuple[State, ...] = ("within", "indeterminate", "not_assessable", "exceeds")
GRADES: tuple[Grade, ...] = ("trend", "screening", "compliance")
Gather = Callable[[Span, Registry], ZoneShift]
"""The minutes of another span of the same zone, by what a registry has of calibrations and samples: other instruments, another time."""


def results_of(work: ZoneShift, registry: Registry, gather: Gather) -> list[Verdict]:
    """Every verdict of the zone's shift; where a proposal is open and would change it, or a change that is not agreed made it milder, it is contested and gives both results."""
    found, agreed = _with_proposals(work, registry), registry.undisputed()
    if is_record_open(work.span, registry):
        found = _stricter(found, _with_proposals(gather(work.span, agreed), registry), [ENTERED.format(what=_listed(_open_records(work.span, registry)))])
    before = _undisputed(work, registry)
    if before is None:
        return found
    what = [APPLIED.format(what=_listed(one for one in _open(work.span, registry) if one.kind not in RECORDS))]
    return _beside(found, {_across_shifts(verdict): verdict for verdict in verdicts_of(gather(before, agreed))}, what)


def is_record_open(span: Span, registry: Registry) -> bool:
    """Whether both sides have not agreed to a calibration of its instruments, or of those where its people rest, or to a laboratory result of the zone."""
    return bool(registry.open_changes) and bool(_open_records(span, registry))


def open_calibrations(registry: Registry) -> set[str]:
    """Channels with a calibration that both sides have not agreed to."""
    return {one.name.removeprefix(f"{CALIBRATION} ") for change in registry.open_changes for one in change.milder if one.kind == CALIBRATION}


def _instruments(span: Span, registry: Registry) -> set[str]:
    rests = {zone_id(span.site.id, piece.spec.rest_zone) for piece in span.pieces if piece.spec.rest_zone}
    return {*span.channels, *(channel.id for zone in rests for channel in registry.at(span.start_us).channels_of(zone))}


def _open_records(span: Span, registry: Registry) -> list[Milder]:
    found = [one for change in registry.open_changes for one in change.milder if one.kind in RECORDS]
    own = {f"{CALIBRATION} {channel}" for channel in _instruments(span, registry)} if found else set[str]()
    return [one for one in found if one.name in own or (one.kind == LAB_RESULT and one.zone == span.zone)]


def _stricter(found: Sequence[Verdict], without: Sequence[Verdict], what: Sequence[str]) -> list[Verdict]:
    others = {verdict.key: verdict for verdict in without}
    shown = [_strictest_of(verdict, others.pop(verdict.key, None), what) for verdict in found]
    return [*shown, *(replace(other, contested=True, notes=[*other.notes, *what, LEFT_OUT]) for other in others.values())]


def _strictest_of(verdict: Verdict, without: Verdict | None, what: Sequence[str]) -> Verdict:
    if without is None or not _is_milder(verdict, without):
        return verdict
    if _strictness(without) > _strictness(verdict):
        return replace(without, contested=True, notes=[*without.notes, *what, _said(verdict, WITH_IT)])
    return replace(verdict, contested=True, notes=[*verdict.notes, *what, _said(without, WITHOUT_IT)])


def _strictness(verdict: Verdict) -> tuple[float, ...]:
    return STRICTEST.index(verdict.state), _up(verdict.value, -inf), _up(verdict.high, inf), -GRADES.index(verdict.grade)


def _with_proposals(work: ZoneShift, registry: Registry) -> list[Verdict]:
    found = verdicts_of(work)
    proposed = _as_proposed(work.span, registry)
    if proposed is None:
        return found
    other = verdicts_of(
        ZoneShift(
            span=proposed,
            series=work.series,
            calibrations=work.calibrations,
            final=work.final,
            record_high=work.record_high,
            declared_gaps=work.declared_gaps,
            samples=work.samples,
            rest=work.rest,
        )
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


def settled_us(span: Span, registry: Registry) -> int:
    """When the span's shift is over also by what held before a change that is not agreed."""
    other = registry.undisputed()
    before = None if other is registry else _shift_before(span, other)
    return max(span.stop_us, before.stop_us) if before else span.stop_us


def _undisputed(work: ZoneShift, registry: Registry) -> Span | None:
    """The span as it would be without what is not agreed; None where that changes nothing."""
    span, other = work.span, registry.undisputed()
    if other is registry:
        return None
    shift = _shift_before(span, other)
    start_us, minutes = span.start_us, span.minutes
    if shift is not None and shift != span.shift:
        start_us = minute_of(shift.start_us)
        minutes = len(shift.minutes) if work.final else max(0, min(len(shift.minutes), (span.stop_us - start_us) // MINUTE_US))
    before = span_of(other, span.zone, shift, start_us, minutes) if minutes else None
    return None if before is None or before == span else before


def _shift_before(span: Span, registry: Registry) -> Shift | None:
    """The same shift by the plan of before, else the one that overlaps it most: a new name does not make it another one's work."""
    if span.shift is None:
        return None
    zone = next((held for us in (span.start_us, span.stop_us) if (held := registry.at(us).zones.get(span.zone)) is not None), None)
    planned = shifts_of(registry, zone, span.start_us - DAY_US, span.stop_us + DAY_US) if zone else []
    named = [shift for shift in planned if (shift.date, shift.name) == (span.shift.date, span.shift.name)]
    overlap = {shift: min(shift.stop_us, span.shift.stop_us) - max(shift.start_us, span.shift.start_us) for shift in named or planned}
    best = max(overlap, key=lambda shift: overlap[shift], default=None)
    return best if best is not None and (named or overlap[best] > 0) else span.shift


def _beside(found: Sequence[Verdict], before: dict[tuple[str, ...], Verdict], what: Sequence[str]) -> list[Verdict]:
    shown = []
    for verdict in found:
        other = before.pop(_across_shifts(verdict), None)
        milder = other is not None and _is_milder(verdict, other)
        shown.append(replace(verdict, contested=True, notes=[*verdict.notes, *what, _said(other, BEFORE)]) if milder and other is not None else verdict)
    names = {"date": found[0].shift.date, "name": found[0].shift.name} if found else {}
    left_out = [replace(other, contested=True, shift=replace(other.shift, **names), notes=[*other.notes, *what, LEFT_OUT]) for other in before.values()]
    return [*shown, *left_out]


def _across_shifts(verdict: Verdict) -> tuple[str, ...]:
    return verdict.key[0], *verdict.key[3:]


def _is_milder(verdict: Verdict, before: Verdict) -> bool:
    """Whether a reader would take the zone to be better off than by what held before."""
    if STRICTEST.index(verdict.state) < STRICTEST.index(before.state):
        return True
    if (verdict.limit.value if verdict.limit.value is not None else inf) > (before.limit.value if before.limit.value is not None else inf) + 1e-9:
        return True
    if GRADES.index(verdict.grade) > GRADES.index(before.grade):
        return True
    if any(_up(now, unknown) < _up(was, unknown) - 1e-9 for now, was, unknown in _bounds(verdict, before)):
        return True
    workers, were = verdict.workers, before.workers
    if were is None or workers is None:
        return were is not None
    if were.suppressed or workers.suppressed:
        return workers != were
    return (workers.women or 0) < (were.women or 0) or (workers.men or 0) < (were.men or 0)


def _bounds(verdict: Verdict, before: Verdict) -> Iterator[tuple[float | None, float | None, float]]:
    yield verdict.value, before.value, -inf
    yield verdict.low, before.low, -inf
    yield verdict.high, before.high, inf


def _up(value: float | None, unknown: float) -> float:
    return unknown if value is None else value


def _open(span: Span, registry: Registry) -> list[Milder]:
    """Values not agreed that concern the zone; of the whole site where none is of the zone alone."""
    held = [one for change in registry.open_changes if change.site == span.site.id for one in change.milder if one.valid_from_us < span.stop_us]
    return [one for one in held if one.zone in ("", span.zone)] or held


def stands_without(verdict: Verdict) -> bool:
    """Whether it is the result without the records that wait for a side."""
    return verdict.contested and any(note.startswith(WITH_IT.partition("{")[0]) for note in verdict.notes)


def _listed(changes: Iterable[Milder]) -> str:
    return ", ".join(shown_change(one) for one in changes)


def shown_change(one: Milder) -> str:
    """`f1.sewing-1: metabolic_rate_w 180 instead of 300`; a headcount without its numbers, since small cells stay suppressed."""
    if one.name == "workers":
        return f"{one.id}: {FEWER_WORKERS}"
    return f"{one.id}: {one.name}" + (f" {one.is_now} instead of {one.was or 'none'}" if one.was or one.is_now else "")


def _both(verdict: Verdict, proposed: Verdict | None, what: Sequence[str]) -> Verdict:
    if proposed is not None and _counts(proposed) == _counts(verdict):
        return verdict
    return replace(verdict, contested=True, notes=[*verdict.notes, *what, NOT_BY_PROPOSAL if proposed is None else _said(proposed)])


def _counts(verdict: Verdict) -> tuple[object, ...]:
    return verdict.value, verdict.low, verdict.high, verdict.limit.value, verdict.state, verdict.workers, verdict.assumptions


def _said(verdict: Verdict, sentence: str = BY_PROPOSAL) -> str:
    value, low, high, limit = (_number(number) for number in (verdict.value, verdict.low, verdict.high, verdict.limit.value))
    return sentence.format(value=value, unit=verdict.unit, low=low, high=high, limit=limit, state=verdict.state.replace("_", " "))


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
