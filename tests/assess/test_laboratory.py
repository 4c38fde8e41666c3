"""Laboratory samples in verdicts: against each limit of their substance and fraction, with bounds that hold the truth, and in revisions when they are entered late."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assess.drawn import Drawn
from assess.laboratory import Average
from assess.outcome import Sample
from domain.lab import LabResult
from domain.times import HOUR_US, MINUTE_US, to_rfc3339
from storage.records.lab_results import LabResultsRepository
from storage.records.verdicts import VerdictRepository

TOLUENE = "108-88-3"


def result(house: Any, first: int = 0, stop: int = 480, **changes: Any) -> LabResult:
    """A sample from one minute of the shift to another, with all that proves it."""
    start_us = house.plan.start_us
    body = {
        "agent": TOLUENE,
        "method": "NIOSH 1501",
        "value": 20.0,
        "unit": "ppm",
        "start": to_rfc3339(start_us + first * MINUTE_US),
        "stop": to_rfc3339(start_us + stop * MINUTE_US),
        "basis": "personal",
        "laboratory": "Vinacontrol",
        "accreditation": "VILAS 001",
        "pump_serial": "p7",
        "flow_pre_l_min": 0.2,
        "flow_post_l_min": 0.198,
        "blank": 0.0,
        "uncertainty_pct": 25.0,
        **changes,
    }
    return msgspec.convert(body, LabResult)


def found(house: Any, *results: LabResult, **options: Any) -> dict[str, Any]:
    samples = [Sample(id=number, root=number, result=one) for number, one in enumerate(results, start=1)]
    house.samples = lambda _span: samples
    return {name.partition("/")[2]: verdict for name, verdict in house.verdicts(**options).items() if verdict.placement.startswith(("sample-", "set-"))}


def test_a_personal_sample_of_the_whole_shift_says_within_with_its_uncertainty_as_bounds(house):
    verdict = found(house, result(house))["twa/niosh-toluene-twa"]
    assert (verdict.value, verdict.low, verdict.high, verdict.unit) == (20.0, 15.0, 25.0, "ppm")
    assert (verdict.state, verdict.basis, verdict.grade, verdict.coverage, verdict.calibration) == ("within", "personal", "compliance", 1.0, "in_date")
    assert verdict.bounds.parts[0].cause == "sensor"
    assert "Laboratory sample 1: 480 min by NIOSH 1501." in verdict.reasons
    assert (verdict.placement, verdict.hazard) == ("sample-1", f"chemical:{TOLUENE}")


@pytest.mark.parametrize(("value", "state"), [(200.0, "exceeds"), (110.0, "indeterminate"), (20.0, "within")])
def test_the_state_follows_the_bounds(house, value, state):
    assert found(house, result(house, value=value))["twa/niosh-toluene-twa"].state == state


def test_less_than_the_limit_of_quantification_is_a_bound(house):
    verdict = found(house, result(house, value=2.0, qualifier="<"))["twa/niosh-toluene-twa"]
    assert (verdict.low, verdict.high, verdict.state) == (0.0, 2.0, "within")
    assert any("limit of quantification" in reason for reason in verdict.reasons)


def test_more_than_could_be_told_has_no_upper_bound(house):
    verdict = found(house, result(house, value=90.0, qualifier=">"))["twa/niosh-toluene-twa"]
    assert (verdict.low, verdict.high, verdict.state) == (90.0, None, "indeterminate")


def test_time_that_was_not_sampled_has_no_upper_bound_until_both_sides_agree_a_worst_case(make_house):
    bare = make_house()
    verdict = found(bare, result(bare, stop=440))["twa/niosh-toluene-twa"]
    assert (verdict.high, verdict.state, verdict.max_gap_min) == (None, "indeterminate", 40)
    assert "No worst case is agreed for the time that was not sampled." in verdict.reasons
    agreed = make_house(zone={"worst_case": {f"concentration:{TOLUENE}": 240.0}})
    verdict = found(agreed, result(agreed, stop=440))["twa/niosh-toluene-twa"]
    assert verdict.high == pytest.approx(25.0 * 440 / 480 + 240.0 * 40 / 480)
    assert verdict.low == pytest.approx(15.0 * 440 / 480)
    assert verdict.state == "within"
    assert sum(part.high for part in verdict.bounds.parts) == pytest.approx(verdict.high - verdict.value)
    assert sum(part.low for part in verdict.bounds.parts) == pytest.approx(verdict.low - verdict.value)


def test_a_flow_that_changed_by_more_than_five_percent_voids_the_sample_and_says_so(house):
    verdict = found(house, result(house, value=900.0, flow_post_l_min=0.189))["twa/niosh-toluene-twa"]
    assert (verdict.value, verdict.state, verdict.calibration, verdict.grade) == (None, "not_assessable", "failed", "trend")
    assert "The sample is void: the pump's flow before and after differs by 5.5 %, by more than 5 %." in verdict.reasons


@pytest.mark.parametrize("missing", [{"blank": None}, {"accreditation": ""}, {"uncertainty_pct": None}, {"flow_pre_l_min": None}, {"basis": "area"}])
def test_what_is_not_on_record_lowers_the_grade_and_within_is_not_said(house, missing):
    verdict = found(house, result(house, **missing))["twa/niosh-toluene-twa"]
    assert (verdict.grade, verdict.state) == ("screening", "indeterminate")
    assert any("screening at best" in reason for reason in verdict.reasons)


def test_a_field_blank_lowers_the_lower_bound_only(house):
    verdict = found(house, result(house, blank=2.0))["twa/niosh-toluene-twa"]
    assert (verdict.low, verdict.high) == (13.0, 25.0)


def test_a_static_sample_in_the_breathing_zone_keeps_its_basis(house):
    verdict = found(house, result(house, basis="static_breathing_zone"))["twa/niosh-toluene-twa"]
    assert (verdict.basis, verdict.state) == ("static_breathing_zone", "within")


def test_a_short_sample_can_prove_that_a_short_term_limit_is_exceeded_but_not_that_it_is_kept(house):
    low = found(house, result(house, 100, 115, value=40.0))["stel_15min_max/niosh-toluene-st"]
    assert (low.state, low.high) == ("not_assessable", None)
    assert any("not that it is kept" in reason for reason in low.reasons)
    high = found(house, result(house, 100, 115, value=300.0))["stel_15min_max/niosh-toluene-st"]
    assert (high.state, high.value, high.low) == ("exceeds", 300.0, 225.0)


def test_a_long_sample_bounds_the_highest_quarter_of_an_hour_from_below(house):
    verdict = found(house, result(house, value=20.0))["stel_15min_max/niosh-toluene-st"]
    assert (verdict.low, verdict.high) == (15.0, 25.0 * 32)
    assert verdict.state == "indeterminate"


def test_a_dust_fraction_meets_the_limit_of_that_fraction_alone(make_house):
    house = make_house(profiles=["us-osha"])
    verdicts = found(house, result(house, agent="respirable", value=6.0, unit="mg/m3", uncertainty_pct=10.0))
    assert [(verdict.limit.id, verdict.state, verdict.hazard) for verdict in verdicts.values()] == [("osha-dust-twa-respirable", "exceeds", "dust")]
    verdicts = found(house, result(house, agent="total", value=6000.0, unit="ug/m3"))
    assert [(verdict.limit.id, verdict.value) for verdict in verdicts.values()] == [("osha-dust-twa-total", 6.0)]


def test_a_fraction_without_a_limit_is_said_not_dropped(make_house):
    house = make_house(profiles=["us-osha"])
    (verdict,) = found(house, result(house, agent="inhalable", value=6.0, unit="mg/m3")).values()
    assert (verdict.state, verdict.limit.value) == ("not_assessable", None)
    assert "No adopted profile has a limit for this substance in this fraction and unit." in verdict.reasons


def test_silica_needs_its_fraction_and_isocyanates_their_element(make_house):
    house = make_house(profiles=["us-osha"])
    assert next(iter(found(house, result(house, agent="14808-60-7", value=0.1, unit="mg/m3")).values())).limit.value is None
    assert "twa/osha-silica-twa" in found(house, result(house, agent="14808-60-7", value=0.1, unit="mg/m3", fraction="respirable"))
    house = make_house(profiles=["us-niosh"])
    assert "twa/niosh-manganese-twa" in found(house, result(house, agent="7722-64-7", value=0.1, unit="mg/m3", measured_as="Mn"))


def test_a_limit_in_another_unit_is_converted_at_the_lists_own_temperature(house):
    verdict = found(house, result(house, value=80.0, unit="mg/m3"))["twa/niosh-toluene-twa"]
    assert (verdict.unit, verdict.limit.value) == ("mg/m3", 375.0)


def test_no_verdict_names_a_person_or_the_task(house):
    verdict = found(house, result(house, task="gluing by the window"))["twa/niosh-toluene-twa"]
    assert b"gluing" not in msgspec.json.encode(verdict)


def test_a_hazard_that_only_samples_measure_points_to_them(make_house):
    house = make_house(zone={"hazards": [f"chemical:{TOLUENE}"]})
    found(house, result(house))
    verdict = house.verdicts()["twa/niosh-toluene-twa"]
    assert verdict.reasons[0] == "No instrument here measures this; laboratory samples of the shift have results of their own."
    assert verdict.state == "not_assessable"


def test_a_result_entered_after_the_shift_makes_a_result_with_why_and_a_correction_revises_it(floor):
    house = floor.house
    house.fill(house.channel("co"), 5.0)
    floor.enrol()
    assessor, repository = floor.start(), LabResultsRepository(floor.engine)
    floor.at(483)
    assessor.tick()
    assessor.assess_shift("f1.z1", house.plan, why="shift ended", now_us=floor.clock.time_us)

    def of_sample():
        return [row for row in VerdictRepository(floor.engine).revisions(site="f1") if row.verdict.placement == "sample-1" and row.verdict.metric == "twa"]

    assert not of_sample()
    entered_us = house.plan.start_us + 72 * HOUR_US
    repository.add("f1", "f1.z1", result(house), author="lan", reason="report 7", now_us=entered_us)
    floor.clock.time_us = entered_us + MINUTE_US
    assessor.tick()
    (first,) = of_sample()
    assert (first.verdict.state, first.why, first.final) == ("within", "laboratory sample 1 entered by lan", True)
    repository.add("f1", "f1.z1", result(house, value=200.0, supersedes=1), author="minh", reason="typing error", now_us=entered_us + HOUR_US)
    floor.clock.time_us = entered_us + 2 * HOUR_US
    assessor.tick()
    kept, second = of_sample()
    assert (kept.verdict, second.verdict.revision, second.verdict.state) == (first.verdict, 2, "exceeds")
    assert second.why == "laboratory sample 2 entered by minh"


def test_a_result_entered_while_nobody_looked_is_found_after_the_start(floor):
    house = floor.house
    house.fill(house.channel("co"), 5.0)
    floor.enrol()
    floor.at(483)
    floor.start().assess_shift("f1.z1", house.plan, why="shift ended", now_us=floor.clock.time_us)
    LabResultsRepository(floor.engine).add("f1", "f1.z1", result(house), author="lan", reason="", now_us=floor.at(600))
    floor.at(700)
    floor.start().tick()
    assert any(row.verdict.placement == "sample-1" for row in VerdictRepository(floor.engine).latest(site="f1"))


def test_a_sample_that_was_of_another_day_after_all_is_withdrawn_from_this_shift_and_the_old_result_stays(floor):
    house = floor.house
    house.fill(house.channel("co"), 5.0)
    floor.enrol()
    repository, entered_us = LabResultsRepository(floor.engine), house.plan.start_us + 72 * HOUR_US
    floor.at(483)
    assessor = floor.start()
    assessor.assess_shift("f1.z1", house.plan, why="shift ended", now_us=floor.clock.time_us)
    repository.add("f1", "f1.z1", result(house), author="lan", reason="", now_us=entered_us)
    floor.clock.time_us = entered_us + MINUTE_US
    assessor.tick()
    repository.add("f1", "f1.z1", result(house, 24 * 60, 24 * 60 + 480, supersedes=1), author="minh", reason="wrong day", now_us=entered_us + HOUR_US)
    floor.clock.time_us = entered_us + 2 * HOUR_US
    assessor.tick()
    rows = [row.verdict for row in VerdictRepository(floor.engine).revisions(site="f1") if row.verdict.placement == "sample-1" and row.verdict.metric == "twa"]
    today = [verdict for verdict in rows if verdict.shift.date == "2026-11-23"]
    assert [(verdict.revision, verdict.state, verdict.value) for verdict in today] == [(1, "within", 20.0), (2, "not_assessable", None)]
    assert today[-1].reasons[0].startswith("Withdrawn: ")
    assert [verdict.state for verdict in rows if verdict.shift.date == "2026-11-24"] == ["within"]
    before = VerdictRepository(floor.engine).revisions(site="f1")
    assessor.assess_shift("f1.z1", house.plan, why="again", now_us=floor.clock.time_us)
    assert VerdictRepository(floor.engine).revisions(site="f1") == before


minutes_of_air = st.lists(st.floats(min_value=0, max_value=500), min_size=30, max_size=90)


@settings(max_examples=60, deadline=None)
@given(air=minutes_of_air, data=st.data(), window=st.sampled_from([10, 15, 60]))
def test_the_truth_lies_within_the_bounds_of_any_part_that_was_sampled(air, data, window):
    """Simulated air, any part of it sampled exactly, the rest never over the worst case."""
    first = data.draw(st.integers(0, len(air) - 2))
    stop = data.draw(st.integers(first + 1, len(air)))
    sampled = float(np.mean(air[first:stop]))
    length = stop - first
    drawn = Drawn(
        samples=[],
        unit="ppm",
        value=sampled,
        steps_low=[],
        steps_high=[],
        minutes=float(length),
        extent=float(length),
        unsampled=len(air) - length,
        inside=length,
        covered=np.ones(length, dtype=bool),
    )
    worst = max(air)
    means = np.convolve(air, np.ones(window), "valid") / window if len(air) >= window else np.array([sum(air) / window])
    for average, truth in ((Average(minutes=480, whole=True), sum(air) / 480), (Average(minutes=window, whole=False), float(means.max()))):
        high = average.high(sampled, drawn, worst)
        assert high is not None
        assert high >= truth - 1e-6
        if drawn.minutes <= average.minutes or average.whole or drawn.minutes % average.minutes == 0:
            assert average.low(sampled, drawn) <= truth + 1e-6
        assert average.low(sampled, drawn) <= average.shown(sampled, drawn) + 1e-9
        assert average.shown(sampled, drawn) <= high + 1e-6


def test_samples_of_a_set_are_one_shift_average_and_keep_their_own_short_term_results(house):
    verdicts = found(house, result(house, 0, 240, value=40.0, set="a"), result(house, 240, 480, value=10.0, set="a"))
    joined = verdicts["twa/niosh-toluene-twa"]
    assert (joined.placement, joined.value, joined.coverage, joined.state) == ("set-a", 25.0, 1.0, "within")
    assert (joined.low, joined.high) == (25.0 * 0.75, 25.0 * 1.25)
    assert [one.id for one in joined.channels] == [f"laboratory.sample-{number}.concentration:{TOLUENE}" for number in (1, 2)]
    assert "Joined from 2 samples drawn one after another (set a)." in joined.reasons
    assert [one.placement for name, one in verdicts.items() if name.startswith("stel")] == ["sample-2"]  # of the same limit the last one stands for both in this dictionary
    assert (joined.window.start, joined.window.stop) == (joined.shift.start, joined.shift.stop)


def test_time_between_the_samples_of_a_set_stays_a_gap_with_bounds(make_house):
    house = make_house(zone={"worst_case": {f"concentration:{TOLUENE}": 100.0}})
    joined = found(house, result(house, 0, 200, value=40.0, set="a"), result(house, 280, 480, value=40.0, set="a"))["twa/niosh-toluene-twa"]
    assert (joined.max_gap_min, joined.valid, joined.expected) == (80, 400, 480)
    assert joined.low == pytest.approx(30.0 * 400 / 480)
    assert joined.high == pytest.approx(50.0 * 400 / 480 + 100.0 * 80 / 480)
    assert "80 min of the working time were not sampled: the lower bound counts them as nothing, the upper one as the worst case." in joined.reasons


def test_a_set_is_as_uncertain_as_its_samples_each_with_its_own_bound(house):
    joined = found(house, result(house, 0, 240, value=2.0, qualifier="<", set="a"), result(house, 240, 480, value=40.0, qualifier=">", set="a"))["twa/niosh-toluene-twa"]
    assert (joined.low, joined.high, joined.state) == (20.0, None, "indeterminate")


def test_a_void_sample_of_a_set_counts_as_not_sampled(house):
    joined = found(house, result(house, 0, 240, set="a"), result(house, 240, 480, value=900.0, flow_post_l_min=0.1, set="a"))["twa/niosh-toluene-twa"]
    assert (joined.valid, joined.state, joined.calibration) == (240, "not_assessable", "in_date")
    assert "Sample 2 of the set is void, its flow before and after differs by 50.0 %: its time counts as not sampled." in joined.reasons


def test_samples_of_a_set_that_overlap_are_not_joined(house):
    joined = found(house, result(house, 0, 240, set="a"), result(house, 200, 480, set="a"))["twa/niosh-toluene-twa"]
    assert (joined.value, joined.state) == (None, "not_assessable")
    assert any("overlap in time" in reason for reason in joined.reasons)


def test_sets_of_two_persons_are_two_results(house):
    samples = [result(house, first, stop, value=value, set=name) for name, value in (("a", 10.0), ("b", 30.0)) for first, stop in ((0, 240), (240, 480))]
    house.samples = lambda _span: [Sample(id=number, root=number, result=one) for number, one in enumerate(samples, start=1)]
    assert {name: one.value for name, one in house.verdicts().items() if one.metric == "twa"} == {"set-a/twa/niosh-toluene-twa": 10.0, "set-b/twa/niosh-toluene-twa": 30.0}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=st.lists(st.floats(min_value=0, max_value=500), min_size=12, max_size=12), edges=st.lists(st.integers(0, 479), min_size=4, max_size=4, unique=True).map(sorted))
def test_the_true_average_lies_within_the_bounds_of_a_set_with_any_gaps(house, blocks, edges):
    air = np.repeat(blocks, 40).tolist()
    house.zone["worst_case"] = {f"concentration:{TOLUENE}": max(air)}
    pairs = [edges[:2], edges[2:]]
    parts = [result(house, first, stop, value=max(float(np.mean(air[first:stop])), 1e-9), uncertainty_pct=0.0, set="a") for first, stop in pairs]
    joined = found(house, *parts)["twa/niosh-toluene-twa"]
    truth = sum(air) / 480
    assert joined.low <= truth * (1 + 1e-6) + 1e-6
    assert truth <= joined.high * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("basis", ["ppm", "mg/m3"])
def test_a_mass_concentration_is_taken_to_the_lists_conditions_by_the_air_on_record(house, basis):
    """On a plateau at 770 hPa 286.4 mg/m³ of toluene are the 100 ppm that are 377 mg/m³ at sea level."""
    value = 100.0 if basis == "ppm" else 286.4
    verdict = found(house, result(house, value=value, unit=basis, uncertainty_pct=0.0, temperature_c=25.0, pressure_hpa=770.0))["twa/niosh-toluene-twa"]
    assert verdict.value == pytest.approx(100.0 if basis == "ppm" else 376.9, abs=0.1)
    assert (verdict.low, verdict.high) == (pytest.approx(verdict.value), pytest.approx(verdict.value))
    assert any("25.0 °C, 770 hPa" in reason for reason in verdict.reasons) is (basis == "mg/m3")


def test_air_that_nobody_measured_is_assumed_and_stands_in_the_bounds(house):
    verdict = found(house, result(house, value=80.0, unit="mg/m3", uncertainty_pct=0.0))["twa/niosh-toluene-twa"]
    assert (verdict.value, verdict.low, verdict.high) == (80.0, pytest.approx(73.32, abs=0.1), pytest.approx(120.7, abs=0.1))
    assert any(reason.startswith("Air temperature is not known for 480 min") for reason in verdict.reasons)
    assert [part.cause for part in verdict.bounds.parts] == ["estimate"]


def test_dust_is_mass_in_the_air_as_it_is(make_house):
    house = make_house(profiles=["us-osha"])
    (verdict,) = found(house, result(house, agent="respirable", value=2.0, unit="mg/m3", uncertainty_pct=0.0, pressure_hpa=770.0)).values()
    assert (verdict.value, verdict.low, verdict.high) == (2.0, 2.0, 2.0)
