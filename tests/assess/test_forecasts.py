"""Forecasts of running windows: what they say, what they learn, and what they keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from assess.forecasts import Forecaster
from assess.live import LiveWindow, LiveZone
from domain.hazards import ZoneStatus
from domain.times import MINUTE_US
from domain.verdict import LimitOf, ShiftOf

START_US = 1_800_000_000_000_000 // (5 * MINUTE_US) * (5 * MINUTE_US)


def limit_of(value: float, averaging: str = "running_60min") -> LimitOf:
    return LimitOf(id="x", value=value, profile="p", law=True, averaging=averaging, clause="1", status="verified")


def window_of(metric: str, value: float | None, limit: LimitOf, hazard: str = "heat") -> LiveWindow:
    return LiveWindow(
        hazard=hazard,
        metric=metric,
        placement="area",
        channels=["a.area.wbgt"],
        start_us=0,
        stop_us=0,
        value=value,
        low=None,
        high=None,
        unit="Cel",
        limit=limit,
        action_from=limit.value,
        stop_from=None,
        status=ZoneStatus.WITHIN,
        proven=False,
        coverage=1.0,
    )


def zone_of(window: LiveWindow, silent: list[str] | None = None) -> LiveZone:
    shift = ShiftOf(date="2027-01-15", name="day", start="2027-01-15T08:00:00Z", stop="2027-01-15T16:00:00Z")
    return LiveZone(site="s", zone="s.z", at_us=START_US, shift=shift, status=ZoneStatus.WITHIN, hazards={}, windows=[window], silent=silent or [])


def follow(forecaster: Forecaster, zone: LiveZone, minute: int, worked: Mapping[str, tuple[int, int]] | None = None) -> LiveZone:
    return forecaster.follow([zone], lambda: worked or {}, START_US + minute * MINUTE_US)[0]


def test_a_zone_has_a_forecast_from_its_first_minute_and_it_says_that_it_rests_on_nothing_else() -> None:
    found = follow(Forecaster(), zone_of(window_of("wbgt_now", 27.0, limit_of(28.0))), 0).forecasts[0]
    assert found.known == 0
    assert 0.0 < found.probability["15"] <= found.probability["30"] <= found.probability["60"] < 0.5
    assert not found.likely


def test_heat_that_rises_every_hour_as_it_did_is_called_before_it_is_over() -> None:
    forecaster, called = Forecaster(), []
    for minute in range(0, 12 * 60, 5):
        value = 24.0 + 5.0 * (minute % 120) / 120.0
        forecasts = follow(forecaster, zone_of(window_of("wbgt_now", value, limit_of(28.0))), minute).forecasts
        called += [(minute % 120, found.expected_at_us) for found in forecasts if found.likely and minute > 6 * 60]
    first, expected_us = called[0]
    assert first < 96, "it is over from minute 96 on"
    assert expected_us is not None
    assert all(24.0 <= 24.0 + 5.0 * minute / 120.0 <= 28.0 for minute, _ in called), "nothing is forecast of what is over already"


@pytest.mark.parametrize("lost", ["value", "sensor"])
def test_what_is_not_known_now_has_no_forecast_and_is_never_taken_for_zero(lost: str) -> None:
    forecaster = Forecaster()
    for minute in range(0, 300, 5):
        follow(forecaster, zone_of(window_of("wbgt_now", 27.9, limit_of(28.0))), minute)
    dark = zone_of(window_of("wbgt_now", None if lost == "value" else 27.9, limit_of(28.0)), ["a.area.wbgt"] if lost == "sensor" else None)
    for minute in range(300, 400, 5):
        assert follow(forecaster, dark, minute).forecasts == []
    found = follow(forecaster, zone_of(window_of("wbgt_now", 27.0, limit_of(28.0))), 400).forecasts[0]
    assert found.probability["60"] < 0.2, "a gap is no fall and no rise"


def test_a_dose_that_runs_ahead_is_likely_over_before_the_end_of_the_shift_and_says_when() -> None:
    zone = zone_of(window_of("dose_3db", 70.0, limit_of(100.0), "noise"))
    found = follow(Forecaster(), zone, 0, {"s.z": (240, 480)}).forecasts[0]
    assert found.likely
    assert found.probability["15"] < 0.05 < 0.5 < found.probability["shift_end"]
    assert found.expected_at_us is not None
    assert 60 * MINUTE_US < found.expected_at_us - START_US < 130 * MINUTE_US
    assert found.fan["p10"] < found.fan["p50"] < found.fan["p90"]


def test_past_shifts_move_the_forecast_of_the_end_of_the_shift() -> None:
    forecaster = Forecaster()
    chances = []
    for day in range(8):
        for minute in range(5, 485, 5):
            dose = 0.15 * min(minute, 240) + 0.3 * max(0, minute - 240)  # twice as loud in the second half: 108 %
            zone = zone_of(window_of("dose_3db", dose, limit_of(100.0), "noise"))
            assert zone.shift is not None
            dated = LiveZone(
                **{name: getattr(zone, name) for name in zone.__struct_fields__}
                | {"shift": ShiftOf(date=f"2027-01-{day + 1:02}", name="day", start=zone.shift.start, stop=zone.shift.stop)}
            )
            found = follow(forecaster, dated, day * 1440 + minute, {"s.z": (minute, 480)}).forecasts
            if minute == 240:
                chances.append(found[0].probability["shift_end"])
    assert chances[0] < 0.2
    assert chances[-1] > chances[0] + 0.15


def test_what_was_learned_outlives_a_restart(tmp_path: Path) -> None:
    first = Forecaster(tmp_path)
    for minute in range(0, 300, 5):
        follow(first, zone_of(window_of("wbgt_now", 25.0 + minute % 60 / 30, limit_of(28.0))), minute)
    again = Forecaster(tmp_path)
    zone = zone_of(window_of("wbgt_now", 26.5, limit_of(28.0)))
    one, other = follow(first, zone, 300).forecasts[0], follow(again, zone, 300).forecasts[0]
    assert other.known == one.known > 0
    assert other.probability["60"] == pytest.approx(one.probability["60"], abs=0.02)


def test_a_broken_file_is_said_and_the_forecasts_begin_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state.json").write_text("{}x")
    assert follow(Forecaster(tmp_path), zone_of(window_of("wbgt_now", 27.0, limit_of(28.0))), 0).forecasts
    assert "begin anew" in caplog.text


def test_an_hour_later_it_is_known_whether_a_chance_came_true() -> None:
    forecaster = Forecaster()
    for minute in range(0, 125, 5):
        value = 27.0 if minute < 60 else 29.0
        follow(forecaster, zone_of(window_of("wbgt_now", value, limit_of(28.0))), minute)
    number, chances, spread, over = forecaster.take_chances()["wbgt_now"]
    assert number == over == 12.0, "from each step of the first hour on it was over within the hour"
    assert 0.0 < spread < chances < number
    assert forecaster.take_chances() == {}


def test_an_hour_that_nobody_saw_says_nothing_of_a_chance() -> None:
    forecaster = Forecaster()
    follow(forecaster, zone_of(window_of("wbgt_now", 27.0, limit_of(28.0))), 0)
    follow(forecaster, zone_of(window_of("wbgt_now", 27.0, limit_of(28.0))), 200)
    assert forecaster.take_chances() == {}
