"""Who works, what runs, and what has power, at every step of a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.factory.signals import Array, Lag, Wander, dice
from simulator.factory.weather import DAY_S
from simulator.scenario import Scenario

_RAMP_S = 240.0
_BREAK_MACHINES = 0.12
_BREAK_PEOPLE = 0.3


@dataclass(frozen=True, slots=True)
class Day:
    """Shares of full strength over (steps) or (steps, zones)."""

    people: Array
    machines: Array
    fans: Array  # 1: all mechanical ventilation runs
    steam: Array  # boilers and presses, which cool slowly
    cleaning: Array
    powered: Array  # 1 grid, generator's share, or 0
    shift: tuple[float, float] | None  # seconds of the day


class Diary:
    """Days in order; day 0 has this weekday (1 is Monday)."""

    def __init__(self, scenario: Scenario, weekday: int, step_s: float) -> None:
        self._scenario, self._weekday, self._step_s = scenario, weekday, step_s
        self._clock_s = np.arange(round(DAY_S / step_s)) * step_s
        zones = len(scenario.areas)
        start = dice(scenario.seed, "diary")
        self._load = Wander(0.06, 900, step_s, start.normal(size=zones))
        self._present = Wander(0.05, 2700, step_s, start.normal(size=zones))
        self._boilers, self._ramp = Lag(2400, step_s), Lag(_RAMP_S / 2, step_s)

    def day(self, number: int) -> Day:
        work, plan, random = self._scenario.course.work, self._scenario.shift, dice(self._scenario.seed, "work", number)
        clock, n, zones = self._clock_s, len(self._clock_s), len(self._scenario.areas)
        weekday = (self._weekday - 1 + number) % 7 + 1
        overtime_h = work.overtime_h if random.random() < work.overtime_share else 0.0
        works = plan.machines and weekday not in work.days_off and number not in work.holidays
        begin_s, late_s = clock_s(work.begins), float(random.normal(0, 120))
        end_s = begin_s + (plan.hours + overtime_h) * 3600
        on = ((clock >= begin_s + late_s) & (clock < end_s)).astype(float) * works
        pause_s = begin_s + plan.break_after_min * 60 + float(random.normal(0, 90))
        rests = (clock >= pause_s) & (clock < pause_s + plan.break_min * 60)
        away = np.zeros(n)
        for prayer in work.prayers:
            away = np.maximum(away, work.prayer_share * ((clock >= clock_s(prayer)) & (clock < clock_s(prayer) + 60 * work.prayer_min)))
        powered = self._power(random)
        idle = 0.5 * ((clock >= end_s - 5400) & (clock < end_s)) * (weekday == work.maintenance_weekday)
        cleaning = ((clock >= end_s) & (clock < end_s + 60 * work.cleaning_min)).astype(float) * works
        steam = self._boilers.over(on * np.where(rests, 0.6, 1.0))
        wants = np.stack(
            [on * np.where(rests, _BREAK_PEOPLE, 1.0) * (1 - away) + 0.05 * cleaning, on * np.where(rests, _BREAK_MACHINES, 1.0) * (1 - 0.8 * away) * (1 - idle)], axis=1
        )
        ramped = self._ramp.over(wants)
        people = ramped[:, :1] * np.clip(0.94 + self._present.over(random.normal(size=(n, zones))), 0, 1.1)
        machines = ramped[:, 1:] * powered[:, None] * np.clip(0.9 + self._load.over(random.normal(size=(n, zones))), 0, 1.1)
        fans = powered[:, None] * np.where(on + cleaning > 0, 1.0, 0.15)[:, None] * np.ones(zones)
        return Day(people, machines, fans, steam, cleaning, powered, (begin_s, end_s) if works else None)

    def _power(self, random: np.random.Generator) -> Array:
        power = self._scenario.course.power
        powered = np.ones(len(self._clock_s))
        for _ in range(int(random.poisson(power.cuts_per_day))):
            start_s, length_s = float(random.uniform(0, DAY_S)), 60 * float(random.exponential(power.cut_min))
            powered[(self._clock_s >= start_s) & (self._clock_s < start_s + length_s)] = power.generator_share
            powered[(self._clock_s >= start_s) & (self._clock_s < start_s + min(length_s, power.generator_after_s))] = 0.0
        return powered


def clock_s(text: str) -> float:
    """After midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0
