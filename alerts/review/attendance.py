"""Who was at a meeting, counted by side and sex, without telling anybody's sex to the other side."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from alerts.review.mandates import SEXES, SMALLEST, Mandate
from alerts.review.meetings import Seat
from domain.agreements import SIDES

BOTH = "both"


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """`suppressed`: fewer than five persons, so that a count would tell who; `present` is always told."""

    present: int
    woman: int | None = None
    man: int | None = None
    not_said: int | None = None
    suppressed: bool = True


def attendance(seats: Sequence[Seat], reader_side: str = "") -> dict[str, Counted]:
    """Both sides together from five persons up, as law asks for; one side where each has five, since the rest could be worked out; a side's own always to itself."""
    sides = {side: [seat for seat in seats if seat.side == side] for side in SIDES}
    both_large = all(len(of) >= SMALLEST for of in sides.values())
    found = {str(side): _counted(of, is_told=both_large or side == reader_side) for side, of in sides.items()}
    return {**found, BOTH: _counted(seats, is_told=len(seats) >= SMALLEST)}


def sex_for(mandate: Mandate, reader_side: str) -> str | None:
    """A representative's sex is told to their own side and to nobody else."""
    return mandate.sex if mandate.side == reader_side else None


def _counted(seats: Sequence[Seat], *, is_told: bool) -> Counted:
    if not is_told:
        return Counted(present=len(seats))
    return Counted(present=len(seats), suppressed=False, **{sex: sum(seat.sex == sex for seat in seats) for sex in SEXES})
