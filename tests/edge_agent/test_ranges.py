"""Ranges behave as the set of their numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ranges import Ranges

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12)


def numbers(pairs: list[tuple[int, int]] | Ranges) -> set[int]:
    return {number for low, high in pairs for number in range(low, high + 1)}


@given(PAIRS)
def test_what_is_added_is_there_joined_and_in_order(pairs: list[tuple[int, int]]) -> None:
    ranges = list(Ranges(pairs))
    assert numbers(ranges) == numbers(pairs)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


@given(PAIRS, PAIRS)
def test_taking_out_leaves_the_difference(pairs: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    assert numbers(Ranges(pairs).minus(others)) == numbers(pairs) - numbers(others)


@given(PAIRS, st.integers(0, 70), st.integers(0, 70))
def test_within_is_the_intersection(pairs: list[tuple[int, int]], low: int, high: int) -> None:
    assert numbers(Ranges(pairs).within(low, high)) == {number for number in numbers(pairs) if low <= number <= high}


@given(PAIRS)
def test_length_last_and_membership_agree_with_the_set(pairs: list[tuple[int, int]]) -> None:
    ranges, model = Ranges(pairs), numbers(pairs)
    assert len(ranges) == len(model)
    assert ranges.last == max(model, default=-1)
    assert {number for number in range(80) if number in ranges} == model
