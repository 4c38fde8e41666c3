"""Another instrument in date at the same place stands in where one has a gap: upwards only, and never below what this one itself saw."""

from __future__ import annotations

import pytest

from domain.registry import AgentSpec, CalibrationSpec, ChannelSpec, Instrument

TWA, CEILING, REL = "twa/niosh-co-twa", "ceiling_max/niosh-co-c", "wbgt_effective_60min_worst/niosh-rel"
FIRST, SECOND = "p1@a1/", "p1@a2/"


def beside(house, quantity, values, *, next_due="2027-06-01"):
    """A second agent's channel of the same quantity at p1."""
    spec = ChannelSpec(
        placement="p1",
        quantity=quantity,
        zone="z1",
        interval_s=10.0,
        basis="personal",
        agreed_by=["worker side", "management"],
        instrument=Instrument(model="m", serial="second", grade="compliance"),
    )
    house.more.append(AgentSpec(id="a2", channels=[spec]))
    name = f"a2.p1.{quantity}"
    house.calibrations.append(CalibrationSpec(id=f"cal-a2-{quantity}", channel=name, type="factory", performed_at="2026-06-01", by="lab", next_due=next_due))
    house.fill(name, values)


def co(house, values):
    house.fill(house.channel("co", basis="personal"), values)


def test_a_gap_that_another_instrument_covers_does_not_make_within_impossible(house):
    co(house, [10.0] * 200 + [None] * 20 + [10.0] * 260)
    assert house.verdicts()[CEILING].state == "indeterminate"
    beside(house, "co", 12.0)
    found = house.verdicts()[FIRST + CEILING]
    assert (found.state, found.coverage, found.max_gap_min) == ("within", pytest.approx(460 / 480), 20)
    assert found.high == pytest.approx(12.0 + 0.3 * 12.0)
    assert any(reason.startswith("In 20 of the missing minutes another instrument in date stood here (a2.p1.co)") for reason in found.reasons)
    assert not any("the end of the instrument's range" in reason for reason in found.reasons)


def test_the_lower_bound_leans_on_no_other_instrument(house):
    co(house, [10.0] * 300 + [None] * 60 + [10.0] * 120)
    alone = house.verdicts()[TWA].low
    beside(house, "co", 30.0)
    assert house.verdicts()[FIRST + TWA].low == alone


def test_what_covers_is_never_below_what_this_instrument_itself_saw(house):
    co(house, [100.0] * 200 + [None] * 20 + [20.0] * 260)
    beside(house, "co", 1.0)
    assert house.verdicts()[FIRST + CEILING].high == pytest.approx(130.0)


def test_an_instrument_out_of_date_covers_nothing(house):
    co(house, [10.0] * 200 + [None] * 20 + [10.0] * 260)
    beside(house, "co", 12.0, next_due="2026-10-01")
    assert house.verdicts()[FIRST + CEILING].state == "indeterminate"


def test_what_both_miss_is_filled_with_the_worst_case_and_said(house):
    co(house, [10.0] * 200 + [None] * 20 + [10.0] * 260)
    beside(house, "co", [12.0] * 210 + [None] * 270)
    found = house.verdicts()[FIRST + CEILING]
    assert found.high >= 2000.0
    assert any("another instrument in date stood here" in reason for reason in found.reasons)
    assert any("the end of the instrument's range" in reason for reason in found.reasons)


def test_heat_is_covered_by_another_meter_too(house):
    house.zone.update(metabolic_rate_w=200.0, metabolic_rate_measured=True)
    house.fill(house.channel("wbgt"), [24.0] * 200 + [None] * 30 + [24.0] * 250)
    assert house.verdicts()[REL].state == "indeterminate"
    beside(house, "wbgt", 25.0)
    found = house.verdicts()[FIRST + REL]
    assert found.state == "within"
    assert any("another instrument in date stood here (a2.p1.wbgt)" in reason for reason in found.reasons)
    assert house.verdicts()[SECOND + REL].coverage == 1.0
