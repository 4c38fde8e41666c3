"""The record of a factory, day by day: what every sensor said, what was true there, and which event or fault it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from domain.times import SECOND_US, to_datetime
from simulator.factory.balance import PPM_PER_MG_M3, SOLVENT, Air, Building, Forces, Ledger
from simulator.factory.climates import CLIMATES
from simulator.factory.incidents import Incident, incidents_of, local_midnight_us
from simulator.factory.layout import Channel, channels_of
from simulator.factory.sensors import Sensors
from simulator.factory.signals import Array, Wander, dice, pressure_hpa, saturation_hpa
from simulator.factory.weather import DAY_S, Sky, Weather
from simulator.factory.work import Day, Diary, clock_s
from simulator.scenario import Scenario

_WALL_DB = 25.0
_REVERBERANT = 0.4
"""Share of a zone's machine noise that does not fall with distance; the rest does, from 2 m."""
_LOCAL = {
    "air_temperature": 0.35,
    "globe_temperature": 0.45,
    "relative_humidity": 1.0,
    "co2": 0.04,
    "tvoc_isobutylene": 0.12,
    "formaldehyde": 0.08,
    "pm1": 0.15,
    "pm2_5": 0.15,
    "pm10": 0.15,
}
"""How far a place differs from its zone's mean: K and %, and shares of the rest."""
_ADDED = ("air_temperature", "globe_temperature", "relative_humidity")
_DUST_PARTS = {"pm1": 0.45, "pm2_5": 0.7, "pm10": 1.0}


@dataclass(frozen=True, slots=True)
class Block:
    """One day over (steps, channels). Codes are numbers of incidents, 0 for none; NaN is a missing sample."""

    times_us: npt.NDArray[np.int64]
    observed: Array
    true: Array
    event: npt.NDArray[np.int32]
    fault: npt.NDArray[np.int32]
    weather: Weather
    ledger: Ledger


class Record:
    """`days` whole local days from the one that holds `start_us` (a fixed offset from UTC: the clock is not put forward)."""

    def __init__(self, scenario: Scenario, start_us: int, days: int, step_s: float = 10.0) -> None:
        offset = to_datetime(start_us).astimezone(ZoneInfo(scenario.site.timezone)).utcoffset()
        self.start_us = local_midnight_us(start_us, round(offset.total_seconds() * SECOND_US) if offset else 0)
        self.scenario, self.days, self.step_s = scenario, days, step_s
        self.channels: list[Channel] = channels_of(scenario)
        self.begins_s = clock_s(scenario.course.work.begins)  # work, after local midnight
        self.incidents: list[Incident] = incidents_of(scenario, self.channels, days, self.begins_s)

    def blocks(self) -> Iterator[Block]:
        """Day by day, always the same."""
        local = to_datetime(self.start_us + 12 * 3600 * SECOND_US).astimezone(ZoneInfo(self.scenario.site.timezone))
        sky = Sky(CLIMATES[self.scenario.course.climate], self.scenario.seed, local.timetuple().tm_yday - 2, self.step_s)
        diary = Diary(self.scenario, (local.isoweekday() - 2) % 7 + 1, self.step_s)
        eve = sky.day(0)
        building = Building(self.scenario, self.step_s, float(eve.air_c.mean()) + 1.0, float(eve.vapour_hpa.mean()))
        places = _Places(self)
        sensors = Sensors(self.scenario, self.channels, self.step_s)
        building.day(eve, diary.day(0), places.forces(-1))
        for number in range(self.days):
            weather, work, forces = sky.day(number + 1), diary.day(number + 1), places.forces(number)
            air = building.day(weather, work, forces)
            true = places.true(number, air, work)
            faults = [one for one in self.incidents if one.truth == "fault" and one.start_s < (number + 1) * DAY_S and one.stop_s > number * DAY_S]
            observed, codes = sensors.day(number, true, faults)
            times = self.start_us + np.arange(len(true), dtype=np.int64) * round(self.step_s * SECOND_US) + number * DAY_S * SECOND_US
            yield Block(times, observed, true, places.events(number), codes, weather, air.ledger)


class _Places:
    """From the air of zones to what is true at each channel's place."""

    def __init__(self, record: Record) -> None:
        scenario = record.scenario
        self._channels, self._step_s, self._seed, self._incidents = record.channels, record.step_s, scenario.seed, record.incidents
        self._steps, self._areas = round(DAY_S / record.step_s), scenario.areas
        self._zone = np.array([channel.zone for channel in self._channels])
        start = dice(self._seed, "places")
        of_place = {place: start.normal(size=3) for place in dict.fromkeys(channel.place for channel in self._channels)}
        self._fixed = np.array([of_place[channel.place][0 if channel.quantity in _ADDED else 1] for channel in self._channels])
        self._sway = Wander(0.45, 1200, self._step_s, start.normal(size=len(self._channels)))
        self._tide = Wander(0.6, 4 * 3600, self._step_s, start.normal(size=len(self._channels)))
        self._hum = Wander(0.9, 90, self._step_s, start.normal(size=len(self._channels)))

    def forces(self, number: int) -> Forces:
        leak, lost, spill = (self._course(kind, number, self._incidents) for kind in ("steam_leak", "ventilation_stops", "solvent_spill"))
        return Forces(leak, lost, spill)

    def events(self, number: int) -> npt.NDArray[np.int32]:
        codes = np.zeros((self._steps, len(self._channels)), dtype=np.int32)
        for one in self._incidents:
            if one.truth == "event":
                codes[self._rows(one, number), list(one.columns)] = one.number
        return codes

    def true(self, number: int, air: Air, work: Day) -> Array:
        random = dice(self._seed, "local", number)
        shape = (self._steps, len(self._channels))
        sway = self._sway.over(random.standard_normal(shape, dtype=np.float32))
        sway += self._tide.over(random.standard_normal(shape, dtype=np.float32))
        levels, hum = self._noise(number, work), self._hum.over(random.standard_normal(shape, dtype=np.float32))
        humidity = np.clip(100 * pressure_hpa(air.matter[:, 1], air.air_c) / saturation_hpa(air.air_c), 1, 100)
        zone_values = {
            "air_temperature": air.air_c, "globe_temperature": air.globe_c, "relative_humidity": humidity, "air_speed": air.speed_ms, "co2": air.matter[:, 2],
            "tvoc_isobutylene": air.matter[:, SOLVENT] * PPM_PER_MG_M3, "formaldehyde": air.matter[:, 4],
        }  # fmt: skip
        true = np.empty(shape)
        for column, channel in enumerate(self._channels):
            quantity, zone = channel.quantity, channel.zone
            differs = _LOCAL.get(quantity, 0.0) * (0.8 * self._fixed[column] + sway[:, column])
            if quantity.startswith("sound"):
                crest = self._areas[zone].physics.crest_db if quantity.endswith("peak") else 0.0
                true[:, column] = levels[:, column] + hum[:, column] + crest
            elif quantity in _DUST_PARTS:
                true[:, column] = air.matter[:, 5, zone] * _DUST_PARTS[quantity] * np.exp(differs)
            elif quantity == "air_speed":
                true[:, column] = air.speed_ms[:, zone] * np.exp(0.3 * self._fixed[column] + 0.35 * hum[:, column])
            elif quantity in _ADDED:
                active = 0.3 + 0.7 * work.machines[:, zone] if quantity == "globe_temperature" else 1.0
                true[:, column] = zone_values[quantity][:, zone] + differs * active
            else:
                base = 420.0 if quantity == "co2" else 0.0
                true[:, column] = base + (zone_values[quantity][:, zone] - base) * np.exp(differs)
        return _bounded(true, self._channels)

    def _noise(self, number: int, work: Day) -> Array:
        """Levels at each channel's place: energies of its zone's machines by distance, of the neighbours through the wall, of events, of the rest."""
        machines = np.array([10 ** (area.physics.machine_db / 10) for area in self._areas]) * work.machines
        background = np.array([10 ** (area.physics.background_db / 10) for area in self._areas])
        extra_db = self._course("machine_noise", number, self._incidents)
        extra = np.where(extra_db > 0, 10 ** (extra_db / 10), 0.0)
        through = np.zeros_like(machines)
        through[:, 1:] += machines[:, :-1] * 10 ** (-_WALL_DB / 10)
        through[:, :-1] += machines[:, 1:] * 10 ** (-_WALL_DB / 10)
        near = np.array([distance_factor(channel.distance_m) for channel in self._channels])
        return energy_level_db([background[self._zone] * np.ones((len(machines), 1)), through[:, self._zone], near * (machines + extra)[:, self._zone]])

    def _course(self, kind: str, number: int, incidents: list[Incident]) -> Array:
        found = np.zeros((self._steps, len(self._areas)))
        for one in incidents:
            if one.kind == kind and one.truth == "event":
                found[self._rows(one, number), one.zone] += one.size
        return found

    def _rows(self, one: Incident, number: int) -> slice:
        first, last = (int(np.clip(np.ceil((at - number * DAY_S) / self._step_s), 0, self._steps)) for at in (one.start_s, one.stop_s))
        return slice(first, last)


def distance_factor(distance_m: float) -> float:
    """Of the machines' energy at 2 m: a reverberant part, and a direct one that falls with the square."""
    return _REVERBERANT + (1 - _REVERBERANT) * (2.0 / max(0.5, distance_m)) ** 2


def energy_level_db(energies: list[Array]) -> Array:
    """Level of sources that do not keep time with one another."""
    return np.asarray(10 * np.log10(sum(energies)))


def _bounded(true: Array, channels: list[Channel]) -> Array:
    for column, channel in enumerate(channels):
        if channel.quantity == "relative_humidity":
            true[:, column] = np.clip(true[:, column], 1, 100)
    return true
