"""WBGT limits that a document prints as a table: by class of work, and where it says so by the share of each hour that is worked. The numbers are a profile's data.

ISO 7243 (reference values by class of metabolic rate) and national laws after it. Metabolic rates in W of a whole person; what a source prints in kcal/h is
times 1.163. A class reaches up to and with its `up_to_w`; a row holds from its `share_from` on, so that the boundary belongs to the stricter row.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf, nan
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask, rolling_sum

W_PER_KCAL_H = 1.163


class WorkClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One class of work, from the class before it up to `up_to_w`; None: no upper end."""

    name: str
    up_to_w: float | None = None
    printed: str = ""  # the bound as the source prints it, where that is not in W
    status: Literal["verified", "unverified"] | None = None  # where it is not that of the limit


class WorkShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits while at least this share of each hour is worked, °C WBGT, a class each; None where the document gives none."""

    share_from: float
    limits_c: list[float | None]


class WbgtTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Classes from light to heavy; rows from continuous work to little."""

    classes: list[WorkClass]
    shares: list[WorkShare]


def class_index(table: WbgtTable, metabolic_rate_w: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Which class a metabolic rate belongs to; one past the last for what is over every class.

    >>> table = WbgtTable(classes=[WorkClass(name="light", up_to_w=234), WorkClass(name="moderate", up_to_w=360)], shares=[])
    >>> class_index(table, [115, 234, 235, 400]).tolist()
    [0, 0, 1, 2]
    """
    ends = [np.inf if one.up_to_w is None else one.up_to_w for one in table.classes]
    return np.asarray(np.searchsorted(ends, np.asarray(metabolic_rate_w, dtype=np.float64) - 1e-9, side="left"))


def limit_c(table: WbgtTable, metabolic_rate_w: npt.ArrayLike, work_share: npt.ArrayLike = 1.0) -> Array:
    """°C WBGT at a metabolic rate of the work and a share of the hour; NaN where the table gives none.

    >>> rows = [WorkShare(share_from=0.75, limits_c=[31.0, None]), WorkShare(share_from=0.0, limits_c=[32.0, 30.0])]
    >>> table = WbgtTable(classes=[WorkClass(name="light", up_to_w=233), WorkClass(name="heavy")], shares=rows)
    >>> limit_c(table, [200, 300, 300], [1.0, 0.75, 0.5]).tolist()
    [31.0, nan, 30.0]
    """
    cells = np.full((len(table.shares), len(table.classes) + 1), np.nan)
    cells[:, :-1] = [[np.nan if value is None else value for value in row.limits_c] for row in table.shares]
    index, share = np.broadcast_arrays(class_index(table, metabolic_rate_w), np.asarray(work_share, dtype=np.float64))
    row = np.searchsorted([-one.share_from for one in table.shares], -share - 1e-9, side="left")
    return np.asarray(np.where(row < len(table.shares), cells[np.minimum(row, len(table.shares) - 1), index], np.nan))


def limit_at_c(table: WbgtTable, metabolic_rate_w: float, work_share: float = 1.0) -> float:
    """`limit_c` of one metabolic rate and share.

    >>> rows = [WorkShare(share_from=0.75, limits_c=[31.0, None]), WorkShare(share_from=0.0, limits_c=[32.0, 30.0])]
    >>> limit_at_c(WbgtTable(classes=[WorkClass(name="light", up_to_w=233), WorkClass(name="heavy")], shares=rows), 300, 0.5)
    30.0
    """
    index = bisect_left([inf if one.up_to_w is None else one.up_to_w for one in table.classes], metabolic_rate_w - 1e-9)
    row = bisect_left([-one.share_from for one in table.shares], -work_share - 1e-9)
    if row >= len(table.shares) or index >= len(table.classes):
        return nan
    found = table.shares[row].limits_c[index]
    return nan if found is None else found


def window_limits_c(table: WbgtTable, metabolic_rate_w: npt.ArrayLike, at_work: Mask, minutes: int) -> Array:
    """The limit of each full window of minutes: at the mean rate of its minutes at work and at their share; a window without work is rest.

    >>> rows = [WorkShare(share_from=0.75, limits_c=[31.0, 28.0]), WorkShare(share_from=0.0, limits_c=[32.5, 31.5])]
    >>> table = WbgtTable(classes=[WorkClass(name="light", up_to_w=233), WorkClass(name="moderate")], shares=rows)
    >>> window_limits_c(table, [300.0, 300.0, 115.0, 115.0], np.array([True, True, False, False]), 2).tolist()
    [28.0, 31.5, 32.5]
    """
    rate = np.asarray(metabolic_rate_w, dtype=np.float64)
    worked = np.rint(rolling_sum(at_work, minutes))
    working = rolling_sum(np.where(at_work, rate, 0.0), minutes) / np.maximum(worked, 1.0)
    resting = rolling_sum(rate, minutes) / minutes
    return limit_c(table, np.where(worked > 0, working, resting), worked / minutes)
