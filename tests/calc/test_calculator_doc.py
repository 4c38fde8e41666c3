"""docs/calculator.md names every formula with its columns, and its figures are the ones that the code computes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.calculator import FORMULAS
from models.calculator.formula import Formula
from models.heat.absent import figures

pytestmark = pytest.mark.check

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "calculator.md").read_text(encoding="utf-8")


def row(formula: Formula) -> str:
    given = ", ".join(f"[`{column.name}`]" if column.optional else f"`{column.name}`" for column in formula.inputs)
    bar = "\\|"
    methods = f" `--method {bar.join(formula.methods)}`" if formula.methods else ""
    return f"| `{formula.name}`{methods} | {given} | {', '.join(f'`{output.name}`' for output in formula.outputs)} |"


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_formula_stands_in_the_document_with_its_columns(name):
    assert row(FORMULAS[name]) in TEXT.splitlines()


def test_no_other_formula_stands_there():
    assert set(re.findall(r"^\| `([a-z0-9_]+)`", TEXT, re.MULTILINE)) == set(FORMULAS)


def test_figures_of_what_is_missing_are_computed_ones():
    for figure in figures():
        assert f"| {figure.missing} | {figure.mrt_over_air_k:g} | {figure.mean_k:+.1f} | {figure.lowest_k:+.1f} | {figure.highest_k:+.1f} |" in TEXT.splitlines()


def test_every_example_command_names_a_formula():
    commands = re.findall(r"^oshwatch calc ([a-z0-9_]+)", TEXT, re.MULTILINE)
    assert commands
    assert set(commands) <= {*FORMULAS, "list"}
