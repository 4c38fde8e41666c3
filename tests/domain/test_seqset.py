"""Which seqs are committed: whole up to a point, with ranges beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seqset import SeqSet

RANGES = st.lists(st.tuples(st.integers(-2, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=25)


def test_a_new_set_has_nothing() -> None:
    seqs = SeqSet()
    assert (seqs.upto, seqs.also, seqs.top, len(seqs), 0 in seqs, seqs.holes()) == (-1, [], -1, 0, False, [])


def test_a_hole_is_kept_until_it_is_filled() -> None:
    seqs = SeqSet(123)
    seqs.add_range(130, 171)
    assert (seqs.upto, seqs.also, seqs.holes(), seqs.holes(180)) == (123, [(130, 171)], [(124, 129)], [(124, 129), (172, 179)])
    seqs.add_range(124, 129)
    assert (seqs.upto, seqs.also, seqs.holes()) == (171, [], [])


@given(RANGES)
def test_it_is_the_set_of_all_that_was_added_in_its_shortest_form(ranges: list[tuple[int, int]]) -> None:
    seqs, plain = SeqSet(), set()
    for start, stop in ranges:
        seqs.add_range(start, stop) if stop > start else seqs.add(start)
        plain.update(range(max(start, 0), stop + 1))
    assert [seq for seq in range(-3, 80) if seq in seqs] == sorted(plain)
    assert len(seqs) == len(plain)
    assert seqs.top == max(plain, default=-1)
    assert all(seq in plain for seq in range(seqs.upto + 1))
    edges = [seqs.upto, *(edge for pair in seqs.also for edge in pair)]
    assert all(later - earlier > 1 for earlier, later in zip(edges[::2], edges[1::2], strict=False)), "ranges do not touch"
    assert {seq for first, last in seqs.holes() for seq in range(first, last + 1)} == set(range(seqs.top + 1)) - plain


@given(RANGES, st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_difference(ranges: list[tuple[int, int]], chance) -> None:
    once, shuffled = SeqSet(), SeqSet()
    again = ranges + ranges
    chance.shuffle(again)
    for pair in ranges:
        once.add_range(*pair)
    for pair in again:
        shuffled.add_range(*pair)
    assert once == shuffled


@given(RANGES, st.integers(0, 70))
def test_holes_below_a_seq_and_what_is_there_are_everything_below_it(ranges: list[tuple[int, int]], below: int) -> None:
    seqs = SeqSet(also=ranges)
    missing = {seq for first, last in seqs.holes(below) for seq in range(first, last + 1)}
    assert missing == {seq for seq in range(below) if seq not in seqs}


@given(RANGES)
def test_it_comes_back_from_its_text_and_a_copy_is_its_own(ranges: list[tuple[int, int]]) -> None:
    seqs = SeqSet(3, ranges)
    assert SeqSet.from_json(seqs.upto, seqs.also_json()) == seqs
    copy = seqs.copy()
    copy.add(1_000)
    assert 1_000 not in seqs
    assert copy != seqs


def test_it_is_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(SeqSet())
