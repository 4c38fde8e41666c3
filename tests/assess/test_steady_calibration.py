"""What is looked up of an instrument's calibrations once holds for as long as it is said to."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.calibration import History, correction_at, performed_us
from domain.registry import CalibrationSpec
from domain.times import DAY_US

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
days = st.integers(1, 28).map(lambda day: f"2026-03-{day:02d}")
records = st.builds(
    CalibrationSpec,
    id=st.uuids().map(str),
    channel=st.just("a.b.co"),
    type=st.sampled_from(["factory", "bump", "laboratory"]),
    performed_at=days,
    by=st.just("lab"),
    next_due=st.sampled_from(["", "2026-03-20", "2026-04-02"]),
    passed=st.booleans(),
    offset=st.sampled_from([0.0, 1.0]),
)


@given(st.lists(records, max_size=5), st.integers(-10, 60 * 24))
def test_correction_and_state_stay_until_the_next_edge(found: list[CalibrationSpec], hours: int) -> None:
    history = History(found, ZONE)
    at_us = performed_us(CalibrationSpec(id="x", channel="a.b.co", type="factory", performed_at="2026-03-01", by="lab"), ZONE) + hours * DAY_US // 24
    until_us = history.steady_until(at_us)
    assert until_us > at_us
    for later_us in {at_us, min(until_us, at_us + 400 * DAY_US) - 1, (at_us + min(until_us, at_us + 400 * DAY_US)) // 2}:
        assert history.state(later_us, later_us + 1) == history.state(at_us, at_us + 1)
        assert correction_at(history.corrections, later_us) == correction_at(history.corrections, at_us)
