"""What travels with a result: skin uptake, carcinogens, sensitisers, and noise beside what harms hearing."""

from __future__ import annotations

import pytest

from assess import texts
from assess.notations import cas_of, notations

TOGETHER = "Noise together with toluene harms hearing more than either alone: no limit counts both."


@pytest.mark.parametrize(
    ("cas", "said"),
    [
        ("71-43-2", {texts.SKIN_UPTAKE, texts.CARCINOGEN}),
        ("50-00-0", {texts.CARCINOGEN, texts.SENSITISER}),
        ("108-88-3", {texts.SKIN_UPTAKE}),
        ("584-84-9", {texts.SENSITISER}),
        ("630-08-0", set()),
    ],
)
def test_the_notations_are_those_of_the_lists(cas, said):
    assert said <= set(notations(cas))
    assert said or notations(cas) == ()


def test_a_hazard_names_its_substance():
    assert [cas_of(hazard) for hazard in ("chemical:108-88-3", "gas:co", "chemical:mixture", "noise")] == ["108-88-3", "630-08-0", "", ""]


def test_noise_beside_a_solvent_that_harms_hearing_says_so_on_both(make_house):
    house = make_house(zone={"hazards": ["noise", "chemical:108-88-3"]})
    house.fill(house.channel("sound_level_a_eq"), 84.0)
    house.fill(house.channel("concentration:108-88-3"), 10.0)
    found = house.verdicts()
    assert TOGETHER in found["lex_8h/niosh-noise-rel"].notes
    assert TOGETHER in found["twa/niosh-toluene-twa"].notes
    assert texts.SKIN_UPTAKE in found["twa/niosh-toluene-twa"].notes


def test_noise_alone_and_a_solvent_alone_say_nothing_of_it(make_house):
    loud, glue = make_house(), make_house()
    loud.fill(loud.channel("sound_level_a_eq"), 84.0)
    glue.fill(glue.channel("concentration:108-88-3"), 10.0)
    for house in (loud, glue):
        assert not any("hearing" in note for verdict in house.verdicts().values() for note in verdict.notes)
