"""On and off delays in event time (acceptance B, thingsboard#10590)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.duration import Delays, Reach, Run, Tracker, reach, run_over
from domain.times import MINUTE_US

ON = Delays(on_us=5 * MINUTE_US, off_us=5 * MINUTE_US)
SERIES = st.lists(st.sampled_from(list(Reach)), min_size=1, max_size=14)


def longest_continuous(series: dict[int, Reach]) -> int:
    """Minutes from the first to the last point of the longest unbroken span over the set-point; -1 without any."""
    best = -1
    for start, where in series.items():
        length = 0
        while series.get(start + length) is Reach.OVER:
            length += 1
        best = max(best, length - 1 if where is Reach.OVER else -1)
    return best


@given(SERIES, st.integers(0, 6), st.randoms(use_true_random=False), st.data())
def test_raised_iff_exceeded_continuously_for_the_delay_under_any_arrival_order(series: list[Reach], delay_min: int, random: object, data: st.DataObject) -> None:
    points = dict(enumerate(series))
    missing = data.draw(st.sets(st.sampled_from(sorted(points)), max_size=3))
    points = {minute: where for minute, where in points.items() if minute not in missing}
    order = data.draw(st.permutations(sorted(points)))
    tracker = Tracker(Run(Delays(on_us=delay_min * MINUTE_US, off_us=60 * MINUTE_US)))
    was_raised = False
    for minute in [*order, *order[:2]]:  # some twice
        was_raised |= tracker.add(minute * MINUTE_US, points[minute]).last_raised_us is not None
    assert was_raised == (longest_continuous(points) >= delay_min)


@given(SERIES, st.data())
def test_the_state_after_all_points_does_not_depend_on_their_order(series: list[Reach], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(series))))
    tracker = Tracker(Run(ON))
    for minute in order:
        shuffled = tracker.add(minute * MINUTE_US, series[minute])
    assert shuffled == run_over([(minute * MINUTE_US, where) for minute, where in enumerate(series)], ON)


@given(st.lists(st.sampled_from(list(Reach)), min_size=30, max_size=90))
def test_settling_old_points_changes_nothing(series: list[Reach]) -> None:
    tracker = Tracker(Run(ON))
    for minute, where in enumerate(series):
        followed = tracker.add(minute * MINUTE_US, where)
    assert followed == run_over([(minute * MINUTE_US, where) for minute, where in enumerate(series)], ON)
    assert len(tracker.points) < 30


def test_it_returns_only_after_the_off_delay_below_the_deadband() -> None:
    tracker = Tracker(Run(Delays(off_us=2 * MINUTE_US)))
    course = [Reach.OVER, Reach.UNDER, Reach.UNDER, Reach.BAND, Reach.UNDER, Reach.UNKNOWN, Reach.UNDER, Reach.UNDER, Reach.UNDER]
    raised = [tracker.add(minute * MINUTE_US, where).raised_us is not None for minute, where in enumerate(course)]
    assert raised == [True] * 8 + [False]


def test_a_hole_breaks_continuity_and_keeps_what_is_raised() -> None:
    run = run_over([(0, Reach.OVER), (9 * MINUTE_US, Reach.OVER)], ON)
    assert run.raised_us is None
    started = Run(ON, raised_us=0)
    started.step(9 * MINUTE_US, Reach.UNDER, MINUTE_US)
    assert started.raised_us == 0


def test_a_value_at_the_set_point_is_not_over_it() -> None:
    assert [reach(value, 28.2, 0.3) for value in (28.21, 28.2, 27.95, 27.9, 20.0, None)] == [Reach.OVER, Reach.BAND, Reach.BAND, Reach.UNDER, Reach.UNDER, Reach.UNKNOWN]
