"""A Modbus RTU bus as a driver: one task owns the port and asks its units in turn; a dead unit is asked less and less and cannot stall the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException

from domain.quality import Reason
from edge_agent.drivers.base import Backoff, Id, Point, SensorChannels, SensorOptions, SensorTask, Surroundings, no_value
from edge_agent.drivers.cadence import Cadence
from edge_agent.drivers.modbus.profile import Block, Profile, Register, blocks, decode, load_profile
from edge_agent.drivers.transport import Parity

log = logging.getLogger(__name__)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it logs every lost answer; they are records and counters here

DEAD_AFTER = 3
"""Failures in a row before a unit is asked less often."""
RETRY_CAP_S = 60.0
LONGEST_WAIT_S = 1.0


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit on the bus."""

    unit: Annotated[int, msgspec.Meta(ge=1, le=247)]
    profile: Annotated[str, msgspec.Meta(min_length=1, description="name of a shipped profile, or ./file.yaml relative to the config")]
    placement: Id


class ModbusOptions(SensorOptions, frozen=True, kw_only=True, tag="modbus"):
    """Options of the driver `modbus`."""

    baud: Annotated[int, msgspec.Meta(ge=1200, le=921_600)] = 9600
    parity: Parity = "N"
    stopbits: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1
    timeout_ms: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 500
    turnaround_ms: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 50
    retries: Annotated[int, msgspec.Meta(ge=0, le=5)] = 1
    devices: Annotated[list[Device], msgspec.Meta(min_length=1)]


def channels(options: ModbusOptions, folder: Path) -> SensorChannels:
    return [
        (device.placement, register.quantity)
        for device in options.devices
        for register in load_profile(device.profile, folder).registers
    ]  # fmt: skip


def task(options: ModbusOptions, folder: Path, around: Surroundings) -> SensorTask:
    return ModbusTask(options, [Unit(device, load_profile(device.profile, folder)) for device in options.devices], around)


class Unit:
    """A device with its blocks and its record of failures."""

    def __init__(self, device: Device, profile: Profile) -> None:
        self.number, self.placement, self.function = device.unit, device.placement, profile.function
        self.address_base = profile.address_base
        self.blocks = blocks(profile)
        self.channels: SensorChannels = [(device.placement, register.quantity) for register in profile.registers]
        self.failures = 0
        self.next_us = 0
        self._backoff = Backoff(1.0, RETRY_CAP_S)

    def answered(self) -> None:
        self.failures = 0
        self.next_us = 0
        self._backoff.reset()

    def failed(self, now_us: int) -> None:
        self.failures += 1
        if self.failures >= DEAD_AFTER:
            self.next_us = now_us + round(self._backoff.next() * 1_000_000)


class NoAnswer(Exception):
    """The unit did not answer, or not in a way that can be read."""


class ModbusTask:
    """The only user of its port."""

    def __init__(self, options: ModbusOptions, units: Sequence[Unit], around: Surroundings) -> None:
        self.interval_s = options.interval_s
        self._options, self._units, self._around = options, units, around
        self._stop = threading.Event()
        self._troubles: dict[int, str] = {}
        self._client = ModbusSerialClient(
            options.port,
            baudrate=options.baud,
            parity=options.parity,
            stopbits=options.stopbits,
            timeout=options.timeout_ms / 1000,
            retries=options.retries,
            name=options.id,
        )

    def run(self, stop: threading.Event) -> None:
        self._stop = stop
        cadence = Cadence(self.interval_s, self._now_us())
        while not stop.is_set():
            if cadence.interval_s != self.interval_s:
                cadence = Cadence(self.interval_s, self._now_us())
            if cadence.poll_due(self._now_us()):
                self._round()
            wait_s = self._around.timing.real_seconds(cadence.next_poll_us - self._now_us())
            stop.wait(min(max(wait_s, 0.0), LONGEST_WAIT_S))
        self._client.close()

    def wake(self) -> None:
        """A round in progress ends after the unit that it is at."""

    def _round(self) -> None:
        for unit in self._units:
            if self._stop.is_set():
                return
            self._around.reporter.points(self._read_unit(unit))
            self._stop.wait(self._options.turnaround_ms / 1000)
        self._around.reporter.trouble("; ".join(self._troubles.values()))

    def _read_unit(self, unit: Unit) -> list[Point]:
        if self._now_us() < unit.next_us:
            return no_value(unit.channels, Reason.LACK_OF_DATA_SAMPLES)
        try:
            points = [point for block in unit.blocks for point in self._read_block(unit, block)]
        except NoAnswer as error:
            unit.failed(self._now_us())
            self._troubles[unit.number] = f"unit {unit.number}: {error}"
            return no_value(unit.channels, Reason.LACK_OF_DATA_SAMPLES)
        unit.answered()
        self._troubles.pop(unit.number, None)
        return points

    def _read_block(self, unit: Unit, block: Block) -> list[Point]:
        if not self._client.connect():
            raise NoAnswer(f"{self._options.port} cannot be opened")
        read = self._client.read_holding_registers if unit.function == 3 else self._client.read_input_registers
        try:
            answer = read(block.start, count=block.count, device_id=unit.number)
        except ModbusException as error:
            raise NoAnswer("no answer that can be read") from error
        except OSError as error:
            self._client.close()
            raise NoAnswer(f"{self._options.port} went away: {error}") from error
        if answer.isError():
            raise NoAnswer(f"refuses registers {block.start} to {block.start + block.count - 1}: {answer}")
        words: list[int] = answer.registers
        if len(words) != block.count:
            raise NoAnswer(f"{len(words)} registers instead of {block.count}")
        return [decode(register, words[_offset(register, block, unit) :][: register.width], unit.placement) for register in block.registers]

    def _now_us(self) -> int:
        return self._around.timing.monotonic_us()


def _offset(register: Register, block: Block, unit: Unit) -> int:
    return register.address - unit.address_base - block.start
