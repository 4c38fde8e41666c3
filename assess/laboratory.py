"""Results of laboratory samples: each pump sample or badge of a zone's shift against every limit that its substance, fraction and unit can meet.

A sample is the mean of the time that it was drawn over. What was not sampled counts from below as nothing and from above as the worst case that both sides agreed; without one there is no upper bound.
Samples of a set are joined for shift limits; each keeps its own result against limits of a shorter time. The highest mean of a shorter time within samples is bounded from both sides: by the even
spread over the fewest such times that hold them, and by all of it in one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from msgspec.structs import replace

from assess import texts
from assess.conditions import reference_of
from assess.drawn import NORMAL, UNKNOWN_UNCERTAINTY_PCT, Drawn, drawn_of, overlap, sets_of
from assess.grading import workers_of
from assess.limits import NO_LIMIT, Adopted, limits_for
from assess.notations import notes_of
from assess.outcome import Sample, ZoneShift
from assess.plan import Span
from domain.lab import DUSTS, LabResult, doubts_of
from domain.quantities import QUANTITIES
from domain.times import MINUTE_US, to_rfc3339
from domain.verdict import Assumptions, Bounds, CalibrationState, Cause, ChannelOf, Grade, LimitOf, OverActionLevel, Part, ShiftOf, State, Verdict, Window, decide
from models.airborne.twa import EIGHT_HOURS_MIN, TEN_HOURS_MIN
from models.arrays import Mask
from models.limits.profile import Limit

AGENT = "laboratory"
"""The first part of the id of a sample where an instrument's channel would stand."""
WINDOW_TOLERANCE = 0.1
"""A sample longer than its window by no more than this share counts as the window."""
METRICS = ("twa", "stel_15min_max", "ceiling_max")
JOINED = "twa"
"""The metric for which the samples of a set are one."""


def hazard_of_sample(result: LabResult) -> str:
    """The hazard of contract 3.3 that the sample is of."""
    if result.agent in DUSTS:
        return "dust"
    return next((one.hazard for one in QUANTITIES.values() if one.cas == result.agent), f"chemical:{result.agent}")


def sample_of(channel: str) -> int | None:
    """The record that such an id in a verdict's channels stands for; None for an instrument's channel.

    >>> sample_of("laboratory.sample-12.concentration:108-88-3"), sample_of("agent-7.hall.co")
    (12, None)
    """
    agent, _, rest = channel.partition(".")
    number = rest.partition(".")[0].removeprefix("sample-")
    return int(number) if agent == AGENT and number.isdecimal() else None


def laboratory_verdicts(work: ZoneShift, shift: ShiftOf) -> Iterator[Verdict]:
    """Of every sample whose middle lies in the shift, in the order in which they were entered; then of every set of them."""
    samples = drawn_in(work)
    for sample in samples:
        found = [one for one in _limits(work, sample.result) if not sample.result.set or one.limit.metric != JOINED]
        yield from _verdicts(work, shift, _alone(sample), found, or_none=not sample.result.set)
    for members in sets_of(samples):
        found = [one for one in _limits(work, members[0].result) if one.limit.metric == JOINED]
        yield from _verdicts(work, shift, _joined(members), found, or_none=True)


def is_of_samples(verdict: Verdict) -> bool:
    """What a laboratory found needs no minutes on record."""
    return verdict.placement.startswith(("sample-", "set-")) and bool(verdict.channels) and sample_of(verdict.channels[0].id) is not None


def withdrawn(verdicts: Iterable[Verdict], held: Iterable[Verdict]) -> list[Verdict]:
    """Results on record of samples whose correction has no such result any more: another time, substance or fraction. They stay, and say so."""
    keys = {verdict.key for verdict in verdicts}
    nothing = {"value": None, "low": None, "high": None, "bounds": Bounds(kind="worst_case"), "state": "not_assessable", "over_action_level": "indeterminate"}
    gone = [verdict for verdict in held if is_of_samples(verdict) and verdict.key not in keys]
    return [replace(verdict, **nothing, coverage=0.0, valid=0, grade="trend", reasons=[texts.LAB_WITHDRAWN]) for verdict in gone]


def drawn_in(work: ZoneShift) -> list[Sample]:
    """Samples whose middle lies in the shift."""
    return [sample for sample in work.samples(work.span) if work.span.start_us <= (sample.result.start_us + sample.result.stop_us) // 2 < work.span.stop_us]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What a result is of: a sample, or a set without those that are void."""

    placement: str
    samples: Sequence[Sample]
    void: str = ""  # why it says nothing at all
    reasons: Sequence[str] = ()

    @property
    def first(self) -> LabResult:
        return self.samples[0].result


def _alone(sample: Sample) -> _Subject:
    return _Subject(placement=f"sample-{sample.root}", samples=[sample], void=_void(sample.result))


def _joined(members: Sequence[Sample]) -> _Subject:
    """Of a set what can be joined; a void sample's time counts as not sampled."""
    name, kept = members[0].result.set, [one for one in members if not one.result.is_void]
    reasons = [texts.LAB_SET.format(count=len(kept), name=name)]
    reasons += [texts.LAB_SET_VOID.format(id=one.id, percent=f"{one.result.flow_differs_pct:.1f}") for one in members if one.result.is_void]
    void = texts.LAB_SET_OVERLAP.format(name=name) if overlap(members) else "" if kept else _void(members[0].result)
    return _Subject(placement=f"set-{name}", samples=kept or members, void=void, reasons=reasons)


def _limits(work: ZoneShift, result: LabResult) -> list[Adopted]:
    """Those that its fraction, element and unit can meet."""
    unit = NORMAL.get(result.unit, (result.unit, 1.0))[0]
    return [adopted for adopted in limits_for(work.profiles[0], DUSTS.get(result.agent, result.agent), work.day) if _fits(adopted.limit, result, unit)]


def _verdicts(work: ZoneShift, shift: ShiftOf, subject: _Subject, found: Sequence[Adopted], *, or_none: bool) -> Iterator[Verdict]:
    cases: Sequence[Adopted | None] = found or ([None] if or_none else [])
    for adopted in cases:
        reference_c = reference_of(adopted.limit, NORMAL.get(subject.first.unit, (subject.first.unit, 1.0))[0]) if adopted else None
        yield _verdict(work, shift, subject, drawn_of(work, subject.samples, reference_c), adopted)


def _fits(limit: Limit, result: LabResult, unit: str) -> bool:
    """The limit is for this fraction and element, for any work, and can be said in the sample's unit."""
    if limit.metric not in METRICS or limit.with_protectors or limit.applies_to or limit.measured_as.lower() != result.measured_as.lower():
        return False
    fraction = result.fraction_of
    fits = fraction in ("", "total") if limit.fraction is None else fraction == limit.fraction
    return fits and _limit_in(limit, unit) is not None


def _limit_in(limit: Limit, unit: str) -> float | None:
    """As `Limit.value_in`, for a sample that was found to fit."""
    return replace(limit, fraction=None, measured_as="").value_in(unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """A limit's average over a sample: `whole` for the sum over the shift divided by `minutes`, else the highest mean of a window of `minutes`."""

    minutes: float
    whole: bool

    def shown(self, value: float, drawn: Drawn) -> float:
        """The sample taken for all of the time that counts."""
        return value * (drawn.exposure / self.minutes if self.whole else min(drawn.minutes / self.minutes, 1.0))

    def low(self, value: float, drawn: Drawn) -> float:
        if self.whole:
            return value * drawn.minutes / self.minutes
        windows = max(ceil(drawn.extent / self.minutes - WINDOW_TOLERANCE), 1)
        return value * min(drawn.minutes / self.minutes / windows, 1.0)

    def high(self, value: float, drawn: Drawn, fill: float | None) -> float | None:
        missed = drawn.unsampled if self.whole else min(drawn.unsampled, self.minutes)
        if missed and fill is None:
            return None
        return value * drawn.minutes / self.minutes + (fill or 0.0) * missed / self.minutes


def average_of(limit: Limit, exposure: float) -> Average | None:
    """By the limit's own rule; None for single values."""
    if limit.averaging == "instantaneous":
        return None
    if limit.window_min:
        return Average(minutes=limit.window_min, whole=False)
    if limit.averaging == "shift_up_to_10h":
        return Average(minutes=min(exposure, TEN_HOURS_MIN) or 1.0, whole=exposure <= TEN_HOURS_MIN)
    return Average(minutes=EIGHT_HOURS_MIN, whole=limit.averaging == "sum_over_8h" or exposure <= EIGHT_HOURS_MIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    value: float | None
    low: float | None
    high: float | None
    parts: list[Part]
    reasons: list[str]


def _answer(span: Span, drawn: Drawn, limit: Limit) -> _Answer:
    """Value, bounds and the share of each cause."""
    average = average_of(limit, drawn.exposure)
    if average is None:
        low = drawn.steps_low[-1][1]
        return _Answer(value=drawn.value, low=low, high=None, parts=_parts(drawn.value, [*drawn.steps_low], []), reasons=[texts.LAB_IS_A_MEAN, texts.OPEN_ABOVE])
    fill, sentences = _fill(span, drawn, limit)
    value = average.shown(drawn.value, drawn)
    rest: Cause = "gap" if average.whole else "estimate"
    lows: list[tuple[Cause, float]] = [(cause, min(value, average.shown(step, drawn))) for cause, step in drawn.steps_low]
    lows.append((rest, min(value, average.low(drawn.steps_low[-1][1], drawn))))
    top = drawn.steps_high[-1][1]
    high = None if top is None else average.high(top, drawn, fill)
    highs: list[tuple[Cause, float]] = [(cause, average.shown(step, drawn)) for cause, step in drawn.steps_high if step is not None]
    if high is not None:
        highs.append((rest, max(high, value)))
    reasons = [*sentences, *([texts.LAB_WINDOW.format(minutes=f"{average.minutes:g}")] if not average.whole and drawn.extent > average.minutes * (1.0 + WINDOW_TOLERANCE) else [])]
    return _Answer(
        value=value,
        low=lows[-1][1],
        high=None if high is None else max(high, value),
        parts=_parts(value, lows, highs),
        reasons=[*reasons, *([texts.OPEN_ABOVE] if high is None else [])],
    )


def _parts(value: float, lows: Sequence[tuple[Cause, float]], highs: Sequence[tuple[Cause, float]]) -> list[Part]:
    """Steps as shares; they add up to the bounds."""
    shares: dict[Cause, list[float]] = {}
    for side, steps in enumerate((lows, highs)):
        before = value
        for cause, now in steps:
            shares.setdefault(cause, [0.0, 0.0])[side] += now - before
            before = now
    return [Part(cause=cause, low=low, high=high) for cause, (low, high) in shares.items() if low or high]


def _fill(span: Span, drawn: Drawn, limit: Limit) -> tuple[float | None, list[str]]:
    """The worst case of the time that was not sampled, in the sample's unit, and the sentences that say so."""
    if not drawn.unsampled:
        return 0.0, []
    sentences = [texts.LAB_UNSAMPLED.format(minutes=drawn.unsampled)]
    agreed = _agreed(span, drawn, limit)
    if agreed is None:
        return None, [*sentences, texts.LAB_NO_WORST_CASE]
    return agreed, [*sentences, texts.GAP_WORST_CASE.format(value=f"{agreed:g}", unit=drawn.unit)]


def _agreed(span: Span, drawn: Drawn, limit: Limit) -> float | None:
    agent = drawn.first.agent
    if agent in DUSTS:
        dust = span.worst_case("respirable_dust") if drawn.first.fraction_of == "respirable" else None
        return None if dust is None else dust / 1000.0
    gas = next((one.id for one in QUANTITIES.values() if one.cas == agent), "")
    quantity = gas or f"concentration:{agent}"
    agreed = span.worst_case(quantity)
    unit = "ppm" if gas else next((channel.spec.unit for channel in span.channels.values() if channel.quantity == quantity and channel.spec.unit), "ppm")
    if agreed is None or unit == drawn.unit:
        return agreed
    ours, theirs = _limit_in(limit, drawn.unit), _limit_in(limit, unit)
    return agreed * ours / theirs if ours and theirs else None


def _verdict(work: ZoneShift, shift: ShiftOf, subject: _Subject, drawn: Drawn, adopted: Adopted | None) -> Verdict:
    span, void = work.span, subject.void
    limit = adopted.limit if adopted else None
    answer = _answer(span, drawn, limit) if limit and not void else _Answer(value=None, low=None, high=None, parts=[], reasons=[])
    value = _limit_in(limit, drawn.unit) if limit else None
    stated = adopted.stated(value) if adopted else NO_LIMIT
    expected, valid = span.exposure_min, 0 if void else drawn.inside
    grade, lowered = _grade_of(drawn)
    coverage = valid / expected if expected else 0.0
    state = decide(
        low=answer.low,
        high=answer.high,
        limit=value,
        coverage=coverage,
        grade=grade,
        accepts_screening=bool(adopted and adopted.profile.accepts_screening),
        verified=stated.status == "verified",
    )
    reasons = [
        *subject.reasons,
        *(reason for one in drawn.samples for reason in _named(one)),
        *([void] if void else []),
        *([] if limit else [texts.LAB_NO_LIMIT]),
        *answer.reasons,
        *drawn.reasons,
        *(reason for one in drawn.samples for reason in _said(one.result)),
        *lowered,
        *_why_no_more(state, answer, stated, grade, void),
        *([] if work.final else [texts.RUNNING]),
    ]
    return Verdict(
        site=span.site.id,
        zone=span.zone,
        placement=subject.placement,
        hazard=hazard_of_sample(drawn.first),
        metric=limit.metric if limit else JOINED,
        basis=drawn.first.basis,
        shift=shift,
        window=Window(start=to_rfc3339(drawn.first.start_us), stop=to_rfc3339(max(one.result.stop_us for one in drawn.samples))),
        value=answer.value,
        low=answer.low,
        high=answer.high,
        unit=drawn.unit,
        bounds=Bounds(kind="worst_case", parts=answer.parts),
        limit=stated,
        state=state,
        over_action_level=_over_action(answer, limit, value),
        coverage=coverage,
        expected=expected,
        valid=valid,
        max_gap_min=_longest_unsampled(span, drawn.covered),
        grade="trend" if void else grade,
        calibration=_flow_state([one.result for one in drawn.samples]),
        workers=workers_of(span.head.workers),
        channels=[_channel(one) for one in drawn.samples],
        assumptions=Assumptions(exposure_min=float(expected)),
        method=f"laboratory-{limit.averaging.replace('_', '-')}@1" if limit and not void else "",
        reasons=list(dict.fromkeys(reasons)),
        notes=[*([texts.LIMIT_NOTE.format(note=limit.note)] if limit and limit.note else []), *notes_of(work, hazard_of_sample(drawn.first))],
    )


def _why_no_more(state: State, answer: _Answer, stated: LimitOf, grade: Grade, void: str) -> list[str]:
    """What keeps a result from saying within or exceeds."""
    below = answer.high is not None and stated.value is not None and answer.high <= stated.value
    return [
        *([texts.UNVERIFIED_LIMIT] if stated.value is not None and stated.status == "unverified" else []),
        *([texts.LAB_SHORT] if state == "not_assessable" and not void else []),
        *([texts.SCREENING_NOT_WITHIN] if state == "indeterminate" and below and grade != "compliance" else []),
    ]


def _void(result: LabResult) -> str:
    """Why the sample says nothing at all; "" when it does."""
    return texts.LAB_VOID_FLOW.format(percent=f"{result.flow_differs_pct:.1f}") if result.is_void else ""


def _named(sample: Sample) -> Iterator[str]:
    result = sample.result
    yield texts.LAB_SAMPLE.format(id=sample.id, minutes=round((result.stop_us - result.start_us) / MINUTE_US), method=result.method)


def _said(result: LabResult) -> list[str]:
    """What the laboratory said of the number itself."""
    found = []
    if result.qualifier == "<":
        found.append(texts.LAB_BELOW.format(value=f"{result.value:g}", unit=result.unit))
    elif result.qualifier == ">":
        found.append(texts.LAB_ABOVE.format(value=f"{result.value:g}", unit=result.unit))
    if result.uncertainty_pct is not None:
        found.append(texts.LAB_UNCERTAINTY.format(percent=f"{result.uncertainty_pct:g}"))
    if result.blank:
        found.append(texts.LAB_BLANK.format(value=f"{result.blank:g}", unit=result.unit))
    return found


def _grade_of(drawn: Drawn) -> tuple[Grade, list[str]]:
    """The lowest of its samples."""
    found = [_grade(one.result) for one in drawn.samples]
    return ("screening" if any(grade == "screening" for grade, _ in found) else "compliance"), [reason for _, lowered in found for reason in lowered]


def _grade(result: LabResult) -> tuple[Grade, list[str]]:
    """Compliance for a sample taken where people breathe, with all that proves it on record; what lowers it is said."""
    sentences = {
        "flow": texts.LAB_NO_FLOW,
        "blank": texts.LAB_NO_BLANK,
        "accreditation": texts.LAB_NOT_ACCREDITED,
        "uncertainty": texts.LAB_NO_UNCERTAINTY.format(percent=f"{UNKNOWN_UNCERTAINTY_PCT:g}"),
    }
    lowered = [sentences[doubt] for doubt in doubts_of(result) if doubt in sentences]
    if result.basis == "area":
        lowered.append(texts.AREA_BASIS)
    return ("screening" if lowered else "compliance"), lowered


def _flow_state(results: Sequence[LabResult]) -> CalibrationState:
    """Of the pump: its flow before and after; a badge has none to check."""
    if any(result.is_void for result in results):
        return "failed"
    return "unknown" if any(result.flow_differs_pct is None for result in results) else "in_date"


def _over_action(answer: _Answer, limit: Limit | None, value: float | None) -> OverActionLevel:
    if limit is None or value is None or limit.status != "verified":
        return "indeterminate"
    level = value if limit.action_level is None or not limit.value else limit.action_level / limit.value * value
    if answer.low is not None and answer.low > level:
        return "yes"
    return "no" if answer.high is not None and answer.high <= level else "indeterminate"


def _longest_unsampled(span: Span, covered: Mask) -> int:
    missing = np.r_[0, (span.counted & ~covered).astype(np.int8), 0]
    edges = np.flatnonzero(np.diff(missing))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _channel(sample: Sample) -> ChannelOf:
    result = sample.result
    quantity = (
        f"{result.agent}_dust" if result.agent in ("total", "inhalable", "thoracic", "respirable") else result.agent if result.agent in DUSTS else f"concentration:{result.agent}"
    )
    serial = result.sampler_serial or result.pump_serial
    return ChannelOf(id=f"{AGENT}.sample-{sample.id}.{quantity}", instrument=result.sampler or result.method, serial=serial, calibration_id=None)
