"""Overtime lengthens a shift by what was worked, whatever the order and however often it is entered."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.agreements import Signature
from domain.overtime import Overtime
from domain.shifts import Shift
from domain.times import HOUR_US, MINUTE_US, parse_instant, to_rfc3339
from domain.worked import with_overtime

START = parse_instant("2026-11-23T00:00:00Z")
SHIFT = Shift(date=date(2026, 11, 23), name="A", start_us=START, stop_us=START + 8 * HOUR_US, breaks=((START + 4 * HOUR_US, START + 5 * HOUR_US),))
SPANS = st.tuples(st.integers(-300, 900), st.integers(1, 240))


def record(first: int, minutes: int, **fields) -> Overtime:
    start_us = START + first * MINUTE_US
    return Overtime(
        **{"id": f"ot-{first}-{minutes}", "zone": "f1.z1", "date": "2026-11-23", "shift": "A", **fields},
        start=to_rfc3339(start_us),
        stop=to_rfc3339(start_us + minutes * MINUTE_US),
    )


def worked(shift: Shift) -> set[int]:
    """Minutes of work, counted from the planned start."""
    minutes = set(range((shift.start_us - START) // MINUTE_US, (shift.stop_us - START) // MINUTE_US))
    for first, stop in shift.breaks:
        minutes -= set(range((first - START) // MINUTE_US, (stop - START) // MINUTE_US))
    return minutes


@given(st.lists(SPANS, min_size=1, max_size=5))
def test_what_is_worked_is_the_plan_and_the_overtime_and_nothing_else(spans) -> None:
    (shift,) = with_overtime([SHIFT], [record(*span) for span in spans])
    assert worked(shift) == worked(SHIFT).union(*(range(first, first + minutes) for first, minutes in spans))
    assert (shift.date, shift.name) == (SHIFT.date, SHIFT.name)


@given(st.lists(SPANS, min_size=1, max_size=5), st.randoms())
def test_order_and_repetition_make_no_difference(spans, random) -> None:
    records = [record(*span) for span in spans]
    again = [*records, *records]
    random.shuffle(again)
    assert with_overtime([SHIFT], again) == with_overtime([SHIFT], records)


def test_overtime_of_another_day_is_a_shift_of_its_own() -> None:
    sunday = record(6 * 24 * 60, 240, date="2026-11-29")
    plain, own = with_overtime([SHIFT], [sunday])
    assert plain == SHIFT
    assert (own.date, own.name, own.stop_us - own.start_us, own.breaks) == (date(2026, 11, 29), "A", 4 * HOUR_US, ())


def test_it_is_taken_back_by_both_sides_only() -> None:
    one = Signature(side="management", agree=True, by="minh", at="2026-11-24T00:00:00Z")
    assert record(480, 60, withdrawals=[one]).stands
    assert not record(480, 60, withdrawals=[one, Signature(side="worker", agree=True, by="hoa", at="2026-11-24T01:00:00Z")]).stands
