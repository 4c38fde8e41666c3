"""What a heat limit is at a work rate: by a formula or by a table, in one form for all that compare with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask, rolling_sum
from models.heat.niosh import FORMULAS, HIGHEST_W, LOWEST_W
from models.heat.tables import WbgtTable, class_index, limit_at_c, window_limits_c
from models.limits.profile import Limit, Status

Formula = Callable[[npt.ArrayLike], Array]
_ROUNDING_W = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLimit:
    """°C WBGT as a function of the metabolic rate, W; valid from 100 to 600 W."""

    formula: Formula | None = None
    table: WbgtTable | None = None

    def at(self, metabolic_rate_w: float, work_share: float = 1.0) -> float:
        """Of steady work for a share of the hour; NaN where there is none."""
        if not LOWEST_W <= metabolic_rate_w <= HIGHEST_W:
            return float("nan")
        if self.table is not None:
            return float(limit_at_c(self.table, metabolic_rate_w, work_share))
        return float(self.formula(metabolic_rate_w)) if self.formula is not None else float("nan")

    def of_windows(self, metabolic_rate_w: Array, at_work: Mask, minutes: int) -> Array:
        """Of each full window of minutes, at its own work; -inf where the work is over what the limit knows."""
        mean = rolling_sum(metabolic_rate_w, minutes) / minutes
        if self.table is not None:
            limits = window_limits_c(self.table, metabolic_rate_w, at_work, minutes)
        elif self.formula is not None:
            limits = np.asarray(self.formula(np.clip(mean, LOWEST_W, HIGHEST_W)))
        else:
            limits = np.full(mean.shape, np.nan)
        return np.where((mean > HIGHEST_W + _ROUNDING_W) | np.isnan(limits), -np.inf, limits)


def heat_limit(limit: Limit) -> HeatLimit | None:
    """None for a limit that is no function of the work rate."""
    if limit.table is not None:
        return HeatLimit(table=limit.table)
    formula = FORMULAS.get(limit.formula or "")
    return None if formula is None else HeatLimit(formula=formula)


def status_at(limit: Limit, metabolic_rate_w: float | None) -> Status:
    """A table's classes may differ in what was seen of them; without a work rate the limit is no better than its worst class."""
    if limit.table is None:
        return limit.status
    statuses: list[Status] = [one.status or limit.status for one in limit.table.classes]
    if metabolic_rate_w is None or np.isnan(metabolic_rate_w):
        return "unverified" if "unverified" in statuses else limit.status
    index = int(class_index(limit.table, metabolic_rate_w))
    return statuses[index] if index < len(statuses) else "unverified"
