"""A verdict: an exposure result of one zone, shift, hazard and limit, with all that it rests on (contract 4.1)."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["within", "exceeds", "indeterminate", "not_assessable"]
OverActionLevel = Literal["yes", "no", "indeterminate"]
Grade = Literal["compliance", "screening", "trend"]
Basis = Literal["area", "static_breathing_zone", "personal"]
CalibrationState = Literal["in_date", "due", "overdue", "failed", "unknown"]
Cause = Literal["sensor", "gap", "estimate", "calibration", "metabolic_rate"]

MIN_COVERAGE = 0.75
"""Contract 4.1: below this share of valid minutes a result is not assessable; also the share of samples that makes a minute valid."""


class ShiftOf(msgspec.Struct, frozen=True, kw_only=True):
    date: str
    name: str
    start: str
    stop: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    start: str
    stop: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One cause's share of the bounds, relative to the value."""

    cause: Cause
    low: float
    high: float


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["worst_case", "90ci"]
    parts: list[Part] = []


class LimitOf(msgspec.Struct, frozen=True, kw_only=True):
    """The limit in force that day; `value` None where the law has no number."""

    id: str
    value: float | None
    profile: str
    law: bool
    averaging: str
    clause: str
    status: Literal["verified", "unverified"]


class WorkersOf(msgspec.Struct, frozen=True, kw_only=True):
    """Persons assigned; None where a cell is suppressed (fewer than five, or revealed by one that is)."""

    women: int | None
    men: int | None
    suppressed: bool


class ChannelOf(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    instrument: str
    serial: str
    calibration_id: str | None


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    metabolic_rate_w: float | None = None
    clothing: str | None = None
    acclimatised: str | None = None
    exposure_min: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Every field of contract 4.1, plus `site` and `placement`; times are RFC 3339 text because this is what leaves the house."""

    site: str
    zone: str
    placement: str
    hazard: str
    metric: str
    basis: Basis
    shift: ShiftOf
    window: Window
    value: float | None
    low: float | None
    high: float | None
    unit: str
    bounds: Bounds
    limit: LimitOf
    state: State
    over_action_level: OverActionLevel
    coverage: float
    expected: int
    valid: int
    max_gap_min: int
    grade: Grade
    calibration: CalibrationState
    workers: WorkersOf | None
    channels: list[ChannelOf]
    assumptions: Assumptions
    contested: bool = False
    revision: int = 1
    computed_at: str = ""
    method: str = ""
    reasons: list[str] = []
    notes: list[str] = []

    @property
    def key(self) -> tuple[str, str, str, str, str, str, str]:
        """What a revision is a revision of: one result a zone, shift, placement, metric and limit."""
        return (self.zone, self.shift.date, self.shift.name, self.placement, self.hazard, self.metric, f"{self.limit.profile}/{self.limit.id}")


def decide(*, low: float | None, high: float | None, limit: float | None, coverage: float, grade: Grade, accepts_screening: bool, verified: bool) -> State:
    """The state by the rule of contract 4.1, in its order.

    Raises nothing: what is missing leads to `not_assessable` or `indeterminate`, never to `within`.
    """
    if limit is not None and verified and low is not None and low > limit:
        return "exceeds"
    if coverage < MIN_COVERAGE or low is None:
        return "not_assessable"
    if limit is None or not verified or high is None or high > limit:
        return "indeterminate"
    if grade == "compliance" or (grade == "screening" and accepts_screening):
        return "within"
    return "indeterminate"
