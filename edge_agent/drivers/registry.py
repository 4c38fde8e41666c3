"""The drivers that exist: options, channels and task of each. A new family adds its folder and one line to each function."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edge_agent.drivers.base import SensorChannels, SensorTask, Surroundings
from edge_agent.drivers.mh_z19 import driver as mh_z19
from edge_agent.drivers.modbus import driver as modbus
from edge_agent.drivers.modbus.profile import load_profile
from edge_agent.drivers.plantower import driver as plantower

Sensor = plantower.PlantowerOptions | mh_z19.MhZ19Options | modbus.ModbusOptions
DRIVERS: Final = ("plantower", "mh_z19", "modbus")


def channels_of(sensor: Sensor, folder: Path) -> SensorChannels:
    """(placement, quantity) of all that the sensor reports; `folder` is the config's. Raises BadInput for a bad register map."""
    match sensor:
        case plantower.PlantowerOptions():
            return plantower.channels(sensor)
        case mh_z19.MhZ19Options():
            return mh_z19.channels(sensor)
        case modbus.ModbusOptions():
            return modbus.channels(sensor, folder)


def task_of(sensor: Sensor, folder: Path, around: Surroundings) -> SensorTask:
    match sensor:
        case plantower.PlantowerOptions():
            return plantower.task(sensor, around)
        case mh_z19.MhZ19Options():
            return mh_z19.task(sensor, around)
        case modbus.ModbusOptions():
            return modbus.task(sensor, folder, around)


def files_of(sensor: Sensor, folder: Path) -> tuple[object, ...]:
    """What the sensor's config takes from other files: a change there is a change of the sensor."""
    return tuple(load_profile(device.profile, folder) for device in sensor.devices) if isinstance(sensor, modbus.ModbusOptions) else ()


def rate_hz(sensor: Sensor) -> float:
    """Readings a second of each channel, for sizing: a Plantower sends about once a second, whatever the interval."""
    return max(1.0, 1.0 / sensor.interval_s) if isinstance(sensor, plantower.PlantowerOptions) else 1.0 / sensor.interval_s
