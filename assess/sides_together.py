"""The bounds of many channels' minutes at once, and the means that running noise doses and levels are made of: a row a channel, by `bounds.sides_of` and the plain formulas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from assess import noise, texts
from assess.airborne import MINIMUM
from assess.bounds import Fill, Sides, ends_of, filled_key, highest_of, sides_of, worst_case
from assess.gather import Measured
from assess.live_air import airborne_of
from assess.live_window import COVERED, planned_minutes
from assess.outcome import ZoneShift
from assess.together import AT_ONCE, block, column
from models.arrays import Array

LEVEL = "sound_level_a_eq"
Row = tuple[ZoneShift, Measured]


def fill_sides_together(works: Sequence[ZoneShift], *, running: bool = True) -> None:
    """Of airborne channels and sound levels where no other instrument covers their gaps; with the means where shifts are running."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for work in works:
        if work.span.minutes:
            groups[work.span.minutes] += _rows(work)
    for rows in groups.values():
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            sides = _fill(some)
            if running:
                _fill_levels([(work, measured, index) for index, (work, measured) in enumerate(some) if measured.quantity.id == LEVEL], sides)


def _rows(work: ZoneShift) -> Iterator[Row]:
    for placement in work.span.placements:
        for quantity in (LEVEL, *(one.id for one in airborne_of(work.span, placement))):
            measured = work.measure(placement, quantity)
            if measured is not None and measured.cover is None:
                yield work, measured


def _fill(rows: Sequence[Row]) -> Sides:
    whole = _as_one([measured for _, measured in rows])
    counted = block([work.span.counted for work, _ in rows])
    covered = np.count_nonzero(counted & whole.valid, axis=-1).tolist()
    worst = [worst_case(measured, work.span, work.record_high, highest) for (work, measured), highest in zip(rows, highest_of(whole).tolist(), strict=True)]
    sides, key = sides_of(whole, counted, minimum=MINIMUM, gap_high=column([high for high, _ in worst])), filled_key(MINIMUM, top=False)
    for (work, measured), known, (high, sentence), own in zip(rows, covered, worst, _rows_of(sides), strict=True):
        fill = Fill(high=high, reasons=[texts.GAPS, sentence] if known < work.span.exposure_min else [])
        measured.found.setdefault(COVERED, known)
        measured.found.setdefault(key, (fill, own))
    return sides


def _fill_levels(rows: Sequence[tuple[ZoneShift, Measured, int]], sides: Sides) -> None:
    """Doses and levels of the shift so far, and the level that the whole shift comes to: of the minutes, and of what they may be at least and at most."""
    indices = [index for _, measured, index in rows]
    ends = np.concatenate([minutes[indices] for minutes in (sides.value, sides.low[-1][1], sides.high[-1][1])])
    worked, planned = [work.span.exposure_min for work, _, _ in rows], [planned_minutes(work) for work, _, _ in rows]
    for metric, rate in noise.RATES.items() if rows else ():
        means = _means(rate, ends).reshape(3, len(rows))
        for minutes in (worked, planned) if metric == "lex_8h" else (worked,):
            for (_, measured, _), found, of_one in zip(rows, noise.scaled(metric, means, np.array(minutes)).T.tolist(), minutes, strict=True):
                measured.found.setdefault(noise.so_far_key(metric, of_one), ends_of(*found))


def _means(rate: Callable[[Array], Array], levels: Array) -> Array:
    """Of each row's known minutes."""
    known = ~np.isnan(levels)
    number = known.sum(axis=-1)
    total = np.asarray(np.where(known, rate(levels), 0.0).sum(axis=-1))
    means: Array = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    return means


def _rows_of(sides: Sides) -> Iterator[Sides]:
    causes, downwards = [cause for cause, _ in (*sides.low, *sides.high)], len(sides.low)
    for value, *moved in zip(sides.value, *(minutes for _, minutes in (*sides.low, *sides.high)), strict=True):
        found = list(zip(causes, moved, strict=True))
        yield Sides(value=value, low=found[:downwards], high=found[downwards:])


def _as_one(rows: Sequence[Measured]) -> Measured:
    """Rows of several channels as if of one."""
    arrays: Mapping[str, Array] = {name: block([getattr(one, name) for one in rows]) for name in ("value", "top", "valid", "uncertainty", "drift", "saturated", "below")}
    return Measured(quantity=rows[0].quantity, simulated=rows[0].simulated, range_end=column([one.range_end for one in rows]), **arrays)  # type: ignore[arg-type]
