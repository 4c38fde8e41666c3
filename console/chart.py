"""Geometry of a trend against its limits, for an SVG whose curve stretches with the page while its words keep their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.times import HOUR_US, MINUTE_US, to_datetime

WIDTH, HEIGHT = 1000.0, 1000.0
"""The curve's own coordinate system; the page stretches it."""
TICKS = 5
GAP_US = 5 * MINUTE_US
"""Points further apart are not joined: a hole in the data stays a hole in the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A limit, labelled on the line itself."""

    value: float
    kind: str  # action | stop
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What is drawn: values over [start, stop) with limits and breaks."""

    points: Sequence[tuple[int, float]]
    start_us: int
    stop_us: int
    lines: Sequence[Line] = ()
    breaks: Sequence[tuple[int, int]] = ()
    decimals: int = 1


@dataclass(frozen=True, slots=True)
class Tick:
    """Position in percent of the plot, and its text."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    at: str  # percent from the top
    label_at: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All that the template needs; `paths` in the curve's own coordinates."""

    paths: list[str]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[DrawnLine]
    stop_from: str | None  # percent from the top down to which the stop band reaches
    breaks: list[tuple[str, str]]  # start and width in percent
    low: float
    high: float


def draw(series: Series, timezone: ZoneInfo) -> Drawing:
    low, high, step = _scale(series)
    x_of = _across(series.start_us, series.stop_us)
    stops = [line.value for line in series.lines if line.kind == "stop" and low <= line.value <= high]

    def down(value: float) -> float:
        return 100 * (1 - (value - low) / (high - low))

    return Drawing(
        paths=[_path(run, x_of, down) for run in _runs(series.points)],
        x_ticks=[Tick(_percent(x_of(at)), to_datetime(at).astimezone(timezone).strftime("%H:%M")) for at in _hours(series.start_us, series.stop_us, timezone)],
        y_ticks=[Tick(_percent(down(value)), f"{value:.{_decimals(step)}f}") for value in _steps(low, high, step)],
        lines=_drawn(series.lines, low, high, down),
        stop_from=_percent(down(min(stops))) if stops else None,
        breaks=[(_percent(x_of(start)), _percent(max(0.0, x_of(stop) - x_of(start)))) for start, stop in series.breaks if stop > series.start_us and start < series.stop_us],
        low=low,
        high=high,
    )


def _scale(series: Series) -> tuple[float, float, float]:
    """Round bounds that hold the data, and the limits that are near enough to matter."""
    values = [value for _, value in series.points]
    low, high = (min(values), max(values)) if values else (math.inf, -math.inf)
    for line in series.lines:
        near = not values or line.value <= high + 2 * max(high - low, 3.0)
        low, high = (min(low, line.value), max(high, line.value)) if near else (low, high)
    if not math.isfinite(low):
        low, high = 0.0, 1.0
    step = _nice(max(high - low, 10.0**-series.decimals * TICKS) / TICKS)
    bottom, top = math.floor(low / step - 0.15) * step, math.ceil(high / step + 0.15) * step
    return (max(0.0, bottom) if low >= 0 else bottom), top, step


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * 0.999)


def _steps(low: float, high: float, step: float) -> list[float]:
    return [low + index * step for index in range(round((high - low) / step) + 1)]


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9) + (1 if f"{step:.10g}".rstrip("0").endswith("25") else 0))


def _across(start_us: int, stop_us: int):  # type: ignore[no-untyped-def]
    return lambda at: 100.0 * (min(max(at, start_us), stop_us) - start_us) / max(1, stop_us - start_us)


def _hours(start_us: int, stop_us: int, timezone: ZoneInfo) -> list[int]:
    """Full local hours, thinned so that their words do not touch on a phone."""
    hours = max(1, math.ceil((stop_us - start_us) / HOUR_US))
    every = next(n for n in (1, 2, 3, 4, 6, 12, 24, 48, 10_000) if hours / n <= 5)
    offset = to_datetime(start_us).astimezone(timezone).utcoffset()
    shift_us = round(offset.total_seconds() * 1_000_000) if offset else 0
    width = every * HOUR_US
    first = math.ceil((start_us + shift_us) / width) * width - shift_us
    return list(range(first, stop_us + 1, width))


def _runs(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = []
    for at, value in points:
        if runs and at - runs[-1][-1][0] <= GAP_US:
            runs[-1].append((at, value))
        else:
            runs.append([(at, value)])
    return runs


def _path(run: list[tuple[int, float]], x_of, down) -> str:  # type: ignore[no-untyped-def]
    points = [f"{x_of(at) * WIDTH / 100:.1f},{down(value) * HEIGHT / 100:.1f}" for at, value in run]
    return " ".join(points if len(points) > 1 else points * 2)


def _drawn(lines: Sequence[Line], low: float, high: float, down) -> list[DrawnLine]:  # type: ignore[no-untyped-def]
    """Labels stand above their line; where two lines lie close the lower one's label goes below it."""
    shown = sorted((line for line in lines if low <= line.value <= high), key=lambda line: -line.value)
    drawn: list[DrawnLine] = []
    for index, line in enumerate(shown):
        crowded = index > 0 and down(line.value) - down(shown[index - 1].value) < 9
        drawn.append(DrawnLine(_percent(down(line.value)), "below" if crowded else "above", line.kind, line.label))
    return drawn


def _percent(value: float) -> str:
    return f"{value:.2f}%"
