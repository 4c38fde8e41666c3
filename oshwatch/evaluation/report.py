"""Rows of the table: what is asked, what was reached, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Array

DRAWS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `low` and `high` are a 95 % bootstrap interval over sensors, series or sites."""

    test: str
    what: str
    target: str
    reached: float
    low: float = float("nan")
    high: float = float("nan")
    is_met: bool | None = None  # None: a row to compare with
    note: str = ""
    held: float = float("nan")  # the same on the half that nothing was chosen on
    held_low: float = float("nan")
    held_high: float = float("nan")


def beside(tuned: Sequence[Row], held: Sequence[Row]) -> list[Row]:
    """Rows of the tuning half with those of the held-out half beside them; whether a target is met is judged on the held-out one."""
    by_name = {(row.test, row.what): row for row in held}
    rows = []
    for row in tuned:
        other = by_name.pop((row.test, row.what), None)
        if other is None:
            rows.append(replace(row, is_met=None))
        else:
            note = "; held out: ".join(part for part in (row.note, other.note) if part)
            rows.append(replace(row, held=other.reached, held_low=other.low, held_high=other.high, is_met=other.is_met, note=note))
    return [*rows, *(replace(row, reached=float("nan"), low=float("nan"), high=float("nan"), held=row.reached, held_low=row.low, held_high=row.high) for row in by_name.values())]


def interval(parts: Sequence[object], measure: Callable[[Sequence[object]], float], seed: int = 1) -> tuple[float, float]:
    """Whole parts are drawn anew, not rows: rows of one sensor are no independent witnesses."""
    dice = np.random.default_rng(seed)
    found = [measure([parts[index] for index in dice.integers(0, len(parts), len(parts))]) for _ in range(DRAWS)]
    found = [value for value in found if np.isfinite(value)]
    return (float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))) if found else (float("nan"), float("nan"))


def mean_of(test: str, what: str, target: str, parts: Array, *, least: float | None = None, most: float | None = None, note: str = "") -> Row:
    """Mean over parts, with its interval, against a least or a most."""
    value = float(np.nanmean(parts))
    low, high = interval(list(parts), lambda drawn: float(np.nanmean(np.array(drawn, dtype=np.float64))))
    is_met = value >= least if least is not None else value <= most if most is not None else None
    return Row(test=test, what=what, target=target, reached=value, low=low, high=high, is_met=is_met, note=note)


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| test | what | target | tuning half | 95 % interval | held out | 95 % interval | met | note |", "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        met = {True: "yes", False: "no", None: ""}[row.is_met]
        cells = [row.test, row.what, row.target, _number(row.reached), _span(row.low, row.high), _number(row.held), _span(row.held_low, row.held_high), met, row.note]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}"


def _span(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{low:.3g} to {high:.3g}"
