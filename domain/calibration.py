"""Calibrations as dated records: which correction holds at an instant, and in what state an instrument was during a shift (decision 19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.quantities import Averaging
from domain.registry import CalibrationSpec
from domain.sitefile import instant_of
from domain.times import DAY_US
from domain.verdict import CalibrationState

CHECKS_ONLY = ("bump", "field_check")
"""Records that say whether an instrument still answers rightly and leave its correction as it is."""
DUE_WITHIN_US = 30 * DAY_US
HOLDS_FOR_US = 365 * DAY_US
"""How long a calibration that names no next date is taken to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """From this instant on, corrected value = (raw - offset) * gain."""

    from_us: int
    calibration_id: str
    offset: float
    gain: float

    def commutes(self, averaging: Averaging) -> bool:
        """Whether it may be applied to means: a gain on decibels may not, since they are averaged as energies."""
        return averaging is not Averaging.ENERGY or self.gain == 1.0

    def apply(self, value: float) -> float:
        return (value - self.offset) * self.gain


def performed_us(record: CalibrationSpec, timezone: ZoneInfo) -> int:
    """When it was done; a date is 00:00 local."""
    return _performed_us(record.performed_at, timezone.key)


@lru_cache(maxsize=16_384)
def _performed_us(text: str, timezone: str) -> int:
    return instant_of(text, timezone, field="performed_at")


def channel_of(record: CalibrationSpec) -> str:
    """The channel it is of, dotted, whichever way the record writes it."""
    return record.channel.replace("/", ".")


def corrections(records: Sequence[CalibrationSpec], timezone: ZoneInfo) -> list[Correction]:
    """The corrections of one channel, by time; a failed record and a mere check bring none."""
    found = [
        Correction(from_us=performed_us(record, timezone), calibration_id=record.id, offset=record.offset, gain=record.gain)
        for record in records
        if record.passed and record.type not in CHECKS_ONLY
    ]
    return sorted(found, key=lambda correction: correction.from_us)


def correction_at(found: Sequence[Correction], time_us: int) -> Correction | None:
    """Of `corrections`, the one that holds at an instant."""
    return next((correction for correction in reversed(found) if correction.from_us <= time_us), None)


def state_of(records: Sequence[CalibrationSpec], timezone: ZoneInfo, start_us: int, stop_us: int) -> CalibrationState:
    """The state over [start, stop). A check that failed later reaches back to the last one that passed: nobody knows when between them it went wrong."""
    ordered = sorted(records, key=lambda record: performed_us(record, timezone))
    before = [record for record in ordered if performed_us(record, timezone) <= start_us]
    during_or_next = [record for record in ordered if performed_us(record, timezone) > start_us]
    if (during_or_next and not during_or_next[0].passed) or any(not record.passed and performed_us(record, timezone) < stop_us for record in during_or_next):
        return "failed"
    if not before:
        return "unknown"
    last = before[-1]
    if not last.passed:
        return "failed"
    due_us = instant_of(last.next_due, timezone.key, field="next_due") if last.next_due else performed_us(last, timezone) + HOLDS_FOR_US
    if stop_us > due_us:
        return "overdue"
    return "due" if due_us - stop_us < DUE_WITHIN_US else "in_date"
