"""A formula as the calculator offers it: columns in, columns out, how far it is valid, where it is written; and how it runs over rows of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.calculator.column import HIGH, Column, Kind

Values = Mapping[str, Array]
"""One array a column, as long as there are rows; a word is the number of its choice, a label of its group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One result column: a number in the unit of its name, or one of `choices` by number."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Result arrays; `refused` says for which rows there is none and why, `remarks` what else belongs to a row ("" for nothing)."""

    columns: Mapping[str, Array]
    refused: Sequence[str] = ()
    remarks: Sequence[str] = ()


Function = Callable[[Values, str], Answer]
"""Of the valid rows and the chosen method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """Rows that share the label of a `Kind.LABEL` column belong together: where one of them is refused, all are."""

    name: str
    summary: str
    source: str
    inputs: tuple[Column, ...]
    outputs: tuple[Output, ...]
    function: Function
    methods: tuple[str, ...] = ()
    example: str = ""

    @property
    def label(self) -> str | None:
        return next((column.name for column in self.inputs if column.kind is Kind.LABEL), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Text of each output column, row by row, and the notes."""

    columns: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)


def run(formula: Formula, cells: Mapping[str, Sequence[str]], rows: int, method: str = "") -> Table:
    """Every row through the formula; a row out of the validity range has empty results and its reason in the notes. UnreadableCell for a cell that cannot be read."""
    values: dict[str, Array] = {}
    for column in formula.inputs:
        values |= column.read(cells.get(column.name, [""] * rows))
    notes = _out_of_range(formula.inputs, values, rows)
    _spoil(notes, None if formula.label is None else values[formula.label])
    good = np.flatnonzero([not note for note in notes])
    texts = {output.name: [""] * rows for output in formula.outputs}
    if good.size:
        answer = formula.function({name: array[good] for name, array in values.items()}, method or (formula.methods[0] if formula.methods else ""))
        _fill(formula, texts, notes, good, answer)
    return Table(columns=texts, notes=notes)


def _out_of_range(columns: Sequence[Column], values: Values, rows: int) -> list[str]:
    notes = [""] * rows
    for column in columns:
        if column.kind is Kind.LABEL:
            continue
        lows = values[column.name]
        for row, (low, high) in enumerate(zip(lows, values.get(column.name + HIGH, lows), strict=True)):
            if reason := column.reason(float(low), float(high)):
                notes[row] = "; ".join(filter(None, (notes[row], reason)))
    return notes


def _spoil(notes: list[str], groups: Array | None) -> None:
    if groups is None:
        return
    broken = {groups[row] for row, note in enumerate(notes) if note}
    for row, group in enumerate(groups):
        if group in broken and not notes[row]:
            notes[row] = "another row of this group is out of range"


def _fill(formula: Formula, texts: dict[str, list[str]], notes: list[str], good: npt.NDArray[np.intp], answer: Answer) -> None:
    for index, row in enumerate(good):
        refused = answer.refused[index] if answer.refused else ""
        remark = answer.remarks[index] if answer.remarks else ""
        notes[row] = refused or remark
        if refused:
            continue
        for output in formula.outputs:
            texts[output.name][row] = _text(output, float(answer.columns[output.name][index]))


def _text(output: Output, value: float) -> str:
    if math.isnan(value):
        return ""
    return output.choices[int(value)] if output.choices else f"{value:.10g}"
