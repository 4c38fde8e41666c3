"""Heat where rest is taken: the rest place's own WBGT in the hour that the rest is for; one that is not measured is never taken to be cooler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assess import texts
from assess.bounds import Result
from assess.outcome import ZoneShift
from assess.plan import Piece
from assess.wbgt import Wbgt
from domain.verdict import MIN_COVERAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPlace:
    """Effective WBGT of rest, °C, clothing included; `high` is None where nobody knows how hot it may have been."""

    value: float
    low: float
    high: float | None
    reasons: list[str]


def rest_place(work: ZoneShift, hour: Result) -> RestPlace | None:
    """The hottest placement of the zone declared for rest; None where rest is taken at the place of work."""
    piece = _piece(work, hour.first)
    if piece is None or not piece.spec.rest_zone:
        return None
    name, window = piece.spec.rest_zone, slice(hour.first, hour.stop)
    clothing_k = float(np.mean(work.span.clothing_k[window]))
    found = max(_measured(work.rest(name), window), default=None)
    if found is None:
        value = hour.value if hour.value is not None else float("nan")
        return RestPlace(value=value, low=value, high=None, reasons=[texts.REST_NOT_MEASURED.format(zone=name)])
    value, low, high = (number + clothing_k for number in found)
    return RestPlace(value=value, low=low, high=high if np.isfinite(high) else None, reasons=[texts.REST_OWN_PLACE.format(zone=name, value=f"{value:.1f}")])


def _piece(work: ZoneShift, minute: int) -> Piece | None:
    return next((piece for piece in work.span.pieces if piece.first <= minute < piece.stop), None)


def _measured(other: ZoneShift | None, window: slice) -> Iterator[tuple[float, float, float]]:
    """Mean, lower and upper bound over the hour, of each placement that has enough of it."""
    for placement in other.span.placements if other else ():
        wbgt = other.wbgt(placement) if other else None
        if wbgt is None:
            continue
        known = ~np.isnan(wbgt.value[window])
        if known.size and np.mean(known) >= MIN_COVERAGE:
            yield _means(wbgt, window, known)


def _means(wbgt: Wbgt, window: slice, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[float, float, float]:
    lower = wbgt.value - wbgt.sensor[0] - wbgt.drift[0] - wbgt.estimate[0]
    value, low, high = (float(np.mean(series[window][known])) for series in (wbgt.value, lower, wbgt.upper))
    return value, low, high
