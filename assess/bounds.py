"""From minutes to a result with its bounds: the same statistic over the values and over each widening of them, so that every cause shows its share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from math import fsum, isinf, isnan
from typing import NamedTuple

import numpy as np

from assess import texts
from assess.gather import Measured, RecordHigh
from assess.plan import Span
from domain.verdict import Cause, Part
from models.arrays import Array, Mask


@dataclass(frozen=True, slots=True)
class Found:
    """A statistic's answer, and the minutes [first, stop) that it rests on; NaN: no answer."""

    value: float
    first: int
    stop: int


Statistic = Callable[[Array], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Minutes, and what each cause makes of them at worst, one on top of the other: downwards and upwards."""

    value: Array
    low: Sequence[tuple[Cause, Array]]
    high: Sequence[tuple[Cause, Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a verdict or a live window says; None where there is nothing to say, or no upper bound."""

    value: float | None
    low: float | None
    high: float | None
    first: int
    stop: int
    limit_value: float | None = None
    parts: list[Part] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Factors from a mass concentration in the air as it was to one at a list's reference temperature and 1013 hPa, minute by minute, and what they may be at least and at most."""

    reference_c: float
    factor: Array
    low: Array
    high: Array
    reasons: list[str]

    def taken(self, sides: Sides) -> Sides:
        """Minutes at the reference conditions; what is not known of the air is a cause of its own."""
        low, high = sides.low[-1][1], sides.high[-1][1]
        return Sides(
            value=sides.value * self.factor,
            low=[*((cause, minutes * self.factor) for cause, minutes in sides.low), ("estimate", low * self.low)],
            high=[*((cause, minutes * self.factor) for cause, minutes in sides.high), ("estimate", high * self.high)],
        )


NOTHING = Found(np.nan, 0, 0)


def exact_mean(values: Array) -> float:
    """Mean of the known values of one row, summed without rounding: a level that stands at a limit all day is not over it by the last digit."""
    known = values[~np.isnan(values)]
    return fsum(known.tolist()) / len(known) if len(known) else np.nan


def first_highest(values: Array) -> int:
    """The first window that is the highest but for rounding."""
    highest = np.max(values)
    return int(np.argmax(values >= (highest - 1e-9 * max(1.0, abs(highest)) if np.isfinite(highest) else highest)))


def first_highest_of_rows(values: Array) -> list[int]:
    """`first_highest` of each row."""
    highest = np.max(values, axis=-1)
    tolerance = 1e-9 * np.maximum(1.0, np.abs(highest))
    lowest = np.subtract(highest, tolerance, out=highest.copy(), where=np.isfinite(highest))
    found: list[int] = np.argmax(values >= lowest[:, np.newaxis], axis=-1).tolist()
    return found


Values = Callable[[Array], Sequence[float]]
"""The values of a statistic for rows of minutes."""


def result_of(statistic: Statistic, sides: Sides, values: Values | None = None) -> Result:
    """The statistic with its bounds; the parts add up to them exactly. `values` are those of the statistic, found for all causes at once."""
    found = statistic(sides.value)
    if isnan(found.value):
        return Result(value=None, low=None, high=None, first=found.first, stop=found.stop)
    moved = {minutes.tobytes(): minutes for _, minutes in (*sides.low, *sides.high)}  # a cause that moves nothing costs nothing
    rows = list(moved.values())
    answers = dict(zip(moved, values(np.stack(rows)) if values else [statistic(minutes).value for minutes in rows], strict=True))
    low = [(cause, answers[minutes.tobytes()]) for cause, minutes in sides.low]
    high = [(cause, answers[minutes.tobytes()]) for cause, minutes in sides.high]
    return bounds_from(found, low, high)


class Ends(NamedTuple):
    """A result without the share of each cause."""

    value: float | None
    low: float | None
    high: float | None
    reasons: list[str]


def ends_of(value: float, low: float, high: float) -> Ends:
    """From a statistic and those of its outermost minutes; NaN where there is none."""
    if isnan(value):
        return Ends(None, None, None, [])
    low, high = value if isnan(low) else min(value, low), value if isnan(high) else max(value, high)
    return Ends(value, low, None, [texts.OPEN_ABOVE]) if isinf(high) else Ends(value, low, high, [])


def bounds_from(found: Found, low: Sequence[tuple[Cause, float]], high: Sequence[tuple[Cause, float]]) -> Result:
    """Bounds and parts from the statistic's answers after each widening."""
    lowest, down = _steps(found.value, low, min)
    highest, up = _steps(found.value, high, max)
    causes = list(dict.fromkeys([*down, *up]))
    parts = [Part(cause=cause, low=down.get(cause, 0.0), high=up.get(cause, 0.0)) for cause in causes if down.get(cause) or up.get(cause)]
    open_above = isinf(highest)
    return Result(
        value=found.value,
        low=lowest,
        high=None if open_above else highest,
        first=found.first,
        stop=found.stop,
        parts=parts,
        reasons=[texts.OPEN_ABOVE] if open_above else [],
    )


def _steps(value: float, answers: Sequence[tuple[Cause, float]], side: Callable[[float, float], float]) -> tuple[float, dict[Cause, float]]:
    """The outermost bound, and the share of each cause on the way there. What all causes together leave is the bound: a window that is passed over
    while its gaps are open may be the highest once they are filled, and then no cause before that leads further out."""
    shares: dict[Cause, float] = {}
    last = next((answer for _, answer in reversed(answers) if not isnan(answer)), value)
    outermost, inward = side(value, last), max if side is min else min
    for cause, answer in answers:
        moved = value if isnan(answer) else side(value, inward(answer, outermost))
        if not isinf(moved):
            shares[cause] = shares.get(cause, 0.0) + moved - value
        value = moved
    return value, shares


def sides_of(measured: Measured, counted: Mask, *, minimum: float, gap_high: float | Array, top: bool = False) -> Sides:
    """A quantity's minutes of exposure. `top`: single samples, which count also from a minute that is not valid as a whole."""
    known = counted & (~np.isnan(measured.top) if top else measured.valid & ~np.isnan(measured.value))
    source = measured.top if top else measured.value
    value = np.where(known, source, np.nan)
    sensor_low = np.where(measured.below, minimum, np.where(measured.saturated, np.minimum(value, measured.range_end), value) - measured.uncertainty)
    sensor_low = np.where(known, np.maximum(sensor_low, minimum), np.nan)
    sensor_high = np.where(known, np.where(measured.saturated, np.inf, value + measured.uncertainty), np.nan)
    drift_low, drift_high = np.maximum(sensor_low - measured.drift, minimum), sensor_high + measured.drift
    gap = counted & ~known
    whole = counted & measured.valid
    return Sides(
        value=value,
        low=[("sensor", sensor_low), ("calibration", drift_low), ("gap", np.where(gap, minimum, drift_low))],
        high=[("sensor", sensor_high), ("calibration", drift_high), ("gap", np.where(counted & ~whole, np.fmax(drift_high, gap_high), drift_high))],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What fills gaps from above, and the sentences that say so where there are any."""

    high: float | Array
    reasons: list[str]


def fill_of(measured: Measured, span: Span, record_high: RecordHigh, *, top: bool = False) -> Fill:
    """The worst case; where another instrument in date stands at the same place, its reading, never below the highest valid minute here. `top`: for single samples."""
    worst, sentence = worst_case(measured, span, record_high, float(highest_of(measured)))
    gap, cover = span.counted & ~measured.valid, measured.cover
    if cover is None or not np.any(gap & cover.valid):
        return Fill(high=worst, reasons=[texts.GAPS, sentence] if np.any(gap) else [])
    there = cover.top if top else cover.value
    there = np.where(cover.saturated, np.inf, there + cover.uncertainty + cover.drift)
    covered = gap & cover.valid & ~np.isnan(there)
    reasons = [texts.GAPS_COVERED.format(minutes=int(covered.sum()), channel=cover.channels[0].id)]
    return Fill(high=np.where(covered, np.maximum(there, highest_of(measured)), worst), reasons=[*([texts.GAPS, sentence] if np.any(gap & ~covered) else []), *reasons])


def filled(measured: Measured, span: Span, record_high: RecordHigh, *, minimum: float, top: bool = False) -> tuple[Fill, Sides]:
    """Both, made once for every limit that a quantity is held against."""

    def make() -> tuple[Fill, Sides]:
        fill = fill_of(measured, span, record_high, top=top)
        return fill, sides_of(measured, span.counted, minimum=minimum, gap_high=fill.high, top=top)

    return measured.once(filled_key(minimum, top=top), make)


def filled_key(minimum: float, *, top: bool) -> Hashable:
    return "filled", minimum, top


def highest_of(measured: Measured) -> Array:
    """The most that a valid minute may have been; of rows the most of each."""
    return np.asarray(np.max(np.where(measured.valid, measured.value + measured.uncertainty + measured.drift, -np.inf), axis=-1, initial=-np.inf))


def worst_case(measured: Measured, span: Span, record_high: RecordHigh, highest: float) -> tuple[float, str]:
    """The worst case agreed, never below the highest valid minute here and on record, else the range's end; and the sentence that says so."""
    agreed = span.worst_case(measured.quantity.id)
    if agreed is None:
        return max(measured.range_end, highest), texts.GAP_RANGE_END
    records = [record for channel in measured.channels if (record := record_high(channel.id)) is not None]
    fill = max(agreed, highest, *records)
    return fill, texts.GAP_WORST_CASE.format(value=f"{fill:g}", unit=measured.quantity.unit_shown)


def quality_reasons(measured: Measured, counted: Mask) -> list[str]:
    """What the quality codes of the minutes say."""
    saturated, below = int((measured.saturated & counted).sum()), int((measured.below & counted).sum())
    reasons = [texts.SATURATED.format(minutes=saturated)] if saturated else []
    return reasons + ([texts.BELOW_DETECTION.format(minutes=below)] if below else []) + measured.reasons
