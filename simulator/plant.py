"""A small physical plant: first-order balances of heat, moisture, CO2, solvent and dust in each zone, and machines whose noise adds up as energy.

Pure and seeded. Balances are stepped from five hours before the demo's start, so that any two runs agree at every instant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain.times import HOUR_US, MINUTE_US, SECOND_US
from simulator.scenario import Area, Happening, Scenario

STEP_S = 5
_STEP_US = STEP_S * SECOND_US
_WARM_UP_US = 5 * HOUR_US
_RAMP_US = 4 * MINUTE_US
"""Machines and people come and go over a few minutes, not at once."""
_BREAK_ACTIVITY = 0.15
_OUTDOOR_CO2_PPM = 420.0
_CO2_L_PER_MIN_PERSON = 0.31  # light work
_PPM_PER_MG_M3 = 24.45 / 56.1  # isobutylene at 25 °C
_GLOBE_TAU_S = 400.0  # a 150 mm globe follows within 20 minutes
_EVENT_TAU_S = 25.0
_LEAK_K, _LEAK_HPA, _LEAK_RADIANT_K = 7.5, 19.0, 3.0


def saturation_hpa(temperature_c: float) -> float:
    """Magnus formula over water (WMO 2008), hPa."""
    return 6.112 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))


@dataclass(slots=True)
class _State:
    air_c: float
    globe_over_k: float
    vapour_hpa: float
    co2_ppm: float
    solvent_ppm: float
    dust_ug: float
    event_k: float = 0.0
    event_hpa: float = 0.0
    event_radiant_k: float = 0.0


class Plant:
    """True values at every placement; ask in increasing time."""

    def __init__(self, scenario: Scenario, start_us: int) -> None:
        self._scenario, self._start_us = scenario, start_us
        self._shift_start_us = scenario.shift_start_us(start_us)
        self._areas = {area.zone.id: area for area in scenario.areas}
        self._zone_of = {unit.placement: unit.zone for line in scenario.lines for unit in line.units}
        self._events = {zone: [event for event in scenario.events if event.zone == zone] for zone in self._areas}
        self._outdoor_hpa = saturation_hpa(scenario.climate.mean_c) * scenario.climate.humidity_pct / 100
        self._states: dict[str, tuple[int, _State]] = {}

    def quantities(self, placement: str, time_us: int) -> dict[str, float]:
        """True value of every quantity at a placement."""
        zone = self._zone_of[placement]
        area, state = self._areas[zone], self._advance(zone, time_us)
        physics, activity = area.physics, self._activity(time_us)
        air_c = state.air_c + state.event_k
        vapour = state.vapour_hpa + state.event_hpa
        level = self._level_db(zone, area, activity, time_us)
        return {
            "air_temperature": air_c,
            "relative_humidity": min(99.0, 100 * vapour / saturation_hpa(air_c)),
            "globe_temperature": air_c + state.globe_over_k + state.event_radiant_k,
            "air_speed": physics.air_speed_ms * (0.5 + 0.5 * activity),
            "sound_level_a_eq": level,
            "sound_level_c_peak": level + physics.crest_db,
            "tvoc_isobutylene": state.solvent_ppm,
            "co2": state.co2_ppm,
            "pm1": state.dust_ug * 0.45,
            "pm2_5": state.dust_ug * 0.7,
            "pm10": state.dust_ug,
        }

    def _advance(self, zone: str, time_us: int) -> _State:
        at_us, state = self._states.get(zone) or (self._start_us - _WARM_UP_US, self._rest(zone))
        while at_us + _STEP_US <= time_us:
            at_us += _STEP_US
            self._step(zone, state, at_us)
        self._states[zone] = (at_us, state)
        return state

    def _rest(self, zone: str) -> _State:
        outdoor_c = self._outdoor_c(self._start_us - _WARM_UP_US)
        return _State(air_c=outdoor_c + 0.5, globe_over_k=0.1, vapour_hpa=self._outdoor_hpa, co2_ppm=_OUTDOOR_CO2_PPM, solvent_ppm=0.0, dust_ug=12.0)

    def _step(self, zone: str, state: _State, time_us: int) -> None:
        physics, activity = self._areas[zone].physics, self._activity(time_us)
        leak = self._event("steam_leak", zone, time_us)
        fresh_air = max(0.02, 1 - self._event("ventilation_stops", zone, time_us))
        state.air_c += _towards(self._outdoor_c(time_us) + physics.air_gain_k * activity, state.air_c, physics.building_tau_min * 60)
        state.vapour_hpa += _towards(self._outdoor_hpa + physics.vapour_gain_hpa * activity, state.vapour_hpa, 3600 / physics.air_changes_per_h)
        state.globe_over_k += _towards(physics.radiant_gain_k * activity, state.globe_over_k, _GLOBE_TAU_S)
        state.event_k += _towards(_LEAK_K * leak, state.event_k, _EVENT_TAU_S)
        state.event_hpa += _towards(_LEAK_HPA * leak, state.event_hpa, _EVENT_TAU_S)
        state.event_radiant_k += _towards(_LEAK_RADIANT_K * leak, state.event_radiant_k, _EVENT_TAU_S)
        leaving_per_s = physics.air_changes_per_h * fresh_air / 3600
        people_ppm_s = physics.occupants * activity * _CO2_L_PER_MIN_PERSON / 60 / (physics.volume_m3 * 1000) * 1e6
        state.co2_ppm += STEP_S * (people_ppm_s - leaving_per_s * (state.co2_ppm - _OUTDOOR_CO2_PPM))
        grams_min = physics.solvent_g_per_min * activity + self._event("solvent_spill", zone, time_us)
        state.solvent_ppm += STEP_S * (grams_min * 1000 / 60 / physics.volume_m3 * _PPM_PER_MG_M3 - leaving_per_s * state.solvent_ppm)
        state.dust_ug += STEP_S * (physics.dust_ug_per_s * activity / physics.volume_m3 - leaving_per_s * (state.dust_ug - 12.0))

    def _level_db(self, zone: str, area: Area, activity: float, time_us: int) -> float:
        machines = 10 ** (area.physics.machine_db / 10) * activity
        extra = self._event("machine_noise", zone, time_us)
        return 10 * math.log10(10 ** (area.physics.background_db / 10) + machines + (10 ** (extra / 10) if extra else 0.0))

    def _event(self, kind: str, zone: str, time_us: int) -> float:
        return sum(event.size for event in self._events[zone] if event.kind == kind and _runs(event, (time_us - self._start_us) / SECOND_US))

    def _outdoor_c(self, time_us: int) -> float:
        climate = self._scenario.climate
        hours = (time_us - self._shift_start_us) / HOUR_US - climate.hottest_after_h
        return climate.mean_c + climate.swing_c * math.cos(2 * math.pi * hours / 24)

    def _activity(self, time_us: int) -> float:
        """0 with nobody there, 1 at full work, little in the break; over midnight the plan repeats every day."""
        plan = self._scenario.shift
        if not plan.machines:
            return 0.0
        since = (time_us - self._shift_start_us) % (24 * HOUR_US)
        length, pause, resume = plan.hours * HOUR_US, plan.break_after_min * MINUTE_US, (plan.break_after_min + plan.break_min) * MINUTE_US
        working = _rises(since, 0) - _rises(since, length)
        resting = _rises(since, pause) - _rises(since, resume)
        return max(0.0, working - (1 - _BREAK_ACTIVITY) * resting)


def _towards(target: float, value: float, tau_s: float) -> float:
    """One step of a first-order lag."""
    return (target - value) * (1 - math.exp(-STEP_S / tau_s))


def _rises(since_us: int, at_us: int) -> float:
    return min(1.0, max(0.0, (since_us - at_us) / _RAMP_US))


def _runs(event: Happening, since_start_s: float) -> bool:
    return event.start_s <= since_start_s < event.start_s + event.duration_s
