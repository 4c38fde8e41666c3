"""What is overdue, when it goes to the inspector, and the inspector's word for a review or a site (the words of RSC's public corrective action plans)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from alerts.review.model import Action, Review, Word
from domain.times import DAY_US, to_datetime

GRACE_US = 7 * DAY_US
"""Both sides have a week after they were told; then the inspector sees it."""

CapStatus = Literal["cap_pending", "on_track", "behind_schedule", "initial_cap_completed"]
CAP_STATUSES: tuple[CapStatus, ...] = ("cap_pending", "on_track", "behind_schedule", "initial_cap_completed")


def is_overdue(action: Action, today: date) -> bool:
    """Its day is past and nobody has declared it done; found not done counts as not done."""
    return not action.finished and date.fromisoformat(action.due) < today


def today_in(timezone: ZoneInfo, now_us: int) -> date:
    return to_datetime(now_us).astimezone(timezone).date()


def to_inspector(action: Action, today: date, now_us: int) -> bool:
    """Whether it is time that the inspector sees it."""
    return is_overdue(action, today) and action.overdue_us is not None and action.to_inspector_us is None and now_us - action.overdue_us >= GRACE_US


def cap_status(review: Review, today: date) -> CapStatus:
    """Of one review, for the inspector. `initial_cap_completed` is a third party's word: every action verified."""
    if not review.actions:
        return "cap_pending"
    if all(action.word is Word.VERIFIED for action in review.actions):
        return "initial_cap_completed"
    if any(action.to_inspector_us is not None and is_overdue(action, today) for action in review.actions):
        return "behind_schedule"
    return "on_track"


def site_status(reviews: Sequence[Review], today: date) -> CapStatus:
    """The worst of its reviews; without any, no plan is pending."""
    found = {cap_status(review, today) for review in reviews}
    order: tuple[CapStatus, ...] = ("behind_schedule", "cap_pending", "on_track", "initial_cap_completed")
    return next((status for status in order if status in found), "cap_pending")


def progress(reviews: Iterable[Review]) -> tuple[int, int]:
    """(verified actions, all actions): RSC's progress rate counts what a third party verified and nothing else."""
    actions = [action for review in reviews for action in review.actions]
    return sum(action.word is Word.VERIFIED for action in actions), len(actions)
