"""Heat of one placement: the window with the largest excess over the limit at its own work rate, from the WBGT of each minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assess import texts
from assess.bounds import NOTHING, Found, Result, bounds_from, first_highest, first_highest_of_rows
from assess.plan import Span
from assess.uncertainty import table
from assess.wbgt import Hours, Wbgt
from domain.quantities import QUANTITIES
from domain.verdict import Cause
from models.arrays import Array, Mask
from models.heat.effective import HOUR_MIN
from models.heat.niosh import HIGHEST_W, LOWEST_W, RESTING_W
from models.heat.wbgt import estimated_wbgt_c
from models.limits.heat import HeatLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work rate of each minute with its bounds, W, and clothing, K; NaN where unknown."""

    rate_w: Array
    low_w: Array
    high_w: Array
    clothing_k: Array
    measured: bool

    @property
    def known(self) -> bool:
        return not bool(np.any(np.isnan(self.rate_w)))

    @property
    def in_range(self) -> bool:
        return self.known and bool(np.all((self.rate_w >= LOWEST_W) & (self.rate_w <= HIGHEST_W)))


def work_of(span: Span) -> Work:
    """Work rates of the span: 30 % either way unless measured; nobody works below the resting rate."""
    return span.once_alike("work", lambda: _work_of(span))


def _work_of(span: Span) -> Work:
    rate, measured, share = span.metabolic_rate_w, span.work_rate_measured, table().heat.metabolic_rate_share
    low = np.where(measured, rate, np.minimum(rate, np.maximum(rate * (1.0 - share), RESTING_W)))
    away = ~span.counted & ~np.isnan(rate)
    return Work(
        rate_w=rate,
        low_w=np.where(away, np.minimum(rate, RESTING_W), low),
        high_w=np.where(measured, rate, rate * (1.0 + share)),
        clothing_k=span.clothing_k,
        measured=bool(np.all(measured | span.on_break)),
    )


def evaluate(wbgt: Wbgt, span: Span, limit: HeatLimit | None, gap_high_c: float, sentence: str, *, final: bool, minutes: int = HOUR_MIN) -> Result:
    """The worst hour (or other window) against a limit (None: WBGT alone), with bounds. `gap_high_c`: WBGT that fills a gap from above, clothing not added."""
    work, counted = work_of(span), span.counted
    window = min(minutes, span.minutes) if final else minutes
    reasons = _work_reasons(span, work)
    at_work = counted & ~span.on_break
    if np.any(np.isnan(work.clothing_k[counted])) or window == 0:
        return Result(value=None, low=None, high=None, first=0, stop=span.minutes, reasons=reasons)
    if limit is not None and work.in_range and np.any(np.isneginf(_limits_of_windows(limit, work.rate_w, at_work, window))):
        limit, reasons = None, [*reasons, texts.TABLE_WITHOUT_VALUE]
    known_limit = limit is not None and work.in_range
    if window not in wbgt.hours:
        wbgt.hours[window] = Hours(counted, window)
    judge = _Judge(at_work, limit if known_limit else None, wbgt.hours[window])
    known = counted & wbgt.valid
    minutes_of = wbgt.once(("minutes", gap_high_c), lambda: _minutes_of(wbgt, work, span, known, gap_high_c, sentence))
    judge.hours.find([minutes_of.effective, *(each for _, each in (*minutes_of.low, *minutes_of.high))])
    worst = judge.worst(minutes_of.effective, work.rate_w)
    if np.isnan(worst.value):
        return Result(value=None, low=None, high=None, first=0, stop=span.minutes, reasons=[*reasons, *wbgt.reasons, texts.NO_FULL_WINDOW.format(minutes=window)])
    base = judge.limit_at(worst, work.rate_w)
    low, high = (
        judge.widened([(cause, each, rates[cause]) for cause, each in side])
        for side, rates in ((minutes_of.low, _rates(work, work.low_w)), (minutes_of.high, _rates(work, work.high_w)))
    )
    found = Found(base + worst.value, worst.first, worst.stop)
    result = bounds_from(found, [(cause, base + answer) for cause, answer in low], [(cause, base + answer) for cause, answer in high])
    short = [texts.SHORT_SHIFT.format(minutes=minutes)] if window < minutes else []
    return replace(result, limit_value=base if known_limit else None, reasons=[*result.reasons, *reasons, *wbgt.reasons, *short, *minutes_of.gaps])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minutes:
    """Effective WBGT, what each cause makes of it at worst, and what is said of gaps: the same for every limit."""

    effective: Array
    low: Sequence[tuple[Cause, Array]]
    high: Sequence[tuple[Cause, Array]]
    gaps: list[str]


def _minutes_of(wbgt: Wbgt, work: Work, span: Span, known: Mask, gap_high_c: float, sentence: str) -> _Minutes:
    effective, gap = np.where(known, wbgt.value + work.clothing_k, np.nan), span.counted & ~known
    fill, gaps = _filled(wbgt, gap, gap_high_c, sentence)
    low, high = _lows(wbgt, effective, span, known), _highs(wbgt, work, effective, gap, fill)
    first = {effective.tobytes(): effective}  # a cause that moves nothing costs nothing
    held = [[(cause, first.setdefault(each.tobytes(), each)) for cause, each in side] for side in (low, high)]
    return _Minutes(effective=effective, low=held[0], high=held[1], gaps=gaps)


def _rates(work: Work, widened_w: Array) -> dict[Cause, Array]:
    """Work rates by which each cause is judged."""
    return {"sensor": work.rate_w, "calibration": work.rate_w, "estimate": work.rate_w, "metabolic_rate": widened_w, "gap": widened_w}


def _filled(wbgt: Wbgt, gap: Mask, gap_high_c: float, sentence: str) -> tuple[float | Array, list[str]]:
    """What fills gaps from above: the worst case, or what other instruments show at the same place."""
    worst = [texts.GAPS, sentence]
    if wbgt.cover is None or not np.any(gap & wbgt.cover.valid):
        return gap_high_c, worst if np.any(gap) else []
    covered = gap & wbgt.cover.valid
    said = texts.GAPS_COVERED.format(minutes=int(covered.sum()), channel=wbgt.cover.used[0].channels[0].id)
    return np.where(covered, wbgt.cover.upper, gap_high_c), [*(worst if np.any(gap & ~covered) else []), said]


def _lows(wbgt: Wbgt, effective: Array, span: Span, known: Mask) -> list[tuple[Cause, Array]]:
    """Downwards. In a break people may rest somewhere cooler: the proof of an excess does not lean on the zone's climate then."""
    coldest = table().minimum["wbgt"]
    sensor = effective - wbgt.sensor[0]
    drift = sensor - wbgt.drift[0]
    estimate = np.where(span.on_break, coldest, drift - wbgt.estimate[0])
    estimate = np.where(known, estimate, np.nan)
    filled = np.where(span.counted & ~known, coldest, estimate)
    return [("sensor", sensor), ("calibration", drift), ("estimate", estimate), ("metabolic_rate", estimate), ("gap", filled)]


def _highs(wbgt: Wbgt, work: Work, effective: Array, gap: Mask, gap_high_c: float | Array) -> list[tuple[Cause, Array]]:
    sensor = effective + wbgt.sensor[1]
    drift = sensor + wbgt.drift[1]
    estimate = drift + wbgt.estimate[1]
    highest = float(np.max(np.where(np.isnan(estimate), -np.inf, estimate), initial=-np.inf))
    filled = np.where(gap, np.maximum(gap_high_c + work.clothing_k, highest), estimate)
    return [("sensor", sensor), ("calibration", drift), ("estimate", estimate), ("metabolic_rate", estimate), ("gap", filled)]


def _work_reasons(span: Span, work: Work) -> list[str]:
    reasons = []
    if not work.known:
        reasons.append(texts.NO_WORK_RATE)
    elif not work.in_range:
        reasons.append(texts.WORK_RATE_RANGE)
    elif not work.measured:
        reasons.append(texts.WORK_RATE_ESTIMATED)
    unknown = sorted({piece.spec.clothing for piece in span.pieces if np.any(np.isnan(work.clothing_k[piece.minutes]))})
    reasons += [texts.UNKNOWN_CLOTHING.format(clothing=clothing) for clothing in unknown]
    if span.acclimatised == "unknown":
        reasons.append(texts.ACCLIMATISATION_UNKNOWN)
    if span.on_break.any():
        reasons.append(texts.BREAKS_AT_REST if np.any(span.on_break & span.counted) else texts.EMPTY_IN_BREAKS)
    return reasons


_of_windows: dict[tuple[bytes, bytes, int, int, int], tuple[HeatLimit, Array]] = {}
_MOST_OF_WINDOWS = 512


def _limits_of_windows(limit: HeatLimit, rate_w: Array, at_work: Mask, window: int) -> Array:
    """Zones of the same work and shift ask for the same limits."""
    key = rate_w.tobytes(), at_work.tobytes(), window, id(limit.table), id(limit.formula)
    if key not in _of_windows:
        if len(_of_windows) >= _MOST_OF_WINDOWS:
            _of_windows.clear()
        _of_windows[key] = limit, limit.of_windows(rate_w, at_work, window)
    return _of_windows[key][1]


@dataclass(frozen=True, slots=True)
class _Judge:
    """Finds the window that is furthest over the limit at its own work rate; without a limit the hottest one."""

    at_work: Mask
    limit: HeatLimit | None
    hours: Hours
    _of_rates: list[tuple[Array, Array]] = field(default_factory=list)

    def worst(self, effective: Array, rate_w: Array) -> Found:
        """The largest excess, K; infinite when a bound is open or the work rate leaves the formula's range upwards."""
        found = self.hours.means(effective)
        if found is None:
            return NOTHING
        (mean, enough), limits = found, self._limits(rate_w)
        first = first_highest(np.where(enough, mean - limits, -np.inf))
        return Found(self.hours.exact(effective, first) - float(limits[first]), first, first + self.hours.window)

    def widened(self, causes: Sequence[tuple[Cause, Array, Array]]) -> list[tuple[Cause, float]]:
        """`worst` of each: effective WBGT and work rate as a cause may have made them; all at once."""
        means = [self.hours.means(effective) for _, effective, _ in causes]
        known = [(found, self._limits(rate), effective) for found, (_, effective, rate) in zip(means, causes, strict=True) if found is not None]
        if not known:
            return [(cause, NOTHING.value) for cause, _, _ in causes]
        limits = np.stack([limit for _, limit, _ in known])
        excess = np.where(np.stack([enough for (_, enough), _, _ in known]), np.stack([mean for (mean, _), _, _ in known]) - limits, -np.inf)
        firsts = first_highest_of_rows(excess)
        answers = iter([self.hours.exact(effective, at) - float(limit[at]) for (_, limit, effective), at in zip(known, firsts, strict=True)])
        return [(cause, NOTHING.value if found is None else next(answers)) for found, (cause, _, _) in zip(means, causes, strict=True)]

    def limit_at(self, found: Found, rate_w: Array) -> float:
        return float(self._limits(rate_w)[found.first])

    def _limits(self, rate_w: Array) -> Array:
        if self.limit is None:
            return np.zeros(len(rate_w) - self.hours.window + 1)
        held = next((limits for rates, limits in self._of_rates if rates is rate_w), None)
        if held is None:
            held = _limits_of_windows(self.limit, rate_w, self.at_work, self.hours.window)
            self._of_rates.append((rate_w, held))
        return held


def gap_fill(span: Span) -> tuple[float, str]:
    """WBGT that fills a gap from above: as agreed for `wbgt`, or from agreed temperature, humidity and globe in still air; else the quantity's range end."""
    agreed = span.worst_case("wbgt")
    if agreed is None:
        air, humidity, globe = (span.worst_case(quantity) for quantity in ("air_temperature", "relative_humidity", "globe_temperature"))
        if air is not None and humidity is not None and globe is not None:
            agreed = float(estimated_wbgt_c(air, humidity, globe, 0.0))
    if agreed is None:
        return QUANTITIES["wbgt"].high, texts.GAP_RANGE_END
    return agreed, texts.GAP_WORST_CASE.format(value=f"{agreed:.1f}", unit=QUANTITIES["wbgt"].unit_shown)
