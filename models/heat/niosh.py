"""NIOSH's limits for heat: Criteria for a Recommended Standard: Occupational Exposure to Heat and Hot Environments, DHHS (NIOSH) 2016-106, section 8.1.

Both limits are for 1-hour time-weighted averages of the effective WBGT and of the metabolic rate M, M in W of a whole person (70 kg, 1.8 m²), never in
W/m²: 300 W taken for 155 W/m² would raise the limit by 3.3 °C. Valid here for 100-600 W, the span of the document's figures; beyond it ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from models.arrays import Array

LOWEST_W, HIGHEST_W = 100.0, 600.0
RESTING_W = 115.0
"""Sitting quietly: the least metabolic rate of anybody at work, and that of a break (ISO 8996, class resting)."""


def ral_c(metabolic_rate_w: npt.ArrayLike) -> Array:
    """Recommended alert limit, for unacclimatised workers: 59.9 - 14.1 log10 M, °C WBGT.

    >>> [round(float(limit), 1) for limit in ral_c([115, 180, 300, 415, 520])]
    [30.8, 28.1, 25.0, 23.0, 21.6]
    """
    return np.asarray(59.9 - 14.1 * np.log10(_in_range(metabolic_rate_w)))


def rel_c(metabolic_rate_w: npt.ArrayLike) -> Array:
    """Recommended exposure limit, for acclimatised workers: 56.7 - 11.5 log10 M, °C WBGT.

    >>> [round(float(limit), 1) for limit in rel_c([115, 180, 300, 415, 520])]
    [33.0, 30.8, 28.2, 26.6, 25.5]
    """
    return np.asarray(56.7 - 11.5 * np.log10(_in_range(metabolic_rate_w)))


FORMULAS: Mapping[str, Callable[[npt.ArrayLike], Array]] = MappingProxyType({"niosh_ral": ral_c, "niosh_rel": rel_c})
"""What a limit profile may name as `formula`."""


def _in_range(metabolic_rate_w: npt.ArrayLike) -> Array:
    rate = np.asarray(metabolic_rate_w, dtype=np.float64)
    if np.any((rate < LOWEST_W) | (rate > HIGHEST_W)):
        raise ValueError(f"metabolic rate outside {LOWEST_W:g}-{HIGHEST_W:g} W: is it in W/m²?")
    return rate
