"""Grade, basis, calibration, workers, placements and limits of a verdict."""

from __future__ import annotations

import msgspec
import pytest

from assess.evaluate import worst_of
from assess.gather import measured
from assess.grading import workers_of
from assess.limits import limits_for, profiles_of
from assess.minutes import read_series
from assess.plan import span_of
from domain.registry import CalibrationSpec, Registry, Workers

TWA = "twa/niosh-co-twa"
WET = {"natural_wet_bulb_temperature": 22.0, "globe_temperature": 27.0}
REL = "wbgt_effective_60min_worst/niosh-rel"


def personal(house, **fields):
    name = house.channel("co", basis="personal", **fields)
    house.fill(name, 5.0)
    return name


def test_everything_in_order_proves_being_within(house):
    personal(house)
    verdict = house.verdicts()[TWA]
    assert (verdict.grade, verdict.basis, verdict.state, verdict.calibration) == ("compliance", "personal", "within", "in_date")
    assert verdict.reasons == []
    assert verdict.channels[0].calibration_id == "cal-0"


@pytest.mark.parametrize(
    ("fields", "grade", "reason"),
    [
        ({"agreed_by": ["management"]}, "screening", "The placement is not agreed by worker side and management."),
        ({"instrument": None}, "trend", "No instrument is on record for a1.p1.co."),
        ({"instrument": {"model": "m", "serial": "s", "grade": "screening"}}, "screening", "Instrument class of a1.p1.co: screening."),
        ({"calibrated": False}, "screening", "Calibration: unknown."),
    ],
)
def test_whatever_is_weaker_lowers_the_grade_and_says_so(house, fields, grade, reason):
    personal(house, **fields)
    verdict = house.verdicts()[TWA]
    assert verdict.grade == grade
    assert reason in verdict.reasons
    assert verdict.state == "indeterminate"


def test_an_area_measurement_of_noise_or_gas_is_never_compliance(house):
    house.fill(house.channel("co"), 5.0)
    house.fill(house.channel("sound_level_a_eq"), 70.0)
    for verdict in house.verdicts().values():
        assert (verdict.basis, verdict.grade, verdict.state) == ("area", "screening", "indeterminate")


def test_heat_measured_in_the_area_may_be_compliance(house):
    house.zone["metabolic_rate_measured"] = True
    house.heat(values=WET)
    assert house.verdicts()[REL].grade == "compliance"


def test_simulated_readings_are_no_evidence(house, simulated):
    house.fill(personal(house), 5.0, r=simulated)
    verdict = house.verdicts()[TWA]
    assert (verdict.grade, verdict.state) == ("trend", "indeterminate")
    assert verdict.notes == ["Simulated readings: this is no evidence."]


def record(id, type, at, **fields):
    return CalibrationSpec(id=id, channel="a1.p1.co", type=type, performed_at=at, by="lab", **fields)


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], "unknown"),
        ([record("a", "span", "2026-06-01", next_due="2027-06-01")], "in_date"),
        ([record("a", "span", "2026-06-01", next_due="2026-12-10")], "due"),
        ([record("a", "span", "2026-06-01", next_due="2026-11-23")], "overdue"),
        ([record("a", "span", "2025-06-01")], "overdue"),
        ([record("a", "span", "2026-06-01", next_due="2027-06-01"), record("b", "bump", "2026-11-20", passed=False)], "failed"),
        ([record("a", "span", "2026-06-01", next_due="2027-06-01"), record("b", "bump", "2026-12-20", passed=False)], "failed"),
        ([record("b", "bump", "2026-11-20", passed=False), record("a", "span", "2026-11-21", next_due="2027-06-01")], "in_date"),
        ([record("a", "span", "2025-06-01", next_due="2026-06-01"), record("b", "bump", "2026-11-20")], "overdue"),  # a check calibrates nothing
        ([record("a", "span", "2025-06-01"), record("b", "bump", "2026-11-20")], "overdue"),
        ([record("a", "span", "2026-06-01", next_due="2027-06-01"), record("b", "bump", "2026-11-20", next_due="2026-11-21")], "overdue"),
        ([record("a", "span", "2026-06-01", next_due="2027-06-01"), record("b", "bump", "2026-11-20")], "in_date"),
        ([record("b", "bump", "2026-11-20")], "in_date"),
        ([record("a", "span", "2025-06-01", next_due="2026-06-01"), record("c", "span", "2026-07-01")], "in_date"),
        ([record("b", "bump", "2026-11-19", next_due="2026-11-20", passed=False), record("a", "span", "2026-11-21", next_due="2027-06-01")], "in_date"),
    ],
)
def test_the_state_of_calibration_also_looks_at_the_check_that_came_after(house, records, state):
    personal(house, calibrated=False)
    house.calibrations += records
    assert house.verdicts()[TWA].calibration == state


def test_a_correction_holds_from_its_date_and_a_check_leaves_it_alone(house):
    personal(house, calibrated=False)
    house.calibrations += [
        record("zero", "zero", "2026-11-22", offset=1.0),
        record("span", "span", "2026-11-23T04:00:00Z", offset=1.0, gain=2.0),
        record("look", "field_check", "2026-11-23T05:00:00Z"),
    ]
    verdict = house.verdicts()[TWA]
    assert verdict.value == pytest.approx((4.0 + 8.0) / 2)
    assert verdict.channels[0].calibration_id == "span"


def test_a_failed_calibration_corrects_nothing(house):
    personal(house, calibrated=False)
    house.calibrations.append(record("bad", "span", "2026-11-22", gain=3.0, passed=False))
    verdict = house.verdicts()[TWA]
    assert verdict.value == 5.0
    assert (verdict.calibration, verdict.grade) == ("failed", "trend")


def test_an_offset_on_decibels_shifts_the_level_and_a_gain_is_refused(house):
    name = house.channel("sound_level_a_eq", calibrated=False)
    house.fill(name, 84.0)
    house.calibrations.append(CalibrationSpec(id="c1", channel=name, type="acoustic", performed_at="2026-11-01", by="lab", offset=-2.0))
    assert house.verdicts()["lex_8h/niosh-noise-rel"].value == pytest.approx(86.0)
    house.calibrations[-1] = msgspec.structs.replace(house.calibrations[-1], gain=1.1)
    verdict = house.verdicts()["lex_8h/niosh-noise-rel"]
    assert verdict.value == pytest.approx(84.0)
    assert "A gain on decibels cannot be applied to means: calibration c1 is left out." in verdict.reasons


def test_an_overdue_calibration_widens_the_bounds(house):
    house.fill(house.channel("co", calibrated=False), 20.0)
    parts = {part.cause: part for part in house.verdicts()[TWA].bounds.parts}
    assert parts["calibration"].high == pytest.approx(parts["sensor"].high / 2)


@pytest.mark.parametrize(
    ("women", "men", "shown", "suppressed"),
    [(41, 9, (41, 9), False), (41, 4, (None, None), True), (3, 3, (None, None), True), (41, 0, (41, 0), False), (1, 40, (None, None), True), (5, 5, (5, 5), False)],
)
def test_small_cells_of_workers_are_suppressed_and_cannot_be_told_from_the_other(women, men, shown, suppressed):
    found = workers_of(Workers(women=women, men=men))
    assert ((found.women, found.men), found.suppressed) == (shown, suppressed)


def test_headcount_counts_as_at_the_start_of_the_shift(house):
    personal(house)
    verdict = house.verdicts(extra=house.change(100, workers=Workers(women=10, men=10)))[TWA]
    assert (verdict.workers.women, verdict.workers.men) == (41, 9)


def test_each_placement_has_its_own_result_and_the_zone_the_worst(house):
    house.fill(house.channel("co", placement="p1"), 5.0)
    house.fill(house.channel("co", placement="p2"), 90.0)
    found = house.verdicts()
    assert (found[TWA].state, found[f"p2/{TWA}"].state) == ("indeterminate", "exceeds")
    worst = [verdict for verdict in worst_of(list(found.values())) if verdict.metric == "twa"]
    assert [(verdict.placement, verdict.state) for verdict in worst] == [("p2", "exceeds")]


def test_what_is_measured_and_has_no_adopted_limit_is_said(house):
    house.fill(house.channel("concentration:75-09-2"), 5.0)
    verdict = house.verdicts()["twa/none"]
    assert (verdict.hazard, verdict.state, verdict.limit.value) == ("chemical:75-09-2", "not_assessable", None)
    assert "No adopted profile has a limit for this." in verdict.reasons


def test_a_concentration_is_compared_in_its_own_unit(house):
    house.fill(house.channel("concentration:108-88-3", unit="mg/m3"), 100.0)
    verdict = house.verdicts()["twa/niosh-toluene-twa"]
    assert (verdict.unit, verdict.limit.value) == ("mg/m3", 375.0)


def test_optical_dust_and_voc_indices_get_no_verdict_even_where_dust_is_planned(house):
    house.zone["hazards"] = ["dust"]
    house.fill(house.channel("pm2_5"), 300.0)
    house.fill(house.channel("voc_index"), 300.0)
    assert house.verdicts() == {}


def test_a_vapour_sensor_does_not_measure_the_substance_that_is_planned(house):
    house.zone["hazards"] = ["chemical:108-88-3"]
    house.fill(house.channel("tvoc_isobutylene"), 40.0)
    found = house.verdicts()
    assert {verdict.state for verdict in found.values()} == {"not_assessable"}
    assert all("does not measure this substance" in verdict.reasons[0] for verdict in found.values())


def test_a_profile_that_is_not_installed_is_named_and_the_reference_followed(house):
    house.profiles = ["atlantis", "us-niosh"]
    personal(house)
    assert "The site adopted the limit profile 'atlantis', which this installation does not have." in house.verdicts()[TWA].reasons
    assert [profile.id for profile in profiles_of([])[0]] == ["us-niosh"]


def test_an_unverified_limit_decides_nothing(house, monkeypatch):
    personal(house)
    house.fill("a1.p1.co", 90.0)
    original = limits_for

    def unverified(profiles, agent, day):
        return [type(one)(profile=one.profile, limit=msgspec.structs.replace(one.limit, status="unverified")) for one in original(profiles, agent, day)]

    monkeypatch.setattr("assess.evaluate.limits_for", unverified)
    verdict = house.verdicts()[TWA]
    assert (verdict.state, verdict.over_action_level) == ("indeterminate", "indeterminate")
    assert "The limit is not verified: it decides nothing." in verdict.reasons


def test_what_the_next_calibration_finds_widens_the_bounds_back_to_the_last_good_check(make_house):
    def verdict(*records):
        house = make_house()
        name = house.channel("sound_level_a_eq", calibrated=False)
        house.fill(name, 84.0)
        house.calibrations = [CalibrationSpec(id=f"c{number}", channel=name, by="lab", **{"type": "acoustic", **record}) for number, record in enumerate(records)]
        return next(one for one in house.verdicts().values() if one.metric == "dose_3db" and one.limit.profile == "us-niosh")

    first = {"performed_at": "2026-06-01", "next_due": "2027-06-01"}
    before = verdict(first)
    found = verdict(first, {"performed_at": "2026-12-01", "offset": -3.0})
    assert found.value == before.value  # what was found later corrects what comes later
    assert found.low < before.low
    assert found.high == pytest.approx(before.high * 10 ** (3.0 / 10), rel=0.01)
    checked = verdict(first, {"performed_at": "2026-11-25", "type": "field_check"}, {"performed_at": "2026-12-01", "offset": -3.0})
    assert (checked.low, checked.high) == (before.low, before.high)
    nothing = verdict(first, {"performed_at": "2026-12-01"})
    assert (nothing.low, nothing.high) == (before.low, before.high)


def test_an_instrument_that_reports_every_five_minutes_is_doubted_in_all_of_them(make_house):
    house = make_house()
    name = house.channel("sound_level_a_eq", interval_s=300.0)
    house.fill(name, [84.0 if minute % 5 == 4 else None for minute in range(480)])
    house.calibrations.append(CalibrationSpec(id="late", channel=name, type="acoustic", by="lab", performed_at="2026-11-25", offset=2.0))
    span = span_of(Registry(house.entries), "f1.z1", house.plan, house.plan.start_us, 480)
    found = measured(span, span.placements[0], "sound_level_a_eq", read_series(house.store, [name], house.plan.start_us, 480), {name: house.calibrations})
    assert found.drift.tolist() == pytest.approx([2.0] * 480)


def test_a_calibration_in_the_middle_of_a_shift_doubts_the_minutes_before_it_alone(make_house):
    house = make_house()
    name = house.channel("sound_level_a_eq")
    house.fill(name, 84.0)
    house.calibrations.append(CalibrationSpec(id="late", channel=name, type="acoustic", by="lab", performed_at="2026-11-23T04:00:00Z", offset=-2.0))
    span = span_of(Registry(house.entries), "f1.z1", house.plan, house.plan.start_us, 480)
    series = read_series(house.store, [name], house.plan.start_us, 480)
    found = measured(span, span.placements[0], "sound_level_a_eq", series, {name: house.calibrations})
    assert found.drift[:240].tolist() == [2.0] * 240
    assert found.drift[240:].tolist() == [0.0] * 240
    assert (found.value[0], found.value[240]) == (pytest.approx(84.0), pytest.approx(86.0))
