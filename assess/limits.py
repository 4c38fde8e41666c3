"""Which limits a site adopted, what they are on a day, and which of them is the strictest: evidence has one verdict a profile, protection follows the strictest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from domain.verdict import LimitOf
from models.limits import GeneralDuty, Limit, Profile, duties, in_force, load_profiles, status_at

T = TypeVar("T")
REFERENCE = "us-niosh"
"""The profile that is followed where a site adopted none that this installation has, or where those that it adopted have no number for an agent."""
GENERAL_DUTY = "general-duty"
"""The id of a limit without a number, whose clause is a general duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """One limit of one adopted profile."""

    profile: Profile
    limit: Limit

    def stated(self, value: float | None, metabolic_rate_w: float | None = None) -> LimitOf:
        """As a verdict names it; `value` in the unit of the result, the work rate of a heat limit that is a table."""
        return LimitOf(
            id=self.limit.id,
            value=value,
            profile=self.profile.id,
            law=self.profile.law,
            averaging=self.limit.averaging_text,
            clause=self.profile.clause_of(self.limit),
            status=status_at(self.limit, metabolic_rate_w),
        )


NO_LIMIT = LimitOf(id="none", value=None, profile="", law=False, averaging="", clause="", status="unverified")
"""Of a result for which no adopted profile has a number."""


def profiles_of(adopted: Sequence[str], known: Mapping[str, Profile] | None = None) -> tuple[list[Profile], list[str]]:
    """The site's profiles, its order kept, and the ids that this installation does not have; none at all leaves the reference profile."""
    profiles = load_profiles() if known is None else known
    found = [profiles[id] for id in adopted if id in profiles]
    return found or [profiles[REFERENCE]], [id for id in adopted if id not in profiles]


def limits_for(profiles: Sequence[Profile], agent: str, day: date) -> Sequence[Adopted]:
    """All limits for an agent ("heat", "noise", a CAS number) in force on a day; the reference profile's where the adopted ones have no number."""
    key = (agent, day, *map(id, profiles))
    held = _of_profiles.get(key)
    if held is None:  # what is held keeps its profiles alive, so that no others take their identities
        if len(_of_profiles) >= _MOST_FOUND:
            _of_profiles.clear()
        held = _of_profiles[key] = list(profiles), _in_force(profiles, agent, day) or _in_force([load_profiles()[REFERENCE]], agent, day)
    return held[1]


_of_profiles: dict[Hashable, tuple[Sequence[Profile], list[Adopted]]] = {}
_MOST_FOUND = 4_096


def duties_for(profiles: Sequence[Profile], agent: str, day: date) -> list[tuple[GeneralDuty, LimitOf]]:
    """General duties of the adopted profiles that have no number for an agent on a day, each as a verdict names it."""
    return [
        (duty, LimitOf(id=GENERAL_DUTY, value=None, profile=profile.id, law=profile.law, averaging="", clause=profile.clause_of(duty), status=duty.status))
        for profile in profiles
        if not _of_profile(profile, agent, day)
        for duty in duties(profile, agent)[:1]
    ]


def _in_force(profiles: Sequence[Profile], agent: str, day: date) -> list[Adopted]:
    return [adopted for profile in profiles for adopted in _of_profile(profile, agent, day)]


_found: dict[tuple[int, str, date], tuple[Profile, list[Adopted]]] = {}


def _of_profile(profile: Profile, agent: str, day: date) -> list[Adopted]:
    """Looked up once a day and agent: a profile is never changed once it is read."""
    key = (id(profile), agent, day)
    held = _found.get(key)
    if held is None or held[0] is not profile:
        if len(_found) >= _MOST_FOUND:
            _found.clear()
        held = _found[key] = (profile, [Adopted(profile=profile, limit=limit) for limit in in_force(profile, agent, day)])
    return held[1]


_of_limits: dict[Hashable, tuple[Sequence[Adopted], Any]] = {}
_MOST_OF_LIMITS = 4_096


def once_of(limits: Sequence[Adopted], key: Hashable, make: Callable[[], T]) -> T:
    """What follows from limits and a key alone is made once: all zones of a site ask for the same, every minute."""
    whole = (key, *map(id, limits))
    if whole not in _of_limits:  # what is held keeps its limits alive, so that no others take their identities
        if len(_of_limits) >= _MOST_OF_LIMITS:
            _of_limits.clear()
        _of_limits[whole] = limits, make()
    found: T = _of_limits[whole][1]
    return found


def for_acclimatisation(limits: Sequence[Adopted], acclimatised: str) -> list[Adopted]:
    """Heat limits that apply: those for everybody, those for the people here, and both kinds where nobody knows."""
    return [one for one in limits if one.limit.acclimatised is None or acclimatised in ("unknown", one.limit.acclimatised)]


def strictest(limits: Sequence[tuple[Adopted, float]]) -> tuple[Adopted, float] | None:
    """The lowest value; of equals the site's first profile."""
    return min(limits, key=lambda one: one[1], default=None)
