"""What a single reading of each channel is held against: the strictest ceiling or peak of the profiles that its site adopted, in the raw value's terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerts.ceiling_air import Air
from alerts.policy import Policy
from assess.conditions import factor_of, reference_of
from assess.limits import Adopted, limits_for, profiles_of
from domain.calibration import correction_at, corrections
from domain.hazards import Severity
from domain.quantities import Quantity, Use, quantity_of
from domain.registry import Channel, Registry, Snapshot
from domain.times import SECOND_US, to_datetime
from domain.verdict import LimitOf
from models.airborne.conversion import REFERENCE_C, SEA_LEVEL_HPA


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTerm:
    """The strictest limits of a quantity, in its unit: for a single reading, and of all that are over within 15 minutes."""

    instant: LimitOf | None = None
    any: LimitOf | None = None
    instant_reference_c: float | None = None  # of a list's conditions, where a mass concentration is taken to them
    any_reference_c: float | None = None


ShortTermOf = Callable[[Sequence[str], Quantity, int], ShortTerm]
"""By the profiles that a site adopted, the quantity, and an instant."""

_SHORT_TERM = ("lcpeak_max", "ceiling_max", "stel_15min_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A channel under the instant rules. `raw_set_point` is infinite where no ceiling applies: then only what is extreme counts."""

    channel: str
    site: str
    zone: str
    placement: str
    hazard: str
    unit: str
    interval_us: int
    ceiling_type: str  # "" without a ceiling for a single reading
    limits: ShortTerm
    raw_set_point: float
    raw_deadband: float
    offset: float
    gain: float
    factor: float = 1.0  # to the conditions of the limit that is shown
    any_factor: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def patience_us(self) -> int:
        """Readings further apart than this are no continuous course."""
        return 3 * self.interval_us + 60 * SECOND_US

    def corrected(self, raw: float) -> float:
        return (raw - self.offset) * self.gain

    def shown(self, raw: float) -> float:
        """As it is held against the limit that is shown with it."""
        return self.corrected(raw) * self.factor

    def is_over_short_term(self, raw: float) -> bool:
        limit = self.limits.any
        return limit is not None and limit.value is not None and self.corrected(raw) * self.any_factor > limit.value


def watches(registry: Registry, limits_of: ShortTermOf, policy: Policy, at_us: int, air: Air) -> dict[str, Watch]:
    """Every channel whose quantity is a hazard; what is only a trend meets no limit (contract 3.2). Of a calibration that both sides have not agreed to and what held before the stricter counts."""
    held, agreed, found = registry.at(at_us), registry.undisputed().at(at_us), {}
    for channel in held.channels.values():
        quantity = quantity_of(channel.quantity, channel.spec.unit)
        if quantity is not None and quantity.hazard and quantity.use is not Use.TREND and channel.site in held.sites:
            found[channel.id] = _watch(channel, quantity, (held, agreed), limits_of, policy, at_us, air)
    return found


def _watch(channel: Channel, quantity: Quantity, stands: tuple[Snapshot, Snapshot], limits_of: ShortTermOf, policy: Policy, at_us: int, air: Air) -> Watch:
    row, held = policy.for_site(channel.site).instant_row(quantity.hazard), stands[0]
    limits = limits_of(held.sites[channel.site].profiles, quantity, at_us)
    value = limits.instant.value if row and limits.instant else None
    instant, any_ = (air.factor(channel, reference_c, at_us) for reference_c in (limits.instant_reference_c, limits.any_reference_c))
    factor = instant if limits.instant else any_
    level = row.level(Severity.STOP) if row else None
    begins = level.begins(value) / instant.value if level and value is not None else None
    line = begins if begins is not None else (limits.any.value or 0.0) / any_.value if limits.any else 0.0
    offset, gain = min((_correction(one, channel, held.timezone(channel.site), at_us) for one in stands), key=lambda fix: line / fix[1] + fix[0])
    deadband = max(level.deadband, level.deadband_share * value) if level and value is not None else 0.0
    return Watch(
        channel=channel.id,
        site=channel.site,
        zone=channel.zone,
        placement=channel.placement,
        hazard=quantity.hazard,
        unit=quantity.unit,
        interval_us=round(channel.spec.interval_s * SECOND_US),
        ceiling_type=row.type if row and value is not None else "",
        limits=limits,
        raw_set_point=math.inf if begins is None else begins / gain + offset,
        raw_deadband=deadband / instant.value / gain,
        offset=offset,
        gain=gain,
        factor=factor.value,
        any_factor=any_.value,
        notes=factor.notes,
    )


def _correction(stands: Snapshot, channel: Channel, timezone: ZoneInfo, at_us: int) -> tuple[float, float]:
    """Offset and gain."""
    fix = correction_at(corrections(stands.calibrations.get(channel.id, []), timezone), at_us)
    return (fix.offset, fix.gain) if fix and fix.gain > 0 else (0.0, 1.0)


def profile_limits(profiles: Sequence[str], quantity: Quantity, at_us: int) -> ShortTerm:
    """`ShortTermOf` by the profiles that assess follows too: none adopted leaves the reference profile. A ceiling with an averaging time of its own is a window's matter."""
    agent = "noise" if quantity.id == "sound_level_c_peak" else quantity.cas
    day = to_datetime(at_us).date()
    found = limits_for(profiles_of(profiles)[0], agent, day) if agent else []
    short = [(one, value) for one in found if one.limit.metric in _SHORT_TERM and (value := one.limit.value_in(quantity.unit)) is not None]
    (instant, instant_c), (either, either_c) = (_strictest(pairs, quantity.unit) for pairs in ([pair for pair in short if pair[0].limit.window_min == 0], short))
    return ShortTerm(instant=instant, any=either, instant_reference_c=instant_c, any_reference_c=either_c)


def _strictest(pairs: Sequence[tuple[Adopted, float]], unit: str) -> tuple[LimitOf | None, float | None]:
    """With the reference temperature of its list; limits of lists at several temperatures are compared in the same air."""
    best = min(pairs, key=lambda pair: pair[1] / float(factor_of(REFERENCE_C, SEA_LEVEL_HPA, reference_of(pair[0].limit, unit) or REFERENCE_C)), default=None)
    return (None, None) if best is None else (best[0].stated(best[1]), reference_of(best[0].limit, unit))
