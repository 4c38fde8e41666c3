"""Completeness as data: what should exist, what does, and why the rest does not."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assess.completeness import Blame, Completeness, Due, Hole, completeness
from domain.messages import GapCause
from domain.times import SECOND_US

I_US = 10 * SECOND_US
START = 1_763_800_000 * SECOND_US
DAY = Due(start_us=START, stop_us=START + 360 * I_US, interval_us=I_US)
LATER = DAY.stop_us + 3600 * SECOND_US


def at(*numbers: int) -> list[int]:
    return [START + number * I_US for number in numbers]


def blame(first: int, last: int, cause: GapCause, rank: int = 1) -> Blame:
    return Blame(start_us=START + first * I_US, stop_us=START + last * I_US, cause=cause, rank=rank)


def test_all_that_was_due_is_there() -> None:
    assert completeness([DAY], at(*range(360)), [], LATER) == Completeness(expected=360, stored=360, holes=[])


def test_a_hole_says_from_when_to_when_and_why() -> None:
    found = completeness([DAY], at(*range(100), *range(160, 360)), [blame(99, 159, GapCause.POWER)], LATER)
    assert found == Completeness(expected=360, stored=300, holes=[Hole(from_us=at(99)[0], to_us=at(159)[0], cause=GapCause.POWER, missing=60)])


def test_without_a_declared_cause_it_is_unknown_and_nothing_at_all_is_one_hole() -> None:
    assert completeness([DAY], [], [], LATER) == Completeness(expected=360, stored=0, holes=[Hole(from_us=DAY.start_us, to_us=DAY.stop_us, cause=GapCause.UNKNOWN, missing=360)])


def test_two_causes_part_a_hole() -> None:
    found = completeness([DAY], at(*range(100), *range(200, 360)), [blame(99, 150, GapCause.NETWORK), blame(150, 199, GapCause.OUTBOX_FULL)], LATER)
    assert [(hole.cause, hole.missing) for hole in found.holes] == [(GapCause.NETWORK, 51), (GapCause.OUTBOX_FULL, 49)]


def test_a_record_that_came_and_is_no_sample_says_it_better_than_a_gap_and_a_named_cause_better_than_unknown() -> None:
    found = completeness(
        [DAY], at(*range(100), *range(120, 360)), [blame(0, 360, GapCause.UNKNOWN), blame(90, 130, GapCause.POWER), blame(99, 109, GapCause.SENSOR, rank=0)], LATER
    )
    assert [(hole.cause, hole.missing) for hole in found.holes] == [(GapCause.SENSOR, 10), (GapCause.POWER, 10)]


def test_what_is_due_later_and_what_is_on_its_way_is_not_missing() -> None:
    now_us = START + 100 * I_US + 14 * SECOND_US
    assert completeness([DAY], at(*range(101)), [], now_us) == Completeness(expected=101, stored=101, holes=[])


def test_where_the_channel_was_not_registered_nothing_is_due() -> None:
    parts = [Due(start_us=START, stop_us=at(100)[0], interval_us=I_US), Due(start_us=at(200)[0], stop_us=at(300)[0], interval_us=I_US // 2)]
    found = completeness(parts, at(*range(100)), [], LATER)
    assert (found.expected, found.stored) == (300, 100)
    assert [(hole.from_us, hole.to_us, hole.missing) for hole in found.holes] == [(at(200)[0], at(300)[0], 200)]


def test_a_poll_that_slips_costs_nothing() -> None:
    dice = random.Random(1)
    slipping = [time_us + round(dice.uniform(0, 0.4) * I_US) for time_us in at(*range(360))]
    found = completeness([DAY], slipping, [], LATER)
    assert (found.expected, found.holes) == (360, [])
    assert found.stored >= 359


CAUSES = st.sampled_from(list(GapCause))
BLAMES = st.lists(
    st.tuples(st.integers(-50, 400), st.integers(1, 200), CAUSES, st.integers(0, 2)).map(lambda one: blame(one[0], one[0] + one[1], one[2], one[3])),
    max_size=8,
)


@given(missing=st.sets(st.integers(0, 119), max_size=60), jitter=st.integers(0, 10**6), blames=BLAMES, chance=st.randoms(use_true_random=False))
def test_what_is_expected_is_what_is_stored_and_what_is_missing_in_any_order(missing: set[int], jitter: int, blames: list[Blame], chance: random.Random) -> None:
    samples = at(*(number for number in range(120) if number not in missing))
    due = Due(start_us=START, stop_us=at(120)[0], interval_us=I_US)
    found = completeness([due], samples, blames, LATER)
    assert found.expected == 120
    assert found.stored == len(samples)
    assert sum(hole.missing for hole in found.holes) == len(missing)
    assert all(before.to_us <= after.from_us for before, after in pairwise(found.holes))
    assert all(due.start_us <= hole.from_us < hole.to_us <= due.stop_us for hole in found.holes)
    shuffled, told = [*samples, *samples[:3]], list(blames)
    chance.shuffle(shuffled)
    chance.shuffle(told)
    assert completeness([due], shuffled, told, LATER) == found
    slipping = completeness([due], [time_us + chance.randrange(jitter + 1) for time_us in samples], blames, LATER)
    assert slipping.expected >= slipping.stored + sum(hole.missing for hole in slipping.holes)


@given(times=st.lists(st.integers(DAY.start_us, DAY.stop_us - 1), max_size=100), blames=BLAMES, now=st.integers(-10, 500))
def test_whenever_samples_come_no_more_is_told_than_was_due(times: list[int], blames: list[Blame], now: int) -> None:
    found = completeness([DAY], times, blames, START + now * I_US)
    assert found.expected >= found.stored + sum(hole.missing for hole in found.holes) >= 0
    assert 0 <= found.stored <= len(set(times))
    assert all(hole.missing > 0 for hole in found.holes)
