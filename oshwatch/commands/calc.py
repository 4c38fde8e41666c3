"""`oshwatch calc`: the hygienist's calculator, by rows of a CSV file or for one set of values."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from domain.errors import BadInput
from models.calculator import FORMULAS
from models.calculator.column import Column, UnreadableCell
from models.calculator.formula import Formula, Table, run

ID = "id"
"""A column of this name goes through untouched, in any formula."""
NOTE = "note"


@dataclass(slots=True, kw_only=True)
class Rows:
    """A CSV file: header, rows as they stand, and the line on which each row ends."""

    source: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def calc(options: argparse.Namespace) -> None:
    """`list`, a file, or one set of `name=value`."""
    if options.name == "list":
        print("\n\n".join(_described(formula) for formula in FORMULAS.values()))
        return
    formula = _formula(options.name)
    method = _method(formula, options.method)
    if options.input is not None and options.values:
        raise BadInput("give either --input or name=value, not both")
    if options.input is not None:
        _file(formula, method, options.input, options.out)
    elif options.values:
        _values(formula, method, options.values, options.out)
    else:
        raise BadInput("nothing to calculate", remedy=f"give --input FILE.csv, or values: oshwatch calc {formula.name} {formula.example}")


def _formula(name: str) -> Formula:
    if name in FORMULAS:
        return FORMULAS[name]
    near = get_close_matches(name, FORMULAS, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise BadInput(f"there is no formula '{name}'", remedy=f"{guess}there are: {', '.join(FORMULAS)}")


def _method(formula: Formula, method: str | None) -> str:
    if method is None:
        return ""
    if not formula.methods:
        raise BadInput(f"{formula.name} has one method only", field="--method", remedy="leave it out")
    if method not in formula.methods:
        raise BadInput(f"{formula.name} knows no method '{method}'", field="--method", remedy=f"one of {', '.join(formula.methods)}")
    return method


def _file(formula: Formula, method: str, path: Path, out: Path | None) -> None:
    given = _read(path)
    _check_columns(formula, given.header, str(path))
    cells = {name: [row[index] for row in given.rows] for index, name in enumerate(given.header)}
    try:
        table = run(formula, cells, len(given.rows), method)
    except UnreadableCell as error:
        raise BadInput(error.message, source=given.source, line=given.lines[error.row], field=error.column) from None
    _write(_csv(given, table), out)


def _values(formula: Formula, method: str, assignments: Sequence[str], out: Path | None) -> None:
    if out is not None:
        raise BadInput("--out goes with --input", remedy="leave it out: the results are printed")
    cells: dict[str, list[str]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise BadInput(f"'{assignment}' is no name=value", remedy=f"such as {formula.example}")
        if name in cells:
            raise BadInput("is given twice", field=name)
        cells[name] = [value]
    _check_columns(formula, list(cells), "")
    try:
        table = run(formula, cells, 1, method)
    except UnreadableCell as error:
        raise BadInput(error.message, field=error.column) from None
    for name, texts in table.columns.items():
        print(f"{name}={texts[0]}")
    if table.notes[0]:
        print(f"{NOTE}={table.notes[0]}")


def _read(path: Path) -> Rows:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", source=str(path), remedy="save it as CSV, UTF-8") from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path)) from None
    reader = csv.reader(io.StringIO(text), strict=True)
    found = Rows(source=str(path), header=[])
    try:
        for row in reader:
            _take(found, row, reader.line_num)
    except csv.Error as error:
        raise BadInput(f"is no CSV: {error}", source=str(path), line=reader.line_num) from None
    if not found.header:
        raise BadInput("is empty", source=str(path), remedy="the first line names the columns")
    if not found.rows:
        raise BadInput("has a header and no rows", source=str(path))
    return found


def _take(found: Rows, row: list[str], line: int) -> None:
    if not any(cell.strip() for cell in row):
        return
    if not found.header:
        found.header = [cell.strip() for cell in row]
    elif len(row) != len(found.header):
        raise BadInput(f"{len(row)} cells for {len(found.header)} columns", source=found.source, line=line)
    else:
        found.rows.append(row)
        found.lines.append(line)


def _check_columns(formula: Formula, names: Sequence[str], source: str) -> None:
    """Every needed column once, none that the formula does not know: a misspelt or converted one would be ignored in silence."""
    line = 1 if source else None
    known = {column.name: column for column in formula.inputs}
    wanted = f"{formula.name} takes {', '.join(_short(column) for column in formula.inputs)}"
    for name in names:
        if names.count(name) > 1:
            raise BadInput("stands twice among the columns", source=source, line=line, field=name)
        if name not in known and name != ID:
            raise BadInput(f"{formula.name} has no column '{name}'", source=source, line=line, remedy=_hint(name, known, wanted))
    missing = [column.name for column in formula.inputs if not column.optional and column.name not in names]
    if missing:
        raise BadInput(f"missing: {', '.join(missing)}", source=source, line=line, remedy=wanted)


def _hint(name: str, known: dict[str, Column], wanted: str) -> str:
    if ";" in name or "\t" in name:
        return "columns are separated by commas"
    near = get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]}? " if near else "") + wanted


def _csv(given: Rows, table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*given.header, *(_output_name(name, given.header) for name in table.columns), NOTE])
    for index, row in enumerate(given.rows):
        writer.writerow([*row, *(texts[index] for texts in table.columns.values()), table.notes[index]])
    return text.getvalue()


def _output_name(name: str, header: Sequence[str]) -> str:
    return f"{name}_out" if name in header else name


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", source=str(out)) from None


def _short(column: Column) -> str:
    return f"[{column.name}]" if column.optional else column.name


def _described(formula: Formula) -> str:
    lines = [formula.name, f"  {formula.summary}"]
    for column in formula.inputs:
        default = "" if column.default is None else f", default {column.choices[int(column.default)] if column.choices else f'{column.default:g}'}"
        optional = " (optional)" if column.optional and column.default is None else ""
        lines.append(f"  in   {column.name}: {column.meaning} [{column.validity}{default}]{optional}")
    lines += [f"  out  {output.name}: {output.meaning}" + (f" [{'|'.join(output.choices)}]" if output.choices else "") for output in formula.outputs]
    if formula.methods:
        lines.append(f"  --method {'|'.join(formula.methods)} (default {formula.methods[0]})")
    example = "--input FILE.csv" if any(column.together for column in formula.inputs) else formula.example
    return "\n".join([*lines, f"  source: {formula.source}", f"  example: oshwatch calc {formula.name} {example}"])
