"""The WBGT of many placements at once: `wbgt_of` over the minutes of all that have the same instruments, laid end to end.

A minute's WBGT depends on that minute alone, so what was solved at the last look stays where nothing that it was solved from has changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assess.gather import Measured
from assess.live_window import Now, Shown, single_reading
from assess.outcome import SolvedWbgt, WbgtNow, ZoneShift
from assess.plan import Placement, Span
from assess.wbgt import INPUTS, Wbgt, diameter_mm_of, inputs_of, is_monitored, wbgt_of
from domain.quantities import quantity_of
from domain.registry import Channel
from domain.times import MINUTE_US
from models.airborne.atmosphere import pressure_at
from models.arrays import Array

AT_ONCE_MIN = 2_048
"""Minutes of a block, which stays in the processor's cache."""


@dataclass(slots=True, kw_only=True)
class _Job:
    work: ZoneShift
    placement: Placement
    kind: Hashable
    found: Mapping[str, Measured]
    before: Wbgt | None  # of the minutes that are kept
    kept: int  # of the first minutes so many are as they were

    @property
    def fresh(self) -> slice:
        return slice(self.kept, self.work.span.minutes)


def solve_together(works: Sequence[ZoneShift]) -> None:
    """Fill in the WBGT of every placement where instruments stand alone."""
    groups: dict[Hashable, list[_Job]] = defaultdict(list)
    for work in works:
        for placement in work.span.placements:
            if is_monitored(placement) and not work.stands_beside(placement):
                job = _job(work, placement)
                groups[job.kind].append(job)
    for jobs in groups.values():
        for block in _blocks(jobs):
            _solve(block)


def solve_readings(places: Sequence[tuple[ZoneShift, Placement]], now: Now) -> None:
    """The WBGT of the freshest readings of these placements; an instrument without one is left out."""
    groups: dict[Hashable, list[tuple[ZoneShift, Placement, dict[str, Shown]]]] = defaultdict(list)
    for work, placement in places:
        shown = {quantity: one for quantity in INPUTS if quantity in placement.channels and (one := single_reading(work, placement, quantity, now)) is not None}
        groups[_kind(work, {quantity: (one.range_end, [one.channel]) for quantity, one in shown.items()})].append((work, placement, shown))
    for alike in groups.values():
        joined = {quantity: _as_minutes([shown[quantity] for _, _, shown in alike]) for quantity in alike[0][2]}
        whole, used = _wbgt_of(joined, alike[0][0].span)
        if whole is None:
            for work, placement, _ in alike:
                work.wbgt_now[placement.label] = now, None
            continue
        value, below, above, uncertainty = (each.tolist() for each in (whole.value, *widths_of(whole)))
        for index, (work, placement, _) in enumerate(alike):
            own = [measured for quantity in used if (measured := work.measure(placement, quantity)) is not None]
            work.wbgt_now[placement.label] = now, WbgtNow(value[index], below[index], above[index], uncertainty[index], own, whole.reasons)


def widths_of(wbgt: Wbgt) -> tuple[Array, Array, Array]:
    """How far each minute may be off, downwards and upwards, and what `action` begins below the limit, K."""
    (sensor, upper), (drift, upper_drift), (estimate, upper_estimate) = wbgt.sensor, wbgt.drift, wbgt.estimate
    instruments = upper + upper_drift
    return sensor + drift + estimate, instruments + upper_estimate, instruments + np.where(np.isinf(upper_estimate), 0.0, upper_estimate)


def _as_minutes(readings: Sequence[Shown]) -> Measured:
    """Readings of several instruments of one kind as if they were minutes of one."""
    value, yes = np.array([one.value for one in readings]), np.ones(len(readings), dtype=bool)
    quantity = quantity_of(readings[0].channel.quantity, readings[0].channel.spec.unit)
    assert quantity is not None  # else there would be no reading of it
    return Measured(
        quantity=quantity,
        value=value,
        top=value,
        valid=yes,
        uncertainty=np.array([one.uncertainty for one in readings]),
        drift=np.array([one.drift for one in readings]),
        saturated=np.array([one.saturated for one in readings]),
        below=~yes,
        simulated=~yes,
        range_end=readings[0].range_end,
        channels=[readings[0].channel],
    )


def _job(work: ZoneShift, placement: Placement) -> _Job:
    found = inputs_of(lambda quantity: work.measure(placement, quantity))
    kind = _kind(work, {quantity: (one.range_end, one.channels) for quantity, one in found.items()})
    before, kept = _kept(work, placement, kind, found)
    return _Job(work=work, placement=placement, kind=kind, found=found, before=before, kept=kept)


def _kind(work: ZoneShift, found: Mapping[str, tuple[float, Sequence[Channel]]]) -> Hashable:
    """Minutes of one kind are solved by the same formulas; by quantity the end of the range, and the instruments."""
    globe = found.get("globe_temperature")
    ends = tuple((quantity, range_end) for quantity, (range_end, _) in found.items())
    return ends, diameter_mm_of(globe[1]) if globe else None, work.span.worst_case("globe_temperature"), work.span.site.height_m


def _kept(work: ZoneShift, placement: Placement, kind: Hashable, found: Mapping[str, Measured]) -> tuple[Wbgt | None, int]:
    """What was solved before, from this span's first minute on, of as many minutes as are still the same to the last digit."""
    old = work.before
    held = old.solved.get(placement.label) if old is not None else None
    if old is None or held is None or held.kind != kind:
        return None, 0
    first = (work.span.start_us - old.span.start_us) // MINUTE_US
    minutes = min(old.span.minutes - first, work.span.minutes)
    if first < 0 or minutes <= 0:
        return None, 0
    was, now = slice(first, first + minutes), slice(0, minutes)
    same = all(_is_same(held.found[quantity], was, one, now) for quantity, one in found.items())
    return (_cut(held.wbgt, was, held.wbgt.used), minutes) if same else (None, 0)


def _is_same(old: Measured, was: slice, new: Measured, now: slice) -> bool:
    """In all that a WBGT rests on."""
    alike = [(old.value, new.value), (old.valid, new.valid), (old.saturated, new.saturated)]
    if old.made_by is None or old.made_by != new.made_by:
        alike += [(old.uncertainty, new.uncertainty), (old.drift, new.drift)]
    return all(one[was].tobytes() == other[now].tobytes() for one, other in alike)


def _blocks(jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    block: list[_Job] = []
    minutes = 0
    for job in jobs:
        block.append(job)
        minutes += job.work.span.minutes - job.kept
        if minutes >= AT_ONCE_MIN:
            yield block
            block, minutes = [], 0
    if block:
        yield block


def _solve(jobs: Sequence[_Job]) -> None:
    joined = {quantity: _end_to_end([(job.found[quantity], job.fresh) for job in jobs]) for quantity in jobs[0].found}
    whole, used = _wbgt_of(joined, jobs[0].work.span)
    if whole is None:
        return
    first = 0
    for job in jobs:
        stop = first + job.work.span.minutes - job.kept
        own = [job.found[quantity] for quantity in used]
        fresh = _cut(whole, slice(first, stop), own)
        wbgt = _after(job.before, fresh) if job.before is not None else fresh
        job.work.take_wbgt(job.placement, wbgt)
        job.work.solved[job.placement.label] = SolvedWbgt(kind=job.kind, found=job.found, wbgt=wbgt)
        first = stop


def _wbgt_of(joined: Mapping[str, Measured], span: Span) -> tuple[Wbgt | None, list[str]]:
    """With the quantities that it is made of; spans of one kind are alike in what bears on it."""
    whole = wbgt_of(joined.get, span.worst_case("globe_temperature"), pressure_at(span.site.height_m))
    named = {id(one): quantity for quantity, one in joined.items()}
    return whole, [named[id(one)] for one in whole.used] if whole else []


def _end_to_end(parts: Sequence[tuple[Measured, slice]]) -> Measured:
    """The minutes of several instruments of one kind as if of one."""
    first = parts[0][0]
    return Measured(
        quantity=first.quantity,
        value=np.concatenate([one.value[minutes] for one, minutes in parts]),
        top=first.top[:0],
        valid=np.concatenate([one.valid[minutes] for one, minutes in parts]),
        uncertainty=np.concatenate([one.uncertainty[minutes] for one, minutes in parts]),
        drift=np.concatenate([one.drift[minutes] for one, minutes in parts]),
        saturated=np.concatenate([one.saturated[minutes] for one, minutes in parts]),
        below=first.below[:0],
        simulated=first.simulated[:0],
        range_end=first.range_end,
        channels=first.channels,
    )


def _cut(whole: Wbgt, minutes: slice, used: list[Measured]) -> Wbgt:
    return Wbgt(
        value=whole.value[minutes],
        valid=whole.valid[minutes],
        sensor=(whole.sensor[0][minutes], whole.sensor[1][minutes]),
        drift=(whole.drift[0][minutes], whole.drift[1][minutes]),
        estimate=(whole.estimate[0][minutes], whole.estimate[1][minutes]),
        method=whole.method,
        grade=whole.grade,
        used=used,
        reasons=whole.reasons,
    )


def _after(before: Wbgt, fresh: Wbgt) -> Wbgt:
    """The minutes that were there and those that came."""

    def both(old: tuple[Array, Array], new: tuple[Array, Array]) -> tuple[Array, Array]:
        return np.concatenate((old[0], new[0])), np.concatenate((old[1], new[1]))

    return Wbgt(
        value=np.concatenate((before.value, fresh.value)),
        valid=np.concatenate((before.valid, fresh.valid)),
        sensor=both(before.sensor, fresh.sensor),
        drift=both(before.drift, fresh.drift),
        estimate=both(before.estimate, fresh.estimate),
        method=fresh.method,
        grade=fresh.grade,
        used=fresh.used,
        reasons=fresh.reasons,
    )
