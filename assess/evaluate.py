"""All results of one zone over one shift: which hazards it has, at which placements, against which limits. Pure: the same minutes give the same verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assess import airborne, further, heat, noise, pid, texts
from assess.bounds import Result
from assess.causes import gap_reasons, longest_of
from assess.conditions import air_for
from assess.counter import counted_dose
from assess.extended import extended_outcomes
from assess.gather import Measured
from assess.grading import basis_of, calibration_of, grade_of, workers_of
from assess.laboratory import drawn_in, hazard_of_sample, laboratory_verdicts
from assess.limits import NO_LIMIT, Adopted, duties_for, for_acclimatisation, limits_for, once_of
from assess.mixtures import mixture_outcomes
from assess.notations import notes_of
from assess.outcome import Outcome, ZoneShift
from assess.plan import Placement, Span
from assess.wbgt import is_monitored
from domain.hazards import SYSTEM_HAZARDS
from domain.quantities import QUANTITIES, Quantity, Use, quantity_of
from domain.times import MINUTE_US, to_datetime, to_rfc3339
from domain.verdict import Assumptions, Basis, Bounds, CalibrationState, ChannelOf, Grade, LimitOf, OverActionLevel, ShiftOf, State, Verdict, Window, decide
from models.arrays import Mask
from models.limits.heat import heat_limit
from models.limits.profile import Limit

AIR_QUALITY = "air_quality"
NOISE_METRICS = dict.fromkeys(("dose_3db", *noise.DOSES_5DB, "lex_8h", "la_max"), "sound_level_a_eq") | {"lcpeak_max": "sound_level_c_peak"}
UNIT = dict.fromkeys(("dose_3db", *noise.DOSES_5DB), "%")


def verdicts_of(work: ZoneShift) -> list[Verdict]:
    """Every verdict of the zone's shift, in a fixed order."""
    found = [outcome for placement in work.span.placements for outcome in outcomes(work, placement)]
    found += list(_missing(work, {outcome.hazard for outcome in found}))
    found.sort(key=lambda one: (one.hazard, one.placement, one.metric, one.limit.profile, one.limit.id))
    return [*(_verdict(work, outcome) for outcome in found), *laboratory_verdicts(work, shift_of(work.span))]


def monitored(span: Span) -> set[str]:
    """Hazards that some placement of the zone can be assessed for."""
    mixture = [pid.HAZARD] if span.solvents and any(pid.QUANTITY in placement.quantities for placement in span.placements) else []
    return {*mixture, *(hazard for placement in span.placements for hazard in _hazards(span, placement))}


def planned(span: Span) -> set[str]:
    """Hazards that the zone is known to have at any time of the span."""
    return {hazard for piece in span.pieces for hazard in piece.spec.hazards if hazard not in SYSTEM_HAZARDS}


def outcomes(work: ZoneShift, placement: Placement) -> Iterator[Outcome]:
    """All results of one placement."""
    together: list[Outcome] = []
    for hazard, quantity in _hazards(work.span, placement).items():
        found: list[Outcome] = []
        if hazard == "heat":
            found = list(_heat(work, placement))
        elif hazard == "noise":
            found = list(_noise(work, placement))
        elif quantity is not None:
            found = list(_airborne(work, placement, hazard, quantity))
        together += found
        yield from found
        yield from _without_number(work, quantity.cas if quantity else hazard, found)
    yield from mixture_outcomes(work, together)
    yield from extended_outcomes(work, together)
    yield from pid.pid_outcomes(work, placement)


def _without_number(work: ZoneShift, agent: str, found: Sequence[Outcome]) -> Iterator[Outcome]:
    """Profiles whose law has no number here: what was measured, beside their general duty."""
    for duty, stated in duties_for(work.profiles[0], agent, work.day):
        sentence = texts.NO_NATIONAL_NUMBER if duty.number == "none" else texts.NATIONAL_NUMBER_UNKNOWN
        for first in found[:1]:
            result = replace(first.result, limit_value=None, reasons=[sentence.format(duty=duty.duty), *first.result.reasons])
            yield replace(first, limit=stated, accepts_screening=False, action_level=None, result=result, notes=[])


def heat_limits(work: ZoneShift) -> Sequence[Adopted]:
    limits, acclimatised = limits_for(work.profiles[0], "heat", work.day), work.span.acclimatised
    return once_of(limits, ("for", acclimatised), lambda: for_acclimatisation(limits, acclimatised))


def worst_of(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The zone's verdict of each hazard, metric and limit: the worst over its placements, exceeds > not_assessable > indeterminate > within."""
    order: tuple[State, ...] = ("exceeds", "not_assessable", "indeterminate", "within")
    worst: dict[tuple[str, ...], Verdict] = {}
    for verdict in verdicts:
        key = (verdict.zone, verdict.shift.date, verdict.shift.name, verdict.hazard, verdict.metric, verdict.limit.profile, verdict.limit.id)
        held = worst.get(key)
        if held is None or (order.index(verdict.state), -(verdict.value or 0.0)) < (order.index(held.state), -(held.value or 0.0)):
            worst[key] = verdict
    return list(worst.values())


def _hazards(span: Span, placement: Placement) -> dict[str, Quantity | None]:
    """Hazards that this placement's instruments can say something about; a trend meets no limit."""
    found: dict[str, Quantity | None] = {}
    if is_monitored(placement):
        found["heat"] = None
    if placement.quantities & {"sound_level_a_eq", "sound_level_c_peak", *noise.COUNTERS.values()}:
        found["noise"] = None
    for id, channels in placement.channels.items():
        unit = span.channels[channels[0]].spec.unit
        quantity = quantity_of(id, unit)
        if quantity is not None and quantity.use is not Use.TREND and quantity.cas and quantity.hazard:
            found[quantity.hazard] = quantity
    return found


def _heat(work: ZoneShift, placement: Placement) -> Iterator[Outcome]:
    wbgt = work.wbgt(placement)
    if wbgt is None:
        return
    fill, sentence = heat.gap_fill(work.span)
    applicable: list[Adopted | None] = [*heat_limits(work)]
    for number, adopted in enumerate(applicable or [None]):
        limit = adopted.limit if adopted else None
        function = heat_limit(limit) if limit else None
        result = heat.evaluate(wbgt, work.span, function, fill, sentence, final=work.final)
        hour = Outcome(
            hazard="heat",
            placement=placement.label,
            limit=adopted.stated(result.limit_value, _mean_rate_w(work.span, result)) if adopted else NO_LIMIT,
            metric=limit.metric if limit else "wbgt_effective_60min_worst",
            unit=QUANTITIES["wbgt"].unit,
            accepts_screening=bool(adopted and adopted.profile.accepts_screening),
            action_level=limit.action_level if limit else None,
            result=result,
            used=wbgt.used,
            valid=wbgt.valid,
            method=wbgt.method,
            method_grade=wbgt.grade,
        )
        yield hour
        if function is not None:
            yield from further.rest_required(work, function, hour)
        if number == 0:
            yield from further.worst_two_hours(work, wbgt, hour)


def _noise(work: ZoneShift, placement: Placement) -> Iterator[Outcome]:
    no_peak = "sound_level_c_peak" not in placement.quantities
    for adopted in limits_for(work.profiles[0], "noise", work.day):
        counter = work.measure(placement, noise.COUNTERS.get(adopted.limit.metric, ""))
        channel = counter or work.measure(placement, NOISE_METRICS.get(adopted.limit.metric, ""))
        if channel is not None:
            result = replace(counted_dose(counter, work.span), limit_value=adopted.limit.value) if counter else noise.evaluate(channel, work.span, adopted.limit, work.record_high)
            if adopted.limit.with_protectors:
                result = noise.under_protectors(result, work.span, adopted.limit.metric)
            outcome = _single(adopted, "noise", placement, channel, result, f"noise-{adopted.limit.metric.replace('_', '-')}@1")
            yield replace(outcome, unit=UNIT.get(adopted.limit.metric, channel.quantity.unit), notes=[*outcome.notes, *([texts.PEAK_NOT_MEASURED] if no_peak else [])])


def _airborne(work: ZoneShift, placement: Placement, hazard: str, quantity: Quantity) -> Iterator[Outcome]:
    channel = work.measure(placement, quantity.id)
    if channel is None:
        return
    found = list(_held_against(work, placement, hazard, channel))
    yield from found
    if not found:
        yield _unlimited(hazard, placement.label, [channel], channel.valid, [texts.NO_LIMIT])
    if hazard == AIR_QUALITY:
        yield from further.worst_hour(work, channel, [*found, _unlimited(hazard, placement.label, [channel], channel.valid, [])][0])


def _held_against(work: ZoneShift, placement: Placement, hazard: str, channel: Measured) -> Iterator[Outcome]:
    """One quantity against every limit that its unit can meet."""
    for adopted in limits_for(work.profiles[0], channel.quantity.cas, work.day):
        method = f"airborne-{adopted.limit.averaging.replace('_', '-')}@1"
        air = air_for(work, adopted.limit, channel.quantity.unit, placement.label)
        if adopted.limit.metric == "minutes_over_ceiling":
            allowed = further.allowed_minutes(channel, work.span, adopted.limit, work.record_high, air)
            if allowed is not None:
                yield replace(_single(adopted, hazard, placement, channel, allowed, method), unit=adopted.limit.unit)
        elif adopted.limit.value_in(channel.quantity.unit) is not None:
            outcome = _single(adopted, hazard, placement, channel, airborne.evaluate(channel, work.span, adopted.limit, work.record_high, air), method)
            outcome = replace(outcome, air=air)
            yield outcome
            yield from further.minutes_over_ceiling(work, channel, adopted, outcome)


def _single(adopted: Adopted, hazard: str, placement: Placement, channel: Measured, result: Result, method: str) -> Outcome:
    return Outcome(
        hazard=hazard,
        placement=placement.label,
        limit=adopted.stated(result.limit_value),
        metric=adopted.limit.metric,
        unit=channel.quantity.unit,
        accepts_screening=adopted.profile.accepts_screening,
        action_level=_action_level(adopted.limit, channel.quantity.unit),
        result=result,
        used=[channel],
        valid=channel.valid & (~np.isnan(channel.value) | ~np.isnan(channel.top)),
        method=method,
        method_grade="compliance",
        notes=[texts.LIMIT_NOTE.format(note=adopted.limit.note)] if adopted.limit.note else [],
    )


def _action_level(limit: Limit, unit: str) -> float | None:
    """In the result's unit, by the same proportion as the limit."""
    if limit.action_level is None or not limit.value:
        return limit.action_level
    value = limit.value_in(unit)
    return limit.action_level if value is None else limit.action_level / limit.value * value


def _missing(work: ZoneShift, assessed: set[str]) -> Iterator[Outcome]:
    """Hazards that the zone has and that nothing here can assess: said, never left out. Dust seen by an optical sensor is a trend and no verdict."""
    quantities = {quantity for placement in work.span.placements for quantity in placement.quantities}
    for hazard in sorted(planned(work.span) - assessed):
        if hazard == "dust" and any(QUANTITIES[quantity].hazard == "dust" for quantity in quantities if quantity in QUANTITIES):
            continue
        reason = texts.NOT_A_SUBSTANCE if hazard.startswith("chemical:") and "tvoc_isobutylene" in quantities else texts.NOT_MONITORED
        if any(hazard_of_sample(sample.result) == hazard for sample in drawn_in(work)):
            reason = texts.LAB_BESIDE
        limits = _limits_of(work, hazard)
        for adopted in limits:
            yield replace(
                _unlimited(hazard, "", [], np.zeros(work.span.minutes, dtype=bool), [reason]),
                limit=adopted.stated(adopted.limit.value),
                metric=adopted.limit.metric,
                unit=adopted.limit.unit,
            )
        if not limits:
            yield _unlimited(hazard, "", [], np.zeros(work.span.minutes, dtype=bool), [reason, texts.NO_LIMIT])


def _limits_of(work: ZoneShift, hazard: str) -> Sequence[Adopted]:
    if hazard == "heat":
        return heat_limits(work)
    agent = hazard if hazard == "noise" else next((one.cas for one in QUANTITIES.values() if one.hazard == hazard and one.cas), hazard.partition(":")[2])
    return limits_for(work.profiles[0], agent, work.day) if agent else []


def _unlimited(hazard: str, placement: str, used: Sequence[Measured], valid: Mask, reasons: list[str]) -> Outcome:
    metric = {"heat": "wbgt_effective_60min_worst", "noise": "lex_8h", AIR_QUALITY: "mean_1h_max"}.get(hazard, "twa")
    return Outcome(
        hazard=hazard,
        placement=placement,
        limit=NO_LIMIT,
        metric=metric,
        unit=used[0].quantity.unit if used else "",
        accepts_screening=False,
        action_level=None,
        result=Result(value=None, low=None, high=None, first=0, stop=len(valid), reasons=reasons),
        used=used,
        valid=valid,
        method="",
        method_grade="trend",
    )


def _verdict(work: ZoneShift, outcome: Outcome) -> Verdict:
    span, result, limit = work.span, outcome.result, outcome.limit
    counted = span.counted
    expected, valid = span.exposure_min, int(np.count_nonzero(outcome.valid & counted))
    coverage = valid / expected if expected else 0.0
    used, personal = _used(work, outcome.used), outcome.hazard != "heat"
    simulated = used.simulated
    grade, lowered = work.once(
        ("grade", id(used), outcome.method_grade, personal, coverage),
        lambda: grade_of(outcome.used, method=outcome.method_grade, personal_hazard=personal, coverage=coverage, simulated=simulated),
    )
    state = decide(
        low=result.low,
        high=result.high,
        limit=limit.value,
        coverage=coverage,
        grade=grade,
        accepts_screening=outcome.accepts_screening,
        verified=limit.status == "verified",
    )
    reasons = [*result.reasons, *(lowered if outcome.used else []), *_state_reasons(work, outcome, valid, state, grade)]
    return Verdict(
        site=span.site.id,
        zone=span.zone,
        placement=outcome.placement,
        hazard=outcome.hazard,
        metric=outcome.metric,
        basis=used.basis,
        shift=span.once("shift", lambda: shift_of(span)),
        window=Window(start=_at(span, result.first), stop=_at(span, result.stop)),
        value=result.value,
        low=result.low,
        high=result.high,
        unit=outcome.unit,
        bounds=Bounds(kind="worst_case", parts=result.parts),
        limit=limit,
        state=state,
        over_action_level=_over_action(outcome, limit),
        coverage=coverage,
        expected=expected,
        valid=valid,
        max_gap_min=longest_of(work, outcome.valid)[2],
        grade=grade,
        calibration=used.calibration,
        workers=span.once("workers", lambda: workers_of(span.head.workers)),
        channels=used.channels,
        assumptions=_assumptions(span, outcome.hazard, result),
        method=outcome.method,
        reasons=list(dict.fromkeys(reasons)),
        notes=[*([texts.SIMULATED] if simulated else []), *result.notes, *outcome.notes, *work.once(("notes", outcome.hazard), lambda: notes_of(work, outcome.hazard))],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """What a verdict says of its instruments."""

    simulated: bool
    basis: Basis
    calibration: CalibrationState
    channels: list[ChannelOf]


def _used(work: ZoneShift, used: Sequence[Measured]) -> _Used:
    def make() -> _Used:
        return _Used(simulated=any(bool(one.simulated.any()) for one in used), basis=basis_of(used), calibration=calibration_of(used), channels=_channels(used))

    return work.once(("used", *map(id, used)), make)


def _state_reasons(work: ZoneShift, outcome: Outcome, valid: int, state: State, grade: Grade) -> list[str]:
    reasons = [texts.NO_MINUTES] if valid == 0 and outcome.used else []
    if outcome.limit.value is not None and outcome.limit.status == "unverified":
        reasons.append(texts.UNVERIFIED_LIMIT)
    below = outcome.result.high is not None and outcome.limit.value is not None and outcome.result.high <= outcome.limit.value
    if state == "indeterminate" and below and grade != "compliance":
        reasons.append(texts.TREND_NOT_WITHIN if grade == "trend" else texts.SCREENING_NOT_WITHIN)
    reasons += [texts.NO_PROFILE.format(profile=profile) for profile in work.profiles[1]]
    if len(work.span.pieces) > 1:
        reasons.append(texts.CHANGED_DURING_SHIFT)
    reasons += gap_reasons(work, outcome.used, outcome.valid)
    return reasons if work.final else [*reasons, texts.RUNNING]


def _over_action(outcome: Outcome, limit: LimitOf) -> OverActionLevel:
    """Where the body sets no action level the limit itself is the first line."""
    level = outcome.action_level if outcome.action_level is not None else limit.value
    low, high = outcome.result.low, outcome.result.high
    if level is None or limit.status != "verified":
        return "indeterminate"
    if low is not None and low > level:
        return "yes"
    return "no" if high is not None and high <= level else "indeterminate"


def _channels(used: Sequence[Measured]) -> list[ChannelOf]:
    found = []
    for one in used:
        for channel in one.channels:
            instrument = channel.spec.instrument
            found.append(
                ChannelOf(
                    id=channel.id,
                    instrument=instrument.model if instrument else "",
                    serial=instrument.serial if instrument else "",
                    calibration_id=one.calibration_ids.get(channel.id),
                )
            )
    return found


def _assumptions(span: Span, hazard: str, result: Result) -> Assumptions:
    exposure = float(span.exposure_min)
    if hazard != "heat":
        return Assumptions(exposure_min=exposure)
    return Assumptions(metabolic_rate_w=_mean_rate_w(span, result), clothing=span.head.clothing, acclimatised=span.acclimatised, exposure_min=exposure)


def _mean_rate_w(span: Span, result: Result) -> float | None:
    """Work rate of the result's window; None where it is not declared throughout."""
    rate = span.metabolic_rate_w[result.first : result.stop]
    return float(np.mean(rate)) if len(rate) and not np.any(np.isnan(rate)) else None


def shift_of(span: Span) -> ShiftOf:
    if span.shift is None:
        return ShiftOf(date=to_datetime(span.start_us).date().isoformat(), name="", start=_at(span, 0), stop=_at(span, span.minutes))
    return ShiftOf(date=span.shift.date.isoformat(), name=span.shift.name, start=to_rfc3339(span.shift.start_us), stop=to_rfc3339(span.shift.stop_us))


def _at(span: Span, minute: int) -> str:
    return to_rfc3339(span.start_us + minute * MINUTE_US)
