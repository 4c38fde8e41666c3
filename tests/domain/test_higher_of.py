"""Readings while a calibration waits for a side: never under what they are with it, nor without it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.calibration import Correction, correction_at, higher_of
from domain.quantities import Averaging

CORRECTIONS = st.lists(
    st.builds(Correction, from_us=st.integers(0, 5), calibration_id=st.just("c"), offset=st.floats(-5, 5), gain=st.sampled_from([0.5, 1.0, 1.25])),
    max_size=4,
    unique_by=lambda one: one.from_us,
).map(lambda found: sorted(found, key=lambda one: one.from_us))


def read(found, at_us, value):
    fix = correction_at(found, at_us)
    return value if fix is None else fix.apply(value)


@given(found=CORRECTIONS, others=CORRECTIONS, at_us=st.integers(-1, 7), value=st.floats(-50, 150))
def test_each_value_is_the_higher_of_both(found, others, at_us, value):
    assert read(higher_of(found, others), at_us, value) == max(read(found, at_us, value), read(others, at_us, value))


def test_only_unlike_gains_keep_it_from_means():
    one, less, steeper = (Correction(from_us=1, calibration_id="c", offset=offset, gain=gain) for offset, gain in ((1.0, 1.0), (0.5, 1.0), (1.0, 1.2)))
    assert [each.commutes(Averaging.ARITHMETIC) for each in higher_of([one], [less])] == [True]
    assert [each.commutes(Averaging.ARITHMETIC) for each in higher_of([one], [steeper])] == [False]
