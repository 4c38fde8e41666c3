"""NIOSH's noise dose: Criteria for a Recommended Standard: Occupational Noise Exposure, DHHS (NIOSH) 98-126: criterion 85 dB(A) for 480 min, exchange rate 3 dB.

Every level counts: no threshold is applied, which can only raise the dose. The exchange rate is 3 dB exactly, so over a minute of changing level the dose
from its equivalent level differs by less than 0.5 % from that of the samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

CRITERION_DB = 85.0
CRITERION_MIN = 480.0
EXCHANGE_DB = 3.0


def allowed_minutes(level_dba: npt.ArrayLike) -> Array:
    """How long a level may last: 480 / 2^((L - 85)/3) min.

    >>> allowed_minutes([85, 88, 100]).tolist()
    [480.0, 240.0, 15.0]
    """
    return np.asarray(CRITERION_MIN * 2.0 ** ((CRITERION_DB - np.asarray(level_dba, dtype=np.float64)) / EXCHANGE_DB))


def dose_rate_pct_min(level_dba: npt.ArrayLike) -> Array:
    """Percent of the daily dose in each minute at a level; none for -inf, without end for inf.

    >>> round(480 * float(dose_rate_pct_min(85.0)), 6)
    100.0
    """
    return np.asarray(100.0 / CRITERION_MIN * 2.0 ** ((np.asarray(level_dba, dtype=np.float64) - CRITERION_DB) / EXCHANGE_DB))


def dose_pct(level_dba: npt.ArrayLike, minutes: npt.ArrayLike = 1.0) -> Array:
    """Dose of levels along the last axis, percent.

    >>> round(float(dose_pct([100, 94], [5, 30])), 1)
    83.3
    """
    return np.asarray(np.sum(np.asarray(minutes, dtype=np.float64) * dose_rate_pct_min(level_dba), axis=-1))


def twa_from_dose_db(dose: npt.ArrayLike) -> Array:
    """8-hour level of a dose as NIOSH prints it: 10 lg(D/100) + 85, dB(A).

    >>> twa_from_dose_db([50, 100, 200]).round(1).tolist()
    [82.0, 85.0, 88.0]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(np.asarray(dose, dtype=np.float64) / 100.0) + CRITERION_DB)
