"""A laboratory result that makes others milder waits for the other side: a correction of one that stood, and one that bears out a declared mixture."""

from __future__ import annotations

import msgspec
import pytest

from domain.hazards import ZoneStatus
from domain.lab import LabResult
from domain.milder_records import change_by_sample
from domain.registry import Solvent
from domain.times import DAY_US, MINUTE_US, to_rfc3339
from storage.records.lab_results import LabResultsRepository
from storage.records.verdicts import VerdictRepository

TOLUENE = "108-88-3"
DECLARED = [Solvent(cas=TOLUENE, response_factor=0.5, ionisation_ev=8.82)]


def result(floor, value, *, days_ago=0, **fields):
    start_us = floor.house.plan.start_us - days_ago * DAY_US
    return LabResult(
        agent=TOLUENE,
        method="NIOSH 1501",
        value=value,
        unit="ppm",
        start=to_rfc3339(start_us),
        stop=to_rfc3339(start_us + 480 * MINUTE_US),
        basis="personal",
        laboratory="Vinacontrol",
        accreditation="V1",
        blank=0.0,
        uncertainty_pct=10.0,
        **fields,
    )


def entered(floor, lab, *sides, was=None):
    """As the console enters it."""
    now_us = floor.clock.now_us()
    stored = LabResultsRepository(floor.engine).add("f1", "f1.z1", lab, author="linh", reason="read again", now_us=now_us)
    change = change_by_sample(floor.registry.load().latest().zones["f1.z1"], stored.id, lab, was, now_us)
    if change is not None:
        floor.sign(change, *sides)
    return stored, change


def look(floor, assessor, minute):
    floor.at(minute)
    return assessor.tick()


def twa(floor):
    return next(row.verdict for row in VerdictRepository(floor.engine).latest(site="f1") if row.verdict.metric == "twa" and row.verdict.limit.id == "niosh-toluene-twa")


def test_a_lower_correction_of_one_side_leaves_the_first_result_until_the_other_agrees(floor):
    assessor = floor.ended()
    first = result(floor, 140.0)
    stored, change = entered(floor, first)
    assert change is None
    look(floor, assessor, 491)
    assert (twa(floor).value, twa(floor).state, twa(floor).contested) == (140.0, "exceeds", False)
    _, change = entered(floor, result(floor, 30.0, supersedes=stored.id), "management", was=first)
    look(floor, assessor, 495)
    held = twa(floor)
    assert (held.value, held.state, held.contested) == (140.0, "exceeds", True)
    assert f"lab result 2 {TOLUENE} 30 ppm instead of {TOLUENE} 140 ppm" in held.notes[-2]
    assert held.notes[-1].startswith("With it: 30.0 ppm")
    floor.at(500)
    floor.sign(change, "management", "worker")
    look(floor, assessor, 501)
    assert (twa(floor).value, twa(floor).state, twa(floor).contested) == (30.0, "within", False)


def test_a_correction_to_another_substance_does_not_take_the_first_result_away(floor):
    assessor = floor.ended()
    first = result(floor, 140.0)
    stored, _ = entered(floor, first)
    look(floor, assessor, 491)
    entered(floor, msgspec.structs.replace(result(floor, 140.0, supersedes=stored.id), agent="110-54-3"), "management", was=first)
    look(floor, assessor, 495)
    assert (twa(floor).value, twa(floor).state, twa(floor).contested) == (140.0, "exceeds", True)
    assert twa(floor).notes[-1].startswith("This result stands by what held before")


def test_a_higher_correction_needs_nobody(floor):
    assessor = floor.ended()
    first = result(floor, 30.0)
    stored, _ = entered(floor, first)
    _, change = entered(floor, result(floor, 140.0, supersedes=stored.id), was=first)
    look(floor, assessor, 495)
    assert (change, twa(floor).value, twa(floor).contested) == (None, 140.0, False)


def test_the_floor_calls_a_declared_mixture_within_only_when_both_sides_stand_by_the_sample(floor):
    floor.house.zone["solvents"] = DECLARED
    name = floor.house.channel("tvoc_isobutylene", basis="personal")
    floor.house.fill(name, 5.0, minutes=120)
    floor.enrol()
    assessor = floor.start()

    def status(minute):
        floor.house.now(name, 5.0, floor.at(minute))
        (zone,) = assessor.tick()
        return zone.hazards["chemical:mixture"]

    assert status(119.5) is ZoneStatus.UNKNOWN
    _, change = entered(floor, result(floor, 2.0, days_ago=10), "management")
    assert status(120.5) is ZoneStatus.UNKNOWN
    floor.sign(change, "management", "worker")
    assert status(121.5) is ZoneStatus.WITHIN


@pytest.mark.parametrize(
    ("fields", "waits"), [({"value": 50.0}, True), ({"value": 150.0}, False), ({"value": 150.0, "uncertainty_pct": 5.0}, True), ({"value": 150.0, "qualifier": "<"}, True)]
)
def test_only_a_value_that_went_up_and_nothing_else_is_no_milder(floor, fields, waits):
    floor.enrol()
    zone = floor.registry.load().latest().zones["f1.z1"]
    was = result(floor, 140.0)
    now = msgspec.structs.replace(was, supersedes=1, **fields)
    assert (change_by_sample(zone, 2, now, was, 0) is not None) is waits
