"""OSHA's noise dose, 29 CFR 1910.95 Appendix A: criterion 90 dB(A) for 8 h, exchange rate 5 dB, slow-weighted levels, threshold 80 or 90 dB(A).

A 5 dB dose does not follow from equivalent levels: it needs slow-weighted levels of a second or less. What is made from minute equivalent levels is
marked approximate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array

CRITERION_DB = 90.0
CRITERION_MIN = 480.0
EXCHANGE_DB = 5.0
FINEST_S = 1.0
SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """Percent; `approximate` where the levels stood for more than a second each."""

    pct: Array
    approximate: bool


def allowed_hours(level_dba: npt.ArrayLike) -> Array:
    """Table G-16a by its formula: 8 / 2^((L - 90)/5) h.

    >>> allowed_hours([80, 90, 100]).tolist()
    [32.0, 8.0, 2.0]
    """
    return np.asarray(8.0 / 2.0 ** ((np.asarray(level_dba, dtype=np.float64) - CRITERION_DB) / EXCHANGE_DB))


def dose(level_dba: npt.ArrayLike, minutes: npt.ArrayLike, *, threshold_db: float) -> Dose:
    """Dose of levels along the last axis; levels under the threshold count nothing.

    >>> round(float(dose([92.0], [480.0], threshold_db=90.0).pct), 1)
    132.0
    """
    levels, durations = np.asarray(level_dba, dtype=np.float64), np.asarray(minutes, dtype=np.float64)
    shares = np.where(levels >= threshold_db, durations / (60.0 * allowed_hours(levels)), 0.0)
    return Dose(pct=np.asarray(100.0 * np.sum(shares, axis=-1)), approximate=bool(np.any(durations > FINEST_S / 60.0)))


def dose_rate_pct_min(level_dba: npt.ArrayLike, threshold_db: float) -> Array:
    """Percent of the daily dose in each minute at a level; none under the threshold, without end for inf, NaN for NaN.

    >>> [round(480 * float(rate), 6) for rate in dose_rate_pct_min([89.9, 90.0], 90.0)]
    [0.0, 100.0]
    """
    levels = np.asarray(level_dba, dtype=np.float64)
    rates = 100.0 / CRITERION_MIN * 2.0 ** ((levels - CRITERION_DB) / EXCHANGE_DB)
    return np.asarray(np.where(levels < threshold_db, 0.0, rates))


def least_dose_rate_pct_min(leq_dba: npt.ArrayLike, threshold_db: float) -> Array:
    """The least percent of the daily dose that a minute of this equivalent level can hold, levels being of a second or more: 59 s just under the threshold, the rest of the energy in one.

    >>> least_dose_rate_pct_min([90.0, 95.0, 105.0], 90.0).round(3).tolist()
    [0.0, 0.065, 0.321]
    """
    over = SECONDS * (10.0 ** ((np.asarray(leq_dba, dtype=np.float64) - threshold_db) / 10.0) - 1.0)
    with np.errstate(divide="ignore"):
        burst_db = threshold_db + 10.0 * np.log10(np.maximum(over, 0.0))
    return np.asarray(np.where(burst_db >= threshold_db, dose_rate_pct_min(burst_db, threshold_db) / SECONDS, 0.0))


def twa_from_dose_db(dose_pct: npt.ArrayLike) -> Array:
    """8-hour level of a dose: 16.61 lg(D/100) + 90, dB(A).

    >>> twa_from_dose_db(50).round(1).tolist()
    85.0
    """
    with np.errstate(divide="ignore"):
        return np.asarray(16.61 * np.log10(np.asarray(dose_pct, dtype=np.float64) / 100.0) + CRITERION_DB)
