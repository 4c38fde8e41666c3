"""Several substances at one placement at once: the shares of their limits added up, grouped as the profile says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import fsum

import numpy as np

from assess import texts
from assess.bounds import Result
from assess.outcome import Outcome, ZoneShift
from domain.verdict import Cause, LimitOf, Part
from models.limits.profile import Mixture, Profile

HAZARD = "chemical:mixture"
LARGEST = 1.0


def mixture_outcomes(work: ZoneShift, found: Sequence[Outcome]) -> Iterator[Outcome]:
    """One index a mixture of an adopted profile, over the results of one placement; a single substance is none."""
    for profile in work.profiles[0]:
        for mixture in profile.mixtures:
            members = _members(profile, mixture, found) if mixture.holds_on(work.day) else []
            if len(members) > 1:
                yield _index(profile, mixture, members)


def _members(profile: Profile, mixture: Mixture, found: Sequence[Outcome]) -> list[Outcome]:
    """The substances that count, each with its largest share."""
    largest: dict[str, Outcome] = {}
    for outcome in found:
        cas = outcome.used[0].quantity.cas if outcome.used else ""
        if outcome.limit.profile == profile.id and outcome.metric == mixture.metric and outcome.result.limit_value and mixture.is_for(cas):
            held = largest.get(cas)
            if held is None or outcome.result.limit_value < (held.result.limit_value or 0.0):
                largest[cas] = outcome
    return [largest[cas] for cas in sorted(largest)]


def _index(profile: Profile, mixture: Mixture, members: Sequence[Outcome]) -> Outcome:
    notes = [texts.LIMIT_NOTE.format(note=mixture.note)] if mixture.note else []
    return replace(
        members[0],
        hazard=HAZARD,
        metric="mixture_index",
        unit="1",
        limit=stated(profile, mixture, [member.limit for member in members]),
        action_level=None,
        result=_sum(members),
        used=[one for member in members for one in member.used],
        valid=np.logical_and.reduce([member.valid for member in members]),
        method="airborne-mixture@1",
        notes=notes,
    )


def stated(profile: Profile, mixture: Mixture, limits: Sequence[LimitOf]) -> LimitOf:
    """The limit of the sum; its status is no better than the worst of the limits in it."""
    is_verified = mixture.status == "verified" and all(limit.status == "verified" for limit in limits)
    return LimitOf(
        id=mixture.id,
        value=LARGEST,
        profile=profile.id,
        law=profile.law,
        averaging=limits[0].averaging,
        clause=profile.clause_of(mixture),
        status="verified" if is_verified else "unverified",
    )


def _sum(members: Sequence[Outcome]) -> Result:
    results = [(member.result, member.result.limit_value or LARGEST) for member in members]
    substances = ", ".join(member.used[0].quantity.name for member in members)
    reasons = [texts.MIXTURE_OF.format(substances=substances), *(reason for result, _ in results for reason in result.reasons)]
    first, stop = min(result.first for result, _ in results), max(result.stop for result, _ in results)
    if any(result.value is None or result.low is None for result, _ in results):
        return Result(value=None, low=None, high=None, first=first, stop=stop, limit_value=LARGEST, reasons=reasons)
    causes: list[Cause] = list(dict.fromkeys(part.cause for result, _ in results for part in result.parts))
    parts = [
        Part(
            cause=cause,
            low=fsum(part.low / limit for result, limit in results for part in result.parts if part.cause == cause),
            high=fsum(part.high / limit for result, limit in results for part in result.parts if part.cause == cause),
        )
        for cause in causes
    ]
    return Result(
        value=fsum((result.value or 0.0) / limit for result, limit in results),
        low=fsum((result.low or 0.0) / limit for result, limit in results),
        high=None if any(result.high is None for result, _ in results) else fsum((result.high or 0.0) / limit for result, limit in results),
        first=first,
        stop=stop,
        limit_value=LARGEST,
        parts=parts,
        reasons=reasons,
    )
