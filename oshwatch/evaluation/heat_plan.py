"""Test P: how near the next day's heat plan comes beside persistence, on simulated factories.

The weather is the plant's own, told the evening before with errors of a day (temperature and dew point as a whole) and of an hour. The plan is made at 16:00 for the next day; each sees the past alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from models.arrays import Array
from models.forecast.next_day import HOURS, Way, next_day
from models.heat.liljegren import outdoors, radiation_at
from models.heat.psychrometrics import saturation_vapour_pressure_hpa
from models.heat.wbgt import estimated_wbgt_c
from models.heat.wind import speed_at_2m_ms, stability_class
from oshwatch.evaluation.report import Row
from oshwatch.evaluation.split import Half, first_seed
from simulator.factory.climates import CLIMATES
from simulator.factory.record import Record
from simulator.scenario import load_scenario

SCENARIO = "garment-month"
STEP_S = 60.0
STEPS = round(3600 / STEP_S)
PAST_DAYS = 42
MADE_AT = 16
FIRST_WORKED, LAST_WORKED = 7, 17
SKILLS = {"perfect": (0.0, 0.0), "usual": (1.2, 0.6), "poor": (3.0, 1.0)}
"""Standard deviations of a forecast's error, K: of the day as a whole, of an hour."""
WARM_UP_DAYS = 7
BOOTSTRAPS = 1_000
LONGITUDE_OF_UTC_7 = 105.0
START_US, FIRST_WEEKDAY = 1_777_593_600_000_000, 4
"""1 May 2026, a Friday."""


@dataclass(frozen=True, slots=True)
class Season:
    """Zones × days × 24: WBGT from the sensors; days × 24: weather outdoors by name."""

    wbgt: Array
    weather: dict[str, Array]
    latitude_deg: float
    first_us: int


def season(climate: str, seed: int, days: int, start_us: int) -> Season:
    scenario = load_scenario(SCENARIO)
    scenario = msgspec.structs.replace(scenario, seed=seed, course=msgspec.structs.replace(scenario.course, climate=climate))
    record = Record(scenario, start_us, days, STEP_S)
    columns = {(channel.zone, channel.quantity): number for number, channel in reversed(list(enumerate(record.channels)))}
    needed = ("air_temperature", "relative_humidity", "globe_temperature")
    zones = sorted({zone for zone, _ in columns if all((zone, quantity) in columns for quantity in needed)})
    wbgt, weather = [], []
    for block in record.blocks():
        hourly = _hours(block.observed)
        speed = [hourly[:, columns[zone, "air_speed"]] if (zone, "air_speed") in columns else np.full(HOURS, 0.2) for zone in zones]
        air, humidity, globe = (np.array([hourly[:, columns[zone, quantity]] for zone in zones]) for quantity in needed)
        wbgt.append(estimated_wbgt_c(air, humidity, globe, np.array(speed)))
        weather.append([_hours(column[:, None])[:, 0] for column in (block.weather.air_c, block.weather.vapour_hpa, block.weather.solar_w_m2, block.weather.wind_ms)])
    names = ("air_c", "vapour_hpa", "solar_w_m2", "wind_ms")
    by_name = {name: np.array([day[number] for day in weather]) for number, name in enumerate(names)}
    return Season(np.stack(wbgt, axis=1), by_name, CLIMATES[climate].latitude_deg, record.start_us)


def _hours(values: Array) -> Array:
    """Means of hours in which most is there."""
    parts = values.reshape(HOURS, STEPS, -1)
    known = ~np.isnan(parts)
    mean = np.where(known, parts, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known.mean(axis=1) >= 0.75, mean, np.nan)


def told_outdoors(of: Season, skill: str, random: np.random.Generator) -> Array:
    """WBGT in the sun as it is told the evening before."""
    daily, hourly = SKILLS[skill]
    shape = of.weather["air_c"].shape

    def off() -> Array:
        return np.asarray(random.normal(0.0, daily, (shape[0], 1)) + random.normal(0.0, hourly, shape))

    air = of.weather["air_c"] + off()
    dew_shift = np.exp(0.06 * off())  # 6 % of vapour pressure a kelvin of dew point
    humidity = np.clip(100.0 * of.weather["vapour_hpa"] * dew_shift / saturation_vapour_pressure_hpa(air), 5.0, 100.0)
    solar = of.weather["solar_w_m2"] * np.clip(1.0 + 0.15 * daily * random.normal(0.0, 1.0, (shape[0], 1)), 0.2, 1.3)
    seconds = of.first_us / 1e6 + (np.arange(shape[0])[:, None] * HOURS + np.arange(HOURS) + 0.5) * 3600.0
    light = radiation_at(seconds, of.latitude_deg, LONGITUDE_OF_UTC_7, solar)
    wind = speed_at_2m_ms(of.weather["wind_ms"], 10.0, stability_class(of.weather["wind_ms"], solar, solar > 0.0), urban=True)
    return outdoors(air, humidity, wind, light).wbgt_c


@dataclass(frozen=True, slots=True)
class Told:
    """One zone's day: mean absolute error of the plan, of persistence and of recent days over the same hours, share of hours inside the band, which way."""

    day: int
    plan_k: float
    persistence_k: float
    recent_k: float
    inside: float
    way: Way


def plans(of: Season, outside: Array, weekday: int) -> Iterator[Told | None]:
    """Every worked day of every zone; None where the plan said unknown. `weekday` of the first day, Monday 0; Sundays are free."""
    days = of.wbgt.shape[1]
    worked = np.zeros((days, HOURS), dtype=bool)
    worked[[day for day in range(days) if (weekday + day) % 7 != 6], FIRST_WORKED:LAST_WORKED] = True
    lag = np.where(np.arange(HOURS) < MADE_AT, 1, 2)
    for zone in of.wbgt:
        for day in range(WARM_UP_DAYS, days):
            if not worked[day].any():
                continue
            window = slice(max(0, day - PAST_DAYS), day + 1)
            found = next_day(zone[window], outside[window], worked[window], lag)
            yield _scored(day, found.value, found.low, found.high, found.way, zone[window], worked[window], lag)


def _scored(day: int, value: Array, low: Array, high: Array, way: Way | None, zone: Array, worked: Array, lag: Array) -> Told | None:
    truth = np.where(worked[-1], zone[-1], np.nan)
    seen = np.where(worked, zone, np.nan)
    seen[-1] = np.nan
    last, recent = np.full(HOURS, np.nan), np.full(HOURS, np.nan)
    for hour in range(HOURS):
        past = seen[: len(seen) - int(lag[hour]), hour]
        known = past[~np.isnan(past)]
        if len(known):
            last[hour], recent[hour] = known[-1], known[-7:].mean()
    both = ~np.isnan(truth + value + last)
    if way is None or not both.any():
        return None
    plan_k, persistence_k, recent_k = (float(np.mean(np.abs(one[both] - truth[both]))) for one in (value, last, recent))
    return Told(day, plan_k, persistence_k, recent_k, float(np.mean((low[both] <= truth[both]) & (truth[both] <= high[both]))), way)


def measure(climates: Sequence[str], seeds: int, days: int, half: Half, say: Callable[[str], None]) -> list[Row]:
    """The plan's skill over persistence by climate and by how good the weather forecast is, with the share of hours inside the band."""
    rows = []
    for climate in climates:
        say(f"P: {climate}, {half}")
        random = np.random.default_rng(1)
        seasons = [season(climate, first_seed(half) + 1 + seed, days, START_US) for seed in range(seeds)]
        for skill in (*SKILLS, "none"):
            found = [(number, told) for number, of in enumerate(seasons) for told in plans(of, _outside(of, skill, random), FIRST_WEEKDAY)]
            rows.append(_row(climate, skill, found, random))
    return rows


def _outside(of: Season, skill: str, random: np.random.Generator) -> Array:
    return np.full(of.wbgt.shape[1:], np.nan) if skill == "none" else told_outdoors(of, skill, random)


def _row(climate: str, skill: str, found: list[tuple[int, Told | None]], random: np.random.Generator) -> Row:
    known = [(number, told) for number, told in found if told is not None]
    errors = np.array([[told.plan_k, told.persistence_k, told.recent_k, told.inside] for _, told in known])
    groups = np.array([number * 10_000 + told.day for number, told in known])
    plan_k, persistence_k, recent_k, inside = errors.mean(axis=0)
    low, high = np.quantile([_skill(errors, groups, random) for _ in range(BOOTSTRAPS)], [0.025, 0.975])
    ways = ", ".join(f"{way.value} {np.mean([told.way is way for _, told in known]):.2f}" for way in Way)
    return Row(
        test="P",
        what=f"heat plan, {climate}, weather forecast {skill}: skill over persistence",
        target=">= 0",
        reached=1.0 - plan_k / persistence_k,
        low=float(low),
        high=float(high),
        is_met=bool(plan_k <= persistence_k),
        note=f"{len(known)} days × zones, {1.0 - len(known) / len(found):.2f} unknown; {plan_k:.2f} K, persistence {persistence_k:.2f} K, last 7 days {recent_k:.2f} K; in the band {inside:.2f}; {ways}",
    )


def _skill(errors: Array, groups: Array, random: np.random.Generator) -> float:
    """Of days drawn with replacement: zones of one day share its weather."""
    days = np.unique(groups)
    weight = np.bincount(np.searchsorted(days, random.choice(days, len(days))), minlength=len(days))[np.searchsorted(days, groups)]
    return float(1.0 - (errors[:, 0] * weight).sum() / (errors[:, 1] * weight).sum())
