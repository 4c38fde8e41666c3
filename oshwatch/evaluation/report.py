"""Rows of the table: what is asked, what was reached, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    lines = ["| test | what | target | reached | 95 % interval | met | note |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        span = "" if np.isnan(row.low) else f"{row.low:.3g} to {row.high:.3g}"
        met = {True: "yes", False: "no", None: ""}[row.is_met]
        lines.append(f"| {row.test} | {row.what} | {row.target} | {row.reached:.3g} | {span} | {met} | {row.note} |")
    return "\n".join(lines)
