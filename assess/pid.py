"""Solvents by a photo-ionisation detector: only through the mixture that the zone declares, bounded by the least and the most toxic composition of it.

The detector counts all vapours at once. Its shift average is held against the sum of the shares of the limits by the composition that the declaration allows; without a laboratory result in date
of every declared vapour, and with a vapour that the lamp does not see, there is no upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
from domain.verdict import Part
from models.airborne.pid import LAMP_EV, Component, invisible, mixture_index_bounds
from models.limits.profile import Profile

QUANTITY = "tvoc_isobutylene"
HAZARD = "chemical:mixture"
SAMPLE_HOLDS_US = 365 * DAY_US
"""How long a laboratory result of the same zone bears the declaration out where the monitoring plan does not say how often one is due."""
LONGEST_HOLD_US = 3 * 366 * DAY_US
"""The longest that EN 689 leaves between two assessments: no plan makes a result hold for longer."""


def pid_outcomes(work: ZoneShift, placement: Placement) -> Iterator[Outcome]:
    """The mixture index of the detector's shift average, one for each profile that has a shift limit for every declared vapour."""
    solvents = work.span.solvents
    channel = work.measure(placement, QUANTITY) if solvents else None
    if channel is None:
        return
    for profile in work.profiles[0]:
        limits = [_shift_limit(work, profile, one) for one in solvents]
        known = [limit for limit in limits if limit is not None]
        if known and len(known) == len(solvents):
            yield _index(work, placement, channel, solvents, known)


def _shift_limit(work: ZoneShift, profile: Profile, solvent: Solvent) -> Adopted | None:
    """The profile's lowest 8 h limit in ppm; a limit of the reference profile is not this profile's."""
    found = [one for one in limits_for([profile], solvent.cas, work.day) if one.profile.id == profile.id and one.limit.metric == "twa" and one.limit.value_in("ppm")]
    return min(found, key=lambda one: one.limit.value_in("ppm") or 0.0, default=None)


def _index(work: ZoneShift, placement: Placement, channel: Measured, solvents: Sequence[Solvent], limits: Sequence[Adopted]) -> Outcome:
    first = limits[0]
    names = [adopted.limit.name for adopted in limits]
    components = [
        Component(
            name=adopted.limit.name,
            response_factor=one.response_factor,
            ionisation_ev=one.ionisation_ev,
            limit_ppm=adopted.limit.value_in("ppm") or 0.0,
            least_share=one.least_share,
            most_share=one.most_share,
        )
        for one, adopted in zip(solvents, limits, strict=True)
    ]
    reading = airborne.evaluate(channel, work.span, first.limit, work.record_high)
    result = _held(reading, components, undated(work, solvents))
    verified = all(adopted.limit.status == "verified" for adopted in limits)
    return Outcome(
        hazard=HAZARD,
        placement=placement.label,
        limit=changed(first.stated(1.0), id="declared-mixture", status="verified" if verified else "unverified"),
        metric="mixture_index",
        unit="1",
        accepts_screening=first.profile.accepts_screening,
        action_level=None,
        result=replace(result, reasons=[texts.PID_MIXTURE.format(substances=", ".join(names)), *_not_understood(work, solvents), *result.reasons]),
        used=[channel],
        valid=channel.valid,
        method="airborne-pid-mixture@1",
        method_grade="screening",
        notes=[texts.LIMIT_NOTE.format(note=adopted.limit.note) for adopted in limits if adopted.limit.note],
    )


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
