"""How like real series the plant's are: `python -m simulator.factory.likeness --data DIR --note docs/plant.md` fills the note's table; without the data it says so and stops."""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from simulator.factory.record import Record
from simulator.factory.signals import Array
from simulator.scenario import load_scenario

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_BIN_S = 600
_DAY_BINS = 86_400 // _BIN_S
_LAGS = {"10 min": 1, "1 h": 6, "6 h": 36, "24 h": 144}
_START_US = 1_777_600_000_000_000
_DAYS = 14
_MOST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Series:
    """Sensors of one quantity and place; NaN is missing, steps are regular."""

    name: str
    quantity: str
    period_s: float
    values: Array  # (steps, sensors)


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over sensors (and days)."""

    swing: float
    lags: tuple[float, ...]
    spread: float
    noise: float


def figures(series: Series) -> Figures:
    """Daily swing (5 to 95 % of 10-min medians), autocorrelation of those about the mean, spread between sensors once each has its own mean, noise of a single sample."""
    per_bin = max(1, round(_BIN_S / series.period_s))
    whole = series.values[: len(series.values) // per_bin * per_bin]
    bins = _median(whole.reshape(-1, per_bin, whole.shape[1]), 1)
    days = bins[: len(bins) // _DAY_BINS * _DAY_BINS].reshape(-1, _DAY_BINS, bins.shape[1])
    full = np.isfinite(days).mean(axis=1) > 0.7
    swings = [float(np.ptp(np.nanpercentile(days[day, :, sensor], [5, 95]))) for day, sensor in np.argwhere(full)]
    centred = bins - np.nanmean(bins, axis=0)
    lags = tuple(float(np.nanmedian([_correlation(column, lag) for column in centred.T])) for lag in _LAGS.values())
    return Figures(float(np.median(swings)) if swings else float("nan"), lags, _spread(centred), _noise(series.values))


def _median(values: Array, axis: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bin without a sample is NaN
        return np.asarray(np.nanmedian(values, axis=axis))


def _correlation(column: Array, lag: int) -> float:
    both = np.isfinite(column[lag:]) & np.isfinite(column[:-lag])
    return float(np.corrcoef(column[lag:][both], column[:-lag][both])[0, 1]) if both.sum() > 50 else float("nan")


def _spread(centred: Array) -> float:
    if centred.shape[1] < 2:
        return float("nan")
    complete = centred[np.isfinite(centred).all(axis=1)]
    return float(np.median(np.std(complete, axis=1, ddof=1))) if len(complete) else float("nan")


def _noise(values: Array) -> float:
    """From second differences, which a slow course leaves alone: 1.48 median |d| / sqrt(6), or its mean square where steps hide it."""
    found = []
    for column in values.T:
        second = np.diff(column, 2)
        second = second[np.isfinite(second)]
        if len(second):
            low, high = np.percentile(second, [1, 99])
            found.append(float(np.std(second[(second >= low) & (second <= high)]) / np.sqrt(6)))
    return float(np.median(found)) if found else float("nan")


def simulated() -> Iterator[Series]:
    """Two weeks in two climates, without incidents."""
    month = load_scenario("garment-month")
    for climate in ("hot-humid", "highland"):
        course = msgspec.structs.replace(month.course, climate=climate, events_per_zone_week={}, faults_per_sensor_week={})
        record = Record(msgspec.structs.replace(month, course=course), _START_US, _DAYS, 30.0)
        observed = np.concatenate([np.where(block.fault > 0, np.nan, block.observed) for block in record.blocks()])
        for quantity, zone in (
            ("air_temperature", "sewing-1"),
            ("relative_humidity", "sewing-1"),
            ("co2", "sewing-1"),
            ("air_temperature", "ironing"),
            ("sound_level_a_eq", "sewing-1"),
        ):
            number = next(index for index, area in enumerate(month.areas) if area.zone.id == zone)
            columns = [index for index, channel in enumerate(record.channels) if channel.quantity == quantity and channel.zone == number]
            yield Series(f"plant, {climate}, {zone}", quantity, 30.0, observed[:, columns])


def real(data: Path) -> Iterator[Series]:
    """Those of the public series that are there."""
    if (data / "uci_occupancy").is_dir():
        stamps, table = _occupancy(sorted((data / "uci_occupancy").glob("*.txt")))
        for quantity, column in (("air_temperature", 0), ("relative_humidity", 1), ("co2", 3)):
            yield Series("office, one sensor", quantity, 60.0, _regular(stamps, table[:, column], 60.0)[:, None])
    house = data / "uci_appliances_energy" / "rooms_1_to_4.csv.gz"
    if house.is_file():
        with gzip.open(house, "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[: _MOST_DAYS * _DAY_BINS]
        for quantity, name in (("air_temperature", "T"), ("relative_humidity", "RH_")):
            yield Series("house, four rooms", quantity, 600.0, np.array([[float(row[f"{name}{room}"]) for room in range(1, 5)] for row in rows]))
        yield Series("house, outdoors", "air_temperature", 600.0, np.array([[float(row["T_out"])] for row in rows]))
    motes = sorted((data / "intel_raw").glob("*.txt.gz"))
    if motes:
        tables = [_mote(path) for path in motes]
        begin = max(stamps[0] for stamps, _ in tables)
        for quantity, column in (("air_temperature", 0), ("relative_humidity", 1)):
            columns = [_regular(stamps, table[:, column], 30.0, begin, _DAYS * 86_400) for stamps, table in tables]
            yield Series(f"laboratory, {len(motes)} motes", quantity, 30.0, np.stack(columns, axis=1))


def _occupancy(paths: list[Path]) -> tuple[Array, Array]:
    stamps, rows = [], []
    for path in paths:
        with path.open(encoding="utf-8") as file:
            next(file)
            for row in csv.reader(file):
                stamps.append(datetime.fromisoformat(row[-7]).timestamp())
                rows.append([float(cell) for cell in row[-6:]])
    order = np.argsort(stamps)
    return np.array(stamps)[order], np.array(rows)[order]


def _mote(path: Path) -> tuple[Array, Array]:
    """Temperature and humidity while the battery holds."""
    stamps, rows = [], []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            cells = line.split()
            if len(cells) == 8 and float(cells[7]) > 2.4 and float(cells[4]) < 60:
                stamps.append(datetime.fromisoformat(f"{cells[0]}T{cells[1][:8]}").timestamp())
                rows.append([float(cells[4]), float(cells[5])])
    order = np.argsort(stamps)
    return np.array(stamps)[order], np.array(rows)[order]


def _regular(stamps: Array, values: Array, period_s: float, begin: float | None = None, length_s: float | None = None) -> Array:
    begin = float(stamps[0]) if begin is None else begin
    slots = np.round((stamps - begin) / period_s).astype(np.int64)
    n = round((length_s or float(stamps[-1] - begin + period_s)) / period_s)
    inside: npt.NDArray[np.bool_] = (slots >= 0) & (slots < n)
    found = np.full(n, np.nan)
    found[slots[inside]] = values[inside]
    return found


def table(all_series: list[Series]) -> str:
    """Side by side, quantity by quantity."""
    lines = [f"| quantity | series | every | daily swing | {' | '.join(f'r at {lag}' for lag in _LAGS)} | spread | noise |", "|---|---|---|---|---|---|---|---|---|---|"]
    for quantity in dict.fromkeys(series.quantity for series in all_series):
        for series in all_series:
            if series.quantity == quantity:
                found = figures(series)
                numbers = [found.swing, *found.lags, found.spread, found.noise]
                lines.append(f"| {quantity} | {series.name} | {series.period_s:g} s | {' | '.join('-' if np.isnan(number) else f'{number:.2f}' for number in numbers)} |")
    return "\n".join(lines)


def speed(days: int = 30) -> str:
    """A factory-month of 160 channels at 10 s, by this process's time on the processor."""
    record = Record(load_scenario("garment-month"), _START_US, days, 10.0)
    began_s = time.process_time()
    samples = sum(block.observed.size for block in record.blocks())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{days} days of {len(record.channels)} channels at 10 s: {samples} samples with their truth in {time.process_time() - began_s:.1f} s of one core, {peak_mb:.0f} MB at most."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public series")
    parser.add_argument("--note", type=Path, help="the file whose measured part is written anew (default: print)")
    parser.add_argument("--speed", action="store_true", help="only how fast a month is made")
    options = parser.parse_args()
    if options.speed:
        sys.stdout.write(f"{speed()}\n")
        return
    if options.data is None or not options.data.is_dir():
        sys.stdout.write("the public series are not here: nothing compared\n")
        return
    fast = speed()
    text = f"{fast}\n\n{table([*simulated(), *real(options.data)])}"
    if options.note is None:
        sys.stdout.write(f"{text}\n")
        return
    before, _, rest = options.note.read_text(encoding="utf-8").partition(BEGIN)
    options.note.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
