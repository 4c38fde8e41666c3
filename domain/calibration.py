"""Calibrations as dated records: which correction holds at an instant, and in what state an instrument was during a shift (decision 19)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.quantities import Averaging
from domain.registry import ALWAYS_US, CalibrationSpec
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Higher(Correction):
    """Of two corrections whose gains differ, for each value the one that gives more."""

    other: Correction

    def commutes(self, averaging: Averaging) -> bool:
        return False

    def apply(self, value: float) -> float:
        return max((value - self.offset) * self.gain, self.other.apply(value))


def higher_of(found: Sequence[Correction], others: Sequence[Correction]) -> list[Correction]:
    """What gives the higher value at each instant: readings by a calibration that waits for a side, and without it."""
    return [_higher_at(found, others, from_us) for from_us in sorted({one.from_us for one in (*found, *others)})]


def _higher_at(found: Sequence[Correction], others: Sequence[Correction], from_us: int) -> Correction:
    none = Correction(from_us=from_us, calibration_id="", offset=0.0, gain=1.0)
    one, other = (replace(correction_at(each, from_us) or none, from_us=from_us) for each in (found, others))
    if one.gain == other.gain:
        return min(one, other, key=lambda each: each.offset)
    return _Higher(from_us=from_us, calibration_id=one.calibration_id, offset=one.offset, gain=one.gain, other=other)


class History:
    """The calibrations of one channel in order of time, looked through once."""

    def __init__(self, records: Sequence[CalibrationSpec], timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._ordered = sorted(records, key=lambda record: performed_us(record, timezone))
        self._times = [performed_us(record, timezone) for record in self._ordered]
        self._failed = [time_us for time_us, record in zip(self._times, self._ordered, strict=True) if not record.passed]
        self.corrections = corrections(records, timezone)
        self.last_us = self.corrections[-1].from_us if self.corrections else None
        self.has_gain = any(fix.gain != 1.0 for fix in self.corrections)
        self._due: dict[int, int] = {}

    def found_later(self) -> Iterator[tuple[int, Correction]]:
        """Each correction with the time of the last record before it that said that the instrument was right: by what it found the instrument may have drifted at any time since then."""
        for fix in self.corrections:
            good = [time_us for time_us, record in zip(self._times, self._ordered, strict=True) if time_us < fix.from_us and record.passed]
            yield max(good, default=ALWAYS_US), fix

    def state(self, start_us: int, stop_us: int) -> CalibrationState:
        """Over [start, stop). A check that failed later reaches back to the last one that passed: nobody knows when between them it went wrong."""
        at, failed = bisect_right(self._times, start_us), bisect_right(self._failed, start_us)
        if (at < len(self._times) and not self._ordered[at].passed) or (failed < len(self._failed) and self._failed[failed] < stop_us):
            return "failed"
        if not at:
            return "unknown"
        last = self._ordered[at - 1]
        if not last.passed:
            return "failed"
        due_us = self._due_us(at)
        if stop_us > due_us:
            return "overdue"
        return "due" if due_us - stop_us < DUE_WITHIN_US else "in_date"

    def _due_us(self, at: int) -> int:
        """When the first of what was to be done again is due, of the records before."""
        if at not in self._due:
            self._due[at] = self._first_due_us(at)
        return self._due[at]

    def _first_due_us(self, at: int) -> int:
        """Of the last calibration and the last check of each kind. A check that names no date moves none on."""
        last: dict[str, tuple[int, CalibrationSpec]] = {}
        for time_us, record in zip(self._times[:at], self._ordered[:at], strict=True):
            if record.passed:
                last[record.type if record.type in CHECKS_ONLY else ""] = time_us, record
        dated = [_due_us(record.next_due, self._timezone.key) for _, record in last.values() if record.next_due]
        _, calibrated = last.get("", (0, None))
        undated = [last[""][0] + HOLDS_FOR_US] if calibrated is not None and not calibrated.next_due else []
        return min([*dated, *undated], default=self._times[at - 1] + HOLDS_FOR_US)

    def steady_until(self, at_us: int) -> int:
        """Up to here the correction and the state of a single instant are what they are at this one."""
        at = bisect_right(self._times, at_us)
        edges = self._times[at : at + 1]
        if at:
            due_us = self._due_us(at)
            edges = [*edges, due_us - DUE_WITHIN_US, due_us]
        return min((edge for edge in edges if edge > at_us), default=2**62)


def state_of(records: Sequence[CalibrationSpec], timezone: ZoneInfo, start_us: int, stop_us: int) -> CalibrationState:
    """The state over [start, stop)."""
    return History(records, timezone).state(start_us, stop_us)


@lru_cache(maxsize=16_384)
def _due_us(text: str, timezone: str) -> int:
    return instant_of(text, timezone, field="next_due")
