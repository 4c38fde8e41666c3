"""Sums over the rows of a group, given back on each of its rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def group_sum(values: Array, groups: Array) -> Array:
    """Total of each row's group.

    >>> group_sum(np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 0.0])).tolist()
    [5.0, 2.0, 5.0]
    """
    _, member = np.unique(groups, return_inverse=True)
    return np.asarray(np.bincount(member.ravel(), weights=values)[member.ravel()])


def rows_of_groups(groups: Array) -> Iterator[npt.NDArray[np.intp]]:
    """Row numbers of one group after the other, in the order of the rows."""
    for group in np.unique(groups):
        yield np.flatnonzero(groups == group)
