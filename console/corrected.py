"""Raw in the store, corrected on reading (decision 19): what a person or a program sees is corrected unless raw is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.calibration import Correction, correction_at
from domain.quantities import Averaging
from domain.reading import Minute, Reading


def corrected(reading: Reading, fixes: Sequence[Correction]) -> Reading:
    """The reading by the correction that held at its time."""
    fix = correction_at(fixes, reading.time_us) if fixes and reading.value is not None else None
    return reading if fix is None or reading.value is None else msgspec.structs.replace(reading, value=fix.apply(reading.value))


def corrected_minute(minute: Minute, fixes: Sequence[Correction], averaging: Averaging) -> Minute:
    """A minute's sums, corrected; the caller sees to it that the correction commutes with the mean."""
    fix = correction_at(fixes, minute.start_us) if fixes else None
    if fix is None or minute.low is None or minute.high is None:
        return minute
    if averaging is Averaging.ENERGY:
        total = minute.total * 10.0 ** (-fix.offset / 10.0)
    elif averaging is Averaging.MAXIMUM:
        total = fix.apply(minute.total)
    else:
        total = (minute.total - minute.valid * fix.offset) * fix.gain
    return msgspec.structs.replace(minute, total=total, low=fix.apply(minute.low), high=fix.apply(minute.high))


def commute(fixes: Sequence[Correction], averaging: Averaging) -> bool:
    """Whether all of these may be applied to minutes; else the samples themselves are needed."""
    return all(fix.commutes(averaging) for fix in fixes)
