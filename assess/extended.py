"""Shift limits lowered for shifts of more than eight hours, by a profile of good practice that the site adopted: beside the law, never in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import msgspec
import numpy.typing as npt

from assess import airborne, texts
from assess.bounds import Found, exact_mean, filled, result_of
from assess.live_window import planned_minutes
from assess.outcome import Outcome, ZoneShift
from domain.times import HOUR_US, MINUTE_US
from models.airborne.brief_scala import daily_factor
from models.airborne.twa import EIGHT_HOURS_MIN
from models.arrays import Array
from models.limits.profile import ExtendedShifts, Profile

RULES: Mapping[str, Callable[[npt.ArrayLike], Array]] = MappingProxyType({"brief_scala_daily": daily_factor})
AVERAGING = "mean of the shift, the limit lowered for its length"
_HOUR_MIN = HOUR_US // MINUTE_US


def extended_outcomes(work: ZoneShift, found: Sequence[Outcome]) -> Iterator[Outcome]:
    """One result for each shift limit of another profile; none for a shift of up to eight hours."""
    exposure_min = planned_minutes(work)
    if exposure_min <= EIGHT_HOURS_MIN:
        return
    for profile in work.profiles[0]:
        for rule in profile.extended_shifts:
            held = [one for one in found if one.metric == "twa" and one.used and one.result.limit_value and one.used[0].quantity.cas in rule.agents]
            yield from (_lowered(work, profile, rule, one, exposure_min / _HOUR_MIN) for one in held if one.limit.profile != profile.id)


def _lowered(work: ZoneShift, profile: Profile, rule: ExtendedShifts, like: Outcome, hours: float) -> Outcome:
    channel, counted = like.used[0], work.span.counted
    factor = float(RULES[rule.rule](hours))
    limit_value = (like.result.limit_value or 0.0) * factor
    fill, sides = filled(channel, work.span, work.record_high, minimum=airborne.MINIMUM)
    sides = like.air.taken(sides) if like.air else sides
    result = result_of(lambda minutes: Found(exact_mean(minutes[counted]), 0, len(minutes)), sides)
    stated = msgspec.structs.replace(
        like.limit,
        id=f"{rule.id}-{like.limit.id}",
        value=limit_value,
        profile=profile.id,
        law=profile.law,
        averaging=AVERAGING,
        clause=f"{profile.clause_of(rule)}; of {like.limit.profile} {like.limit.id}: {like.limit.clause}",
        status="verified" if rule.status == like.limit.status == "verified" else "unverified",
    )
    said = texts.EXTENDED_SHIFT.format(hours=f"{hours:.1f}", factor=f"{factor:.2f}", limit=f"{like.limit.profile} {like.limit.id}")
    return replace(
        like,
        limit=stated,
        accepts_screening=profile.accepts_screening,
        action_level=None,
        result=replace(result, limit_value=limit_value, reasons=[said, *result.reasons, *fill.reasons, *(like.air.reasons if like.air else [])]),
        method="airborne-extended-shift@1",
        notes=[texts.NOT_LAW],
    )
