"""How many samples of a channel should exist, how many do, and why the others do not. Pure: the same in whatever order its parts are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from domain.messages import GapCause
from domain.times import SECOND_US

TOLERANCE = 1.5
"""A sample is missing when the next comes later than so many intervals: a poll that slips by less has cost none."""
GRACE_US = 5 * SECOND_US
"""What is on its way is not missing yet."""


class CentreCause(StrEnum):
    """Why the centre itself lacks what it once had."""

    AFTER_RETENTION = "after retention"


Cause = GapCause | CentreCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """From `start_us` to `stop_us` a sample was due every `interval_us`: what the registry says of a channel over some time."""

    start_us: int
    stop_us: int
    interval_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """A span that has a cause; where several cover an instant the surest one (`rank`), then the one that names a cause, then the shortest tells."""

    start_us: int
    stop_us: int
    cause: Cause
    rank: int = 1

    def order(self) -> tuple[int, bool, int, str, int]:
        return self.rank, self.cause is GapCause.UNKNOWN, self.stop_us - self.start_us, self.cause.value, self.start_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """[from_us, to_us) without samples, of one cause; `missing` is how many should be there."""

    from_us: int
    to_us: int
    cause: Cause
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Of a channel over a period; `expected` is never less than what is stored and what the holes lack together."""

    expected: int
    stored: int
    holes: list[Hole]


def completeness(dues: Iterable[Due], samples: Iterable[int], blames: Iterable[Blame], now_us: int) -> Completeness:
    """`samples`: times at which a usable value is stored. What is due after `now_us` is not expected yet."""
    times, known = sorted(set(samples)), sorted(set(blames), key=lambda blame: blame.start_us)
    expected = stored = 0
    holes: list[Hole] = []
    for due in sorted(set(dues), key=lambda due: due.start_us):
        here = [time_us for time_us in times if due.start_us <= time_us < due.stop_us]
        wanted = max(0, min(due.stop_us, now_us) - due.start_us) // due.interval_us
        found = _causes(_spans(due, here, now_us), due.interval_us, known, wanted)
        expected += wanted
        stored += min(len(here), wanted - sum(hole.missing for hole in found))
        holes += found
    return Completeness(expected=expected, stored=stored, holes=holes)


def _spans(due: Due, here: Sequence[int], now_us: int) -> list[tuple[int, int, int]]:
    """(from, to, missing) where samples are too far apart. A sample stands for the interval that ends with it."""
    interval_us, end_us = due.interval_us, min(due.stop_us, now_us)
    tail_us = GRACE_US if due.stop_us > now_us - GRACE_US else 0
    edges = [due.start_us - interval_us, *here]
    spans = [
        (max(before_us, due.start_us), after_us - interval_us if before_us >= due.start_us else after_us, round((after_us - before_us) / interval_us) - 1)
        for before_us, after_us in pairwise(edges)
        if after_us - before_us > TOLERANCE * interval_us
    ]
    if end_us - edges[-1] > TOLERANCE * interval_us + tail_us:
        spans.append((max(edges[-1], due.start_us), end_us, round((end_us - edges[-1]) / interval_us) - 1))
    return [span for span in spans if span[0] < span[1] and span[2] > 0]


def _causes(spans: Sequence[tuple[int, int, int]], interval_us: int, blames: Sequence[Blame], wanted: int) -> list[Hole]:
    """`blames` by start."""
    holes: list[Hole] = []
    coming, active = deque(blames), list[Blame]()
    for from_us, to_us, lacking in spans:
        missing = min(lacking, wanted)
        wanted -= missing
        while coming and coming[0].start_us < to_us:
            active.append(coming.popleft())
        active = sorted((blame for blame in active if blame.stop_us > from_us), key=Blame.order)
        told = 0
        for start_us, stop_us, cause in _joined(_painted(from_us, to_us, active), interval_us):
            upto = missing if stop_us == to_us else round(missing * (stop_us - from_us) / (to_us - from_us))
            holes += [Hole(from_us=start_us, to_us=stop_us, cause=cause, missing=upto - told)] if upto > told else []
            told = upto
    return holes


def _painted(from_us: int, to_us: int, blames: Sequence[Blame]) -> list[tuple[int, int, Cause]]:
    """The span cut where a cause begins or ends; the first of `blames` that covers a piece names it."""
    inside = {min(max(edge, from_us), to_us) for blame in blames for edge in (blame.start_us, blame.stop_us)}
    pieces: list[tuple[int, int, Cause]] = []
    for start_us, stop_us in pairwise(sorted({from_us, to_us, *inside})):
        cause: Cause = next((blame.cause for blame in blames if blame.start_us <= start_us and stop_us <= blame.stop_us), GapCause.UNKNOWN)
        pieces.append((start_us, stop_us, cause))
    return pieces


def _joined(pieces: Sequence[tuple[int, int, Cause]], interval_us: int) -> list[tuple[int, int, Cause]]:
    """Neighbours of one cause as one; what is no longer than an interval and has no cause goes with its neighbour."""
    joined: list[tuple[int, int, Cause]] = []
    for start_us, stop_us, cause in pieces:
        if not joined:
            joined.append((start_us, stop_us, cause))
            continue
        first_us, last_us, before = joined[-1]
        if cause is before or (cause is GapCause.UNKNOWN and stop_us - start_us <= interval_us):
            joined[-1] = (first_us, stop_us, before)
        elif before is GapCause.UNKNOWN and last_us - first_us <= interval_us:
            joined[-1] = (first_us, stop_us, cause)
        else:
            joined.append((start_us, stop_us, cause))
    return joined
