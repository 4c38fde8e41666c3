"""Outdoor air driven by the sun: elevation at the latitude, cloud, spells of rain; the air follows the ground's heat with a lag of hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.factory.climates import Months, Outdoor
from simulator.factory.signals import Array, Lag, Wander, dice, saturation_hpa

DAY_S = 86_400
_GROUND_TAU_S = 3.5 * 3600
_CLEAR_SKY_W_M2 = 1_000.0
_SPELL_KEEP = 0.65
"""Wet days follow wet days: this much of yesterday's spell is kept."""
_RAIN_COOLS_K = 4.0


@dataclass(frozen=True, slots=True)
class Weather:
    """A day of outdoor air at every step."""

    air_c: Array
    vapour_hpa: Array
    solar_w_m2: Array
    wind_ms: Array
    rain: Array  # 0 or 1


class Sky:
    """Days in order; day 0 is any day of the year."""

    def __init__(self, climate: Outdoor, seed: int, first_day_of_year: int, step_s: float) -> None:
        self._climate, self._seed, self._first, self._step_s = climate, seed, first_day_of_year, step_s
        start = dice(seed, "sky")
        self._clock_s: Array = np.arange(round(DAY_S / step_s), dtype=np.float64) * step_s
        self._ground, self._drain = Lag(_GROUND_TAU_S, step_s), Lag(1500, step_s)
        self._mean = Lag(0.6 * DAY_S, step_s)
        self._cloud = Wander(1.0, 5400, step_s, start.normal(size=1))
        self._gusts = Wander(0.45, 2400, step_s, start.normal(size=1))
        self._moist = Wander(0.9, 6 * 3600, step_s, start.normal(size=1))
        self._spell, self._synoptic = float(start.normal()), float(start.normal())

    def day(self, number: int) -> Weather:
        random, n, climate = dice(self._seed, "weather", number), len(self._clock_s), self._climate
        year = (self._first + number) % 365
        self._spell = _SPELL_KEEP * self._spell + float(np.sqrt(1 - _SPELL_KEEP**2) * random.normal())
        self._synoptic = 0.7 * self._synoptic + 0.714 * float(random.normal())
        is_wet = self._spell > -_quantile(_month(climate.wet_days, year))
        rain = self._rain(random) if is_wet else np.zeros(n)
        cloud = np.clip(0.25 + 0.35 * is_wet + 0.2 * self._cloud.over(random.normal(size=n)) + 0.6 * rain, 0, 0.95)
        clear = _sun(climate.latitude_deg, year, self._clock_s)
        solar = _CLEAR_SKY_W_M2 * clear * (1 - 0.75 * cloud**2)
        swing = _month(climate.range_k, year) / _clear_range(clear, self._step_s)
        base = _month(climate.mean_c, year) + climate.synoptic_sd_k * self._synoptic - 0.6 * is_wet
        warm = swing * (self._ground.over(clear * (1 - 0.55 * cloud)) - 0.85 * float(clear.mean()))
        wet = self._drain.over(rain)
        air = self._mean.over(np.full(n, base)) + warm - _RAIN_COOLS_K * wet
        dew = _month(climate.dew_point_c, year) + 0.5 * climate.synoptic_sd_k * self._synoptic + 1.2 * is_wet + self._moist.over(random.normal(size=n))
        vapour = np.minimum(saturation_hpa(dew) * (1 + 0.06 * wet), 0.99 * saturation_hpa(air))
        wind = 1.8 * np.exp(self._gusts.over(random.normal(size=n))) * (0.6 + 0.8 * np.sqrt(clear)) * (1 + 0.6 * rain)
        return Weather(air, vapour, solar, wind, rain)

    def _rain(self, random: np.random.Generator) -> Array:
        """One to three bursts, most of them in the afternoon."""
        falls = np.zeros(len(self._clock_s))
        for _ in range(int(random.integers(1, 4))):
            start_s = float(random.normal(16.0, 3.5)) % 24 * 3600
            falls[(self._clock_s >= start_s) & (self._clock_s < start_s + 3600 * float(random.exponential(self._climate.rain_h)))] = 1.0
        return falls


def _month(months: Months, day_of_year: int) -> float:
    """Between the middles of the months."""
    middles = (np.arange(14) - 0.5) * 365 / 12
    return float(np.interp(day_of_year, middles, [months[-1], *months, months[0]]))


def _sun(latitude_deg: float, day_of_year: int, clock_s: Array) -> Array:
    """Sine of the sun's elevation by local solar time (Cooper's declination), 0 at night."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365)
    latitude, hour = np.radians(latitude_deg), 2 * np.pi * (clock_s / DAY_S - 0.5)
    return np.asarray(np.maximum(0.0, np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour)))


def _clear_range(clear: Array, step_s: float) -> float:
    """Daily range of the lagged sun under the usual cloud, once it repeats."""
    lag = Lag(_GROUND_TAU_S, step_s)
    lag.over(clear)
    return float(np.ptp(lag.over(clear)) * 0.9)


def _quantile(share: float) -> float:
    """Of the standard normal, by the logistic approximation; ±4 at the ends."""
    if share <= 0 or share >= 1:
        return -4.0 if share <= 0 else 4.0
    return float(np.log(share / (1 - share)) / 1.702)
