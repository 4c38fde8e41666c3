"""Heat and matter of all zones in one implicit step: what is in the air, what comes, what leaves, what passes through doors.

Species: 0 heat, 1 water vapour, 2 CO2, 3 solvent, 4 formaldehyde, 5 dust. A step solves the balance exactly, so that it closes whatever the step's length.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator.factory.signals import Array, saturation_hpa, vapour_g_m3
from simulator.factory.weather import Weather
from simulator.factory.work import Day
from simulator.scenario import Area, Scenario

HEAT, VAPOUR, CO2, SOLVENT, FORMALDEHYDE, DUST = range(6)
AIR_J_M3K = 1_200.0
OUTDOOR_CO2_PPM = 420.0
PPM_PER_MG_M3 = 24.45 / 56.1  # isobutylene at 25 °C
DUST_OUT_UG_M3 = 14.0
_PERSON_W, _PERSON_G_S, _PERSON_CO2_L_S = 75.0, 0.02, 0.31 / 60  # light work: sensible heat, moisture, CO2
_SETTLES_PER_H = 0.4
_SURFACE_W_M2K = 5.0
_LEAK_W_M3K, _LEAK_G_M3S, _LEAK_RADIANT_K = 7.5, 14.0, 3.0  # a leak of size 1 settles at these over the zone's own, by its ventilation
_CLEANING_G_S_M2 = 0.02
_NIGHT_FLOW = 0.25
"""Share of the natural air changes when doors and windows are shut."""


@dataclass(slots=True)
class Ledger:
    """In the unit of each species times m³: what was there first and last, what came and what left."""

    first: Array
    came: Array
    left: Array
    last: Array

    def gap(self) -> Array:
        """0 where the balance closes."""
        return (self.last - self.first) - (self.came - self.left)


@dataclass(frozen=True, slots=True)
class Forces:
    """What events add at every step, over (steps, zones)."""

    leak: Array
    lost: Array  # share of the ventilation
    spill_g_min: Array


@dataclass(frozen=True, slots=True)
class Air:
    """(steps, zones): temperature and globe °C, vapour g/m³, CO2 ppm, solvent and formaldehyde mg/m³, dust µg/m³, air speed m/s."""

    air_c: Array
    globe_c: Array
    matter: Array  # (steps, species, zones); heat at 0
    speed_ms: Array
    ledger: Ledger = field(repr=False)


class Building:
    """State of all zones' air, mass and globes; give it days in order."""

    def __init__(self, scenario: Scenario, step_s: float, air_c: float, vapour_hpa: float) -> None:
        self._step_s, self._areas = step_s, scenario.areas
        areas, of = self._areas, self._of
        self.volume_m3 = of("volume_m3")
        self._floor_m2 = self.volume_m3 / of("height_m")
        self._flow_m3_s = self.volume_m3 * of("air_changes_per_h") / 3600
        self._doors = _doors(areas, scenario.course.doors_m3_s)
        self._capacity = np.stack([self.volume_m3 * AIR_J_M3K * 3, self.volume_m3 * 2, *[self.volume_m3] * 4])  # goods follow the air: they warm, and cloth takes up moisture
        self._roof_w_k, self._mass_w_k = self._floor_m2 * of("roof_w_per_m2k"), self._floor_m2 * _SURFACE_W_M2K
        self._mass_j_k = self._floor_m2 * of("mass_j_per_m2k")
        vapour = float(vapour_g_m3(np.array(vapour_hpa), np.array(air_c)))
        outdoor = np.array([air_c, vapour, OUTDOOR_CO2_PPM, 0.0, 0.0, DUST_OUT_UG_M3])
        self._state = np.repeat(outdoor[:, None], len(areas), axis=1)
        self._mass_c, self._globe_c = np.full(len(areas), air_c), np.full(len(areas), air_c)

    def day(self, weather: Weather, day: Day, forces: Forces) -> Air:
        """All steps of one day."""
        steps, zones, dt = len(weather.air_c), len(self.volume_m3), self._step_s
        vent = self._ventilation(weather, day, forces)
        sources = self._sources(weather, day, forces, vent)
        outdoor = _outdoor(weather)
        matter, globe = np.empty((steps, 6, zones)), np.empty((steps, zones))
        speed = self._speed(day, weather)
        rise, keep = _globe(speed, dt)
        radiant_k = self._radiant(day, forces)
        fixed = np.zeros((6, zones, zones))
        fixed[:] = self._doors
        fixed[HEAT] *= AIR_J_M3K
        grip = dt * self._mass_w_k / self._mass_j_k
        extra = np.stack([self._roof_w_k + self._mass_w_k / (1 + grip), *[np.zeros(zones)] * 4, self.volume_m3 * _SETTLES_PER_H / 3600])
        first, came, left = self._stock(), np.zeros((6, zones)), np.zeros((6, zones))
        carried = np.ones((6, 1))
        carried[HEAT] = AIR_J_M3K
        loss = vent[:, None, :] * carried[None] + extra[None]
        gain = sources + vent[:, None, :] * carried[None] * outdoor[:, :, None]
        gain[:, HEAT] += self._roof_w_k * weather.air_c[:, None]
        sun = self._floor_m2 * self._of("roof_absorbs") * 0.12 * weather.solar_w_m2[:, None]
        diagonal = np.arange(zones)
        ready = self._capacity / dt
        state, mass = self._state, self._mass_c
        for step in range(steps):
            held = (mass + dt * sun[step] / self._mass_j_k) / (1 + grip)
            gained = gain[step].copy()
            gained[HEAT] += self._mass_w_k * held
            matrix = fixed.copy()
            matrix[:, diagonal, diagonal] += ready + loss[step]
            state = np.linalg.solve(matrix, (ready * state + gained)[:, :, None])[:, :, 0]
            mass = held + grip * state[HEAT] / (1 + grip)
            came += dt * gained
            left += dt * loss[step] * state
            matter[step] = state
            mean_radiant = 0.6 * mass + 0.4 * state[HEAT] + radiant_k[step]
            target = state[HEAT] + rise[step] * (mean_radiant - state[HEAT])
            self._globe_c = target + (self._globe_c - target) * keep[step]
            globe[step] = self._globe_c
        self._state, self._mass_c = state, mass
        return Air(matter[:, HEAT], globe, matter, speed, Ledger(first, came, left, self._stock()))

    def _stock(self) -> Array:
        return np.asarray(self._capacity * self._state)

    def _of(self, name: str) -> Array:
        """A figure of the physics, for each zone."""
        return np.array([float(getattr(area.physics, name)) for area in self._areas])

    def _ventilation(self, weather: Weather, day: Day, forces: Forces) -> Array:
        share, open_ = self._of("mechanical"), np.where(day.people.mean(axis=1) > 0.02, 1.0, _NIGHT_FLOW)
        natural = (0.55 + 0.25 * weather.wind_ms) * open_
        return np.asarray(self._flow_m3_s * (share * day.fans + (1 - share) * natural[:, None]) * np.maximum(0.02, 1 - forces.lost))

    def _sources(self, weather: Weather, day: Day, forces: Forces, vent: Array) -> Array:
        """Strengths are such that full work under full ventilation settles at the gains that the scenario names."""
        of, people = self._of, day.people * self._of("occupants")
        escapes = self._flow_m3_s * AIR_J_M3K + self._roof_w_k
        machine_w = np.maximum(0.0, of("air_gain_k") * escapes - of("occupants") * _PERSON_W)
        steam_g_s = np.maximum(0.0, of("vapour_gain_hpa") * 0.73 * self._flow_m3_s - of("occupants") * _PERSON_G_S)
        running = 0.5 * day.machines + 0.5 * day.steam[:, None]
        extraction = 1 - of("capture") * day.fans * (1 - forces.lost)
        wet = day.cleaning[:, None] * self._floor_m2 * _CLEANING_G_S_M2
        return np.stack(
            [
                machine_w * running + people * _PERSON_W + forces.leak * _LEAK_W_M3K * AIR_J_M3K * self._flow_m3_s,
                steam_g_s * day.steam[:, None] + people * _PERSON_G_S + wet + forces.leak * _LEAK_G_M3S * self._flow_m3_s,
                people * _PERSON_CO2_L_S * 1e3 * np.ones_like(vent),
                (of("solvent_g_per_min") * day.machines * extraction + forces.spill_g_min) * 1000 / 60,
                of("formaldehyde_mg_per_min") / 60 * (0.3 + 0.7 * day.machines) * np.exp(0.06 * (weather.air_c[:, None] - 25)),
                of("dust_ug_per_s") * day.machines + 60 * day.cleaning[:, None],
            ],
            axis=1,
        )

    def _speed(self, day: Day, weather: Weather) -> Array:
        return np.asarray(self._of("air_speed_ms") * (0.25 + 0.65 * day.fans + 0.06 * weather.wind_ms[:, None]))

    def _radiant(self, day: Day, forces: Forces) -> Array:
        """Surplus of the mean radiant temperature that lifts a globe in usual air by the scenario's gain."""
        return np.asarray((self._of("radiant_gain_k") * day.steam[:, None] + _LEAK_RADIANT_K * forces.leak) / 0.55)


def _globe(speed_ms: Array, step_s: float) -> tuple[Array, Array]:
    """ISO 7726: a 150 mm globe between radiation and convection; its 400 s shrink as air moves."""
    convective = 6.3 * np.maximum(speed_ms, 0.05) ** 0.6 / 0.15**0.4
    radiative = 5.8
    tau_s = 400.0 * 12.0 / (convective + radiative)
    return radiative / (radiative + convective), np.exp(-step_s / tau_s)


def _outdoor(weather: Weather) -> Array:
    n = len(weather.air_c)
    vapour = vapour_g_m3(np.minimum(weather.vapour_hpa, saturation_hpa(weather.air_c)), weather.air_c)
    dust = DUST_OUT_UG_M3 * (1 - 0.5 * weather.rain) * (1 + 0.4 / np.maximum(0.4, weather.wind_ms))
    return np.stack([weather.air_c, vapour, np.full(n, OUTDOOR_CO2_PPM), np.zeros(n), np.zeros(n), dust], axis=1)


def _doors(areas: list[Area], flow_m3_s: float) -> Array:
    """Exchange between zones that follow one another: what leaves one enters the next."""
    zones = len(areas)
    matrix = np.zeros((zones, zones))
    for zone in range(zones - 1):
        matrix[zone, zone] += flow_m3_s
        matrix[zone + 1, zone + 1] += flow_m3_s
        matrix[zone, zone + 1] -= flow_m3_s
        matrix[zone + 1, zone] -= flow_m3_s
    return matrix
