"""Reference values of ISO 7243: WBGT by class of metabolic rate, W of a whole person; screening for a working day of up to 8 h.

1989 edition (Annex A): as a maker of WBGT meters prints the table; verified. 2017 edition (Table A.1): the resting class is printed by the Japanese ministry after JIS Z 8504:2021 and
verified; for the others no copy was seen. In classes 3 and 4 those who quote the 2017 table disagree, 26/23 and 25/20 against 25/22 and 23/18: the lower pair stands
here, which is also the 1989 table's for still air. `effective` (time-weighted, with clothing) WBGT is compared with these values: `models.heat.effective`, `models.heat.clothing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A table: upper end of each class but the last, W; values by class for acclimatised and not, °C; `moving_c` where the air can be felt moving."""

    year: int
    class_ends_w: tuple[float, ...]
    acclimatised_c: tuple[float, ...]
    unacclimatised_c: tuple[float, ...]
    acclimatised_moving_c: tuple[float, ...]
    unacclimatised_moving_c: tuple[float, ...]
    verified: tuple[bool, ...]


_STILL = ((33.0, 30.0, 28.0, 25.0, 23.0), (32.0, 29.0, 26.0, 22.0, 18.0))
_MOVING = ((33.0, 30.0, 28.0, 26.0, 25.0), (32.0, 29.0, 26.0, 23.0, 20.0))

EDITIONS: Mapping[int, Edition] = MappingProxyType(
    {
        1989: Edition(
            year=1989,
            class_ends_w=(117.0, 234.0, 360.0, 468.0),
            acclimatised_c=_STILL[0],
            unacclimatised_c=_STILL[1],
            acclimatised_moving_c=_MOVING[0],
            unacclimatised_moving_c=_MOVING[1],
            verified=(True,) * 5,
        ),
        2017: Edition(
            year=2017,
            class_ends_w=(125.0, 235.0, 360.0, 465.0),
            acclimatised_c=_STILL[0],
            unacclimatised_c=_STILL[1],
            acclimatised_moving_c=_STILL[0],
            unacclimatised_moving_c=_STILL[1],
            verified=(True, False, False, False, False),
        ),
    }
)
LOWEST_W, HIGHEST_W = 65.0, 700.0


def metabolic_class(metabolic_rate_w: npt.ArrayLike, edition: int = 2017) -> npt.NDArray[np.intp]:
    """0 resting, 1 low, 2 moderate, 3 high, 4 very high.

    >>> metabolic_class([115, 180, 300, 415, 520]).tolist()
    [0, 1, 2, 3, 4]
    """
    return np.searchsorted(EDITIONS[edition].class_ends_w, np.asarray(metabolic_rate_w, dtype=np.float64), side="left")


def reference_c(metabolic_rate_w: npt.ArrayLike, acclimatised: Mask | bool, edition: int = 2017, moving_air: Mask | bool = False) -> Array:
    """Reference value, °C WBGT.

    >>> reference_c([115, 180, 300, 415, 520], True, 1989, True).tolist()
    [33.0, 30.0, 28.0, 26.0, 25.0]
    """
    table, found = EDITIONS[edition], metabolic_class(metabolic_rate_w, edition)
    used = np.where(moving_air, np.asarray(table.acclimatised_moving_c)[found], np.asarray(table.acclimatised_c)[found])
    unused = np.where(moving_air, np.asarray(table.unacclimatised_moving_c)[found], np.asarray(table.unacclimatised_c)[found])
    return np.where(acclimatised, used, unused)


def is_verified(metabolic_rate_w: npt.ArrayLike, edition: int = 2017) -> Mask:
    """Whether a table that prints this class's value was seen."""
    return np.asarray(EDITIONS[edition].verified)[metabolic_class(metabolic_rate_w, edition)]
