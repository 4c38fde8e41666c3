"""Laboratory samples against their shift: one alone, or several drawn one after another and joined into one mean of the time that they cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

import numpy as np

from assess import texts
from assess.conditions import COOLEST_C, HOTTEST_C, air_at, factor_of, pressure_at, said
from assess.outcome import Sample, ZoneShift
from assess.plan import Span
from domain.lab import LabResult
from domain.times import MINUTE_US
from domain.verdict import Cause
from models.airborne.conversion import REFERENCE_C
from models.arrays import Mask

UNKNOWN_UNCERTAINTY_PCT = 50.0
"""Taken where the laboratory states no expanded uncertainty: the most that EN ISO 20581 lets a method have."""
NORMAL = {"ug/m3": ("mg/m3", 1e-3), "ppb": ("ppm", 1e-3)}
OVERLAP_US = MINUTE_US
"""Two samples of one set may share this much: the watch of whoever changed the tube."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Samples against their shift; minutes."""

    samples: Sequence[Sample]  # by time; of a set those that are void are not among them
    unit: str
    value: float
    steps_low: Sequence[tuple[Cause, float]]  # the concentration from below, each cause on top of the one before
    steps_high: Sequence[tuple[Cause, float | None]]  # None: no upper bound
    minutes: float  # drawn while people were exposed
    extent: float  # from the first minute drawn to the last
    unsampled: int
    inside: int  # working minutes that they cover
    covered: Mask
    reasons: Sequence[str] = ()

    @property
    def exposure(self) -> float:
        return self.minutes + self.unsampled

    @property
    def first(self) -> LabResult:
        return self.samples[0].result


@dataclass(frozen=True, slots=True)
class _Factor:
    """To the list's conditions, and what it may be at least and at most."""

    value: float
    low: float
    high: float
    reasons: Sequence[str] = ()


_AS_IT_IS = _Factor(1.0, 1.0, 1.0)


def set_key(result: LabResult) -> tuple[str, ...]:
    """Samples that are equal in this make one mean; empty for a sample that stands alone."""
    return (result.set, result.agent, NORMAL.get(result.unit, (result.unit, 1.0))[0], result.fraction_of, result.measured_as.lower(), result.basis) if result.set else ()


def sets_of(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Each set, its samples by time."""
    found: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        if key := set_key(sample.result):
            found.setdefault(key, []).append(sample)
    for members in found.values():
        yield sorted(members, key=lambda one: one.result.start_us)


def overlap(samples: Sequence[Sample]) -> bool:
    """Whether any two, by time, were drawn at once: then they are not of one person or place."""
    return any(later.result.start_us < earlier.result.stop_us - OVERLAP_US for earlier, later in pairwise(samples))


def drawn_of(work: ZoneShift, samples: Sequence[Sample], reference_c: float | None) -> Drawn:
    """The mean of the samples, weighted by how long each was drawn; `reference_c`: mg/m³ of a gas are taken to the list's conditions of this temperature."""
    span = work.span
    masks = [sampled(span, sample.result) for sample in samples]
    lasted = [_minutes(sample.result, mask & span.counted) for sample, mask in zip(samples, masks, strict=True)]
    weights = _weights(lasted)
    ends = [_ends(sample.result) for sample in samples]
    factors = [_factor(work, sample.result, mask, reference_c) for sample, mask in zip(samples, masks, strict=True)]

    def mean(values: Sequence[float]) -> float:
        return values[0] if len(values) == 1 else fsum(weight * value for weight, value in zip(weights, values, strict=True))

    pairs = list(zip(ends, factors, strict=True))
    highs = [(end.high, factor) for end, factor in pairs]
    steps_high: list[tuple[Cause, float | None]] = [("sensor", None)]
    if all(high is not None for high, _ in highs):
        known = [(high or 0.0, factor) for high, factor in highs]
        steps_high = [("sensor", mean([high * factor.value for high, factor in known])), ("estimate", mean([high * factor.high for high, factor in known]))]
    covered = np.logical_or.reduce(masks)
    inside = int((covered & span.counted).sum())
    return Drawn(
        samples=samples,
        unit=NORMAL.get(samples[0].result.unit, (samples[0].result.unit, 1.0))[0],
        value=mean([end.value * factor.value for end, factor in pairs]),
        steps_low=[("sensor", mean([end.low * factor.value for end, factor in pairs])), ("estimate", mean([end.without_blank * factor.low for end, factor in pairs]))],
        steps_high=steps_high,
        minutes=fsum(lasted),
        extent=_extent(span, samples, covered),
        unsampled=span.exposure_min - inside,
        inside=inside,
        covered=covered,
        reasons=list(dict.fromkeys(reason for factor in factors for reason in factor.reasons)),
    )


@dataclass(frozen=True, slots=True)
class _Ends:
    value: float
    low: float
    without_blank: float
    high: float | None


def _ends(result: LabResult) -> _Ends:
    """What the laboratory's own number says, from below and from above."""
    factor = NORMAL.get(result.unit, (result.unit, 1.0))[1]
    value, blank = result.value * factor, (result.blank or 0.0) * factor
    spread = (UNKNOWN_UNCERTAINTY_PCT if result.uncertainty_pct is None else result.uncertainty_pct) / 100.0
    low, high = (0.0, value) if result.qualifier == "<" else (value * max(1.0 - spread, 0.0), value * (1.0 + spread))
    if result.qualifier == ">":
        low = value
    return _Ends(value, low, max(low - blank, 0.0), None if result.qualifier == ">" else high)


def sampled(span: Span, result: LabResult) -> Mask:
    """Minutes of the span that the sample covers by half or more."""
    middles = span.start_us + np.arange(span.minutes, dtype=np.int64) * MINUTE_US + MINUTE_US // 2
    return np.asarray((middles >= result.start_us) & (middles < result.stop_us))


def _minutes(result: LabResult, covered: Mask) -> float:
    """Whoever wears a sampler is exposed for as long as it runs; a place only while people are there."""
    return (result.stop_us - result.start_us) / MINUTE_US if result.basis == "personal" else float(covered.sum())


def _weights(lasted: Sequence[float]) -> list[float]:
    total = fsum(lasted)
    return [one / total if total else 1.0 / len(lasted) for one in lasted]


def _extent(span: Span, samples: Sequence[Sample], covered: Mask) -> float:
    if samples[0].result.basis == "personal":
        return (max(one.result.stop_us for one in samples) - samples[0].result.start_us) / MINUTE_US
    minutes = np.flatnonzero(covered & span.counted)
    return float(minutes[-1] - minutes[0] + 1) if len(minutes) else 0.0


def _factor(work: ZoneShift, result: LabResult, covered: Mask, reference_c: float | None) -> _Factor:
    """By the air on record with the sample, else by the zone's instruments while it was drawn."""
    if reference_c is None:
        return _AS_IT_IS
    if result.temperature_c is None and result.pressure_hpa is None:
        return _by_instruments(work, covered, reference_c)
    warm = (COOLEST_C, HOTTEST_C) if result.temperature_c is None else (result.temperature_c, result.temperature_c)
    there = pressure_at(work.span.site)
    pressure = (there.low, there.high) if result.pressure_hpa is None else (result.pressure_hpa, result.pressure_hpa)
    value = factor_of(REFERENCE_C if result.temperature_c is None else result.temperature_c, there.standard if result.pressure_hpa is None else result.pressure_hpa, reference_c)
    reasons = said(reference_c, result.temperature_c, result.pressure_hpa)
    reasons += [texts.AIR_NO_LAB_TEMPERATURE.format(low=f"{COOLEST_C:g}", high=f"{HOTTEST_C:g}")] if result.temperature_c is None else []
    reasons += [texts.AIR_NO_LAB_PRESSURE.format(taken=f"{there.standard:.0f}", low=f"{there.low:.0f}", high=f"{there.high:.0f}")] if result.pressure_hpa is None else []
    return _Factor(float(value), float(factor_of(warm[0], pressure[1], reference_c)), float(factor_of(warm[1], pressure[0], reference_c)), reasons)


def _by_instruments(work: ZoneShift, covered: Mask, reference_c: float) -> _Factor:
    """The lightest and the densest air of the time: nobody knows when the substance came."""
    air = air_at(work, reference_c)
    at = covered if covered.any() else np.ones(len(covered), dtype=bool)
    return _Factor(float(np.mean(air.factor[at])), float(np.min(air.low[at])), float(np.max(air.high[at])), air.reasons)
