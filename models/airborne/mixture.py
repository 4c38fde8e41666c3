"""Exposure to several substances at once: 29 CFR 1910.1000(d)(2)(i): the sum of each concentration over its limit, over 1 exceeds.

The rule is for substances that act alike. Which ones act alike is the profile's to say (OSHA's text: any mixture; others: same organ or effect), so each group has its index and the highest one
counts. A substance in several groups counts in each. Concentration and limit of one substance in one unit and over one averaging time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def mixture_index(concentration: npt.ArrayLike, limit: npt.ArrayLike) -> Array:
    """Sum of the shares along the last axis.

    >>> round(float(mixture_index([500.0, 45.0, 40.0], [1000.0, 200.0, 200.0])), 3)
    0.925
    """
    return np.asarray(np.sum(np.asarray(concentration, dtype=np.float64) / np.asarray(limit, dtype=np.float64), axis=-1))


def index_by_group(concentration: Mapping[str, float], limit: Mapping[str, float], groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """One index a group; a substance of a group without a concentration was not measured: KeyError, never a silent zero.

    >>> index_by_group({"toluene": 40.0, "xylene": 60.0, "ammonia": 5.0}, {"toluene": 100.0, "xylene": 100.0, "ammonia": 25.0}, {"narcotic": ("toluene", "xylene"), "irritant": ("ammonia",)})
    {'narcotic': 1.0, 'irritant': 0.2}
    """
    return {group: float(mixture_index([concentration[one] for one in members], [limit[one] for one in members])) for group, members in groups.items()}
