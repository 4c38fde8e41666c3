"""Verdicts under other laws than the reference profile: tables, doses with 5 dB, limits under protectors, laws without a number."""

from __future__ import annotations

import numpy as np
import pytest

from domain.hazards import ZoneStatus
from models.noise.osha import dose

WBGT = "wbgt_effective_60min_worst"
WET = {"natural_wet_bulb_temperature": 24.0, "globe_temperature": 30.0}  # 25.8 °C WBGT
WITH_PROTECTORS = "This limit counts hearing protectors: it cannot be assessed without their recorded attenuation."


def noise(house, level, **fields):
    name = house.channel("sound_level_a_eq", basis="personal", **fields)
    house.fill(name, level)
    return name


def at_work(house, watts, *profiles):
    house.profiles = list(profiles)
    house.zone.update(metabolic_rate_w=watts, metabolic_rate_measured=True)
    house.heat(values=WET)
    return house.verdicts()


def test_indonesia_by_the_share_of_the_hour_that_is_worked(house):
    assert at_work(house, 300.0, "id")[f"{WBGT}/id-wbgt"].limit.value == 28.0
    house.shift["breaks"] = [["10:00", "10:40"]]
    verdict = house.verdicts()[f"{WBGT}/id-wbgt"]
    assert (verdict.limit.value, verdict.limit.law, verdict.limit.status, verdict.state) == (28.0, True, "verified", "within")  # an hour without the break is the stricter one


def test_a_table_without_a_value_for_the_work_decides_nothing(house):
    verdict = at_work(house, 450.0, "id")[f"{WBGT}/id-wbgt"]
    assert (verdict.limit.value, verdict.state) == (None, "indeterminate")
    assert verdict.value == pytest.approx(25.8)
    assert "The limit's table has no value for this work at this share of the hour." in verdict.reasons


def test_a_work_rate_that_may_leave_the_table_leaves_no_upper_bound(house):
    house.profiles = ["id"]
    house.zone.update(metabolic_rate_w=350.0)  # 30 % more is heavy work, for which a whole hour has no value
    house.heat(values=WET)
    verdict = house.verdicts()[f"{WBGT}/id-wbgt"]
    assert (verdict.limit.value, verdict.high, verdict.state) == (28.0, None, "indeterminate")


def test_iso_7243_is_verified_for_the_classes_on_which_its_sources_agree(house):
    moderate = at_work(house, 300.0, "iso-7243")[f"{WBGT}/iso-2017-acclimatised"]
    assert (moderate.limit.value, moderate.limit.status, moderate.limit.law, moderate.state) == (28.0, "verified", False, "within")
    house.zone["metabolic_rate_w"] = 415.0
    heavy = house.verdicts()[f"{WBGT}/iso-2017-acclimatised"]
    assert (heavy.limit.value, heavy.limit.status, heavy.state) == (25.0, "unverified", "indeterminate")


def test_each_adopted_profile_has_its_own_verdict(house):
    found = at_work(house, 300.0, "id", "iso-7243", "us-niosh")
    assert {(one.limit.profile, one.limit.law) for one in found.values() if one.metric == WBGT} == {("id", True), ("iso-7243", False), ("us-niosh", False)}


def test_a_5_db_dose_from_minute_means_is_bounded_and_says_so(house):
    house.profiles = ["us-osha"]
    noise(house, [88.0] * 240 + [95.0] * 240)
    found = house.verdicts()
    pel, action = found["dose_5db_t90/osha-noise-pel"], found["dose_5db_t80/osha-noise-action"]
    every = float(dose([88.0, 95.0], [240, 240], threshold_db=0.0).pct)
    assert pel.value == pytest.approx(float(dose([95.0], [240], threshold_db=90.0).pct))
    assert action.value == pytest.approx(every)
    assert (pel.low < 0.3 * pel.value, pel.high >= every, pel.state, action.state) == (True, True, "indeterminate", "indeterminate")
    assert any("5 dB exchange rate" in reason for reason in pel.reasons)
    assert sum(part.low for part in pel.bounds.parts) == pytest.approx(pel.low - pel.value)
    assert sum(part.high for part in pel.bounds.parts) == pytest.approx(pel.high - pel.value)


def test_the_5_db_dose_of_any_course_within_a_minute_lies_inside_the_bounds(house, rng):
    house.profiles = ["us-osha"]
    seconds = rng.normal(86.0, 9.0, (480, 60))
    noise(house, [float(level) for level in 10 * np.log10(np.mean(10 ** (seconds / 10), axis=1))])
    for metric, limit, threshold in (("dose_5db_t90", "osha-noise-pel", 90.0), ("dose_5db_t80", "osha-noise-action", 80.0)):
        verdict = house.verdicts()[f"{metric}/{limit}"]
        true = float(dose(seconds.ravel(), np.full(480 * 60, 1 / 60), threshold_db=threshold).pct)
        assert verdict.low <= true <= verdict.high


@pytest.mark.parametrize("burst_db", [100.0, 110.0, 125.0])
def test_a_minute_that_is_one_burst_over_the_threshold_lies_inside_the_bounds_too(house, burst_db):
    house.profiles = ["us-osha"]
    seconds = np.tile([*[89.9] * 59, burst_db], (480, 1))
    noise(house, [float(level) for level in 10 * np.log10(np.mean(10 ** (seconds / 10), axis=1))])
    verdict = house.verdicts()["dose_5db_t90/osha-noise-pel"]
    true = float(dose(seconds.ravel(), np.full(480 * 60, 1 / 60), threshold_db=90.0).pct)
    assert verdict.low <= true <= verdict.high


def test_a_dose_far_over_is_proven_though_approximate(house):
    house.profiles = ["us-osha"]
    noise(house, 108.0)
    assert house.verdicts()["dose_5db_t90/osha-noise-pel"].state == "exceeds"


def test_a_quiet_shift_is_within_a_5_db_dose_even_when_approximate(house):
    house.profiles = ["us-osha"]
    noise(house, 70.0)
    verdict = house.verdicts()["dose_5db_t90/osha-noise-pel"]
    assert (verdict.value, verdict.state, verdict.unit) == (0.0, "within", "%")
    assert 0.0 < verdict.high < 100.0


def test_the_unions_limit_is_never_held_against_a_level_without_protectors(house):
    house.profiles = ["eu"]
    noise(house, 90.0)
    found = house.verdicts()
    limit, action = found["lex_8h/eu-noise-limit"], found["lex_8h/eu-noise-action"]
    assert (limit.state, limit.value, limit.limit.value) == ("not_assessable", None, 87.0)
    assert WITH_PROTECTORS in limit.reasons
    assert (action.state, action.over_action_level, action.limit.value) == ("exceeds", "yes", 85.0)


def test_over_the_lower_action_value_and_under_the_upper_one(house):
    house.profiles = ["eu"]
    noise(house, 84.0)
    action = house.verdicts()["lex_8h/eu-noise-action"]
    assert (action.value, action.over_action_level) == (pytest.approx(84.0), "yes")
    assert action.state == "indeterminate"  # the instrument may be off by more than 1 dB


def test_the_highest_level_can_be_proven_over_but_not_under(house):
    house.profiles = ["vn"]
    noise(house, 80.0)
    assert house.verdicts()["la_max/vn-noise-max"].state == "indeterminate"
    house.fill("a1.p1.sound_level_a_eq", [118.0], first=100)
    over = house.verdicts()["la_max/vn-noise-max"]
    assert (over.value, over.high, over.state) == (118.0, None, "exceeds")


def test_a_law_without_a_number_is_named_with_its_clause_and_the_reference_follows(house):
    found = at_work(house, 300.0, "lk")
    duty, reference = found[f"{WBGT}/general-duty"], found[f"{WBGT}/niosh-rel"]
    assert (duty.limit.profile, duty.limit.law, duty.limit.value, duty.state) == ("lk", True, None, "indeterminate")
    assert duty.reasons[0].startswith("No national number; general duty: ")
    assert "guideline on work rooms" in duty.limit.clause
    assert duty.value == reference.value
    assert reference.limit.profile == "us-niosh"


def test_a_number_that_nobody_has_looked_up_is_not_said_to_be_missing(house):
    duty = at_work(house, 300.0, "bd", "us-niosh")[f"{WBGT}/general-duty"]
    assert duty.reasons[0].startswith("The national number, if there is one, is not known here; general duty: ")
    assert duty.limit.clause == "Bangladesh Labour Act 2006, as amended, section 52"


def test_a_substance_that_the_law_leaves_out_follows_the_reference(house):
    house.profiles = ["id"]
    house.fill(house.channel("co", basis="personal"), 5.0)
    assert {one.limit.profile for one in house.verdicts().values()} == {"us-niosh"}


def test_minutes_over_a_ceiling_are_no_ceiling_for_a_single_reading(house):
    house.profiles = ["us-osha"]
    name = house.channel("h2s", basis="personal")
    house.fill(name, [1.0] * 470 + [30.0] * 10)
    found = house.verdicts()
    assert found.keys() == {"ceiling_max/osha-h2s-peak", "minutes_over_ceiling/osha-h2s-peak", "minutes_over_ceiling/osha-h2s-over-c"}
    assert found["ceiling_max/osha-h2s-peak"].state == "within"


def test_protection_follows_the_strictest_table(floor):
    floor.house.profiles = ["id", "us-niosh"]
    names = floor.house.heat(values=WET)
    floor.enrol()
    at = floor.at(100)
    for name, value in zip(names, WET.values(), strict=True):
        floor.house.now(name, value, at)
    (zone,) = floor.start().tick()
    now = next(one for one in zone.windows if one.metric == "wbgt_now")
    assert (now.limit.id, now.limit.value, now.status) == ("id-wbgt", 28.0, ZoneStatus.WITHIN)


def test_a_site_under_oshas_dose_is_protected_by_it(floor):
    floor.house.profiles = ["us-osha"]
    name = noise(floor.house, 101.0)
    floor.enrol()
    floor.house.now(name, 101.0, floor.at(200))
    (zone,) = floor.start().tick()
    dose_now = next(one for one in zone.windows if one.metric == "dose_5db_t90")
    assert (dose_now.status, dose_now.proven) == (ZoneStatus.ACTION, False)
    assert zone.hazards["noise"] is ZoneStatus.ACTION


def test_the_unions_limit_counts_an_attenuation_that_is_on_record_and_action_values_never_do(make_house):
    house = make_house(zone={"protector_attenuation_db": 15.0, "protector": "ear muffs"})
    house.profiles = ["eu"]
    house.fill(house.channel("sound_level_a_eq", basis="personal"), 95.0)
    house.fill(house.channel("sound_level_c_peak", basis="personal"), 120.0)
    found = house.verdicts()
    action, limit = found["lex_8h/eu-noise-action"], found["lex_8h/eu-noise-limit"]
    assert (round(action.value, 1), action.state) == (95.0, "exceeds")
    assert (round(limit.value, 1), limit.state) == (80.0, "within")
    assert limit.high == pytest.approx(action.high - 15.0)
    assert any(reason.startswith("Under hearing protectors (ear muffs)") for reason in limit.reasons)
    assert not any("protectors" in reason for reason in action.reasons)
    peak = found["lcpeak_max/eu-noise-limit-peak"]
    assert peak.high == found["lcpeak_max/eu-noise-action-peak"].high
    assert peak.value == pytest.approx(105.0)


@pytest.mark.parametrize(("top", "at_least"), [(115.9, False), (116.0, True), (119.0, True)])
def test_a_peak_at_the_end_of_the_microphones_range_is_at_least_that(house, top, at_least):
    house.profiles = ["us-niosh"]
    meter = {"model": "mems", "serial": "1", "grade": "compliance", "range_high": 116.0}
    house.fill(house.channel("sound_level_c_peak", instrument=meter, basis="personal"), [*[90.0] * 479, top])
    peak = house.verdicts()["lcpeak_max/niosh-noise-ceiling"]
    assert (peak.high is None) is at_least
    assert peak.low <= 116.0
    assert any(reason.startswith("At least this value") for reason in peak.reasons) is at_least
    assert peak.state == ("indeterminate" if at_least else "within")


def test_excursions_over_a_short_term_limit_are_counted_in_a_note(house):
    air = [0.0] * 480
    air[60:80] = [900.0] * 20
    air[300:320] = [900.0] * 20
    house.fill(house.channel("co"), air)
    notes = house.verdicts()["ceiling_max/niosh-co-c"].notes
    assert "Over the short-term limit 2 times in the shift, for 40 min in all, at most 20 min at once." in notes
