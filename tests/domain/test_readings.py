"""Readings, minutes, quantities, times, topics."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import topics
from domain.errors import BadInput
from domain.quantities import QUANTITIES, Averaging, is_cas, quantity_of
from domain.reading import Reading, minute_from, stands, superseded
from domain.times import MINUTE_US, from_datetime, minute_of, parse_instant, to_datetime, to_rfc3339
from domain.verdict import decide

CHANNEL = "agent-7.ironing-1.air_temperature"
READING = st.builds(Reading, st.just(CHANNEL), st.integers(0, MINUTE_US - 1), st.none() | st.floats(-40, 85), st.integers(0, 4), st.sampled_from([(), (128,), (134,), (12, 131)]))


@given(st.lists(READING, max_size=8), st.sampled_from(Averaging), st.randoms())
def test_a_minute_is_the_same_in_any_order(readings: list[Reading], averaging: Averaging, random: object) -> None:
    shuffled = list(readings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert minute_from(CHANNEL, 0, shuffled, averaging) == minute_from(CHANNEL, 0, readings, averaging)


@given(st.lists(READING, min_size=2, max_size=4, unique_by=lambda reading: (reading.value, reading.q, reading.r)))
def test_which_of_several_values_stands_does_not_depend_on_their_order(readings: list[Reading]) -> None:
    def fold(order: tuple[Reading, ...]) -> Reading:
        standing = order[0]
        for reading in order[1:]:
            standing = stands(standing, reading)
        return standing

    assert len({(fold(order).value, fold(order).q, fold(order).r) for order in itertools.permutations(readings)}) == 1


def test_decibels_are_averaged_as_energy() -> None:
    readings = [Reading("a.b.sound_level_a_eq", second, level) for second, level in enumerate((80.0, 90.0))]
    minute = minute_from("a.b.sound_level_a_eq", 0, readings, Averaging.ENERGY)
    assert minute.mean(Averaging.ENERGY) == pytest.approx(10 * math.log10((1e8 + 1e9) / 2))


def test_a_minute_without_a_valid_sample_has_no_value() -> None:
    minute = minute_from(CHANNEL, 0, [Reading(CHANNEL, 0, 30.0, 2, (3,)), Reading(CHANNEL, 1, None, 1, (12,))], Averaging.ARITHMETIC)
    assert (minute.valid, minute.rejected, minute.mean(Averaging.ARITHMETIC), minute.low) == (0, 2, None, None)


@given(st.integers(0, 4 * 10**15))
def test_instants_survive_text_to_the_microsecond(time_us: int) -> None:
    assert parse_instant(to_rfc3339(time_us)) == time_us
    assert from_datetime(to_datetime(time_us)) == time_us
    assert minute_of(time_us) <= time_us < minute_of(time_us) + MINUTE_US


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T07:00:00", "07:00", "nan"])
def test_a_time_without_an_offset_is_no_time(text: str) -> None:
    with pytest.raises(BadInput):
        parse_instant(text)


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=lambda quantity: quantity.id)
def test_every_quantity_is_usable(quantity: object) -> None:
    assert quantity.low < quantity.high  # type: ignore[attr-defined]
    assert quantity.cas == "" or is_cas(quantity.cas)  # type: ignore[attr-defined]
    assert quantity.name  # type: ignore[attr-defined]


def test_a_substance_needs_a_cas_number_that_checks() -> None:
    toluene = quantity_of("concentration:108-88-3")
    assert toluene is not None
    assert (toluene.unit, toluene.hazard) == ("ppm", "chemical:108-88-3")
    assert quantity_of("concentration:108-88-4") is None


def test_topics_go_both_ways() -> None:
    assert topics.parse("osh/v1/agent-7/data") == ("agent-7", "data")
    assert topics.parse(topics.sharded_data_topic("agent-7")) == ("agent-7", "data")
    assert topics.parse("osh/v1/agent-7/cmd/result") == ("agent-7", "cmd/result")
    for foreign in ("osh/v1/_centre/last", "osh/v1/Agent/data", "osh/v1/agent-7/ack/01", "osh/v2/agent-7/data"):
        assert topics.parse(foreign) is None


@pytest.mark.parametrize(
    ("low", "high", "coverage", "grade", "screening", "verified", "state"),
    [
        (28.3, 30.0, 0.2, "trend", False, True, "exceeds"),  # sure, whatever the coverage
        (28.2, 30.0, 0.99, "compliance", False, True, "indeterminate"),  # not over
        (27.0, 28.0, 0.74, "compliance", False, True, "not_assessable"),
        (27.0, 28.2, 0.75, "compliance", False, True, "within"),
        (27.0, 28.0, 0.99, "screening", False, True, "indeterminate"),
        (27.0, 28.0, 0.99, "screening", True, True, "within"),
        (27.0, 28.0, 0.99, "trend", True, True, "indeterminate"),
        (29.0, 30.0, 0.99, "compliance", True, False, "indeterminate"),  # an unverified limit proves nothing
        (27.0, 28.0, 0.99, "compliance", True, False, "indeterminate"),
        (None, None, 0.99, "compliance", True, True, "not_assessable"),
    ],
)
def test_the_state_follows_the_contracts_order(low: float, high: float, coverage: float, grade: object, screening: bool, verified: bool, state: str) -> None:
    assert decide(low=low, high=high, limit=28.2, coverage=coverage, grade=grade, accepts_screening=screening, verified=verified) == state  # type: ignore[arg-type]


def test_a_shard_that_is_not_the_agents_own_is_no_topic() -> None:
    own = topics.shard_of("agent-7")
    accepted = [shard for shard in range(100) if topics.parse(f"osh/v1/agent-7/data/{shard:02d}")]
    assert accepted == [own]


def test_a_reading_at_its_right_time_stands_above_what_was_superseded_there() -> None:
    mark, right = superseded(Reading("a.b.co2", 0, 500.0, 4, (128,))), Reading("a.b.co2", 0, 400.0)
    assert not mark.counts
    assert stands(mark, right) == stands(right, mark) == right
