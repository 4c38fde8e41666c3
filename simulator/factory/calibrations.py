"""What a factory that uses the product does besides measuring: it compares its instruments with a reference at regular times and enters what that finds."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from domain.registry import CalibrationSpec
from domain.times import DAY_US, HOUR_US, to_rfc3339
from simulator.factory.layout import Channel
from simulator.factory.signals import Array, dice

COMPARED_US = HOUR_US
"""So long the reference stands beside the instrument."""
AFTER_START_US = 3 * HOUR_US
REFERENCE = {
    "air_temperature": 0.1,
    "globe_temperature": 0.15,
    "relative_humidity": 1.0,
    "co2": 20.0,
    "sound_level_a_eq": 0.15,
    "sound_level_c_peak": 0.3,
    "tvoc_isobutylene": 0.3,
    "formaldehyde": 0.005,
}
"""Standard uncertainty of the reference by its certificate, the same in every comparison until it goes for a new one after a year; class 1 calibrator for sound, gas of 2 % for the others."""
COMPARISON = {
    "air_temperature": 0.1,
    "globe_temperature": 0.15,
    "relative_humidity": 0.8,
    "co2": 15.0,
    "sound_level_a_eq": 0.15,
    "sound_level_c_peak": 0.3,
    "tvoc_isobutylene": 0.2,
    "formaldehyde": 0.004,
}
"""Standard deviation of what two instruments that stand side by side differ by although both are right."""
Kind = Literal["colocation", "acoustic", "span"]
KINDS: dict[str, Kind] = {"sound_level_a_eq": "acoustic", "sound_level_c_peak": "acoustic", "co2": "span", "tvoc_isobutylene": "span"}
YEAR_DAYS = 365


class FieldCalibrations:
    """Every channel that a reference exists for, on the first day and each so many days after; an instrument with a fault is put right first and compared on the next day."""

    def __init__(self, seed: int, channels: list[Channel], every_days: int, begins_us: int) -> None:
        self._seed, self._channels, self._every, self._begins_us = seed, channels, every_days, begins_us
        self._due = {column: 0 for column, channel in enumerate(channels) if channel.quantity in REFERENCE} if every_days else {}
        self.records: list[CalibrationSpec] = []

    def day(self, number: int, times_us: npt.NDArray[np.int64], observed: Array, true: Array, faults: npt.NDArray[np.int32]) -> None:
        """Of one day, in order; its work begins `begins_us` after its first instant."""
        due = [column for column, day in self._due.items() if day <= number]
        if not due:
            return
        start_us = int(times_us[0]) + self._begins_us + AFTER_START_US
        rows = (times_us >= start_us) & (times_us < start_us + COMPARED_US)
        for column in due:
            differences = (observed - true)[rows, column]
            differences = differences[~np.isnan(differences)]
            if len(differences) and not faults[rows, column].any():
                self._compared(number, column, start_us + COMPARED_US, float(differences.mean()))

    def _compared(self, number: int, column: int, at_us: int, found: float) -> None:
        channel = self._channels[column]
        reference = dice(self._seed, "reference", channel.quantity, number // YEAR_DAYS).normal() * REFERENCE[channel.quantity]
        beside = dice(self._seed, "comparison", channel.id, number).normal() * COMPARISON[channel.quantity]
        self._due[column] = number + self._every
        self.records.append(
            CalibrationSpec(
                id=f"cal-{channel.id.replace('.', '-').replace('_', '-')}-{number}",
                channel=channel.id,
                type=KINDS.get(channel.quantity, "colocation"),
                performed_at=to_rfc3339(at_us),
                by="simulator",
                offset=round(found + reference + beside, 4),
                next_due=to_rfc3339(at_us + self._every * DAY_US),
            )
        )
