"""Brief & Scala: good practice for long shifts, only where a site adopted it."""

from __future__ import annotations

import pytest

TOLUENE = "concentration:108-88-3"
PROFILE = "good-practice-extended-shifts"


def toluene(house, profiles, stop="17:00", quantity=TOLUENE):
    house.profiles = profiles
    house.shift = {"stop": stop}
    house.fill(house.channel(quantity), 60.0)
    return {key: verdict for key, verdict in house.verdicts().items() if verdict.metric == "twa"}


def test_a_shift_of_ten_hours_is_held_against_seven_tenths_of_the_limit(house):
    found = toluene(house, ["us-niosh", PROFILE])
    (lowered,) = [verdict for verdict in found.values() if verdict.limit.profile == PROFILE]
    (base,) = [verdict for verdict in found.values() if verdict.limit.profile == "us-niosh"]
    assert lowered.limit.value == pytest.approx(0.7 * base.limit.value)
    assert lowered.value == pytest.approx(60.0)
    assert not lowered.limit.law
    assert "1975" in lowered.limit.clause
    assert "Good practice that the site adopted, not law: the limit in law stands beside it." in lowered.notes


@pytest.mark.parametrize(
    ("profiles", "stop", "quantity"),
    [(["us-niosh"], "17:00", TOLUENE), (["us-niosh", PROFILE], "15:00", TOLUENE), (["us-niosh", PROFILE], "17:00", "nh3")],
    ids=["not adopted", "eight hours", "an irritant"],
)
def test_else_no_limit_is_lowered(house, profiles, stop, quantity):
    found = toluene(house, profiles, stop, quantity)
    assert {verdict.limit.profile for verdict in found.values()} == {"us-niosh"}
