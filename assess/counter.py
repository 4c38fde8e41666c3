"""A noise dose that the instrument itself counts: what it grew by over the shift. A counter keeps on through a gap in the data; only a reset hides something."""

from __future__ import annotations

import numpy as np

from assess import texts
from assess.bounds import Found, Result, bounds_from, quality_reasons
from assess.gather import Measured
from assess.plan import Span
from domain.verdict import Cause


def counted_dose(measured: Measured, span: Span) -> Result:
    """Percent. What the counter shows at first may be from before the shift: it counts in the value and not in the lower bound."""
    counted = span.counted
    known = np.flatnonzero(~np.isnan(measured.top))
    if not len(known):
        return Result(value=None, low=None, high=None, first=0, stop=span.minutes)
    shown = measured.top[known]
    steps = np.diff(shown)
    grown = np.where(steps >= 0.0, steps, shown[1:])
    growth = float(np.sum(grown[counted[known[1:]]]))
    last = int(known[-1])
    share = float((measured.uncertainty[last] + measured.drift[last]) / max(shown[-1], 1e-9)) if shown[-1] > 0.0 else 0.0
    hidden = bool(np.any((steps < 0.0) & (np.diff(known) > 1)) or np.any(counted[last + 1 :]))
    value = float(shown[0]) + growth
    low: list[tuple[Cause, float]] = [("estimate", growth), ("sensor", max(growth * (1.0 - share), 0.0))]
    high: list[tuple[Cause, float]] = [("sensor", value * (1.0 + share))]
    result = bounds_from(Found(value, 0, span.minutes), low, [*high, ("gap", np.inf)] if hidden else high)
    reasons = [texts.COUNTED_BY_INSTRUMENT, *result.reasons, *quality_reasons(measured, counted)]
    return Result(value=result.value, low=result.low, high=result.high, first=0, stop=span.minutes, parts=result.parts, reasons=reasons)
