"""The plant obeys what a factory obeys: heat, moisture and matter balance, machines add up as energy, and the same seed gives the same world."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.times import HOUR_US, MINUTE_US, SECOND_US
from models.heat.niosh import rel_c
from models.heat.wbgt import estimated_wbgt_c
from simulator.plant import Plant
from simulator.scenario import Scenario, list_scenarios, load_scenario

START_US = 1_795_500_000_000_000
REST_W = 115.0


def wbgt_at(plant: Plant, placement: str, since_start_s: float) -> float:
    now = plant.quantities(placement, START_US + round(since_start_s * SECOND_US))
    return float(estimated_wbgt_c(now["air_temperature"], now["relative_humidity"], now["globe_temperature"], now["air_speed"]))


@pytest.fixture
def hot() -> Scenario:
    return load_scenario("hot-afternoon")


def test_the_steam_leak_makes_the_press_line_too_hot_for_any_work_within_ninety_seconds(hot) -> None:
    plant = Plant(hot, START_US)
    before = wbgt_at(plant, "ironing", 30)
    assert 25.0 <= before < float(rel_c(300))
    assert wbgt_at(plant, "ironing", 90) > float(rel_c(REST_W))
    assert all(wbgt_at(plant, "ironing", at) > float(rel_c(REST_W)) for at in range(100, 1200, 20))
    assert wbgt_at(plant, "ironing", 1600) < before + 1.0


def test_the_leak_is_felt_at_the_press_line_only(hot) -> None:
    with_leak, without = Plant(hot, START_US), Plant(_without_events(hot), START_US)
    for placement in ("sewing-1", "sewing-2", "cutting", "gluing", "boiler-room"):
        assert with_leak.quantities(placement, START_US + 600 * SECOND_US) == without.quantities(placement, START_US + 600 * SECOND_US)


def test_sewing_is_comfortable_all_through_the_demo(hot) -> None:
    plant = Plant(hot, START_US)
    assert all(22.0 < wbgt_at(plant, "sewing-1", at) < 28.1 for at in range(-3600, 7200, 300))


def test_the_globe_is_never_under_the_air_where_surfaces_are_hot(hot) -> None:
    plant = Plant(hot, START_US)
    for minute in range(-180, 240):
        now = plant.quantities("ironing", START_US + minute * MINUTE_US)
        assert now["globe_temperature"] >= now["air_temperature"]


def test_noise_dips_in_the_break_and_comes_back(hot) -> None:
    plant, since_us = Plant(hot, START_US), hot.shift_start_us(START_US)
    pause_us = since_us + hot.shift.break_after_min * MINUTE_US
    before, inside, after = (plant.quantities("cutting", at)["sound_level_a_eq"] for at in (pause_us - 10 * MINUTE_US, pause_us + 20 * MINUTE_US, pause_us + 65 * MINUTE_US))
    assert inside < before - 5
    assert after == pytest.approx(before, abs=0.5)


def test_solvent_returns_to_what_it_was_when_the_extraction_works_again() -> None:
    scenario = load_scenario("gluing-without-extraction")
    (failure,) = (event for event in scenario.events if event.zone == "gluing" and event.kind == "ventilation_stops")
    plant, undisturbed = Plant(scenario, START_US), Plant(_without_events(scenario), START_US)
    ends_s = failure.start_s + failure.duration_s
    before, worst, after = (plant.quantities("gluing", START_US + round(at * SECOND_US))["tvoc_isobutylene"] for at in (failure.start_s - 10, ends_s, ends_s + 3600))
    assert worst > 3 * before
    assert after == pytest.approx(undisturbed.quantities("gluing", START_US + round((ends_s + 3600) * SECOND_US))["tvoc_isobutylene"], rel=0.05)


def test_solvent_settles_where_what_evaporates_equals_what_leaves(hot) -> None:
    physics = next(area.physics for area in hot.areas if area.zone.id == "gluing")
    evaporated_mg_h = physics.solvent_g_per_min * 1000 * 60
    air_m3_h = physics.volume_m3 * physics.air_changes_per_h
    expected_ppm = evaporated_mg_h / air_m3_h * 24.45 / 56.11
    assert Plant(hot, START_US).quantities("gluing", START_US)["tvoc_isobutylene"] == pytest.approx(expected_ppm, rel=0.02)


def test_nothing_runs_on_a_quiet_sunday() -> None:
    scenario = load_scenario("quiet-sunday")
    plant = Plant(scenario, START_US)
    for minute in range(-170, 120, 10):
        now = plant.quantities("cutting", START_US + minute * MINUTE_US)
        assert now["sound_level_a_eq"] < 60
        assert now["co2"] == pytest.approx(420, abs=5)


@pytest.mark.parametrize("name", list_scenarios())
@settings(max_examples=10, deadline=None)
@given(asked=st.lists(st.integers(-3 * HOUR_US, HOUR_US), min_size=1, max_size=15))
def test_the_world_does_not_depend_on_how_often_one_looks(name: str, asked: list[int]) -> None:
    """A device asks every second, the backfill every ten: both must live in the same world."""
    scenario = load_scenario(name)
    often, once = Plant(scenario, START_US), Plant(scenario, START_US)
    last = max(asked)
    for at in sorted(asked):
        seen = often.quantities("gluing", START_US + at)
    assert seen == once.quantities("gluing", START_US + last)


@pytest.mark.parametrize("name", list_scenarios())
def test_every_quantity_is_plausible_and_moves_without_jumps(name: str) -> None:
    scenario = load_scenario(name)
    plant = Plant(scenario, START_US)
    course = [plant.quantities("ironing", START_US + at * SECOND_US) for at in range(-10_800, 7_200, 5)]
    assert all(10 < now["air_temperature"] < 50 and 5 < now["relative_humidity"] <= 99 and now["air_speed"] > 0 for now in course)
    assert max(abs(later["air_temperature"] - earlier["air_temperature"]) for earlier, later in pairwise(course)) < 2.0


def _without_events(scenario: Scenario) -> Scenario:
    return msgspec.structs.replace(scenario, events=[])
