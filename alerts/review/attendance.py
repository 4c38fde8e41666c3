"""Who was at a meeting, and who is on the committee, counted by side and sex without telling anybody's sex to the other side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from alerts.review.mandates import SEXES, SMALLEST, Mandate, Share, share_of
from alerts.review.meetings import BOTH, Seat, told_before
from domain.agreements import SIDES, Side


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """`suppressed`: a count would tell who, or would let the other side work it out; `present` is always told."""

    present: int
    woman: int | None = None
    man: int | None = None
    not_said: int | None = None
    suppressed: bool = True


def told_of(seats: Sequence[Seat], holding: Sequence[Mandate], released: Collection[Side]) -> list[str]:
    """Which counts by sex may be told to everybody. A side's: five or more of it are there, and nobody or five or more of those in office are not (the committee's figure less the meeting's
    would tell of the absent); or it has released its own. Both together: only where each may be told, since a side knows itself and could work out the other."""
    told: list[str] = [side for side in SIDES if side in released or _is_large(seats, holding, side)]
    return [*told, BOTH] if len(told) == len(SIDES) else told


def _is_large(seats: Sequence[Seat], holding: Sequence[Mandate], side: Side) -> bool:
    there = {seat.mandate for seat in seats if seat.side == side}
    absent = {one.id for one in holding if one.side == side} - there
    return all(len(of) == 0 or len(of) >= SMALLEST for of in (there, absent))


def attendance(seats: Sequence[Seat], told: Collection[str] | None, reader_side: str = "") -> dict[str, Counted]:
    """What may be told, and a side's own always to itself. `told`: as it was when it was noted who is there."""
    told = told_before(seats) if told is None else told
    sides = {side: [seat for seat in seats if seat.side == side] for side in SIDES}
    found = {str(side): _counted(of, is_told=side in told or side == reader_side) for side, of in sides.items()}
    return {**found, BOTH: _counted(seats, is_told=BOTH in told)}


def committee_share(mandates: Sequence[Mandate], released: Collection[Side] = ()) -> Share:
    """Those whose sex is recorded count; not told where one side, knowing itself, could work out fewer than five others who have not released it."""
    known = [one for one in mandates if one.sex != "not_said"]
    counts: Mapping[Side, int] = {side: sum(one.side == side for one in known) for side in SIDES}
    if any(0 < count < SMALLEST and side not in released for side, count in counts.items()):
        return Share(women=None, all=None, share=None, suppressed=True)
    return share_of(sum(one.sex == "woman" for one in known), len(known))


def sex_for(mandate: Mandate, reader_side: str) -> str | None:
    """A representative's sex is told to their own side and to nobody else."""
    return mandate.sex if mandate.side == reader_side else None


def _counted(seats: Sequence[Seat], *, is_told: bool) -> Counted:
    if not is_told:
        return Counted(present=len(seats))
    return Counted(present=len(seats), suppressed=False, **{sex: sum(seat.sex == sex for seat in seats) for sex in SEXES})
