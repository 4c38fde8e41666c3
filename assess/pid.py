"""Solvents by a photo-ionisation detector: only through the mixture that the zone declares, bounded by the least and the most toxic composition of it.

The detector counts all vapours at once. Its shift average, and its highest 15 minutes, are held against the sum of the shares of the limits by the composition that the declaration allows; without a
laboratory result in date of every declared vapour, and with a vapour that the lamp does not see, there is no upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from msgspec.structs import replace as changed

from assess import airborne, texts
from assess.bounds import Result
from assess.gather import Measured
from assess.limits import Adopted, limits_for
from assess.outcome import Outcome, ZoneShift
from assess.plan import Placement
from domain.frequency import every_us
from domain.registry import Solvent
from domain.times import DAY_US
from domain.verdict import LimitOf, Part
from models.airborne.pid import LAMP_EV, Component, invisible, mixture_index_bounds
from models.limits.profile import Profile

QUANTITY = "tvoc_isobutylene"
HAZARD = "chemical:mixture"
SHIFT, SHORT = "twa", "stel_15min_max"
SAMPLE_HOLDS_US = 365 * DAY_US
"""How long a laboratory result of the same zone bears the declaration out where the monitoring plan does not say how often one is due."""
LONGEST_HOLD_US = 3 * 366 * DAY_US
"""The longest that EN 689 leaves between two assessments: no plan makes a result hold for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a profile asks of a declared mixture over one averaging time: its own limit of each vapour, None where it has none."""

    solvents: Sequence[Solvent]
    limits: Sequence[Adopted | None]

    @property
    def known(self) -> list[Adopted]:
        return [one for one in self.limits if one is not None]

    @property
    def first(self) -> Adopted:
        return self.known[0]

    @property
    def components(self) -> list[Component]:
        """A vapour without such a limit adds nothing to the sum, and takes its share of the reading."""
        return [
            Component(
                name=adopted.limit.name if adopted else one.cas,
                response_factor=one.response_factor,
                ionisation_ev=one.ionisation_ev,
                limit_ppm=(adopted.limit.value_in("ppm") or inf) if adopted else inf,
                least_share=one.least_share,
                most_share=one.most_share,
            )
            for one, adopted in zip(self.solvents, self.limits, strict=True)
        ]

    def stated(self) -> LimitOf:
        verified = all(one.limit.status == "verified" for one in self.known)
        id = "declared-mixture" if self.first.limit.metric == SHIFT else "declared-mixture-15min"
        return changed(self.first.stated(1.0), id=id, status="verified" if verified else "unverified")

    def reasons(self, work: ZoneShift) -> list[str]:
        found = [texts.PID_MIXTURE.format(substances=", ".join(one.limit.name for one in self.known))]
        left_out = [one.cas for one, adopted in zip(self.solvents, self.limits, strict=True) if adopted is None]
        found += [texts.PID_NO_SHORT_TERM.format(cas=", ".join(left_out))] if left_out else []
        return found + _not_understood(work, self.solvents)


def rules_of(work: ZoneShift, metric: str) -> list[Rule]:
    """Of each profile: over the shift one that has a limit for every declared vapour, over 15 minutes one that has a short-term limit for any."""
    found, solvents = [], work.span.solvents
    for profile in work.profiles[0]:
        limits = [_lowest(work, profile, one, metric) for one in solvents]
        if any(limits) and (metric != SHIFT or all(limits)):
            found.append(Rule(solvents=solvents, limits=limits))
    return found


def pid_outcomes(work: ZoneShift, placement: Placement) -> Iterator[Outcome]:
    """The mixture index of the detector's shift average and of its highest 15 minutes, by each profile that has limits for it."""
    channel = work.measure(placement, QUANTITY) if work.span.solvents else None
    if channel is None:
        return
    for metric in (SHIFT, SHORT):
        for rule in rules_of(work, metric):
            yield _index(work, placement, channel, rule)


def _lowest(work: ZoneShift, profile: Profile, solvent: Solvent, metric: str) -> Adopted | None:
    """The profile's lowest limit of this kind in ppm; a limit of the reference profile is not this profile's."""
    found = [one for one in limits_for([profile], solvent.cas, work.day) if one.profile.id == profile.id and one.limit.metric == metric and one.limit.value_in("ppm")]
    return min(found, key=lambda one: one.limit.value_in("ppm") or 0.0, default=None)


def _index(work: ZoneShift, placement: Placement, channel: Measured, rule: Rule) -> Outcome:
    reading = replace(airborne.evaluate(channel, work.span, rule.first.limit, work.record_high), notes=[])
    result = index_of(work, reading, rule)
    return Outcome(
        hazard=HAZARD,
        placement=placement.label,
        limit=rule.stated(),
        metric="mixture_index",
        unit="1",
        accepts_screening=rule.first.profile.accepts_screening,
        action_level=None,
        result=replace(result, reasons=[*rule.reasons(work), *result.reasons]),
        used=[channel],
        valid=channel.valid,
        method="airborne-pid-mixture@1",
        method_grade="screening",
        notes=[texts.LIMIT_NOTE.format(note=adopted.limit.note) for adopted in rule.known if adopted.limit.note],
    )


def index_of(work: ZoneShift, reading: Result, rule: Rule) -> Result:
    """A mean of the detector as a share of what the rule allows."""
    return _held(reading, rule.components, undated(work, rule.solvents))


def _not_understood(work: ZoneShift, solvents: Sequence[Solvent]) -> list[str]:
    return [texts.PID_EVERY_UNKNOWN.format(every=every) for every in dict.fromkeys(holds_us(work, one.cas)[1] for one in solvents) if every]


def _held(reading: Result, components: Sequence[Component], missing: Sequence[str]) -> Result:
    """The reading times the least and the most that its ppm may be of the limits."""
    unseen = invisible(components)
    seen = [one for one in components if one.name not in unseen]
    reasons = [*reading.reasons, *([texts.PID_UNSEEN.format(substances=", ".join(unseen), lamp=f"{LAMP_EV:g}")] if unseen else [])]
    reasons += [texts.PID_NO_SAMPLE.format(cas=", ".join(missing))] if missing else []
    if not seen or reading.value is None or reading.low is None:
        return replace(reading, value=None, low=None, high=None, parts=[], limit_value=1.0, reasons=reasons)
    if unseen:
        seen = [replace(one, least_share=0.0, most_share=1.0) for one in seen]
    bounds, shown = mixture_index_bounds(1.0, seen), mixture_index_bounds(1.0, seen, factor_spread=0.0)
    least, most, share = float(bounds.low), float(bounds.high), float(shown.high)
    value, low = reading.value * share, reading.low * least
    high = None if reading.high is None or unseen or missing else reading.high * most
    parts = [Part(cause=part.cause, low=part.low * share, high=part.high * share) for part in reading.parts]
    down, up = low - value - sum(part.low for part in parts), 0.0 if high is None else high - value - sum(part.high for part in parts)
    parts.append(Part(cause="estimate", low=down, high=up))
    return replace(reading, value=value, low=low, high=high, limit_value=1.0, parts=parts, reasons=list(dict.fromkeys([*reasons, *([texts.OPEN_ABOVE] if high is None else [])])))


def holds_us(work: ZoneShift, cas: str) -> tuple[int, str]:
    """How long a laboratory result of the substance is in date: as long as the monitoring plan in force leaves until the next one; and its words where they are not understood."""
    every = work.span.sampled_every.get(f"chemical:{cas}") or work.span.sampled_every.get(HAZARD) or ""
    until_next_us = every_us(every) if every else None
    return min(until_next_us or SAMPLE_HOLDS_US, LONGEST_HOLD_US), every if every and until_next_us is None else ""


def undated(work: ZoneShift, solvents: Sequence[Solvent]) -> list[str]:
    """CAS numbers of declared vapours of which this zone has no laboratory result in date that counts."""
    now_us = work.span.stop_us
    results = [sample.result for sample in work.samples(work.span) if not sample.result.is_void]
    held = {result.agent for result in results if now_us - holds_us(work, result.agent)[0] <= result.stop_us <= now_us}
    return [one.cas for one in solvents if one.cas not in held]
