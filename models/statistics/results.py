"""A set of results as a laboratory writes them: `24.7`, `<5.5`, `>10`, `[1-2]`. What a result cannot be is refused with its line, never clamped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from domain.errors import BadInput
from models.arrays import Array, Mask

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
EXACT = re.compile(rf"({NUMBER})", re.ASCII)
ONE_SIDED = re.compile(rf"([<>])\s*({NUMBER})", re.ASCII)
INTERVAL = re.compile(rf"\[\s*({NUMBER})\s*-\s*({NUMBER})\s*\]", re.ASCII)
FORMS = "one result a line: 24.7, <5.5, >10 or [1-2]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """Bounds of each result in the order given: equal where it is exact, 0 under `<`, infinite over `>`."""

    low: Array
    high: Array
    lines: tuple[int, ...]
    source: str = ""

    @property
    def n(self) -> int:
        return len(self.low)

    @property
    def exact(self) -> Mask:
        return np.asarray(self.low == self.high)

    @property
    def detects(self) -> int:
        """Results that are bounded on both sides: exact or an interval."""
        return int(np.sum((self.low > 0) & np.isfinite(self.high)))

    @property
    def n_censored(self) -> int:
        return self.n - int(np.sum(self.exact))


def parse_results(text: str, source: str = "") -> Results:
    """Reads one result a line; `#` starts a comment, empty lines count nothing. Raises BadInput with the line.

    >>> found = parse_results("24.7 # Monday\\n<5.5\\n[1-2]")
    >>> found.low.tolist(), found.high.tolist(), found.n_censored
    ([24.7, 0.0, 1.0], [24.7, 5.5, 2.0], 2)
    """
    return results_of(text.removeprefix("\ufeff").splitlines(), source)


def results_of(texts: Iterable[str], source: str = "") -> Results:
    """The same from a sequence of lines."""
    bounds: list[tuple[float, float]] = []
    lines: list[int] = []
    for line, text in enumerate(texts, start=1):
        content = text.partition("#")[0].strip()
        if content:
            bounds.append(_bounds(content, source, line))
            lines.append(line)
    if not bounds:
        raise BadInput("no result in it", source=source, remedy=FORMS)
    low, high = np.asarray(bounds, dtype=np.float64).T
    return Results(low=low, high=high, lines=tuple(lines), source=source)


def _bounds(text: str, source: str, line: int) -> tuple[float, float]:
    if match := EXACT.fullmatch(text):
        value = _positive(match[1], source, line)
        return value, value
    if match := ONE_SIDED.fullmatch(text):
        value = _positive(match[2], source, line)
        return (0.0, value) if match[1] == "<" else (value, math.inf)
    if match := INTERVAL.fullmatch(text):
        low, high = _positive(match[1], source, line), _positive(match[2], source, line)
        if low >= high:
            raise BadInput(f"{text!r} is not an interval: its first number must be the smaller", source=source, line=line)
        return low, high
    remedy = "write the decimal point as a point, and " + FORMS if "," in text else FORMS + "; no unit, no second column"
    raise BadInput(f"{text!r} is not a result", source=source, line=line, remedy=remedy)


def _positive(text: str, source: str, line: int) -> float:
    value = float(text)
    if value <= 0:
        raise BadInput(f"{text} is impossible: a result is over zero", source=source, line=line, remedy="write one below detection as < and its limit of quantification")
    if math.isinf(value):
        raise BadInput(f"{text} is no number that can be measured", source=source, line=line)
    return value
