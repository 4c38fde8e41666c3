"""What happens and what fails, with its truth: the scenario's own list and random ones at the scenario's rates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from domain.times import SECOND_US
from simulator.factory.layout import Channel
from simulator.factory.signals import dice
from simulator.factory.weather import DAY_S
from simulator.scenario import Scenario

MOVED = {
    "steam_leak": {"air_temperature", "relative_humidity", "globe_temperature"},
    "ventilation_stops": {"co2", "tvoc_isobutylene", "formaldehyde"},
    "solvent_spill": {"tvoc_isobutylene"},
    "machine_noise": {"sound_level_a_eq", "sound_level_c_peak"},
}
_EVENT_SIZE = {"steam_leak": (0.5, 1.3), "ventilation_stops": (0.6, 0.95), "solvent_spill": (8.0, 30.0), "machine_noise": (84.0, 98.0)}
SIZE = {
    "air_temperature": 4.0, "globe_temperature": 4.0, "relative_humidity": 15.0, "air_speed": 0.5, "sound_level_a_eq": 10.0, "sound_level_c_peak": 12.0,
    "tvoc_isobutylene": 20.0, "co2": 400.0, "pm1": 40.0, "pm2_5": 60.0, "pm10": 90.0, "formaldehyde": 0.2,
}  # fmt: skip
"""A bias of middling size, in the quantity's unit; a fault has half of it to one and a half."""
_HOURS = {
    "stuck": (2, 12),
    "spike": (1, 6),
    "noise": (2, 12),
    "bias": (6, 24),
    "drift": (24, 72),
    "dropout": (0.5, 6),
    "calibration": (12, 48),
    "saturation": (4, 24),
    "cross_sensitivity": (12, 48),
}
_LIVE_KINDS = {"unplugged": "dropout", "bad_checksum": "dropout"}
BATTERY_DAYS = 75.0
BATTERY_LAST_S = 12 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Seconds since the record's start; `number` is its code in the record."""

    number: int
    truth: str  # "event" or "fault"
    kind: str
    zone: int
    columns: tuple[int, ...]
    start_s: float
    stop_s: float
    size: float
    source: str = "drawn"  # or the id in the scenario


def incidents_of(scenario: Scenario, channels: list[Channel], days: int, shift_s: float) -> list[Incident]:
    """In the order of their start; those of the first days do not depend on how many days follow."""
    demo_s = shift_s + 3 * 3600
    found = _listed(scenario, channels, demo_s)
    for day in range(days):
        found += _drawn_events(scenario, channels, day, shift_s)
        found += _drawn_faults(scenario, channels, day)
    found += _batteries(scenario, channels, days)
    found.sort(key=lambda one: (one.start_s, one.kind, one.columns))
    return [replace(one, number=number) for number, one in enumerate(found, start=1)]


def _listed(scenario: Scenario, channels: list[Channel], demo_s: float) -> list[Incident]:
    zones = {area.zone.id: index for index, area in enumerate(scenario.areas)}
    ids = {channel.id: index for index, channel in enumerate(channels)}
    found: list[Incident] = []
    for event in scenario.events:
        zone = zones[event.zone]
        found.append(replace(_event(channels, event.kind, zone, demo_s + event.start_s, event.duration_s, event.size), source=event.id))
    for truth, fault in zip([truth for truth in scenario.truths() if truth.truth == "fault"], scenario.faults, strict=True):
        columns = tuple(ids[channel] for channel in truth.channels)
        kind = _LIVE_KINDS.get(fault.kind, fault.kind)
        start_s = demo_s + fault.start_s
        found.append(replace(_fault(kind, channels, columns, start_s, fault.duration_s, fault.size), source=fault.id))
    return found


def _drawn_events(scenario: Scenario, channels: list[Channel], day: int, shift_s: float) -> list[Incident]:
    found: list[Incident] = []
    for kind, rate in sorted(scenario.course.events_per_zone_week.items()):
        for zone in range(len(scenario.areas)):
            random = dice(scenario.seed, "event", kind, zone, day)
            if not any(channel.zone == zone and channel.quantity in MOVED[kind] for channel in channels):
                continue
            for _ in range(int(random.poisson(rate / 7))):
                start_s = day * DAY_S + shift_s + float(random.uniform(1800, scenario.shift.hours * 3600 - 1800))
                found.append(_event(channels, kind, zone, start_s, 60 * float(random.uniform(20, 90)), float(random.uniform(*_EVENT_SIZE[kind]))))
    return found


def _drawn_faults(scenario: Scenario, channels: list[Channel], day: int) -> list[Incident]:
    found: list[Incident] = []
    for kind, rate in sorted(scenario.course.faults_per_sensor_week.items()):
        random = dice(scenario.seed, "fault", kind, day)
        for column in np.flatnonzero(random.random(len(channels)) < rate / 7):
            size = SIZE[channels[column].quantity] * float(random.uniform(0.5, 1.5)) * float(random.choice([-1, 1]))
            size = {"noise": abs(size) / SIZE[channels[column].quantity] * 6, "calibration": float(random.choice([-1, 1]) * random.uniform(0.08, 0.3))}.get(kind, size)
            start_s = day * DAY_S + float(random.uniform(0, DAY_S))
            found.append(_fault(kind, channels, (int(column),), start_s, 3600 * float(random.uniform(*_HOURS[kind])), size))
    return found


def _batteries(scenario: Scenario, channels: list[Channel], days: int) -> list[Incident]:
    """A box on batteries fails for its last half day, and then somebody changes them."""
    found: list[Incident] = []
    for place in dict.fromkeys(channel.place for channel in channels if channel.on_battery):
        random = dice(scenario.seed, "battery", place)
        end_s = float(random.uniform(0.1, 1.0)) * BATTERY_DAYS * DAY_S
        while end_s - BATTERY_LAST_S < days * DAY_S:
            columns = tuple(index for index, channel in enumerate(channels) if channel.place == place)
            if end_s > BATTERY_LAST_S:
                found.append(_fault("low_battery", channels, columns, end_s - BATTERY_LAST_S, BATTERY_LAST_S, 1.0))
            end_s += BATTERY_DAYS * DAY_S * float(random.uniform(0.8, 1.2))
    return found


def _event(channels: list[Channel], kind: str, zone: int, start_s: float, duration_s: float, size: float) -> Incident:
    columns = tuple(index for index, channel in enumerate(channels) if channel.zone == zone and channel.quantity in MOVED[kind])
    return Incident(number=0, truth="event", kind=kind, zone=zone, columns=columns, start_s=start_s, stop_s=start_s + duration_s, size=size)


def _fault(kind: str, channels: list[Channel], columns: tuple[int, ...], start_s: float, duration_s: float, size: float) -> Incident:
    return Incident(number=0, truth="fault", kind=kind, zone=channels[columns[0]].zone, columns=columns, start_s=start_s, stop_s=start_s + duration_s, size=size)


def local_midnight_us(time_us: int, offset_us: int) -> int:
    """The last one before this instant, by a fixed offset from UTC."""
    day_us = DAY_S * SECOND_US
    return (time_us + offset_us) // day_us * day_us - offset_us
