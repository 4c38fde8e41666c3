"""How good the forecasts are beside persistence, and how quick: `python -m oshwatch.evaluation.forecasts`. Public series are read where they lie."""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from models.arrays import Array
from models.forecast.crossing import HORIZONS_MIN, STEP_MIN, crossing, rises_of

DATA = Path("../shared/data/anomaly")
KEPT = 7 * 24 * 60 // STEP_MIN
EVERY = 3
BOOTSTRAPS = 500
CO2_PPM = (800.0, 1000.0)
LINES = 4_000
"""1,000 zones with four running limits each."""


def office(path: Path) -> Array:
    """CO2 of the office by 5 min; NaN where nothing was recorded."""
    with path.open(encoding="utf-8") as file:
        rows = [(np.datetime64(row[0], "s").astype(np.int64), float(row[4])) for row in list(csv.reader(file))[1:]]
    first = int(rows[0][0]) // (STEP_MIN * 60)
    result = np.full(int(rows[-1][0]) // (STEP_MIN * 60) - first + 1, np.nan)
    for at, value in rows:
        result[int(at) // (STEP_MIN * 60) - first] = value
    return result


def scored(series: Array, limit: float, warm_up: int) -> Array:
    """Rows: day, what happened, forecast, persistence, base rate of the warm-up; each forecast sees the past alone, and only moments below the limit count."""
    truth = rises_of(series[None])[-1, 0] + series
    known = truth[:warm_up][~np.isnan(truth[:warm_up])]
    base = float((known > limit).mean())
    rows = []
    for now in range(warm_up, len(series), EVERY):
        if np.isnan(truth[now]) or series[now] > limit:
            continue
        history = np.full((1, KEPT), np.nan)
        past = series[max(0, now + 1 - KEPT) : now + 1]
        history[0, KEPT - len(past) :] = past
        found = [crossing(history, [series[now]], [limit], [0.25 * limit], learned=learned).probability[0, -1] for learned in (True, False)]
        rows.append([now * STEP_MIN // 1440, float(truth[now] > limit), *found, base])
    return np.array(rows)


def beside_persistence(rows: Array, seed: int = 0) -> tuple[float, float, float, tuple[float, float]]:
    """Brier of the forecast, of persistence and of the base rate; 95 % interval of the skill over persistence, by days."""
    errors = (rows[:, 2:5] - rows[:, 1:2]) ** 2
    days, random = np.unique(rows[:, 0]), np.random.default_rng(seed)
    sums = np.array([errors[rows[:, 0] == day].sum(axis=0) for day in days])
    drawn = sums[random.integers(0, len(days), (BOOTSTRAPS, len(days)))].sum(axis=1)
    low, high = np.quantile(1.0 - drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12), [0.025, 0.975])
    forecast, persistence, base = errors.mean(axis=0)
    return float(forecast), float(persistence), float(base), (float(low), float(high))


def seconds_for(lines: int, seed: int = 0) -> float:
    """One minute's forecasts of so many lines, each with a full week behind it."""
    random = np.random.default_rng(seed)
    history = (27.0 + np.sin(np.arange(KEPT) / 46.0) + 0.2 * random.standard_normal((lines, KEPT))).astype(np.float32)
    began = time.monotonic()
    for first in range(0, lines, 256):
        part = history[first : first + 256]
        crossing(part, part[:, -1], np.full(len(part), 29.0), np.full(len(part), 1.5))
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="forecasts", description="measures the forecasts")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    print(f"1,000 zones ({LINES} running limits, horizons {HORIZONS_MIN} min): {seconds_for(LINES):.1f} s a minute; target 5 s")
    path = options.data / "uci_occupancy" / "datatraining.txt"
    if not path.exists():
        print(f"skipped: {path} is not there")
        return
    series = office(path)
    for limit in CO2_PPM:
        for days in (1, 3):
            rows = scored(series, limit, days * 1440 // STEP_MIN)
            forecast, persistence, base, (low, high) = beside_persistence(rows)
            print(
                f"office CO2 > {limit:.0f} ppm in 60 min, {days} days known: {len(rows)} moments, {rows[:, 1].mean():.3f} over; Brier {forecast:.4f}, persistence {persistence:.4f}, "
                f"base rate {base:.4f}; skill over persistence {1 - forecast / persistence:+.3f} [{low:+.3f}, {high:+.3f}]; mean forecast {rows[:, 2].mean():.3f}"
            )


if __name__ == "__main__":
    main()
