"""The shipped limit profiles, and what the check refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import msgspec
import pytest

from domain.errors import BadInput, NotFound
from models.limits import Limit, Profile, check, in_force, limit_refs, list_profiles, load_profile, load_profiles, show
from models.limits.profile import AVERAGING_TEXT

NIOSH = load_profiles()["us-niosh"]
DAY = date(2026, 11, 23)
SCHEMA = Path(__file__).parents[2] / "models" / "limits" / "profile.schema.json"


def the(agent: str, metric: str) -> Limit:
    found = in_force(NIOSH, agent, DAY, metric)
    assert len(found) == 1
    return found[0]


def broken(**changes: object) -> list[str]:
    first = msgspec.structs.replace(NIOSH.limits[0], **changes)
    return check({"x": msgspec.structs.replace(NIOSH, limits=[first, *NIOSH.limits[1:]])})


@pytest.mark.check
def test_the_shipped_profiles_pass_their_own_check():
    assert check() == []


@pytest.mark.check
def test_the_published_schema_is_that_of_the_types():
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Oshwatch limit profile", **msgspec.json.schema(Profile)}
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == made


@pytest.mark.parametrize(
    ("agent", "metric", "value"),
    [
        ("noise", "dose_3db", 100.0),
        ("noise", "lex_8h", 85.0),
        ("noise", "lcpeak_max", 140.0),
        ("630-08-0", "twa", 35.0),
        ("630-08-0", "ceiling_max", 200.0),
        ("10102-44-0", "stel_15min_max", 1.0),
        ("7446-09-5", "twa", 2.0),
        ("7664-41-7", "stel_15min_max", 35.0),
        ("7783-06-4", "ceiling_max", 10.0),
        ("7782-50-5", "ceiling_max", 0.5),
        ("50-00-0", "twa", 0.016),
        ("10028-15-6", "ceiling_max", 0.1),
        ("124-38-9", "twa", 5000.0),
        ("108-88-3", "twa", 100.0),
    ],
)
def test_the_numbers_are_those_of_the_source(agent, metric, value):
    assert the(agent, metric).value == value


def test_a_ceiling_carries_its_own_averaging_time():
    assert the("7783-06-4", "ceiling_max").window_min == 10
    assert the("50-00-0", "ceiling_max").window_min == 15
    assert the("630-08-0", "ceiling_max").window_min == 0
    assert the("630-08-0", "twa").window_min is None


def test_heat_has_a_limit_for_the_acclimatised_and_one_for_others():
    assert {(limit.id, limit.formula, limit.acclimatised) for limit in in_force(NIOSH, "heat", DAY)} == {("niosh-ral", "niosh_ral", "no"), ("niosh-rel", "niosh_rel", "yes")}


def test_every_number_says_where_it_stands():
    assert all(limit.clause and limit.source in NIOSH.sources and NIOSH.sources[limit.source].seen for limit in NIOSH.limits)
    assert not NIOSH.law
    assert not NIOSH.accepts_screening


def test_a_limit_is_compared_in_the_unit_of_the_channel():
    toluene, h2s = the("108-88-3", "twa"), the("7783-06-4", "ceiling_max")
    assert (toluene.value_in("ppm"), toluene.value_in("mg/m3")) == (100.0, 375.0)
    assert h2s.value_in("mg/m3") == pytest.approx(13.9, abs=0.1)
    mdi = the("101-68-8", "twa")
    assert mdi.value_in("ppm") == pytest.approx(0.005, rel=0.03)
    assert mdi.value_in("dB") is None
    assert the("1310-73-2", "ceiling_max").value_in("ppm") is None


def test_a_limit_holds_from_its_first_day_until_the_day_before_its_end():
    limit = msgspec.structs.replace(NIOSH.limits[0], valid_from="2026-01-01", valid_until="2027-01-01")
    assert [limit.holds_on(day) for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1))] == [False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"valid_from": "soon"}, "are dates"),
        ({"valid_from": "2026-01-01", "valid_until": "2026-01-01"}, "not after valid_from"),
        ({"value": 3.0}, "either a value or a formula"),
        ({"formula": "made_up"}, "no formula 'made_up'"),
        ({"agent": "108-88-4"}, "neither heat, noise nor a CAS number"),
        ({"source": "hearsay"}, "no source 'hearsay'"),
        ({"clause": ""}, "no clause"),
        ({"note": "the ACGIH TLV"}, "copyrighted"),
        ({"id": "niosh-rel"}, "two entries hold at the same time"),
    ],
)
def test_the_check_says_what_is_wrong(changes, problem):
    assert any(problem in line for line in broken(**changes))


def test_a_pair_of_units_that_does_not_reconcile_is_a_misprint():
    toluene = the("108-88-3", "twa")
    wrong = msgspec.structs.replace(toluene, value_mg_m3=37.5)
    assert any("not 37.5" in line for line in check({"x": msgspec.structs.replace(NIOSH, limits=[wrong])}))
    bare = msgspec.structs.replace(toluene, molar_mass_g_mol=None)
    assert any("needs molar_mass_g_mol" in line for line in check({"x": msgspec.structs.replace(NIOSH, limits=[bare])}))


def test_profiles_are_listed_and_shown():
    assert any(line.startswith("us-niosh  NIOSH recommended exposure limits  (recommendation; ") for line in list_profiles())
    text = "\n".join(show("us-niosh"))
    assert "niosh-toluene-twa  Toluene: twa 100 ppm (375 mg/m3), mean of a shift of up to 10 h, from 2018-04-01; verified; NIOSH Pocket Guide" in text
    assert len(limit_refs(NIOSH)) == len(NIOSH.limits)
    assert {limit.averaging for limit in NIOSH.limits} <= AVERAGING_TEXT.keys()


def test_an_unknown_profile_says_which_there_are():
    with pytest.raises(NotFound, match="us-niosh"):
        show("atlantis")


def test_a_profile_file_with_a_mistake_names_line_and_field(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("id: x\nname: X\njurisdiction: ''\nlaw: maybe\nsources: {}\nlimits: []\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"x\.yaml:4: law"):
        load_profile(file)
    with pytest.raises(BadInput, match="cannot be read"):
        load_profile(tmp_path / "none.yaml")
