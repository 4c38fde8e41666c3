"""Bounds in words: a result without an upper bound says so on every page and print."""

from __future__ import annotations

import pytest

from console.formats import Formats
from console.i18n import load_catalogues
from oshwatch.commands.assess import _bounds

BOUNDS = [
    ((15.0, 25.0), "between 15.0–25.0\u00a0ppm"),
    ((15.0, None), "at least 15.0\u00a0ppm"),
    ((0.0, None), "no upper bound"),
    ((None, None), ""),
]


@pytest.fixture(scope="module")
def formats():
    return Formats(load_catalogues()["en"])


@pytest.mark.parametrize(("bounds", "words"), BOUNDS)
def test_bounds_in_words(formats, bounds, words):
    assert formats.bounded(*bounds, "ppm") == words


def test_the_table_of_assess_says_at_least():
    assert [_bounds(*bounds) for bounds, _ in BOUNDS] == ["15 .. 25", "at least 15", "no upper bound", "? .. ?"]
