"""OSHA's action level on long shifts: OSHA reduces the action level (dose 50 %), never the permissible exposure limit. 29 CFR 1910.95(c) with Appendix A: 90 + 16.61 lg(50/(12.5 h)) dB(A)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def action_level_dba(hours: npt.ArrayLike) -> Array:
    """Steady level that fills 50 % of the dose in a shift of so many hours.

    >>> action_level_dba([8, 10, 12]).round(1).tolist()
    [85.0, 83.4, 82.1]
    """
    return np.asarray(90.0 + 16.61 * np.log10(50.0 / (12.5 * np.asarray(hours, dtype=np.float64))))
