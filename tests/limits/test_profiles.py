"""Every shipped profile: it loads, passes its own check, speaks of everything it must, and claims nothing that was not seen."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.quantities import is_cas
from models.airborne.units import mg_m3_from_ppm
from models.limits import Limit, Profile, check, in_force, load_profiles, show, where_written
from models.limits.agents import AGENTS
from models.limits.loader import show_written
from models.noise.niosh import allowed_minutes
from oshwatch.cli import run

PROFILES = load_profiles()
ALL = sorted(PROFILES)
TEMPLATES = ("bd", "eg", "et", "ht", "jo", "kh", "lk", "mg", "ni", "pk")
SUBSTANCES = Path(__file__).parents[2].parent / "shared" / "data" / "vectors" / "exposure" / "niosh_npg_osha_pel_subset.csv"
OF_NO_CAS = {"Particulates not otherwise regulated": "dust:general", "Cotton dust (raw)": "dust:cotton"}


def value(profile: str, agent: str, metric: str, day: str, **fields: object) -> float | None:
    found = [limit for limit in in_force(PROFILES[profile], agent, date.fromisoformat(day), metric) if all(getattr(limit, name) == wanted for name, wanted in fields.items())]
    assert len(found) <= 1, found
    return found[0].value if found else None


def test_all_profiles_are_there():
    assert set(PROFILES) == {"us-niosh", "us-osha", "eu", "uk-eh40", "vn", "id", "iso-7243", "ilo", "good-practice-extended-shifts", *TEMPLATES}


@pytest.mark.check
@pytest.mark.parametrize("id", ALL)
def test_a_profile_passes_its_check_and_is_called_like_its_file(id):
    assert PROFILES[id].id == id
    assert check({id: PROFILES[id]}) == []
    assert show(id)[0] == PROFILES[id].name


@pytest.mark.parametrize("id", ALL)
def test_a_profile_speaks_of_heat_noise_and_every_substance(id):
    profile = PROFILES[id]
    left_out = {agent for entry in profile.not_covered for agent in entry.agents}
    for agent in AGENTS:
        has_limit = any(limit.is_for(agent) for limit in profile.limits)
        has_duty = any(agent in duty.agents for duty in profile.general_duties)
        assert has_limit or has_duty or agent in left_out, f"{id}: {agent}"


@pytest.mark.skipif(not SUBSTANCES.exists(), reason="the shared vectors are not here")
def test_the_substances_that_profiles_must_speak_of_are_those_of_the_list():
    with SUBSTANCES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    agents = {OF_NO_CAS.get(row["name"]) or row["cas"].split()[0] for row in rows}
    assert agents == AGENTS.keys() - {"heat", "noise"}


@pytest.mark.skipif(not SUBSTANCES.exists(), reason="the shared vectors are not here")
def test_the_federal_limits_are_those_that_the_list_prints():
    osha = PROFILES["us-osha"]
    with SUBSTANCES.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if is_cas(row["cas"])]
    for row in rows:
        printed = row["osha_pel"].replace(",", "")
        for limit in (one for one in osha.limits if one.agent == row["cas"] and one.source in ("z1", "dcm", "formaldehyde", "benzene")):
            number = f"{limit.over_ppm or limit.value:g} {'ppm' if limit.over_ppm else limit.unit}"
            mark = {"twa": "TWA ", "stel_15min_max": "ST ", "minutes_over_ceiling": "C "}.get(limit.metric, "")
            assert mark + number in printed, (limit.id, printed)
            assert limit.value_mg_m3 is None or f"{limit.value_mg_m3:g} mg/m3" in printed, (limit.id, printed)


@pytest.mark.parametrize("id", ALL)
def test_nothing_is_verified_whose_text_was_not_seen(id):
    profile = PROFILES[id]
    for entry in [*profile.limits, *profile.general_duties]:
        assert entry.status == "unverified" or profile.sources[entry.source].seen, entry
        assert entry.clause
        assert entry.source in profile.sources


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_template_proves_nothing_and_asks_the_ministry(id):
    profile = PROFILES[id]
    assert all(limit.status == "unverified" for limit in profile.limits)
    assert profile.law
    assert len(profile.confirm) >= 3
    assert profile.authority
    assert profile.jurisdiction == id.upper()


@pytest.mark.parametrize("id", ALL)
def test_no_copyrighted_table_is_shipped_or_named(id):
    text = msgspec.json.encode(PROFILES[id]).decode().lower()
    assert "acgih" not in text
    assert "tlv" not in text


@pytest.mark.parametrize("id", ALL)
def test_a_pair_in_two_units_is_one_limit_at_the_lists_temperature(id):
    for limit in PROFILES[id].limits:
        if limit.value_mg_m3 is not None:
            computed = mg_m3_from_ppm(limit.value, limit.molar_mass_g_mol, limit.ref_temperature_c)
            assert limit.value_mg_m3 == pytest.approx(computed, rel=0.03), limit.id


def test_each_list_is_at_its_own_temperature():
    temperatures = {id: {limit.ref_temperature_c for limit in PROFILES[id].limits} - {None} for id in ("us-niosh", "us-osha", "eu", "uk-eh40")}
    assert temperatures == {"us-niosh": {25.0}, "us-osha": {25.0}, "eu": {20.0}, "uk-eh40": {20.0}}


@given(st.sampled_from([(profile, limit) for profile in PROFILES.values() for limit in profile.limits if limit.value_mg_m3 is not None]), st.floats(1.04, 30.0), st.booleans())
def test_a_misprint_in_either_unit_is_found(found: tuple[Profile, Limit], factor: float, downwards: bool) -> None:
    profile, limit = found
    computed = mg_m3_from_ppm(limit.value or 0.0, limit.molar_mass_g_mol or 0.0, limit.ref_temperature_c or 0.0)
    wrong = msgspec.structs.replace(limit, value_mg_m3=computed / factor if downwards else computed * factor)
    assert any(f"{limit.id}: " in problem and "mg/m3, not" in problem for problem in check({"x": msgspec.structs.replace(profile, limits=[wrong])}))


@given(st.sampled_from(ALL), st.sampled_from(sorted(AGENTS)), st.dates(date(1990, 1, 1), date(2035, 12, 31)))
def test_on_any_day_each_rule_has_one_limit(id: str, agent: str, day: date) -> None:
    found = in_force(PROFILES[id], agent, day)
    keys = [(one.agent, one.metric, one.averaging, one.acclimatised, one.fraction, one.measured_as, one.applies_to, one.with_protectors) for one in found]
    assert len(keys) == len(set(keys))
    assert all(written.clause and written.title for written in where_written(PROFILES[id], agent, day))


@pytest.mark.parametrize(
    ("day", "ppm", "mg_m3"),
    [("2024-04-04", 1.0, 3.25), ("2024-04-05", 0.5, 1.65), ("2026-04-04", 0.5, 1.65), ("2026-04-05", 0.2, 0.66), ("2030-01-01", 0.2, 0.66)],
)
def test_the_unions_limit_for_benzene_falls_by_its_dates(day, ppm, mg_m3):
    found = in_force(PROFILES["eu"], "71-43-2", date.fromisoformat(day), "twa")
    assert [(limit.value, limit.value_mg_m3, limit.status) for limit in found] == [(ppm, mg_m3, "verified")]


def test_diisocyanates_count_as_a_group_by_their_nco():
    for agent in ("584-84-9", "101-68-8", "group:diisocyanates"):
        assert value("eu", agent, "twa", "2028-12-31") == 0.010
        assert value("eu", agent, "twa", "2029-01-01") == 0.006
        assert value("eu", agent, "stel_15min_max", "2029-01-01") == 0.012
    limit = in_force(PROFILES["eu"], "101-68-8", date(2030, 1, 1), "twa")[0]
    assert limit.value_in("mg/m3") is None  # a reading of MDI is no reading of NCO


@pytest.mark.parametrize(
    ("profile", "agent", "metric", "expected"),
    [
        ("us-osha", "noise", "dose_5db_t90", 100.0),
        ("us-osha", "noise", "dose_5db_t80", 50.0),
        ("us-osha", "108-88-3", "ceiling_max", 500.0),
        ("us-osha", "108-88-3", "minutes_over_ceiling", 10.0),
        ("us-osha", "50-00-0", "twa", 0.75),
        ("eu", "79-01-6", "stel_15min_max", 30.0),
        ("eu", "50-00-0", "stel_15min_max", 0.6),
        ("eu", "108-88-3", "twa", 50.0),
        ("uk-eh40", "630-08-0", "twa", 20.0),
        ("vn", "noise", "la_max", 115.0),
        ("vn", "67-64-1", "stel_15min_max", 1000.0),
        ("id", "noise", "lex_8h", 85.0),
        ("us-niosh", "14808-60-7", "twa", 0.05),
    ],
)
def test_numbers_of_the_sources(profile, agent, metric, expected):
    assert value(profile, agent, metric, "2026-11-23") == expected


def test_the_unions_noise_values_with_and_without_protectors():
    assert value("eu", "noise", "lex_8h", "2026-11-23", with_protectors=False) == 85.0
    assert value("eu", "noise", "lex_8h", "2026-11-23", with_protectors=True) == 87.0
    action = in_force(PROFILES["eu"], "noise", date(2026, 11, 23), "lex_8h")[0]
    assert (action.action_level, action.value_in("dB")) == (80.0, 85.0)
    assert value("eu", "noise", "lcpeak_max", "2026-11-23", with_protectors=False) == 137.0
    limit = next(one for one in PROFILES["eu"].limits if one.id == "eu-noise-limit")
    assert limit.value_in("dB") is None  # never held against a level that no protector has lowered


@pytest.mark.parametrize("id", ["vn", "id"])
def test_a_noise_ladder_is_the_3_db_dose_but_for_rounding(id):
    dose = in_force(PROFILES[id], "noise", date(2026, 11, 23), "dose_3db")[0]
    assert (dose.ladder[0].minutes, dose.ladder[0].level_db) == (480.0, 85.0)
    for rung in dose.ladder:
        exact = float(allowed_minutes(rung.level_db))
        assert rung.minutes == pytest.approx(exact, abs=0.76 if id == "vn" else 0.006), rung


def test_cotton_dust_has_no_federal_limit_for_sewing():
    cotton = [limit for limit in PROFILES["us-osha"].limits if limit.agent == "dust:cotton"]
    assert len(cotton) == 4
    assert all(limit.applies_to and limit.value_in("mg/m3") is None for limit in cotton)


def test_where_a_limit_is_written():
    found = where_written(PROFILES["vn"], "noise", date(2026, 11, 23), "lex_8h", "8h_level")
    assert [(one.number, one.title, one.edition, one.status) for one in found] == [("85 dB", "QCVN 24:2016/BYT, Noise", "Circular 24/2016/TT-BYT of 30 June 2016", "verified")]
    assert where_written(PROFILES["vn"], "noise", date(2010, 1, 1)) == []
    duty = where_written(PROFILES["bd"], "heat", date(2026, 11, 23))
    assert [(one.title, one.clause, one.number) for one in duty] == [("Bangladesh Labour Act 2006", "section 52", "")]
    assert where_written(PROFILES["eu"], "71-43-2", date(2025, 1, 1))[0].number == "0.5 ppm"


def test_the_ilo_says_what_to_do_first_and_no_number():
    ilo = PROFILES["ilo"]
    assert ilo.limits == []
    for agent in ("heat", "noise", "group:chemicals"):
        order = [one.control for one in sorted((one for one in ilo.guidance if agent in one.agents), key=lambda one: one.order)]
        assert order.index("engineering") < order.index("organisation") < order.index("protective_equipment")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"not_covered": []}, "no reason under not_covered"),
        ({"confirm": []}, "name the authority and what it must confirm"),
        ({"notice": "as the TLV"}, "copyrighted"),
        ({"sources": {**PROFILES["vn"].sources, "noise": msgspec.structs.replace(PROFILES["vn"].sources["noise"], seen="")}}, "does not say where its text was seen"),
        ({"not_covered": [*PROFILES["vn"].not_covered, msgspec.structs.replace(PROFILES["vn"].not_covered[0], agents=["noise"])]}, "has a limit and stands under not_covered"),
        ({"not_covered": [msgspec.structs.replace(PROFILES["vn"].not_covered[0], reason="")]}, "no reason for"),
        ({"not_covered": [msgspec.structs.replace(PROFILES["vn"].not_covered[0], agents=["78-93-4"])]}, "neither heat, noise nor a CAS number"),
    ],
)
def test_what_a_profile_leaves_out_is_found(changes, problem):
    assert any(problem in line for line in check({"x": msgspec.structs.replace(PROFILES["vn"], **changes)}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"members": ["7722-64-8"]}, "among the members is no CAS number"),
        ({"metric": "minutes_over_ceiling"}, "need over_ppm"),
        ({"action_level": 90.0}, "the action level is over the limit"),
        ({"ladder": list(reversed(in_force(PROFILES["vn"], "noise", date(2026, 11, 23), "dose_3db")[0].ladder))}, "a ladder goes from low levels"),
    ],
)
def test_what_a_limit_gets_wrong_is_found(changes, problem):
    wrong = msgspec.structs.replace(PROFILES["vn"].limits[0], **changes)
    assert any(problem in line for line in check({"x": msgspec.structs.replace(PROFILES["vn"], limits=[wrong])}))


def test_what_was_in_force_on_a_day_is_told_with_where_it_was_read():
    (line,) = show_written("eu", "71-43-2", date(2025, 5, 5))
    assert "twa 0.5 ppm (1.65 mg/m3)" in line
    assert "Annex III, transitional measures; seen: " in line
    (duty,) = show_written("bd", "heat", date(2026, 11, 23))
    assert duty.startswith("general duty, number not known here: heat: Each work room")
    assert show_written("vn", "100-42-5", date(2026, 11, 23))[0].startswith("not covered: Not seen")
    assert show_written("us-osha", "108-88-3", date(1980, 1, 1)) == ["nothing in force for 108-88-3 on 1980-01-01"]
    with pytest.raises(NotFound, match="CAS number"):
        show_written("vn", "100-42-4", date(2026, 11, 23))
    with pytest.raises(NotFound, match="us-niosh"):
        show_written("atlantis", "heat", date(2026, 11, 23))


def test_the_command_line_takes_an_agent_and_a_day(capsys):
    assert run(["limits", "show", "eu", "--agent", "71-43-2", "--on", "2026-04-05"]) == 0
    assert "0.2 ppm (0.66 mg/m3)" in capsys.readouterr().out
    assert run(["limits", "show", "us-niosh", "--agent", "noise"]) == 0
    assert "lex_8h 85 dB" in capsys.readouterr().out
    assert run(["limits", "show", "eu", "--agent", "noise", "--on", "soon"]) == 2
    assert "write 2026-01-31" in capsys.readouterr().err
