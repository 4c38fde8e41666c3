"""One serial line with its devices, in a process of its own: `python -m simulator.devices.device`. Killing it is pulling the plug."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import pty
import select
import signal
import tty
from collections.abc import Callable
from pathlib import Path

from domain.clock import Clock, clock_from_text
from domain.times import SECOND_US
from simulator.devices import wire
from simulator.plant import Plant
from simulator.scenario import Line, Scenario, Unit, load_scenario
from simulator.sensing import Instrument

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.2
_READ_BYTES = 512


class LineProcess:
    """Answers on a pseudo-terminal until it is ended. Nothing blocks it: what nobody reads is lost, as on a real line."""

    def __init__(self, scenario: Scenario, line: Line, start_us: int, clock: Clock, master: int) -> None:
        self._line, self._clock, self._master = line, clock, master
        self._plant = Plant(scenario, start_us)
        self._instruments = {unit.unit: Instrument(scenario, line, unit, start_us) for unit in line.units}
        self._received = bytearray()
        self._streaming = line.kind == "plantower"
        self._next_frame_us = clock.now_us()

    def run(self) -> None:
        handle = {"plantower": self._plantower, "mh_z19": self._mh_z19, "modbus": self._modbus}[self._line.kind]
        while True:
            self._wait()
            handle()

    def _wait(self) -> None:
        pause_s = _POLL_S
        if self._streaming:
            pause_s = min(_POLL_S, max(0.0, (self._next_frame_us - self._clock.now_us()) / SECOND_US))
        ready, _, _ = select.select([self._master], [], [], pause_s)
        if ready:
            with contextlib.suppress(OSError):
                self._received += os.read(self._master, _READ_BYTES)

    def _plantower(self) -> None:
        unit = self._line.units[0]
        for command in wire.plantower_commands(self._received):
            if command in (wire.PASSIVE, wire.ACTIVE):
                self._streaming = command == wire.ACTIVE
                self._send(unit, wire.plantower_ack(command))
            elif command == wire.READ:
                self._send_dust(unit)
        now_us = self._clock.now_us()
        if self._streaming and now_us >= self._next_frame_us:
            self._next_frame_us = max(self._next_frame_us + SECOND_US, now_us)
            self._send_dust(unit)

    def _send_dust(self, unit: Unit) -> None:
        values = self._values(unit)
        self._send(unit, wire.plantower(values["pm1"], values["pm2_5"], values["pm10"]))

    def _mh_z19(self) -> None:
        unit = self._line.units[0]
        while (at := self._received.find(wire.UART_READ)) >= 0:
            del self._received[: at + len(wire.UART_READ)]
            self._send(unit, wire.mh_z19(self._values(unit)["co2"]))

    def _modbus(self) -> None:
        units = {unit.unit: unit for unit in self._line.units}
        for request in wire.modbus_requests(self._received):
            unit = units.get(request.unit)
            if unit is not None:
                self._send(unit, wire.modbus_reply(request, wire.FUNCTION[unit.profile], wire.registers(unit.profile, self._values(unit))))

    def _values(self, unit: Unit) -> dict[str, float]:
        now_us = self._clock.now_us()
        truth = self._plant.quantities(unit.placement, now_us)
        says: Callable[[str, float, int], float] = self._instruments[unit.unit].says
        return {quantity: says(quantity, truth[quantity], now_us) for quantity in self._line.senses(unit)}

    def _send(self, unit: Unit, frame: bytes) -> None:
        instrument, now_us = self._instruments[unit.unit], self._clock.now_us()
        if instrument.wire_fault("unplugged", now_us):
            return
        if instrument.wire_fault("bad_checksum", now_us):
            frame = frame[:-1] + bytes([frame[-1] ^ 0x5A])
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, frame)


def open_line(link: Path) -> int:
    """A raw pseudo-terminal; `link` points to the end that an agent opens. We keep that end open too, else ours fails when nobody has it."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    part = link.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.symlink_to(os.ttyname(slave))
    part.replace(link)
    return master


def main() -> None:
    """The process of one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--link", type=Path, required=True)
    parser.add_argument("--start-us", type=int, required=True)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    scenario = load_scenario(options.scenario)
    clock = clock_from_text(os.environ.get("OSHWATCH_SCENARIO_CLOCK", ""))
    master = open_line(options.link)
    LineProcess(scenario, scenario.line(options.line), options.start_us, clock, master).run()


if __name__ == "__main__":
    main()
