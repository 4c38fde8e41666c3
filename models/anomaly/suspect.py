"""What the model says about a channel, in words."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

import msgspec


class Code(IntEnum):
    """In falling precedence: what a channel is called when several hold."""

    NONE = 0
    DROPOUT = 1
    STUCK = 2
    NOISE = 3
    SPIKE = 4
    BIAS = 5
    EVENT = 6
    DRIFT = 7
    UNKNOWN = 8


FAULTS: dict[Code, str] = {Code.DROPOUT: "dropout", Code.STUCK: "stuck", Code.NOISE: "noise", Code.SPIKE: "spike", Code.BIAS: "bias", Code.DRIFT: "drift", Code.UNKNOWN: "unknown"}

_TEXT: dict[Code, str] = {
    Code.DROPOUT: "suspected fault: no value for {span}, while other sensors of the same device send",
    Code.STUCK: "suspected fault: stuck at {value:.4g} for {span}",
    Code.NOISE: "suspected fault: {score:.1f} times as noisy as its threshold allows, for {span}",
    Code.SPIKE: "suspected fault: single values far off their neighbours, for {span}",
    Code.BIAS: "suspected fault: jumped by {change:+.3g} at once while nothing else here moved, {span} ago",
    Code.DRIFT: "suspected fault: wandered off by {change:+.3g} from the same quantity elsewhere, for {span}",
    Code.UNKNOWN: "suspected fault of an unknown kind: {score:.1f} times its threshold, for {span}",
    Code.EVENT: "suspected event: moved by {change:+.3g} from its usual course, for {span}",
}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspicion rests on; with the stored samples and this version it comes out the same, bit for bit."""

    test: str
    value: float | None  # the last one
    low: float | None  # the band that was expected
    high: float | None
    lower_share: float | None  # share of the channel's own recorded minutes with a lower score; None: too few
    minutes: int  # in that record
    peers: list[str]  # same quantity, other zones
    contribution: float  # share of this channel in what the physically linked ones of its zone show
    version: str
    at_us: int


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """One channel under suspicion. Probabilities rank suspicions; they are not calibrated."""

    channel: str
    kind: Literal["fault", "event"]
    fault_type: str  # "" of an event
    since_us: int
    score: float  # 1: just suspected
    p_fault: float
    p_event: float
    culprit: str  # the channel that shows it most
    text: str
    evidence: Evidence | None = None


def text_of(code: Code, *, value: float, change: float, score: float, span_us: int) -> str:
    """One sentence; a span is rounded to minutes from two minutes on."""
    seconds = span_us // 1_000_000
    span = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
    return _TEXT[code].format(value=value, change=change, score=score, span=span)
