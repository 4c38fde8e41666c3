"""How reviewing goes, by side and never by person; figures of fewer than five reviews are not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import median

import msgspec

from alerts.review.model import Control, Review, Word
from alerts.review.state import state_of
from alerts.review.status import CapStatus, is_overdue, progress, site_status
from domain.agreements import SIDES, Side
from domain.registry import Committee
from domain.times import DAY_US

SMALLEST = 5


class SideFigures(msgspec.Struct, frozen=True, kw_only=True):
    """None: fewer than five reviews were signed by this side."""

    signed: int | None  # reviews with a word of this side
    dissented: int | None
    median_days_to_sign: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of the reviews opened in a period."""

    reviews: int | None
    states: dict[str, int] | None
    sides: dict[Side, SideFigures]
    actions: int | None
    by_control: dict[Control, int] | None
    by_word: dict[Word, int] | None
    overdue: int | None
    progress: float | None  # verified actions of all: RSC's progress rate
    status: CapStatus
    suppressed: bool  # fewer than five reviews: nothing is told but the status


def figures(reviews: Sequence[Review], committee: Committee, today: date) -> Figures:
    status = site_status(reviews, today)
    sides = {side: _of_side(reviews, side) for side in SIDES}
    if len(reviews) < SMALLEST:
        return Figures(reviews=None, states=None, sides=sides, actions=None, by_control=None, by_word=None, overdue=None, progress=None, status=status, suppressed=True)
    states = [state_of(review, committee) for review in reviews]
    actions = [action for review in reviews for action in review.actions]
    verified, all = progress(reviews)
    return Figures(
        reviews=len(reviews),
        states={state: states.count(state) for state in sorted(set(states))},
        sides=sides,
        actions=all,
        by_control={control: sum(action.control is control for action in actions) for control in Control},
        by_word={word: sum(action.word is word for action in actions) for word in Word},
        overdue=sum(is_overdue(action, today) for action in actions),
        progress=verified / all if all else None,
        status=status,
        suppressed=False,
    )


def _of_side(reviews: Sequence[Review], side: Side) -> SideFigures:
    firsts = [(review, words[0]) for review in reviews if (words := [one for one in review.signatures if one.side == side])]
    if len(firsts) < SMALLEST:
        return SideFigures(signed=None, dissented=None, median_days_to_sign=None)
    dissented = sum(any(not one.agree for one in review.signatures if one.side == side) for review, _ in firsts)
    return SideFigures(signed=len(firsts), dissented=dissented, median_days_to_sign=median((first.at_us - review.opened_us) / DAY_US for review, first in firsts))
