"""A shift belongs to the local date on which it starts, also over midnight, DST and leap days."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.registry import ShiftSpec
from domain.shifts import current_shift, last_shift, local_instant, shift_on, shifts_between
from domain.times import HOUR_US, parse_instant, to_rfc3339

BERLIN, SAIGON = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Ho_Chi_Minh")
DAY = ShiftSpec(name="A", start="07:00", stop="16:00", days=["mon", "tue"], breaks=[("11:30", "12:15")])
NIGHT = ShiftSpec(name="N", start="22:00", stop="06:00", breaks=[("01:00", "01:30")])


def test_a_day_shift_in_local_time() -> None:
    shift = shift_on(DAY, date(2026, 11, 23), SAIGON)
    assert shift is not None
    assert (to_rfc3339(shift.start_us), to_rfc3339(shift.stop_us)) == ("2026-11-23T00:00:00Z", "2026-11-23T09:00:00Z")
    assert [to_rfc3339(moment) for moment in shift.breaks[0]] == ["2026-11-23T04:30:00Z", "2026-11-23T05:15:00Z"]
    assert len(shift.minutes) == 540


def test_no_shift_on_a_day_off() -> None:
    assert shift_on(DAY, date(2026, 11, 22), SAIGON) is None


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 6, 1), 8), (date(2028, 2, 28), 8)])
def test_a_night_shift_is_as_long_as_the_night_really_was(day: date, hours: int) -> None:
    shift = shift_on(NIGHT, day, BERLIN)
    assert shift is not None
    assert shift.date == day
    assert shift.stop_us - shift.start_us == hours * HOUR_US


def test_a_missing_local_start_is_the_next_instant_and_a_doubled_one_the_first() -> None:
    assert to_rfc3339(local_instant(date(2026, 3, 29), "02:30", BERLIN)) == "2026-03-29T01:00:00Z"
    assert to_rfc3339(local_instant(date(2026, 10, 25), "02:30", BERLIN)) == "2026-10-25T00:30:00Z"


@given(st.integers(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2027-01-01T00:00:00Z")))
def test_no_instant_lies_in_two_shifts_of_one_plan(moment: int) -> None:
    plan = [ShiftSpec(name="A", start="06:00", stop="14:00"), ShiftSpec(name="B", start="14:00", stop="22:00"), NIGHT]
    assert len([shift for shift in shifts_between(plan, BERLIN, moment, moment + 1) if shift.holds(moment)]) == 1


def test_the_running_and_the_last_shift() -> None:
    now = parse_instant("2026-11-24T02:00:00Z")
    running, last = current_shift([DAY], SAIGON, now), last_shift([DAY], SAIGON, now)
    assert running is not None
    assert last is not None
    assert (running.date, last.date) == (date(2026, 11, 24), date(2026, 11, 23))
    assert current_shift([DAY], SAIGON, now + 12 * HOUR_US) is None


@given(st.dates(date(2026, 1, 1), date(2027, 1, 1)))
def test_neighbouring_shifts_touch_and_never_overlap(day: date) -> None:
    first, second = shift_on(NIGHT, day, BERLIN), shift_on(ShiftSpec(name="A", start="06:00", stop="22:00"), day + timedelta(days=1), BERLIN)
    assert first is not None
    assert second is not None
    assert first.stop_us == second.start_us
