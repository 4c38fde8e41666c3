"""The measuring of the heat plan is honest: it sees the past alone, and days that nobody could tell are counted."""

from __future__ import annotations

import numpy as np

from models.forecast.next_day import HOURS
from oshwatch.evaluation.heat_plan import SKILLS, Season, plans, season, told_outdoors

START_US = 1_777_593_600_000_000


def made_up(days: int = 40, seed: int = 1) -> Season:
    """One zone that follows the weather."""
    random = np.random.default_rng(seed)
    day = random.normal(0.0, 2.0, (days, 1)) + 4.0 * np.sin((np.arange(HOURS) - 8) / 12 * np.pi)
    weather = {"air_c": 28.0 + day, "vapour_hpa": np.full((days, HOURS), 22.0), "solar_w_m2": np.full((days, HOURS), 100.0), "wind_ms": np.full((days, HOURS), 2.0)}
    return Season((27.0 + 0.6 * day + random.normal(0.0, 0.2, (days, HOURS)))[None], weather, 11.0, START_US)


def errors(of: Season, skill: str) -> tuple[float, float]:
    told = [one for one in plans(of, told_outdoors(of, skill, np.random.default_rng(2)), 4) if one is not None]
    return float(np.mean([one.plan_k for one in told])), float(np.mean([one.persistence_k for one in told]))


def test_a_better_forecast_makes_a_better_plan_and_a_poor_one_is_no_worse_than_persistence() -> None:
    perfect, usual, poor = (errors(made_up(), skill) for skill in SKILLS)
    assert perfect[0] < usual[0] < poor[0] < 1.05 * poor[1]
    assert perfect[1] == usual[1] == poor[1]


def test_the_planned_day_and_what_comes_after_it_change_nothing_before_it() -> None:
    one, other = made_up(), made_up()
    other.wbgt[:, 20:] += 5.0
    first, second = ([told.plan_k for told in plans(of, told_outdoors(of, "perfect", np.random.default_rng(2)), 4) if told is not None and told.day < 20] for of in (one, other))
    assert first == second


def test_days_without_enough_behind_them_are_told_to_nobody() -> None:
    of = made_up()
    of.wbgt[:, :30] = np.nan
    found = list(plans(of, told_outdoors(of, "perfect", np.random.default_rng(2)), 4))
    assert sum(one is None for one in found) >= 20
    assert any(one is not None for one in found)


def test_free_days_are_not_planned() -> None:
    assert len(list(plans(made_up(14), told_outdoors(made_up(14), "perfect", np.random.default_rng(2)), 0))) == 6


def test_a_simulated_factory_has_a_wbgt_for_each_hour_of_its_zones() -> None:
    found = season("hot-humid", 3, 2, START_US)
    assert found.wbgt.shape[1:] == (2, HOURS)
    assert np.nanmin(found.wbgt) > 15.0
    assert np.nanmax(found.wbgt) < 45.0
