"""The next day's heat plan: what it expects follows what was measured and what the weather will be; what is not known is said to be unknown."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assess.heat_days import grid_of, outdoors_of
from assess.heat_plan import HeatPlan, Note, ZonePlan, heat_plan, moves
from domain.quantities import quantity_of
from domain.reading import Reading, minute_from
from domain.registry import ALWAYS_US, AgentSpec, CalibrationSpec, ChannelSpec, Registry, ShiftSpec, SiteFile, SiteSpec, ZoneSpec, entries_of
from domain.shifts import local_instant
from domain.times import DAY_US, HOUR_US, MINUTE_US
from domain.weather import Forecast, WeatherHour
from models.forecast.next_day import Way
from models.heat.niosh import ral_c, rel_c
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.port import Batch

DAY = date(2026, 11, 25)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
SITE = SiteSpec(id="f1", name="Factory", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=["us-niosh"], latitude=16.5, longitude=107.6)


def registry_of(zone: dict[str, object] | None = None, site: SiteSpec = SITE, more: list[ZoneSpec] | None = None, calibrations: list[CalibrationSpec] | None = None) -> Registry:
    first = ZoneSpec(id="z1", name="Ironing", **{"metabolic_rate_w": 300.0, **(zone or {})})  # type: ignore[arg-type]
    zones = [first, *(more or [])]
    agents = [
        AgentSpec(id="a1", channels=[ChannelSpec(placement=one.id, quantity="wbgt", zone=one.id, interval_s=900.0) for one in zones]),
    ]
    file = SiteFile(site=site, shifts=[ShiftSpec(name="A", start="07:00", stop="16:00")], zones=zones, agents=agents, calibrations=calibrations or [])
    return Registry(entries_of(file, valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason=""))


def midnight(day: date, timezone: ZoneInfo = HANOI) -> int:
    return local_instant(day, "00:00", timezone)


NOW_US = midnight(DAY) - 8 * HOUR_US  # four in the afternoon before


def warm(day: int) -> float:
    """How much warmer than usual the day is, the same each time."""
    return float(np.random.default_rng(day).normal(0.0, 2.0))


def store_of(days: int = 30, *, reach: float = 1.0, channels: dict[str, float] | None = None, timezone: ZoneInfo = HANOI) -> MemoryTimeSeries:
    """WBGT that follows the weather; by channel, at noon of a usual day."""
    store, minutes = MemoryTimeSeries(), []
    averaging = quantity_of("wbgt").averaging  # type: ignore[union-attr]
    for channel, level in (channels or {"a1.z1.wbgt": 28.0}).items():
        for back in range(days, 0, -1):
            for hour in range(24):
                start_us = midnight(DAY - timedelta(days=back), timezone) + hour * HOUR_US
                if start_us >= NOW_US:
                    continue
                value = level + reach * (warm(back) + 3.0 * np.sin((hour - 8) / 24 * 2 * np.pi))
                minutes += [
                    minute_from(channel, start_us + quarter * 15 * MINUTE_US, [Reading(channel, start_us + quarter * 15 * MINUTE_US, value)], averaging) for quarter in range(4)
                ]
    store.write(Batch(minutes=minutes))
    return store


def forecasts_of(days: int = 30, *, tomorrow_k: float = 0.0, first: int = 0, timezone: ZoneInfo = HANOI) -> list[Forecast]:
    """One each evening at four, for the next day."""
    found = []
    for back in range(days, first - 1, -1):
        day = DAY - timedelta(days=back)
        more = warm(back) if back else tomorrow_k
        hours = [
            WeatherHour(
                start_us=midnight(day, timezone) + hour * HOUR_US,
                air_temperature_c=28.0 + more + 3.0 * float(np.sin((hour - 8) / 24 * 2 * np.pi)),
                relative_humidity_pct=75.0,
                wind_speed_ms=1.5,
                cloud_pct=60.0,
            )
            for hour in range(24)
        ]
        found.append(Forecast(issued_us=midnight(day, timezone) - 8 * HOUR_US, hours=hours))
    return found


def plan_of(store: MemoryTimeSeries, forecasts: list[Forecast], registry: Registry | None = None) -> HeatPlan:
    return heat_plan(store, registry or registry_of(), "f1", DAY, forecasts, NOW_US)


def zone_of(plan: HeatPlan, zone: str = "f1.z1") -> ZonePlan:
    return next(one for one in plan.zones if one.zone == zone)


def test_a_hot_day_in_the_forecast_is_a_hot_day_in_the_plan() -> None:
    store = store_of()
    usual, hot = (zone_of(plan_of(store, forecasts_of(tomorrow_k=more))) for more in (0.0, 4.0))
    assert usual.way is hot.way is Way.WEATHER
    assert [hour.shift for hour in hot.hours] == ["A"] * 9
    for cool, warm_hour in zip(usual.hours, hot.hours, strict=True):
        assert cool.wbgt_c is not None
        assert warm_hour.wbgt_c is not None
        assert warm_hour.wbgt_c > cool.wbgt_c + 1.5
        assert warm_hour.rests[0].expected_min >= cool.rests[0].expected_min


def test_alert_and_exposure_limit_stand_side_by_side_at_the_zones_work_rate() -> None:
    hour = zone_of(plan_of(store_of(), forecasts_of(tomorrow_k=4.0))).hours[6]
    ral, rel = hour.rests[:2]
    assert (ral.limit, rel.limit) == ("niosh-ral", "niosh-rel")
    assert (ral.limit_c, rel.limit_c) == pytest.approx((float(ral_c(300.0)), float(rel_c(300.0))))
    assert ral.expected_min >= rel.expected_min
    assert ral.high_min >= ral.expected_min


def test_without_a_forecast_the_past_of_the_zone_is_taken_and_said() -> None:
    zone = zone_of(plan_of(store_of(), []))
    assert zone.way in (Way.RECENT, Way.PERSISTENCE)
    assert Note.NO_WEATHER in zone.notes
    assert all(hour.wbgt_c is not None for hour in zone.hours)


@pytest.mark.parametrize("days", [0, 1, 4])
def test_too_short_a_past_is_unknown_whatever_the_forecast(days: int) -> None:
    zone = zone_of(plan_of(store_of(days) if days else MemoryTimeSeries(), forecasts_of()))
    assert zone.way is None
    assert all(hour.wbgt_c is None and not hour.rests for hour in zone.hours)
    assert Note.TOO_LITTLE in zone.notes
    assert zone.water_l is None
    assert zone.move_to == zone.move_from == []


def test_weather_of_past_days_handed_in_with_a_first_forecast_counts_and_what_comes_later_does_not_replace_what_was_told() -> None:
    (last,) = forecasts_of(0)
    whole = [Forecast(issued_us=NOW_US - 1, hours=[hour for one in forecasts_of(30, first=1) for hour in one.hours] + last.hours)]
    assert zone_of(plan_of(store_of(), whole)).way is Way.WEATHER
    grid = grid_of(DAY, HANOI, NOW_US)
    found = outdoors_of(
        [*forecasts_of(), *[msgspec.structs.replace(whole[0], hours=[msgspec.structs.replace(hour, air_temperature_c=50.0) for hour in whole[0].hours[:240]])]], grid, None
    )
    assert np.nanmax(found.air_c[:-1]) < 45.0
    assert not found.recorded[-1].any()


def test_a_forecast_of_later_than_now_is_not_known_yet() -> None:
    late = [msgspec.structs.replace(one, issued_us=NOW_US + HOUR_US) for one in forecasts_of(0)]
    assert plan_of(store_of(), late).weather_issued_us is None


def test_a_calibration_corrects_the_past_that_is_learned_from() -> None:
    fix = CalibrationSpec(id="c1", channel="a1.z1.wbgt", type="span", performed_at="2026-01-01", by="lab", offset=2.0)
    raw, corrected = (zone_of(plan_of(store_of(), forecasts_of(), registry_of(calibrations=found))) for found in ([], [fix]))
    assert corrected.hours[0].wbgt_c == pytest.approx((raw.hours[0].wbgt_c or 0.0) - 2.0, abs=1e-6)


def test_what_clothing_adds_asks_for_more_rest_and_clothing_that_no_table_has_for_none() -> None:
    plain, coat, suit = (zone_of(plan_of(store_of(), forecasts_of(), registry_of({"clothing": clothing}))) for clothing in ("work_clothes", "vapour_barrier_apron", "space suit"))
    assert coat.hours[4].wbgt_c == plain.hours[4].wbgt_c
    assert coat.hours[4].rests[0].expected_min > plain.hours[4].rests[0].expected_min
    assert suit.hours[4].rests == []
    assert Note.CLOTHING in suit.notes


def test_without_a_work_rate_there_is_a_temperature_and_no_rest() -> None:
    zone = zone_of(plan_of(store_of(), forecasts_of(), registry_of({"metabolic_rate_w": None})))
    assert zone.hours[4].wbgt_c is not None
    assert zone.hours[4].rests == []
    assert Note.NO_WORK_RATE in zone.notes


def test_rest_in_a_cooler_place_is_shorter_and_in_one_that_is_not_measured_it_is_not() -> None:
    canteen = ZoneSpec(id="z2", name="Canteen")
    store = store_of(channels={"a1.z1.wbgt": 29.0, "a1.z2.wbgt": 22.0})
    cool = zone_of(plan_of(store, forecasts_of(), registry_of({"rest_zone": "z2"}, more=[canteen])))
    unknown = zone_of(plan_of(store_of(channels={"a1.z1.wbgt": 29.0}), forecasts_of(), registry_of({"rest_zone": "z2"}, more=[canteen])))
    here = zone_of(plan_of(store_of(channels={"a1.z1.wbgt": 29.0}), forecasts_of(), registry_of()))
    assert cool.hours[4].rests[0].expected_min < here.hours[4].rests[0].expected_min
    assert unknown.hours[4].rests == here.hours[4].rests
    assert Note.REST_PLACE in unknown.notes
    assert Note.REST_PLACE not in cool.notes


def test_heavy_work_goes_to_the_cool_hours_and_leaves_the_hot_ones() -> None:
    zone = zone_of(plan_of(store_of(channels={"a1.z1.wbgt": 27.0}), forecasts_of(), registry_of({"acclimatised": "yes"})))
    assert zone.decides == "niosh-rel"
    assert zone.move_to
    assert max(zone.move_to) < min(zone.move_from)


def test_hours_of_a_time_zone_off_by_half_an_hour_are_its_own() -> None:
    colombo = ZoneInfo("Asia/Colombo")
    site = msgspec.structs.replace(SITE, timezone="Asia/Colombo", country="LK")
    zone = zone_of(plan_of(store_of(timezone=colombo), forecasts_of(timezone=colombo), registry_of(site=site)))
    assert all((hour.start_us - midnight(DAY, colombo)) % HOUR_US == 0 for hour in zone.hours)
    assert all(hour.wbgt_c is not None for hour in zone.hours)


def test_a_site_without_a_place_is_planned_in_the_shade_and_one_with_it_in_the_sun() -> None:
    nowhere = msgspec.structs.replace(SITE, latitude=msgspec.UNSET, longitude=msgspec.UNSET)
    sun, shade = plan_of(store_of(), forecasts_of()), plan_of(store_of(), forecasts_of(), registry_of(site=nowhere))
    assert (sun.in_sun, shade.in_sun) == (True, False)
    noon = {start: wbgt for start, _, _, wbgt in shade.outdoors}
    assert all(wbgt > noon[start] + 1.0 for start, _, _, wbgt in sun.outdoors if 10 <= (start - midnight(DAY)) // HOUR_US < 14)


def test_an_old_forecast_is_called_old() -> None:
    assert not plan_of(store_of(), forecasts_of()).weather_is_old
    old = [msgspec.structs.replace(one, issued_us=one.issued_us - 2 * DAY_US) for one in forecasts_of(0)]
    assert plan_of(store_of(), old).weather_is_old


@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 60.0)), max_size=12))
def test_no_hour_is_both_left_and_gone_to_and_moving_always_saves_rest(rests: list[tuple[float, float]]) -> None:
    hours = [(start, low, max(low, high)) for start, (low, high) in enumerate(rests)]
    leave, go = moves(hours)
    assert not set(leave) & set(go)
    assert bool(leave) == bool(go)
    if leave:
        assert min(rests[start][0] for start in leave) >= max(rests[start][0] for start in go) + 10.0 - 1e-9
