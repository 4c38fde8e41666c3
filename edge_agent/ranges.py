"""A set of whole numbers kept as disjoint ranges: what is acknowledged, gone, sent. A day of packs is one pair of numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Sorted, disjoint, closed ranges; neighbours are joined."""

    __slots__ = ("_from", "_to")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._from: list[int] = []
        self._to: list[int] = []
        for low, high in pairs:
            self.add(low, high)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._from, self._to, strict=True)))

    def __bool__(self) -> bool:
        return bool(self._from)

    def __len__(self) -> int:
        """How many numbers are in the set."""
        return sum(self._to) - sum(self._from) + len(self._from)

    def __contains__(self, number: int) -> bool:
        position = bisect_right(self._from, number) - 1
        return position >= 0 and number <= self._to[position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._from == other._from and self._to == other._to

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    @property
    def last(self) -> int:
        """The greatest number; -1 of an empty set."""
        return self._to[-1] if self._to else -1

    def copy(self) -> Ranges:
        return Ranges(self)

    def add(self, low: int, high: int) -> None:
        """Add [low, high]; nothing when high < low."""
        if high < low:
            return
        start = bisect_left(self._to, low - 1)
        stop = bisect_right(self._from, high + 1)
        if start < stop:
            low, high = min(low, self._from[start]), max(high, self._to[stop - 1])
        self._from[start:stop] = [low]
        self._to[start:stop] = [high]

    def remove(self, low: int, high: int) -> None:
        """Take [low, high] out."""
        if high < low:
            return
        start = bisect_left(self._to, low)
        stop = bisect_right(self._from, high)
        if start >= stop:
            return
        kept = [pair for pair in ((self._from[start], low - 1), (high + 1, self._to[stop - 1])) if pair[0] <= pair[1]]
        self._from[start:stop] = [pair[0] for pair in kept]
        self._to[start:stop] = [pair[1] for pair in kept]

    def minus(self, other: Iterable[tuple[int, int]]) -> Ranges:
        """What is here and not in `other`."""
        left = self.copy()
        for low, high in other:
            left.remove(low, high)
        return left

    def within(self, low: int, high: int) -> Ranges:
        """The part that lies in [low, high]."""
        start, stop = bisect_left(self._to, low), bisect_right(self._from, high)
        return Ranges((max(low, a), min(high, b)) for a, b in zip(self._from[start:stop], self._to[start:stop], strict=True))
