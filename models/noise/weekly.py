"""Weekly noise exposure level: Directive 2003/10/EC article 2(c) and ISO 9612:2009 clause 3.5: the energy mean of the daily levels over five days of eight hours.

It may replace the daily level only where noise varies markedly from day to day, only as far as the weekly level keeps to the limit of 87 dB(A), and only with measures taken to reduce the
risk (article 3(3)). The divisor is five, also for a week of six or seven days worked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.noise.levels import energy, level

DAYS = 5.0


def lex_weekly(lex_8h_db: npt.ArrayLike) -> Array:
    """Of the daily levels of one week along the last axis; NaN is a day without work.

    >>> [round(float(lex_weekly(week)), 1) for week in ([85.0] * 5, [90.0, np.nan, np.nan, np.nan, np.nan], [85.0] * 6)]
    [85.0, 83.0, 85.8]
    """
    energies = energy(lex_8h_db)
    return level(np.nansum(energies, axis=-1) / DAYS)
