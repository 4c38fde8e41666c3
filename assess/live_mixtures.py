"""Several measured substances on the floor: the shares of their shift limits so far added up, grouped as the profile says, by the profile that allows least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

from assess import airborne, texts
from assess.bounds import Result
from assess.conditions import air_for
from assess.gather import Measured
from assess.limits import Adopted
from assess.live import LiveWindow
from assess.live_air import SETTLED_MIN, airborne_of
from assess.live_window import Line, planned_minutes
from assess.mixtures import HAZARD, LARGEST, stated
from assess.outcome import ZoneShift
from assess.plan import Placement
from domain.quantities import Quantity
from models.limits.loader import in_force
from models.limits.profile import Limit, Mixture, Profile


@dataclass(frozen=True, slots=True)
class _Member:
    """One substance by the shift limit of which it takes the largest share."""

    measured: Measured
    adopted: Adopted
    limit: float
    result: Result

    def share(self, number: float | None) -> float | None:
        return None if number is None else number / self.limit


@dataclass(frozen=True, slots=True)
class _Index:
    profile: Profile
    mixture: Mixture
    members: list[_Member]

    def sum(self, name: str) -> float | None:
        """Of value, low or high; None where one of them is not known."""
        shares = [member.share(getattr(member.result, name)) for member in self.members]
        return None if any(share is None for share in shares) else fsum(share for share in shares if share is not None)


def minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    """One window; none for a single substance, nor where no adopted profile adds them up."""
    quantities = airborne_of(work.span, placement)
    if work.span.shift is None or len(quantities) < 2:
        return
    found = [
        _Index(profile, mixture, _members(work, placement, quantities, profile, mixture))
        for profile in work.profiles[0]
        for mixture in profile.mixtures
        if mixture.holds_on(work.day)
    ]
    known = [index for index in found if len(index.members) > 1]
    if known:
        yield _window(work, placement, max(known, key=lambda index: index.sum("value") or 0.0))


def _members(work: ZoneShift, placement: Placement, quantities: list[Quantity], profile: Profile, mixture: Mixture) -> list[_Member]:
    named = [quantity for quantity in quantities if mixture.is_for(quantity.cas)]
    if len(named) < 2:
        return []
    largest = [
        max(members, key=lambda one: one.share(one.result.value) or 0.0) for quantity in named if (members := list(_by_limit(work, placement, quantity, profile, mixture.metric)))
    ]
    return sorted(largest, key=lambda one: one.measured.quantity.cas)


def _by_limit(work: ZoneShift, placement: Placement, quantity: Quantity, profile: Profile, metric: str) -> Iterator[_Member]:
    measured = work.measure(placement, quantity.id)
    for limit in in_force(profile, quantity.cas, work.day, metric) if measured is not None else ():
        if measured is not None and limit.value_in(measured.quantity.unit):
            result = _so_far(work, measured, limit, placement.label)
            yield _Member(measured, Adopted(profile=profile, limit=limit), result.limit_value or LARGEST, result)


def _so_far(work: ZoneShift, measured: Measured, limit: Limit, place: str) -> Result:
    return airborne.evaluate(measured, work.span, limit, work.record_high, air_for(work, limit, measured.quantity.unit, place))


def _window(work: ZoneShift, placement: Placement, index: _Index) -> LiveWindow:
    """As of every shift average: not judged on less than an hour, and proven only by what has been."""
    span, members = work.span, index.members
    worked = span.exposure_min
    settled, done = min(1.0, worked / SETTLED_MIN), min(1.0, worked / max(planned_minutes(work), 1))
    value, low, high = index.sum("value"), index.sum("low"), index.sum("high")
    value = None if value is None else value * settled
    low = None if low is None or value is None else min(low * done, value)
    line = Line(limit=stated(index.profile, index.mixture, [one.adopted.stated(one.limit) for one in members]), action_from=LARGEST)
    substances = ", ".join(one.measured.quantity.name for one in members)
    reasons = [texts.MIXTURE_OF.format(substances=substances), *(reason for one in members for reason in one.result.reasons), texts.SO_FAR]
    coverage = min(float((one.measured.valid & span.counted).sum()) for one in members) / max(worked, 1)
    return LiveWindow(
        hazard=HAZARD,
        metric="mixture_index",
        placement=placement.label,
        channels=[channel.id for one in members for channel in one.measured.channels],
        start_us=span.start_us,
        stop_us=span.stop_us,
        value=value,
        low=low,
        high=high,
        unit="1",
        limit=line.limit,
        action_from=LARGEST,
        stop_from=None,
        status=line.status(value),
        proven=line.is_proven(low),
        coverage=coverage,
        reasons=list(dict.fromkeys(reasons)),
    )
