"""Test F2: is a shift's mean over its limit at its end, told 2, 4 and 6 h into the shift. Hourly air of a street (UCI Air Quality), shifts 06 to 14 and 14 to 22; read where it lies."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from models.arrays import Array
from models.forecast.shift_end import ratios_of, shift_end
from oshwatch.evaluation.report import Row, interval
from oshwatch.evaluation.split import Half, of_half

CHANNELS = ("C6H6_GT", "CO_GT", "NO2_GT")
STARTS, HOURS = (6, 14), 8
MISSING = -200.0
LEAST_HOURS = 6
"""A shift with fewer has no mean."""
FIRST_TOLD = date(2004, 6, 1)
TARGETS = {2: 0.48, 4: 0.70, 6: 0.88}
KEPT = 30


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift of one channel: its hours, NaN where nothing was measured."""

    day: date
    channel: str
    start: int
    hours: Array

    @property
    def mean(self) -> float:
        return float(np.nanmean(self.hours)) if (~np.isnan(self.hours)).sum() >= LEAST_HOURS else float("nan")

    def so_far(self, hours: int) -> float:
        return float(np.nanmean(self.hours[:hours])) if not np.isnan(self.hours[:hours]).all() else float("nan")


def shifts(path: Path) -> list[Shift]:
    """In the order of time."""
    found: dict[tuple[date, str, int], Array] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(f"{row['Date']} {row['Time']}+0000", "%d/%m/%Y %H:%M:%S%z")
            for start in STARTS:
                if start <= at.hour < start + HOURS:
                    for channel in CHANNELS:
                        value = float(row[channel])
                        found.setdefault((at.date(), channel, start), np.full(HOURS, np.nan))[at.hour - start] = value if value > MISSING else np.nan
    return [Shift(day, channel, start, hours) for (day, channel, start), hours in sorted(found.items(), key=lambda item: item[0])]


def measure(path: Path, half: Half) -> list[Row]:
    """Every second day from FIRST_TOLD on; past shifts are all that went before."""
    every = shifts(path)
    days = set(of_half(sorted({one.day for one in every if one.day >= FIRST_TOLD}), half))
    limits = {channel: float(np.nanquantile([one.mean for one in every if one.channel == channel and one.day < FIRST_TOLD], 0.8)) for channel in CHANNELS}
    rows = []
    for after, least in TARGETS.items():
        told = [(one.channel, *_told(one, every, limits[one.channel], after)) for one in every if one.day in days and not np.isnan(one.mean + one.so_far(after))]
        for what, column, target in (("", 0, f">= {least}"), (", persistence (the rest as it was so far)", 1, "")):
            value = _skill(told, column)
            low, high = interval(told, lambda drawn, column=column: _skill(list(drawn), column))  # type: ignore[misc]
            note = f"{len(told)} shifts, {np.mean([over for _, _, _, over in told]):.2f} over" if not column else ""
            rows.append(
                Row(
                    test="F2",
                    what=f"8-h mean after {after} h, skill over climatology{what}",
                    target=target,
                    reached=value,
                    low=low,
                    high=high,
                    is_met=None if column else value >= least,
                    note=note,
                )
            )
    return rows


def _told(one: Shift, every: list[Shift], limit: float, after: int) -> tuple[float, float, float]:
    """Forecast, persistence as 0 or 1, and what came of it."""
    share = after / HOURS
    past = [before for before in every if (before.channel, before.start) == (one.channel, one.start) and before.day < one.day and not np.isnan(before.mean)][-KEPT:]
    sums = [before.so_far(after) * share for before in past]
    learned = ratios_of(sums, [before.mean for before in past], share) if past else np.array([np.nan])
    chance = shift_end([one.so_far(after) * share], [share], [limit], learned[None]).probability[0]
    return float(chance), float(one.so_far(after) > limit), float(one.mean > limit)


def _skill(told: list[tuple[str, float, float, float]], column: int) -> float:
    """Over all shifts; climatology is each channel's own share of shifts that went over."""
    errors = climatology = 0.0
    for channel in CHANNELS:
        part = np.array([row[1:] for row in told if row[0] == channel])
        if len(part):
            errors += float(((part[:, column] - part[:, 2]) ** 2).sum())
            climatology += float(((part[:, 2].mean() - part[:, 2]) ** 2).sum())
    return 1.0 - errors / climatology if climatology else float("nan")
