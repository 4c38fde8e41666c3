"""Heat: which window is the worst, what a missing instrument costs, what is never assumed in silence."""

from __future__ import annotations

import numpy as np
import pytest

from models.heat.niosh import ral_c, rel_c

REL, RAL = "wbgt_effective_60min_worst/niosh-rel", "wbgt_effective_60min_worst/niosh-ral"
WET = {"natural_wet_bulb_temperature": 22.0, "globe_temperature": 27.0}


def part(verdict, cause):
    return next((one for one in verdict.bounds.parts if one.cause == cause), None)


def test_alert_and_exposure_limit_stand_side_by_side_where_acclimatisation_is_unknown(house):
    house.heat()
    for word, expected in (("unknown", {REL, RAL}), ("yes", {REL}), ("no", {RAL})):
        house.zone["acclimatised"] = word
        assert {key for key in house.verdicts() if key.startswith("wbgt_effective_60min")} == expected
    house.zone["acclimatised"] = "unknown"
    found = house.verdicts()
    assert found[RAL].limit.value == pytest.approx(float(ral_c(300)))
    assert found[REL].limit.value == pytest.approx(float(rel_c(300)))
    assert found[REL].value == pytest.approx(found[RAL].value)


def test_an_estimated_wet_bulb_is_screening_at_best_and_never_within(house):
    house.zone.update(metabolic_rate_w=180.0, metabolic_rate_measured=True)
    house.heat(values={"air_temperature": 22.0, "relative_humidity": 40.0, "globe_temperature": 22.0, "air_speed": 0.3})
    verdict = house.verdicts()[REL]
    assert (verdict.grade, verdict.state, verdict.method) == ("screening", "indeterminate", "wbgt-bernard-1999@1")
    assert verdict.high < verdict.limit.value
    assert "This profile does not take a screening result as proof of being within the limit." in verdict.reasons


def test_a_measured_wet_bulb_and_globe_can_prove_being_within(house):
    house.zone["metabolic_rate_measured"] = True
    house.heat(values=WET)
    verdict = house.verdicts()[REL]
    assert (verdict.grade, verdict.state, verdict.method) == ("compliance", "within", "wbgt-iso-7243-2017@1")
    assert verdict.value == pytest.approx(0.7 * 22 + 0.3 * 27)


def test_an_excess_is_proven_by_a_screening_result(house):
    house.heat(values={"air_temperature": 38.0, "relative_humidity": 65.0, "globe_temperature": 45.0, "air_speed": 0.2})
    verdict = house.verdicts()[REL]
    assert (verdict.grade, verdict.state, verdict.over_action_level) == ("screening", "exceeds", "yes")
    assert verdict.low > verdict.limit.value


def test_an_unmeasured_work_rate_widens_both_bounds_by_thirty_percent_on_the_limits_side(house):
    house.heat(values=WET)
    loose = house.verdicts()[REL]
    house.zone["metabolic_rate_measured"] = True
    firm = house.verdicts()[REL]
    assert part(firm, "metabolic_rate") is None
    share = part(loose, "metabolic_rate")
    assert share.high == pytest.approx(float(rel_c(300) - rel_c(390)))
    assert share.low == pytest.approx(float(rel_c(300) - rel_c(210)))


def test_without_a_declared_work_rate_there_is_a_value_and_no_limit(house):
    house.zone["metabolic_rate_w"] = None
    house.heat()
    verdict = house.verdicts()[REL]
    assert verdict.limit.value is None
    assert verdict.value == pytest.approx(29.52, abs=0.01)
    assert verdict.state == "indeterminate"
    assert "The work rate of this zone is not declared: no heat limit can be computed." in verdict.reasons


def test_a_work_rate_out_of_the_formulas_range_has_no_limit(house):
    house.zone["metabolic_rate_w"] = 650.0
    house.heat()
    assert house.verdicts()[REL].limit.value is None


def test_work_so_heavy_that_its_upper_bound_leaves_the_formula_has_no_upper_bound(house):
    house.zone["metabolic_rate_w"] = 520.0
    house.heat(values=WET)
    verdict = house.verdicts()[REL]
    assert verdict.high is None
    assert verdict.state == "indeterminate"
    assert "There is no upper bound." in verdict.reasons


def test_unknown_clothing_is_never_taken_as_none(house):
    house.zone["clothing"] = "astronaut"
    house.heat()
    verdict = house.verdicts()[REL]
    assert (verdict.value, verdict.state) == (None, "not_assessable")
    assert "No clothing adjustment is known for 'astronaut'." in verdict.reasons


def test_clothing_adds_to_the_wbgt(house):
    house.heat()
    plain = house.verdicts()[REL].value
    house.zone["clothing"] = "vapour_barrier_apron"
    assert house.verdicts()[REL].value == pytest.approx(plain + 4.0)


def test_without_a_globe_radiant_heat_leaves_the_upper_bound_open(house):
    house.heat(values={"air_temperature": 30.0, "relative_humidity": 50.0, "air_speed": 0.3})
    verdict = house.verdicts()[REL]
    assert (verdict.high, verdict.grade, verdict.state) == (None, "trend", "indeterminate")
    assert any("no globe thermometer" in reason for reason in verdict.reasons)
    house.zone["worst_case"] = {"globe_temperature": 40.0}
    assert house.verdicts()[REL].high is not None


def test_without_an_anemometer_the_bounds_cover_still_and_moving_air(house):
    values = {"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 38.0}
    house.heat(values=values)
    loose = house.verdicts()[REL]
    assert loose.grade == "trend"
    assert any("no anemometer: 0.2 m/s is assumed" in reason for reason in loose.reasons)
    for speed in (0.0, 0.1, 0.5, 1.0, 3.0):
        other = type(house)(zone=house.zone)
        other.heat(values={**values, "air_speed": speed})
        true = other.verdicts()[REL].value
        assert loose.low < true < loose.high


def test_a_small_globe_is_corrected_and_says_so(house):
    house.channel("air_temperature")
    small = {"model": "g", "serial": "1", "grade": "compliance", "globe_diameter_mm": 40.0}
    for name, value, fields in (("relative_humidity", 60.0, {}), ("globe_temperature", 39.54, {"instrument": small}), ("air_speed", 0.3, {})):
        house.fill(house.channel(name, **fields), value)
    house.fill("a1.p1.air_temperature", 33.0)
    verdict = house.verdicts()[REL]
    big = type(house)(zone=house.zone)
    big.heat(values={"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 41.79, "air_speed": 0.3})
    assert verdict.value == pytest.approx(big.verdicts()[REL].value, abs=0.02)
    assert "The globe of 40 mm is corrected to 150 mm." in verdict.reasons


def test_a_globe_of_unknown_size_raises_the_upper_bound(house):
    house.heat(values={"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 43.0, "air_speed": 0.3})
    known = house.verdicts()[REL]
    other = type(house)(zone=house.zone)
    bare = {"model": "g", "serial": "1", "grade": "compliance"}
    for name, value in (("air_temperature", 33.0), ("relative_humidity", 60.0), ("globe_temperature", 43.0), ("air_speed", 0.3)):
        other.fill(other.channel(name, instrument=bare), value)
    unknown = other.verdicts()[REL]
    assert unknown.value == pytest.approx(known.value)
    assert unknown.high > known.high + 0.5


def test_the_worst_window_is_the_one_with_the_largest_excess_at_its_own_work_rate(house):
    house.shift["breaks"] = [("10:00", "11:00")]
    names = house.heat(fill=False)
    for name, value in zip(names, (30.0, 60.0, 31.0, 0.3), strict=True):
        house.fill(name, value)
    house.fill(names[0], 33.0, minutes=60, first=180)
    house.fill(names[2], 34.0, minutes=60, first=180)
    verdict = house.verdicts()[REL]
    assert verdict.window.start == "2026-11-23T00:00:00Z"
    assert verdict.limit.value == pytest.approx(float(rel_c(300)))


def test_rest_in_a_break_lowers_the_work_rate_of_its_windows_unless_the_zone_is_empty_then(house):
    house.shift.update(stop="08:30", breaks=[("07:30", "08:00")])
    house.heat()
    resting = house.verdicts()[REL]
    assert resting.assumptions.metabolic_rate_w == pytest.approx(300.0 - 185.0 / 2)
    assert resting.expected == 90
    house.zone["empty_in_breaks"] = True
    away = house.verdicts()[REL]
    assert away.expected == 60
    assert away.assumptions.metabolic_rate_w == pytest.approx(300.0)
    assert away.assumptions.exposure_min == 60.0


def test_a_proof_never_leans_on_the_climate_of_a_break(house):
    house.shift.update(stop="08:15", breaks=[("07:15", "08:15")])
    house.heat(values={"air_temperature": 45.0, "relative_humidity": 60.0, "globe_temperature": 50.0, "air_speed": 0.2})
    verdict = house.verdicts()[REL]
    assert verdict.value > verdict.limit.value > verdict.low


def test_a_change_during_the_shift_is_computed_in_parts(house):
    house.heat()
    verdict = house.verdicts(extra=house.change(240, metabolic_rate_w=415.0))[REL]
    assert verdict.limit.value == pytest.approx(float(rel_c(415)))
    assert verdict.window.start >= "2026-11-23T04:00:00Z"
    assert "Registry values changed during the shift: it is computed in parts." in verdict.reasons


def test_a_gap_long_enough_to_hold_the_window_makes_within_impossible(house):
    house.zone["metabolic_rate_measured"] = True
    names = house.heat(values=WET, fill=False)
    for name, value in zip(names, WET.values(), strict=True):
        house.fill(name, [value] * 100 + [None] * 60 + [value] * 320)
    verdict = house.verdicts()[REL]
    assert (verdict.state, verdict.coverage, verdict.max_gap_min) == ("indeterminate", 420 / 480, 60)
    assert part(verdict, "gap").high > 20
    house.zone["worst_case"] = {"wbgt": 26.0}
    assert house.verdicts()[REL].state == "within"


def test_a_running_shift_has_no_window_in_its_first_hour(house):
    house.heat()
    early = house.verdicts(minutes=59, final=False)[REL]
    assert (early.value, early.state) == (None, "not_assessable")
    assert house.verdicts(minutes=60, final=False)[REL].value is not None


def test_an_instrument_for_wbgt_is_taken_at_its_word(house):
    house.heat(values={"wbgt": 27.0})
    verdict = house.verdicts()[REL]
    assert (verdict.value, verdict.method) == (27.0, "wbgt-instrument@1")
    assert part(verdict, "sensor").high == pytest.approx(0.6)


def test_a_room_thermometer_alone_is_no_heat_monitoring(house):
    house.fill(house.channel("air_temperature"), 33.0)
    assert house.verdicts() == {}


def test_sensor_widths_of_independent_instruments_add_as_squares(house):
    house.heat(values=WET)
    verdict = house.verdicts()[REL]
    assert part(verdict, "sensor").high == pytest.approx(np.hypot(0.35, 0.15))
