"""Columns of the calculator's tables: what a cell may hold, and how its text becomes a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from models.arrays import Array

HIGH = "#high"
"""Suffix of a `BOUNDED` column's upper ends; the column's own name holds the lower ones."""


class Kind(StrEnum):
    NUMBER = "number"
    CHOICE = "word"
    LABEL = "label"
    TIME = "time, UTC"
    BOUNDED = "number, <number or >number"


YES_NO = ("no", "yes")
_SAME = {"true": "yes", "false": "no", "1": "yes", "0": "no"}


class UnreadableCell(ValueError):
    """A cell that is none of what its column holds: the row counted from 0, the column, what is wrong."""

    def __init__(self, row: int, column: str, message: str) -> None:
        self.row, self.column, self.message = row, column, message
        super().__init__(f"row {row + 1}: {column}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One input: its unit is in the name. `low` and `high` are its validity range; a `default` (or `open`, for no value) makes it optional."""

    name: str
    meaning: str
    kind: Kind = Kind.NUMBER
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf  # like `low`, but itself out of range
    choices: tuple[str, ...] = ()
    default: float | None = None
    open: bool = False
    together: bool = False  # a label column: rows without a label are one group, not one each
    hint: str = ""

    @property
    def optional(self) -> bool:
        return self.default is not None or self.open or self.kind is Kind.LABEL

    @property
    def validity(self) -> str:
        """As `calc list` prints it."""
        if self.choices:
            return "|".join(self.choices)
        if self.kind is Kind.LABEL:
            return str(self.kind)
        if self.kind is Kind.TIME:
            return f"{self.kind}, {_day(self.low)} to {_day(self.high)}"
        low = f"over {self.above:g}" if self.above > -math.inf else f"{self.low:g}" if self.low > -math.inf else ""
        high = f"{self.high:g}" if self.high < math.inf else ""
        return f"{low} to {high}" if low and high else low if self.above > -math.inf else f"from {low}" if low else f"up to {high}" if high else "any number"

    def read(self, texts: Sequence[str]) -> dict[str, Array]:
        """Numbers of the cells; NaN for an empty one without a default. UnreadableCell for anything else."""
        if self.kind is Kind.LABEL:
            return {self.name: _labels(texts, self.together)}
        pairs = [self._cell(row, text.strip()) for row, text in enumerate(texts)]
        low = np.array([pair[0] for pair in pairs], dtype=np.float64)
        if self.kind is Kind.BOUNDED:
            return {self.name: low, self.name + HIGH: np.array([pair[1] for pair in pairs], dtype=np.float64)}
        return {self.name: low}

    def reason(self, low: float, high: float) -> str:
        """Why a value is out of the validity range; "" when it is in it. `high` differs from `low` for a bounded cell."""
        if math.isnan(low):
            return "" if self.open else f"{self.name} is empty"
        if self.kind is Kind.BOUNDED and math.isinf(high):
            high = low
        if self.low <= low and high <= self.high and low > self.above:
            return ""
        shown = _day(low) if self.kind is Kind.TIME else f"{low:g}"
        return f"{self.name} {shown} is outside {self.validity}" + (f": {self.hint}" if self.hint else "")

    def _cell(self, row: int, text: str) -> tuple[float, float]:
        if not text:
            value = math.nan if self.default is None else self.default
            return value, value
        try:
            return self._parsed(text)
        except ValueError as error:
            raise UnreadableCell(row, self.name, str(error)) from None

    def _parsed(self, text: str) -> tuple[float, float]:
        if self.choices:
            return _choice(text, self.choices)
        if self.kind is Kind.TIME:
            return _instant(text)
        if self.kind is Kind.BOUNDED and text[0] in "<>":
            end = _number(text[1:].strip(), text)
            return (0.0, end) if text[0] == "<" else (end, math.inf)
        value = _number(text, text)
        return value, value


def _number(text: str, shown: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{shown!r} is not a number" + (": the decimal sign is a point" if "," in text else ""))
    return value


def _choice(text: str, choices: tuple[str, ...]) -> tuple[float, float]:
    word = text.lower()
    word = _SAME.get(word, word) if choices == YES_NO else word
    if word not in choices:
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")
    index = float(choices.index(word))
    return index, index


def _instant(text: str) -> tuple[float, float]:
    """Unix seconds; a time without an offset is UTC, as the column's name says."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time: 2026-11-23T06:30:00Z") from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is no time: 2026-11-23T06:30:00Z")
    return seconds, seconds


def _labels(texts: Sequence[str], together: bool) -> Array:
    """A number for each different label; a row without one is a group of its own, or one group with all such rows."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(text.strip() or ("" if together else f"\0{row}"), len(known)) for row, text in enumerate(texts)], dtype=np.float64)


def _day(seconds: float) -> str:
    """A date, or the number where the calendar has none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"
