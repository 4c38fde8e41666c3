"""Exposure so far: verdicts with their bounds, as sentences and as a bar that shows how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from msgspec.structs import replace

from console.context import House
from console.formats import Formats
from console.words import metric_name, state_name
from domain.times import parse_instant
from domain.verdict import Verdict

SHOWN_MAX = 5
URGENCY = ("within", "unknown", "action")


@dataclass(frozen=True, slots=True)
class Bar:
    """Percent of the bar's width; the limit stands at its own place, not at the end."""

    kind: str  # "", over, unsure
    low: str
    width: str
    at: str
    limit: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One verdict in words."""

    zone: str
    place: str
    metric: str
    value: str
    bounds: str
    limit: str
    coverage: str
    state: str
    kind: str  # the mark's class
    bar: Bar | None
    address: str  # of the page that says how it came about


DOSE_SO_FAR = "noise_dose_so_far"


def running(verdict: Verdict, now_us: int) -> bool:
    """Whether its shift is still on."""
    return parse_instant(verdict.shift.stop) > now_us


def shown_as_dose(verdict: Verdict) -> Verdict:
    """Of a running shift a level over 8 h would be read as its outcome: noise so far is a share of the energy that the limit allows, and never LEX,8h."""
    limit = verdict.limit.value
    if verdict.hazard == "noise" and verdict.metric.startswith("dose_"):
        return replace(verdict, metric=f"{verdict.metric}_so_far")
    if verdict.hazard != "noise" or verdict.metric != "lex_8h" or limit is None:
        return verdict
    value, low, high = (None if level is None else 100.0 * 10.0 ** ((level - limit) / 10.0) for level in (verdict.value, verdict.low, verdict.high))
    parts = [replace(part, low=_share(verdict.value, part.low, limit), high=_share(verdict.value, part.high, limit)) for part in verdict.bounds.parts]
    bounds = replace(verdict.bounds, parts=parts)
    return replace(verdict, metric=DOSE_SO_FAR, value=value, low=low, high=high, unit="%", bounds=bounds, limit=replace(verdict.limit, value=100.0))


def _share(level: float | None, part: float, limit: float) -> float:
    """A part of the bounds in decibels, as part of the dose."""
    return 0.0 if level is None else 100.0 * (10.0 ** ((level + part - limit) / 10.0) - 10.0 ** ((level - limit) / 10.0))


def dose_views(house: House, formats: Formats, verdicts: Sequence[Verdict], names: Mapping[str, str], *, worst_only: bool = False) -> list[Dose]:
    """The verdicts nearest to their limits first; `worst_only`: one of each zone and hazard, and not too many."""
    now_us = house.context.clock.now_us()
    pairs = [(shown_as_dose(verdict) if running(verdict, now_us) else verdict, verdict) for verdict in verdicts if verdict.value is not None]
    pairs.sort(key=lambda pair: _nearness(pair[0]), reverse=True)
    if worst_only:
        first: dict[tuple[str, str], tuple[Verdict, Verdict]] = {}
        for pair in pairs:
            first.setdefault((pair[0].zone, pair[0].hazard), pair)
        pairs = list(first.values())[:SHOWN_MAX]
    return [_dose(formats, shown, names, verdict_address(stored)) for shown, stored in pairs]


def without_value(verdicts: Sequence[Verdict]) -> int:
    """How many planned results have no value at all."""
    return sum(verdict.value is None for verdict in verdicts)


def _nearness(verdict: Verdict) -> tuple[int, float]:
    if verdict.value is None or not verdict.limit.value:
        return 0, -1.0
    return URGENCY.index(kind_of(verdict)), verdict.value / verdict.limit.value


def verdict_address(verdict: Verdict) -> str:
    """The page of the latest revision of this result."""
    _, date, shift, placement, hazard, metric, limit = verdict.key
    return f"/zones/{verdict.zone}/verdicts?" + urlencode({"date": date, "shift": shift, "placement": placement, "hazard": hazard, "metric": metric, "limit": limit})


def _dose(formats: Formats, verdict: Verdict, names: Mapping[str, str], address: str) -> Dose:
    limit = verdict.limit.value
    return Dose(
        zone=verdict.zone,
        place=names.get(verdict.zone, verdict.zone),
        metric=metric_name(verdict.metric),
        value=formats.measure(verdict.value, verdict.unit),
        bounds=formats.bounded(verdict.low, verdict.high, verdict.unit),
        limit=formats.measure(limit, verdict.unit) if limit is not None else "",
        coverage=formats.percent(verdict.coverage),
        state=state_name(verdict.state, verdict.value, limit),
        kind=kind_of(verdict),
        bar=_bar(formats, verdict),
        address=address,
    )


def kind_of(verdict: Verdict) -> str:
    """Which status' colour a verdict's words take."""
    over = verdict.value is not None and verdict.limit.value is not None and verdict.value > verdict.limit.value
    if verdict.state == "exceeds" or (over and verdict.state != "not_assessable"):
        return "action"
    return "within" if verdict.state == "within" else "unknown"


def _bar(formats: Formats, verdict: Verdict) -> Bar | None:
    limit, value, low, high = verdict.limit.value, verdict.value, verdict.low, verdict.high
    if not limit or value is None or low is None:
        return None
    # Temperatures and decibels do not start at zero: their bar is the neighbourhood of the limit.
    span = {"Cel": 15.0, "dB": 30.0}.get(verdict.unit, limit * 1.25)
    start = limit - 0.8 * span

    def at(number: float) -> float:
        return 100 * min(1.0, max(0.0, (number - start) / span))

    kind = {"action": "over", "within": ""}.get(kind_of(verdict), "unsure")
    label = f"{formats.measure(value, verdict.unit)}, {formats.bounded(low, high, verdict.unit)}; {formats.measure(limit, verdict.unit)}"
    top = 100.0 if high is None else at(high)  # without an upper bound the band runs to the end
    return Bar(kind, f"{at(low):.1f}%", f"{max(1.0, top - at(low)):.1f}%", f"{at(value):.1f}%", f"{at(limit):.1f}%", label)
