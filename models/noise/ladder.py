"""Laws that list how long each level may last, step by step. Between two steps the higher, shorter one holds; over the last no time at all.

Vietnam: QCVN 24:2016/BYT (circular 24/2016/TT-BYT), table 1: never over 115 dB(A); not for users of headsets. Indonesia: Permenaker 5/2018, annex on physical factors.
Both round the times of a 3 dB exchange rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from models.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Levels from the lowest up, dB(A), each with the longest time a day, s."""

    source: str
    levels_dba: tuple[float, ...]
    seconds: tuple[float, ...]


LADDERS: Mapping[str, Ladder] = MappingProxyType(
    {
        "vietnam": Ladder(
            source="QCVN 24:2016/BYT",
            levels_dba=(85.0, 88.0, 91.0, 94.0, 97.0, 100.0, 103.0, 106.0, 109.0, 112.0, 115.0),
            seconds=(28800.0, 14400.0, 7200.0, 3600.0, 1800.0, 900.0, 420.0, 180.0, 120.0, 60.0, 30.0),
        ),
        "indonesia": Ladder(
            source="Permenaker 5/2018",
            levels_dba=tuple(float(level) for level in range(85, 140, 3)),
            seconds=(28800.0, 14400.0, 7200.0, 3600.0, 1800.0, 900.0, 450.0, 225.0, 112.8, 56.4, 28.12, 14.06, 7.03, 3.52, 1.76, 0.88, 0.44, 0.22, 0.11),
        ),
    }
)


def allowed_seconds(level_dba: npt.ArrayLike, ladder: str = "vietnam") -> Array:
    """Longest time a day at a level, s; 8 h up to the first step, 0 over the last; NaN for NaN.

    >>> allowed_seconds([80.0, 85.0, 85.1, 103.0, 115.0, 115.1]).tolist()
    [28800.0, 28800.0, 14400.0, 420.0, 30.0, 0.0]
    """
    steps = LADDERS[ladder]
    level = np.asarray(level_dba, dtype=np.float64)
    found = np.asarray((*steps.seconds, 0.0))[np.searchsorted(steps.levels_dba, level, side="left")]
    return np.where(np.isnan(level), np.nan, found)


def dose_pct(level_dba: npt.ArrayLike, minutes: npt.ArrayLike, ladder: str = "vietnam") -> Array:
    """Used share of the allowed time, summed over the last axis, percent; without end where no time is allowed.

    >>> float(dose_pct([85.0, 88.0], [240.0, 120.0]))
    100.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.asarray(minutes, dtype=np.float64) * 60.0 / allowed_seconds(level_dba, ladder)
    return np.asarray(100.0 * np.sum(np.nan_to_num(shares, nan=0.0, posinf=np.inf), axis=-1))
