"""Solvents by a photo-ionisation detector: through the declared mixture alone, by its most toxic composition, never within without a laboratory result in date."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assess.outcome import Sample
from assess.pid import HAZARD, _held
from domain.hazards import ZoneStatus
from domain.lab import LabResult
from domain.registry import ALWAYS_US, Solvent, entries_of
from domain.times import DAY_US, HOUR_US, to_rfc3339
from models.airborne.pid import Component
from storage.records.lab_results import LabResultsRepository

TOLUENE, HEXANE, METHYLENE = "108-88-3", "110-54-3", "75-09-2"
MIXTURE = [
    Solvent(cas=TOLUENE, response_factor=0.5, ionisation_ev=8.82),
    Solvent(cas=HEXANE, response_factor=4.3, ionisation_ev=10.18, most_share=0.2),
]
INDEX = "mixture_index/declared-mixture"


def sample(house, cas, days_ago=10, number=1, **changes):
    stop_us = house.plan.start_us - days_ago * DAY_US
    body = {"agent": cas, "method": "NIOSH 1501", "value": 5.0, "unit": "ppm", "start": to_rfc3339(stop_us - 8 * HOUR_US), "stop": to_rfc3339(stop_us)}
    result = msgspec.convert({**body, "basis": "personal", "laboratory": "Vinacontrol", **changes}, LabResult)
    return Sample(id=number, root=number, result=result)


def gluing(make_house, ppm=10.0, solvents=MIXTURE, samples=()):
    house = make_house(zone={"solvents": list(solvents)})
    house.fill(house.channel("tvoc_isobutylene", basis="personal"), ppm)
    house.samples = lambda _span: [sample(house, cas, number=number) if isinstance(cas, str) else cas for number, cas in enumerate(samples, start=1)]
    return house


def test_without_a_declared_mixture_the_detector_meets_no_limit(make_house):
    assert not [name for name in gluing(make_house, solvents=[]).verdicts() if "mixture" in name]


def test_the_declared_mixture_bounds_the_index_and_without_a_sample_there_is_no_upper_one(make_house):
    verdict = gluing(make_house).verdicts()[INDEX]
    assert (verdict.high, verdict.state, verdict.hazard) == (None, "indeterminate", "chemical:mixture")
    assert 0 < verdict.low < verdict.value
    assert any("No laboratory result in date" in reason and TOLUENE in reason and HEXANE in reason for reason in verdict.reasons)
    assert sum(part.low for part in verdict.bounds.parts) == pytest.approx(verdict.low - verdict.value)


def test_a_sample_of_every_vapour_in_date_closes_the_bound(make_house):
    verdict = gluing(make_house, samples=[TOLUENE, HEXANE]).verdicts()[INDEX]
    assert verdict.high is not None
    assert verdict.high > verdict.value
    assert verdict.state == "indeterminate"  # a detector is screening, and this profile takes no screening result
    assert sum(part.high for part in verdict.bounds.parts) == pytest.approx(verdict.high - verdict.value)


@pytest.mark.parametrize("days_ago", [366 + 1, 800])
def test_an_old_sample_bears_nothing_out(make_house, days_ago):
    house = gluing(make_house)
    house.samples = lambda _span: [sample(house, TOLUENE, days_ago), sample(house, HEXANE, 5)]
    verdict = house.verdicts()[INDEX]
    assert verdict.high is None
    assert any(f"(CAS {TOLUENE})" in reason for reason in verdict.reasons)


def planned(house, every, hazard=f"chemical:{TOLUENE}"):
    """The monitoring plan that both sides signed has the vapour sampled this often."""
    rows = [{"zone": "z1", "hazard": hazard, "how": "lab_sample", "every": every, "agreed_by": ["worker side", "management"]}]
    return entries_of(msgspec.structs.replace(house.file, monitoring_plan=rows), valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason="")[-1:]


@pytest.mark.parametrize(
    ("every", "days_ago", "is_in_date"), [("every 6 months", 170, True), ("every 6 months", 190, False), ("every 2 years", 700, True), ("every 9 years", 1200, False)]
)
def test_a_result_is_in_date_as_long_as_the_plan_leaves_until_the_next(make_house, every, days_ago, is_in_date):
    house = gluing(make_house)
    house.samples = lambda _span: [sample(house, TOLUENE, days_ago), sample(house, HEXANE, 5)]
    assert (house.verdicts(extra=planned(house, every))[INDEX].high is not None) is is_in_date


def test_a_plan_for_the_mixture_is_for_each_of_its_vapours(make_house):
    house = gluing(make_house)
    house.samples = lambda _span: [sample(house, TOLUENE, 60), sample(house, HEXANE, 60)]
    assert house.verdicts(extra=planned(house, "monthly", "chemical:mixture"))[INDEX].high is None


def test_a_frequency_that_is_not_understood_is_said_and_a_year_holds(make_house):
    house = gluing(make_house)
    house.samples = lambda _span: [sample(house, TOLUENE, 300), sample(house, HEXANE, 5)]
    verdict = house.verdicts(extra=planned(house, "when the glue changes"))[INDEX]
    assert verdict.high is not None
    assert "How often the plan has it sampled ('when the glue changes') is not understood: a result holds for 365 days." in verdict.reasons


def test_a_void_sample_bears_nothing_out(make_house):
    house = gluing(make_house)
    house.samples = lambda _span: [sample(house, TOLUENE, flow_pre_l_min=0.2, flow_post_l_min=0.1), sample(house, HEXANE)]
    assert house.verdicts()[INDEX].high is None


def test_a_high_reading_proves_that_the_limits_are_exceeded_whatever_the_composition(make_house):
    assert gluing(make_house, ppm=900.0).verdicts()[INDEX].state == "exceeds"


def test_a_vapour_that_the_lamp_does_not_see_leaves_no_upper_bound_and_is_named(make_house):
    mixture = [MIXTURE[0], Solvent(cas=HEXANE, response_factor=4.3, ionisation_ev=11.0)]
    verdict = gluing(make_house, solvents=mixture, samples=[TOLUENE, HEXANE]).verdicts()[INDEX]
    assert verdict.high is None
    assert any("does not see n-Hexane" in reason for reason in verdict.reasons)


SHORT = "mixture_index/declared-mixture-15min"
KETONE = "78-93-3"
BOTH_SHORT = [Solvent(cas=TOLUENE, response_factor=0.5, ionisation_ev=8.82), Solvent(cas=KETONE, response_factor=0.9, ionisation_ev=9.54, most_share=0.5)]


def test_the_highest_quarter_of_an_hour_is_held_against_the_short_term_limits(make_house):
    house = gluing(make_house, solvents=BOTH_SHORT, samples=[TOLUENE, KETONE])
    house.fill("a1.p1.tvoc_isobutylene", [400.0] * 15, first=100)
    verdicts = house.verdicts()
    short, shift = verdicts[SHORT], verdicts[INDEX]
    assert short.value == pytest.approx(400.0 * 0.5 / 150.0)
    assert (short.limit.averaging, short.limit.value, short.unit) == ("mean of any 15 min", 1.0, "1")
    assert short.low < short.value < short.high
    assert shift.value < 1 < short.value
    assert not any("short-term limit" in note for note in short.notes)  # the detector's own ppm are no excursions over one vapour's limit


def test_a_vapour_without_a_short_term_limit_adds_nothing_to_the_sum_and_is_named(make_house):
    short = gluing(make_house, ppm=10.0).verdicts()[SHORT]
    assert f"CAS {HEXANE} has no short-term limit here and adds nothing to this sum." in short.reasons
    assert 0 < short.value <= 10.0 * 0.5 / 150.0 * 9


def live(floor, ppm, minute=120.3, solvents=BOTH_SHORT, first=0, before=0.0, samples=()):
    house = floor.house
    house.zone["solvents"] = list(solvents)
    name = house.channel("tvoc_isobutylene", basis="personal")
    house.fill(name, [before] * first + [ppm] * (int(minute) - first))
    floor.enrol()
    for cas in samples:
        LabResultsRepository(floor.engine).add("f1", "f1.z1", sample(house, cas).result, author="lan", reason="", now_us=house.plan.start_us)
    house.now(name, ppm, floor.at(minute))
    (zone,) = floor.start().tick()
    return zone, {one.metric: one for one in zone.windows}


def test_on_the_floor_the_mixture_is_action_over_the_limits_of_its_most_toxic_composition(floor):
    zone, windows = live(floor, 330.0)
    short = windows["mixture_index_15min"]
    assert (short.value, short.status) == (pytest.approx(330.0 * 0.5 / 150.0), ZoneStatus.ACTION)
    assert short.low < 1.0
    assert zone.hazards[HAZARD] is ZoneStatus.ACTION


def test_it_is_stop_where_even_the_least_toxic_composition_is_over_the_short_term_limits(floor):
    zone, windows = live(floor, 900.0, first=60)
    assert (windows["mixture_index_15min"].status, windows["mixture_index_15min"].proven) == (ZoneStatus.STOP, True)
    assert windows["mixture_index"].status is ZoneStatus.ACTION
    assert zone.status is ZoneStatus.STOP


@pytest.mark.parametrize(("samples", "status"), [((), ZoneStatus.UNKNOWN), ((TOLUENE, KETONE), ZoneStatus.WITHIN)])
def test_the_floor_says_within_only_with_a_laboratory_result_in_date_of_every_vapour(floor, samples, status):
    zone, windows = live(floor, 5.0, samples=samples)
    assert {metric: one.status for metric, one in windows.items()} == {"mixture_index_15min": status, "mixture_index": status}
    assert zone.hazards[HAZARD] is status


def test_an_undeclared_mixture_has_no_window(floor):
    zone, windows = live(floor, 5.0, solvents=[])
    assert not windows
    assert HAZARD not in zone.hazards


@settings(max_examples=80, deadline=None)
@given(share=st.floats(0, 0.2), ppm=st.floats(0.1, 500), factors=st.tuples(st.floats(0.8, 1.2), st.floats(0.8, 1.2)))
def test_the_truth_of_any_allowed_composition_lies_within_the_bounds(share, ppm, factors):
    from assess.bounds import Result

    components = [
        Component(name="toluene", response_factor=0.5, ionisation_ev=8.82, limit_ppm=100.0),
        Component(name="hexane", response_factor=4.3, ionisation_ev=10.18, limit_ppm=50.0, most_share=0.2),
    ]
    reading = Result(value=ppm, low=ppm, high=ppm, first=0, stop=1)
    found = _held(reading, components, [])
    true_factors = (0.5 * factors[0], 4.3 * factors[1])
    total = ppm / ((1 - share) / true_factors[0] + share / true_factors[1])
    truth = total * ((1 - share) / 100.0 + share / 50.0)
    assert found.low <= truth * (1 + 1e-9)
    assert truth <= found.high * (1 + 1e-9)
