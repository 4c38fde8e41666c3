"""From a true value to what an instrument says: its noise, its faults, its resolution on the wire. Drawn from (seed, channel, second), so any process agrees."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.times import SECOND_US
from simulator.scenario import Fault, Line, Scenario, Unit

NOISE: dict[str, float] = {
    "air_temperature": 0.06,
    "relative_humidity": 0.35,
    "globe_temperature": 0.07,
    "air_speed": 0.02,
    "sound_level_a_eq": 0.7,
    "sound_level_c_peak": 1.4,
    "tvoc_isobutylene": 0.4,
    "co2": 6.0,
    "pm1": 1.2,
    "pm2_5": 1.8,
    "pm10": 2.5,
}
"""Standard deviation of a sample, in the quantity's unit."""

RESOLUTION: dict[str, float] = {"air_temperature": 0.1, "relative_humidity": 0.1, "globe_temperature": 0.1, "air_speed": 0.01, "sound_level_a_eq": 0.1, "sound_level_c_peak": 0.1}
"""Step on the wire; a PID sends a 32-bit float, the others whole numbers."""

_DROPPED = 0.8
"""Share of its answers that a unit with dropouts does not give."""

_DECIMALS = {1.0: 0, 0.1: 1, 0.01: 2}


@dataclass(frozen=True, slots=True)
class Instrument:
    """What one unit of one line makes of the truth."""

    scenario: Scenario
    line: Line
    unit: Unit
    start_us: int
    frozen: dict[tuple[str, str], float] = field(default_factory=dict)  # what a stuck one last said

    def says(self, quantity: str, true_value: float, time_us: int) -> float:
        """The value on the wire."""
        value = true_value
        spread = NOISE[quantity]
        for fault in self._faults(quantity, time_us):
            if fault.kind == "stuck":
                return self.frozen.setdefault((fault.id, quantity), _quantised(quantity, true_value))
            if fault.kind == "bias":
                value += fault.size
            elif fault.kind == "noise":
                spread *= fault.size
            elif fault.kind == "drift":
                value += fault.size * ((time_us - self.start_us) / SECOND_US - fault.start_s) / fault.duration_s
            elif fault.kind == "calibration":
                value *= 1 + fault.size
            elif fault.kind == "saturation":
                value = min(value, fault.size)
            elif fault.kind == "spike" and self._dice("spike", quantity, time_us).random() < 0.15:
                value += fault.size
        return _quantised(quantity, value + spread * self._dice("noise", quantity, time_us).gauss(0, 1))

    def wire_fault(self, kind: str, time_us: int) -> bool:
        """Whether it is `unplugged`, or sends a `bad_checksum`, now."""
        faults = self._faults("", time_us, whole_unit=True)
        silent = kind == "unplugged" and any(fault.kind == "dropout" for fault in faults) and self._dice("dropout", "", time_us).random() < _DROPPED
        return silent or any(fault.kind == kind for fault in faults)

    def _faults(self, quantity: str, time_us: int, *, whole_unit: bool = False) -> Sequence[Fault]:
        since_s = (time_us - self.start_us) / SECOND_US
        return [
            fault
            for fault in self.scenario.faults
            if fault.line == self.line.id
            and fault.unit == self.unit.unit
            and fault.start_s <= since_s < fault.start_s + fault.duration_s
            and (whole_unit or fault.quantity in ("", quantity))
        ]

    def _dice(self, purpose: str, quantity: str, time_us: int) -> random.Random:
        return random.Random(f"{self.scenario.seed}/{self.line.id}/{self.unit.unit}/{quantity}/{purpose}/{time_us // SECOND_US}")  # noqa: S311 - a simulation


def _quantised(quantity: str, value: float) -> float:
    value = max(0.0, value) if quantity not in ("air_temperature", "globe_temperature") else value
    if quantity == "relative_humidity":
        value = min(100.0, value)
    if quantity == "tvoc_isobutylene":
        return value
    step = RESOLUTION.get(quantity, 1.0)
    return round(round(value / step) * step, _DECIMALS[step])
