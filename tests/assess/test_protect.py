"""Protection: what begins `action` and `stop`, and that what is not known is never called within."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from domain.hazards import ZoneStatus
from domain.quality import Reason
from models.heat.niosh import ral_c, rel_c
from oshwatch.testing import FakeClock

COOL = {"air_temperature": 22.0, "relative_humidity": 45.0, "globe_temperature": 22.0, "air_speed": 0.3}


def look(floor, minute, readings):
    floor.enrol()
    at = floor.at(minute)
    for name, value in readings.items():
        floor.house.now(name, value, at)
    (zone,) = floor.start().tick()
    return zone


def window(zone, metric):
    return next(one for one in zone.windows if one.metric == metric)


def gas(floor, quantity, values, minute, **fields):
    name = floor.house.channel(quantity, **fields)
    floor.house.fill(name, values)
    last = values if isinstance(values, float) else [value for value in values if value is not None][-1]
    return look(floor, minute, {name: last})


def test_a_short_term_limit_over_its_own_averaging_time_is_stop(floor):
    zone = gas(floor, "no2", [0.2] * 100 + [1.5] * 20, 120.3)
    stel = window(zone, "stel_15min")
    assert (stel.value, stel.status, zone.status) == (pytest.approx(1.5), ZoneStatus.STOP, ZoneStatus.STOP)
    assert (stel.limit.id, stel.stop_from) == ("niosh-no2-st", 1.0)
    assert zone.hazards == {"gas:no2": ZoneStatus.STOP}


def test_a_brief_rise_is_no_stop_before_its_fifteen_minutes_are_over_the_limit(floor):
    zone = gas(floor, "no2", [0.2] * 115 + [1.5] * 5, 120.3)
    assert window(zone, "stel_15min").status is ZoneStatus.WITHIN


def test_a_single_reading_over_a_ceiling_is_stop_at_once(floor):
    name = floor.house.channel("co")
    floor.house.fill(name, 5.0)
    zone = look(floor, 100.4, {name: 260.0})
    assert window(zone, "ceiling").status is ZoneStatus.STOP
    assert window(zone, "twa").status is ZoneStatus.WITHIN


def test_a_ceiling_with_an_averaging_time_is_judged_on_that(floor):
    zone = gas(floor, "h2s", [1.0] * 110 + [15.0] * 10, 120.3)
    ceiling = window(zone, "ceiling")
    assert (ceiling.status, ceiling.stop_us - ceiling.start_us) == (ZoneStatus.STOP, 600_000_000)


def test_a_shift_average_over_its_limit_is_action_and_proven_only_when_the_rest_of_the_shift_cannot_mend_it(floor):
    zone = gas(floor, "co", [60.0] * 480, 120.3)
    average = window(zone, "twa")
    assert (average.status, average.proven) == (ZoneStatus.ACTION, False)
    assert average.value == pytest.approx(60.0)


def test_the_first_minutes_of_a_shift_do_not_decide_its_average(floor):
    zone = gas(floor, "co", [60.0] * 480, 10.3)
    assert window(zone, "twa").value == pytest.approx(10.0)
    assert window(zone, "twa").status is ZoneStatus.WITHIN


def test_carbon_dioxide_is_a_matter_of_air_quality(floor):
    zone = gas(floor, "co2", 6_000.0, 120.3)
    assert zone.hazards == {"air_quality": ZoneStatus.ACTION}


def test_noise_that_will_pass_the_limit_is_action_early_in_the_shift(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, 89.0)
    zone = look(floor, 60.3, {name: 89.0})
    level, dose = window(zone, "lex_8h"), window(zone, "dose_3db")
    assert level.value == pytest.approx(89.0)
    assert (level.status, level.proven) == (ZoneStatus.ACTION, False)
    assert dose.value == pytest.approx(60 / 480 * 100 * 2 ** (4 / 3))
    assert dose.status is ZoneStatus.WITHIN
    assert zone.status is ZoneStatus.ACTION


def test_a_dose_that_is_full_is_proven_whatever_follows(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, 95.0)
    zone = look(floor, 300.3, {name: 95.0})
    assert window(zone, "dose_3db").proven
    assert window(zone, "lex_8h").proven


def test_a_peak_over_the_ceiling_is_stop_and_stays_five_minutes(floor):
    name = floor.house.channel("sound_level_c_peak")
    floor.house.fill(name, [110.0] * 117 + [141.0] + [110.0] * 2)
    zone = look(floor, 120.3, {name: 110.0})
    assert (window(zone, "lcpeak_max").value, zone.status) == (141.0, ZoneStatus.STOP)


def test_heat_beyond_what_rest_allows_is_stop_by_the_strictest_limit_that_applies(floor):
    floor.house.zone.update(acclimatised="unknown", metabolic_rate_w=180.0)
    names = floor.house.heat()
    zone = look(floor, 100.2, dict(zip(names, (37.0, 60.0, 44.0, 0.3), strict=True)))
    now = window(zone, "wbgt_now")
    assert (now.status, now.limit.id) == (ZoneStatus.STOP, "niosh-ral")
    assert now.stop_from == pytest.approx(float(ral_c(115)))
    assert now.limit.value == pytest.approx(float(ral_c(180)))


def test_without_a_work_rate_heat_is_unknown_until_it_is_stop(floor):
    floor.house.zone["metabolic_rate_w"] = None
    names = floor.house.heat(values=COOL)
    zone = look(floor, 100.2, dict(zip(names, COOL.values(), strict=True)))
    now = window(zone, "wbgt_now")
    assert (now.status, now.action_from, now.limit.value) == (ZoneStatus.UNKNOWN, None, None)
    assert now.stop_from == pytest.approx(float(rel_c(115)))
    assert zone.status is ZoneStatus.UNKNOWN


def test_a_dead_anemometer_leaves_a_value_with_wider_bounds_and_the_zone_unknown(floor):
    names = floor.house.heat(values=COOL)
    whole = look(floor, 100.2, dict(zip(names, COOL.values(), strict=True)))
    at = floor.at(101.5)
    for name, value in list(zip(names, COOL.values(), strict=True))[:3]:
        floor.house.now(name, value, at)
    (zone,) = floor.start().tick()
    before, after = window(whole, "wbgt_now"), window(zone, "wbgt_now")
    assert zone.status is ZoneStatus.UNKNOWN
    assert after.high - after.low > before.high - before.low
    assert any("no anemometer" in reason for reason in after.reasons)


def test_a_rejected_reading_is_no_value_and_the_last_good_one_serves_only_while_it_is_fresh(floor):
    name = floor.house.channel("co")
    floor.house.fill(name, 5.0)
    floor.enrol()
    assessor = floor.start()
    floor.house.now(name, 5.0, floor.at(100.0))
    assessor.tick()
    statuses = []
    for minute in (100.2, 101.0):
        floor.house.now(name, None, floor.at(minute), q=1)
        (zone,) = assessor.tick()
        statuses.append(zone.status)
    assert statuses == [ZoneStatus.WITHIN, ZoneStatus.UNKNOWN]
    assert zone.silent == [name]


def test_a_saturated_reading_alarms_and_has_no_upper_bound(floor):
    name = floor.house.channel("co")
    floor.house.fill(name, 5.0)
    floor.enrol()
    floor.house.now(name, 2_500.0, floor.at(100.2), q=3, r=(int(Reason.SATURATED),))
    (zone,) = floor.start().tick()
    ceiling = window(zone, "ceiling")
    assert (ceiling.status, ceiling.high) == (ZoneStatus.STOP, None)


def test_a_substance_without_a_limit_is_measured_and_unknown(floor):
    zone = gas(floor, "concentration:75-09-2", 5.0, 100.2)
    assert zone.hazards == {"chemical:75-09-2": ZoneStatus.UNKNOWN}


def test_planned_dust_with_an_optical_sensor_is_unknown_and_has_no_window(floor):
    floor.house.zone["hazards"] = ["dust"]
    name = floor.house.channel("pm2_5")
    floor.house.fill(name, 50.0)
    zone = look(floor, 100.2, {name: 50.0})
    assert (zone.hazards, zone.windows) == ({"dust": ZoneStatus.UNKNOWN}, [])


def test_a_zone_with_nothing_in_it_is_unknown(floor):
    zone = look(floor, 100.2, {})
    assert (zone.status, zone.hazards, zone.windows) == (ZoneStatus.UNKNOWN, {}, [])


def test_simulated_readings_mark_the_zone(floor, simulated):
    name = floor.house.channel("co")
    floor.enrol()
    floor.house.now(name, 5.0, floor.at(100.2), r=simulated)
    (zone,) = floor.start().tick()
    assert zone.simulated


def test_protection_uses_corrected_values(floor):
    name = floor.house.channel("co", calibrated=False)
    floor.house.calibrations.append(_span(name))
    floor.house.fill(name, 5.0)
    zone = look(floor, 100.2, {name: 110.0})
    assert window(zone, "ceiling").value == pytest.approx(220.0)
    assert window(zone, "ceiling").status is ZoneStatus.STOP


def _span(name):
    from domain.registry import CalibrationSpec

    return CalibrationSpec(id="span", channel=name, type="span", performed_at="2026-11-22", by="lab", gain=2.0)


def test_outside_a_shift_doses_and_shift_averages_do_not_run(floor):
    names = {floor.house.channel("sound_level_a_eq"): 95.0, floor.house.channel("co"): 60.0, floor.house.channel("nh3"): 1.0}
    zone = look(floor, -60.0, names)
    assert {one.metric for one in zone.windows} == {"leq_now", "co", "ceiling", "nh3", "stel_15min"}


@pytest.mark.parametrize(("quantity", "value", "hazard"), [("co2", 600.0, "air_quality"), ("sound_level_a_eq", 70.0, "noise")])
def test_one_fresh_value_decides_nothing_before_any_limit_has_a_window(floor, quantity, value, hazard):
    name = floor.house.channel(quantity)
    zone = look(floor, 0.5, {name: value})
    assert zone.hazards == {hazard: ZoneStatus.UNKNOWN}
    assert zone.status is ZoneStatus.UNKNOWN


def test_a_value_over_a_short_term_limit_is_action_while_its_mean_is_still_within(floor):
    zone = gas(floor, "no2", [0.2] * 115 + [1.5] * 5, 120.3)
    assert window(zone, "stel_15min").status is ZoneStatus.WITHIN
    assert zone.hazards == {"gas:no2": ZoneStatus.ACTION}


def test_a_value_over_a_shift_limit_is_not_within_before_the_average_has_settled(floor):
    assert gas(floor, "co", [60.0] * 480, 10.3).hazards == {"gas:co": ZoneStatus.UNKNOWN}


def test_a_level_over_the_daily_limit_is_not_within_in_the_first_minutes(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, 95.0)
    assert look(floor, 5.3, {name: 95.0}).hazards == {"noise": ZoneStatus.UNKNOWN}


@dataclass
class PacedClock(FakeClock):
    speed: float = 1.0


@pytest.mark.parametrize(("speed", "is_silent"), [(1.0, True), (30.0, False)])
def test_silence_of_two_minutes_counts_unless_it_is_four_real_seconds_of_a_fast_scenario(floor, speed, is_silent):
    name = floor.house.channel("co2")
    floor.house.fill(name, 600.0)
    floor.enrol()
    floor.house.now(name, 600.0, floor.at(100))
    floor.clock = PacedClock(floor.at(102), speed)
    (zone,) = floor.start().tick()
    assert zone.silent == ([name] if is_silent else [])


def test_records_without_a_value_are_no_sign_of_life(floor):
    name = floor.house.channel("co2")
    floor.house.fill(name, 600.0)
    floor.enrol()
    floor.house.now(name, 600.0, floor.at(100))
    assessor = floor.start()
    (zone,) = assessor.tick()
    assert zone.silent == []
    floor.house.now(name, None, floor.at(101), q=1, r=(Reason.HW_FAILURE,))
    (zone,) = assessor.tick()
    assert zone.silent == [name]
