"""Whatever a file holds, the calculator answers with a table or with one line, never with a traceback."""

from __future__ import annotations

import contextlib
import io
import string
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from models.calculator import FORMULAS
from oshwatch.cli import run

CELL = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.integers(-10, 1000).map(str),
    st.sampled_from(["", "<1", ">5", "yes", "work_clothes", "2026-11-23T06:30:00Z", "1e308", "-0", "<", "0x10", "１２", "1_000"]),
    st.text(string.printable, max_size=8),
)


def outcome(name, content):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        path = Path(folder) / "given.csv"
        path.write_bytes(content)
        return run(["calc", name, "--input", str(path)]), out.getvalue(), error.getvalue()


def is_an_answer(code, out, error):
    return (code == 0 and out and not error) or (code == 2 and not out and error.startswith("oshwatch: ") and error.count("\n") == 1)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(set(FORMULAS) - {"phs"})), st.data())
def test_any_cells_under_the_right_columns(name, data):
    columns = [column.name for column in FORMULAS[name].inputs]
    rows = data.draw(st.lists(st.tuples(*(CELL for _ in columns)), min_size=1, max_size=4))
    text = "\n".join([",".join(columns), *(",".join(row) for row in rows)])
    assert is_an_answer(*outcome(name, text.encode()))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(set(FORMULAS) - {"phs"})), st.data())
def test_any_numbers_under_the_right_columns_give_a_table(name, data):
    columns = FORMULAS[name].inputs
    cells = [st.sampled_from(column.choices) if column.choices else st.one_of(st.floats(-1e9, 1e9), st.floats(0.0, 200.0), st.integers(0, 20)).map(str) for column in columns]
    rows = data.draw(st.lists(st.tuples(*cells), min_size=1, max_size=6))
    code, out, error = outcome(name, "\n".join([",".join(column.name for column in columns), *(",".join(row) for row in rows)]).encode())
    assert (code, error) == (0, "")
    assert len(out.splitlines()) == len(rows) + 1
    assert "nan" not in out


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes(content):
    assert is_an_answer(*outcome("niosh_rel", content))
