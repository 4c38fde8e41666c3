"""A set of sequence numbers that is nearly always whole: everything up to `upto`, and the ranges that came beyond a hole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

_RANGES = msgspec.json.Decoder(list[tuple[int, int]])


class SeqSet:
    """Committed seqs of one boot. `upto` is -1 while 0 is missing; `also` are closed ranges, ascending, that do not touch."""

    __slots__ = ("_starts", "_stops", "upto")

    def __init__(self, upto: int = -1, also: Iterable[tuple[int, int]] = ()) -> None:
        self.upto = max(upto, -1)
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in also:
            self.add_range(start, stop)

    @property
    def also(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, self._stops, strict=True))

    def __contains__(self, seq: int) -> bool:
        if seq <= self.upto:
            return seq >= 0
        at = bisect_left(self._stops, seq)
        return at < len(self._starts) and self._starts[at] <= seq

    def __len__(self) -> int:
        return self.upto + 1 + sum(stop - start + 1 for start, stop in self.also)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SeqSet) and (self.upto, self._starts, self._stops) == (other.upto, other._starts, other._stops)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SeqSet(upto={self.upto}, also={self.also})"

    def add(self, seq: int) -> None:
        if seq == self.upto + 1 and not self._starts:
            self.upto = seq
        else:
            self.add_range(seq, seq)

    def add_range(self, start: int, stop: int) -> None:
        """Add all of start..stop, both included; what is below 0 does not exist."""
        start = max(start, 0)
        if stop < start or stop <= self.upto:
            return
        if start <= self.upto + 1:
            self._reach(stop)
            return
        first = bisect_left(self._stops, start - 1)
        last = first
        while last < len(self._starts) and self._starts[last] <= stop + 1:
            start, stop = min(start, self._starts[last]), max(stop, self._stops[last])
            last += 1
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def _reach(self, upto: int) -> None:
        joined = 0
        while joined < len(self._starts) and self._starts[joined] <= upto + 1:
            upto = max(upto, self._stops[joined])
            joined += 1
        del self._starts[:joined]
        del self._stops[:joined]
        self.upto = upto

    @property
    def top(self) -> int:
        """The greatest seq in the set; -1 when it is empty."""
        return self._stops[-1] if self._stops else self.upto

    def holes(self, below: int | None = None) -> list[tuple[int, int]]:
        """Missing ranges under `below` (absent: under the greatest seq), both ends included."""
        end = self.top if below is None else below - 1
        missing, start = [], self.upto + 1
        for first, last in self.also:
            if start > end:
                break
            missing.append((start, min(first - 1, end)))
            start = last + 1
        if start <= end:
            missing.append((start, end))
        return missing

    def copy(self) -> SeqSet:
        twin = SeqSet(self.upto)
        twin._starts, twin._stops = self._starts.copy(), self._stops.copy()
        return twin

    def also_json(self) -> str:
        """`[[130,171]]`, as `cursors.also` and the acknowledgement hold it."""
        return msgspec.json.encode(self.also).decode() if self._starts else "[]"

    @classmethod
    def from_json(cls, upto: int, also: str) -> SeqSet:
        return cls(upto, _RANGES.decode(also))
