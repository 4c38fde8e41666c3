"""What sensors make of the truth, as arrays over channels: lag, calibration, drift, cross-sensitivity, noise, faults, saturation, steps, gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simulator.factory.incidents import SIZE, Incident
from simulator.factory.layout import Channel
from simulator.factory.signals import Array, Lag, Wander, dice
from simulator.factory.weather import DAY_S
from simulator.scenario import Scenario
from simulator.sensing import NOISE, RESOLUTION

LAG_S = {
    "air_temperature": 60.0,
    "globe_temperature": 20.0,
    "relative_humidity": 25.0,
    "co2": 60.0,
    "tvoc_isobutylene": 8.0,
    "formaldehyde": 90.0,
    "pm1": 10.0,
    "pm2_5": 10.0,
    "pm10": 10.0,
}
RANGE = {
    "air_temperature": (-40.0, 85.0), "globe_temperature": (-40.0, 85.0), "relative_humidity": (0.0, 100.0), "air_speed": (0.0, 10.0), "sound_level_a_eq": (30.0, 130.0),
    "sound_level_c_peak": (30.0, 140.0), "tvoc_isobutylene": (0.0, 200.0), "co2": (0.0, 5_000.0), "pm1": (0.0, 1_000.0), "pm2_5": (0.0, 1_000.0), "pm10": (0.0, 1_000.0), "formaldehyde": (0.0, 5.0),
}  # fmt: skip
_SPREAD = {
    "air_temperature": 0.15,
    "globe_temperature": 0.2,
    "relative_humidity": 1.2,
    "co2": 25.0,
    "sound_level_a_eq": 0.4,
    "sound_level_c_peak": 0.6,
    "formaldehyde": 0.008,
    "tvoc_isobutylene": 0.3,
}
"""Standard deviation between calibrated instruments of one kind."""
_DRIFT = {"air_temperature": 0.02, "globe_temperature": 0.02, "relative_humidity": 0.15, "co2": 4.0, "tvoc_isobutylene": 0.1, "formaldehyde": 0.001}
"""Standard deviation of a day's walk."""
_STEPS = RESOLUTION | {"tvoc_isobutylene": 0.01, "formaldehyde": 0.001}
_NOISE = NOISE | {"formaldehyde": 0.003}
_CROSS = {
    "tvoc_isobutylene": ("relative_humidity", -0.004, 50.0),
    "formaldehyde": ("tvoc_isobutylene", 0.002, 0.0),
    "pm10": ("relative_humidity", 0.15, 70.0),
    "pm2_5": ("relative_humidity", 0.1, 70.0),
}
"""What else it answers to, by how much a unit over which value."""
Codes = npt.NDArray[np.int32]
_GAPS = 3e-4
"""Share of samples that a healthy line loses."""
_SPIKES = 0.06
_DROPPED = 0.8


class Sensors:
    """All channels of a factory; give it days in order."""

    def __init__(self, scenario: Scenario, channels: list[Channel], step_s: float) -> None:
        self._seed, self._channels, self._step_s = scenario.seed, channels, step_s
        start, n, of = dice(scenario.seed, "sensors"), len(channels), self._of
        self.noise, self._steps, self._drift = of(_NOISE, 0.0), of(_STEPS, 1.0), of(_DRIFT, 0.0)
        self._low, self._high = np.array([RANGE[channel.quantity] for channel in channels]).T
        self._offset = of(_SPREAD, 0.0) * start.normal(size=n)
        self._walk = np.zeros(n)
        taus = of(LAG_S, 0.0)
        self._groups = [(np.flatnonzero(taus == tau), Lag(float(tau), step_s)) for tau in np.unique(taus) if tau > 0]
        self._slow = Wander(0.4, 600, step_s, start.normal(size=n))
        self._cross = [(column, self._partner(column), *_CROSS[channel.quantity][1:]) for column, channel in enumerate(channels) if channel.quantity in _CROSS]
        self._held: dict[tuple[int, int], float] = {}

    def day(self, number: int, true: Array, faults: list[Incident]) -> tuple[Array, Codes]:
        """What they say (NaN: nothing) and the code of each sample's fault (0: none); `true` is (steps, channels)."""
        random, shape = dice(self._seed, "readings", number), true.shape
        seen = true.copy()
        for columns, lag in self._groups:
            seen[:, columns] = lag.over(true[:, columns])
        for column, partner, gain, over in self._cross:
            if partner is not None:
                seen[:, column] += gain * np.maximum(0.0, true[:, partner] - over) * (seen[:, column] if gain > 0.05 else 1.0) * (0.1 if gain > 0.05 else 1.0)
        self._walk = self._walk + self._drift * random.normal(size=shape[1])
        kicks = random.standard_normal(shape, dtype=np.float32)
        wander = self._slow.over(random.standard_normal(shape, dtype=np.float32))
        seen += self._offset + self._walk + self.noise * (0.9 * kicks + wander)
        gaps = random.random(shape, dtype=np.float32) < _GAPS
        codes: Codes = np.zeros(shape, dtype=np.int32)
        for fault in faults:
            self._spoil(fault, number, true, seen, gaps, codes)
        said = np.clip(np.round(seen / self._steps) * self._steps, self._low, self._high)
        for fault in faults:
            if fault.kind == "stuck":
                self._hold(fault, number, said)
        said[gaps] = np.nan
        return said, codes

    def _spoil(self, fault: Incident, number: int, true: Array, seen: Array, gaps: npt.NDArray[np.bool_], codes: Codes) -> None:
        rows, since_s = self._rows(fault, number, len(true))
        if rows.start == rows.stop:
            return
        for column in fault.columns:
            codes[rows, column] = fault.number
            random, quantity = dice(self._seed, "fault", fault.number, column, number), self._channels[column].quantity
            n, noise = rows.stop - rows.start, self.noise[column]
            if fault.kind == "spike":
                seen[rows, column] += fault.size * (random.random(n) < _SPIKES)
            elif fault.kind == "noise":
                seen[rows, column] += fault.size * noise * random.normal(size=n)
            elif fault.kind == "bias":
                seen[rows, column] += fault.size
            elif fault.kind == "drift":
                seen[rows, column] += fault.size * since_s / (fault.stop_s - fault.start_s)
            elif fault.kind == "dropout":
                gaps[rows, column] |= random.random(n) < _DROPPED
            elif fault.kind == "calibration":
                seen[rows, column] *= 1 + fault.size
            elif fault.kind == "saturation":
                ceiling = float(np.median(true[rows, column])) if fault.source == "drawn" else fault.size
                seen[rows, column] = np.minimum(seen[rows, column], ceiling)
            elif fault.kind == "cross_sensitivity":
                partner = self._companion(column)
                if partner is not None:
                    swing = true[rows, partner] - true[rows, partner].mean()
                    seen[rows, column] += fault.size * swing / (np.ptp(swing) / 2 + 1e-9)
            elif fault.kind == "low_battery":
                worn = (since_s / (fault.stop_s - fault.start_s)) ** 2
                seen[rows, column] += worn * (1.5 * SIZE[quantity] + 4 * noise * random.normal(size=n))
                gaps[rows, column] |= random.random(n) < 0.5 * worn

    def _hold(self, fault: Incident, number: int, said: Array) -> None:
        rows, _ = self._rows(fault, number, len(said))
        for column in fault.columns:
            if rows.start < rows.stop:
                said[rows, column] = self._held.setdefault((fault.number, column), float(said[rows.start, column]))

    def _rows(self, fault: Incident, number: int, steps: int) -> tuple[slice, Array]:
        begin_s = number * DAY_S
        first, last = (int(np.clip(np.ceil((at - begin_s) / self._step_s), 0, steps)) for at in (fault.start_s, fault.stop_s))
        return slice(first, last), np.asarray(begin_s + np.arange(first, last) * self._step_s - fault.start_s, dtype=np.float64)

    def _of(self, table: Mapping[str, float], default: float) -> Array:
        return np.array([float(table.get(channel.quantity, default)) for channel in self._channels])

    def _partner(self, column: int) -> int | None:
        return self._near(column, _CROSS[self._channels[column].quantity][0])

    def _companion(self, column: int) -> int | None:
        """Humidity disturbs everything but itself, which heat disturbs."""
        return self._near(column, "air_temperature" if self._channels[column].quantity == "relative_humidity" else "relative_humidity")

    def _near(self, column: int, quantity: str) -> int | None:
        mine = self._channels[column]
        others = [index for index, channel in enumerate(self._channels) if channel.quantity == quantity and channel.zone == mine.zone]
        return min(others, key=lambda index: self._channels[index].place != mine.place, default=None)
